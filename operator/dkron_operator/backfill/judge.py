"""The status of a DkronBackfill: counts, conditions, one sentence, and the Events about a change. Pure.

Ready and Stalled are for tools that go by kstatus, such as Flux and Helm: with Ready False they wait, and with Stalled
True they fail at once.
"""

from datetime import datetime
from typing import NamedTuple

from dkron_crds.backfill import (
    BackfillCondition,
    BackfillPlan,
    BackfillReason,
    BackfillSpec,
    BackfillStatus,
    BackfillTarget,
)
from dkron_crds.base import rfc3339
from dkron_crds.conditions import MAX_MESSAGE, Condition, ConditionStatus, ConditionType, became_at
from dkron_operator.backfill.advance import is_stopped, planned
from dkron_operator.plan.actions import Report, Severity


class Moment(NamedTuple):
    """The time of a judgement, and the generation of the DkronBackfill that it is about."""

    now: datetime
    generation: int


class Verdict(NamedTuple):
    """How a backfill has ended, and why."""

    kind: BackfillCondition
    reason: BackfillReason
    sentence: str


FINAL = frozenset({BackfillCondition.COMPLETE, BackfillCondition.FAILED})
TRUE, FALSE = ConditionStatus.TRUE, ConditionStatus.FALSE


def is_over(status: BackfillStatus) -> bool:
    """Whether the backfill has ended: nothing of it begins or runs any more."""
    return status.finished_at is not None


def begin(spec: BackfillSpec, targets: tuple[BackfillTarget, ...], moment: Moment) -> BackfillStatus:
    """The status of a backfill that is planned. With `dryRun`, or without slots, it has ended."""
    plan = planned(targets)
    if spec.dry_run:
        ended = BackfillStatus(plan=plan, remaining=plan.count, finished_at=moment.now)
        sentence = f"would run {_extent(plan)}"
        return _said(ended, Verdict(BackfillCondition.COMPLETE, BackfillReason.PLANNED, sentence), moment)
    return judge(spec, BackfillStatus(plan=plan, targets=targets), moment)


def refused(sentence: str, moment: Moment) -> BackfillStatus:
    """The status of a backfill that cannot run."""
    ended = BackfillStatus(finished_at=moment.now)
    return _said(ended, Verdict(BackfillCondition.FAILED, BackfillReason.REFUSED, sentence), moment)


def judge(spec: BackfillSpec, status: BackfillStatus, moment: Moment) -> BackfillStatus:
    """The status with everything that follows from its runs. It has ended once no run is active and none is to
    begin."""
    plan = status.plan or planned(status.targets)
    active, remaining = len(status.active_runs), max(0, plan.count - status.begun)
    update: dict[str, object] = {"active": active, "remaining": remaining}
    if status.begun and status.started_at is None:
        update["started_at"] = moment.now
    status = status.model_copy(update=update)
    stopped = is_stopped(spec, status)
    if active or (remaining and not stopped):
        return _under_way(spec, status, moment)
    ended = status.model_copy(update={"finished_at": moment.now, "targets": ()})
    if stopped and remaining:
        sentence = f"stopped by a failed run{_first_failure(status)}; {_slots(remaining)} did not run"
        return _said(ended, Verdict(BackfillCondition.FAILED, BackfillReason.STOPPED, sentence), moment)
    if status.failed:
        sentence = f"{status.failed} of {_runs(plan.count)} failed{_first_failure(status)}"
        return _said(ended, Verdict(BackfillCondition.FAILED, BackfillReason.RUNS_FAILED, sentence), moment)
    sentence = f"all {_runs(plan.count)} succeeded" if plan.count > 1 else "the run succeeded"
    sentence = sentence if plan.count else "the range has no slot to run"
    return _said(ended, Verdict(BackfillCondition.COMPLETE, BackfillReason.FINISHED, sentence), moment)


def seen(status: BackfillStatus, generation: int) -> BackfillStatus:
    """The status of a backfill that has ended, after an edit that changes nothing about it."""
    conditions = tuple(each.model_copy(update={"observed_generation": generation}) for each in status.conditions)
    return status.model_copy(update={"observed_generation": generation, "conditions": conditions})


