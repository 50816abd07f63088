"""Follows all objects of one kind: a complete list, then every change to it, until the task is cancelled. Comparable
to client-go's Reflector.

Everything goes into a `Sink`, which therefore reflects the API server's recent state or learns why it does not. A
watch that ends resumes at the version seen last. A new list is needed only if the server no longer knows that
version.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

from dkron_kube.backoff import Backoff
from dkron_kube.client import KubeClient, Object
from dkron_kube.errors import Expired, KubeError, Unavailable
from dkron_kube.paths import Resource
from dkron_kube.watch_events import LONGEST, Event, Kind, Lines, parse


class Cache(Protocol):
    """Receives objects and changes in the order in which they happened. No method blocks or raises."""

    def replace(self, items: list[Any], version: int) -> Awaitable[None] | None:
        """A complete list as of this resource version, each object as the follower keeps it: those not in it are
        gone. A long one may be taken in in pieces."""

    def went_back(self) -> None:
        """Resource versions are lower than before, as after a restore of etcd. Everything from now on, beginning with
        a list, is newer than everything before."""

    def upsert(self, item: Object) -> None:
        """An object was added or modified."""

    def remove(self, item: Object) -> None:
        """An object was deleted; `item` is its last state."""


class Sink(Cache, Protocol):
    """A cache that also learns how fresh it is."""

    async def replace(self, items: list[Any], version: int) -> None:
        """As `Cache.replace`. No change is handed on before this returns."""

    def alive(self) -> None:
        """The API server responded, and everything it sent has been handed on."""

    def failed(self, error: KubeError) -> None:
        """A request failed: no response, not allowed, or similar. The follower retries."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: how long a watch may be silent, how long it is asked to last, and the first and last delay between
    retries.

    A watch that ends without events before it is `brief` seconds old also counts as a failure.
    """

    silence: float = 90.0
    watch: float = 300.0
    brief: float = 1.0
    first_delay: float = 0.5
    last_delay: float = 30.0


STEADY = Pace()


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects are followed: selectors of the API server, empty for all."""

    fields: str = ""
    labels: str = ""
    metadata_only: bool = False
    """Nothing but the metadata of the objects arrives."""
    from_now: bool = False
    """What exists is not listed: each list is empty, and only changes after it arrive."""
    longest: int = LONGEST
    """Bytes of an event of the watch. Longer ones are skipped before they are parsed."""

    def query(self) -> dict[str, str]:
        """The query parameters for it."""
        selectors = {"fieldSelector": self.fields, "labelSelector": self.labels}
        return {name: selector for name, selector in selectors.items() if selector}


ALL = Selection()


async def follow(
    client: KubeClient,
    resource: Resource,
    namespace: str | None,
    sink: Sink,
    *,
    selection: Selection = ALL,
    keep: Callable[[Object], Any] = lambda item: item,
    pace: Pace = STEADY,
) -> NoReturn:
    """List and watch a namespace, or all namespaces (None), or only a selection of their objects, until cancelled.
    `keep` returns what a list keeps of each object while the rest of it is read: a list of everything may not fit into
    memory. It raises nothing, as the methods of the sink."""
    follower = _Follower(client, resource, namespace, sink, selection=selection, keep=keep, pace=pace)
    while True:
        delay = await follower.step()
        await asyncio.sleep(delay)


