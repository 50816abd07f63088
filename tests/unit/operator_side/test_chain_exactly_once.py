"""The promise for chains: each run of a parent that counts gives each job that depends on it exactly one run, whatever
dies, and whatever is lost or repeated.
"""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from dkron_crds.job import Dependency, JobStatus, SkipReason, When
from dkron_operator.plan import dependency_changes, upstream_runs
from tests.support.family import Family, member
from tests.support.simulation import Fault

FAULTS = pytest.mark.parametrize("fault", Fault, ids=[str(fault) for fault in Fault])


def follows(link: Dependency, family: Family) -> list[int]:
    """The runs that this one parent alone asks for."""
    return [g.followed_by for g in family.groups(link.job) if link.when.fits(success=g.success)]


def promise(family: Family) -> None:
    """What holds at any time."""
    for name, world in family.worlds.items():
        names = Counter(run.name for run in world.created)
        assert not [each for each, times in names.items() if times > 1], f"{name}: a cause has two Jobs"
        groups = family.runs(name)
        assert len(groups) == len(set(groups)), f"{name}: a run of a parent has had two runs"
        skipped = world.status.skipped
        assert skipped is None or skipped.last_reason is not SkipReason.OVERRUN, (
            f"{name}: it counts what it did not miss"
        )


def books_balance(family: Family) -> None:
    """What holds when everything is over."""
    for name, world in family.worlds.items():
        parents = world.job.spec.parents
        wanted = [set(follows(link, family)) for link in parents if link.job in family.worlds]
        made = set(family.runs(name))
        if len(parents) == 1:
            assert made == set().union(*wanted), f"{name}: runs of its parent were lost or invented"
        elif wanted:
            assert made <= set().union(*wanted), f"{name}: runs were invented"
            assert len(made) <= min(map(len, wanted)), f"{name}: it ran more often than the rarest of its parents"
            assert bool(made) is all(wanted), f"{name}: all its parents have ended, or not"
        status = world.status
        assert status.ended == (), f"{name}: everybody has taken note"
        assert status.success_count + status.error_count == len(world.created)


def grow(*, retries: int = 0) -> Family:
    """A root, two children, and a grandchild."""
    return Family(
        member("root", retries=retries),
        member("left", parentJob="root"),
        member("right", parentJob="root", retries=1),
        member("leaf", parentJob="left"),
    )


def run_once(family: Family, name: str = "root", *, success: bool = True) -> None:
    family.ask(name)
    family.wait(1)
    family.end(name, success=success)
    family.wait(1)


@FAULTS
@pytest.mark.parametrize("moment", range(4), ids=["the request", "the end", "the children", "the grandchild"])
@pytest.mark.parametrize("delay", [0, 120], ids=["at once", "later"])
def test_one_fault_on_the_way_down_a_tree_neither_doubles_nor_loses_a_run(
    fault: Fault, moment: int, delay: int
) -> None:
    family = grow()
    family.wait(1)
    for number, ending in enumerate([(), ("root",), ("left", "right"), ("leaf",)]):
        if not ending:
            family.ask("root")
        for name in ending:
            family.end(name, success=True)
        if number == moment:
            family.will_go_wrong(fault, delay=delay)
        family.wait(1)
    family.end_all()
    promise(family)
    books_balance(family)
    assert [len(family.runs(name)) for name in ("left", "right", "leaf")] == [1, 1, 1]


FEW = 4


