"""DkronBackfills at an API server that loses writes, and an operator that dies: each slot gets one DkronRun."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dkron_crds.backfill import MAX_RUNS, BackfillStatus
from dkron_crds.base import rfc3339
from dkron_crds.job import Attempt, AttemptState, JobStatus, Trigger
from dkron_crds.kinds import KINDS
from dkron_crds.schedule import parse
from dkron_kube.client import KubeClient
from dkron_kube.errors import KubeError, Rejected, Unavailable
from dkron_kube.paths import DKRON_BACKFILLS, DKRON_JOBS, DKRON_RUNS, Resource
from dkron_operator.act.events import Events
from dkron_operator.backfill.controller import Backfills
from dkron_operator.backfill.view import Known
from dkron_operator.cache.store import Store
from dkron_operator.kit.clock import Clock
from dkron_operator.plan.actions import Report
from dkron_operator.plan.situation.requested_runs import read_requested_run
from tests.support.builders import NAMESPACE, NOON, after, wire_job
from tests.support.fake_kube import FakeKube
from tests.support.kstatus import kstatus

Object = dict[str, Any]
NAME, BACKFILL = "again", "00000000-0000-0000-0000-0000000000bf"
WEEK = timedelta(days=7)


class Killed(BaseException):
    """The process ends here."""


class DyingKube(FakeKube):
    """Counts the DkronRuns that were created, and can kill the client right before or after a call has its effect."""

    def __init__(self) -> None:
        super().__init__()
        self.created: Counter[tuple[str, str]] = Counter()
        self.kill_after = ""

    async def create(self, resource: Resource, namespace: str | None, body: Object, *, dry_run: bool = False) -> Object:
        before = len(self.names(resource))
        try:
            return await super().create(resource, namespace, body, dry_run=dry_run)
        finally:
            if resource == DKRON_RUNS and len(self.names(resource)) > before:
                self.created[body["spec"]["job"], body["spec"]["scheduledTime"]] += 1

    def _answer(self, verb: str, resource: Resource, body: Object) -> Object:
        if self.kill_after == f"{verb} {resource.plural}":
            self.kill_after = ""
            raise Killed
        return super()._answer(verb, resource, body)


SAYS = "attempt 1 failed"
"""The message in the status of each DkronRun at its end."""


@dataclass
class Operator:
    """The part of an operator that carries out backfills. `restart` is the next process."""

    kube: DyingKube
    now: datetime = NOON
    backfills: Backfills = field(init=False)
    store: Store = field(init=False)
    acts: bool = True
    reports: list[str] = field(default_factory=list)
    bad: set[str] = field(default_factory=set)
    """The DkronRuns that failed or were deleted."""

    def report(self, _: object, report: Report) -> None:
        """Take an Event."""
        self.reports.append(report.reason)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        client, clock = cast("KubeClient", self.kube), Clock(lambda: self.now)
        self.store = store = Store()
        for name in self.kube.names(DKRON_JOBS):
            store.upsert_job(self.kube.has(DKRON_JOBS, name))
        self.backfills = Backfills(
            client, store, clock=clock, events=cast("Events", self), may_act=lambda: self.acts,
        )  # fmt: skip
        self.backfills.queue.add = lambda *_: None  # type: ignore[method-assign]  # the test says when to look
        self.watch()

    def watch(self) -> None:
        """The watches have caught up."""
        bodies = [self.kube.has(DKRON_RUNS, name) for name in self.kube.names(DKRON_RUNS)]
        runs = [run for run in map(read_requested_run, bodies) if run is not None]
        self.store.requested_runs.replace(None, runs, self.kube.world.version)
        found = [self.kube.has(DKRON_BACKFILLS, name) for name in self.kube.names(DKRON_BACKFILLS)]
        self.backfills.replace(None, map(Known.read, found))

    async def look(self) -> None:
        """One look, which may be the last one of this process."""
        try:
            await self.backfills.look(BACKFILL)
        except Killed:
            self.restart()
        except KubeError:
            pass

    def status(self) -> BackfillStatus:
        return BackfillStatus.from_wire(self.kube.has(DKRON_BACKFILLS, NAME).get("status") or {})

    def end(self, name: str, phase: str = "Succeeded") -> None:
        if "status" not in self.kube.has(DKRON_RUNS, name):
            self.kube.edit(DKRON_RUNS, name, lambda body: body.update(status={"phase": phase, "message": SAYS}))
            self.bad |= set() if phase == "Succeeded" else {name}
        self.watch()

    def active(self) -> list[str]:
        return [run.run for run in self.status().active_runs]


def operator(*, jobs: tuple[Object, ...] = (), created: datetime = NOON, **spec: Any) -> Operator:
    kube = DyingKube()
    for job in jobs or (wire_job(schedule="0 0 * * * *"),):
        kube.put(DKRON_JOBS, job)
    metadata = {
        "name": NAME, "namespace": NAMESPACE, "uid": BACKFILL, "generation": 1, "creationTimestamp": rfc3339(created),
    }  # fmt: skip
    given = {"job": "backup", "from": rfc3339(after(hours=-6)), "to": rfc3339(NOON), **spec}
    kube.put(DKRON_BACKFILLS, {"metadata": metadata, "spec": {k: v for k, v in given.items() if v is not None}})
    return Operator(kube)


def between(start: datetime, end: datetime) -> Object:
    return {"from": rfc3339(start), "to": rfc3339(end)}


FAULTS: dict[str, Callable[[DyingKube, str], None]] = {
    "lost": lambda kube, call: kube.fail(call, Unavailable("no answer")),
    "unanswered": lambda kube, call: kube.lose_answer(call),
    "killed before": lambda kube, call: kube.meanwhile(call, _die),
    "killed after": lambda kube, call: setattr(kube, "kill_after", call),
    "another writer": lambda kube, call: kube.meanwhile(
        call, lambda: None if not kube.names(DKRON_BACKFILLS) else _touch(kube)
    ),
}
CALLS = ("create dkronruns", "write dkronbackfills", "get dkronbackfills", "get dkronruns")
steps = st.one_of(
    st.tuples(st.just("look"), st.just(0)),
    st.tuples(st.just("watch"), st.just(0)),
    st.tuples(st.sampled_from(("end", "fail", "delete")), st.integers(0, 7)),
    st.tuples(st.just("suspend"), st.booleans()),
    st.tuples(st.just("edit the job"), st.just(0)),
    st.tuples(st.sampled_from(sorted(FAULTS)), st.sampled_from(CALLS)),
)


def _die() -> None:
    raise Killed


def _touch(kube: DyingKube) -> None:
    kube.edit(DKRON_BACKFILLS, NAME, lambda body: body["spec"].update(reason="touched"))


async def act(tested: Operator, what: str, about: Any) -> None:
    kube, active = tested.kube, tested.active()
    match what:
        case "look":
            await tested.look()
        case "watch":
            tested.watch()
        case "end" | "fail" if active:
            name = active[about % len(active)]
            if name in kube.names(DKRON_RUNS):
                tested.end(name, "Succeeded" if what == "end" else "Failed")
        case "delete" if active:
            name = active[about % len(active)]
            if name in kube.names(DKRON_RUNS) and "status" not in kube.has(DKRON_RUNS, name):
                kube.remove(DKRON_RUNS, name)
                tested.bad.add(name)
        case "suspend":
            kube.edit(DKRON_BACKFILLS, NAME, lambda body: body["spec"].update(suspend=about))
        case "edit the job":
            kube.edit(DKRON_JOBS, "backup", lambda body: body["spec"].update(schedule="0 0 0 1 1 *"))
        case _ if what in FAULTS:
            FAULTS[what](kube, about)


async def finish(tested: Operator) -> None:
    """No more faults: look until it is over, and end each run."""
    tested.kube.before.clear()
    tested.kube.unanswered.clear()
    tested.kube.kill_after = ""
    tested.kube.calls.clear()
    tested.kube.edit(DKRON_BACKFILLS, NAME, lambda body: body["spec"].update(suspend=False))
    for _ in range(400):
        await tested.look()
        if tested.status().finished_at is not None:
            return
        for name in tested.active():
            if name in tested.kube.names(DKRON_RUNS):
                tested.end(name)
        tested.watch()
    raise AssertionError(f"not over: {tested.status()}")


@given(
    schedule=st.sampled_from(("0 30 2 * * *", "0 0 */5 * * *", "@every 7h", "0 15 1-3 * * 6,0")),
    zone=st.sampled_from(("", "Europe/Berlin", "Australia/Lord_Howe")),
    start=st.sampled_from((after(days=-8), datetime.fromisoformat("2025-10-20T00:00:00Z"))),
    parallelism=st.integers(1, 5),
    order=st.sampled_from(("oldestFirst", "newestFirst")),
    plan=st.lists(steps, max_size=25),
)
@settings(max_examples=150, deadline=None)
def test_backfilled_week_equals_an_undisturbed_week(  # noqa: PLR0917 - what an example consists of
    schedule: str, zone: str, start: datetime, parallelism: int, order: str, plan: list[tuple[str, Any]]
) -> None:
    since = start - timedelta(days=1)
    tested = operator(
        jobs=(wire_job(schedule=schedule, timezone=zone, created=since),), parallelism=parallelism, order=order,
        onFailure="continue", **between(start, start + WEEK),
    )  # fmt: skip
    week, slot = Counter[tuple[str, str]](), parse(schedule, timezone=zone).next(since, start - timedelta(seconds=1))
    while slot is not None and slot < start + WEEK:
        week["backup", rfc3339(slot)] += 1
        slot = parse(schedule, timezone=zone).next(since, slot)

    async def live() -> None:
        # The plan is made from the job as it is when the backfill begins.
        await tested.look()
        for what, about in plan:
            await act(tested, what, about)
            assert len(tested.active()) <= 2 * parallelism
        await finish(tested)

    asyncio.run(live())
    assert tested.kube.created == week
    status = tested.status()
    assert (status.begun, status.failed) == (week.total(), len(tested.bad))
    assert status.succeeded + status.failed == status.begun


def at_once(work: Coroutine[Any, Any, None]) -> None:
    """Do what waits for nothing: the API server of this test answers at once."""
    with pytest.raises(StopIteration):
        work.send(None)


def looks(tested: Operator, count: int = 1) -> BackfillStatus:
    """Look so many times, with watches that have caught up."""

    async def live() -> None:
        for _ in range(count):
            await tested.look()
            tested.watch()

    asyncio.run(live())
    return tested.status()


def slots(tested: Operator) -> list[str]:
    """The scheduled times of the DkronRuns in the order of their creation."""
    return [at for _, at in tested.kube.created]


def hours(*ago: int) -> list[str]:
    return [rfc3339(after(hours=-each)) for each in ago]


def verdict(status: BackfillStatus) -> tuple[str, str, str]:
    """How it has ended, by its own condition; those for other tools say the same."""
    condition = status.conditions[0]
    assert phase(status) == (condition.reason, {"Complete": "Current", "Failed": "Failed"}[condition.type])
    return condition.type, condition.reason, status.message


def phase(status: BackfillStatus, *, generation: int = 1) -> tuple[str, str]:
    """The column, and what it is for tools that go by kstatus."""
    (column,) = (each.json_path for kind in KINDS if kind.name == "DkronBackfill" for each in kind.columns[1:2])
    assert column == '.status.conditions[?(@.type=="Ready")].reason'
    reasons = {each.type: each.reason for each in status.conditions}
    return reasons["Ready"], kstatus(status.to_wire(), generation=generation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A backfill that cannot run, and what its status says."""

    id: str
    says: str
    spec: Object = field(default_factory=dict)
    jobs: tuple[Object, ...] = ()


