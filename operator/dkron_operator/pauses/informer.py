"""The DkronPauses of the namespaces that the operator watches, and of its own.

No job is planned before they have been listed, nor when nothing was heard of them for a while: a pause may hold it.
Without permission to list them, or without the kind, jobs run as if there were none, and the log says so.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial

from dkron_crds.pause import PauseStatus
from dkron_kube.paths import DKRON_PAUSES
from dkron_operator.cache.store import Store
from dkron_operator.pauses.index import PauseIndex, PauseView
from dkron_operator.pauses.status import pause_status
from dkron_operator.plan.situation.pauses import Pause
from dkron_operator.plan.situation.view import JobView
from dkron_operator.watch.followed import EVERYWHERE, Followed, Scope
from dkron_operator.watch.object_index import Key

SLICE = 50
"""How many jobs are looked at before other tasks get their turn."""


class Pauses(Followed):
    """All DkronPauses, as watches show them.

    `requeue` is told the uid of each job that a change concerns.
    """

    def __init__(self, scope: Scope, store: Store, *, requeue: Callable[[str], None]) -> None:
        self.index = PauseIndex(scope.home, now=scope.clock.now)
        super().__init__(scope, DKRON_PAUSES, "DkronPauses", self.index)
        self._store = store
        self._requeue = requeue

    def selecting(self, job: JobView) -> tuple[Pause, ...] | None:
        """Those that select the job; None while they are not known, and then the job is looked at when they are."""
        return tuple(view.pause for view in self.index.selecting(job)) if self.want() else None

    def look(self) -> None:
        """Make room for those that had none, where others have long ended."""
        if self.index.retire():
            self.queue.add(EVERYWHERE)

    async def judge(self) -> Callable[[PauseView], PauseStatus]:
        """What tells the status of each."""
        return partial(pause_status, self.index, jobs=await self._count(), now=self._clock.now())

    async def _count(self) -> Counter[Key]:
        """How many jobs each pause selects: jobs come and go, and pauses end by themselves."""
        counts: Counter[Key] = Counter()
        if not any(True for _ in self.index):
            return counts
        for number, entry in enumerate(list(self._store)):
            counts.update(view.key for view in self.index.selecting(entry.job))
            if number % SLICE == 0:
                await asyncio.sleep(0)
        return counts

    async def _look(self, namespace: str, *, waited: bool) -> None:
        # The pauses that had no room so far.
        for where, name in self.index.missing():
            async for item in self._client.list(DKRON_PAUSES, where, field_selector=f"metadata.name={name}"):
                self._upsert(item)
        entries = list(self._store) if waited or namespace == EVERYWHERE else self._store.in_namespace(namespace)
        for number, entry in enumerate(entries):
            if waited or entry.status.paused is not None or self.index.selecting(entry.job):
                self._requeue(entry.job.uid)
            if number % SLICE == 0:
                await asyncio.sleep(0)
