"""The events of a process' watches, in place of kopf: for each object in order, among objects in any.

As with kopf, a burst of changes of one object may come as its last. When a watch has to begin again, everything that
exists is told again, and nothing of what is gone. It has to where the server does not know any more what came after the
version at which a watch broke: that it says in an event, and kopf lists again; or as the answer, as it does between two
pages of a list, and kopf fails, and all of its watches begin again a while later.
"""

import asyncio
from collections.abc import Callable
from contextvars import Context
from functools import partial

from dkron_kube.errors import Expired
from dkron_kube.paths import Resource
from tests.simulation.client import BETWEEN_PAGES, SHORT
from tests.simulation.dice import Dice
from tests.simulation.network import Ill, Network, Trouble
from tests.support.world import Event, Object, Token, World, terms

Feed = Callable[[str | None, Object], None]
RELIST, RESTART = 0.1, 1.0
"""Seconds until kopf lists again, and until its watches begin again when they have failed."""
AS_ANSWER = 0.3
"""How likely it is the answer to a watch that its version is too old, and no event in it."""


class Watch:
    """The watch of a resource. `context` belongs to its process."""

    def __init__(
        self, world: World, network: Network, dice: Dice, *, resource: Resource, selector: str, replica: str,
        context: Context, feed: Feed, alive: Callable[[], None], listed: Callable[[], None],
        failed: Callable[[], None],
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
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._due: dict[str, float] = {}
        self._newest: dict[str, int] = {}
        self._gone: set[str] = set()
        self._ended = False
        self._since: int | None = None
        self._lists = 0

    @property
    def plural(self) -> str:
        """The resource that it watches."""
        return self._resource.plural

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
        self._lists += 1
        self._page(self._lists, None)

    def cut(self) -> None:
        """It breaks."""
        if self._since is None:
            self._since = self._world.version

    def go_on(self, cut: Trouble) -> None:
        """Once more from where it was, unless it lists anyway."""
        if self._since is None or self._ended:
            return
        if self._dice.chance(cut.share):
            self._world.compact()
        if self._world.knows(self._since):
            self._catch_up(self._since)
        elif self._dice.chance(AS_ANSWER):
            self._failed()
        else:
            self._list_in(RELIST)

    def fail(self) -> None:
        """With all the watches of the process; it begins again."""
        self.cut()
        self._list_in(RESTART)

    def _list_in(self, seconds: float) -> None:
        # Whatever it was about to list, it does no more.
        self._lists += 1
        self._loop.call_later(seconds, self._list_unless, self._lists, context=self._context)

    def _list_unless(self, lists: int) -> None:
        if lists == self._lists and not self._ended:
            self.list()

    def _page(self, lists: int, token: Token | None) -> None:
        if lists != self._lists or self._ended:
            return
        now, plural, limit = self._loop.time(), self._resource.plural, len(self._world)
        if (short := self._network.pages(now, self._replica, plural)) is not None:
            limit = SHORT
            self._network.felt(now, [short])
            if token is not None and self._dice.chance(short.share):
                self._world.compact()
        old = self._network.old(now, self._replica, plural)
        try:
            items, version, following = self._world.page(
                self._resource, None, labels=self._selector or None, version=old, token=token, limit=limit
            )
        except Expired:
            self._failed()
            return
        self._loop.call_soon(self._listed, context=self._context)
        for body in items:
            self._gone.discard(body["metadata"]["uid"])
            self._send(None, body, int(body["metadata"]["resourceVersion"]))
        if following is None:
            self._catch_up(version)
            return
        self._since = version
        # The server is as slow as it is in need of room.
        pause = self._dice.between(0.0, BETWEEN_PAGES)
        self._loop.call_later(pause, self._page, lists, following, context=self._context)

    def _catch_up(self, version: int) -> None:
        events = self._world.since(version) if version < self._world.version else ()
        self._since = None
        for event in events:
            self._hear(event)

    def _live(self) -> None:
        """Now and then a watch ends, and is let begin again."""
        if not self._ended:
            frozen = self._network.watch(self._loop.time(), self._replica, self._resource.plural, Ill.FREEZE)
            if frozen is None and self._since is None:
                self._alive()
            self._loop.call_later(self._dice.between(20.0, 60.0), self._live, context=self._context)

    def _hear(self, event: Event) -> None:
        if event.plural != self._resource.plural or self._since is not None:
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
