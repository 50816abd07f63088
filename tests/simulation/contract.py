"""The rules of an API server that the operator depends on, each as a small play. They are tried at the world of the
simulation and at a real API server (`tests/cluster/test_world_contract.py`), so that neither can drift from the other.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol, TypeVar
from unittest.mock import patch

from dkron_kube import client
from dkron_kube.errors import AlreadyExists, Conflict, KubeError, NotFound, Rejected
from dkron_kube.paths import DKRON_JOBS, JOBS, Resource

Object = dict[str, Any]
E = TypeVar("E", bound=KubeError)
SECONDS = 30.0
NO_UID = "00000000-0000-0000-0000-0000deadbeef"


class Ground(Protocol):
    """Where it is tried: a namespace of its own, a client of it, and what watches tell there."""

    namespace: str

    @property
    def client(self) -> Any:
        """For the calls."""

    def watching(self, resource: Resource) -> "AbstractAsyncContextManager[Told]":
        """What happens from now on."""

    def terminating(self, kept: Object) -> AbstractAsyncContextManager[str]:
        """The name of another namespace, which was deleted and is not empty: this object is in it."""


class Told:
    """The events of a watch so far: kind of event, name and version, in their order."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, int]] = []


Rule = Callable[[Ground], Awaitable[None]]


async def a_stale_version_is_refused(ground: Ground) -> None:
    """Who names a version that is not the newest has not seen what stands there."""
    made = await _create(ground, "stale")
    version = made["metadata"]["resourceVersion"]
    await _patch(ground, "stale", {"spec": {"retries": 1}}, version=version)
    await _raises(Conflict, _patch(ground, "stale", {"spec": {"retries": 2}}, version=version))
    await _raises(Conflict, _write(ground, "stale", {"successCount": 1}, version=version))
    assert (await _get(ground, "stale"))["spec"]["retries"] == 1


async def a_name_is_given_once(ground: Ground) -> None:
    """Until it is free again, and then its holder is another object."""
    first = await _create(ground, "once")
    await _raises(AlreadyExists, _create(ground, "once"))
    await _raises(AlreadyExists, ground.client.create(DKRON_JOBS, ground.namespace, dkron_job("once"), dry_run=True))
    await ground.client.delete(DKRON_JOBS, ground.namespace, "once", uid=_uid(first))
    second = await _create(ground, "once")
    assert _uid(second) != _uid(first)


async def a_dry_run_changes_nothing(ground: Ground) -> None:
    """It is answered as if it were done."""
    answer = await ground.client.create(DKRON_JOBS, ground.namespace, dkron_job("dry"), dry_run=True)
    assert answer["metadata"]["uid"]
    await _raises(NotFound, _get(ground, "dry"))


async def only_the_very_object_is_deleted(ground: Ground) -> None:
    """By its uid, and by its version if that is named."""
    made = await _create(ground, "very")
    await _write(ground, "very", {"successCount": 1})
    delete, version = ground.client.delete, made["metadata"]["resourceVersion"]
    await _raises(Conflict, delete(DKRON_JOBS, ground.namespace, "very", uid=NO_UID))
    await _raises(Conflict, delete(DKRON_JOBS, ground.namespace, "very", uid=_uid(made), version=version))
    newest = (await _get(ground, "very"))["metadata"]["resourceVersion"]
    await delete(DKRON_JOBS, ground.namespace, "very", uid=_uid(made), version=newest)
    await _raises(NotFound, _get(ground, "very"))


async def a_merge_patch_merges_objects_and_replaces_lists(ground: Ground) -> None:
    """And null removes; RFC 7386."""
    config = {"command": "true", "cwd": "/", "timeout": "10s"}
    await _create(ground, "merge", executorConfig=config, metadata={"a": "1", "b": "2"})
    patched = await _patch(ground, "merge", {"spec": {"executorConfig": {"cwd": None, "timeout": "20s"}}})
    assert patched["spec"]["executorConfig"] == {"command": "true", "timeout": "20s"}
    assert patched["spec"]["metadata"] == {"a": "1", "b": "2"}
    await _write(ground, "merge", {"counted": ["a", "b"], "successCount": 2})
    await _write(ground, "merge", {"counted": ["c"]})
    status = (await _get(ground, "merge"))["status"]
    assert (status["counted"], status["successCount"]) == (["c"], 2)


