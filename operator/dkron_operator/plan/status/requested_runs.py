"""From what the status of a job and its Jobs say to the status of a DkronRun.

The status of the job comes first: only what the API server has of it counts, so the DkronRun says that it was decided
once the decision is recorded there. The history of the job may drop an execution before the DkronRun shows it. So what
this process has recorded counts, too, and a Job stands in where nothing else is known. The DkronRun keeps what it
says of an attempt that has ended.

Its conditions are Complete and Failed, as of a Job, and Ready and Stalled, by which Flux, Helm and other tools that go
by kstatus tell an object that goes on from one that has failed.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from dkron_crds.base import rfc3339
from dkron_crds.conditions import MAX_MESSAGE, Condition, ConditionStatus, ConditionType
from dkron_crds.job import Attempt, AttemptState, JobStatus, SkipReason, Trigger
from dkron_crds.run import MAX_SHOWN_ATTEMPTS, BoundJob, RunPhase, RunStatus
from dkron_operator.plan.situation.outcome import ORDINARY
from dkron_operator.plan.situation.requested_runs import RequestedRun
from dkron_operator.plan.situation.view import AttemptJob

GENERATION = 1
"""The spec of a DkronRun is immutable."""
TRUE, FALSE = ConditionStatus.TRUE, ConditionStatus.FALSE
CauseKey = tuple[Trigger, int]
"""The trigger and the group of a run."""
A = TypeVar("A", Attempt, AttemptJob)
_NOT_SHOWN = {
    name: Attempt.model_fields[name].default
    for name in (
        "uid", "queued_at", "queue", "evictions", "given_up", "parameters_given", "message", "output",
        "output_truncated",
    )
}  # fmt: skip
"""Fields that a DkronRun leaves to the status of its job."""

WAITS_FOR_JOB = timedelta(minutes=10)
"""How long a DkronRun waits for a job of its name to appear."""
JOB_NOT_FOUND, JOB_DELETED, RECORD_LOST = "JobNotFound", "JobDeleted", "RecordLost"
"""Reasons of the condition Failed, beside the reasons of executions and of skipped slots."""
_UNKNOWN = {
    JOB_DELETED: "the DkronJob was deleted, and no record says whether the run had started",
    RECORD_LOST: "the run left no record: neither in the status of the DkronJob nor as a Job",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a run was refused: a word and a sentence."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class JobRecord:
    """The API server's records of the runs of one job, by their causes, gathered once for all of its DkronRuns."""

    active: Mapping[CauseKey, list[Attempt]]
    ended: Mapping[CauseKey, list[Attempt]]
    remembered: Mapping[CauseKey, list[Attempt]]
    """Executions that this process recorded; the history of the job may not have kept them."""

    jobs: Mapping[CauseKey, list[AttemptJob]]
    counted: AbstractSet[str]
    refused: AbstractSet[str]
    skipped: SkipReason
    """Why the newest request or slot was skipped."""

    @classmethod
    def from_status(
        cls, status: JobStatus, jobs: Iterable[AttemptJob], *, remembered: Iterable[Attempt] = ()
    ) -> "JobRecord":
        """`status` is what the API server has; `jobs` are the Jobs that exist; `remembered` are executions that the
        API server has, or had."""
        reason = SkipReason.NOT_READY if status.skipped is None else status.skipped.last_reason
        return cls(
            active=_by_cause(status.active), ended=_by_cause(status.executions), remembered=_by_cause(remembered),
            jobs=_by_cause(jobs), counted=frozenset(status.counted), refused=frozenset(status.refused),
            skipped=reason,
        )  # fmt: skip


def run_status(
    run: RequestedRun, record: JobRecord, *, first: str, refusal: Refusal | None, now: datetime
) -> RunStatus:
    """The status of a DkronRun whose job exists. `first` is the name of the first Job, `refusal` why the run was
    refused, if this process did that."""
    key = run.trigger, run.group
    active, ended, jobs = record.active.get(key, []), record.ended.get(key, []), record.jobs.get(key, [])
    if not (active or ended):
        if first in record.refused:
            # Another process may have refused it, and died before it wrote why: the newest reason of the job then.
            text = f"the run was refused ({record.skipped}); an Event of the DkronJob says why"
            unexplained = Refusal(record.skipped, text)
            return refused(run, refusal or unexplained, now=now)
        if not run.decided and first not in record.counted:
            return run.status
    # The execution in the status replaces the one that this process remembers.
    records = {each.job: each for each in (*record.remembered.get(key, ()), *ended)}.values()
    attempts = _attempts(run, active, records, jobs)
    if active or any(_runs_unrecorded(job, attempts) for job in jobs):
        return _running(run, attempts, active)
    return _ended(run, attempts, lost=RECORD_LOST, now=now, records=records)


