"""The DkronPauses of the namespaces that the operator watches, and of its own.

No job is planned before they have been listed, nor when nothing was heard of them for a while: a pause may hold it.
Without permission to list them, or without the kind, jobs run as if there were none, and the log says so.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any

from dkron_kube.client import KubeClient
from dkron_kube.errors import KubeError, NotFound
from dkron_kube.informer import Callbacks, Informer, WatchState
from dkron_kube.paths import DKRON_PAUSES
from dkron_kube.watch import Pace
from dkron_operator.cache.store import Store
from dkron_operator.kit.clock import Clock
from dkron_operator.kit.listeners import Listeners
from dkron_operator.kit.workqueue import Workers, WorkQueue
from dkron_operator.pauses.index import Key, PauseIndex
from dkron_operator.plan.pauses import Pause
from dkron_operator.plan.view import JobView

Object = dict[str, Any]

PACE = Pace(watch=20.0, silence=30.0)
"""A watch gives a sign of life when it begins, and so every 24 s. Bookmarks come too late for MOST_SILENT: the API
server sends one about each minute, and none to a quiet watch up to Kubernetes 1.33."""
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
    ) -> None:
        self._client = client
        self._store = store
        self._requeue = requeue
        self.on_change: Listeners[[]] = Listeners()
        """Called when any pause has changed."""
        self.on_event = on_event
        self.clock = clock
        self._all_wait = False
        self.index = PauseIndex(home, now=clock.now)
        scopes = tuple(dict.fromkeys((*namespaces, home))) if namespaces else (None,)
        self.informers = tuple(map(self._informer, scopes))
        self.queue: WorkQueue[str] = WorkQueue("pauses", width=1, group_of=lambda namespace: namespace)
        self.workers = (Workers(self.queue, self._spread),)

    @property
    def known(self) -> bool:
        """Whether all have been listed, and heard of since; or cannot be."""
        states = (informer.state for informer in self.informers)
        return all(_is_refusal(each.refused) or (each.synced and each.age() <= MOST_SILENT) for each in states)

    def selecting(self, job: JobView) -> tuple[Pause, ...] | None:
        """Those that select the job; None while they are not known, and then the job is looked at when they are."""
        if self.known:
            return tuple(view.pause for view in self.index.selecting(job))
        self._all_wait = True
        return None

    async def read(self) -> None:
        """List them for the first time, so that planning begins at once."""
        for informer in self.informers:
            await informer.list_once()

    async def run(self) -> None:
        """Follow them until cancelled."""
        async with asyncio.TaskGroup() as group:
            for informer in self.informers:
                group.create_task(informer.run())

    def look(self) -> None:
        """Make room for those that had none, where others have long ended."""
        if self.index.retire():
            self.queue.add(EVERYWHERE)

    def spread(self, namespace: str | None) -> None:
        """Have the jobs looked at that a change concerns."""
        if namespace is not None:
            self.queue.add(namespace)
            self.on_change()

    def _observe(self) -> None:
        """A watch delivered something."""
        self.on_event()
        if self._all_wait and self.known:
            self.queue.add(EVERYWHERE)

    async def _spread(self, namespace: str) -> None:
        # The pauses that had no room so far.
        for where, name in self.index.missing():
            async for item in self._client.list(DKRON_PAUSES, where, field_selector=f"metadata.name={name}"):
                self._upsert(item)
        waited, self._all_wait = self._all_wait, False
        entries = list(self._store) if waited or namespace == EVERYWHERE else self._store.in_namespace(namespace)
        for number, entry in enumerate(entries):
            if waited or entry.status.paused is not None or self.index.selecting(entry.job):
                self._requeue(entry.job.uid)
            if number % SLICE == 0:
                await asyncio.sleep(0)

    def _informer(self, namespace: str | None) -> Informer[Object]:
        """The informer of a namespace, or of all (None). The index reads the objects: unreadable ones count, too."""
        callbacks: Callbacks[Object] = Callbacks(
            read=lambda item: item,
            synced=lambda items, _: self._synced(namespace, items),
            upsert=self._upsert,
            remove=lambda item: self._remove(_key(item)),
            # The known versions would look newer than the next list.
            went_back=partial(self._synced, namespace, ()),
            on_event=self._observe,
            on_failure=partial(self._failed, namespace),
        )
        where = f"of namespace {namespace}" if namespace else "of all namespaces"
        meanwhile = "continuing with those that are known"
        state = WatchState(f"DkronPauses {where}", meanwhile=meanwhile, clock=self.clock.monotonic)
        return Informer(self._client, DKRON_PAUSES, namespace, callbacks, state=state, pace=PACE)

    def _synced(self, namespace: str | None, items: Sequence[Object]) -> None:
        gone = self.index.keys(namespace) - set(map(_key, items))
        for item in items:
            self._upsert(item)
        for key in gone:
            self._remove(key)

    def _upsert(self, item: Object) -> None:
        self.spread(self.index.upsert(item))

    def _remove(self, key: Key) -> None:
        self.spread(self.index.remove(key))

    def _failed(self, namespace: str | None, error: KubeError) -> None:
        """No answer, and no permission, leave what is known as it is. Without the kind there are none."""
        if isinstance(error, NotFound):
            self._synced(namespace, ())
        if _is_refusal(error):
            self._observe()


def _is_refusal(error: KubeError | None) -> bool:
    return isinstance(error, NotFound) or (error is not None and error.status == HTTPStatus.FORBIDDEN)


def _key(item: Object) -> Key:
    return item["metadata"]["namespace"], item["metadata"]["name"]
