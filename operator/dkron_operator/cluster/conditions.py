"""The status of the DkronCluster, from the daily totals and the leadership."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from dkron_crds.cluster import ClusterStatus
from dkron_crds.conditions import MAX_CONDITIONS, ConditionStatus, ConditionType, condition
from dkron_operator.cluster.daily_totals import DailyTotals
from dkron_operator.leader.election import Leadership

Verdict = tuple[ConditionStatus, str, str]
"""Status, reason and message of a condition."""
OURS = (ConditionType.READY, ConditionType.DELIVERS, ConditionType.ARCHIVES, ConditionType.CONFLICTED)
TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN


@dataclass(frozen=True, slots=True)
class Findings:
    """Problems of the installation."""

    problems: tuple[str, ...] | None = None
    """Problems of its receivers and notifications; None if it has none."""

    conflict: str = ""
    """Which other installations do the same work; empty if none do."""

    archive: str | None = None
    """Why the archive cannot be reached, empty if it can; None without an archive."""


NOTHING_FOUND = Findings()


def cluster_conditions(
    before: ClusterStatus,
    ledger: DailyTotals,
    leadership: Leadership,
    *,
    replicas: int,
    generation: int,
    version: str,
    now: datetime,
    findings: Findings = NOTHING_FOUND,
) -> ClusterStatus:
    """The status that follows the one `before`. `version` is the operator's."""
    ours = (
        condition(before.conditions, kind, verdict, now=now, generation=generation)
        for kind, verdict in _verdicts(leadership, findings).items()
    )
    others = (each for each in before.conditions if each.type not in OURS)
    return ClusterStatus(
        observed_generation=generation,
        conditions=(*ours, *others)[:MAX_CONDITIONS],
        leader=leadership.leader,
        replicas=replicas if leadership.held else 0,
        version=version,
        jobs=len(ledger),
        active=ledger.active,
        days=ledger.days(now.date()),
        departed=ledger.departed(now.date()),
    )


def _verdicts(leadership: Leadership, findings: Findings) -> Mapping[ConditionType, Verdict]:
    verdicts = {ConditionType.READY: _ready(leadership)}
    if findings.problems is not None:
        problems = "; ".join(findings.problems)
        verdicts[ConditionType.DELIVERS] = (
            (FALSE, "InvalidReceiver", problems) if problems else (TRUE, "AsExpected", "")
        )
    if findings.archive is not None:
        away = (FALSE, "Unreachable", findings.archive)
        verdicts[ConditionType.ARCHIVES] = away if findings.archive else (TRUE, "AsExpected", "")
    if findings.conflict:
        verdicts[ConditionType.CONFLICTED] = (TRUE, "SharedNamespace", findings.conflict)
    return verdicts


def _ready(leadership: Leadership) -> Verdict:
    if leadership.stopped:
        return FALSE, "Stopped", "the operator was stopped"
    if leadership.left:
        return FALSE, "Left", "the operator was asked to leave, and fires nothing until it is restarted"
    if leadership.held:
        return TRUE, "Leading", ""
    if leadership.free:
        return TRUE, "NoLease", f"the operator fires jobs without a Lease: {leadership.trouble}"
    return UNKNOWN, "Waiting", "no replica holds the Lease yet"
