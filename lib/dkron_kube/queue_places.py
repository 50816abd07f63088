"""The places of Jobs in queues of Kueue. Only its visibility API tells them, and only when it is asked: they are part
of no object, since they change with each Job that comes or goes."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from dkron_kube.paths import VISIBLE_QUEUES, Resource

Object = dict[str, Any]

SECONDS = 2.0
"""How long a user's question may wait for places."""
QUEUES = 4
"""Queues of one job that are asked about: usually it has one."""
MOST = 1000
"""How many of a LocalQueue's Workloads are read: beyond that, places are not known."""


class Reader(Protocol):
    """The part of a `KubeClient` that asks."""

    async def subresource(
        self, resource: Resource, namespace: str, name: str, subresource: str, *, query: Mapping[str, str]
    ) -> Object:
        """Return a part of an object."""


async def queue_places(kube: Reader, namespace: str, queue: str) -> Mapping[str, int]:
    """Return the places of the Jobs of a LocalQueue by their uids. A place is the one in the ClusterQueue, which
    decides who is admitted first: 1 for the next Job. Raises `KubeError`; `NotFound` also without a visibility API."""
    query = {"limit": str(MOST)}
    answer = await kube.subresource(VISIBLE_QUEUES, namespace, queue, "pendingworkloads", query=query)
    return dict(_places(answer))


def _places(answer: Object) -> Iterator[tuple[str, int]]:
    items = answer.get("items")
    for item in items if isinstance(items, list) else ():
        match item:
            case {"positionInClusterQueue": int(place), "metadata": {"ownerReferences": [{"uid": str(uid)}, *_]}}:
                yield uid, place + 1
