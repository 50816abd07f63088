"""Groups of several members: claimed at once, created one by one, retried each on its own, and judged together."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_crds.job import Attempt, AttemptState, GroupStatus, History, JobStatus, SkipReason, Trigger
from dkron_operator.plan.actions import WriteStatus
from dkron_operator.plan.advance import advance
from dkron_operator.plan.decide import MOST_ACTIVE
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.view import AttemptJob, Node, PodProblem
from dkron_operator.plan.status.changes import Change, Decided, Dropped, Finished, Started
from dkron_operator.plan.status.fold import group_status
from dkron_operator.plan.status.trim import trimmed
from dkron_pods.problem import Problem
from tests.support.builders import NOON, after, claim, execution, job_view, nodes, outcome, run, seen, situation
from tests.support.folding import fold_all, fold_one
from tests.support.plans import condition, created, fired, jobs_deleted, messages, reported, requests_removed, skips

SLOT = after(60)
EU = {"dc": "eu"}
A, B, C = (claim(SLOT, node=name) for name in "abc")
ONE, TWO = (claim(SLOT, member=number) for number in "12")
DECIDED = {"last_schedule_time": SLOT}


def look(
    *active: Attempt, spec: dict[str, Any] | None = None, status: dict[str, Any] | None = None, **fields: Any
) -> Plan:
    """The plan of a minutely job with tags at its first slot, with three nodes; one with active attempts has decided
    it."""
    job = job_view(**{"tags": EU, **(spec or {})})
    mark = DECIDED if active else {}
    known = JobStatus(**{"since": NOON, "fingerprint": job.fingerprint, "active": active, **mark, **(status or {})})
    return advance(situation(job, known, **{"now": SLOT, "nodes": nodes("a", "b", "c", dc="eu"), **fields}))


def test_each_matching_node_gets_a_member_claimed_with_the_mark() -> None:
    create = created(look())
    assert create.before == (Decided(SLOT), Started(A), Started(B), Started(C))
    assert (create.entry, create.after) == (A, ())
    assert [entry.node_name for entry in (A, B, C)] == ["a", "b", "c"]
    counted = created(look(spec={"tags": {"dc": "eu:2"}}))
    assert counted.before == (Decided(SLOT), Started(ONE), Started(TWO)), "a counted member has a number and no node"


@pytest.mark.parametrize(
    ("tags", "there"),
    [
        pytest.param({}, nodes("a", **EU), id="no tags"),
        pytest.param({}, {}, id="no tags, no nodes"),
        pytest.param({"dc": "eu:1"}, nodes("a", **EU), id="any one node"),
    ],
)
def test_single_job_keeps_its_name_and_needs_no_claim(tags: dict[str, str], there: dict[str, Node]) -> None:
    create = created(look(spec={"tags": tags}, nodes=there))
    assert (create.entry, create.before, create.after) == (claim(SLOT), (), (Decided(SLOT),))


def test_slot_without_a_node_is_skipped_and_reported() -> None:
    plan = look(nodes=nodes("x", dc="us"))
    assert (plan.create, skips(plan)) == (None, (1, SkipReason.NO_MATCHING_NODE))
    assert plan.status.last_schedule_time == SLOT
    (message,) = messages(plan, "SlotSkipped")
    assert "dc=eu" in message


@pytest.mark.parametrize(("labels", "remark"), [("eu", False), ("us", True)])
def test_missing_matching_node_is_a_remark_of_a_ready_job(labels: str, *, remark: bool) -> None:
    ready = condition(look(now=NOON, nodes=nodes("a", dc=labels)), "Ready")
    assert (ready.status, "dc=eu" in ready.message) == ("True", remark)


def test_shortage_of_nodes_is_reported() -> None:
    assert reported(look(spec={"tags": {"dc": "eu:5"}})) == ["FewerNodes"]
    assert reported(look(spec={"tags": {"dc": "eu:3"}})) == []


def test_nothing_is_decided_before_the_nodes_are_known() -> None:
    plan = look(nodes=None)
    assert (plan.create, plan.changes) == (None, [])
    nodes_error = Problem("NodesForbidden", "tags: may not list nodes")
    plan = look(nodes=None, nodes_error=nodes_error)
    ready = condition(plan, "Ready")
    assert (plan.create, ready.status) == (None, "False")
    assert (ready.reason, ready.message) == (nodes_error.reason, nodes_error.message)


def test_a_group_that_would_not_fit_is_skipped() -> None:
    crowd = nodes(*(f"n{number}" for number in range(MOST_ACTIVE + 1)), dc="eu")
    assert skips(look(nodes=crowd)) == (1, SkipReason.TOO_MANY_ACTIVE)
    del crowd["n0"]
    assert look(nodes=crowd).create is not None


def test_members_are_created_as_claimed_whatever_nodes_exist_now() -> None:
    assert fired(look(seen(A), B, C, runs=[run(A)], nodes=nodes("a", "b", "c", "d", dc="us"))) == B


def test_forbid_counts_the_group_and_members_do_not_block() -> None:
    forbid: dict[str, Any] = {"spec": {"concurrency": "forbid"}}
    assert len(created(look(**forbid)).before) == 4
    assert fired(look(seen(A), B, C, runs=[run(A)], now=after(120), **forbid)) == B, "what was decided goes on"
    assert skips(look(seen(C), runs=[run(C)], now=after(120), **forbid))[0], "one member keeps the job busy"


def test_replace_deletes_every_member_of_the_older_group() -> None:
    fields: dict[str, Any] = {"spec": {"concurrency": "replace"}, "runs": [run(A), run(B)], "now": after(120)}
    assert fired(look(seen(A), seen(B), C, **fields)) == C, "the claim that is left goes with the next plan"
    create = created(look(seen(A), seen(B), **fields))
    assert {job.name for job in create.replaces} == {A.job, B.job}
    assert len(create.before) == 4


def ended_member(entry: Attempt, *, success: bool, spec: dict[str, Any] | None = None, **told: Any) -> Plan:
    runs = [run(entry, AttemptState.SUCCEEDED if success else AttemptState.FAILED)]
    outcomes = {entry.job: outcome(success=success, at=after(70), **told)}
    return look(seen(entry), spec=spec, runs=runs, outcomes=outcomes, now=after(70))


def test_a_retry_stays_on_the_node_of_its_member() -> None:
    plan = ended_member(B, success=False, spec={"retries": 1})
    assert plan.status.active == (claim(SLOT, attempt=2, node="b", at=after(71)),)
    assert plan.status.status is GroupStatus.NEVER, "the group goes on"


def test_record_names_the_actual_or_intended_node() -> None:
    for told in ({"success": True, "node_name": "a"}, {"success": False, "reason": "PodLost"}):
        (record,) = ended_member(A, **told).status.executions  # type: ignore[arg-type]
        assert (record.node_name, record.member) == ("a", "a")


def test_claim_of_a_vanished_node_is_checked_and_failed() -> None:
    plan = look(B, nodes=nodes("a", dc="eu"))
    assert created(plan).late, "whether its Job exists is asked first"
    status = fold_all(plan.status, created(plan).otherwise, History())
    assert [(one.success, one.reason, one.node_name) for one in status.executions] == [(False, "NodeGone", "b")]
    assert (status.active, status.status, status.error_count) == ((), GroupStatus.FAILED, 1)
    assert "ExecutionFailed" in reported(plan)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"nodes": nodes("a", "b", "c", dc="us")}, id="has other labels now"),
        pytest.param({"nodes": None, "spec": {"tags": {}}}, id="is not looked at any more"),
    ],
)
def test_a_claim_is_made_although_its_node(fields: dict[str, Any]) -> None:
    create = created(look(B, **fields))
    assert (create.entry, create.late) == (B, False)


STUCK = PodProblem("Unschedulable", "0/1 nodes are available")
WAITING = run(B, pending=True)


@pytest.mark.parametrize(
    ("there", "trouble", "deleted"),
    [
        pytest.param(nodes("a", dc="eu"), STUCK, True, id="whose node is gone is deleted"),
        pytest.param(nodes("a", "b", dc="us"), STUCK, False, id="whose node is full waits"),
        pytest.param(nodes("a", dc="eu"), None, False, id="of which nothing is known yet is asked first"),
        pytest.param(nodes("a"), PodProblem("ImagePullBackOff", ""), False, id="that was scheduled ends by itself"),
        pytest.param(None, STUCK, False, id="waits while nodes are not watched"),
    ],
)
def test_a_member_that_waits(there: dict[str, Node] | None, trouble: PodProblem | None, *, deleted: bool) -> None:
    pod_problems = {B.job: trouble} if trouble else {}
    plan = look(
        seen(B), spec={"tags": {} if there is None else EU}, runs=[WAITING], pod_problems=pod_problems, nodes=there
    )
    assert (jobs_deleted(plan) == [WAITING]) is deleted


@pytest.mark.parametrize("runs", [[run(B, pending=True, gone=True)], []], ids=["known", "unknown"])
def test_member_deleted_with_its_node_reports_it(runs: list[AttemptJob]) -> None:
    outcomes = {B.job: outcome(success=False, lost=True)}
    plan = look(seen(B), runs=runs, outcomes=outcomes, nodes=nodes("a", dc="eu"))
    assert [one.reason for one in plan.status.executions] == ["NodeGone"]


def test_late_member_fails_instead_of_being_skipped() -> None:
    create = created(look(C, spec={"startingDeadlineSeconds": 5}, now=after(90)))
    (change,) = create.otherwise
    assert isinstance(change, Finished)
    assert (create.late, change.execution.reason, change.execution.member) == (True, "DeadlineExceeded", "c")


MANUALLY = {"schedule": "@manually"}
ASKED = {**MANUALLY, "requests": {"r1": "2026-03-01T12:00:00Z"}}
MANUAL = tuple(change.entry for change in created(look(spec=ASKED)).before if isinstance(change, Started))


def test_placed_request_is_removed_once_claimed() -> None:
    assert [(entry.node_name, entry.trigger) for entry in MANUAL] == [(name, Trigger.MANUAL) for name in "abc"]
    plan = look(*MANUAL, spec=ASKED, nodes=nodes("a", "b", "c", "d", dc="eu"))
    assert (requests_removed(plan), fired(plan)) == (["r1"], MANUAL[0])


OVER = run(MANUAL[0], AttemptState.SUCCEEDED)


@pytest.mark.parametrize(
    "traces",
    [
        pytest.param({"runs": [OVER], "status": {"counted": (OVER.name,)}}, id="runs"),
        pytest.param({"status": {"executions": (execution(MANUAL[0]),)}}, id="executions"),
    ],
)
def test_request_with_ended_members_is_not_decided_again(traces: dict[str, Any]) -> None:
    plan = look(spec=ASKED, **traces)
    assert (requests_removed(plan), plan.create) == (["r1"], None)


def test_jobs_of_a_pending_request_are_kept() -> None:
    none = {"history": {"successfulJobs": 0}}
    status = {"counted": (OVER.name,), "executions": (execution(MANUAL[0]),)}
    assert jobs_deleted(look(spec=ASKED | none, status=status, runs=[OVER], now=after(1000))) == []
    assert jobs_deleted(look(spec=MANUALLY | none, status=status, runs=[OVER], now=after(1000))) == [OVER]


def test_request_without_a_node_is_refused_with_its_tags() -> None:
    plan = look(spec=ASKED, nodes={})
    (message,) = messages(plan, "RunRefused")
    assert "dc=eu" in message
    assert (plan.wants(WriteStatus), requests_removed(plan)) == (True, [])


# --- how a group ended -----------------------------------------------------------------------------------------------


def worked(member: str, attempt: int = 1) -> Attempt:
    return execution(claim(SLOT, member=member, attempt=attempt))


def broke(member: str, attempt: int = 1) -> Attempt:
    return execution(claim(SLOT, member=member, attempt=attempt), success=False)


RETRY = claim(SLOT, member="2", attempt=2)


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [
        pytest.param([worked("1"), worked("2")], GroupStatus.SUCCESS, id="all succeed"),
        pytest.param([broke("1"), broke("2")], GroupStatus.FAILED, id="all fail"),
        pytest.param([worked("1"), broke("2")], GroupStatus.PARTIALLY_FAILED, id="some fail"),
        pytest.param([worked("1"), broke("2"), worked("2", 2)], GroupStatus.SUCCESS, id="a retry succeeds"),
        pytest.param([broke("1", 2), broke("1"), broke("2")], GroupStatus.FAILED, id="retries in vain"),
        pytest.param([worked("1"), broke("2", 2), broke("2")], GroupStatus.PARTIALLY_FAILED, id="one in vain"),
        pytest.param([broke(""), worked("", 2)], GroupStatus.SUCCESS, id="a single one, at last"),
    ],
)
def test_the_last_attempt_of_each_member_decides(attempts: list[Attempt], expected: GroupStatus) -> None:
    assert group_status(attempts) == group_status(attempts[::-1]) == expected


@pytest.mark.parametrize(
    ("before", "last"),
    [
        pytest.param([], Finished(broke("2")), id="none of its members is active"),
        pytest.param([Finished(broke("2"), RETRY)], Dropped(RETRY.job), id="the retry that is left is dropped"),
    ],
)
def test_a_group_has_ended_when(before: list[Change], last: Change) -> None:
    status = fold_all(JobStatus(), [Started(ONE), Started(TWO), Finished(worked("1")), *before], History())
    assert status.status == GroupStatus.NEVER
    assert fold_one(status, last, History()).status == GroupStatus.PARTIALLY_FAILED


ENDS = st.lists(st.tuples(st.booleans(), st.integers(0, 2)), min_size=1, max_size=12)
"""Of each member: whether its last attempt succeeds, and how many failed before."""


@given(ends=ENDS, limit=st.integers(1, 5), order=st.randoms(use_true_random=False))
def test_group_larger_than_the_history_ends_as_its_members_did(
    ends: list[tuple[bool, int]], limit: int, order: Any
) -> None:
    history = History(executions=limit)
    waiting = [claim(SLOT, member=str(number)) for number in range(len(ends))]
    status = fold_all(JobStatus(), [Started(entry) for entry in waiting], history)
    second = 0
    while waiting:
        entry = waiting.pop(order.randrange(len(waiting)))
        success, failures = ends[int(entry.member)]
        last, second = entry.attempt > failures, second + 10
        retry = None if last else claim(SLOT, member=entry.member, attempt=entry.attempt + 1, at=after(60 + second))
        status = fold_one(status, Finished(execution(entry, success=success and last), retry), history)
        assert len(status.executions) <= max(limit, 2)
        waiting += [retry] if retry else []
    wanted = {success for success, _ in ends}
    expected = GroupStatus.SUCCESS if wanted == {True} else GroupStatus.FAILED
    assert status.status == (GroupStatus.PARTIALLY_FAILED if len(wanted) > 1 else expected)


def test_trimming_keeps_the_newest_within_the_crd_limit() -> None:
    records = [execution(claim(after(60 * minute))) for minute in range(5, 0, -1)]
    assert trimmed(records, limit=3, active=()) == tuple(records[:3])
    assert trimmed(records[:2], limit=3, active=()) == tuple(records[:2])
    groups = [after(60 * minute) for minute in range(200, 0, -1)]
    records = [execution(claim(slot, member="1")) for slot in groups]
    assert len(trimmed(records, limit=100, active=[claim(slot, member="2") for slot in groups])) == 100
    assert look(spec={"tags": {}}, nodes={}).create is not None
