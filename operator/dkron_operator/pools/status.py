"""The status of each DkronPool: who holds its places, and who waits for one."""

import asyncio
from collections.abc import AsyncIterator, Callable

from dkron_crds.conditions import ConditionStatus, ConditionType, condition
from dkron_crds.pool import PoolReason, PoolStatus
from dkron_kube.client import KubeClient
from dkron_kube.paths import DKRON_POOLS
from dkron_operator.act.status_sweep import StatusSweep, StatusWrite
from dkron_operator.kit.clock import Clock
from dkron_operator.pools.index import MOST, PoolView
from dkron_operator.pools.informer import Pools
from dkron_operator.pools.places import Usage

TRUE, FALSE = ConditionStatus.TRUE, ConditionStatus.FALSE


class PoolStatuses:
    """Keeps the statuses of the DkronPools up to date. `home` is the operator's namespace."""

    def __init__(
        self, client: KubeClient, pools: Pools, *, home: str, clock: Clock, may_act: Callable[[], bool]
    ) -> None:
        self._pools = pools
        self._home = home
        self._clock = clock
        self._sweep = StatusSweep(client, DKRON_POOLS, kind="DkronPools", wanted=self._wanted, may_act=may_act)
        pools.on_change.add(self._sweep.change)
        pools.places.on_change.add(self._sweep.change)

    async def run(self) -> None:
        """Write what has changed, until cancelled."""
        await self._sweep.run()

    async def _wanted(self) -> AsyncIterator[StatusWrite]:
        for view in tuple(self._pools.index):
            if view.status is not None:
                wanted = self._judge(view, view.status, self._pools.places.usage(view.pool))
                yield StatusWrite(*view.key, view.status, wanted)
                await asyncio.sleep(0)

    def _judge(self, view: PoolView, before: PoolStatus, usage: Usage) -> PoolStatus:
        now, generation = self._clock.now().replace(microsecond=0), view.generation
        reason, message = self._verdict(view, usage)
        serves = reason is PoolReason.SERVING
        values = {ConditionType.READY: TRUE if serves else FALSE}
        # With TooMany, a pool gets its effect as soon as others are deleted.
        values |= {ConditionType.STALLED: TRUE} if reason is PoolReason.INVALID else {}
        # The numbers change with each run, and are in fields of their own.
        told = self._told(view) if serves else message
        conditions = tuple(
            condition(before.conditions, kind, (value, reason, told), now=now, generation=generation)
            for kind, value in values.items()
        )
        return PoolStatus(
            observed_generation=generation, conditions=conditions, size=view.pool.size if serves else 0,
            running=usage.running, waiting=usage.waiting, line=usage.line, message=message,
        )  # fmt: skip

    def _verdict(self, view: PoolView, usage: Usage) -> tuple[PoolReason, str]:
        if view.problem:
            return PoolReason.INVALID, f"the pool has no effect: {view.problem}"
        if not self._pools.index.has_effect(view):
            text = f"the pool has no effect: of a namespace, only the oldest {MOST} DkronPools have one; delete some"
            return PoolReason.TOO_MANY, text
        runs = {0: "no run waits", 1: "1 run waits"}.get(usage.waiting, f"{usage.waiting} runs wait")
        taken = f"{usage.running} of {view.pool.size} in use; {runs}"
        elsewhere = self._told(view)
        return PoolReason.SERVING, f"{taken}; {elsewhere}" if elsewhere else taken

    def _told(self, view: PoolView) -> str:
        """A remark about a spec that has no effect in this namespace; empty if there is none."""
        if not view.elsewhere:
            return ""
        where = f"only in the namespace of the operator, {self._home}"
        return f"namespaces and perNamespace have no effect here, {where}"
