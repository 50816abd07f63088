"""What the watches of a process bring, in place of kopf: for each object in order, among objects in any.

As with kopf, a burst of changes of one object may come as its last; and when a watch has to begin anew, everything that
exists is told again, and nothing of what is gone.
"""

import asyncio
from collections.abc import Callable
from contextvars import Context
from functools import partial

from dkron_kube.paths import Resource
from tests.simulation.dice import Dice
from tests.simulation.network import Ill, Network
from tests.simulation.world import Event, Object, World, terms

Feed = Callable[[str | None, Object], None]


class Watch:
    """The watch of a resource. `context` is that of the process to which it belongs."""

    def __init__(
        self, world: World, network: Network, dice: Dice, *, resource: Resource, selector: str, replica: str,
        context: Context, feed: Feed, alive: Callable[[], None], listed: Callable[[], None],
    ) -> None:  # fmt: skip
        self._world = world
        self._network = network
        self._dice = dice
        self._resource = resource
        self._labels = [key for key, _ in terms(selector)]
        self._selector = selector
        self._replica = replica
        self._context = context
        self._feed = feed
        self._alive = alive
        self._listed = listed
        self._loop = asyncio.get_running_loop()
        self._due: dict[str, float] = {}
        self._newest: dict[str, int] = {}
        self._gone: set[str] = set()
        self._ended = False

    def begin(self) -> None:
        """List all, and tell what happens from now on."""
        self.list()
        self._world.heard.append(self._hear)
        self._live()

    def end(self) -> None:
        """Tell nothing more."""
        self._ended = True
        self._world.heard.remove(self._hear)

    def list(self) -> None:
        """Everything that there is, and first that this was asked. After an old list comes what has happened since."""
        self._loop.call_soon(self._listed, context=self._context)
        old = self._network.old(self._loop.time(), self._replica, self._resource.plural)
        for body in self._world.list(self._resource, None, labels=self._selector or None, version=old):
            self._gone.discard(body["metadata"]["uid"])
            self._send(None, body, int(body["metadata"]["resourceVersion"]))
        for event in () if old is None else self._world.since(old):
            self._hear(event)

    def _live(self) -> None:
        """Now and then a watch ends, and is let begin again."""
        if not self._ended:
            if self._network.watch(self._loop.time(), self._replica, self._resource.plural, Ill.FREEZE) is None:
                self._alive()
            self._loop.call_later(self._dice.between(20.0, 60.0), self._live, context=self._context)

    def _hear(self, event: Event) -> None:
        if event.plural != self._resource.plural:
            return
        labels = event.body["metadata"].get("labels") or {}
        if not all(label in labels for label in self._labels):
            return
        now, plural = self._loop.time(), event.plural
        if self._network.watch(now, self._replica, plural, Ill.GAP) is None:
            self._send(event.kind, event.body, event.version)

    def _send(self, kind: str | None, body: Object, version: int) -> None:
        uid, now = body["metadata"]["uid"], self._loop.time()
        plural = self._resource.plural
        frozen = self._network.watch(now, self._replica, plural, Ill.FREEZE)
        due = max(self._due.get(uid, 0.0), now if frozen is None else frozen.end) + self._dice.between(0.001, 0.15)
        self._due[uid], self._newest[uid] = due, version
        tell = partial(self._tell, kind, body, version)
        self._loop.call_at(due, tell, context=self._context)
        repeated = self._network.watch(now, self._replica, plural, Ill.REPEAT)
        if repeated is not None and kind != "DELETED" and self._dice.chance(repeated.share):
            self._loop.call_at(due + self._dice.between(0.01, 4.0), tell, context=self._context)

    def _tell(self, kind: str | None, body: Object, version: int) -> None:
        uid = body["metadata"]["uid"]
        if uid in self._gone:
            return
        if kind == "DELETED":
            self._gone.add(uid)
        elif self._newest[uid] > version and self._dice.chance(0.3):
            return
        self._alive()
        self._feed(kind, body)
