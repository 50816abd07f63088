"""DkronRuns: what a plan makes of them, what their statuses say, and what is known and deleted of them."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from dkron_crds.base import rfc3339
from dkron_crds.job import Attempt, AttemptState, JobStatus, SkipReason, Trigger
from dkron_crds.job_metadata import OF_RUN, WITH_PARAMETERS
from dkron_crds.run import OF_BACKFILL, BoundJob, RunPhase, RunStatus
from dkron_kube.client import KubeClient
from dkron_kube.errors import KubeError, NotFound, Rejected, Unavailable
from dkron_kube.paths import DKRON_JOBS, DKRON_RUNS, JOBS, LOCAL_QUEUES, PODS, WORKLOADS
from dkron_operator.act.events import build_event
from dkron_operator.cache import requested_runs
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.cache.requested_runs import MOST_KNOWN, RequestedRuns
from dkron_operator.plan.actions import BindRun, DeleteJob, Effect, ExplainRefusal, ReadRun, Report
from dkron_operator.plan.advance import advance
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.cause import scheduled
from dkron_operator.plan.situation.pools import Places
from dkron_operator.plan.situation.requested_runs import RequestedRun, RunsOfJob, read_requested_run, run_name
from dkron_operator.plan.situation.view import AttemptJob, PodProblem
from dkron_operator.plan.status.changes import Finished
from dkron_operator.plan.status.line import line_of
from dkron_operator.plan.status.requested_runs import (
    JobRecord,
    Refusal,
    rests_on_records,
    run_status,
    status_without_job,
)
from dkron_operator.plan.steps.attempts import UNSCHEDULABLE
from dkron_operator.plan.steps.kueue import JOB_UID
from dkron_operator.watch.requested_runs import run_informer
from tests.support.builders import (
    NAME,
    NAMESPACE,
    NOON,
    UID,
    after,
    claim,
    ended,
    execution,
    job_view,
    of_job,
    outcome,
    run,
    seen,
    situation,
    terminated,
    wire_job,
    wire_pod,
    wire_run,
)
from tests.support.edges import Edges, begin, until
from tests.support.kstatus import kstatus
from tests.support.plans import fired, jobs_deleted, replan, reported, skips
from tests.support.watching import listed

Object = dict[str, Any]
SLOT = after(days=-3)
MINE, ANOTHERS = BoundJob(name=NAME, uid=UID), BoundJob(name=NAME, uid="uid-of-the-first")
DAY: Object = {"parameters": [{"name": "day"}]}


def wire(
    name: str = "a", *, at: float = 0, version: int = 1, backfill: bool = False, status: RunStatus | None = None,
    deleting: bool = False, labelled: bool = False, **spec: Any,
) -> Object:  # fmt: skip
    """A DkronRun for the job, as the API server sends it. The name of one of a backfill tells which slot it is for."""
    if backfill:
        name = run_name("b", NAME, UID, datetime.fromisoformat(spec.get("scheduledTime", rfc3339(after(at)))))
    metadata: Object = {
        "name": name, "namespace": NAMESPACE, "uid": f"uid-of-{name}", "resourceVersion": str(version),
        "creationTimestamp": rfc3339(after(at)),
    }  # fmt: skip
    if backfill or labelled:
        metadata["labels"] = {OF_BACKFILL: "b"}
    if backfill:
        owner = {"apiVersion": "dkron.io/v1alpha1", "kind": "DkronBackfill", "uid": "b", "controller": True}
        metadata["ownerReferences"] = [owner]
    if deleting:
        metadata["deletionTimestamp"] = rfc3339(after(at))
    wired = {} if status is None else {"status": status.to_wire()}
    return {"metadata": metadata, "spec": {"job": NAME, **spec}, **wired}


def requested(name: str = "a", *, read: bool = True, bound: BoundJob | None = MINE, **fields: Any) -> RequestedRun:
    """A DkronRun that is ready to be decided."""
    given = {"status": RunStatus(dkron_job=bound), **fields}
    found = read_requested_run(wire(name, **given), with_values=read)
    assert found is not None
    return found


def first(of: RequestedRun, *, attempt: int = 1, at: float = 0) -> Any:
    """The entry of its attempt."""
    given = of.parameters_given
    return replace(of.cause, attempt=attempt).entry(uid=UID, name=NAME, at=after(at), given=given)


def look(
    *undecided: RequestedRun, decided: tuple[RequestedRun, ...] = (), listed: bool = True, awaited: bool = False,
    **fields: Any,
) -> Plan:  # fmt: skip
    spec = fields.pop("spec", {})
    job = job_view(**{"schedule": "@manually", **spec})
    given = {"since": NOON, "fingerprint": job.fingerprint, **fields.pop("status", {})}
    runs = RunsOfJob(undecided, {each.group: each for each in decided}, listed, awaited)
    known = situation(job, JobStatus(**given), now=after(2), **fields)
    return advance(replace(known, runs=runs))


# --- what a plan makes of them ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of", "runs", "bound"),
    [
        pytest.param(requested(), True, [], id="bound and read"),
        pytest.param(requested(read=False), False, [BindRun("uid-of-a", UID)], id="not read"),
        pytest.param(requested(bound=None), False, [BindRun("uid-of-a", UID)], id="not bound"),
        pytest.param(requested(bound=ANOTHERS), False, [], id="bound to another job that had the name"),
        pytest.param(requested(bound=ANOTHERS, read=False), False, [], id="the same, not read"),
    ],
)
def test_run_is_bound_and_read_before_its_job_is_created(of: RequestedRun, runs: bool, bound: list[BindRun]) -> None:
    plan = look(of)
    assert (fired(plan), plan.actions_of(BindRun)) == (first(requested()) if runs else None, bound)
    assert all(isinstance(each, Effect) for each in plan.actions_of(BindRun)), "a job that is behind is read first"


@pytest.mark.parametrize("spec", [{"concurrency": "queue"}, {"concurrency": "allow"}], ids=["queue", "allow"])
def test_runs_are_decided_in_the_order_of_their_creation(spec: dict[str, Any]) -> None:
    older, newer = requested("a", bound=None), requested("b", at=1)
    plan = look(older, newer, spec=spec)
    assert (fired(plan), plan.status.active) == (None, ()), "the older one is not bound yet"
    assert plan.actions_of(BindRun) == [BindRun("uid-of-a", UID)]
    anothers = look(requested("a", bound=ANOTHERS), newer, spec=spec)
    assert (fired(anothers) or anothers.status.active[0]).group == newer.group, "an older one that is for another job"


def test_runs_of_one_second_have_the_order_of_their_creation() -> None:
    runs = RequestedRuns()
    for version, name in enumerate("cab", 1):
        runs.upsert(requested(name, version=version, bound=None))
    runs.upsert(requested("c", version=9))
    assert [run.name for run in runs.of_job((NAMESPACE, NAME)).undecided] == ["c", "a", "b"]
    runs.upsert(requested("a", version=10, status=RunStatus(dkron_job=MINE, group=1)))
    assert [run.name for run in runs.of_job((NAMESPACE, NAME)).undecided] == ["c", "b"]


def test_runs_of_one_second_are_bound_one_by_one() -> None:
    plan = look(requested("a", bound=None), requested("b", bound=None), requested("c", at=1, bound=None))
    assert [each.uid for each in plan.actions_of(BindRun)] == ["uid-of-a", "uid-of-c"]


def test_restart_keeps_the_order_of_runs_of_one_second() -> None:
    after_restart = RequestedRuns()
    for version, name, bound in ((9, "a", MINE), (2, "b", None), (3, "c", None)):
        after_restart.upsert(requested(name, version=version, bound=bound))
    after_restart.upsert(requested("b", version=10))
    assert [run.name for run in after_restart.of_job((NAMESPACE, NAME)).undecided] == ["a", "b", "c"]


def test_runs_of_one_plan_have_its_order_in_line() -> None:
    slots = [SLOT - timedelta(minutes=number) for number in range(3)]
    runs = [requested(f"run-{number}", backfill=True, scheduledTime=rfc3339(slot)) for number, slot in enumerate(slots)]
    plan = look(*runs, spec={"pools": ["x"]}, places=Places(free=False))
    assert [entries[0].slot for entries in line_of(plan.status.active)] == slots


def test_scheduled_time_is_passed_on_and_decides_nothing_else() -> None:
    rerun = requested(scheduledTime=rfc3339(SLOT))
    entry = fired(look(rerun, spec={"schedule": "0 * * * * *"}))
    assert entry is not None
    assert (entry.slot, entry.started_at, entry.trigger) == (SLOT, NOON, Trigger.MANUAL)
    assert entry.job == first(requested()).job, "the name follows from the uid and the time of the request"
    status = look(rerun, runs=[run(entry)]).status
    assert (status.last_schedule_time, status.active) == (None, (seen(entry),))


@pytest.mark.parametrize(
    ("given", "trigger"),
    [
        pytest.param({"backfill": True}, Trigger.BACKFILL, id="made by a backfill"),
        pytest.param({"labelled": True}, Trigger.MANUAL, id="only with its label"),
        pytest.param({}, Trigger.MANUAL, id="made by a user"),
    ],
)
def test_trigger_is_backfill_only_with_a_controlling_backfill(given: Object, trigger: Trigger) -> None:
    entry = fired(look(requested(**given)))
    assert entry is not None
    assert entry.trigger is trigger


BUSY = {"status": {"active": (seen(claim()),)}, "runs": [run(claim())]}
FORBID, DISABLED = {"concurrency": "forbid"}, {"disabled": True}


@pytest.mark.parametrize(
    ("asked", "spec", "around", "why"),
    [
        pytest.param({}, DISABLED, {}, SkipReason.DISABLED, id="disabled"),
        pytest.param({"force": True}, DISABLED, {}, None, id="disabled, forced"),
        pytest.param({}, FORBID, BUSY, SkipReason.CONCURRENCY_FORBIDDEN, id="forbid"),
        pytest.param({"force": True}, FORBID, BUSY, None, id="forbid, forced"),
        pytest.param({"backfill": True}, FORBID, BUSY, None, id="forbid, of a backfill"),
        pytest.param({"parameters": {"dya": "1"}}, DAY, {}, SkipReason.INVALID_PARAMETERS, id="unknown parameter"),
        pytest.param({"parameters": {"day": "1"}}, DAY, {}, None, id="known parameter"),
        pytest.param({}, {"executor": "nope"}, {}, SkipReason.NOT_READY, id="not ready"),
    ],
)
def test_refused_run_has_one_reason_in_its_status(
    asked: Object, spec: Object, around: Object, why: SkipReason | None
) -> None:
    of = requested(**asked)
    plan = look(of, spec=spec, **around)
    assert (fired(plan) is None, skips(plan)) == (why is not None, (1 if why else 0, why))
    if why is None:
        return
    (explained,) = plan.actions_of(ExplainRefusal)
    assert (explained.uid, explained.reason) == (of.uid, why)
    (event,) = (report for report in plan.actions_of(Report) if report.reason == "RunRefused")
    note = build_event(plan.situation.job, event, at=rfc3339(NOON), identity="")["note"]
    assert note == f"DkronRun a: {explained.message}"
    assert skips(replan(plan, runs=plan.situation.runs)) == (1, why), "it is counted once, while it waits for its mark"


def test_backfill_slot_does_not_run_for_a_later_namesake() -> None:
    mine = requested(backfill=True)
    others = requested(backfill=True, bound=None, read=False)
    others = replace(others, name=run_name("b", NAME, "uid-of-the-first", mine.slot), uid="other")
    plan = look(others, mine)
    assert (fired(plan), plan.actions_of(BindRun)) == (first(mine), [])
    assert fired(look(others)) is None


def test_backfill_replaces_nothing_and_is_not_replaced() -> None:
    older, of = seen(claim()), requested(backfill=True)
    replacing = {"schedule": "0 * * * * *", "concurrency": "replace"}
    beside = look(of, spec=replacing, status={"active": (older,), "last_schedule_time": NOON}, runs=[run(claim())])
    assert beside.create is not None
    assert (beside.create.entry.trigger, beside.create.replaces) == (Trigger.BACKFILL, ())
    slot = look(
        decided=(of,), spec=replacing, status={"active": (seen(first(of)),)}, runs=[run(first(of))],
        fireable_since=after(-60),
    )  # fmt: skip
    assert slot.create is None or slot.create.replaces == ()


@pytest.mark.parametrize(
    ("runs", "kept"),
    [
        pytest.param({"undecided": True}, True, id="not decided"),
        pytest.param({"undecided": False}, True, id="decided, and its status does not say how it ended"),
        pytest.param(None, False, id="ended, or deleted"),
    ],
)
def test_job_of_a_run_is_kept_until_the_run_shows_its_end(runs: dict[str, bool] | None, kept: bool) -> None:
    of = requested()
    entry = first(of)
    undecided = (of,) if runs and runs["undecided"] else ()
    decided = (of,) if runs and not runs["undecided"] else ()
    done = run(entry, AttemptState.SUCCEEDED, finished_at=after(-100))
    plan = look(
        *undecided, decided=decided, runs=[done],
        status={"executions": (execution(entry),), "counted": (entry.job,)}, spec={"history": {"successfulJobs": 0}},
    )  # fmt: skip
    assert (plan.actions_of(DeleteJob) == [], fired(plan)) == (kept, None)
    assert jobs_deleted(plan) == ([] if kept else [done])


RETRY: Object = {"spec": {**DAY, "retries": 1}}


@pytest.mark.parametrize(
    ("runs", "retried", "read", "told"),
    [
        pytest.param({"decided": True, "read": True}, True, [], [], id="values at hand"),
        pytest.param({"decided": True, "read": False}, False, [ReadRun("uid-of-a")], [], id="values to be read"),
        pytest.param({"decided": False}, False, [], ["RetryCancelled"], id="deleted"),
        pytest.param({"decided": False, "listed": False}, False, [], [], id="not listed yet"),
    ],
)
def test_a_retry_needs_the_values_of_its_run(
    runs: dict[str, bool], retried: bool, read: list[ReadRun], told: list[str]
) -> None:
    of = requested(parameters={"day": "1"}, read=runs.get("read", True))
    second = first(of, attempt=2)
    decided = (of,) if runs["decided"] else ()
    plan = look(decided=decided, listed=runs.get("listed", True), status={"active": (second,)}, **RETRY)
    assert (fired(plan), plan.actions_of(ReadRun), reported(plan)) == (second if retried else None, read, told)


AWAITED: Object = {"awaited": True, "listed": False}


@pytest.mark.parametrize(
    ("claim", "at", "begins"),
    [
        pytest.param(first(requested()), AWAITED, False, id="being listed for the first time"),
        pytest.param(first(requested(), attempt=2), AWAITED, False, id="the same, a retry"),
        pytest.param(first(requested()), {"listed": False}, True, id="too many to hold"),
        pytest.param(first(requested()), {}, True, id="listed, and there is none: an annotation asked for it"),
        pytest.param(scheduled(SLOT).entry(uid=UID, name=NAME, at=SLOT), AWAITED, True, id="of a slot"),
    ],
)
def test_claim_on_request_waits_for_the_dkronrun_it_names(claim: Attempt, at: Object, begins: bool) -> None:
    plan = look(status={"active": (claim,)}, **RETRY, **at)
    assert fired(plan) == (claim if begins else None)
    assert begins or plan.wake == after(3)


def test_failed_attempt_passes_on_that_it_had_values() -> None:
    of = requested(parameters={"day": "1"})
    entry = first(of)
    failed = run(entry, AttemptState.FAILED, parameters_given=True)
    plan = look(decided=(of,), runs=[failed], outcomes={entry.job: outcome(success=False)}, **RETRY)
    assert [(each.attempt, each.parameters_given) for each in plan.status.active] == [(2, True)]


# --- what their statuses say -----------------------------------------------------------------------------------------


def tell(
    of: RequestedRun, *, refusal: Refusal | None = None, runs: tuple[Any, ...] = (),
    remembered: tuple[Attempt, ...] = (), **status: Any,
) -> RunStatus:  # fmt: skip
    record = JobRecord.from_status(JobStatus(**status), runs, remembered=remembered)
    return run_status(of, record, first=first(of).job, refusal=refusal, now=after(60))


def decided(phase: RunPhase = RunPhase.RUNNING, **fields: Any) -> RequestedRun:
    return requested(status=RunStatus(phase=phase, group=requested().group, dkron_job=MINE, **fields))


A = first(requested())
ENDS = {
    "Succeeded": ["Complete True", "Ready True"],
    "Failed": ["Failed True", "Ready False", "Stalled True"],
    "Refused": ["Failed True", "Ready False", "Stalled True"],
}
"""The conditions of a run that has ended, by its phase."""
FAILED = execution(A, success=False, reason="Error", exit_code=1, message="no disk")
SECOND = first(requested(), attempt=2, at=20)
ASKED = "asked for by ann"
HALTED = execution(A, success=False, reason="Stopped", exit_code=143, message=ASKED)
EARLY = execution(A, state=AttemptState.CANCELLED, reason="Stopped", message=ASKED, seconds=0)
RETRY_EARLY = EARLY.model_copy(update={"attempt": 2, "job": SECOND.job})


UNDECIDED = requested()
NO_RECORD = "the run left no record: neither in the status of the DkronJob nor as a Job"
ASK_EVENT = "the run was refused (NotReady); an Event of the DkronJob says why"
DISABLED_BY = {"refused": (A.job,), "refusal": Refusal("Disabled", "the job is disabled")}


IN_LINE = A.model_copy(update={"state": AttemptState.WAITING, "queued_at": NOON})
IN_QUEUE = seen(A).model_copy(update={"state": AttemptState.QUEUED, "queue": "reports", "queued_at": NOON})


@dataclass(frozen=True)
class Shown:
    """The traces on the DkronJob, and the status of its DkronRun then."""

    id: str
    given: Object
    phase: str
    message: str = ""
    of: RequestedRun = UNDECIDED


SHOWN = (
    Shown("nothing yet", {}, "Pending"),
    Shown("begun, and not recorded", {"runs": (run(A),)}, "Pending"),
    Shown("begun", {"active": (seen(A),)}, "Running", "attempt 1 is active"),
    Shown(
        "waits for its retry", {"active": (SECOND,), "executions": (FAILED,)}, "Running",
        "attempt 2 follows at 2026-03-01T12:00:20Z or later",
    ),
    Shown("succeeded", {"executions": (execution(A),)}, "Succeeded", "attempt 1 succeeded"),
    Shown("in the end", {"executions": (execution(SECOND), FAILED)}, "Succeeded", "attempt 2 succeeded"),
    Shown("failed", {"executions": (FAILED,)}, "Failed", "attempt 1 failed (Error, exit code 1): no disk"),
    Shown(
        "told only by its Job", {"counted": (A.job,), "runs": (run(A, AttemptState.SUCCEEDED),)}, "Succeeded",
        "attempt 1 succeeded",
    ),
    Shown("refused", DISABLED_BY, "Refused", "the job is disabled"),
    Shown("refused by another process", {"refused": (A.job,)}, "Refused", ASK_EVENT),
    Shown(
        "waits in line", {"active": (IN_LINE,)}, "Waiting",
        "the run has waited in line since 2026-03-01T12:00:00Z",
    ),
    Shown(
        "its Job waits in a queue", {"active": (IN_QUEUE,)}, "Waiting",
        "attempt 1 waits in LocalQueue reports",
    ),
    Shown(
        "its turn has come", {"active": (A.model_copy(update={"queued_at": NOON - timedelta(seconds=9)}),)}, "Waiting",
        "the run has waited in line since 2026-03-01T11:59:51Z",
    ),
    Shown(
        "its turn came, and its Job exists",
        {"active": (seen(A).model_copy(update={"queued_at": NOON - timedelta(seconds=9)}),)},
        "Running", "attempt 1 is active",
    ),
    Shown(
        "all members wait in line",
        {"active": tuple(IN_LINE.model_copy(update={"member": member}) for member in ("a", "b"))},
        "Waiting", "the run has waited in line since 2026-03-01T12:00:00Z",
    ),
    Shown("stopped", {"executions": (HALTED,)}, "Failed", f"attempt 1 failed (Stopped, exit code 143): {ASKED}"),
    Shown("stopped in line", {"executions": (EARLY,)}, "Failed", f"the run was stopped before it began: {ASKED}"),
    Shown(
        "stopped in line, with all its members",
        {"executions": tuple(EARLY.model_copy(update={"job": name, "member": name}) for name in ("a", "b"))},
        "Failed", f"the run was stopped before it began: {ASKED}",
    ),
    Shown(
        "its retry was stopped before it began",
        {"executions": (RETRY_EARLY, FAILED)},
        "Failed", f"attempt 2 was stopped before it began: {ASKED}",
    ),
    Shown("dropped from the line", {"refused": (A.job,)}, "Refused", ASK_EVENT, decided()),
    Shown("the job's status was wiped", {"runs": (run(A),)}, "Running", "attempt 1 is active", decided()),
    Shown("nothing is left", {}, "Failed", NO_RECORD, decided()),
    Shown("another run", {"executions": (execution(first(requested("b"))),)}, "Pending"),
)  # fmt: skip


@pytest.mark.parametrize("case", SHOWN, ids=lambda case: case.id)
def test_run_status_follows_the_job_status(case: Shown) -> None:
    phase, status = case.phase, tell(case.of, **case.given)
    assert (status.phase, status.message) == (phase, case.message)
    going_on = ["Ready False"] if phase in ("Waiting", "Running") else []
    assert [f"{condition.type} {condition.status}" for condition in status.conditions] == ENDS.get(phase, going_on)
    assert (status.finished_at is not None, status.group is not None) == (phase in ENDS, phase != "Pending")
    assert status.dkron_job == MINE
    assert kstatus(status.to_wire()) == {"Succeeded": "Current", "Failed": "Failed", "Refused": "Failed"}.get(
        phase, "InProgress"
    )
    if phase in ENDS:
        assert {each.last_transition_time for each in status.conditions if each.status == "True"} == {
            status.finished_at
        }


def test_run_that_was_stopped_in_line_never_started() -> None:
    stopped, ran = (tell(requested(), executions=(each,)) for each in (EARLY, HALTED))
    assert (stopped.started_at, stopped.finished_at, ran.started_at) == (None, EARLY.finished_at, NOON)
    assert [each.reason for each in stopped.conditions] == ["Stopped"] * 3


@pytest.mark.parametrize(
    ("executions", "count"),
    [
        pytest.param((EARLY,), 0, id="the run"),
        pytest.param((RETRY_EARLY, FAILED), 1, id="its retry"),
        pytest.param((RETRY_EARLY,), 1, id="its retry, and the job keeps no older execution"),
        pytest.param((HALTED,), 1, id="after it began"),
    ],
)
def test_attempt_that_was_stopped_counts_if_it_began(executions: tuple[Attempt, ...], count: int) -> None:
    assert tell(requested(), executions=executions).attempt_count == count


def test_attempt_begins_when_kueue_admits_its_job() -> None:
    waits = IN_QUEUE
    admitted = waits.model_copy(update={"state": AttemptState.RUNNING, "queue": "", "started_at": after(60)})
    evicted = admitted.model_copy(update={"state": AttemptState.QUEUED, "queue": "reports", "evictions": 1})
    for entry, began in ((waits, None), (admitted, after(60)), (evicted, after(60))):
        status = tell(requested(), active=(entry,))
        assert (status.started_at, status.attempt_count) == (began, 0 if began is None else 1)


def test_attempts_dropped_by_the_job_stay_in_the_run() -> None:
    before = tell(requested(), active=(seen(SECOND),), executions=(FAILED,))
    of = replace(requested(), status=before)
    status = tell(of, executions=(execution(SECOND),))
    assert [(each.attempt, each.success) for each in status.attempts] == [(2, True), (1, False)]
    assert (status.attempt_count, status.started_at, status.phase) == (2, NOON, "Succeeded")


@dataclass(frozen=True)
class Telling:
    """Traces of attempt 1, and what the DkronRun says of it then."""

    said: Attempt | None = None
    """The attempt as the DkronRun said before."""

    active: tuple[Attempt, ...] = ()
    executions: tuple[Attempt, ...] = ()
    remembered: tuple[Attempt, ...] = ()
    jobs: tuple[AttemptJob, ...] = ()
    """Jobs that are there; the executions of the job are trimmed."""

    message: str = "attempt 1 failed (Error, exit code 3)"
    reason: str = "Error"
    exit_code: int | None = 3
    node: str = "n1"


SAID = execution(A, success=False, node_name="n1", exit_code=3, reason="Error")
AS_JOB = SAID.model_copy(update={"exit_code": None, "node_name": ""})
STANDS = seen(A).model_copy(update={"node_name": "n1", "uid": ""})
RECORD = execution(A, success=False, reason="Error", exit_code=3, node_name="n1", message="no disk")
OVER_LIMIT = run(A, AttemptState.FAILED, reason="BackoffLimitExceeded", finished_at=after(6))
LATE = run(A, AttemptState.FAILED, reason="DeadlineExceeded", finished_at=after(6))
DETAILED = "attempt 1 failed (Error, exit code 3): no disk"


RECORDED = Telling(STANDS, remembered=(RECORD,), message=DETAILED)
ONLY_JOB = Telling(STANDS, jobs=(OVER_LIMIT,), message="attempt 1 failed (Error)", exit_code=None, node="")
ONLY_LATE_JOB = replace(
    ONLY_JOB, said=None, jobs=(LATE,), message="attempt 1 failed (DeadlineExceeded)", reason="DeadlineExceeded"
)


@pytest.mark.parametrize(
    "tells",
    [
        pytest.param(Telling(SAID, jobs=(OVER_LIMIT,)), id="the Job says less"),
        pytest.param(Telling(SAID), id="the Job is gone"),
        pytest.param(Telling(SAID, (seen(A),), message="attempt 1 is active"), id="the status of the job is older"),
        pytest.param(replace(RECORDED, jobs=(OVER_LIMIT,)), id="trimmed before the run said so, and remembered"),
        pytest.param(RECORDED, id="the same without a Job"),
        pytest.param(
            Telling(AS_JOB, executions=(RECORD,), jobs=(OVER_LIMIT,), message=DETAILED),
            id="recorded after its Job told",
        ),
        pytest.param(ONLY_JOB, id="only the Job is left"),
        pytest.param(ONLY_LATE_JOB, id="only the Job is left, and has a reason of its own"),
    ],
)
def test_ended_attempt_is_complete_without_its_execution(tells: Telling) -> None:
    of = decided(attempts=() if tells.said is None else (tells.said,))
    status = tell(
        of, active=tells.active, executions=tells.executions, remembered=tells.remembered, runs=tells.jobs,
        counted=() if tells.active else (A.job,),
    )  # fmt: skip
    (attempt,) = status.attempts
    assert (attempt.reason, attempt.exit_code, attempt.node_name) == (tells.reason, tells.exit_code, tells.node)
    assert (attempt.finished_at is not None, status.message) == (True, tells.message)
    assert {each.reason for each in status.conditions} == {"NotEnded" if tells.active else tells.reason}


def test_a_retry_that_is_cancelled_was_no_attempt() -> None:
    waiting = tell(requested(), active=(SECOND,), executions=(FAILED,))
    status = tell(replace(requested(), status=waiting), executions=(FAILED,))
    assert (status.phase, status.message) == ("Failed", "attempt 1 failed (Error, exit code 1): no disk")
    assert [each.attempt for each in status.attempts] == [1]


FIRST_FAILED = execution(A, success=False, seconds=9)


@pytest.mark.parametrize(
    ("of", "given", "rests"),
    [
        pytest.param(requested(), {"executions": (FAILED,)}, True, id="the record"),
        pytest.param(requested(), {"executions": (execution(SECOND),)}, True, id="the record of the last attempt"),
        pytest.param(requested(), {"refused": (A.job,)}, True, id="the refusal"),
        pytest.param(decided(), {"runs": (run(A, AttemptState.FAILED),)}, False, id="a Job"),
        pytest.param(
            decided(), {"executions": (FAILED,), "runs": (run(SECOND, AttemptState.FAILED),)}, False,
            id="the Job of the last attempt",
        ),
        pytest.param(decided(attempts=(FIRST_FAILED,)), {}, False, id="what the DkronRun said before"),
        pytest.param(decided(), {}, False, id="nothing"),
    ],
)  # fmt: skip
def test_end_is_final_if_it_rests_on_records_of_the_job(of: RequestedRun, given: Object, rests: bool) -> None:
    record = JobRecord.from_status(
        JobStatus(**{key: each for key, each in given.items() if key != "runs"}), given.get("runs", ())
    )
    status = tell(of, **given)
    assert status.finished_at is not None
    assert rests_on_records(of, record, status) is rests


@pytest.mark.looptime
async def test_ended_job_is_not_final_if_a_newer_status_has_a_retry() -> None:
    edges = begin(schedule="@manually", retries=1)
    edges.watch()
    bring(edges, wire(status=decided().status))
    edges.handlers.feed_attempt("ADDED", wire_run(A, status=ended("Failed")))
    newer = JobStatus(since=NOON, active=(SECOND,), executions=(FAILED,)).to_wire()
    edges.kube.edit(DKRON_JOBS, NAME, lambda body: body.update(status=newer))
    await edges.parts.effects.runs._write("uid-of-a")
    assert (status_of(edges).phase, status_of(edges).message) == (
        "Running", "attempt 2 follows at 2026-03-01T12:00:20Z or later",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("of", "minutes", "phase", "reason"),
    [
        pytest.param(requested(bound=None), 9.9, "Pending", "NotEnded", id="it may still come"),
        pytest.param(requested(bound=None), 10, "Refused", "JobNotFound", id="it does not come"),
        pytest.param(requested(), 1, "Failed", "JobDeleted", id="it was deleted, and nothing says whether it ran"),
        pytest.param(decided(), 1, "Failed", "JobDeleted", id="it was deleted in the run"),
    ],
)
def test_a_run_without_a_job_waits_ten_minutes(of: RequestedRun, minutes: float, phase: str, reason: str) -> None:
    status = status_without_job(of, "there is none", now=after(minutes=minutes))
    assert (status.phase, {each.reason for each in status.conditions}) == (phase, {reason})
    assert kstatus(status.to_wire()) == ("InProgress" if phase == "Pending" else "Failed")


# --- what is known of them -------------------------------------------------------------------------------------------


def test_plan_sees_the_oldest_runs_and_keeps_their_values() -> None:
    runs = RequestedRuns()
    runs.await_list(None)
    assert not runs.of_job((NAMESPACE, NAME)).listed
    found = [requested(f"r{n:04}", at=-n, read=False) for n in range(MOST_KNOWN + 9)]
    runs.replace(None, found, 5)
    known = runs.of_job((NAMESPACE, NAME))
    assert (known.listed, len(known.undecided), known.undecided[0].name) == (True, MOST_KNOWN, found[-1].name)
    runs.upsert(requested("r0001", at=-1))
    runs.upsert(requested("r0001", at=-1, version=2, read=False))
    assert [run.values for run in (runs.get("uid-of-r0001"),) if run is not None] == [{}]
    runs.renew()
    assert all(run.values is None for run in runs.of_job((NAMESPACE, NAME)).undecided)


@pytest.mark.parametrize(
    ("version", "left"), [pytest.param(9, 1, id="gone"), pytest.param(4, 2, id="younger than the list")]
)
def test_list_drops_missing_runs_unless_it_is_older(version: int, left: int) -> None:
    runs = RequestedRuns()
    runs.upsert(requested("a", version=3))
    runs.upsert(requested("b", version=5))
    runs.replace(None, [requested("a", version=3)], version)
    assert len(runs) == left


@pytest.mark.looptime
async def test_runs_beyond_the_namespace_limit_are_listed_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requested_runs, "MOST_WAITING", 2)
    edges = begin(schedule="@manually")
    async with edges.running():
        bring(edges, *(wire(f"r{n}") for n in range(7)))
        assert (len(edges.store.requested_runs), edges.store.requested_runs.of_job((NAMESPACE, NAME)).listed) == (
            2,
            False,
        )
        await until(30)
        assert {status_of(edges, f"r{n}").phase for n in range(7)} == {"Running"}
        assert edges.store.requested_runs.of_job((NAMESPACE, NAME)).listed


@pytest.mark.parametrize(
    ("error", "listed"),
    [
        pytest.param(Rejected("forbidden", status=403), True, id="no right"),
        pytest.param(NotFound("no such kind", status=404), True, id="no such kind"),
        pytest.param(Unavailable("no answer"), False, id="no answer"),
    ],
)
def test_jobs_continue_where_runs_cannot_be_listed(error: KubeError, listed: bool) -> None:
    runs = RequestedRuns()
    watch = run_informer(cast("KubeClient", None), runs, None, changed=lambda _: None)
    watch.failed(error)
    of_job = runs.of_job((NAMESPACE, NAME))
    assert (of_job.listed, of_job.awaited) == (listed, not listed)


WAITS = requested()


@dataclass(frozen=True)
class Remembering:
    """An attempt whose end is noted, and whether it is remembered and told."""

    kept: bool
    told: bool
    trigger: Trigger = Trigger.MANUAL
    written: bool = True
    counted: bool = True
    """The API server has the record, whether or not the write was answered."""

    run: RequestedRun | None = WAITS
    """The DkronRun that the next plan sees."""


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Remembering(kept=True, told=True), id="recorded, and the run does not say so"),
        pytest.param(Remembering(kept=True, told=True, run=decided()), id="the same, decided"),
        pytest.param(Remembering(kept=True, told=False, written=False, counted=False), id="still to be written"),
        pytest.param(Remembering(kept=True, told=True, written=False), id="written without an answer"),
        pytest.param(Remembering(kept=False, told=False, run=decided(attempts=(SAID,))), id="the run says so"),
        pytest.param(Remembering(kept=True, told=True, run=decided(attempts=(STANDS,))), id="active, as the run says"),
        pytest.param(Remembering(kept=False, told=False, run=None), id="the run has ended, or there was none"),
        pytest.param(Remembering(kept=False, told=False, trigger=Trigger.SCHEDULE), id="not on request"),
    ],
)
def test_attempt_record_is_remembered_until_its_run_shows_it(case: Remembering) -> None:
    cached = CachedJob(job_view(history={"executions": 1}), 1, JobStatus(), JobStatus())
    record = RECORD.model_copy(update={"trigger": case.trigger, "output": "much"})
    cached.record(Finished(record))
    base = JobStatus(counted=(A.job,) if case.counted else ())
    if case.written:
        cached.settle(1, base, 2)
    else:
        cached.rebase(base, 2, now=NOON)
    undecided = () if case.run is None or case.run.decided else (case.run,)
    known = {case.run.group: case.run} if case.run is not None and case.run.decided else {}
    cached.forget_ended(RunsOfJob(undecided, known))
    told = record.model_copy(update={"output": ""})
    assert (bool(cached.remembered.ended_on_request), cached.recorded_on_request) == (
        case.kept, [told] if case.told else [],
    )  # fmt: skip


# --- at the edges ----------------------------------------------------------------------------------------------------


def bring(edges: Edges, *bodies: Object) -> None:
    """The watch tells of these DkronRuns."""
    watch = run_informer(
        edges.parts.ports.client, edges.store.requested_runs, None, changed=edges.parts.effects.runs.requeue
    )
    listed(watch, [edges.kube.put(DKRON_RUNS, body) for body in bodies], edges.kube.world.version)


def finish(edges: Edges, *, kind: str = "Complete") -> None:
    """All Jobs are over."""
    for name in edges.kube.names(JOBS):
        edges.kube.edit(JOBS, name, lambda body: body.update(status=ended(kind, at=after(5))))
    edges.watch()


def status_of(edges: Edges, name: str = "a") -> RunStatus:
    return RunStatus.from_wire(edges.kube.has(DKRON_RUNS, name).get("status") or {})


@pytest.mark.looptime
async def test_run_is_named_by_its_job_and_tracked_until_its_deletion() -> None:
    edges = begin(schedule="@manually", history={"runs": 1, "successfulJobs": 0}, **DAY)
    slot = requested(backfill=True).name
    async with edges.running():
        await until(1)
        bring(
            edges, wire(parameters={"day": "1"}), wire("b"), wire("c", ttlSecondsAfterFinished=5),
            wire("d", ttlSecondsAfterFinished=5, backfill=True),
        )  # fmt: skip
        await until(4)
        notes = [edges.kube.has(JOBS, name)["metadata"]["annotations"] for name in edges.kube.names(JOBS)]
        assert sorted((note[OF_RUN], WITH_PARAMETERS in note) for note in notes) == [
            ("a", True), ("b", False), (slot, False), ("c", False),
        ]  # fmt: skip
        assert {status_of(edges, name).phase for name in ("a", "b", "c", slot)} == {"Running"}
        finish(edges)
        await until(8)
        assert {status_of(edges, name).phase for name in ("a", "b", "c", slot)} == {"Succeeded"}
        await until(15)
        assert edges.kube.names(DKRON_RUNS) == ["a", "b", slot], "one has a time to live"
        await until(90)
        assert len(set(edges.kube.names(DKRON_RUNS)) & {"a", "b"}) == 1, "the job keeps one"
        assert slot in edges.kube.names(DKRON_RUNS), "the backfill needs it"
        assert edges.kube.names(JOBS) == []


@pytest.mark.looptime
@pytest.mark.promise
async def test_run_that_kueue_gives_up_ends() -> None:
    edges = begin(schedule="@manually", queueName="reports")
    edges.kube.put(LOCAL_QUEUES, {"metadata": {"name": "reports"}})
    async with edges.running():
        await until(1)
        bring(edges, wire())
        await until(4)
        (name,) = edges.kube.names(JOBS)
        job = edges.kube.has(JOBS, name)
        assert status_of(edges).phase == "Waiting"
        uid = job["metadata"]["uid"]
        about = {"name": "w", "labels": {JOB_UID: uid}, "ownerReferences": [{"uid": uid, "controller": True}]}
        edges.kube.put(WORKLOADS, {"metadata": about, "spec": {"active": False}})
        await until(20)
        assert edges.kube.names(JOBS) == []
        edges.handlers.feed_attempt("DELETED", job)
        await until(30)
        status = status_of(edges)
        assert (status.phase, [each.reason for each in status.attempts]) == ("Failed", ["Deactivated"])
        assert [each.reason for each in edges.status().executions] == ["Deactivated"]


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("phase", "over", "kept"),
    [
        pytest.param(RunPhase.PENDING, False, True, id="the run may still have to be decided"),
        pytest.param(RunPhase.RUNNING, False, False, id="the run is decided"),
        pytest.param(RunPhase.RUNNING, True, True, id="the run has yet to show its end"),
        pytest.param(RunPhase.FAILED, True, False, id="the run shows its end"),
    ],
)
async def test_job_is_kept_until_its_run_needs_it_no_more(phase: RunPhase, over: bool, kept: bool) -> None:
    edges = begin(schedule="@manually")
    job = wire_run(A, status=ended("Failed", at=after(5)) if over else None)
    job["metadata"]["annotations"][OF_RUN] = "a"
    edges.kube.put(JOBS, job)
    edges.watch()
    bring(edges, wire(status=RunStatus(dkron_job=MINE) if phase == RunPhase.PENDING else decided(phase).status))
    edges.entry().observed.pod_problems[A.job] = PodProblem(UNSCHEDULABLE, "0/1 nodes are available")
    await edges.parts.effects._job_deleter._delete((UID, A.job))
    assert edges.kube.names(JOBS) == ([A.job] if kept else [])


@pytest.mark.looptime
async def test_backfill_slot_of_a_replaced_job_is_refused_in_time() -> None:
    edges = begin(schedule="@manually")
    body = wire(backfill=True)
    name = body["metadata"]["name"] = run_name("b", NAME, "uid-of-the-first", after(0))
    async with edges.running():
        bring(edges, body)
        await until(60)
        waits = status_of(edges, name)
        assert (waits.phase, waits.message.partition(";")[0]) == ("Pending", f'the job "{NAME}" is another one by now')
        await until(700)
        assert (status_of(edges, name).phase, edges.kube.names(JOBS)) == ("Refused", [])


def replace_job(edges: Edges, uid: str) -> None:
    """Another job of the same name replaces the job."""
    edges.kube.put(DKRON_JOBS, wire_job(name=NAME, uid=uid, schedule="@manually"))


@pytest.mark.looptime
async def test_bound_run_does_not_run_for_a_later_namesake() -> None:
    edges = begin(schedule="@manually")
    async with edges.running():
        await until(1)
        edges.kube.fail("create jobs", *[Unavailable("no answer")] * 3)
        bring(edges, wire())
        await until(1.1)
        assert status_of(edges).dkron_job == MINE
        replace_job(edges, UID.replace("a", "b"))
        edges.watch()
        await until(30)
        assert (status_of(edges).phase, status_of(edges).conditions[0].reason) == ("Failed", "JobDeleted")
        assert edges.kube.names(JOBS) == []


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("status", "before", "since"),
    [
        pytest.param(RunStatus(), "Pending", "Running", id="bound"),
        # Only the status of the job says whether a retry follows. Here none does.
        pytest.param(
            RunStatus(phase=RunPhase.RUNNING, group=requested().group, attempts=(FIRST_FAILED,)), "Running", "Failed",
            id="its attempt has failed",
        ),
    ],
)  # fmt: skip
async def test_job_the_watch_does_not_show_yet_is_not_deleted(status: RunStatus, before: str, since: str) -> None:
    edges = begin(schedule="@manually")
    second = UID.replace("a", "b")
    async with edges.running():
        await until(1)
        replace_job(edges, second)
        bring(edges, wire(status=status.model_copy(update={"dkron_job": BoundJob(name=NAME, uid=second)})))
        await until(5)
        assert status_of(edges).phase == before
        edges.watch()
        await until(10)
        assert status_of(edges).phase == since


@pytest.mark.looptime
async def test_run_waits_for_a_job_created_later() -> None:
    edges = begin(schedule="@manually")
    async with edges.running():
        bring(edges, wire(job="late"))
        await until(3)
        assert (status_of(edges).phase, status_of(edges).group) == ("Pending", None)
        assert '"late"' in status_of(edges).message
        other = UID.replace("a", "b")
        edges.kube.put(DKRON_JOBS, wire_job(name="late", uid=other, schedule="@manually"))
        edges.watch()
        await until(6)
        assert status_of(edges).phase == "Running"
        bring(edges, wire(status=status_of(edges)), wire("never", job="never"), wire("long", job="a" * 8192))
        await until(605)
        assert status_of(edges, "long").phase == "Refused"
        assert (status_of(edges, "never").phase, status_of(edges, "never").message) == (
            "Refused", 'the namespace has no DkronJob with the name "never"',
        )  # fmt: skip


@pytest.mark.looptime
async def test_job_is_kept_while_its_run_cannot_be_read() -> None:
    edges = begin(schedule="@manually", history={"successfulJobs": 0})
    async with edges.running():
        await until(1)
        bring(edges, wire())
        await until(4)
        # Another list does not know the run, as one that is old.
        edges.store.requested_runs.remove("uid-of-a")
        edges.kube.edit(DKRON_RUNS, "a", lambda body: body.pop("status", None))
        edges.kube.fail("get dkronruns", *[Unavailable("no answer")] * 2)
        finish(edges)
        await until(75)
        assert edges.asked("get dkronruns") >= 3
        await until(90)
        assert status_of(edges).phase == "Succeeded", "it was found by name, and was not run again"
        assert edges.asked("create jobs") == 1


def fail(edges: Edges, name: str, at: float) -> None:
    """The pod of this Job exits with 3, which is no news until the watch tells."""
    job = edges.kube.has(JOBS, name)
    pod = wire_pod(name=f"{name}-pod", states={"job": terminated(3, reason="Error", began=after(at), seconds=0)})
    edges.kube.put(PODS, of_job(pod, name, uid=job["metadata"]["uid"]))
    over = ended("Failed", at=after(at), reason="BackoffLimitExceeded")
    edges.kube.edit(JOBS, name, lambda body: body.update(status=over))


@pytest.mark.looptime
@pytest.mark.parametrize(
    "busy",
    [
        pytest.param(False, id="its own next attempt takes the place"),
        pytest.param(True, id="a newer run takes the place in the same write"),
    ],
)
async def test_short_history_drops_no_attempt_of_a_run(busy: bool) -> None:
    edges = begin(
        schedule="@manually", history={"executions": 1}, retries=2, retryBackoff={"initial": "2s", "max": "2s"}
    )
    of = requested()
    async with edges.running():
        await until(1)
        bring(edges, wire())
        for attempt in range(1, 4):
            await until(attempt * 10 - 2)
            if busy:
                bring(edges, *(edges.kube.has(DKRON_RUNS, name) for name in edges.kube.names(DKRON_RUNS)),
                      wire(f"b{attempt}", at=attempt * 10 - 2))  # fmt: skip
            await until(attempt * 10)
            for name in edges.kube.names(JOBS):
                if not edges.kube.has(JOBS, name).get("status"):
                    fail(edges, name, attempt * 10)
            edges.watch()
        await until(40)
        status = status_of(edges)
    assert [(each.attempt, each.reason, each.exit_code, each.node_name) for each in status.attempts] == [
        (3, "Error", 3, "n1"), (2, "Error", 3, "n1"), (1, "Error", 3, "n1"),
    ]  # fmt: skip
    assert (status.conditions[0].type, status.conditions[0].reason) == ("Failed", "Error")
    shown = [each.group for each in edges.status().executions]
    assert len(shown) == 1
    assert (of.group in shown) is not busy
    assert edges.entry().remembered.ended_on_request == {}
