"""The status of each DkronPause: whether it holds, how many jobs, and if not, why."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import datetime

from dkron_crds.base import rfc3339
from dkron_crds.conditions import ConditionStatus, ConditionType, condition
from dkron_crds.pause import PauseReason, PauseStatus
from dkron_kube.client import KubeClient
from dkron_kube.paths import DKRON_PAUSES
from dkron_operator.act.status_sweep import StatusSweep, StatusWrite
from dkron_operator.cache.store import Store
from dkron_operator.kit.clock import Clock
from dkron_operator.pauses.index import MOST, PauseView
from dkron_operator.pauses.informer import Pauses
from dkron_operator.watch.followed import Key

STATUS = {True: ConditionStatus.TRUE, False: ConditionStatus.FALSE}
MENDED_BY_AN_EDIT = frozenset({PauseReason.NOT_ALLOWED, PauseReason.INVALID})
"""With TooMany, a pause gets its effect as soon as others are deleted."""
SLICE = 50
"""How many jobs are counted, or pauses judged, before other tasks get their turn."""


class PauseStatuses:
    """Keeps the statuses of the DkronPauses up to date. `home` is the operator's namespace."""

    def __init__(
        self,
        client: KubeClient,
        pauses: Pauses,
        store: Store,
        *,
        home: str,
        clock: Clock,
        may_act: Callable[[], bool],
    ) -> None:
        self._index = pauses.index
        self._store = store
        self._home = home
        self._clock = clock
        self._sweep = StatusSweep(
            client, DKRON_PAUSES, kind="DkronPauses", wanted=self._wanted, may_act=may_act, look=pauses.look
        )
        pauses.on_change.add(self._sweep.change)

    async def run(self) -> None:
        """Write what has changed, until cancelled."""
        await self._sweep.run()

    async def _wanted(self) -> AsyncIterator[StatusWrite]:
        counts = await self._count()
        for number, view in enumerate(tuple(self._index)):
            if view.status is not None:
                wanted = self._judge(view, view.status, counts[view.key])
                yield StatusWrite(*view.key, view.status, wanted)
            if number % SLICE == 0:
                await asyncio.sleep(0)

    async def _count(self) -> Counter[Key]:
        """How many jobs each pause selects: jobs come and go, and pauses end by themselves."""
        counts: Counter[Key] = Counter()
        if not any(True for _ in self._index):
            return counts
        for number, entry in enumerate(list(self._store)):
            counts.update(view.key for view in self._index.selecting(entry.job))
            if number % SLICE == 0:
                await asyncio.sleep(0)
        return counts

    def _judge(self, view: PauseView, before: PauseStatus, jobs: int) -> PauseStatus:
        now = self._clock.now()
        reason, message = self._verdict(view, jobs, now)
        holds = reason is PauseReason.PAUSED
        values = {ConditionType.ACTIVE: holds, ConditionType.READY: holds or reason is PauseReason.EXPIRED}
        values |= {ConditionType.STALLED: True} if reason in MENDED_BY_AN_EDIT else {}
        at, generation = now.replace(microsecond=0), view.generation
        conditions = tuple(
            condition(before.conditions, kind, (STATUS[value], reason, message), now=at, generation=generation)
            for kind, value in values.items()
        )
        return PauseStatus(
            observed_generation=generation, conditions=conditions, jobs=jobs if holds else 0, message=message
        )

    def _verdict(self, view: PauseView, jobs: int, now: datetime) -> tuple[PauseReason, str]:
        if view.problem:
            return PauseReason.INVALID, f"the pause has no effect: {view.problem}"
        if not self._index.is_allowed(view):
            why = f"allNamespaces is allowed only in the namespace of the operator, {self._home}"
            return PauseReason.NOT_ALLOWED, f"the pause has no effect: {why}"
        if view.pause.until is not None and view.pause.is_over(now):
            return PauseReason.EXPIRED, f"the pause ended at {rfc3339(view.pause.until)}"
        if not self._index.has_room(view):
            text = f"the pause has no effect: of a namespace, only the oldest {MOST} DkronPauses have one; delete some"
            return PauseReason.TOO_MANY, text
        held = "holds 1 job" if jobs == 1 else f"holds {jobs} jobs"
        until = "until it is deleted" if view.pause.until is None else f"until {rfc3339(view.pause.until)}"
        then = "what comes due is dropped" if view.pause.drop else "what comes due waits for missedRuns"
        force = ""
        if self._index.is_enforced(view):
            force = "; forced runs are refused"
        elif view.enforce:
            force = f"; enforce has no effect here, only in the namespace of the operator, {self._home}"
        return PauseReason.PAUSED, f"the pause {held} {until}; {then}{force}"
