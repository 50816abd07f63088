"""A ResourceQuota that is used up: the runs wait in line, one of them asks at a time, and each begins once."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest

from dkron_crds.job import Attempt, AttemptState, ConditionStatus, ConditionType, JobStatus, Trigger
from dkron_crds.schedule.timeline import TICK
from dkron_kube.errors import QuotaExceeded, Rejected, from_status
from dkron_kube.paths import JOBS
from dkron_operator.act.quota_line import LATEST, QuotaLine
from dkron_operator.kit.clock import Clock
from dkron_operator.plan.advance import advance
from dkron_operator.plan.situation.cause import RunKey
from dkron_operator.plan.situation.pools import Places
from dkron_operator.plan.situation.quota import Quota, shown
from dkron_operator.plan.situation.view import PodProblem
from dkron_operator.plan.status.changes import Enqueued
from dkron_operator.plan.status.holders import holders
from dkron_operator.plan.status.line import Returned, dequeued, queued, returning, run_of
from tests.support.builders import (
    NAMESPACE,
    NOON,
    after,
    claim,
    execution,
    job_view,
    request_claim,
    run,
    seen,
    situation,
)
from tests.support.edges import Edges, begin, until
from tests.support.fake_kube import FakeKube
from tests.support.folding import fold_one

SENTENCE = "exceeded quota: few, requested: count/jobs.batch=1, used: count/jobs.batch=0, limited: count/jobs.batch=0"
FULL = Quota(SENTENCE)
RUN = (Trigger.SCHEDULE, claim().group)


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        pytest.param(403, f'jobs.batch "x" is forbidden: {SENTENCE}', QuotaExceeded, id="used up"),
        pytest.param(403, 'jobs.batch "x" is forbidden: status unknown for quota: few', QuotaExceeded, id="new"),
        pytest.param(403, "admission webhook denied the request", Rejected, id="a webhook"),
        pytest.param(422, "spec: exceeded quota: is no name", Rejected, id="an invalid object that says so"),
    ],
)
def test_a_refusal_of_a_quota_is_known_by_its_words(status: int, message: str, kind: type[Exception]) -> None:
    assert type(from_status(status, {"message": message, "reason": "Forbidden"})) is kind


def test_sentence_leaves_out_the_name_of_the_job() -> None:
    assert shown(f'jobs.batch "x" is forbidden: {SENTENCE}') == SENTENCE
    assert shown("status unknown for quota: few") == "status unknown for quota: few"


# --- changes of the status -------------------------------------------------------------------------------------------


FRESH, WAITED = claim(), dequeued(queued(claim(), NOON), after(9))
SECOND_TRY = claim(attempt=2)


@pytest.mark.parametrize("entry", [FRESH, WAITED], ids=["never in line", "from the line"])
def test_a_returned_run_waits_at_its_old_place(entry: Attempt) -> None:
    before = JobStatus(active=(entry,))
    change = Returned(returning(before, entry, ()), after(10))
    found = fold_one(before, change, job_view().spec.history)
    assert (found.active[0].state, found.active[0].queued_at) == (AttemptState.WAITING, entry.queued_at or after(10))
    assert holders(before, ()) == {run_of(entry)}
    assert not holders(found, ()), "its places in pools are free"
    assert fold_one(found, change, job_view().spec.history) == found


@pytest.mark.parametrize(
    ("status", "entry"),
    [
        pytest.param(JobStatus(active=(SECOND_TRY,), executions=(execution(success=False),)), SECOND_TRY, id="a retry"),
        pytest.param(JobStatus(active=(seen(FRESH),)), FRESH, id="a Job exists"),
        pytest.param(JobStatus(active=(queued(FRESH, NOON),)), FRESH, id="it waits"),
        pytest.param(JobStatus(), FRESH, id="no claim"),
    ],
)
def test_a_run_that_has_begun_does_not_return(status: JobStatus, entry: Attempt) -> None:
    assert returning(status, entry, ()) == ()


def test_a_run_with_a_job_unknown_to_the_status_stays() -> None:
    assert returning(JobStatus(active=(FRESH,)), FRESH, [RUN]) == ()


def test_a_run_that_another_process_dropped_does_not_return() -> None:
    change = Returned((FRESH,), NOON)
    assert fold_one(JobStatus(), change, job_view().spec.history) == JobStatus()


# --- plans -----------------------------------------------------------------------------------------------------------


def at_quota(quota: Quota = FULL, *active: Attempt, now: datetime = NOON, runs: Any = (), **spec: Any) -> Any:
    known = situation(job_view(**spec))
    status = known.status.model_copy(update={"active": active, "last_schedule_time": NOON})
    return situation(job_view(**spec), status, now=now, runs=runs, quota=quota)


@pytest.mark.parametrize("concurrency", ["allow", "forbid", "queue", "replace"])
def test_due_slots_join_the_line_in_one_change(concurrency: str) -> None:
    plan = advance(at_quota(now=after(60), concurrency=concurrency))
    joined = [change for change in plan.changes if isinstance(change, Enqueued)]
    assert (plan.create, len(joined), len(joined[0].marks)) == (None, 1, 1)
    assert [entry.state is AttemptState.WAITING for entry in plan.status.active] == [True]


def test_a_call_without_a_pod_needs_no_room() -> None:
    line = QuotaLine(clock=Clock(), requeue=lambda _: None)
    line.refuse(NAMESPACE, SENTENCE)
    inline = {"method": "GET", "url": "http://localhost/", "inline": "true"}
    assert line.of(job_view()).closed
    assert not line.of(job_view(executor="http", executorConfig=inline)).closed


WAITS = queued(claim(), NOON)
TURN = Quota(SENTENCE, frozenset([RUN]))


@dataclass(frozen=True, slots=True)
class Asked:
    """A claim under a quota: whether its Job is asked for, and whether it counts as refused."""

    title: str
    quota: Quota
    entry: Attempt
    creates: bool
    refused: bool


ASKED = (
    Asked("no quota", Quota(), WAITS, creates=True, refused=False),
    Asked("the turn of another job", FULL, WAITS, creates=False, refused=True),
    Asked("its turn", TURN, WAITS, creates=True, refused=False),
    Asked(
        "its turn, a moment later",
        Quota(SENTENCE, TURN.turns, timedelta(seconds=3)),
        WAITS,
        creates=False,
        refused=True,
    ),
    Asked("a retry", FULL, SECOND_TRY, creates=False, refused=True),
    Asked("a retry at its turn", TURN, SECOND_TRY, creates=True, refused=False),
    Asked("a claim that has not asked yet", FULL, FRESH, creates=True, refused=False),
)


@pytest.mark.parametrize("case", ASKED, ids=lambda case: case.title)
def test_only_the_first_of_the_namespace_asks(case: Asked) -> None:
    plan = advance(at_quota(case.quota, case.entry, now=after(5), retries=1))
    assert (plan.create is not None, bool(plan.refused)) == (case.creates, case.refused)
    if case.quota.wait:
        assert plan.wake == after(8)


FREE, TAKEN, GRANTED = Places(), Places(free=False), Places(free=False, granted=frozenset([RUN]))


@dataclass(frozen=True, slots=True)
class Placed:
    """A run of a job with pools under a quota: whether its Job is asked for, and what else it waits for."""

    title: str
    quota: Quota
    places: Places
    creates: bool = False
    ready: bool = False
    refused: bool = False


PLACED = (
    Placed("no turn", FULL, FREE, refused=True),
    Placed("no turn, with a place: others get it", FULL, GRANTED, refused=True),
    Placed("its turn: it may get a place", TURN, TAKEN, ready=True, refused=True),
    Placed("both", TURN, GRANTED, creates=True),
)


@pytest.mark.parametrize("case", PLACED, ids=lambda case: case.title)
def test_places_in_pools_go_to_runs_at_their_turn(case: Placed) -> None:
    found = at_quota(case.quota, WAITS, pools=["p"], now=after(5))
    plan = advance(replace(found, places=case.places))
    told = (plan.create is not None, bool(plan.ready), bool(plan.refused))
    assert told == (case.creates, case.ready, case.refused)


@dataclass(frozen=True, slots=True)
class Patience:
    """A run that waits for room since noon, and how it ends a moment after its time."""

    title: str
    entry: Attempt
    spec: dict[str, Any]
    ends: datetime
    reason: str


REQUESTED = queued(request_claim(), NOON)
OVER = (
    Patience("without a deadline", WAITS, {}, after(hours=1), "JobRejected"),
    Patience("with a deadline", WAITS, {"startingDeadlineSeconds": 90}, after(90), "DeadlineExceeded"),
    Patience("with a long deadline", WAITS, {"startingDeadlineSeconds": 7200}, after(hours=2), "DeadlineExceeded"),
    Patience("a request", REQUESTED, {"startingDeadlineSeconds": 90}, after(hours=1), "JobRejected"),
    Patience("a retry", SECOND_TRY, {"retries": 3}, after(hours=1), "JobRejected"),
)


@pytest.mark.parametrize("case", OVER, ids=lambda case: case.title)
def test_a_run_waits_no_longer_than_it_may(case: Patience) -> None:
    spec = {"schedule": "@manually" if case.entry is REQUESTED else "0 0 0 1 1 *", **case.spec}
    quota = Quota(SENTENCE, since={run_of(case.entry): NOON})
    plan = advance(at_quota(quota, case.entry, now=case.ends, **spec))
    assert (plan.create, plan.wake) == (None, case.ends + TICK)
    plan = advance(at_quota(quota, case.entry, now=case.ends + timedelta(seconds=1), **spec))
    if case.reason == "JobRejected":
        assert plan.create is not None
        assert plan.create.late, "its Job is looked for once more"
        done = plan.create.otherwise[0].execution  # type: ignore[union-attr]
        assert (done.reason, done.message, done.success) == ("JobRejected", SENTENCE, False)
        assert plan.create.otherwise[0].retry is None  # type: ignore[union-attr]
    else:
        assert plan.status.skipped is not None
        assert (plan.status.active, plan.status.skipped.last_reason) == ((), case.reason)


def test_forbid_counts_a_run_that_waits_for_room() -> None:
    plan = advance(at_quota(FULL, WAITS, now=after(60), concurrency="forbid"))
    assert plan.status.skipped is not None
    assert (plan.status.skipped.last_reason, len(plan.status.active)) == ("ConcurrencyForbidden", 1)


def test_replace_keeps_only_the_newest_in_line() -> None:
    other = queued(claim(after(60)), after(60))
    plan = advance(at_quota(FULL, WAITS, other, now=after(61), concurrency="replace"))
    assert [entry.slot for entry in plan.status.active] == [after(60)]


def test_replace_deletes_the_older_job_and_then_waits() -> None:
    older = seen(claim())
    newer = queued(claim(after(60)), after(60))
    found = at_quota(FULL, older, newer, now=after(61), concurrency="replace", runs=[run(claim())])
    plan = advance(found)
    assert plan.create is not None
    assert (plan.create.late, [each.name for each in plan.create.replaces]) == (True, [older.job])


@pytest.mark.parametrize(
    ("quota", "degraded"),
    [(FULL, True), (Quota(SENTENCE, TURN.turns, since={RUN: NOON}), True), (Quota(), False)],
    ids=["waits", "asks again", "no quota"],
)
def test_conditions_name_the_quota(quota: Quota, degraded: bool) -> None:
    plan = advance(at_quota(quota, WAITS, now=after(5)))
    found = {condition.type: condition for condition in plan.status.conditions}
    assert found[ConditionType.READY].status is ConditionStatus.TRUE
    told = found[ConditionType.DEGRADED]
    assert (told.status is ConditionStatus.TRUE) is degraded
    if degraded:
        assert (told.reason, told.message) == ("QuotaExceeded", f"Job {WAITS.job} does not start: {SENTENCE}")


def test_a_quota_of_pods_is_named_by_the_job_controller() -> None:
    words = (
        'Error creating: pods "x" is forbidden: exceeded quota: pods, requested: pods=1, used: pods=2, limited: pods=2'
    )
    problem = PodProblem("FailedCreate", words)
    found = at_quota(Quota(), seen(FRESH), runs=[run(FRESH, pending=True)])
    plan = advance(situation(found.job, found.status, runs=[run(FRESH, pending=True)],
                             pod_problems={FRESH.job: problem}))  # fmt: skip
    told = next(each for each in plan.status.conditions if each.type == ConditionType.DEGRADED)
    assert (told.reason, told.message) == ("FailedCreate", f"Job {FRESH.job} does not start: {words}")


def test_ready_says_what_the_line_waits_for() -> None:
    plan = advance(at_quota(FULL, WAITS, now=after(5)))
    told = next(each for each in plan.status.conditions if each.type == ConditionType.READY)
    assert told.message == "1 run waits in line, for room in a ResourceQuota"


# --- the line of a namespace -----------------------------------------------------------------------------------------


NONE: set[RunKey] = set()


class Space:
    """The line of one namespace, and its clock."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.called: list[str] = []
        self.line = QuotaLine(
            clock=Clock(lambda: after(self.seconds), lambda: self.seconds), requeue=self.called.append
        )

    def settle(
        self, uid: str, *refused: Attempt, active: tuple[Attempt, ...] = (), create: Attempt | None = None,
        ready: tuple[Attempt, ...] = (),
    ) -> None:  # fmt: skip
        job, quota = job_view(uid=uid), self.of(uid)
        asks = None if create is None else Mock(entry=create, late=False)
        status = JobStatus(active=(*refused, *active))
        plan = Mock(
            refused=list(refused),
            ready=list(ready),
            create=asks,
            status=status,
            situation=Mock(now=after(self.seconds), quota=quota),
        )
        self.line.settle(Mock(job=job), plan)

    def of(self, uid: str) -> Quota:
        return self.line.of(job_view(uid=uid))

    def turns(self, uid: str) -> set[RunKey]:
        return set(self.of(uid).turns)

    def refuse(self) -> None:
        self.line.refuse(NAMESPACE, SENTENCE)


