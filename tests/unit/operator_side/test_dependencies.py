"""A plan knows of other jobs only the state that the API server has, and nothing that is only planned."""

from collections.abc import Callable
from typing import Any

from dkron_crds.job import Ended, GroupStatus, Heard, JobStatus
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.cache.store import Store
from dkron_operator.plan.dependencies import NO_DEPENDENCIES
from dkron_operator.plan.dependency_changes import Noted, with_ended
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
