"""The promise: for every slot one Job for each attempt, or a count of why not, whatever dies and whatever is lost.

A world of data is driven through time, requests, ends of Jobs and faults at every step of the protocol; at the end
everything is healed, and the books have to balance.
"""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from dkron_crds.job import Concurrency, Execution
from dkron_operator.plan.view import JobView
from dkron_operator.plan.written import SlotResult, Slots
from tests.support.builders import after, job_view
from tests.support.simulation import Fault, Simulation

PERIOD = 10


def promise(simulation: Simulation) -> None:
    """What holds at any time."""
    names = Counter(job.name for job in simulation.world.created)
    assert not [name for name, times in names.items() if times > 1], "a cause has two Jobs"
    slots = simulation.fired()
    assert slots == sorted(set(slots)), "slots fire in order and once"
    since = simulation.world.status.since
    assert since is None or all(slot > since for slot in slots), "no slot before the job was in force"
    status = simulation.process.status
    assert len(status.counted) == len(set(status.counted))
    assert not {entry.job for entry in status.active} & set(status.counted)
    if simulation.world.job.spec.concurrency is Concurrency.FORBID:
        assert simulation.world.most_at_once <= 1, "two at once under forbid"


def books_balance(simulation: Simulation, *, refused: int = 0) -> None:
    """What holds when everything is over: each slot fired or counted, each Job recorded once."""
    world, status = simulation.world, simulation.process.status
    schedule = world.job.schedule
    assert schedule is not None
    due = schedule.count(world.job.created, None, world.now)
    assert len(simulation.fired()) + simulation.skipped() - refused == due
    assert status.last_schedule_time == schedule.latest(world.job.created, None, world.now)
    assert status.success_count + status.error_count == len(world.created)
    assert sum(day.success + day.failed for day in status.days) == len(world.created)
    assert len({execution.job for execution in status.executions}) == len(status.executions)
    counts_are_exact(simulation, due=due)


def counts_are_exact(simulation: Simulation, *, due: int) -> None:
    """What all processes together have counted of what they wrote."""
    status, told = simulation.world.status, simulation.world.told
    ended = [fact for fact in told if isinstance(fact, Execution)]
    assert Counter(execution.success for execution in ended) == (
        +Counter({True: status.success_count, False: status.error_count})
    )
    assert len({execution.job for execution in ended}) == len(ended)
    slots = [fact for fact in told if isinstance(fact, Slots)]
    assert sum(fact.count for fact in slots) == due
    fired = [fact.slot for fact in slots if fact.result is SlotResult.FIRED]
    assert sorted(fired) == sorted(set(simulation.fired()))


def spec(**fields: Any) -> JobView:
    return job_view(schedule=f"*/{PERIOD} * * * * *", **fields)


@pytest.mark.parametrize("concurrency", Concurrency)
@pytest.mark.parametrize("delay", [0, 25], ids=["at once", "two slots later"])
@pytest.mark.parametrize("fault", Fault, ids=[str(fault) for fault in Fault])
def test_one_fault_at_a_slot_neither_doubles_nor_loses_it(fault: Fault, delay: int, concurrency: Concurrency) -> None:
    simulation = Simulation(spec(concurrency=str(concurrency)))
    simulation.wait(PERIOD - 1)
    simulation.world.fault, simulation.world.delay = fault, timedelta(seconds=delay)
    simulation.wait(PERIOD)
    promise(simulation)
    simulation.finish_all()
    promise(simulation)
    books_balance(simulation)
    assert simulation.fired()[0] == after(PERIOD) or delay, "a slot with nobody away runs"


@pytest.mark.parametrize("fault", Fault, ids=[str(fault) for fault in Fault])
def test_one_fault_between_record_and_retry_makes_every_attempt_once(fault: Fault) -> None:
    simulation = Simulation(job_view(schedule="@at 2026-03-01T12:00:10Z", retries=2))
    simulation.wait(11)
    for attempt in (1, 2, 3):
        (job,) = simulation.world.unfinished()
        assert job.attempt == attempt
        simulation.world.finish(job.name, success=False)
        simulation.world.fault = fault
        simulation.wait(5)
    simulation.finish_all()
    promise(simulation)
    status = simulation.world.status
    assert [job.attempt for job in simulation.world.created] == [1, 2, 3]
    assert (status.error_count, status.status) == (3, "failed")


@pytest.mark.parametrize("fault", Fault, ids=[str(fault) for fault in Fault])
def test_after_one_fault_replace_leaves_the_newest_run_alone(fault: Fault) -> None:
    simulation = Simulation(spec(concurrency="replace"))
    simulation.wait(PERIOD + 1)
    simulation.world.fault = fault
    simulation.wait(2 * PERIOD)
    assert [job.slot for job in simulation.world.unfinished()] == [after(3 * PERIOD)]


