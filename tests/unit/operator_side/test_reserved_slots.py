"""Slots that are claimed ahead: by table, with every fault, in any order of events, and with several operators that all
believe that they lead."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from dkron_crds.job import Active, JobStatus, SkipReason, When, Window
from dkron_operator.executors.inline import NOT_ALLOWED
from dkron_operator.plan.actions import WriteStatus
from dkron_operator.plan.advance import advance
from dkron_operator.plan.cause import scheduled
from dkron_operator.plan.dependencies import Child, Dependencies
from dkron_operator.plan.fold import Change, Decided, Passed, Started, fold
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.reserved_slots import Released, Reserved
from dkron_operator.plan.view import AttemptJob, JobView
from tests.support.builders import NAME, NOON, UID, after, claim, job_view, run, situation
from tests.support.simulation import Died, Fault, Simulation, World
from tests.support.split_brain import Rival

US, THEM = "call-us", "call-them"
CONFIG = {"method": "GET", "url": "http://localhost/", "inline": "true"}
EACH_SECOND = "* * * * * *"


def each_second(**spec: Any) -> JobView:
    return job_view(**{"schedule": EACH_SECOND, "executor": "http", "executorConfig": CONFIG, **spec})


def called(second: float, by: str = US) -> Active:
    return claim(after(second)).model_copy(update={"uid": by})


def look(job: JobView | None = None, *, seconds: float, status: dict[str, Any], **fields: Any) -> Plan:
    job = job or each_second()
    known = {"since": NOON, "fingerprint": job.fingerprint, "observed_generation": job.generation}
    given = {"caller": US, "signature": US, "now": after(seconds), **fields}
    return advance(situation(job, JobStatus(**{**known, **status}), **given))


def window(*seconds: float, by: str = US) -> Window:
    return Window(caller=by, slots=tuple(after(second) for second in seconds))


# --- how one comes to be -----------------------------------------------------------------------------------------


def reserved(job: JobView, *, seconds: float = 60, mark: float = 59, **fields: Any) -> tuple[Reserved, ...]:
    create = look(job, seconds=seconds, status={"last_schedule_time": after(mark)}, **fields).create
    assert create is not None
    assert create.call
    return tuple(change for change in create.before if isinstance(change, Reserved))


def test_a_claim_takes_the_slots_that_follow_until_the_span_ends() -> None:
    ahead = [
        [(slot - NOON).total_seconds() - second for change in reserved(each_second(), seconds=second, mark=second - 1)
         for slot in change.slots]
        for second in range(60, 66)
    ]  # fmt: skip
    assert sorted(ahead) == [[], [], [1], [1], [1, 2], [1, 2]]
    assert ahead[:3] == ahead[3:], "a span is three seconds long"


@pytest.mark.parametrize(
    ("spec", "fields"),
    [
        pytest.param({"concurrency": "forbid"}, {}, id="each run looks whether another is active"),
        pytest.param({"concurrency": "replace"}, {}, id="each run replaces the one before"),
        pytest.param({"schedule": "*/2 * * * * *"}, {}, id="slots too far apart"),
        pytest.param({"history": {"executions": 1}}, {}, id="a history without room for them"),
        pytest.param({"ephemeral": True}, {}, id="it ends with its first success"),
        pytest.param(
            {}, {"dependencies": Dependencies(children=(Child("child", When.SUCCESS, frozenset()),))},
            id="others run after it",
        ),
    ],
)  # fmt: skip
def test_where_each_run_counts_by_itself_slots_are_claimed_one_by_one(
    spec: dict[str, Any], fields: dict[str, Any]
) -> None:
    assert [reserved(each_second(**spec), seconds=s, mark=s - 1, **fields) for s in range(60, 66, 2)] == [(), (), ()]


def test_one_window_is_enough() -> None:
    create = look(seconds=60, status={"last_schedule_time": after(59), "window": window(61, 62, by=THEM)}).create
    assert create is not None
    assert not [change for change in create.before if isinstance(change, Reserved)]


# --- how it is used ----------------------------------------------------------------------------------------------


def test_a_slot_within_the_window_is_called_without_another_claim() -> None:
    create = look(seconds=61, status={"last_schedule_time": after(60), "window": window(61, 62)}).create
    assert create is not None
    assert (create.call, create.entry, create.before) == (True, called(61), ())
    assert create.after == (Decided(after(61)), Started(called(61)))


def test_slots_that_come_before_the_window_is_due_wait() -> None:
    plan = look(seconds=60.5, status={"last_schedule_time": after(60), "window": window(61, 62)})
    assert (plan.create, plan.status.window, plan.wake) == (None, window(61, 62), after(61))


@pytest.mark.parametrize("missed", ["skip", "latest"])
def test_what_could_not_be_called_in_time_is_missed_like_any_slot(missed: str) -> None:
    plan = look(
        each_second(missedRuns=missed), seconds=64.5, fireable_since=after(64.2),
        status={"last_schedule_time": after(60), "window": window(61, 62)},
    )  # fmt: skip
    assert (plan.status.window, plan.status.executions) == (None, ())
    assert plan.status.skipped is not None
    assert plan.status.skipped.last_reason is SkipReason.MISSED
    assert plan.status.skipped.count == {"skip": 4, "latest": 3}[missed]


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        pytest.param([Reserved(US, (after(1), after(2)))], (1, 2), id="claimed"),
        pytest.param([Reserved(US, (after(1), after(2))), Decided(after(1))], (2,), id="one is decided"),
        pytest.param([Reserved(US, (after(1), after(2))), Passed(after(1), 1, SkipReason.MISSED, at=after(1))], (2,),
                     id="one is passed over"),
        pytest.param([Reserved(US, (after(1), after(2))), Decided(after(2))], (), id="all are decided"),
        pytest.param([Decided(after(1)), Reserved(US, (after(1), after(2)))], (2,), id="not what is decided"),
        pytest.param([Reserved(US, (after(1),)), Released(US)], (), id="given back"),
        pytest.param([Reserved(US, (after(1),)), Released(THEM)], (1,), id="nobody gives back what is another's"),
        pytest.param([Reserved(US, (after(1),)), Reserved(THEM, (after(2),))], (1,), id="nobody claims over another"),
    ],
)  # fmt: skip
def test_how_a_window_changes(changes: list[Change], left: tuple[int, ...]) -> None:
    history, status = each_second().spec.history, JobStatus()
    for change in changes:
        status = fold(status, change, history)
        assert fold(status, change, history) == status, "twice is once"
    assert status.window == (window(*left) if left else None)


# --- how it ends -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("job", "fields"),
    [
        pytest.param(each_second(generation=2), {}, id="the spec was edited"),
        pytest.param(each_second(disabled=True), {}, id="disabled"),
        pytest.param(job_view(schedule=EACH_SECOND), {}, id="it has pods now"),
        pytest.param(each_second(), {"caller": ""}, id="the process ends"),
        pytest.param(each_second(), {"caller": "", "signature": US, "barred": NOT_ALLOWED}, id="not allowed"),
    ],
)
def test_what_is_left_is_given_back_and_that_is_written_before_all_else(job: JobView, fields: dict[str, Any]) -> None:
    status = {"last_schedule_time": after(60), "window": window(61, 62), "observed_generation": 1}
    plan = look(job, seconds=60.5, status=status, **fields)
    assert (plan.status.window, plan.wants(WriteStatus), plan.status.last_schedule_time) == (None, True, after(60))


def test_whoever_does_not_lead_leaves_it_alone() -> None:
    for by in (US, THEM):
        status = {"last_schedule_time": after(60), "window": window(61, 62, by=by)}
        plan = look(seconds=70, status=status, caller="", signature="")
        assert (plan.status.window, plan.wants(WriteStatus), plan.create) == (window(61, 62, by=by), False, None)


@pytest.mark.parametrize(("retries", "attempts"), [(0, []), (1, [2])])
@pytest.mark.parametrize("job", [{}, {"schedule": "@manually"}, {"disabled": True}, {"executor": "shell"}])
def test_slots_of_a_process_that_is_gone_are_undecided_once_they_have_come(
    job: dict[str, Any], retries: int, attempts: list[int]
) -> None:
    if job == {"executor": "shell"}:
        job["executorConfig"] = {"command": "true"}
    status = {"last_schedule_time": after(60), "window": window(61, 62, by=THEM)}
    plan = look(each_second(retries=retries, **job), seconds=61.5, fireable_since=after(61.5), status=status)
    (record,) = plan.status.executions
    assert (record.slot, record.reason, record.job) == (after(61), "Unknown", claim(after(61)).job)
    assert [entry.attempt for entry in plan.status.active] == ([] if job.get("disabled") else attempts)
    assert (plan.status.window, plan.status.last_schedule_time) == (window(62, by=THEM), after(61))
    assert plan.wake is not None
    assert plan.wake <= after(62)
    assert plan.status.skipped is None


def test_a_slot_that_has_a_job_after_all_is_no_call() -> None:
    found: AttemptJob = run(claim(after(61)))
    status = {"last_schedule_time": after(60), "window": window(61, by=THEM)}
    plan = look(job_view(schedule=EACH_SECOND), seconds=61.5, status=status, runs=[found])
    assert (plan.status.executions, [e.job for e in plan.status.active]) == ((), [found.name])
    assert plan.status.window is None


# --- every fault -------------------------------------------------------------------------------------------------


def at_most_once(world: World) -> None:
    """What holds at any time."""
    times = Counter(entry.job for entry in world.calls)
    assert not [name for name, count in times.items() if count > 1], "an attempt is called once"
    mark, ahead = world.status.last_schedule_time, world.status.window
    assert ahead is None or mark is None or all(slot > mark for slot in ahead.slots)


def books_balance(simulation: Simulation, *, executions: int = 100) -> None:
    """What holds when everything is over: each slot was called, or undecided, or counted as passed over."""
    world, status = simulation.world, simulation.world.status
    assert world.job.schedule is not None
    due = world.job.schedule.count(NOON, None, world.now)
    firsts = [record for record in status.executions if record.attempt == 1]
    assert len(status.executions) < executions, "all of them are there to see"
    assert len(firsts) + simulation.skipped() == due
    assert status.success_count + status.error_count == len(status.executions)
    recorded = {record.job: record for record in status.executions}
    made = {entry.job for entry in world.calls}
    assert len(recorded) == len(status.executions)
    assert made <= recorded.keys(), "what was called is recorded"
    assert all(recorded[name].reason == "Unknown" for name in recorded.keys() - made), "or nobody knows"
    assert (status.active, status.window) == ((), None)


def answer_all(simulation: Simulation, *, success: bool = True) -> None:
    for name in tuple(simulation.process.calling):
        simulation.process.end_call(name, success=success)


def bring_to_rest(simulation: Simulation) -> None:
    simulation.world.fault = None
    simulation.wait(4)
    simulation.process.leaving = True
    for _ in range(3):
        answer_all(simulation)
        simulation.settle()


@pytest.mark.parametrize("fault", Fault, ids=[str(fault) for fault in Fault])
@pytest.mark.parametrize("delay", [0, 7], ids=["at once", "later"])
@pytest.mark.parametrize("occasion", range(4))
def test_one_fault_makes_no_call_twice_and_loses_no_slot(fault: Fault, delay: int, occasion: int) -> None:
    simulation = Simulation(each_second(history={"executions": 100}))
    for _ in range(8 + occasion):
        simulation.wait(1)
        answer_all(simulation)
    simulation.world.fault, simulation.world.delay = fault, timedelta(seconds=delay)
    for _ in range(8):
        simulation.wait(1, write=False)
        answer_all(simulation)
        at_most_once(simulation.world)
    for _ in range(20):
        simulation.wait(1)
        answer_all(simulation)
    bring_to_rest(simulation)
    at_most_once(simulation.world)
    books_balance(simulation)
    undecided = sum(record.reason == "Unknown" for record in simulation.world.status.executions)
    assert undecided <= 3, "no more than a window"


def test_an_orderly_end_leaves_nothing_undecided() -> None:
    simulation = Simulation(each_second(history={"executions": 100}))
    for _ in range(7):
        simulation.wait(1.5, write=False)
        answer_all(simulation)
        simulation.process.leaving = True
        answer_all(simulation)
        simulation.settle()
        assert simulation.world.status.window is None
        simulation.restart()
        simulation.wait(1, write=False)
    bring_to_rest(simulation)
    books_balance(simulation)
    assert simulation.world.status.error_count == 0


# --- any order of events -----------------------------------------------------------------------------------------

JOBS = [
    each_second(history={"executions": 100}, retries=1),
    each_second(history={"executions": 100}, disabled=True),
    each_second(history={"executions": 100}, schedule="*/2 * * * * *"),
    each_second(history={"executions": 100}, concurrency="forbid"),
    each_second(history={"executions": 100}, executorConfig={**CONFIG, "url": "http://localhost/other"}),
]


class Windows(RuleBasedStateMachine):
    """One operator after another, killed at any step, with edits, requests and answers in between."""

    @initialize(retries=st.integers(0, 2))
    def begin(self, retries: int) -> None:
        self.simulation = Simulation(each_second(history={"executions": 100}, retries=retries, missedRuns="all"))
        self.asked = 0

    @rule(tenths=st.integers(1, 25), write=st.booleans())
    def wait(self, tenths: int, write: bool) -> None:
        self.simulation.wait(tenths / 10, write=write)

    @rule(fault=st.sampled_from(Fault), delay=st.sampled_from([0, 0.4, 3]))
    def strike(self, fault: Fault, delay: float) -> None:
        self.simulation.world.fault, self.simulation.world.delay = fault, timedelta(seconds=delay)

    @rule()
    def kill(self) -> None:
        self.simulation.restart()

    @rule(success=st.booleans())
    def answer(self, success: bool) -> None:
        answer_all(self.simulation, success=success)

    @rule(job=st.sampled_from(JOBS))
    def edit(self, job: JobView) -> None:
        self.simulation.world.edit(job)

    @rule()
    def ask(self) -> None:
        self.asked += 1
        self.simulation.world.ask(f"request-{self.asked}")

    @rule()
    def leave(self) -> None:
        self.simulation.world.fault = None
        self.simulation.process.leaving = True
        self.simulation.settle()
        left = self.simulation.world.status.window
        assert left is None or left.caller != self.simulation.process.caller, "it gives back what it has claimed"
        self.simulation.restart()

    @invariant()
    def promise(self) -> None:
        at_most_once(self.simulation.world)
        assert self.simulation.world.created == []

    def teardown(self) -> None:
        bring_to_rest(self.simulation)
        at_most_once(self.simulation.world)
        status = self.simulation.world.status
        recorded = {record.job for record in status.executions}
        if len(status.executions) < 100:
            assert {entry.job for entry in self.simulation.world.calls} <= recorded, "what was called is recorded"
        assert status.window is None


class SplitBrain(RuleBasedStateMachine):
    """Three operators that all believe that they lead, each with a view of its own age."""

    @initialize()
    def begin(self) -> None:
        self.world = World(each_second(history={"executions": 100}, retries=1), NOON)
        self.conflicts = [Rival(self.world) for _ in range(3)]

    @rule(who=st.integers(0, 2))
    def act(self, who: int) -> None:
        try:
            self.conflicts[who].settle()
        except Died:
            self.conflicts[who] = Rival(self.world)

    @rule(who=st.integers(0, 2))
    def look(self, who: int) -> None:
        self.conflicts[who].look()

    @rule(who=st.integers(0, 2))
    def write(self, who: int) -> None:
        self.conflicts[who].write()

    @rule(who=st.integers(0, 2), success=st.booleans())
    def answer(self, who: int, success: bool) -> None:
        for name in tuple(self.conflicts[who].calling):
            self.conflicts[who].end_call(name, success=success)

    @rule(who=st.integers(0, 2))
    def kill(self, who: int) -> None:
        self.conflicts[who] = Rival(self.world)

    @rule(who=st.integers(0, 2), leads=st.booleans())
    def lead(self, who: int, leads: bool) -> None:
        self.conflicts[who].leaving = not leads

    @rule(job=st.sampled_from(JOBS))
    def edit(self, job: JobView) -> None:
        self.world.edit(job)

    @rule(tenths=st.integers(1, 12))
    def wait(self, tenths: int) -> None:
        self.world.now += timedelta(seconds=tenths / 10)

    @invariant()
    def promise(self) -> None:
        at_most_once(self.world)


TestWindows = Windows.TestCase
TestWindows.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)  # fmt: skip
TestSplitBrain = SplitBrain.TestCase
TestSplitBrain.settings = TestWindows.settings


def test_the_name_of_an_undecided_slot_is_the_one_that_was_called() -> None:
    entry = scheduled(after(61)).entry(uid=UID, name=NAME, at=after(61))
    assert entry.job == called(61).job