def waits(second: float) -> Attempt:
    return queued(claim(after(second)), after(second))


def test_oldest_run_of_the_namespace_is_next() -> None:
    space = Space()
    space.refuse()
    space.settle("b", waits(2), waits(3))
    space.settle("a", waits(1))
    assert space.called == ["b", "a"]
    assert (space.turns("b"), space.turns("a")) == (NONE, {run_of(waits(1))})
    space.settle("a")
    assert (space.called[-1], space.turns("b")) == ("b", {run_of(waits(2))})
    space.line.forget("b")
    assert not space.of("b").closed
    assert len(space.line) == 0, "nothing is left of it"


def test_runs_of_one_moment_ask_in_the_order_of_their_job() -> None:
    space, runs = Space(), tuple(queued(claim(after(second)), after(9)) for second in (3, 1, 2))
    space.refuse()
    asked = list[set[RunKey]]()
    for begun in range(len(runs)):
        space.settle("a", *runs[begun:])
        asked.append(space.turns("a"))
    assert asked == [{run_of(run)} for run in runs]


def test_another_namespace_has_its_own_line() -> None:
    space = Space()
    space.line.refuse("elsewhere", SENTENCE)
    assert not space.of("a").closed


def test_refusals_are_asked_about_less_and_less_often() -> None:
    space, times = Space(), []
    space.refuse()
    space.settle("a", waits(0))
    while space.seconds < 200:
        space.seconds += space.of("a").wait.total_seconds()
        times.append(space.seconds)
        space.refuse()
    assert times == [1, 3, 7, 15, 31, 61, 91, 121, 151, 181, 211]
    assert LATEST == 30


