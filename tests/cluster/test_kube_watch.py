"""The client and what follows a kind, at a real API server: the facts that both rely on."""

import asyncio
import gc
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import localcluster
from dkron_kube import access
from dkron_kube.client import KubeClient, Object
from dkron_kube.errors import Conflict, Expired, KubeError, NotFound, Rejected, Stale
from dkron_kube.paths import DKRON_JOBS, PODS
from dkron_kube.snapshot import snapshot
from dkron_kube.watch import Pace, follow
from dkron_kube.watch_events import Event, Kind, Lines, parse
from localcluster.cluster import LocalCluster
from tests.support.jobs import dkron_job
from tests.support.kube import Kube
from tests.support.relay import relaying
from tests.support.watching import Diary

# A connection that is reset while it begins is left to the garbage collector by asyncio, which complains.
pytestmark = [
    pytest.mark.cluster(nodes="none"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

HASTE = Pace(first_delay=0.05, last_delay=0.5)
SEED = 20261125


@pytest.fixture(autouse=True)
def garbage() -> Iterator[None]:
    """Garbage of a test is not collected in another file."""
    yield
    gc.collect()


@asynccontextmanager
async def client_of(kubeconfig: Path) -> AsyncIterator[KubeClient]:
    client = KubeClient(await access.load(kubeconfig))
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def followed(client: KubeClient, namespace: str) -> AsyncIterator[Diary]:
    """A diary that has seen the first list."""
    diary = Diary()
    task = asyncio.create_task(follow(client, DKRON_JOBS, namespace, diary, pace=HASTE))
    diary.written_by(task)
    try:
        await diary.until("the first word", lambda diary: diary.told)
        yield diary
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def held(client: KubeClient, namespace: str) -> dict[str, int]:
    """The jobs that the API server has, with their versions."""
    found = [item["metadata"] async for item in client.list(DKRON_JOBS, namespace)]
    return {metadata["name"]: int(metadata["resourceVersion"]) for metadata in found}


class Writer:
    """Creates, changes and deletes jobs at random, in the same way each time, and writes down the versions it made."""

    def __init__(self, client: KubeClient, namespace: str) -> None:
        self._client = client
        self._namespace = namespace
        self._chance = random.Random(SEED)  # noqa: S311 - no secret
        self._there: dict[str, str] = {}
        self.versions: list[int] = []
        self.deleted = 0

    async def step(self) -> None:
        """One change."""
        name = f"job-{self._chance.randrange(8)}"
        if name not in self._there:
            item = await self._client.create(DKRON_JOBS, self._namespace, dkron_job(name))
            self._there[name] = item["metadata"]["uid"]
        elif self._chance.random() < 0.2:
            await self._client.delete(DKRON_JOBS, self._namespace, name, uid=self._there.pop(name))
            self.deleted += 1
            return
        else:
            owner = {"spec": {"owner": f"{self._chance.random()}"}}
            item = await self._client.patch(DKRON_JOBS, self._namespace, name, owner)
        self.versions.append(int(item["metadata"]["resourceVersion"]))


def version_of(line: str) -> int:
    return int(line.rpartition("@")[2])


# --- following -----------------------------------------------------------------------------------------------------


@pytest.mark.promise
async def test_watch_over_broken_connections_sees_each_change_once(kube: Kube) -> None:
    where = await access.load(kube.kubeconfig)
    address = urlsplit(where.server)
    assert address.hostname is not None
    assert address.port is not None
    async with relaying(address.hostname, address.port) as (relay, port):
        broken = KubeClient(replace(where, server=f"https://127.0.0.1:{port}"))
        async with client_of(kube.kubeconfig) as sound, followed(broken, kube.namespace) as diary:
            writer = Writer(sound, kube.namespace)
            cuts = steps = 0
            while steps < 300 or (cuts <= 20 and steps < 6000):
                await writer.step()
                steps += 1
                if steps % 3 == 0:
                    cuts += relay.cut()
            expected = await held(sound, kube.namespace)
            await diary.until("all that is there", lambda diary: diary.held == expected)
        await broken.close()
    assert cuts > 20, "the connections have to break while something is on the way"
    seen = [version_of(line) for line in diary.told if line.startswith("upsert")]
    lost = [version_of(line) for line in diary.told if line.startswith("remove")]
    assert seen == writer.versions
    assert len(lost) == writer.deleted
    assert [line for line in diary.told if line.startswith("replace")] == diary.told[:1]


async def test_a_restart_of_the_api_server_is_outlived(kube: Kube, cluster: localcluster.Cluster) -> None:
    if not isinstance(cluster, LocalCluster):
        pytest.skip("the components of this cluster cannot be restarted")
    async with client_of(kube.kubeconfig) as client, followed(client, kube.namespace) as diary:
        writer = Writer(client, kube.namespace)
        for _ in range(20):
            await writer.step()
        restart = asyncio.create_task(asyncio.to_thread(cluster.restart, "apiserver"))
        await diary.until("an outage", lambda diary: any(line.startswith("failed") for line in diary.told))
        await restart
        for _ in range(20):
            await writer.step()
        expected = await held(client, kube.namespace)
        await diary.until("all that is there", lambda diary: diary.held == expected)
    by_name = defaultdict(list)
    for line in diary.told:
        if line.startswith("upsert"):
            by_name[line.partition("@")[0]].append(version_of(line))
    assert all(earlier < later for versions in by_name.values() for earlier, later in pairwise(versions))


async def events(
    client: KubeClient, namespace: str, version: str, *, during: Awaitable[Any] | None = None
) -> list[Event]:
    """The events of a watch of four seconds."""
    query = {"resourceVersion": version, "allowWatchBookmarks": "true", "timeoutSeconds": "4"}
    lines = Lines()
    async with client.watch(DKRON_JOBS, namespace, query=query, silence=30) as pieces:
        if during is not None:
            await during
        return [parse(line) async for piece in pieces for line in lines.feed(piece)]


async def of_no_concern(client: KubeClient, name: str) -> None:
    """Something happens to a job of another namespace."""
    job = await client.create(DKRON_JOBS, "default", dkron_job(name))
    await client.delete(DKRON_JOBS, "default", name, uid=job["metadata"]["uid"])


async def test_bookmark_reports_the_latest_version_before_the_end(kube: Kube) -> None:
    async with client_of(kube.kubeconfig) as client:
        mine = await client.create(DKRON_JOBS, kube.namespace, dkron_job("a"))
        version = mine["metadata"]["resourceVersion"]
        found = await events(client, kube.namespace, version, during=of_no_concern(client, kube.namespace))
    assert {event.kind for event in found} == {Kind.BOOKMARK}
    assert int(found[-1].version) > int(version)


async def until_refused(client: KubeClient, namespace: str, version: str) -> None:
    """A server that has just started may ask etcd, which remembers more than it does."""
    async with asyncio.timeout(60):
        while True:
            await events(client, namespace, version)


async def test_a_version_that_is_forgotten_is_expired(kube: Kube) -> None:
    async with client_of(kube.kubeconfig) as client:
        with pytest.raises(Expired, match="too old resource version"):
            await until_refused(client, kube.namespace, "1")


async def test_watch_from_a_future_version_stays_silent(kube: Kube) -> None:
    async with client_of(kube.kubeconfig) as client:
        assert await events(client, kube.namespace, str(2**40)) == []


# --- patches by tests ----------------------------------------------------------------------------------------------


def operation(op: str, path: str, value: object = None) -> Object:
    return {"op": op, "path": path} | ({} if op == "remove" else {"value": value})


@pytest.mark.parametrize(
    ("operations", "kind", "fields"),
    [
        pytest.param([operation("test", "/spec/schedule", "@daily")], Stale, [], id="another value"),
        pytest.param([operation("test", "/metadata/uid", "x")], Stale, [], id="another object of that name"),
        pytest.param([operation("test", "/metadata/resourceVersion", "1")], Stale, [], id="another version"),
        pytest.param([operation("test", "/spec/parentJob/x", "a")], Stale, [], id="a path that is not there"),
        pytest.param([operation("remove", "/spec/nodes")], Stale, [], id="nothing to remove"),
        pytest.param([operation("replace", "/metadata/resourceVersion", "1")], Conflict, [], id="an older version"),
        pytest.param([operation("add", "/spec/retries", -1)], Rejected, ["spec.retries"], id="a bound is broken"),
        pytest.param([operation("add", "/spec/schedule", 7)], Rejected, ["spec.schedule"], id="a type is wrong"),
        pytest.param(
            [operation("add", "/spec/retries", -1), operation("add", "/spec/concurrency", "x")],
            Rejected,
            ["spec.concurrency", "spec.retries"],
            id="two fields are wrong",
        ),
        pytest.param([operation("remove", "/spec/schedule")], Rejected, ["spec.schedule"], id="a rule is broken"),
        pytest.param([{"op": 7}], Rejected, [], id="it is no patch"),
    ],
)
async def test_conflicting_patch_differs_from_an_invalid_result(
    kube: Kube, *, operations: list[Object], kind: type[KubeError], fields: list[str]
) -> None:
    async with client_of(kube.kubeconfig) as client:
        before = await client.create(DKRON_JOBS, kube.namespace, dkron_job("a"))
        with pytest.raises(kind) as caught:
            await client.json_patch(DKRON_JOBS, kube.namespace, "a", operations)
        assert await client.get(DKRON_JOBS, kube.namespace, "a") == before
    assert type(caught.value) is kind
    assert sorted(cause.field for cause in caught.value.causes if cause.field) == fields


async def test_patch_whose_tests_hold_is_applied(kube: Kube) -> None:
    async with client_of(kube.kubeconfig) as client:
        before = await client.create(DKRON_JOBS, kube.namespace, dkron_job("a"))
        operations = [
            operation("test", "/metadata/uid", before["metadata"]["uid"]),
            operation("test", "/metadata/generation", before["metadata"]["generation"]),
            operation("replace", "/spec/owner", "me"),
        ]
        after = await client.json_patch(DKRON_JOBS, kube.namespace, "a", operations)
        with pytest.raises(Stale):
            await client.json_patch(DKRON_JOBS, kube.namespace, "a", operations)
        with pytest.raises(NotFound):
            await client.json_patch(DKRON_JOBS, kube.namespace, "b", operations)
    assert after["spec"] == before["spec"] | {"owner": "me"}


@pytest.mark.promise
async def test_snapshot_and_the_watch_from_its_version_miss_nothing(kube: Kube) -> None:
    async with client_of(kube.kubeconfig) as client:
        writer = Writer(client, kube.namespace)
        for _ in range(30):
            await writer.step()
        there = await held(client, kube.namespace)
        *items, end = [event async for event in snapshot(client, DKRON_JOBS, kube.namespace)]
        assert {event.item["metadata"]["name"]: int(event.version) for event in items} == there
        for _ in range(30):
            await writer.step()
        query = {"resourceVersion": end.version, "timeoutSeconds": "1"}
        async with client.watch(DKRON_JOBS, kube.namespace, query=query, silence=5) as pieces:
            lines = Lines()
            for event in [parse(line) async for piece in pieces for line in lines.feed(piece)]:
                name = event.item["metadata"]["name"]
                there[name] = int(event.version)
                if event.kind is Kind.DELETED:
                    del there[name]
        assert there == await held(client, kube.namespace)


# --- logs ----------------------------------------------------------------------------------------------------------


async def log(client: KubeClient, kube: Kube, *, pod: str, container: str) -> bytes:
    pieces = client.follow_log(PODS, kube.namespace, pod, container=container, follow=True)
    return b"".join([piece async for piece in pieces])


async def test_log_is_refused_without_a_pod_and_empty_without_a_node(kube: Kube) -> None:
    spec = {"containers": [{"name": "job", "image": "none"}], "nodeSelector": {"there-is": "none"}}
    kube.create(PODS, {"metadata": {"name": "p"}, "spec": spec})
    async with client_of(kube.kubeconfig) as client:
        with pytest.raises(NotFound):
            await log(client, kube, pod="q", container="job")
        with pytest.raises(Rejected) as caught:
            await log(client, kube, pod="p", container="other")
        assert caught.value.status == 400
        assert await log(client, kube, pod="p", container="job") == b""
