"""The status of a DkronPool: who holds its places, and who waits for one."""

from datetime import datetime

from dkron_crds.base import rfc3339
from dkron_crds.conditions import ConditionStatus, ConditionType, condition
from dkron_crds.pool import PoolReason, PoolStatus, Reservation, WaitingRun
from dkron_operator.pools.index import PoolIndex, PoolView
from dkron_operator.pools.places import Usage
from dkron_operator.watch.object_index import MOST

TRUE, FALSE = ConditionStatus.TRUE, ConditionStatus.FALSE


def pool_status(index: PoolIndex, view: PoolView, usage: Usage, now: datetime) -> PoolStatus:
    """The status that the pool should have."""
    reason, message = _verdict(index, view, usage)
    serves = reason is PoolReason.SERVING
    values = {ConditionType.READY: TRUE if serves else FALSE}
    # With TooMany, a pool gets its effect as soon as others are deleted.
    reserved = _reservation(view.status, usage.reserves, now.replace(microsecond=0)) if serves else None
    values |= {ConditionType.STALLED: TRUE} if reason is PoolReason.INVALID else {}
    # The numbers change with each run, and are in fields of their own.
    text = _remark(index, view) if serves else message
    before = () if view.status is None else view.status.conditions
    conditions = tuple(
        condition(before, kind, (value, reason, text), now=now.replace(microsecond=0), generation=view.generation)
        for kind, value in values.items()
    )
    return PoolStatus(
        observed_generation=view.generation, conditions=conditions, size=view.pool.size if serves else 0,
        running=usage.running, waiting=usage.waiting, line=usage.line, reserved=reserved,
        message=message if reserved is None else f"{message}; {_kept(reserved)}",
    )  # fmt: skip


def _reservation(before: PoolStatus | None, run: WaitingRun | None, now: datetime) -> Reservation | None:
    """The reservation of this run, since the status has named it."""
    if run is None:
        return None
    known = None if before is None else before.reserved
    found = Reservation(namespace=run.namespace, job=run.job, id=run.id, since=now)
    return known if known is not None and known.model_copy(update={"since": now}) == found else found


def _kept(reserved: Reservation) -> str:
    run = f"{reserved.id} of {reserved.namespace}/{reserved.job}"
    return f"since {rfc3339(reserved.since)} a place is kept for run {run}"


def _verdict(index: PoolIndex, view: PoolView, usage: Usage) -> tuple[PoolReason, str]:
    if view.problem:
        return PoolReason.INVALID, f"the pool has no effect: {view.problem}"
    if not index.has_effect(view):
        text = f"the pool has no effect: of a namespace, only the oldest {MOST} DkronPools have one; delete some"
        return PoolReason.TOO_MANY, text
    runs = {0: "no run waits", 1: "1 run waits"}.get(usage.waiting, f"{usage.waiting} runs wait")
    taken = f"{usage.running} of {view.pool.size} in use; {runs}"
    remark = _remark(index, view)
    return PoolReason.SERVING, f"{taken}; {remark}" if remark else taken


def _remark(index: PoolIndex, view: PoolView) -> str:
    """A remark about a spec that has no effect in this namespace; empty if there is none."""
    if not view.elsewhere:
        return ""
    return f"namespaces and perNamespace have no effect here, only in the namespace of the operator, {index.home}"
