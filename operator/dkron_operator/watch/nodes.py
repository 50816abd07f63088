"""Nodes: which ones there are, for placement by tags. Nobody looks at them before a job has tags, so an installation
without such jobs needs no right to."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from dkron_crds.job import ReadyReason
from dkron_crds.node_tags import DKRONS, AgentTags
from dkron_kube.client import KubeClient
from dkron_kube.errors import KubeError, Unavailable
from dkron_kube.paths import NODES
from dkron_kube.watch import STEADY, Pace, follow
from dkron_operator.executors.problem import Problem
from dkron_operator.plan.read import read_node
from dkron_operator.plan.view import Node

Object = dict[str, Any]
log = logging.getLogger(__name__)


class Nodes:
    """All nodes of the cluster, as a watch shows them; the sink of `follow`.

    `changed` is called when they are known, or not any more, and when one of them is another than before; their
    heartbeats change nothing. `own` are the tags that they have without a label. `heard` is called at each sign of
    life.
    """

    def __init__(
        self,
        client: KubeClient,
        *,
        changed: Callable[[], None],
        heard: Callable[[], None] = lambda: None,
        own: AgentTags = DKRONS,
        pace: Pace = STEADY,
    ) -> None:
        self._client = client
        self._own = own
        self._changed = changed
        self._pace = pace
        self._wanted = asyncio.Event()
        self._nodes: dict[str, Node] = {}
        self._listed = False
        self._watched = False
        self._trouble = ""
        self.problem: Problem | None = None
        self._heard = heard

    @property
    def view(self) -> Mapping[str, Node] | None:
        """The nodes by name; None as long as they are not known."""
        return MappingProxyType(self._nodes) if self._watched else None

    def want(self) -> None:
        """Somebody needs to know the nodes, from now on."""
        self._wanted.set()

    async def run(self) -> None:
        """Follow the nodes once they are wanted, until cancelled."""
        await self._wanted.wait()
        await follow(self._client, NODES, None, self, pace=self._pace)

    def replace(self, items: list[Object], version: int) -> None:  # noqa: ARG002 - as every sink
        """A complete list."""
        before = self._nodes
        self._nodes = {node.name: node for node in (read_node(item, self._own) for item in items)}
        self._listed = True
        if before != self._nodes:
            self._changed()

    def went_back(self) -> None:
        """The list that follows is all that is kept."""

    def see(self, item: Object) -> None:
        """A node was added or modified."""
        node = read_node(item, self._own)
        before = self._nodes.get(node.name)
        self._nodes[node.name] = node
        if before != node:
            self._changed()

    def lose(self, item: Object) -> None:
        """A node was removed."""
        if self._nodes.pop(item["metadata"]["name"], None) is not None:
            self._changed()

    def alive(self) -> None:
        """A sign of life. The first one after a list is the list's own; with the next one the watch has begun, and
        only then what was listed stays true."""
        self._heard()
        if self._listed:
            self._listed = False
        elif not self._watched:
            self._watched, self.problem, self._trouble = True, None, ""
            log.info("%d nodes are known, for jobs with tags", len(self._nodes))
            self._changed()

    def failed(self, error: KubeError) -> None:
        """No answer leaves what is known as it is. A refusal takes it away: jobs with tags have to say so."""
        if str(error) != self._trouble:
            log.warning("cannot watch nodes: %s", error)
            self._trouble = str(error)
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
