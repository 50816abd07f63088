"""The DkronPauses of the namespaces that the operator watches, and of its own.

No job is planned before they have been listed, nor when nothing was heard of them for a while: a pause may hold it.
Without permission to list them, or without the kind, jobs run as if there were none, and the log says so.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

from dkron_kube.client import KubeClient
from dkron_kube.errors import KubeError, NotFound
from dkron_kube.paths import DKRON_PAUSES
from dkron_kube.watch import Pace, follow
from dkron_operator.cache.pause_index import Key, PauseIndex
from dkron_operator.cache.store import Store
from dkron_operator.kit.clock import Clock
from dkron_operator.kit.listeners import Listeners
from dkron_operator.kit.log_once import WatchLogOnce
from dkron_operator.kit.workqueue import Workers, WorkQueue
from dkron_operator.plan.pauses import Pause
from dkron_operator.plan.view import JobView

Object = dict[str, Any]
log = logging.getLogger(__name__)

PACE = Pace(watch=20.0, silence=30.0)
"""A watch gives a sign of life when it begins, and so every 24 s."""
MOST_SILENT = 60.0
"""Seconds of silence after which no job is planned. So a process that was frozen has to hear of pauses first."""
SLICE = 50
"""How many jobs are looked at before other tasks get their turn."""
EVERYWHERE = ""
"""The key of all namespaces in the queue."""


class Pauses:
    """All DkronPauses, as watches show them.

    `requeue` is told the uid of each job that a change concerns. `on_event` is called each time a watch delivers
    something.
    """

    def __init__(
        self,
        client: KubeClient,
        store: Store,
        *,
        namespaces: Sequence[str],
        home: str,
        clock: Clock,
        requeue: Callable[[str], None],
        on_event: Callable[[], None] = lambda: None,
        pace: Pace = PACE,
    ) -> None:
        self._client = client
        self._store = store
        self._requeue = requeue
        self.on_change: Listeners[[]] = Listeners()
        """Called when any pause has changed."""
        self.on_event = on_event
        self._pace = pace
        self.clock = clock
        self._all_wait = False
        self.index = PauseIndex(home, now=clock.now)
        scopes = tuple(dict.fromkeys((*namespaces, home))) if namespaces else (None,)
        self._scopes = tuple(_Scope(self, scope) for scope in scopes)
        self.queue: WorkQueue[str] = WorkQueue("pauses", width=1, group_of=lambda namespace: namespace)
        self.workers = (Workers(self.queue, self._spread),)

    @property
    def known(self) -> bool:
        """Whether all have been listed, and heard of since."""
        return all(scope.known for scope in self._scopes)

    def of(self, job: JobView) -> tuple[Pause, ...] | None:
        """Those that select the job; None while they are not known, and then the job is looked at when they are."""
        if self.known:
            return tuple(view.pause for view in self.index.of(job))
        self._all_wait = True
        return None

    async def read(self) -> None:
        """List them for the first time, so that planning begins at once."""
        for scope in self._scopes:
            try:
                items = [item async for item in self._client.list(DKRON_PAUSES, scope.namespace)]
            except KubeError as exc:
                scope.failed(exc)
            else:
                scope.take(items)

    async def run(self) -> None:
        """Follow them until cancelled."""
        async with asyncio.TaskGroup() as group:
            for scope in self._scopes:
                group.create_task(follow(self._client, DKRON_PAUSES, scope.namespace, scope, pace=self._pace))

    def look(self) -> None:
        """Make room for those that had none, where others have long ended."""
        if self.index.retire():
            self.queue.add(EVERYWHERE)

    def spread(self, namespace: str | None) -> None:
        """Have the jobs looked at that a change concerns."""
        if namespace is not None:
            self.queue.add(namespace)
            self.on_change()

    def hear(self) -> None:
        """A watch delivered something."""
        self.on_event()
        if self._all_wait and self.known:
            self.queue.add(EVERYWHERE)

    async def _spread(self, namespace: str) -> None:
        await self._read_missing()
        waited, self._all_wait = self._all_wait, False
        entries = list(self._store) if waited or namespace == EVERYWHERE else self._store.in_namespace(namespace)
        for number, entry in enumerate(entries):
            if waited or entry.status.paused is not None or self.index.of(entry.job):
                self._requeue(entry.job.uid)
            if number % SLICE == 0:
                await asyncio.sleep(0)

    async def _read_missing(self) -> None:
        """Read the pauses for which there was no room so far. Raises `Unavailable`."""
        for key in self.index.missing():
            namespace, name = key
            async for item in self._client.list(DKRON_PAUSES, namespace, field_selector=f"metadata.name={name}"):
                self.spread(self.index.see(item))


class _Scope:
    """The pauses of one namespace, or of all (None); the sink of `follow`."""

    def __init__(self, pauses: Pauses, namespace: str | None) -> None:
        self._pauses = pauses
        self.namespace = namespace
        self._heard: float | None = None
        self._refused = False
        where = f"of namespace {namespace}" if namespace else "of all namespaces"
        meanwhile = "continuing with those that are known"
        self._log_once = WatchLogOnce(log, f"DkronPauses {where}", meanwhile=meanwhile)

    @property
    def known(self) -> bool:
        """Whether they have been listed, and heard of since; or cannot be."""
        if self._heard is None or self._refused:
            return self._refused
        return self._pauses.clock.monotonic() - self._heard <= MOST_SILENT

    def take(self, items: Sequence[Object]) -> None:
        """A complete list."""
        index = self._pauses.index
        gone: set[Key] = index.keys(self.namespace)
        for item in items:
            gone.discard((item["metadata"]["namespace"], item["metadata"]["name"]))
            self._pauses.spread(index.see(item))
        for key in gone:
            self._pauses.spread(index.lose(key))
        self._hear()

    def replace(self, items: list[Object], version: int) -> None:  # noqa: ARG002 - as every sink
        """Replace all by a complete list."""
        self._log_once.listed()
        self.take(items)

    def went_back(self) -> None:
        """Versions are lower than before: what is known would look newer than what the next list has."""
        for key in self._pauses.index.keys(self.namespace):
            self._pauses.spread(self._pauses.index.lose(key))

    def see(self, item: Object) -> None:
        """A pause was added or modified."""
        self._pauses.spread(self._pauses.index.see(item))

    def lose(self, item: Object) -> None:
        """A pause was removed."""
        metadata = item["metadata"]
        self._pauses.spread(self._pauses.index.lose((metadata["namespace"], metadata["name"])))

    def alive(self) -> None:
        """The API server answered."""
        if self._heard is not None:
            self._hear()
        self._log_once.alive()

    def failed(self, error: KubeError) -> None:
        """No answer, and no permission, leave what is known as it is. Without the kind there are none."""
        self._log_once.goes_on(error)
        if isinstance(error, NotFound):
            self.went_back()
        if isinstance(error, NotFound) or error.status == HTTPStatus.FORBIDDEN:
            self._refused = True
            self._pauses.hear()

    def _hear(self) -> None:
        self._heard, self._refused = self._pauses.clock.monotonic(), False
        self._pauses.hear()
