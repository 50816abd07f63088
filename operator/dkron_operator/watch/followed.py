"""The objects of a kind on which plans depend, in the namespaces that the operator watches and in its own.

No job that depends on them is planned before they have been listed, nor when nothing was heard of them for a while. So
a process that was frozen has to hear of them first. Without permission to list them, or without the kind, there are
none, and the log says so.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar

from dkron_kube.client import KubeClient
from dkron_kube.errors import KubeError, NotFound
from dkron_kube.informer import Callbacks, Informer, WatchState
from dkron_kube.paths import Resource
from dkron_kube.watch import Pace
from dkron_operator.kit.clock import Clock
from dkron_operator.kit.listeners import Listeners
from dkron_operator.kit.workqueue import Workers, WorkQueue
from dkron_operator.watch.object_index import Key, ObjectIndex

Object = dict[str, Any]
T = TypeVar("T")

PACE = Pace(watch=20.0, silence=30.0)
"""A watch gives a sign of life when it begins, and so every 24 s. Bookmarks come too late for MOST_SILENT: the API
server sends one about each minute, and none to a quiet watch up to Kubernetes 1.33."""
MOST_SILENT = 60.0
"""Seconds of silence after which no job is planned that depends on them."""
SLICE = 500
"""How many objects of a list are taken in before other tasks get their turn."""
EVERYWHERE = ""
"""The key of all namespaces in the queue."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Where objects are watched: in these namespaces, all if there are none, and in the operator's own, `home`.
    `on_event` is called each time a watch delivers something."""

    client: KubeClient
    namespaces: Sequence[str]
    home: str
    clock: Clock
    on_event: Callable[[], None] = lambda: None


class Followed(ABC):
    """All objects of one kind, as watches show them. `plural` is what people call them."""

    def __init__(self, scope: Scope, resource: Resource, plural: str, index: ObjectIndex[Any, Any]) -> None:
        self._client = scope.client
        self.resource = resource
        self.plural = plural
        self._objects = index
        self._all_wait = False
        self._outdated: set[Key] = set()
        self.on_change: Listeners[[]] = Listeners()
        """Called when any of them has changed."""
        self._on_event = scope.on_event
        self._clock = scope.clock
        scopes = tuple(dict.fromkeys((*scope.namespaces, scope.home))) if scope.namespaces else (None,)
        self.informers = tuple(map(self._informer, scopes))
        self.queue: WorkQueue[str] = WorkQueue(
            resource.plural.removeprefix("dkron"), width=1, group_of=lambda namespace: namespace
        )
        self.workers = (Workers(self.queue, self._work),)

    @property
    def known(self) -> bool:
        """Whether all have been listed, and heard of since; or cannot be."""
        states = (informer.state for informer in self.informers)
        return all(_is_refusal(each.refused) or (each.synced and each.age() <= MOST_SILENT) for each in states)

    def want(self) -> bool:
        """Whether they are known. If not, all jobs that depend on them are looked at when they are."""
        known = self.known
        self._all_wait |= not known
        return known

    async def read(self) -> None:
        """List them for the first time, so that planning begins at once."""
        for informer in self.informers:
            await informer.list_once()

    async def run(self) -> None:
        """Follow them until cancelled."""
        async with asyncio.TaskGroup() as group:
            for informer in self.informers:
                group.create_task(informer.run())

    def spread(self, namespace: str | None) -> None:
        """Have the jobs looked at that a change concerns."""
        if namespace is not None:
            self.queue.add(namespace)
            self.on_change()

    @abstractmethod
    async def _look(self, namespace: str, *, waited: bool) -> None:
        """Look at the jobs of the namespace, "" for all, that depend on these objects; if they have `waited` for them,
        at all jobs that do."""

    async def _work(self, namespace: str) -> None:
        waited, self._all_wait = self._all_wait, False
        await self._look(namespace, waited=waited)

    def _observe(self) -> None:
        """A watch delivered something."""
        self._on_event()
        if self._all_wait and self.known:
            self.queue.add(EVERYWHERE)

    def _informer(self, namespace: str | None) -> Informer[Object]:
        """The informer of a namespace, or of all (None). The index reads the objects: unreadable ones count, too."""
        where = f"of namespace {namespace}" if namespace else "of all namespaces"
        meanwhile = "continuing with those that are known"
        state = WatchState(f"{self.plural} {where}", meanwhile=meanwhile, clock=self._clock.monotonic)
        callbacks: Callbacks[Object] = Callbacks(
            read=lambda item: item,
            synced=lambda items, _: self._synced(namespace, items),
            upsert=self._upsert,
            remove=lambda item: self._remove(_key(item)),
            went_back=partial(self._go_back, namespace, state),
            on_event=self._observe,
            on_failure=partial(self._failed, namespace),
        )
        return Informer(self._client, self.resource, namespace, callbacks, state=state, pace=PACE)

    async def _synced(self, namespace: str | None, items: Sequence[Object]) -> None:
        outdated, self._outdated = self._outdated, set()
        gone = self._objects.keys(namespace) - outdated - set(map(_key, items))
        await _each(self._remove, outdated)
        await _each(self._upsert, items)
        await _each(self._remove, gone)

    def _go_back(self, namespace: str | None, state: WatchState) -> None:
        """The known versions would look newer than the next list, which replaces all. Until then jobs wait."""
        self._outdated |= self._objects.keys(namespace)
        state.synced = False

    def _upsert(self, item: Object) -> None:
        self.spread(self._objects.upsert(item))

    def _remove(self, key: Key) -> None:
        self.spread(self._objects.remove(key))

    def _failed(self, namespace: str | None, error: KubeError) -> None:
        """No answer, and no permission, leave what is known as it is. Without the kind there are none."""
        if isinstance(error, NotFound):
            for key in self._objects.keys(namespace):
                self._remove(key)
        if _is_refusal(error):
            self._observe()


async def _each(change: Callable[[T], None], things: Iterable[T]) -> None:
    """Make a change for each; other tasks have their turn in between."""
    for number, thing in enumerate(things, 1):
        change(thing)
        if number % SLICE == 0:
            await asyncio.sleep(0)


def _is_refusal(error: KubeError | None) -> bool:
    return isinstance(error, NotFound) or (error is not None and error.status == HTTPStatus.FORBIDDEN)


def _key(item: Object) -> Key:
    return item["metadata"]["namespace"], item["metadata"]["name"]
