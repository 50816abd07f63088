"""Keeps the operator and the REST API current about the objects of one kind, as an informer in client-go does.

`watch.follow` lists, watches, resumes and retries. An informer parses the objects, tells its callbacks of them, and
knows how fresh they are. The callbacks own the cache: some are bounded, and some hold the writes of their process, too.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import isawaitable
from typing import Generic, NoReturn, TypeVar

from dkron_kube.client import KubeClient, Object
from dkron_kube.errors import KubeError, NotFound, Unavailable
from dkron_kube.paths import Resource
from dkron_kube.watch import ALL, STEADY, Pace, Selection, follow

T = TypeVar("T")
log = logging.getLogger(__name__)


class WatchState:
    """When the API server last responded to a watch, and why it does not.

    `what` says what is watched, `meanwhile` what the program does during an outage. An outage is logged once when it
    begins or has another cause, and once when it is over.
    """

    def __init__(self, what: str, *, meanwhile: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self.answered = asyncio.Event()
        """Set once the API server has sent a complete list, or has not."""
        self.synced = False
        """Whether a complete list has arrived."""
        self.watching = False
        """Whether the watch has begun after a list, and was not refused since: only a watch keeps a list current."""
        self.refused: KubeError | None = None
        """Why the API server refuses the list or the watch; no answer is no refusal, and leaves this as it is."""
        self.trouble = ""
        """Why the last request failed; empty if it did not."""
        self._what = what
        self._meanwhile = meanwhile
        self._clock = clock
        self._alive_at = clock()
        self._listed = False
        self._logged: tuple[object, ...] = ()

    def age(self) -> float:
        """Return the seconds since the API server last responded."""
        return self._clock() - self._alive_at

    def listed(self) -> None:
        """Record that a complete list has arrived."""
        self.synced = self._listed = True
        self.answered.set()

    def alive(self) -> None:
        """Record that the API server has responded. The first call after a list belongs to the list itself: a user who
        may list but not watch lists again and again, so a list without a watch ends no outage."""
        self._alive_at = self._clock()
        self.trouble, self.refused = "", None
        if self._listed:
            self._listed = False
            return
        self.watching = True
        if self._logged:
            log.info("watch of %s: works again", self._what)
            self._logged = ()

    def failed(self, error: KubeError) -> None:
        """Record that the API server does not answer, or refuses the list or the watch."""
        self._listed = False
        unknown = "the cluster does not know this kind; install it with kubectl apply -f crds/"
        self.trouble = f"cannot watch {self._what}: {unknown if isinstance(error, NotFound) else error}"
        if not isinstance(error, Unavailable):
            self.refused, self.watching = error, False
        kind = type(error), error.status
        if kind != self._logged:
            self._logged = kind
            log.warning("%s%s", self.trouble, f"; {self._meanwhile}" if self._meanwhile else "")
        self.answered.set()


def _nothing(*_: object) -> None:
    """Nothing to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Callbacks(Generic[T]):
    """The functions that an informer calls. None of these blocks or raises."""

    read: Callable[[Object], T | None]
    """Parses an object, and trims it: a list keeps only this of it. None if it cannot be read: it counts as removed."""
    synced: Callable[[list[T], int], object]
    """A complete list, and its resource version. An awaitable that it returns is awaited: other tasks have their turn
    while a long list is taken in."""
    upsert: Callable[[T], object]
    """An object was added or modified."""
    remove: Callable[[Object], object]
    """An object was deleted; this is its last state."""
    went_back: Callable[[], object] = _nothing
    """The next list has lower versions than before, as after a restore of etcd."""
    on_event: Callable[[], object] = _nothing
    """The API server gave a sign of life, which the state shows already."""
    on_failure: Callable[[KubeError], object] = _nothing
    """A request failed, which the state shows already. The known objects stay."""


class Informer(Generic[T]):
    """The objects of a namespace, or of all (None), or a selection of them."""

    def __init__(
        self,
        client: KubeClient,
        resource: Resource,
        namespace: str | None,
        callbacks: Callbacks[T],
        *,
        state: WatchState,
        selection: Selection = ALL,
        pace: Pace = STEADY,
    ) -> None:
        self.namespace = namespace
        self.state = state
        self._client, self._resource, self._selection = client, resource, selection
        self.callbacks = callbacks
        self._pace = pace

    @property
    def name(self) -> str:
        """Its name in the log."""
        return f"{self._resource.plural} of {self.namespace or 'all namespaces'}"

    async def list_once(self) -> None:
        """List before `run`, which lists again: so the objects are known when the program begins to need them."""
        found = self._client.list(
            self._resource,
            self.namespace,
            label_selector=self._selection.labels or None,
            field_selector=self._selection.fields or None,
            metadata_only=self._selection.metadata_only,
        )
        try:
            items = [self.callbacks.read(item) async for item in found]
        except KubeError as error:
            self.failed(error)
        else:
            await self.replace(items, 0)
            self.alive()

    async def run(self) -> NoReturn:
        """Follow the objects until cancelled."""
        keep = self.callbacks.read
        await follow(
            self._client, self._resource, self.namespace, self, selection=self._selection, keep=keep, pace=self._pace
        )

    async def replace(self, items: Sequence[T | None], version: int) -> None:
        """A complete list."""
        done = self.callbacks.synced([item for item in items if item is not None], version)
        if isawaitable(done):
            await done
        self.state.listed()

    def went_back(self) -> None:
        """Resource versions are lower than before."""
        self.callbacks.went_back()

    def upsert(self, item: Object) -> None:
        """An object was added or modified."""
        read = self.callbacks.read(item)
        if read is None:
            self.callbacks.remove(item)
        else:
            self.callbacks.upsert(read)

    def remove(self, item: Object) -> None:
        """An object was deleted."""
        self.callbacks.remove(item)

    def alive(self) -> None:
        """The API server responded."""
        self.state.alive()
        self.callbacks.on_event()

    def failed(self, error: KubeError) -> None:
        """The API server does not answer, or refuses. The known objects stay."""
        self.state.failed(error)
        self.callbacks.on_failure(error)