async def status_and_spec_have_addresses_of_their_own(ground: Ground) -> None:
    """A write at one of them leaves the other as it is."""
    made = await _create(ground, "apart", status={"successCount": 7})
    assert "successCount" not in (made.get("status") or {})
    body = {"spec": {"retries": 3}, "status": {"successCount": 5}}
    await ground.client.patch_status(DKRON_JOBS, ground.namespace, "apart", body)
    written = await _get(ground, "apart")
    assert (written["spec"].get("retries", 0), written["status"]["successCount"]) == (0, 5)
    patched = await ground.client.patch(DKRON_JOBS, ground.namespace, "apart", {**body, "status": {"successCount": 9}})
    assert (patched["spec"]["retries"], patched["status"]["successCount"]) == (3, 5)


async def a_generation_rises_with_the_spec_alone(ground: Ground) -> None:
    """So it tells which spec a status is about."""
    acts = (
        _create(ground, "generation"),
        _write(ground, "generation", {"successCount": 1}),
        _patch(ground, "generation", {"metadata": {"annotations": {"a": "b"}}}),
        _patch(ground, "generation", {"spec": {"retries": 1}}),
        _patch(ground, "generation", {"spec": {"retries": 1}}),
    )
    generations = [(await act)["metadata"]["generation"] for act in acts]
    assert generations == [1, 1, 1, 2, 2]


async def versions_rise_with_every_change_of_anything(ground: Ground) -> None:
    """As numbers, and across kinds; what changes nothing makes none."""
    one, other = await _create(ground, "rises"), await _create_run(ground, "rises-run")
    versions = [_version(one), _version(other)]
    versions.append(_version(await _write(ground, "rises", {"successCount": 1})))
    versions.append(_version(await _patch(ground, "rises", {"spec": {"retries": 1}})))
    assert versions == sorted(set(versions))
    assert _version(await _patch(ground, "rises", {"spec": {"retries": 1}})) == versions[-1]
    assert _version(await _write(ground, "rises", {"successCount": 1})) == versions[-1]


async def what_is_not_there_is_not_found(ground: Ground) -> None:
    """Whatever is asked of it."""
    await _raises(NotFound, _get(ground, "nothing"))
    await _raises(NotFound, _patch(ground, "nothing", {"spec": {"retries": 1}}))
    await _raises(NotFound, _write(ground, "nothing", {"successCount": 1}))
    await _raises(NotFound, ground.client.delete(DKRON_JOBS, ground.namespace, "nothing", uid=NO_UID))


async def who_has_written_a_status_is_remembered(ground: Ground) -> None:
    """As long as anything of it is left."""
    await _create(ground, "remembered")
    assert not _status_writers(await _get(ground, "remembered"))
    await _write(ground, "remembered", {"successCount": 1})
    await _write(ground, "remembered", {"successCount": None})
    assert _status_writers(await _get(ground, "remembered"))


async def who_has_written_a_status_is_forgotten_with_it(ground: Ground) -> None:
    """One that was removed as a whole looks like one that was never written; annotations stay."""
    await _create(ground, "wiped")
    await _patch(ground, "wiped", {"metadata": {"annotations": {"a": "b"}}})
    await _write(ground, "wiped", {"successCount": 1})
    await ground.client.patch_status(DKRON_JOBS, ground.namespace, "wiped", {"status": None})
    wiped = await _get(ground, "wiped")
    assert "status" not in wiped
    assert not _status_writers(wiped)
    assert wiped["metadata"]["annotations"] == {"a": "b"}


