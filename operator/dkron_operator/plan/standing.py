"""How the installation stands: the status of the DkronCluster, from the ledger and from who leads."""

from datetime import datetime

from dkron_crds.cluster import ClusterStatus
from dkron_crds.conditions import MAX_MESSAGE, Condition, ConditionStatus, ConditionType
from dkron_operator.plan.leader import Leadership
from dkron_operator.plan.ledger import Ledger

TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN


def standing(
    before: ClusterStatus, ledger: Ledger, leadership: Leadership, *, generation: int, version: str, now: datetime
) -> ClusterStatus:
    """The status as it should be, where it is `before`. `version` is the operator's own."""
    return ClusterStatus(
        observed_generation=generation,
        conditions=_conditions(before, leadership, generation=generation, now=now),
        leader=leadership.leader,
        replicas=int(leadership.held),
        version=version,
        jobs=len(ledger),
        active=ledger.active,
        days=ledger.days,
        departed=ledger.departed,
    )


def _conditions(
    before: ClusterStatus, leadership: Leadership, *, generation: int, now: datetime
) -> tuple[Condition, ...]:
    kept = {condition.type: condition for condition in before.conditions}
    old = kept.pop(ConditionType.READY, None)
    status, reason, message = _ready(leadership)
    ready = Condition(
        type=ConditionType.READY,
        status=status,
        reason=reason,
        message=message[:MAX_MESSAGE],
        last_transition_time=old.last_transition_time if old is not None and old.status is status else now,
        observed_generation=generation,
    )
    return (ready, *kept.values())


def _ready(leadership: Leadership) -> tuple[ConditionStatus, str, str]:
    if leadership.stopped:
        return FALSE, "Stopped", "the operator was stopped"
    if leadership.left:
        return FALSE, "Left", "the operator was asked to leave, and fires nothing until it is restarted"
    if leadership.held:
        return TRUE, "Leading", ""
    if leadership.trouble:
        return TRUE, "NoLease", f"jobs are fired without a Lease: {leadership.trouble}"
    return UNKNOWN, "Waiting", "nobody holds the Lease yet"
