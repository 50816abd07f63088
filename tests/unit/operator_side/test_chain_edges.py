"""Chains and ephemeral jobs around a fake API server, in virtual time: who is woken by whom, and what goes when."""

import asyncio
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from dkron_crds.job import Trigger
from dkron_kube.errors import Rejected, Unavailable
from dkron_kube.paths import DKRON_JOBS, JOBS
from tests.support.builders import ended, wire_job
from tests.support.edges import Edges, wall
from tests.support.fake_kube import FakeKube

pytestmark = pytest.mark.looptime

ASKED = {"a": "2026-03-01T12:00:00Z"}


def begin(*jobs: dict[str, Any]) -> Edges:
    kube = FakeKube()
    for job in jobs:
        kube.put(DKRON_JOBS, job)
    edges = Edges(kube)
    edges.watch()
    return edges


def parent(**spec: Any) -> dict[str, Any]:
    return wire_job(name="parent", uid="uid-parent", schedule="@manually", requests=ASKED, **spec)


def child(**spec: Any) -> dict[str, Any]:
    return wire_job(name="child", uid="uid-child", schedule="", **{"parentJob": "parent", **spec})


def jobs_of(edges: Edges, owner: str) -> list[str]:
    return [name for name in edges.kube.names(JOBS) if name.startswith(f"{owner}-")]


async def end(edges: Edges, owner: str, kind: str = "Complete") -> None:
    """The only Job of a job ends; then what follows from that has had its time."""
    (name,) = jobs_of(edges, owner)
    edges.kube.edit(JOBS, name, lambda body: body.update(status=ended(kind, at=wall())))
    edges.watch()
    await asyncio.sleep(3)


async def test_a_child_runs_by_itself_when_its_parent_has_succeeded_and_the_parent_shows_it_no_more() -> None:
    edges = begin(parent(), child())
    async with edges.running():
        await asyncio.sleep(3)
        assert jobs_of(edges, "child") == []
        assert edges.status("parent").dependent_jobs == ("child",)
        await end(edges, "parent")
        (entry,) = edges.status("child").active
        assert (entry.job, entry.trigger) == (jobs_of(edges, "child")[0], Trigger.DEPENDENT)
        assert edges.status("parent").ended == ()
        calls = len(edges.kube.calls)
        await asyncio.sleep(8)
        assert len(edges.kube.calls) <= calls + 2, "nothing but a look at the pod and at Events"


async def test_the_claim_and_the_mark_are_one_write_before_the_job_exists() -> None:
    edges = begin(parent(), child())
    async with edges.running():
        await asyncio.sleep(3)
        edges.kube.fail("create jobs", *[Unavailable("down")] * 3)
        await end(edges, "parent")
        status = edges.status("child")
        assert [each.waiting for each in status.heard] == [False]
        assert len(status.active) == 1
        await asyncio.sleep(10)
        assert len(jobs_of(edges, "child")) == 1


async def test_a_parent_that_appears_and_goes_is_noticed() -> None:
    edges = begin(child())

    def ready() -> str:
        return next(each.reason for each in edges.status("child").conditions if each.type == "Ready")

    async with edges.running():
        await asyncio.sleep(5)
        assert ready() == "ParentNotFound"
        edges.kube.put(DKRON_JOBS, parent())
        edges.watch()
        await asyncio.sleep(2)
        assert ready() == "Scheduled"
        edges.source.feed_job("DELETED", edges.kube.objects.pop((DKRON_JOBS.plural, "parent")))
        await asyncio.sleep(2)
        assert ready() == "ParentNotFound"


async def test_of_two_parents_with_one_name_the_one_that_has_it_is_followed() -> None:
    twin = parent(ephemeral=True)
    twin["metadata"] |= {"name": "twin", "uid": "uid-twin", "creationTimestamp": "2026-03-01T12:00:01Z"}
    twin["spec"]["name"] = "parent"
    edges = begin(parent(), twin, child())
    async with edges.running():
        await asyncio.sleep(3)
        assert jobs_of(edges, "twin") == [], "it has no name of its own"
        assert edges.store.dependencies.of(edges.entry("uid-twin").job).children == ()
        await end(edges, "parent")
        assert edges.status("parent").ended == ()
        assert len(jobs_of(edges, "child")) == 1


async def test_every_job_of_a_circle_is_told_when_it_is_closed_and_opened() -> None:
    def link(name: str, after: str, **fields: Any) -> dict[str, Any]:
        return wire_job(name=name, uid=f"uid-{name}", schedule="", parentJob=after, **fields)

    names = ["a", "b", "c", "d", "e"]
    edges = begin(
        wire_job(name="a", uid="uid-a", schedule="@manually"),
        *(link(name, above) for above, name in pairwise(names)),
    )

    def reasons() -> set[str]:
        conditions = [each for name in names for each in edges.status(name).conditions if each.type == "Ready"]
        return {each.reason for each in conditions}

    def set_parent(body: dict[str, Any], above: str) -> None:
        body["spec"]["parentJob"] = above
        body["metadata"]["generation"] += 1

    async with edges.running():
        await asyncio.sleep(2)
        assert reasons() == {"Scheduled"}
        edges.kube.edit(DKRON_JOBS, "a", lambda body: set_parent(body, "e"))
        edges.watch()
        await asyncio.sleep(2)
        assert reasons() == {"ParentCycle"}
        edges.kube.edit(DKRON_JOBS, "a", lambda body: set_parent(body, ""))
        edges.watch()
        await asyncio.sleep(2)
        assert reasons() == {"Scheduled"}