async def a_watch_tells_every_change_in_order(ground: Ground) -> None:
    """A deletion has a version of its own."""
    async with ground.watching(DKRON_JOBS) as told:
        made = await _create(ground, "watched")
        written = await _write(ground, "watched", {"successCount": 1})
        await ground.client.delete(DKRON_JOBS, ground.namespace, "watched", uid=_uid(made))
        await _until("three events", lambda: len(told.events) >= 3)
        kinds = [kind for kind, name, _ in told.events if name == "watched"]
        versions = [version for _, name, version in told.events if name == "watched"]
    assert kinds == ["ADDED", "MODIFIED", "DELETED"]
    assert versions[:2] == [_version(made), _version(written)]
    assert versions[2] > versions[1]


async def labels_select(ground: Ground) -> None:
    """By their value, or by being there."""
    for name, labels in (("red", {"colour": "red"}), ("blue", {"colour": "blue"}), ("none", {})):
        body = dkron_job(f"labels-{name}")
        body["metadata"]["labels"] = labels
        await ground.client.create(DKRON_JOBS, ground.namespace, body)
    found = {
        selector: [
            item["metadata"]["name"]
            async for item in ground.client.list(DKRON_JOBS, ground.namespace, label_selector=selector)
        ]
        for selector in ("colour=red", "colour")
    }
    assert found == {"colour=red": ["labels-red"], "colour": ["labels-blue", "labels-red"]}


async def the_pages_of_a_list_show_one_moment(ground: Ground) -> None:
    """What changes between two of them is not in it."""
    made = [await _create(ground, f"paged-{number}") for number in range(3)]
    with patch.object(client, "CHUNK", 1):
        pages = ground.client.pages(DKRON_JOBS, ground.namespace, selector={})
        told = [await anext(pages)]
        await ground.client.delete(DKRON_JOBS, ground.namespace, "paged-1", uid=_uid(made[1]))
        await _create(ground, "paged-3")
        await _patch(ground, "paged-2", {"spec": {"retries": 2}})
        told += [page async for page in pages]
    items = [item for page in told for item in page["items"] if item["metadata"]["name"].startswith("paged-")]
    assert [item["metadata"]["resourceVersion"] for item in items] == [str(_version(each)) for each in made]
    assert len({page["metadata"]["resourceVersion"] for page in told}) == 1


async def what_is_owned_goes_with_its_owner(ground: Ground) -> None:
    """A while later, and also what was made when the owner was gone already."""
    owner = await _create(ground, "owner")
    await _create_run(ground, "owned", owner=owner)
    assert await _is_there(ground, "owned")
    await ground.client.delete(DKRON_JOBS, ground.namespace, "owner", uid=_uid(owner))
    await _create_run(ground, "orphan", owner=owner)
    for name in ("owned", "orphan"):
        await _until_gone(ground, name)


async def a_foreground_deletion_shows_before_it_is_done(ground: Ground) -> None:
    """The object stays, and says so, until what it owns is gone."""
    async with ground.watching(JOBS) as told:
        made = await _create_run(ground, "foreground")
        await ground.client.delete(JOBS, ground.namespace, "foreground", uid=_uid(made), foreground=True)
        await _until_gone(ground, "foreground")
        await _until("its end", lambda: any(event[:2] == ("DELETED", "foreground") for event in told.events))
        kinds = [kind for kind, name, _ in told.events if name == "foreground"]
    assert "MODIFIED" in kinds


async def a_terminating_namespace_takes_nothing_new(ground: Ground) -> None:
    """The status of what is in it can still be written."""
    async with ground.terminating(dkron_job("kept")) as namespace:
        for dry_run in (False, True):
            error = await _raises(Rejected, ground.client.create(JOBS, namespace, run("new"), dry_run=dry_run))
            assert (error.status, error.reason) == (403, "Forbidden")
            assert f"in namespace {namespace} because it is being terminated" in str(error)
        await ground.client.patch_status(DKRON_JOBS, namespace, "kept", {"status": {"successCount": 1}})
        kept = await ground.client.get(DKRON_JOBS, namespace, "kept")
        assert kept["status"]["successCount"] == 1