@pytest.mark.parametrize("fault", [None, *Fault], ids=lambda fault: str(fault or "no fault"))
@pytest.mark.parametrize("ends", [1, 3, 14], ids=["one by one", "three at a time", "all at once"])
def test_of_more_runs_than_are_shown_each_has_its_effect_or_is_counted(
    monkeypatch: pytest.MonkeyPatch, fault: Fault | None, ends: int
) -> None:
    for module in (upstream_runs, dependency_changes):
        monkeypatch.setattr(module, "MAX_ENDED", FEW)
    family = Family(member("root"), member("left", parentJob="root"), member("right", parentJob="root"))
    family.wait(1)
    family.silent.add("left")
    for _ in range(14 // ends):
        for _ in range(ends):
            family.ask("root")
        family.wait(1)
        for _ in range(ends):
            family.end("root", success=True)
        family.will_go_wrong(fault)
        family.wait(100)
    total = 14 // ends * ends
    assert len(family["root"].status.ended) <= FEW
    family.silent.clear()
    for _ in range(3):
        family.will_go_wrong(fault)
        family.wait(100)
    family.end_all()
    skipped = family["left"].status.skipped
    assert len(family.runs("left")) + (skipped.count if skipped else 0) == total
    assert len(family.runs("right")) == total, "who takes note misses nothing"
    assert family["right"].status.skipped is None


@FAULTS
def test_a_parent_that_needed_a_retry_fires_its_children_once(fault: Fault) -> None:
    family = grow(retries=2)
    family.wait(1)
    family.ask("root")
    family.wait(1)
    family.end("root", success=False)
    family.will_go_wrong(fault)
    family.wait(5)
    assert family.runs("left") == [], "not before the last attempt"
    family.end_all()
    promise(family)
    books_balance(family)
    assert [len(family.runs(name)) for name in ("left", "right", "leaf")] == [1, 1, 1]


@FAULTS
def test_each_end_fires_those_for_whom_it_counts(fault: Fault) -> None:
    family = Family(
        member("root"),
        *(member(when, dependsOn=[{"job": "root", "when": when}]) for when in ("success", "failure", "always")),
    )
    family.wait(1)
    run_once(family, success=False)
    family.will_go_wrong(fault)
    run_once(family, success=True)
    family.end_all()
    promise(family)
    books_balance(family)
    assert [len(family.runs(when)) for when in When] == [1, 1, 2]


@FAULTS
def test_a_job_after_two_others_runs_once_for_both(fault: Fault) -> None:
    family = Family(member("a"), member("b"), member("both", dependsOn=[{"job": "a"}, {"job": "b"}]))
    family.wait(1)
    run_once(family, "a")
    run_once(family, "a")
    assert family.runs("both") == []
    family.will_go_wrong(fault)
    run_once(family, "b")
    family.wait(10)
    assert len(family.runs("both")) == 1
    run_once(family, "b")
    assert len(family.runs("both")) == 1, "what it has run after does not count again"
    run_once(family, "a")
    family.end_all()
    promise(family)
    assert len(family.runs("both")) == 2


@FAULTS
def test_while_nobody_can_write_the_childs_status_its_parent_goes_on_showing_the_run(fault: Fault) -> None:
    family = grow()
    family.wait(1)
    family.ask("root")
    family.wait(1)
    family.end("root", success=True)
    family.will_go_wrong(fault)
    family.wait(30, write=["root"])
    family.restart()
    family.wait(1)
    family.end_all()
    promise(family)
    books_balance(family)


def test_of_runs_that_overlap_each_fires_the_children_when_it_ends() -> None:
    family = grow()
    family.wait(1)
    for _ in range(3):
        family.ask("root")
        family.wait(1)
    for job in reversed(family["root"].unfinished()):
        family["root"].finish(job.name, success=True)
        family.wait(2)
    family.end_all()
    promise(family)
    books_balance(family)
    assert len(family.runs("left")) == 3


def test_a_busy_child_that_forbids_skips_the_run_and_counts_it() -> None:
    family = Family(member("root"), member("kid", parentJob="root", concurrency="forbid"))
    family.wait(1)
    run_once(family)
    run_once(family)
    assert len(family.runs("kid")) == 1
    assert family["kid"].status.skipped is not None
    assert family["kid"].status.skipped.count == 1
    family.end_all()
    assert family["root"].status.ended == ()


# --- what people do to the jobs of a family --------------------------------------------------------------------------


def test_a_child_created_after_the_end_does_not_run_for_it() -> None:
    family = Family(member("root"), member("kid", parentJob="root", disabled=True))
    family.wait(1)
    family.ask("root")
    family.wait(1)
    family.end("root", success=True)
    family.wait(3, write=["root"])
    assert family["root"].status.ended, "not everybody has taken note"
    family.add(member("late", parentJob="root", created=family.now))
    family.end_all()
    assert family.runs("late") == []
    assert family["root"].status.ended == ()


def test_a_child_that_gets_another_parent_follows_that_one_from_then_on() -> None:
    family = Family(member("a"), member("b"), member("kid", parentJob="a"))
    family.wait(1)
    run_once(family, "b")
    family.edit("kid", member("kid", parentJob="b"))
    family.wait(1)
    run_once(family, "a")
    run_once(family, "b")
    family.end_all()
    (follower,) = family.runs("kid")
    assert follower == family.groups("b")[1].followed_by
    assert family["a"].status.ended == family["b"].status.ended == ()


def test_a_parent_that_is_created_anew_fires_its_child_for_its_own_runs() -> None:
    family = Family(member("root"), member("kid", parentJob="root"))
    family.wait(1)
    run_once(family)
    family.delete("root")
    family.wait(1)
    family.add(member("root", created=family.now))
    family["root"].job = replace(family["root"].job, uid="uid-second")
    family.restart()
    family.wait(2)
    run_once(family)
    family.end_all()
    promise(family)
    assert len(family.runs("kid")) == 2


@pytest.mark.parametrize("name", ["root", "left", "leaf"])
@pytest.mark.parametrize("later", [0, 200], ids=["at once", "when the Jobs are gone"])
def test_a_wiped_status_runs_nothing_again_and_keeps_nobody_waiting(name: str, later: int) -> None:
    family = Family(
        member("root", history={"successfulJobs": 0}),
        member("left", parentJob="root", history={"successfulJobs": 0}),
        member("leaf", parentJob="left", history={"successfulJobs": 0}),
    )
    family.wait(1)
    run_once(family)
    family.end_all()
    family.wait(later)
    made = {each: list(world.created) for each, world in family.worlds.items()}
    family.wipe(name)
    family.restart()
    family.wait(200)
    assert {each: list(world.created) for each, world in family.worlds.items()} == made
    assert all(world.status.ended == () for world in family.worlds.values())
    run_once(family)
    family.end_all()
    promise(family)
    assert len(family.runs("leaf")) == 2


def test_a_wiped_child_does_not_follow_again_what_another_child_keeps_shown() -> None:
    family = grow()
    family.wait(1)
    family.ask("root")
    family.wait(1)
    family.end("root", success=True)
    family.wait(1, write=["root", "left"])
    family["left"].status = JobStatus()
    family.processes["left"].pending.clear()
    family.wait(100)
    assert len(family.runs("left")) == 1


@pytest.mark.parametrize("success", [True, False])
@FAULTS
def test_an_ephemeral_job_goes_after_a_success_when_its_children_were_started(fault: Fault, *, success: bool) -> None:
    family = Family(
        member("base", ephemeral=True),
        member("kid", parentJob="base", ephemeral=True),
        member("leaf", dependsOn=[{"job": "kid", "when": "always"}], retries=1),
    )
    family.wait(1)
    family.ask("base")
    family.wait(1)
    family.end("base", success=success)
    family.will_go_wrong(fault)
    family.wait(10)
    assert ("base" in family.worlds) is not success
    assert bool(success) is bool(family.runs("kid"))
    if success:
        family.end("kid", success=True)
        family.wait(10)
        assert set(family.worlds) == {"leaf"}
        family.end("leaf", success=False)
        family.wait(10)
        assert [run.attempt for run in family["leaf"].created] == [1, 2], "it is retried though its parent is gone"
    family.end_all()
    promise(family)


class Tree(RuleBasedStateMachine):
    """Any tree, and anything may happen to it in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.family = Family()

    @initialize(
        parents=st.lists(st.tuples(st.integers(0, 4), st.sampled_from(When)), min_size=1, max_size=5),
        second=st.none() | st.integers(0, 4),
        retries=st.lists(st.sampled_from([0, 0, 1, 2]), min_size=6, max_size=6),
        kept=st.sampled_from([{"executions": 100}, {"successfulJobs": 0, "failedJobs": 0, "executions": 3}]),
    )
    def begin(
        self, parents: list[tuple[int, When]], *, second: int | None, retries: list[int], kept: dict[str, int]
    ) -> None:
        jobs = [member("j0", retries=retries[0], history=kept)]
        for number, (above, when) in enumerate(parents, start=1):
            names = {f"j{min(above, number - 1)}"} | ({f"j{min(second, number - 1)}"} if second is not None else set())
            links = [{"job": name, "when": str(when)} for name in sorted(names)]
            jobs.append(member(f"j{number}", dependsOn=links, retries=retries[number], history=kept))
        self.family = Family(*jobs)
        self.family.wait(1)

    @rule(seconds=st.sampled_from([0, 1, 5, 90]), everybody=st.booleans())
    def time_passes(self, seconds: int, *, everybody: bool) -> None:
        self.family.wait(seconds, write=None if everybody else ["j0", "j2"])

    @rule(fault=st.sampled_from(Fault), delay=st.sampled_from([0, 2, 100]))
    def something_will_go_wrong(self, fault: Fault, delay: int) -> None:
        self.family.will_go_wrong(fault, delay=delay)

    @rule(downtime=st.sampled_from([0, 10, 200]))
    def the_operator_is_killed(self, downtime: int) -> None:
        self.family.will_go_wrong(None, delay=downtime)
        self.family.restart()
        self.family.settle()

    @rule(number=st.integers(0, 5))
    def somebody_asks_for_a_run(self, number: int) -> None:
        if f"j{number}" in self.family.worlds:
            self.family.ask(f"j{number}")
            self.family.settle()

    @rule(number=st.integers(0, 5), success=st.booleans(), seconds=st.sampled_from([0, 1]))
    def a_job_ends(self, number: int, seconds: int, *, success: bool) -> None:
        if f"j{number}" in self.family.worlds:
            self.family.wait(seconds)
            self.family.end(f"j{number}", success=success)
            self.family.settle()

    @invariant()
    def the_promise_is_kept(self) -> None:
        promise(self.family)

    def teardown(self) -> None:
        self.family.end_all()
        promise(self.family)
        books_balance(self.family)


Tree.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=20,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)
test_whatever_happens_each_run_has_its_effect_once = Tree.TestCase