def _by_cause(attempts: Iterable[A]) -> dict[CauseKey, list[A]]:
    found: dict[CauseKey, list[A]] = {}
    for each in attempts:
        found.setdefault((each.trigger, each.group), []).append(each)
    return found


def bound(run: RequestedRun, job: BoundJob) -> RunStatus:
    """The status of a DkronRun that only this DkronJob may run."""
    return RunStatus(observed_generation=GENERATION, dkron_job=job, conditions=_going_on(run))


def status_without_job(run: RequestedRun, why: str, *, now: datetime) -> RunStatus:
    """The status of a DkronRun whose job does not exist, or does not any more; `why` is a sentence about that."""
    if run.decided or run.status.dkron_job is not None:
        return _ended(run, {each.job: each for each in run.status.attempts}, lost=JOB_DELETED, now=now)
    if now - run.created < WAITS_FOR_JOB:
        message = f"{why}; it is refused at {rfc3339(run.created + WAITS_FOR_JOB)}"
        waits = _going_on(run)
        return RunStatus(observed_generation=GENERATION, message=message[:MAX_MESSAGE], conditions=waits)
    return refused(run, Refusal(JOB_NOT_FOUND, why), now=now)


def refused(run: RequestedRun, refusal: Refusal, *, now: datetime) -> RunStatus:
    """The status of a DkronRun that becomes no Job."""
    message = refusal.message[:MAX_MESSAGE]
    return RunStatus(
        observed_generation=GENERATION, phase=RunPhase.REFUSED, dkron_job=run.status.dkron_job, group=run.group,
        finished_at=now, message=message, conditions=_failed(run, refusal.reason, message, now),
    )  # fmt: skip


def rests_on_records(run: RequestedRun, record: JobRecord, status: RunStatus) -> bool:
    """Whether an end follows only from records in the status of the job. A record and the retry that follows from it
    are one write, so this end holds however old that status is. One that rests on a Job, or on what the DkronRun
    itself said before, does not: the status may say since that a retry follows."""
    if status.phase is RunPhase.REFUSED:
        return True
    last: dict[str, Attempt] = {}
    for each in sorted(status.attempts, key=lambda each: each.attempt):
        last[each.member] = each
    recorded = {each.job for each in record.ended.get((run.trigger, run.group), ())}
    return bool(last) and recorded >= {each.job for each in last.values()}


def _attempts(
    run: RequestedRun, active: Iterable[Attempt], records: Iterable[Attempt], jobs: Iterable[AttemptJob]
) -> dict[str, Attempt]:
    """All attempts that are known, by the names of their Jobs. One that waits, for its backoff, in line, for its Job or
    in a queue, is none yet: it may be cancelled, and then the attempt before it was the last."""
    found = {job.name: _of_job(job) for job in jobs if job.finished}
    found |= {entry.job: _shown(entry) for entry in active if not _waits(entry)}
    # An attempt that has ended begins no more. A Job knows less of it, and an entry that is still active is old.
    found |= {each.job: each for each in run.status.attempts if each.finished_at is not None or each.job not in found}
    return found | {execution.job: _shown(execution) for execution in records}


def _waits(entry: Attempt) -> bool:
    return entry.is_claim or (entry.state is AttemptState.QUEUED and not entry.evictions)


def _shown(attempt: Attempt) -> Attempt:
    return attempt.model_copy(update=_NOT_SHOWN)


def _of_job(attempt: AttemptJob) -> Attempt:
    # The Job controller has one reason for every pod that failed. Executions call that an Error.
    reason = "Error" if attempt.reason in ORDINARY else attempt.reason
    ended = {
        "state": attempt.state, "finished_at": attempt.finished_at or attempt.created,
        "reason": reason if attempt.state is AttemptState.FAILED else "",
    }  # fmt: skip
    return _shown(attempt.entry(attempt.created)).model_copy(update=ended)


def _runs_unrecorded(job: AttemptJob, attempts: Mapping[str, Attempt]) -> bool:
    """Whether a Job of the run goes on, and the status of the job does not say so: it was wiped."""
    known = attempts.get(job.name)
    return not (job.finished or job.gone) and (known is None or known.finished_at is None)


def _running(run: RequestedRun, attempts: Mapping[str, Attempt], active: list[Attempt]) -> RunStatus:
    in_line = [entry for entry in active if entry.waits]
    phase = RunPhase.WAITING if active and len(in_line) == len(active) else RunPhase.RUNNING
    if phase is RunPhase.WAITING and in_line[0].state is AttemptState.QUEUED:
        message = f"attempt {in_line[0].attempt} waits in LocalQueue {in_line[0].queue}"
    elif phase is RunPhase.WAITING:
        message = f"the run has waited in line since {rfc3339(in_line[0].queued_at or in_line[0].started_at)}"
    elif len(active) > 1:
        message = f"{len(active)} attempts are active"
    elif active and _waits(active[0]):
        message = f"attempt {active[0].attempt} follows at {rfc3339(active[0].started_at)} or later"
    else:
        message = f"attempt {max((each.attempt for each in active), default=1)} is active"
    return _with_attempts(run, attempts, phase, message)