@pytest.mark.parametrize("fault", Fault, ids=[str(fault) for fault in Fault])
def test_one_fault_leaves_a_request_one_run(fault: Fault) -> None:
    simulation = Simulation(job_view(schedule="@manually"))
    simulation.settle()
    simulation.world.ask("a")
    simulation.world.ask("b")
    simulation.world.fault = fault
    simulation.settle()
    simulation.finish_all()
    promise(simulation)
    assert len(simulation.world.created) == 2
    assert simulation.world.status.success_count == 2
    assert simulation.world.job.requests == ()


def test_slots_that_were_passed_before_the_crash_after_a_create_are_still_counted() -> None:
    simulation = Simulation(spec())
    simulation.wait(1)
    simulation.world.delay = timedelta(seconds=5 * PERIOD)
    simulation.restart()
    simulation.world.fault, simulation.world.delay = Fault.DIES_AFTER_THE_CREATE, timedelta()
    simulation.settle()
    assert simulation.deaths == 2
    assert simulation.fired() == [after(5 * PERIOD)]
    assert simulation.skipped() == 4


def test_while_status_cannot_be_written_no_job_is_deleted_and_a_crash_repeats_nothing() -> None:
    simulation = Simulation(spec(history={"successfulJobs": 0}))
    simulation.wait(PERIOD)
    simulation.world.finish(simulation.world.unfinished()[0].name, success=True)
    simulation.wait(20 * PERIOD, write=False)
    assert len(simulation.world.jobs) == 21, "what is not recorded is kept"
    simulation.restart()
    simulation.finish_all()
    promise(simulation)
    books_balance(simulation)


class Promise(RuleBasedStateMachine):
    """Anything may happen, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.simulation = Simulation(spec())
        self.requests = 0

    @initialize(
        concurrency=st.sampled_from(Concurrency),
        missed=st.sampled_from(["latest", "skip", "all"]),
        deadline=st.sampled_from([None, None, 5, 25]),
        retries=st.sampled_from([0, 0, 2]),
        kept=st.sampled_from([{}, {"successfulJobs": 0, "failedJobs": 0, "executions": 2}]),
    )
    def begin(
        self, concurrency: Concurrency, *, missed: str, deadline: int | None, retries: int, kept: dict[str, int]
    ) -> None:
        limits = {} if deadline is None else {"startingDeadlineSeconds": deadline}
        job = spec(concurrency=str(concurrency), missedRuns=missed, retries=retries, history=kept, **limits)
        self.simulation = Simulation(job)
        self.simulation.settle()

    @rule(seconds=st.sampled_from([0, 1, PERIOD, 3 * PERIOD, 90]), write=st.booleans())
    def time_passes(self, seconds: int, *, write: bool) -> None:
        self.simulation.wait(seconds, write=write)

    @rule(fault=st.sampled_from(Fault), delay=st.sampled_from([0, 2, 2 * PERIOD, 7 * PERIOD]))
    def something_will_go_wrong(self, fault: Fault, delay: int) -> None:
        world = self.simulation.world
        world.fault, world.delay = fault, timedelta(seconds=delay)

    @rule(downtime=st.sampled_from([0, PERIOD, 6 * PERIOD, 200]))
    def the_process_is_killed(self, downtime: int) -> None:
        self.simulation.world.delay = timedelta(seconds=downtime)
        self.simulation.restart()
        self.simulation.settle()

    @rule(success=st.booleans(), write=st.booleans())
    def the_oldest_job_ends(self, *, success: bool, write: bool) -> None:
        running = self.simulation.world.unfinished()
        if running:
            self.simulation.world.finish(running[0].name, success=success)
            self.simulation.settle(write=write)

    @rule()
    def somebody_deletes_a_job_that_runs(self) -> None:
        # One whose start is written: what is deleted within the moment before that is not promised.
        known = {entry.job for entry in self.simulation.world.status.active if entry.uid}
        for job in self.simulation.world.unfinished():
            if job.name in known:
                self.simulation.world.delete(job.name)
                self.simulation.settle()
                return

    @rule(write=st.booleans())
    def somebody_stops_the_oldest_job(self, *, write: bool) -> None:
        running = [job for job in self.simulation.world.unfinished() if not job.deleting]
        if running:
            self.simulation.world.wish(running[0].name)
            self.simulation.settle(write=write)

    @rule()
    def grace_periods_end(self) -> None:
        self.simulation.world.reap()
        self.simulation.settle()

    @rule()
    def somebody_asks_for_a_run(self) -> None:
        # A busy forbid job refuses, which is counted like a skipped slot: that has tests of its own.
        if self.simulation.world.job.spec.concurrency is not Concurrency.FORBID:
            self.requests += 1
            self.simulation.world.ask(f"r{self.requests}")
            self.simulation.settle()

    @invariant()
    def the_promise_is_kept(self) -> None:
        promise(self.simulation)

    def teardown(self) -> None:
        self.simulation.finish_all()
        promise(self.simulation)
        books_balance(self.simulation)
        assert self.simulation.world.job.stops == (), "every wish is answered"
        assert len(self.simulation.world.created) - sum(j.attempt > 1 for j in self.simulation.world.created) == (
            len(self.simulation.fired()) + self.requests
        )


Promise.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=25,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)
test_whatever_happens_the_promise_is_kept = Promise.TestCase
