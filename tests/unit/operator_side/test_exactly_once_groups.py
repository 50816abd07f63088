"""The promise for groups: each member of a slot exactly one Job per attempt, whoever dies, whatever nodes come and go.

Who the members of a group are is read from its claims, at the moment at which they are written.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from dkron_crds.job import Concurrency, GroupStatus
from dkron_operator.plan.fold import Change, Started
from dkron_operator.plan.view import JobView
from tests.support.builders import after, job_view, nodes
from tests.support.simulation import Fault, Process, Simulation, World

PERIOD = 10
EVERY, SOME = {"dc": "eu"}, {"dc": "eu:2"}


def spec(**fields: object) -> JobView:
    return job_view(schedule=f"*/{PERIOD} * * * * *", **fields)


@dataclass
class Witness(World):
    """A world that notes who is claimed for each group. Raises if a group that was decided gets another member."""

    claimed: dict[int, set[str]] = field(default_factory=dict)

    def write(self, changes: Iterable[Change]) -> None:
        changes = tuple(changes)
        super().write(changes)
        claims = [change.entry for change in changes if isinstance(change, Started) and not change.entry.uid]
        for group in {entry.group for entry in claims}:
            names = {entry.member for entry in claims if entry.group == group}
            assert names <= self.claimed.setdefault(group, names), "a group that was decided has grown"


class Watched(Simulation):
    """A simulation with nodes, in a world that takes notes."""

    world: Witness

    def __init__(self, job: JobView, *names: str) -> None:
        super().__init__(job)
        self.world = Witness(job, job.created, nodes=nodes(*names, dc="eu"))
        self.process = Process(self.world)

    def made(self) -> dict[int, list[str]]:
        """The members of each group that got their first Job."""
        found: dict[int, list[str]] = defaultdict(list)
        for job in self.world.created:
            if job.attempt == 1:
                found[job.group].append(job.member)
        return found


def promise(simulation: Watched) -> None:
    names = Counter(job.name for job in simulation.world.created)
    assert not [name for name, times in names.items() if times > 1], "a cause has two Jobs"
    for group, made in simulation.made().items():
        assert len(made) == len(set(made)), "a member has two first Jobs"
        assert set(made) <= simulation.world.claimed.get(group, set()), "a Job without a claim"


def everyone(simulation: Watched, *, but: int = 0) -> None:
    """Every member that was claimed has got its Job, but for so many whose nodes are gone."""
    made = simulation.made()
    missing = {(g, name) for g, names in simulation.world.claimed.items() for name in names - set(made[g])}
    assert len(missing) == but, missing


@pytest.mark.parametrize("tags", [EVERY, SOME], ids=["every node", "two of them"])
@pytest.mark.parametrize("concurrency", Concurrency)
@pytest.mark.parametrize("fault", Fault, ids=[str(fault) for fault in Fault])
def test_one_fault_at_a_slot_leaves_each_member_one_job_although_nodes_come(
    fault: Fault, concurrency: Concurrency, tags: dict[str, str]
) -> None:
    simulation = Watched(spec(tags=tags, concurrency=str(concurrency)), "a", "b")
    simulation.wait(PERIOD - 1)
    world = simulation.world
    simulation.process.flush()
    world.accept()
    world.fault = fault

    def later() -> None:
        world.nodes = nodes("a", "b", "c", dc="eu")

    simulation.world.meanwhile = later
    simulation.wait(1)
    promise(simulation)
    simulation.finish_all()
    promise(simulation)
    everyone(simulation)
    (members,) = simulation.made().values()
    decided_before = fault not in (Fault.DIES_BEFORE_THE_CLAIM, Fault.CLAIM_CONFLICTS)
    if tags is SOME or decided_before:
        assert len(members) == 2, "who has been claimed counts, not who is there now"
    else:
        assert sorted(members) == ["a", "b", "c"]
    assert (world.status.status, world.status.success_count) == (GroupStatus.SUCCESS, len(members))
    assert simulation.skipped() == 0


@pytest.mark.parametrize("fault", Fault, ids=[str(fault) for fault in Fault])
def test_one_fault_leaves_a_request_one_group(fault: Fault) -> None:
    simulation = Watched(job_view(schedule="@manually", tags=EVERY), "a", "b", "c")
    simulation.settle()
    simulation.world.ask("r1")
    simulation.world.fault = fault
    simulation.settle()
    simulation.world.nodes = nodes("d", "e", dc="eu")
    simulation.settle()
    promise(simulation)
    assert simulation.world.job.requests == ()
    simulation.world.nodes = nodes("a", "b", "c", dc="eu")
    simulation.finish_all()
    promise(simulation)
    assert [sorted(made) for made in simulation.made().values()] == [["a", "b", "c"]]
    assert simulation.world.status.success_count == 3


@pytest.mark.parametrize("fault", Fault, ids=[str(fault) for fault in Fault])
def test_one_fault_between_the_failure_of_a_member_and_its_retry_leaves_it_every_attempt_once(fault: Fault) -> None:
    simulation = Watched(job_view(schedule="@at 2026-03-01T12:00:10Z", retries=2, tags=EVERY), "a", "b")
    simulation.wait(11)
    (good,) = (job for job in simulation.world.unfinished() if job.node == "a")
    simulation.world.finish(good.name, success=True)
    for attempt in (1, 2, 3):
        (bad,) = simulation.world.unfinished()
        assert (bad.node, bad.attempt) == ("b", attempt)
        simulation.world.finish(bad.name, success=False)
        simulation.world.fault = fault
        simulation.wait(5)
    simulation.finish_all()
    promise(simulation)
    status = simulation.world.status
    assert sorted((job.node, job.attempt) for job in simulation.world.created) == [
        ("a", 1),
        ("b", 1),
        ("b", 2),
        ("b", 3),
    ]
    assert (status.success_count, status.error_count) == (1, 3)
    assert status.status == GroupStatus.PARTIALLY_FAILED


@pytest.mark.parametrize("fault", Fault, ids=[str(fault) for fault in Fault])
def test_after_one_fault_replace_leaves_the_newest_group_alone(fault: Fault) -> None:
    simulation = Watched(spec(concurrency="replace", tags=EVERY), "a", "b", "c")
    simulation.wait(PERIOD + 1)
    simulation.world.fault = fault
    simulation.wait(2 * PERIOD)
    promise(simulation)
    running = simulation.world.unfinished()
    assert [(job.slot, job.node) for job in running] == [(after(3 * PERIOD), node) for node in "abc"]


def test_a_member_whose_node_is_gone_after_the_crash_is_recorded_as_failed() -> None:
    simulation = Watched(job_view(schedule="@at 2026-03-01T12:00:10Z", retries=1, tags=EVERY), "a", "b", "c")
    simulation.wait(9)
    simulation.world.fault = Fault.DIES_AFTER_THE_CLAIM
    simulation.world.meanwhile = lambda: simulation.world.nodes.pop("b")
    simulation.wait(1)
    simulation.finish_all()
    promise(simulation)
    everyone(simulation, but=1)
    status = simulation.world.status
    assert {(one.node_name or one.member, one.reason) for one in status.executions if not one.success} == {
        ("b", "NodeGone")
    }
    assert (status.success_count, status.error_count, status.status) == (2, 1, GroupStatus.PARTIALLY_FAILED)


class Promise(RuleBasedStateMachine):
    """Anything may happen, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.simulation = Watched(spec(tags=EVERY), "a")
        self.requests = 0

    @initialize(
        concurrency=st.sampled_from(Concurrency),
        tags=st.sampled_from([EVERY, SOME, {"dc": "eu:1"}]),
        retries=st.sampled_from([0, 0, 2]),
        kept=st.sampled_from([{}, {"successfulJobs": 0, "failedJobs": 0, "executions": 2}]),
    )
    def begin(self, concurrency: Concurrency, *, tags: dict[str, str], retries: int, kept: dict[str, int]) -> None:
        job = spec(concurrency=str(concurrency), retries=retries, history=kept, tags=tags)
        self.simulation = Watched(job, "a", "b", "c")
        self.alone = tags == {"dc": "eu:1"}
        self.simulation.settle()

    @rule(names=st.sets(st.sampled_from("abcd")))
    def nodes_come_and_go(self, names: set[str]) -> None:
        self.simulation.world.nodes = nodes(*names, dc="eu")
        self.simulation.settle()

    @rule(seconds=st.sampled_from([0, 1, PERIOD, 3 * PERIOD, 90]), write=st.booleans())
    def time_passes(self, seconds: int, *, write: bool) -> None:
        self.simulation.wait(seconds, write=write)

    @rule(
        fault=st.sampled_from(Fault), delay=st.sampled_from([0, 2, 2 * PERIOD]), names=st.sets(st.sampled_from("abcd"))
    )
    def something_will_go_wrong(self, fault: Fault, delay: int, names: set[str]) -> None:
        world = self.simulation.world
        world.fault, world.delay = fault, timedelta(seconds=delay)

        def change() -> None:
            world.nodes = nodes(*names, dc="eu")

        self.simulation.world.meanwhile = change

    @rule(downtime=st.sampled_from([0, PERIOD, 200]))
    def the_process_is_killed(self, downtime: int) -> None:
        self.simulation.world.delay = timedelta(seconds=downtime)
        self.simulation.restart()
        self.simulation.settle()

    @rule(success=st.booleans(), write=st.booleans(), which=st.integers(0, 3))
    def a_job_ends(self, *, success: bool, write: bool, which: int) -> None:
        running = self.simulation.world.unfinished()
        if running:
            self.simulation.world.finish(running[which % len(running)].name, success=success)
            self.simulation.settle(write=write)

    @rule()
    def somebody_asks_for_a_run(self) -> None:
        self.requests += 1
        self.simulation.world.ask(f"r{self.requests}")
        self.simulation.settle()

    @invariant()
    def the_promise_is_kept(self) -> None:
        if not self.alone:
            promise(self.simulation)

    def teardown(self) -> None:
        self.simulation.finish_all()
        assert self.simulation.world.job.requests == ()
        status = self.simulation.process.status
        schedule = self.simulation.world.job.schedule
        assert schedule is not None
        assert status.last_schedule_time == schedule.latest(after(0), None, self.simulation.world.now)
        made = len(self.simulation.world.created)
        assert status.success_count + status.error_count >= made, "each Job is recorded"
        assert len({execution.job for execution in status.executions}) == len(status.executions)


Promise.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=25,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)
test_whatever_happens_to_nodes_and_processes_the_promise_is_kept = Promise.TestCase
