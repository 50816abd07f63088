"""A plan knows of other jobs only the state that the API server has, and nothing that is only planned."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_crds.depends import circle
from dkron_crds.job import Ended, GroupStatus, Heard, JobStatus
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.cache.dependencies import Key
from dkron_operator.cache.store import Store
from dkron_operator.plan.situation.dependencies import NO_DEPENDENCIES
from dkron_operator.plan.status.dependencies import Noted, with_ended
from tests.support.builders import NOON, after, wire_job

RUN = Heard(job="parent", uid="uid-parent", group=7, at=after(60))
SHOWN = Ended(group=7, at=after(60), status=GroupStatus.SUCCESS)


def wire(name: str, *, version: int = 1, status: JobStatus | None = None, **spec: Any) -> dict[str, Any]:
    return wire_job(name=name, uid=f"uid-{name}", version=version, status=status, **spec)


def family(requeue: Callable[[str], None] = lambda _: None) -> tuple[Store, CachedJob, CachedJob]:
    store = Store()
    store.on_affected.add(requeue)
    store.upsert_job(wire("parent", status=JobStatus(since=NOON)))
    store.upsert_job(wire("child", schedule="", parentJob="parent", status=JobStatus(since=NOON)))
    parent, child = store
    return store, parent, child


def test_parent_ignores_unwritten_changes_of_its_child() -> None:
    store, parent, child = family()
    child.record(Noted(RUN))
    assert child.status.heard == (RUN,)
    assert [each.heard for each in store.dependencies.around(parent.job).children] == [frozenset()]
    store.settle(child, 1, base=child.status, version=5)
    assert [each.heard for each in store.dependencies.around(parent.job).children] == [{("uid-parent", 7)}]


def test_child_ignores_unwritten_changes_of_its_parent() -> None:
    store, parent, child = family()
    parent.status = with_ended(parent.status, 7, at=after(60), result=GroupStatus.SUCCESS)
    assert store.dependencies.around(child.job).parents["parent"].ended == ()
    store.settle(parent, 0, base=parent.status, version=5)
    assert store.dependencies.around(child.job).parents["parent"].ended == (SHOWN,)


def test_parent_and_child_wake_each_other_only_by_writes() -> None:
    woken: list[str] = []
    store, parent, child = family(woken.append)
    woken.clear()
    child.record(Noted(RUN))
    store.settle(child, 0, base=child.base.model_copy(update={"success_count": 1}), version=4)
    assert woken == []
    store.settle(child, 1, base=child.status, version=5)
    assert woken == ["uid-parent"]
    store.upsert_job(wire("parent", version=6, status=JobStatus(since=NOON, ended=(SHOWN,))))
    assert woken == ["uid-parent", "uid-child"]
    assert parent.base.ended == (SHOWN,)


def test_deleted_job_is_no_longer_awaited() -> None:
    woken: list[str] = []
    store, parent, _ = family(woken.append)
    woken.clear()
    store.upsert_job(wire("child", version=2, schedule="", parentJob="parent", deleting=True))
    assert woken == ["uid-parent"]
    assert store.dependencies.around(parent.job).children == ()


def test_jobs_of_another_namespace_are_no_kin() -> None:
    store, parent, _ = family()
    stranger = wire("stranger", schedule="", parentJob="parent")
    stranger["metadata"]["namespace"] = "elsewhere"
    store.upsert_job(stranger)
    _, _, found = store
    assert store.dependencies.around(found.job).parents == {}
    assert [each.name for each in store.dependencies.around(parent.job).children] == ["child"]


def test_job_without_dependencies_has_none() -> None:
    store = Store()
    store.upsert_job(wire("single"))
    (single,) = store
    assert store.dependencies.around(single.job) is NO_DEPENDENCIES


class Counting(Store):
    """Counts how often a job is looked up by its name."""

    looked_up = 0

    def holder(self, key: Key) -> CachedJob | None:
        """As in any store."""
        self.looked_up += 1
        return super().holder(key)


class Tenant:
    """Jobs that run after one another. Each that is woken is planned, as far as its dependencies go."""

    def __init__(self) -> None:
        self.store = Counting()
        self.store.on_affected.add(lambda uid: self.waiting.update({uid: None}))
        self.waiting: dict[str, None] = {}
        self.versions = 1
        self.circles: dict[str, tuple[str, ...]] = {}
        self.planned: set[str] = set()

    def edit(self, name: str, *parents: str) -> None:
        """Create the job, or change its parents."""
        self.versions += 1
        parts: dict[str, Any] = (
            {"schedule": "", "dependsOn": [{"job": parent} for parent in parents]} if parents else {}
        )
        body = wire(name, version=self.versions, generation=self.versions, **parts)
        self.waiting.update(dict.fromkeys(self.store.upsert_job(body)))

    def delete(self, name: str) -> None:
        """The job is gone."""
        self.circles.pop(name, None)
        self.waiting.update(dict.fromkeys(self.store.remove_job(f"uid-{name}")))

    def plan(self) -> int:
        """Plan until no job is woken any more. Returns the number of plans."""
        plans = 0
        self.planned.clear()
        while self.waiting:
            uid, _ = self.waiting.popitem()
            cached = self.store.get(uid)
            if cached is not None:
                self.planned.add(cached.job.name)
                self.circles[cached.job.name] = self.store.dependencies.around(cached.job).circle
            plans += 1
        return plans


def chain(length: int) -> Tenant:
    tenant = Tenant()
    tenant.edit("j0")
    for number in range(1, length):
        tenant.edit(f"j{number}", f"j{number - 1}")
    tenant.plan()
    return tenant


LENGTH = 1_000


@pytest.mark.parametrize(
    ("name", "parent", "plans", "look_ups"),
    [
        pytest.param("j0", "missing", 1, 10, id="the first"),
        pytest.param("j500", "missing", 2, 20, id="one in the middle, which is cut off"),
        pytest.param("j500", "j0", 3, 600, id="one in the middle, with another parent"),
        pytest.param("j999", "j0", 3, 20, id="the last"),
        pytest.param("j0", "j999", LENGTH + 1, 10 * LENGTH, id="the first, after the last"),
    ],
)
def test_edit_in_a_chain_is_linear(name: str, parent: str, plans: int, look_ups: int) -> None:
    tenant = chain(LENGTH)
    tenant.store.looked_up = 0
    tenant.edit(name, parent)
    assert tenant.plan() <= plans
    assert tenant.store.looked_up <= look_ups


def test_other_namespace_does_not_pay_for_an_edit() -> None:
    tenant = chain(LENGTH)
    other = wire("other", schedule="", parentJob="missing")
    other["metadata"]["namespace"] = "elsewhere"
    tenant.store.upsert_job(other)
    tenant.edit("j0", f"j{LENGTH - 1}")
    (cached,) = (each for each in tenant.store if each.job.namespace == "elsewhere")
    tenant.store.looked_up = 0
    assert tenant.store.dependencies.around(cached.job).circle == ()
    assert tenant.store.looked_up <= 5


def test_list_of_a_chain_is_read_in_linear_time() -> None:
    assert chain(LENGTH).store.looked_up <= 10 * LENGTH


def test_long_circle_is_told_by_its_first_names() -> None:
    tenant = chain(20)
    tenant.edit("j0", "j19")
    tenant.plan()
    assert all((way[0], way[-2], way[-1]) == (name, "…", name) for name, way in tenant.circles.items())
    assert tenant.circles["j18"][:3] == ("j18", "j19", "j0")
    tenant.edit("j0", "j3")
    tenant.plan()
    assert tenant.circles["j1"] == ("j1", "j2", "j3", "j0", "j1")
    assert tenant.circles["j4"] == ()


def assert_circles(tenant: Tenant, parents: dict[str, list[str]]) -> None:
    """Each job shows a circle if and only if it is on one, and that circle is there."""
    for each in parents:
        way = tenant.circles[each]
        assert bool(way) == bool(circle(each, lambda job: parents.get(job, []))), (each, parents)
        assert all(before in parents[after] for before, after in pairwise(way)), (way, parents)
        assert len(set(way)) >= len(way) - 1, "no job is passed twice"


@dataclass(frozen=True, slots=True)
class Edit:
    """An edit of one of some jobs."""

    jobs: str
    """Each job and its parents."""
    name: str
    parents: str
    planned: str
    """The jobs that get a plan: the edited one, parents that it gained or lost, and those whose circle is another."""


PAIR, TRIANGLE, SQUARE = "ab ba", "ac ba cb", "ad ba cb dc"
EDITED = (
    pytest.param(Edit("a ba", "a", "b", planned="ab"), id="a circle is closed"),
    pytest.param(Edit(f"{PAIR} ea fe", "e", "", planned="ea"), id="a job below a circle is cut off"),
    pytest.param(Edit(f"{PAIR} ea fe", "a", "", planned="ab"), id="a circle is opened"),
    pytest.param(Edit(f"{PAIR} ef fe", "a", "be", planned="ae"), id="a circle comes after another one"),
    pytest.param(
        Edit(f"{PAIR} fa ef", "a", "be", planned="aef"), id="a circle grows by two jobs, and one keeps its own"
    ),
    pytest.param(Edit("axb ba ca xbc", "x", "c", planned="xb"), id="a step from the hub is lost, and there is another"),
    pytest.param(Edit("ac bca cb", "b", "a", planned="bc"), id="a parent is lost that no circle needs"),
    pytest.param(Edit(TRIANGLE, "b", "ac", planned="bc"), id="a parent is gained in the circle"),
    pytest.param(Edit(f"{TRIANGLE} eb", "b", "ae", planned="be"), id="a job comes to a circle"),
    pytest.param(Edit(f"{SQUARE} ebd fe", "f", "ec", planned="fc"), id="another parent below a circle"),
)


@pytest.mark.parametrize("case", EDITED)
def test_edit_wakes_jobs_whose_circle_it_changes(case: Edit) -> None:
    tenant = Tenant()
    for job in case.jobs.split():
        tenant.edit(job[0], *job[1:])
        tenant.plan()
    tenant.edit(case.name, *case.parents)
    tenant.plan()
    assert tenant.planned == set(case.planned)
    assert_circles(tenant, {job[0]: [*job[1:]] for job in case.jobs.split()} | {case.name: [*case.parents]})


def test_edit_in_a_dense_circle_wakes_few_jobs() -> None:
    tenant, parents = Tenant(), [[f"j{(number - step) % 100}" for step in range(1, 9)] for number in range(100)]
    for number, above in enumerate(parents):
        tenant.edit(f"j{number}", *above)
    tenant.plan()
    shown = dict(tenant.circles)
    tenant.edit("j50")
    tenant.plan()
    others = tenant.planned - {"j50", *parents[50]}
    assert others == {name for name in shown.keys() - {"j50", *parents[50]} if shown[name] != tenant.circles[name]}
    assert len(others) < 50
    assert tenant.circles["j50"] == () != tenant.circles["j49"]


NAMES = st.sampled_from("abcdef")
EDITS = st.lists(st.tuples(NAMES, st.none() | st.lists(NAMES, max_size=3, unique=True)), max_size=20)


@given(EDITS)
def test_circles_after_any_edits_are_those_of_the_jobs(edits: list[tuple[str, list[str] | None]]) -> None:
    tenant, parents = Tenant(), dict[str, list[str]]()
    for name, above in edits:
        shown = dict(tenant.circles)
        near = {name, *parents.get(name, ()), *(above or ()), *(each for each in parents if name in parents[each])}
        if above is None:
            parents.pop(name, None)
            tenant.delete(name)
        else:
            parents[name] = above
            tenant.edit(name, *above)
        tenant.plan()
        assert all(shown[each] != tenant.circles[each] for each in tenant.planned - near), "few jobs are woken"
        for each, cached in ((cached.job.name, cached) for cached in tenant.store):
            assert tenant.store.dependencies.around(cached.job).circle == tenant.circles[each], "all of them are woken"
        assert_circles(tenant, parents)