TWO = (
    wire_job(name="a", uid="uid-a", schedule="0 0 * * * *"),
    wire_job(name="b", uid="uid-b", schedule="0 30 * * * *"),
)
CENTURY = {"from": "1970-01-01T00:00:00Z", "to": "2070-01-01T00:00:00Z", "maxRuns": MAX_RUNS}
REFUSALS = (
    Refusal(
        id="each second of decades", jobs=(wire_job(schedule="* * * * * *"),), spec=CENTURY,
        says="the backfill has 1772366400 slots, more than spec.maxRuns (10000); take a shorter range, or create one "
        "with a higher maxRuns",
    ),
    Refusal(
        id="too many of several jobs", jobs=TWO, spec={"job": None, "selector": {}, "maxRuns": 11},
        says="the backfill has at least 12 slots, more than spec.maxRuns (11); take a shorter range, or create one "
        "with a higher maxRuns",
    ),
    Refusal(id="no job", spec={"job": "other"}, says='there is no job "other" in the namespace'),
    Refusal(
        id="it runs after others", jobs=(wire_job(schedule="", parentJob="a"),),
        says='the job "backup" runs after other jobs and has no slots; backfill those jobs',
    ),
    Refusal(
        id="no schedule", jobs=(wire_job(schedule="tomorrow"),),
        says='the job "backup" is not ready: schedule: "tomorrow" has 1 fields',
    ),
)  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case.id)
def test_impossible_backfill_is_refused(case: Refusal, monkeypatch: pytest.MonkeyPatch) -> None:
    def enumerated(*_: Any) -> None:
        raise AssertionError("a slot was computed before they were counted")

    if case.spec is CENTURY:
        monkeypatch.setattr("dkron_crds.schedule.timeline.Timeline.latest", enumerated)
    tested = operator(jobs=case.jobs, created=after(hours=-1), **case.spec)
    kind, reason, message = verdict(looks(tested, 2))
    assert (kind, reason) == ("Failed", "Refused")
    assert message.startswith(case.says)
    assert tested.reports == ["BackfillRefused"]
    assert not tested.kube.created


