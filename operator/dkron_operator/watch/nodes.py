"""The nodes of the cluster, for placement by tags and for the addresses that inline calls do not reach. They are not
watched before a job has tags or calls are allowed, so other installations need no permission for them."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from dkron_crds.job import ReadyReason
from dkron_crds.node_tags import DKRONS, AgentTags
from dkron_kube.client import KubeClient
from dkron_kube.errors import KubeError, Unavailable
from dkron_kube.informer import Callbacks, Informer, WatchState
from dkron_kube.paths import NODES
from dkron_operator.cache.store import Store
from dkron_operator.kit.object_guard import ObjectGuard
from dkron_operator.plan.situation.read import read_node
from dkron_operator.plan.situation.view import Node
from dkron_pods.problem import Problem

Object = dict[str, Any]
log = logging.getLogger(__name__)


class Nodes:
    """All nodes of the cluster, as a watch shows them.

    `requeue` gets the uids of the jobs that depend on nodes, when nodes become known or unknown, and when a node
    changes; heartbeats change nothing. `own` are the tags that nodes have without a label. `on_event` is called each
    time the watch delivers something.
    """

    def __init__(
        self,
        client: KubeClient,
        store: Store,
        *,
        requeue: Callable[[str], None],
        on_event: Callable[[], None] = lambda: None,
        own: AgentTags = DKRONS,
    ) -> None:
        self._guard = ObjectGuard(log)
        self._store = store
        self._requeue = requeue
        self._wanted = asyncio.Event()
        self._nodes: dict[str, Node] = {}
        self._watched = False
        self.problem: Problem | None = None
        self._on_event = on_event
        callbacks = Callbacks(
            # No run is placed on a node that cannot be read.
            read=lambda item: self._guard.read("Node", item, partial(read_node, own=own)),
            synced=self._synced,
            upsert=self._upsert,
            remove=self._remove,
            on_event=self._observe,
            on_failure=self._failed,
        )
        self.informer = Informer(client, NODES, None, callbacks, state=WatchState("nodes"))

    @property
    def view(self) -> Mapping[str, Node] | None:
        """The nodes by name; None until they are known."""
        return MappingProxyType(self._nodes) if self._watched else None

    def have(self, address: str) -> bool:
        """Whether a node that is known has the address."""
        return any(address in node.addresses for node in self._nodes.values())

    def want(self) -> None:
        """Start to watch the nodes: they are needed."""
        self._wanted.set()

    async def run(self) -> None:
        """Follow the nodes once they are wanted, until cancelled."""
        await self._wanted.wait()
        await self.informer.run()

    def _synced(self, nodes: Iterable[Node], _version: int) -> None:
        before, self._nodes = self._nodes, {node.name: node for node in nodes}
        if before != self._nodes:
            self._changed()

    def _upsert(self, node: Node) -> None:
        before = self._nodes.get(node.name)
        self._nodes[node.name] = node
        if before != node:
            self._changed()

    def _remove(self, item: Object) -> None:
        if self._nodes.pop(item["metadata"]["name"], None) is not None:
            self._changed()

    def _observe(self) -> None:
        self._on_event()
        if self.informer.state.watching and not self._watched:
            self._watched, self.problem = True, None
            log.info("%d nodes are known", len(self._nodes))
            self._changed()

    def _failed(self, error: KubeError) -> None:
        """No answer leaves the known nodes as they are. A refusal discards them, so that jobs with tags report it."""
        if isinstance(error, Unavailable):
            return
        problem = Problem(
            ReadyReason.NODES_FORBIDDEN,
            "tags: the operator must be allowed to list and watch nodes, by a ClusterRole; remove the tags, or give it "
            f"that right: {error}",
        )
        if problem != self.problem:
            self._watched, self.problem = False, problem
            self._changed()

    def _changed(self) -> None:
        for cached in self._store:
            if cached.job.spec.tags or any(active.node_name for active in cached.status.active):
                self._requeue(cached.job.uid)