def reports(before: BackfillStatus, after: BackfillStatus) -> list[Report]:
    """The Events that tell the change from one status to the next."""
    found = []
    if before.plan is None and after.plan is not None and not is_over(after):
        found.append(Report(Severity.NORMAL, "BackfillBegun", f"begins to run {_extent(after.plan)}"))
    if is_over(after) and not is_over(before):
        ended = next(condition for condition in after.conditions if condition.type in FINAL)
        good = ended.type == BackfillCondition.COMPLETE
        reason = {BackfillReason.STOPPED: "BackfillStopped", BackfillReason.REFUSED: "BackfillRefused"}.get(
            BackfillReason(ended.reason), "BackfillFinished"
        )
        found.append(Report(Severity.NORMAL if good else Severity.WARNING, reason, after.message))
    return found


def _under_way(spec: BackfillSpec, status: BackfillStatus, moment: Moment) -> BackfillStatus:
    done = status.succeeded + status.failed
    count = done + status.active + status.remaining
    parts = [f"{done} of {_runs(count)} ended"]
    parts += [f"{status.failed} failed"] if status.failed else []
    parts += [f"{status.active} active"] if status.active else []
    if is_stopped(spec, status):
        parts.append(f"stops by a failed run{_first_failure(status)}")
    elif spec.suspend:
        parts.append("suspended")
    rests = spec.suspend and not status.active
    reason = BackfillReason.SUSPENDED if rests else BackfillReason.RUNNING
    conditions = (
        _condition(
            status, BackfillCondition.SUSPENDED, TRUE if spec.suspend else FALSE, moment,
            reason="Suspended" if spec.suspend else "Resumed",
        ),
        # Its sentence stays the same, so that writes about the runs do not repeat the conditions.
        _condition(status, ConditionType.READY, TRUE if rests else FALSE, moment, reason=reason),
    )  # fmt: skip
    message = ", ".join(parts)[:MAX_MESSAGE]
    return _with(status, conditions, message, moment)


def _said(status: BackfillStatus, verdict: Verdict, moment: Moment) -> BackfillStatus:
    message, good = verdict.sentence[:MAX_MESSAGE], verdict.kind is BackfillCondition.COMPLETE
    values: dict[str, ConditionStatus] = {verdict.kind: TRUE, ConditionType.READY: TRUE if good else FALSE}
    if not good:
        values[ConditionType.STALLED] = TRUE
    conditions = tuple(
        _condition(status, kind, value, moment, reason=verdict.reason, message=message)
        for kind, value in values.items()
    )
    return _with(status, conditions, message, moment)


def _with(status: BackfillStatus, conditions: tuple[Condition, ...], message: str, moment: Moment) -> BackfillStatus:
    update = {"observed_generation": moment.generation, "conditions": conditions, "message": message}
    return status.model_copy(update=update)


def _condition(
    before: BackfillStatus, kind: str, value: ConditionStatus, moment: Moment, *, reason: str, message: str = ""
) -> Condition:
    return Condition(
        type=kind,
        status=value,
        reason=reason,
        message=message,
        last_transition_time=became_at(before.conditions, kind, value, moment.now),
        observed_generation=moment.generation,
    )


def _first_failure(status: BackfillStatus) -> str:
    """The oldest failure that the status still shows, and why that run failed."""
    if not status.failed_runs:
        return ""
    run = status.failed_runs[-1]
    return f" (slot {rfc3339(run.slot)} of {run.job}{f': {run.message}' if run.message else ''})"


def _extent(plan: BackfillPlan) -> str:
    if plan.first is None or plan.last is None:
        return "no slot"
    jobs = "" if plan.jobs == 1 else f" of {plan.jobs} jobs"
    return f"{_slots(plan.count)}{jobs}, from {rfc3339(plan.first)} to {rfc3339(plan.last)}"


def _slots(count: int) -> str:
    return "1 slot" if count == 1 else f"{count} slots"


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"
