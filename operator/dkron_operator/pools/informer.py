"""The DkronPools of the namespaces that the operator watches, and of its own.

No job that names pools is planned before they have been listed, nor when nothing was heard of them for a while. Without
permission to list them, or without the kind, the runs of these jobs wait, and their condition Ready says so.
"""

import asyncio
from collections.abc import Callable

from dkron_crds.pool import PoolStatus
from dkron_kube.paths import DKRON_POOLS
from dkron_operator.cache.store import Store
from dkron_operator.plan.situation.pools import NO_POOLS, Places
from dkron_operator.plan.situation.view import JobView
from dkron_operator.pools.index import PoolIndex, PoolView
from dkron_operator.pools.places import PoolPlaces
from dkron_operator.pools.status import pool_status
from dkron_operator.watch.followed import EVERYWHERE, Followed, Scope

SLICE = 500
"""How many jobs and runs are looked at before other tasks get their turn."""


class Pools(Followed):
    """All DkronPools, as watches show them, and their places.

    `requeue` is told the uid of each job that a change concerns.
    """

    def __init__(self, scope: Scope, store: Store, *, requeue: Callable[[str], None]) -> None:
        self.index = PoolIndex(scope.home)
        self.places = PoolPlaces(store, self.index, requeue=requeue)
        super().__init__(scope, DKRON_POOLS, "DkronPools", self.index)
        self.places.on_change.add(self.on_change)

    def places_of(self, job: JobView) -> Places | None:
        """The places of the job; None while pools are not known, and then the job is looked at when they are."""
        if not job.spec.pools:
            return NO_POOLS
        return self.places.of(job) if self.want() else None

    async def judge(self) -> Callable[[PoolView], PoolStatus]:
        """What tells the status of each."""
        now, decision = self._clock.now(), self.places.decision()
        return lambda view: pool_status(self.index, view, self.places.usage(view.pool, decision), now)

    async def _look(self, namespace: str, *, waited: bool) -> None:
        jobs = self.places.naming(None if waited or namespace == EVERYWHERE else namespace)
        piece, size = list[str](), 0
        for uid in jobs:
            piece.append(uid)
            size += 1 + self.places.count_of(uid)
            if size >= SLICE or uid == jobs[-1]:
                self.places.look_again(piece)
                piece, size = [], 0
                await asyncio.sleep(0)
