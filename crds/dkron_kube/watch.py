"""Follows all objects of one kind: a complete list, then every change to it, for as long as the task lives.

What is seen goes into a `Sink`, which therefore holds what the API server held a moment ago, or is told why not. A
watch that ends is resumed at the version seen last. Only where the server has forgotten that, all is listed again.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import NoReturn, Protocol

from dkron_kube.client import KubeClient, Object
from dkron_kube.errors import Expired, KubeError, Unavailable
from dkron_kube.paths import Resource
from dkron_kube.watch_events import Event, Kind, Lines, parse


class Sink(Protocol):
    """Who is told, in the order of what happened. None of these waits or raises."""

    def replace(self, items: list[Object], version: int) -> None:
        """A complete list, as of this resource version: what is not in it is gone."""

    def went_back(self) -> None:
        """Resource versions are lower than before, as after a restore of etcd: what is told next, beginning with a
        list, is newer than all that was told so far."""

    def see(self, item: Object) -> None:
        """An object was added or modified."""

    def lose(self, item: Object) -> None:
        """An object was deleted; this is how it was last."""

    def alive(self) -> None:
        """Any sign of life of the API server, after what it said was handed on."""

    def failed(self, error: KubeError) -> None:
        """There is no answer, it is not allowed, or the like. It is tried again."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: how long a watch may be silent, and is asked to last; between which delays a failure is tried again.

    A watch that ends before it is `brief` seconds old, and has brought nothing, is a failure too.
    """

    silence: float = 90.0
    watch: float = 300.0
    brief: float = 1.0
    first_delay: float = 0.5
    last_delay: float = 30.0


STEADY = Pace()


async def follow(
    client: KubeClient,
    resource: Resource,
    namespace: str | None,
    sink: Sink,
    *,
    name: str | None = None,
    pace: Pace = STEADY,
) -> NoReturn:
    """List and watch a namespace, or all (None), or its one object of this `name`, until cancelled."""
    selector = {} if name is None else {"fieldSelector": f"metadata.name={name}"}
    follower = _Follower(_Source(client, resource, namespace, selector=selector), sink, pace)
    while True:
        delay = await follower.step()
        await asyncio.sleep(delay)


class _Source:
    """What is listed and watched."""

    def __init__(
        self, client: KubeClient, resource: Resource, namespace: str | None, *, selector: Mapping[str, str]
    ) -> None:
        self._client = client
        self._resource = resource
        self._namespace = namespace
        self._selector = selector

    async def whole(self) -> tuple[list[Object], str]:
        """All objects, and the version as of which they are all."""
        items: list[Object] = []
        version = ""
        async for page in self._client.pages(self._resource, self._namespace, selector=self._selector):
            items += page["items"] or ()
            version = str(page["metadata"].get("resourceVersion"))
        return items, self._checked(version)

    async def newest(self) -> str:
        """The version that a list would be of now."""
        selector = {**self._selector, "limit": "1"}
        async for page in self._client.pages(self._resource, self._namespace, selector=selector):
            return self._checked(str(page["metadata"].get("resourceVersion")))
        raise Unavailable(f"there is no list of {self._resource.plural}")

    def _checked(self, version: str) -> str:
        if not version.isdecimal():
            raise Unavailable(f"the list of {self._resource.plural} came without a version")
        return version

    def changes(
        self, version: str, *, seconds: float, silence: float
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The bytes of the events after this version, for about so many seconds."""
        query = {
            **self._selector,
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(round(seconds)),
        }
        return self._client.watch(self._resource, self._namespace, query=query, silence=silence)


class _Backoff:
    """How long to wait after failures in a row: longer each time, and not as long as others wait."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._failures = 0

    def clear(self) -> None:
        """It works."""
        self._failures = 0

    def fail(self) -> float:
        """Seconds to wait after one more failure."""
        delay = min(self._pace.first_delay * 2.0 ** min(self._failures, 16), self._pace.last_delay)
        self._failures += 1
        return delay * random.uniform(0.5, 1.0)  # noqa: S311 - only spreads load

    def fail_once_for_free(self) -> float:
        """The same, but the first failure in a row costs no time."""
        first = self._failures == 0
        delay = self.fail()
        return 0.0 if first else delay


class _Follower:
    """Where following stands. `_version` is the one seen last; None means that all must be listed. `_newest` is what a
    list must not be older than: it is asked for after everything that was seen."""

    def __init__(self, source: _Source, sink: Sink, pace: Pace) -> None:
        self._source = source
        self._sink = sink
        self._pace = pace
        self._backoff = _Backoff(pace)
        self._version: str | None = None
        self._newest = 0
        self._doubtful = False

    async def step(self) -> float:
        """List if need be, and watch until that ends. Returns the seconds to wait before the next step."""
        try:
            if self._version is None:
                self._version = await self._list()
            elif self._doubtful:
                await self._look_back()
            self._doubtful = False
            await self._watch(self._version)
        except Expired:
            self._version = None
            # A list is dear: one comes at once, but the next ones must not chase it.
            return self._backoff.fail_once_for_free()
        except Unavailable as error:
            self._sink.failed(error)
            self._doubtful = True
            return max(self._backoff.fail(), error.retry_after or 0.0)
        except KubeError as error:
            # Not allowed, or no such kind: what comes when that is over need not go on from what was before.
            self._version = None
            self._sink.failed(error)
            return self._backoff.fail()
        return 0.0

    async def _list(self) -> str:
        items, version = await self._source.whole()
        if int(version) < self._newest:
            self._sink.went_back()
        self._newest = int(version)
        self._sink.replace(items, int(version))
        self._sink.alive()
        return version

    async def _look_back(self) -> None:
        """A server that was away may have been restored from a backup. A watch from a version that it has yet to reach
        says nothing at first, and then leaves out what happened up to there."""
        if int(await self._source.newest()) < self._newest:
            raise Expired("the resource versions went back")

    async def _watch(self, version: str) -> None:
        clock = asyncio.get_running_loop().time
        began = clock()
        seconds = self._pace.watch * random.uniform(0.8, 1.2)  # noqa: S311 - only spreads load
        async with self._source.changes(version, seconds=seconds, silence=self._pace.silence) as pieces:
            self._sink.alive()
            spoke = await self._read(pieces)
        lasted = clock() - began
        if not spoke and lasted < self._pace.brief:
            raise Unavailable("the API server ends each watch as soon as it has begun")
        self._backoff.clear()
        if not spoke and lasted >= self._pace.silence:
            # Mostly nothing has happened: up to Kubernetes 1.33 there are not even bookmarks then, and to list what is
            # quiet costs little. But a server that was restored from a backup which is behind this version is silent,
            # too, and would be for ever.
            raise Expired(f"there was not a word about what came after version {version}")

    async def _read(self, pieces: AsyncIterator[bytes]) -> bool:
        """Hand on all events; returns whether there were any."""
        lines, spoke = Lines(), False
        while piece := await _next(pieces):
            for line in lines.feed(piece):
                self._take(parse(line))
                spoke = True
            self._sink.alive()
        return spoke

    def _take(self, event: Event) -> None:
        match event.kind:
            case Kind.ADDED | Kind.MODIFIED:
                self._sink.see(event.item)
            case Kind.DELETED:
                self._sink.lose(event.item)
        self._version = event.version
        self._newest = max(self._newest, int(event.version))
        self._backoff.clear()


async def _next(pieces: AsyncIterator[bytes]) -> bytes:
    """The next piece. A watch that is cut, or silent for too long, has ended: what is missing comes with the next."""
    try:
        return await anext(pieces, b"")
    except Unavailable:
        return b""