def test_requests_that_went_out_together_count_as_one() -> None:
    space = Space()
    for _ in range(8):
        space.refuse()
    space.settle("a", waits(0))
    assert space.of("a").wait.total_seconds() == 1


def test_a_job_that_is_gone_has_the_first_ask_at_once() -> None:
    space = Space()
    space.refuse()
    space.settle("a", waits(0))
    assert space.of("a").wait.total_seconds() == 1
    space.line.free(NAMESPACE)
    assert (space.of("a").wait, space.called) == (timedelta(0), ["a", "a"])
    space.line.free(NAMESPACE)
    assert space.called == ["a", "a"], "it is planned already"


def test_next_run_asks_at_once_when_one_has_begun() -> None:
    space = Space()
    space.refuse()
    space.settle("a", waits(0))
    space.settle("b", waits(1))
    space.line.free(NAMESPACE)
    space.settle("a")
    assert (space.turns("b"), space.of("b").wait, space.called[-1]) == ({run_of(waits(1))}, timedelta(0), "b")


def test_a_run_that_asks_keeps_its_turn() -> None:
    space = Space()
    space.refuse()
    first, begins = waits(0), waits(0).model_copy(update={"started_at": after(9)})
    space.settle("a", first)
    space.settle("b", waits(1))
    space.settle("a", active=(first,), create=begins)
    assert (space.turns("a"), space.turns("b")) == ({run_of(first)}, NONE)
    assert space.of("a").since == {run_of(first): NOON}
    space.settle("a", active=(seen(begins),))
    assert (space.turns("b"), space.called[-1]) == ({run_of(waits(1))}, "b")


