"""A real API server keeps the rules of the world in which the operator is simulated (`tests/unit/simulation`)."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator

import pytest

import localcluster
from dkron_kube import access
from dkron_kube.client import KubeClient
from dkron_kube.paths import DKRON_JOBS, Resource
from dkron_kube.watch_events import Lines
from tests.simulation.contract import RULES, Rule, Told, nothing_left
from tests.support.kube import NAMESPACES, Kube, Object
from tests.support.sites import install, namespace

pytestmark = pytest.mark.cluster(nodes="none")


@pytest.fixture(scope="module")
def kube(cluster: localcluster.Cluster) -> Iterator[Kube]:
    install(cluster)
    with namespace(cluster.kubeconfig, "world contract") as kube:
        yield kube


class Ground:
    """A namespace of a real API server."""

    def __init__(self, client: KubeClient, namespace: str) -> None:
        self.client = client
        self.namespace = namespace

    @contextlib.asynccontextmanager
    async def watching(self, resource: Resource) -> AsyncIterator[Told]:
        told = Told()
        pages = self.client.pages(resource, self.namespace, selector={})
        version = [page["metadata"]["resourceVersion"] async for page in pages][-1]
        task = asyncio.create_task(self._follow(resource, str(version), told))
        yield told
        task.cancel()
        await asyncio.wait({task})

    @contextlib.asynccontextmanager
    async def terminating(self, kept: Object) -> AsyncIterator[str]:
        name = f"{self.namespace}-terminating"
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        made = await self.client.create(NAMESPACES, None, body)
        kept["metadata"]["finalizers"] = ["dkron.io/kept"]
        await self.client.create(DKRON_JOBS, name, kept)
        await self.client.delete(NAMESPACES, None, name, uid=made["metadata"]["uid"])
        try:
            yield name
        finally:
            await self.client.patch(DKRON_JOBS, name, kept["metadata"]["name"], {"metadata": {"finalizers": None}})

    async def _follow(self, resource: Resource, version: str, told: Told) -> None:
        query, lines = {"resourceVersion": version}, Lines()
        async with self.client.watch(resource, self.namespace, query=query, silence=60) as pieces:
            async for piece in pieces:
                for line in lines.feed(piece):
                    event = json.loads(line)
                    metadata = event["object"]["metadata"]
                    told.events.append((event["type"], metadata["name"], int(metadata["resourceVersion"])))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
async def test_a_real_api_server_keeps_the_rule(rule: Rule, kube: Kube, cluster: localcluster.Cluster) -> None:
    client = KubeClient(await access.load(cluster.kubeconfig))
    try:
        ground = Ground(client, kube.namespace)
        async with nothing_left(ground):
            await rule(ground)
    finally:
        await client.close()