def _ended(
    run: RequestedRun,
    attempts: Mapping[str, Attempt],
    *,
    lost: str,
    now: datetime,
    records: Iterable[Attempt] = (),
) -> RunStatus:
    """The status of a run without active attempts. `lost` is the reason of an attempt whose end is not known."""
    known = {name: each if each.finished_at is not None else _lost(each, lost, now) for name, each in attempts.items()}
    last: dict[str, Attempt] = {}
    for each in sorted(known.values(), key=lambda each: each.attempt):
        last[each.member] = each
    failures = [each for each in last.values() if not each.success]
    at = max((each.finished_at for each in known.values() if each.finished_at is not None), default=now)
    if last and not failures:
        message = f"attempt {max(each.attempt for each in last.values())} succeeded"
        status = _with_attempts(run, known, RunPhase.SUCCEEDED, message)
        conditions = _succeeded(message, at)
    else:
        message = _failure(failures, records, members=len(last), lost=lost)
        status = _with_attempts(run, known, RunPhase.FAILED, message)
        reason = (failures[0].reason if failures else lost) or "Error"
        conditions = _failed(run, reason, message, at)
    return status.model_copy(update={"finished_at": at, "conditions": conditions})


def _lost(attempt: Attempt, reason: str, now: datetime) -> Attempt:
    over = {"state": AttemptState.FAILED, "finished_at": max(now, attempt.started_at), "reason": reason}
    return attempt.model_copy(update=over)


def _failure(failures: list[Attempt], records: Iterable[Attempt], *, members: int, lost: str) -> str:
    """A sentence about why the run has failed."""
    if not failures:
        return _UNKNOWN[lost]
    failed, early = (
        failures[0],
        len(failures) == members and all(each.state is AttemptState.CANCELLED for each in failures),
    )
    if members > 1 and not early:
        return f"{len(failures)} of {members} members failed"
    detail = next((each.message for each in records if each.job == failed.job and each.message), "")
    code = "" if failed.exit_code is None else f", exit code {failed.exit_code}"
    if early:
        said = f"{'the run' if failed.attempt == 1 else f'attempt {failed.attempt}'} was stopped before it began"
    else:
        said = f"attempt {failed.attempt} failed ({failed.reason or 'Error'}{code})"
    return f"{said}: {detail}"[:MAX_MESSAGE] if detail else said


def _with_attempts(run: RequestedRun, attempts: Mapping[str, Attempt], phase: RunPhase, message: str) -> RunStatus:
    newest = sorted(attempts.values(), key=lambda each: (each.started_at, each.attempt, each.job), reverse=True)
    of_member: dict[str, int] = {}
    for each in newest:
        begun = each.attempt - 1 if each.state is AttemptState.CANCELLED else each.attempt
        of_member[each.member] = max(of_member.get(each.member, 0), begun)
    began = [each.started_at for each in newest if each.state is not AttemptState.CANCELLED]
    before = run.status.started_at
    return RunStatus(
        observed_generation=GENERATION,
        conditions=_going_on(run),
        phase=phase,
        dkron_job=run.status.dkron_job,
        group=run.group,
        attempts=tuple(newest[:MAX_SHOWN_ATTEMPTS]),
        attempt_count=max(run.status.attempt_count, sum(of_member.values())),
        started_at=min([*began, *([before] if before is not None else [])], default=None),
        message=message,
    )


def _going_on(run: RequestedRun) -> tuple[Condition, ...]:
    """The conditions of a run that has not ended: always the same, so that writes do not repeat them."""
    return (_ready(FALSE, "NotEnded", "the run has not ended", run.created),)


def _succeeded(message: str, at: datetime) -> tuple[Condition, ...]:
    """The conditions of a run that has succeeded."""
    ready = _ready(TRUE, "Succeeded", message, at)
    return ready.model_copy(update={"type": "Complete"}), ready


def _failed(run: RequestedRun, reason: str, message: str, at: datetime) -> tuple[Condition, ...]:
    """The conditions of a run that has failed, or was refused."""
    ready = _ready(FALSE, reason, message, run.created)
    became_true = {"status": TRUE, "last_transition_time": at}
    failed = ready.model_copy(update={"type": "Failed", **became_true})
    return failed, ready, ready.model_copy(update={"type": ConditionType.STALLED, **became_true})


def _ready(status: ConditionStatus, reason: str, message: str, at: datetime) -> Condition:
    return Condition(
        type=ConditionType.READY, status=status, reason=reason, message=message, last_transition_time=at,
        observed_generation=GENERATION,
    )  # fmt: skip