def test_others_do_not_wait_for_one_that_lacks_a_place() -> None:
    space = Space()
    space.refuse()
    space.settle("a", waits(0))
    space.settle("b", waits(1))
    space.seconds = 2
    space.settle("a", waits(0), ready=(waits(0),))
    assert (space.turns("a"), space.turns("b")) == ({run_of(waits(0))}, {run_of(waits(1))})
    space.refuse()
    space.settle("a", waits(0))
    assert (space.turns("a"), space.turns("b")) == ({run_of(waits(0))}, NONE), "its place came too late"


def test_a_refusal_without_a_run_is_forgotten() -> None:
    space = Space()
    space.refuse()
    space.settle("other")
    assert space.of("a").closed
    space.seconds = 2
    assert not space.of("a").closed
    assert len(space.line) == 0


def test_another_leader_begins_with_an_empty_line() -> None:
    space = Space()
    space.refuse()
    space.settle("a", waits(0))
    space.line.renew()
    assert (len(space.line), space.of("a").closed) == (0, False)


# --- the operator ----------------------------------------------------------------------------------------------------


pytestmark = pytest.mark.looptime
MINUTELY: dict[str, Any] = {"schedule": "0 * * * * *"}


def full(room: int = 0, **spec: Any) -> Edges:
    kube = FakeKube()
    kube.world.quotas[""] = room
    return begin(kube, **{**MINUTELY, **spec})


