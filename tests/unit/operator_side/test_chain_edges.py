"""Chains and ephemeral jobs around a fake API server, in virtual time: who is woken by whom, and what goes when."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest

from dkron_crds.job import Trigger
from dkron_crds.names import ACCEPTED
from dkron_kube.errors import Rejected
from dkron_kube.paths import DKRON_JOBS, JOBS
from tests.support.builders import ended, wire_job
from tests.support.edges import Edges, wall
from tests.support.fake_kube import FakeKube

pytestmark = pytest.mark.looptime

AT = "2026-03-01T12:00:00Z"
NEXT = {ACCEPTED: "uid-parent", "run.dkron.io/b": AT}


@asynccontextmanager
async def running(*jobs: dict[str, Any]) -> AsyncIterator[Edges]:
    """The operator with these jobs, once it has done what there is to do."""
    kube = FakeKube()
    for job in jobs:
        kube.put(DKRON_JOBS, job)
    edges = Edges(kube)
    edges.watch()
    async with edges.running():
        await asyncio.sleep(3)
        yield edges


def parent(**spec: Any) -> dict[str, Any]:
    return wire_job(name="parent", uid="uid-parent", schedule="@manually", **{"requests": {"a": AT}, **spec})


def child(**spec: Any) -> dict[str, Any]:
    return wire_job(name="child", uid="uid-child", schedule="", **{"parentJob": "parent", **spec})


def jobs_of(edges: Edges, owner: str) -> list[str]:
    return [name for name in edges.kube.names(JOBS) if name.startswith(f"{owner}-")]


async def end(edges: Edges, name: str, kind: str = "Complete", seconds: float = 3) -> None:
    """A Job ends; then what follows from that has had its time."""
    edges.kube.edit(JOBS, name, lambda body: body.update(status=ended(kind, at=wall())))
    edges.watch()
    await asyncio.sleep(seconds)


async def end_parent(edges: Edges, kind: str = "Complete") -> None:
    (name,) = jobs_of(edges, "parent")
    await end(edges, name, kind)


async def set_parent(edges: Edges, name: str, above: str, seconds: float = 2) -> None:
    def change(body: dict[str, Any]) -> None:
        body["spec"]["parentJob"] = above
        body["metadata"]["generation"] += 1

    edges.kube.edit(DKRON_JOBS, name, change)
    edges.watch()
    await asyncio.sleep(seconds)


def ready(edges: Edges, name: str = "child") -> str:
    return next(each.reason for each in edges.status(name).conditions if each.type == "Ready")


def exists(edges: Edges, name: str = "parent") -> bool:
    return name in edges.kube.names(DKRON_JOBS)


async def test_child_runs_after_its_parent_which_then_hides_the_run() -> None:
    async with running(parent(), child()) as edges:
        assert jobs_of(edges, "child") == []
        assert edges.status("parent").dependent_jobs == ("child",)
        await end_parent(edges)
        (entry,) = edges.status("child").active
        assert (entry.job, entry.trigger) == (jobs_of(edges, "child")[0], Trigger.DEPENDENT)
        assert edges.status("parent").ended == ()
        calls = len(edges.kube.calls)
        await asyncio.sleep(8)
        assert len(edges.kube.calls) <= calls + 3, "only the beginning is written, and the pod and its Events are read"


@dataclass(frozen=True)
class Tie:
    """When a job begins to depend on a parent that has a run."""

    by: str
    since_the_end: float
    """Seconds after the end of the run; negative if the run goes on for so long."""

    follows: bool


@pytest.mark.parametrize(
    "tie",
    [
        pytest.param(Tie("create", since_the_end=0.1, follows=False), id="created before the end is written"),
        pytest.param(Tie("edit", since_the_end=0.1, follows=False), id="edited before the end is written"),
        pytest.param(Tie("create", since_the_end=3, follows=False), id="created after the end is written"),
        pytest.param(Tie("edit", since_the_end=3, follows=False), id="edited after the end is written"),
        pytest.param(Tie("create", since_the_end=-1.1, follows=True), id="created before the run ends"),
        pytest.param(Tie("edit", since_the_end=-1.1, follows=True), id="edited before the run ends"),
    ],
)
async def test_job_follows_only_runs_that_end_after_it_depends(tie: Tie) -> None:
    async def depend(seconds: float) -> None:
        if tie.by == "edit":
            await set_parent(edges, "child", "parent", seconds)
            return
        edges.kube.put(DKRON_JOBS, child(created=wall().replace(microsecond=0)))
        edges.watch()
        await asyncio.sleep(seconds)

    async with running(parent(), *([child(parentJob="")] if tie.by == "edit" else [])) as edges:
        (first,) = jobs_of(edges, "parent")
        if tie.follows:
            await depend(-tie.since_the_end)
            await end(edges, first)
        else:
            await end(edges, first, seconds=tie.since_the_end)
            await depend(3)
        assert (len(jobs_of(edges, "child")), edges.status("child").skipped) == (tie.follows, None)
        assert not [body for body in edges.kube.bodies if body.get("reason") == "DependentRunSkipped"]
        edges.kube.edit(DKRON_JOBS, "parent", lambda body: body["metadata"].update(annotations=NEXT))
        edges.watch()
        await asyncio.sleep(3)
        (second,) = {*jobs_of(edges, "parent")} - {first}
        await end(edges, second)
        assert (len(jobs_of(edges, "child")), edges.status("child").skipped) == (tie.follows + 1, None)
        assert edges.status("parent").ended == ()


async def test_a_parent_that_appears_and_goes_is_noticed() -> None:
    async with running(child()) as edges:
        await asyncio.sleep(2)
        assert ready(edges) == "ParentNotFound"
        edges.kube.put(DKRON_JOBS, parent())
        edges.watch()
        await asyncio.sleep(2)
        assert ready(edges) == "Scheduled"
        edges.handlers.feed_job("DELETED", edges.kube.remove(DKRON_JOBS, "parent"))
        await asyncio.sleep(2)
        assert ready(edges) == "ParentNotFound"


async def test_parent_that_owns_the_name_is_followed() -> None:
    twin = parent(ephemeral=True)
    twin["metadata"] |= {"name": "twin", "uid": "uid-twin", "creationTimestamp": "2026-03-01T12:00:01Z"}
    twin["spec"]["name"] = "parent"
    async with running(parent(), twin, child()) as edges:
        assert jobs_of(edges, "twin") == [], "it has no name of its own"
        assert edges.store.dependencies.around(edges.entry("uid-twin").job).children == ()
        await end_parent(edges)
        assert edges.status("parent").ended == ()
        assert len(jobs_of(edges, "child")) == 1


async def test_every_job_of_a_cycle_reports_it_and_its_repair() -> None:
    names = "abcde"
    links = [wire_job(name=name, uid=f"uid-{name}", schedule="", parentJob=above) for above, name in pairwise(names)]
    async with running(wire_job(name="a", uid="uid-a", schedule="@manually"), *links) as edges:
        assert {ready(edges, name) for name in names} == {"Scheduled"}
        await set_parent(edges, "a", "e")
        assert {ready(edges, name) for name in names} == {"ParentCycle"}
        await set_parent(edges, "a", "")
        assert {ready(edges, name) for name in names} == {"Scheduled"}


async def test_former_parent_no_longer_lists_the_child() -> None:
    other = wire_job(name="other", uid="uid-other", schedule="@manually")
    async with running(parent(), other, child()) as edges:
        await set_parent(edges, "child", "other")
        assert edges.status("parent").dependent_jobs == ()
        assert edges.status("other").dependent_jobs == ("child",)


async def test_ephemeral_job_is_deleted_after_its_child_and_totals() -> None:
    async with running(parent(ephemeral=True), child()) as edges:
        booked: list[int] = []
        edges.kube.meanwhile("delete dkronjobs", lambda: booked.append(edges.booked))
        await end_parent(edges)
        assert (exists(edges), len(jobs_of(edges, "child")), booked) == (False, 1, [1])
        calls = edges.kube.calls
        assert calls.index("delete dkronjobs parent") > calls.index("write dkronjobs child")
        deleted = edges.entry("uid-parent")
        assert deleted.job.deleting, "what is still on its way from the watch would look like another job"


@pytest.mark.parametrize("gone", [False, True], ids=["written to is looked at again", "deleted is no trouble"])
async def test_an_ephemeral_job_that_another_client_has_just(*, gone: bool) -> None:
    async with running(parent(ephemeral=True)) as edges:

        def change() -> None:
            if gone:
                edges.kube.remove(DKRON_JOBS, "parent")
            else:
                edges.kube.edit(DKRON_JOBS, "parent", lambda body: body["metadata"].update(labels={"seen": "yes"}))

        edges.kube.meanwhile("delete dkronjobs", change)
        await end_parent(edges)
        assert not exists(edges)
        assert edges.kube.calls.count("delete dkronjobs parent") == (1 if gone else 2)


async def test_undeletable_ephemeral_job_is_reported_and_retried() -> None:
    async with running(parent(ephemeral=True)) as edges:
        edges.kube.fail("delete dkronjobs", Rejected("forbidden", status=403))
        await end_parent(edges)
        await asyncio.sleep(30)
        assert edges.kube.calls.count("delete dkronjobs parent") == 1
        (note,) = (body["note"] for body in edges.kube.bodies if body.get("reason") == "NotDeleted")
        assert "forbidden" in note
        await asyncio.sleep(60)
        assert not exists(edges)