RULES: tuple[Rule, ...] = (
    a_stale_version_is_refused,
    a_name_is_given_once,
    a_dry_run_changes_nothing,
    only_the_very_object_is_deleted,
    a_merge_patch_merges_objects_and_replaces_lists,
    status_and_spec_have_addresses_of_their_own,
    a_generation_rises_with_the_spec_alone,
    versions_rise_with_every_change_of_anything,
    what_is_not_there_is_not_found,
    who_has_written_a_status_is_remembered,
    who_has_written_a_status_is_forgotten_with_it,
    a_watch_tells_every_change_in_order,
    labels_select,
    the_pages_of_a_list_show_one_moment,
    what_is_owned_goes_with_its_owner,
    a_foreground_deletion_shows_before_it_is_done,
    a_terminating_namespace_takes_nothing_new,
)


def dkron_job(name: str, **spec: Any) -> Object:
    """A DkronJob that never runs; `status` goes beside its spec."""
    status = spec.pop("status", None)
    body: Object = {
        "apiVersion": "dkron.io/v1alpha1",
        "kind": "DkronJob",
        "metadata": {"name": name},
        "spec": {"schedule": "@yearly", "executorConfig": {"command": "true"}, "disabled": True, **spec},
    }
    return body if status is None else {**body, "status": status}


def run(name: str, owner: Object | None = None) -> Object:
    """A Job that makes no pods."""
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "job", "image": "none"}]}}
    metadata: Object = {"name": name}
    if owner is not None:
        metadata["ownerReferences"] = [
            {
                "apiVersion": "dkron.io/v1alpha1", "kind": "DkronJob", "name": owner["metadata"]["name"],
                "uid": _uid(owner), "controller": True, "blockOwnerDeletion": False,
            }
        ]  # fmt: skip
    spec = {"suspend": True, "template": template}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}


@asynccontextmanager
async def nothing_left(ground: Ground) -> AsyncIterator[None]:
    """Delete all DkronJobs and Jobs afterwards."""
    yield
    for resource in (DKRON_JOBS, JOBS):
        left = [item async for item in ground.client.list(resource, ground.namespace)]
        for item in left:
            await ground.client.delete(resource, ground.namespace, item["metadata"]["name"], uid=_uid(item))


async def _create(ground: Ground, name: str, **spec: Any) -> Object:
    made: Object = await ground.client.create(DKRON_JOBS, ground.namespace, dkron_job(name, **spec))
    return made


async def _create_run(ground: Ground, name: str, owner: Object | None = None) -> Object:
    made: Object = await ground.client.create(JOBS, ground.namespace, run(name, owner))
    return made


async def _get(ground: Ground, name: str, resource: Resource = DKRON_JOBS) -> Object:
    found: Object = await ground.client.get(resource, ground.namespace, name)
    return found


async def _patch(ground: Ground, name: str, body: Object, *, version: str | None = None) -> Object:
    patched: Object = await ground.client.patch(DKRON_JOBS, ground.namespace, name, _named(body, version))
    return patched


async def _write(ground: Ground, name: str, status: Object, *, version: str | None = None) -> Object:
    body = _named({"status": status}, version)
    written: Object = await ground.client.patch_status(DKRON_JOBS, ground.namespace, name, body)
    return written


def _named(body: Object, version: str | None) -> Object:
    return body if version is None else {**body, "metadata": {"resourceVersion": version}}


async def _raises(kind: type[E], call: Awaitable[object]) -> E:
    try:
        await call
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


async def _is_there(ground: Ground, name: str) -> bool:
    try:
        await _get(ground, name, JOBS)
    except NotFound:
        return False
    return True


async def _until_gone(ground: Ground, name: str) -> None:
    async with asyncio.timeout(SECONDS):
        while await _is_there(ground, name):  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.1)


async def _until(what: str, holds: Callable[[], bool]) -> None:
    try:
        async with asyncio.timeout(SECONDS):
            while not holds():  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"waited {SECONDS:.0f} s for {what}") from None


def _uid(body: Object) -> str:
    return str(body["metadata"]["uid"])


def _version(body: Object) -> int:
    return int(body["metadata"]["resourceVersion"])


def _status_writers(body: Object) -> list[Object]:
    return [entry for entry in body["metadata"].get("managedFields") or () if entry.get("subresource") == "status"]