class _Follower:
    """The state of following. `_version` is the version seen last; None means that everything must be listed. A list
    must not be older than `_newest`, since it is requested after everything seen so far."""

    def __init__(
        self,
        client: KubeClient,
        resource: Resource,
        namespace: str | None,
        sink: Sink,
        *,
        selection: Selection,
        keep: Callable[[Object], Any],
        pace: Pace,
    ) -> None:
        self._client, self._resource, self._namespace = client, resource, namespace
        self._selector, self._metadata_only = selection.query(), selection.metadata_only
        self._from_now, self._longest = selection.from_now, selection.longest
        self._sink, self._keep, self._pace = sink, keep, pace
        self._backoff = Backoff(pace.first_delay, pace.last_delay, spread=(0.5, 1.0))
        self._failures = 0
        self._version: str | None = None
        self._newest = 0
        self._doubtful = False

    async def step(self) -> float:
        """List if necessary, then watch until the watch ends. Return the seconds to wait before the next step."""
        try:
            if self._version is None:
                self._version = await self._list()
            elif self._doubtful:
                await self._look_back()
            self._doubtful = False
            await self._watch(self._version)
        except Expired:
            self._version = None
            # Lists are expensive: the first one follows immediately, further ones wait.
            delay = self._failed()
            return 0.0 if self._failures == 1 else delay
        except Unavailable as error:
            self._sink.failed(error)
            self._doubtful = True
            return max(self._failed(), error.retry_after or 0.0)
        except KubeError as error:
            # Forbidden, or no such kind: once that is fixed, the old version may be meaningless, so list again.
            self._version = None
            self._sink.failed(error)
            return self._failed()
        return 0.0

    def _failed(self) -> float:
        self._failures += 1
        return self._backoff.after(self._failures)

    async def _list(self) -> str:
        items: list[Any] = []
        version = ""
        if self._from_now:
            version = await self._current_version()
        else:
            async for page in self._pages(self._selector):
                items += map(self._keep, page["items"] or ())
                version = self._version_of(page)
        if int(version) < self._newest:
            self._sink.went_back()
        self._newest = int(version)
        await self._sink.replace(items, int(version))
        self._sink.alive()
        return version

    async def _look_back(self) -> None:
        """Check whether resource versions went back. After an outage the server may have been restored from a backup.
        A watch from a version that it has yet to reach is silent at first, and then omits the changes up to that
        version."""
        if int(await self._current_version()) < self._newest:
            raise Expired("the resource versions went back")

    async def _current_version(self) -> str:
        selector = {**self._selector, "limit": "1"}
        async for page in self._pages(selector):
            return self._version_of(page)
        raise Unavailable(f"the API server sent no list of {self._resource.plural}")

    def _pages(self, selector: Mapping[str, str]) -> AsyncIterator[Object]:
        return self._client.pages(self._resource, self._namespace, selector=selector, metadata_only=self._metadata_only)

    def _version_of(self, page: Object) -> str:
        version = str(page["metadata"].get("resourceVersion"))
        if not version.isdecimal():
            raise Unavailable(f"the list of {self._resource.plural} has no resourceVersion")
        return version

    async def _watch(self, version: str) -> None:
        clock = asyncio.get_running_loop().time
        began = clock()
        seconds = self._pace.watch * random.uniform(0.8, 1.2)  # noqa: S311 - only spreads load
        query = {
            **self._selector,
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(round(seconds)),
        }
        silence = self._pace.silence
        watch = self._client.watch(
            self._resource, self._namespace, query=query, silence=silence, metadata_only=self._metadata_only
        )
        async with watch as pieces:
            self._sink.alive()
            spoke = await self._read(pieces)
        lasted = clock() - began
        if not spoke and lasted < self._pace.brief:
            raise Unavailable("the API server ends each watch at once")
        self._failures = 0
        if not spoke and lasted >= silence:
            # Usually nothing has happened: up to Kubernetes 1.33 a quiet watch gets no bookmarks, and listing a quiet
            # kind is cheap. But a server restored from a backup older than this version is silent too, and would stay
            # so forever.
            raise Expired(f"the watch received nothing after version {version}")

    async def _read(self, pieces: AsyncIterator[bytes]) -> bool:
        """Hand on all events. Return whether there were any."""
        lines, spoke = Lines(), False
        while piece := await _next(pieces):
            for line in lines.feed(piece):
                if len(line) <= self._longest:
                    self._apply(parse(line))
                spoke = True
            self._sink.alive()
        return spoke

    def _apply(self, event: Event) -> None:
        match event.kind:
            case Kind.ADDED | Kind.MODIFIED:
                self._sink.upsert(event.item)
            case Kind.DELETED:
                self._sink.remove(event.item)
        self._version = event.version
        self._newest = max(self._newest, int(event.version))
        self._failures = 0


async def _next(pieces: AsyncIterator[bytes]) -> bytes:
    """Return the next piece. A watch that breaks or is silent for too long counts as ended; the next watch delivers
    the rest."""
    try:
        return await anext(pieces, b"")
    except Unavailable:
        return b""
