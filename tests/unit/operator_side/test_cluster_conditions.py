"""The conditions in the status of the DkronCluster."""

from typing import Any

import pytest

from dkron_crds.cluster import ClusterStatus
from dkron_crds.conditions import Condition, ConditionStatus
from dkron_crds.job import Day, JobStatus
from dkron_operator.cluster.conditions import Findings, cluster_conditions
from dkron_operator.cluster.daily_totals import DailyTotals
from dkron_operator.leader.election import Leadership
from tests.support.builders import NOON, after, claim

LEADING = Leadership(leader="me", held=True)
DAY = Day(date=NOON.date(), success=2, failed=1)


def look(leadership: Leadership = LEADING, *, before: ClusterStatus | None = None, **fields: Any) -> ClusterStatus:
    ledger = DailyTotals()
    ledger.upsert("a", JobStatus(since=NOON, active=(claim(),), days=(DAY,)))
    ledger.upsert("b", JobStatus(since=NOON))
    given = {"replicas": 1, "generation": 3, "version": "1.2.3", "now": after(60), **fields}
    return cluster_conditions(before or ClusterStatus(), ledger, leadership, **given)


def test_status_shows_leader_and_totals() -> None:
    status = look()
    assert (status.leader, status.replicas, status.version, status.observed_generation) == ("me", 1, "1.2.3", 3)
    assert (status.jobs, status.active, status.days, status.departed) == (2, 1, (DAY,), ())


@pytest.mark.parametrize(
    ("leadership", "expected", "leader"),
    [
        pytest.param(LEADING, ("True", "Leading"), "me", id="this replica leads"),
        pytest.param(Leadership(free=True, trouble="forbidden"), ("True", "NoLease"), "", id="it has no right to lead"),
        pytest.param(Leadership(trouble="no answer"), ("Unknown", "Waiting"), "", id="the leader is unknown"),
        pytest.param(Leadership(), ("Unknown", "Waiting"), "", id="no replica leads yet"),
        pytest.param(Leadership(left=True), ("False", "Left"), "", id="it was asked to leave"),
        pytest.param(Leadership(stopped=True), ("False", "Stopped"), "", id="it was stopped"),
        pytest.param(Leadership(left=True, stopped=True), ("False", "Stopped"), "", id="it left and was stopped"),
    ],
)
def test_it_is_ready_when(leadership: Leadership, expected: tuple[str, str], leader: str) -> None:
    status = look(leadership)
    (ready,) = status.conditions
    assert (str(ready.status), ready.reason) == expected
    assert (ready.type, ready.observed_generation, status.leader) == ("Ready", 3, leader)
    assert status.replicas == int(leadership.held)


def test_lease_problem_is_reported_verbatim() -> None:
    (ready,) = look(Leadership(free=True, trouble="leases is forbidden")).conditions
    assert ready.message == "the operator fires jobs without a Lease: leases is forbidden"


def test_unchanged_condition_keeps_its_time_beside_foreign_ones() -> None:
    theirs = Condition(type="Theirs", status=ConditionStatus.TRUE, reason="Because", last_transition_time=NOON)
    first = look(now=after(1), before=ClusterStatus(conditions=(theirs,)))
    again = look(Leadership(free=True, trouble="forbidden"), before=first, now=after(2))
    turned = look(Leadership(left=True), before=again, now=after(3))
    times = [status.conditions[0].last_transition_time for status in (first, again, turned)]
    assert times == [after(1), after(1), after(3)]
    assert turned.conditions[1:] == (theirs,)


@pytest.mark.parametrize(
    ("problems", "expected"),
    [
        pytest.param(None, None, id="none where there is nothing to deliver to"),
        pytest.param((), ("True", "AsExpected", ""), id="in order"),
        pytest.param(("a: x", "b: y"), ("False", "InvalidReceiver", "a: x; b: y"), id="in trouble"),
    ],
)
def test_it_delivers_when(problems: tuple[str, ...] | None, expected: tuple[str, str, str] | None) -> None:
    before = look(findings=Findings(("an old problem",)))
    status = look(before=before, findings=Findings(problems))
    found = {each.type: (str(each.status), each.reason, each.message) for each in status.conditions}
    assert found.get("Delivers") == expected
    assert "Ready" in found


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        pytest.param(None, None, id="none without an archive"),
        pytest.param("", ("True", "AsExpected", ""), id="in order"),
        pytest.param("database is locked", ("False", "Unreachable", "database is locked"), id="away"),
    ],
)
def test_it_archives_when(trouble: str | None, expected: tuple[str, str, str] | None) -> None:
    before = look(findings=Findings(archive="an old problem"))
    status = look(before=before, findings=Findings(archive=trouble))
    found = {each.type: (str(each.status), each.reason, each.message) for each in status.conditions}
    assert found.get("Archives") == expected


def test_it_is_conflicted_while_others_do_its_work() -> None:
    before = look(findings=Findings(conflict="another does it"))
    (_, conflicted) = before.conditions
    told = (conflicted.type, str(conflicted.status), conflicted.reason, conflicted.message)
    assert told == ("Conflicted", "True", "SharedNamespace", "another does it")
    assert [each.type for each in look(before=before).conditions] == ["Ready"], "it is over"