def test_job_may_follow_its_backfill_a_moment_later() -> None:
    tested = operator(jobs=TWO)
    assert looks(tested).plan is None
    tested.kube.put(DKRON_JOBS, wire_job(schedule="0 0 * * * *"))
    assert looks(tested).plan is not None


def test_dry_run_reports_what_would_run() -> None:
    status = looks(tested := operator(dryRun=True), 3)
    says = "would run 6 slots, from 2026-03-01T06:00:00Z to 2026-03-01T11:00:00Z"
    assert verdict(status) == ("Complete", "Planned", says)
    assert (status.plan and status.plan.count, status.remaining, tested.kube.created) == (6, 6, Counter())


def test_a_range_without_slots_is_complete() -> None:
    # Slots to come are not in the range.
    tested = operator(**between(after(hours=0.5), after(hours=6)))
    assert verdict(looks(tested)) == ("Complete", "Finished", "the range has no slot to run")


def test_backfill_runs_slots_in_order_up_to_its_parallelism() -> None:
    tested = operator(parallelism=2, reason="a bad disk", parameters={"day": "1"})
    looks(tested, 3)
    assert slots(tested) == hours(6, 5)
    run = tested.kube.has(DKRON_RUNS, tested.active()[0])
    assert run["metadata"]["labels"] == {"dkron.io/backfill": NAME}
    (owner,) = run["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("DkronBackfill", BACKFILL, True)
    assert run["spec"] == {
        "job": "backup", "scheduledTime": hours(6)[0], "force": True, "reason": "a bad disk",
        "parameters": {"day": "1"},
    }  # fmt: skip
    tested.end(tested.active()[1])
    status = looks(tested)
    assert slots(tested) == hours(6, 5, 4)
    assert (status.succeeded, status.active, status.remaining) == (1, 2, 3)
    assert status.message == "1 of 6 runs ended, 2 active"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """How a backfill of six slots ends in which the first run does not succeed."""

    id: str
    phase: str
    spec: Object = field(default_factory=dict)
    runs: int
    reason: str
    says: str


FAILURES = (
    Failure(
        id="stop", phase="Failed", runs=2, reason="Stopped",
        says="stopped by a failed run (slot 2026-03-01T06:00:00Z of backup: attempt 1 failed); 4 slots did not run",
    ),
    Failure(
        id="a refused run counts as failed", phase="Refused", runs=2, reason="Stopped",
        says="stopped by a failed run (slot 2026-03-01T06:00:00Z of backup: attempt 1 failed); 4 slots did not run",
    ),
    Failure(
        id="a run deleted by hand counts as failed", phase="", runs=6, spec={"onFailure": "continue"},
        reason="RunsFailed", says="1 of 6 runs failed (slot 2026-03-01T06:00:00Z of backup: its DkronRun was deleted)",
    ),
    Failure(
        id="continue, newest first", phase="Failed", runs=6, spec={"onFailure": "continue", "order": "newestFirst"},
        reason="RunsFailed", says="1 of 6 runs failed (slot 2026-03-01T11:00:00Z of backup: attempt 1 failed)",
    ),
)  # fmt: skip


@pytest.mark.parametrize("case", FAILURES, ids=lambda case: case.id)
def test_a_failed_run_stops_the_backfill_or_not(case: Failure) -> None:
    tested = operator(parallelism=2, **case.spec)
    looks(tested, 2)
    first = tested.active()[0]
    if case.phase:
        tested.end(first, case.phase)
    else:
        tested.kube.remove(DKRON_RUNS, first)
        tested.watch()
    asyncio.run(finish(tested))
    assert verdict(tested.status()) == ("Failed", case.reason, case.says)
    assert (tested.kube.created.total(), tested.status().failed, tested.status().targets) == (case.runs, 1, ())
    assert [run.run for run in tested.status().failed_runs] == [first]
    assert tested.reports == ["BackfillBegun", "BackfillStopped" if case.reason == "Stopped" else "BackfillFinished"]


def test_missing_run_before_an_existing_one_was_deleted() -> None:
    tested = operator(parallelism=3, onFailure="continue")
    looks(tested)
    # The process dies before it has recorded what it created, and the first of them is deleted.
    tested.kube.meanwhile("write dkronbackfills", _die)
    looks(tested)
    first = next(iter(tested.kube.names(DKRON_RUNS)))
    tested.kube.remove(DKRON_RUNS, first)
    tested.restart()
    asyncio.run(finish(tested))
    assert (slots(tested), max(tested.kube.created.values())) == (hours(6, 5, 4, 3, 2, 1), 1)
    assert (tested.status().succeeded, tested.status().failed) == (5, 1)


def test_decision_from_a_stale_read_is_not_written() -> None:
    tested = operator()
    looks(tested)
    other = Operator(tested.kube)

    def meanwhile() -> None:
        at_once(other.look())
        other.end(other.active()[0])
        at_once(other.look())

    # Another replica has taken over, sees the first run to its end and begins the second one.
    tested.kube.meanwhile("write dkronbackfills", meanwhile)
    status = looks(tested)
    assert (status.begun, status.succeeded, status.active) == (2, 1, 1)
    asyncio.run(finish(tested))
    assert (tested.status().succeeded, tested.kube.created.total()) == (6, 6)


def test_suspended_backfill_starts_nothing_until_resumed() -> None:
    tested = operator(suspend=True)
    status = looks(tested, 3)
    assert (status.remaining, status.conditions[0].type, str(status.conditions[0].status)) == (6, "Suspended", "True")
    assert phase(status) == ("Suspended", "Current")
    assert not tested.kube.created
    edit(tested, suspend=False, parallelism=6)
    status = looks(tested)
    assert (status.remaining, str(status.conditions[0].status), tested.kube.created.total()) == (0, "False", 6)
    assert phase(status, generation=2) == ("Running", "InProgress")


def edit(tested: Operator, **spec: Any) -> None:
    def change(body: Object) -> None:
        body["metadata"]["generation"] += 1
        body["spec"].update(spec)

    tested.kube.edit(DKRON_BACKFILLS, NAME, change)


def test_an_edit_after_the_end_is_seen_by_one_write() -> None:
    tested = operator(dryRun=True)
    ended = looks(tested, 3)
    edit(tested, reason="why not")
    tested.kube.calls.clear()
    status = looks(tested, 3)
    assert [call for call in tested.kube.calls if call.startswith("write")] == [f"write dkronbackfills {NAME}"]
    assert phase(status, generation=2) == ("Planned", "Current")
    assert status.message == ended.message
    tested.kube.edit(DKRON_BACKFILLS, NAME, lambda body: body["status"].pop("observedGeneration"))
    tested.kube.calls.clear()
    looks(tested, 3)
    assert [call for call in tested.kube.calls if call.startswith("write")] == [], "of an older version"


def deleted(tested: Operator) -> None:
    tested.kube.edit(DKRON_BACKFILLS, NAME, lambda body: body["metadata"].update(deletionTimestamp=rfc3339(NOON)))


def made_anew(tested: Operator) -> None:
    tested.kube.edit(DKRON_BACKFILLS, NAME, lambda body: body["metadata"].update(uid="another"))


def led_by_another(tested: Operator) -> None:
    tested.acts = False


@pytest.mark.parametrize("happens", [deleted, made_anew, led_by_another], ids=lambda each: each.__name__)
def test_deleted_or_unowned_backfill_starts_nothing(happens: Callable[[Operator], None]) -> None:
    tested = operator()
    looks(tested)
    happens(tested)
    looks(tested, 2)
    assert not tested.kube.created


def test_with_forbid_it_waits_for_runs_of_other_causes() -> None:
    active = {
        "id": "1-x",
        "job": "x",
        "state": "Claimed",
        "slot": rfc3339(NOON),
        "group": 1,
        "attempt": 1,
        "startedAt": rfc3339(NOON),
    }

    def runs(*triggers: str) -> Operator:
        job = wire_job(schedule="0 0 * * * *", status=JobStatus(since=NOON))
        job["status"]["active"] = [{**active, "trigger": each} for each in triggers]
        tested = operator(jobs=(job,), concurrency="forbid", parallelism=2)
        looks(tested, 1)
        tested.backfills._later = lambda *_: None  # type: ignore[method-assign]
        looks(tested, 1)
        return tested

    assert not runs("schedule").kube.created
    assert not runs("backfill").kube.created
    assert runs().kube.created.total() == 2


def test_the_slots_of_a_deleted_job_count_as_failed() -> None:
    tested = operator(onFailure="continue")
    looks(tested)
    tested.kube.put(DKRON_JOBS, wire_job(schedule="0 0 * * * *", uid="another job of this name"))
    tested.restart()
    looks(tested, 7)
    assert (tested.status().failed, tested.kube.created) == (6, Counter())
    assert tested.status().message.endswith("of backup: the DkronJob was deleted)")


def test_a_name_that_is_taken_is_not_adopted() -> None:
    tested = operator()
    looks(tested, 2)
    (name,) = tested.active()
    again = operator()
    theirs = {"name": name, "uid": "theirs", "namespace": NAMESPACE, "creationTimestamp": rfc3339(NOON)}
    again.kube.put(DKRON_RUNS, {"metadata": theirs, "spec": {"job": "backup"}, "status": {}})
    assert (looks(again, 2).failed, again.kube.created) == (1, Counter())
    assert "NameTaken" in again.reports


def test_namesake_run_in_another_namespace_is_not_adopted() -> None:
    tested = operator()
    looks(tested)
    elsewhere = operator()
    looks(elsewhere, 2)
    (run,) = (elsewhere.kube.has(DKRON_RUNS, name) for name in elsewhere.kube.names(DKRON_RUNS))
    found = read_requested_run({**run, "metadata": {**run["metadata"], "namespace": "elsewhere"}})
    assert found is not None
    tested.store.requested_runs.upsert(found)
    asyncio.run(tested.look())
    assert (tested.kube.created.total(), tested.status().begun) == (1, 1)


def test_unaccepted_run_is_reported_and_retried() -> None:
    tested = operator(parallelism=2)
    looks(tested)
    tested.kube.meanwhile("create dkronruns", lambda: None)
    tested.kube.fail("create dkronruns", Rejected("exceeded quota"))
    status = looks(tested)
    assert (status.begun, status.message) == (1, "the API server rejects a DkronRun: exceeded quota")
    assert (looks(tested).begun, tested.kube.created.total()) == (2, 2)


def test_it_is_deleted_when_its_time_has_come() -> None:
    tested = operator(dryRun=True, ttlSecondsAfterFinished=60)
    looks(tested)
    tested.now = after(60)
    asyncio.run(tested.look())
    assert not tested.kube.names(DKRON_BACKFILLS)


def test_all_that_failed_of_several_jobs() -> None:
    def failed(name: str, *ago: int, **fields: Any) -> Object:
        executions = tuple(
            Attempt(
                id=f"{each}", job=f"{name}-{each}", state=AttemptState.FAILED, slot=after(hours=-each),
                trigger=Trigger.SCHEDULE, group=each, attempt=1, started_at=after(hours=-each), finished_at=NOON,
            )
            for each in ago
        )  # fmt: skip
        body = wire_job(name=name, uid=name, status=JobStatus(since=NOON, executions=executions), **fields)
        return {**body, "metadata": {**body["metadata"], "labels": {"team": "data"}}}

    jobs = (failed("a", 3, 1, 9), failed("b", 2), wire_job(), failed("c", 4, schedule="", parentJob="a"))
    tested = operator(jobs=jobs, job=None, selector={"team": "data"}, runs="failed", parallelism=9)
    status = looks(tested, 2)
    assert list(tested.kube.created) == [("a", hours(3)[0]), ("b", hours(2)[0]), ("a", hours(1)[0])]
    assert status.plan is not None
    assert (status.plan.count, status.plan.jobs) == (3, 2)