def waiting(edges: Edges) -> list[Attempt]:
    return [entry for entry in edges.status().active if entry.state is AttemptState.WAITING]


def condition(edges: Edges, kind: ConditionType) -> tuple[ConditionStatus, str]:
    return next((each.status, each.message) for each in edges.status().conditions if each.type == kind)


@pytest.mark.parametrize("concurrency", ["allow", "forbid", "queue", "replace"])
async def test_a_refused_run_waits_and_begins_when_there_is_room(concurrency: str) -> None:
    edges = full(concurrency=concurrency)
    async with edges.running():
        await until(65)
        assert [entry.slot for entry in waiting(edges)] == [after(60)]
        assert edges.status().last_schedule_time == after(60)
        assert condition(edges, ConditionType.READY)[0] is ConditionStatus.TRUE
        degraded = condition(edges, ConditionType.DEGRADED)
        assert degraded == (ConditionStatus.TRUE, f"Job {waiting(edges)[0].job} does not start: {SENTENCE}")
        edges.kube.world.quotas.clear()
        await until(75)
        assert [entry.slot for entry in edges.status().active if entry.uid] == [after(60)]
        assert SENTENCE not in condition(edges, ConditionType.DEGRADED)[1]
    assert len(edges.kube.names(JOBS)) == 1
    assert edges.status().active[0].queued_at is not None


async def test_a_full_quota_costs_one_request_at_a_time() -> None:
    edges = full(schedule="@every 10s", queue={"max": 50})
    async with edges.running():
        await until(305)
        assert len(waiting(edges)) == 30
    # 1, 2, 4, … 30 seconds after one another.
    assert edges.asked("create jobs") == 14


async def test_runs_follow_in_order_once_there_is_room() -> None:
    edges = full(schedule="@every 10s", queue={"max": 50})
    async with edges.running():
        await until(95)
        edges.kube.world.quotas.clear()
        await until(129)
    created = [call.split()[-1] for call in edges.kube.calls if call.startswith("create jobs")]
    assert list(dict.fromkeys(created)) == sorted(edges.kube.names(JOBS))
    assert not waiting(edges)


async def test_a_deleted_job_lets_the_next_run_begin() -> None:
    edges = full(room=1, schedule="@every 10s", queue={"max": 50})
    async with edges.running():
        await until(75)
        (name,) = edges.kube.names(JOBS)
        gone = edges.kube.remove(JOBS, name)
        edges.handlers.feed_attempt("DELETED", gone)
        await until(75.5)
        assert len(edges.kube.names(JOBS)) == 1
    assert name not in edges.kube.names(JOBS)


async def test_death_at_any_write_neither_loses_nor_doubles_a_run() -> None:
    kube = FakeKube()
    kube.world.quotas[""] = 0
    edges = begin(kube, **MINUTELY)
    async with edges.running():
        await until(63)
    (entry,) = waiting(edges)
    again = Edges(kube)
    again.watch()
    async with again.running():
        await asyncio.sleep(20)
        assert [each.job for each in waiting(again)] == [entry.job]
        kube.world.quotas.clear()
        await asyncio.sleep(31)
    assert kube.names(JOBS)[:1] == [entry.job]
    assert kube.names(JOBS).count(entry.job) == 1


async def test_a_job_found_by_name_is_adopted_though_a_quota_refuses() -> None:
    edges = full(room=1)
    edges.kube.lose_answer("create jobs")
    async with edges.running():
        await until(70)
    assert [bool(entry.uid) for entry in edges.status().active] == [True]
    assert len(edges.kube.names(JOBS)) == 1


async def test_an_edit_that_disables_the_job_drops_its_run() -> None:
    edges = full()
    async with edges.running():
        await until(65)
        assert waiting(edges)
        edges.edit_job(lambda body: body["spec"].update(disabled=True) or body["metadata"].update(generation=2))
        edges.watch()
        await until(70)
        assert not waiting(edges)
    skipped = edges.status().skipped
    assert skipped is not None
    assert skipped.last_reason == "Disabled"