async def test_a_parent_lists_a_child_no_more_that_goes_to_another_one() -> None:
    other = wire_job(name="other", uid="uid-other", schedule="@manually")
    edges = begin(parent(), other, child())

    def move(body: dict[str, Any]) -> None:
        body["spec"]["parentJob"] = "other"
        body["metadata"]["generation"] += 1

    async with edges.running():
        await asyncio.sleep(2)
        edges.kube.edit(DKRON_JOBS, "child", move)
        edges.watch()
        await asyncio.sleep(2)
        assert edges.status("parent").dependent_jobs == ()
        assert edges.status("other").dependent_jobs == ("child",)


async def test_an_ephemeral_job_is_deleted_after_its_child_has_claimed_its_run() -> None:
    edges = begin(parent(ephemeral=True), child())
    async with edges.running():
        await asyncio.sleep(3)
        await end(edges, "parent")
        assert "parent" not in edges.kube.names(DKRON_JOBS)
        assert len(jobs_of(edges, "child")) == 1
        calls = edges.kube.calls
        assert calls.index("delete dkronjobs parent") > calls.index("write dkronjobs child")
        deleted = edges.entry("uid-parent")
        assert deleted.job.deleting, "what is still on its way from the watch would look like another job"


async def test_an_ephemeral_job_goes_when_a_run_beside_the_good_one_has_ended_whichever_way() -> None:
    two = {"a": "2026-03-01T12:00:00Z", "b": "2026-03-01T12:00:00Z"}
    edges = begin(wire_job(name="parent", uid="uid-parent", schedule="@manually", requests=two, ephemeral=True))

    def finish(name: str, kind: str) -> None:
        edges.kube.edit(JOBS, name, lambda body: body.update(status=ended(kind, at=wall())))
        edges.watch()

    async with edges.running():
        await asyncio.sleep(3)
        first, second = jobs_of(edges, "parent")
        finish(first, "Complete")
        await asyncio.sleep(10)
        assert "parent" in edges.kube.names(DKRON_JOBS), "the other run goes on"
        finish(second, "Failed")
        await asyncio.sleep(3)
        assert "parent" not in edges.kube.names(DKRON_JOBS)


async def test_a_failed_run_leaves_an_ephemeral_job_where_it_is() -> None:
    edges = begin(parent(ephemeral=True))
    async with edges.running():
        await asyncio.sleep(3)
        await end(edges, "parent", "Failed")
        assert edges.status("parent").status == "failed"
        assert not [call for call in edges.kube.calls if call.startswith("delete dkronjobs")]


async def test_an_ephemeral_job_that_somebody_has_written_to_is_looked_at_again() -> None:
    edges = begin(parent(ephemeral=True))

    def write() -> None:
        edges.kube.edit(DKRON_JOBS, "parent", lambda body: body["metadata"].update(labels={"seen": "yes"}))

    async with edges.running():
        await asyncio.sleep(3)
        edges.kube.meanwhile("delete dkronjobs", write)
        await end(edges, "parent")
        assert "parent" not in edges.kube.names(DKRON_JOBS)
        assert edges.kube.calls.count("delete dkronjobs parent") == 2


async def test_an_ephemeral_job_that_may_not_be_deleted_says_so_and_is_tried_seldom() -> None:
    edges = begin(parent(ephemeral=True))
    async with edges.running():
        await asyncio.sleep(3)
        edges.kube.fail("delete dkronjobs", Rejected("forbidden", status=403))
        await end(edges, "parent")
        await asyncio.sleep(30)
        assert edges.kube.calls.count("delete dkronjobs parent") == 1
        notes = [body["note"] for body in edges.kube.bodies if body.get("reason") == "NotDeleted"]
        assert len(notes) == 1
        assert "forbidden" in notes[0]
        await asyncio.sleep(60)
        assert "parent" not in edges.kube.names(DKRON_JOBS)


async def test_one_that_is_gone_already_is_no_trouble() -> None:
    edges = begin(parent(ephemeral=True))
    async with edges.running():
        await asyncio.sleep(3)
        edges.kube.meanwhile("delete dkronjobs", partial(edges.kube.objects.__delitem__, (DKRON_JOBS.plural, "parent")))
        await end(edges, "parent")
        assert edges.kube.calls.count("delete dkronjobs parent") == 1


async def test_totals_are_written_before_an_ephemeral_job_goes() -> None:
    edges = begin(parent(ephemeral=True))
    booked: list[int] = []
    edges.kube.meanwhile("delete dkronjobs", lambda: booked.append(edges.booked))
    async with edges.running():
        await asyncio.sleep(3)
        await end(edges, "parent")
    assert booked == [1]
