"""Groups of several members: claimed at once, created one by one, retried each on its own, and judged together."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_crds.job import Active, Execution, GroupStatus, History, JobStatus, SkipReason, Trigger
from dkron_operator.executors.problem import Problem
from dkron_operator.plan.actions import Report, WriteStatus
from dkron_operator.plan.advance import advance
from dkron_operator.plan.decide import MOST_ACTIVE
from dkron_operator.plan.fold import Change, Decided, Dropped, Finished, Started, fold, fold_all, group_status
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.trim import trimmed
from dkron_operator.plan.view import AttemptState, JobView, Node, Trouble
from tests.support.builders import (
    NOON,
    after,
    claim,
    execution,
    job_view,
    nodes,
    outcome,
    run,
    seen,
    situation,
)
from tests.support.plans import jobs_deleted, requests_removed

SLOT = after(60)
EU = {"dc": "eu"}
A, B, C = (claim(SLOT, node=name) for name in "abc")


def look(
    *, tags: dict[str, str] | None = None, active: tuple[Active, ...] = (), status: Any = None, **fields: Any
) -> Plan:
    """The plan of a minutely job at its first slot, with three nodes; `spec` goes to the job."""
    job = job_view(tags=EU if tags is None else tags, **fields.pop("spec", {}))
    known = JobStatus(since=NOON, fingerprint=job.fingerprint, active=active, **(status or {}))
    fields = {"now": SLOT, "nodes": nodes("a", "b", "c", dc="eu"), **fields}
    return advance(situation(job, known, **fields))


def test_each_matching_node_gets_a_member_and_all_are_claimed_with_the_mark() -> None:
    create = look().create
    assert create is not None
    assert create.before == (Decided(SLOT), Started(A), Started(B), Started(C))
    assert (create.entry, create.after) == (A, ())
    assert [entry.node_name for entry in (A, B, C)] == ["a", "b", "c"]


def test_a_counted_member_has_a_number_and_no_node() -> None:
    create = look(tags={"dc": "eu:2"}).create
    assert create is not None
    assert create.before == (Decided(SLOT), *(Started(claim(SLOT, member=number)) for number in "12"))


@pytest.mark.parametrize("tags", [{}, {"dc": "eu:1"}], ids=["no tags", "any one node"])
def test_one_job_alone_keeps_its_name_and_needs_no_claim(tags: dict[str, str]) -> None:
    create = look(tags=tags).create
    assert create is not None
    assert (create.entry, create.before, create.after) == (claim(SLOT), (), (Decided(SLOT),))


def test_without_a_node_the_slot_is_skipped_and_told() -> None:
    plan = look(nodes=nodes("x", dc="us"))
    skipped = plan.status.skipped
    assert plan.create is None
    assert skipped is not None
    assert (skipped.last_reason, plan.status.last_schedule_time) == (SkipReason.NO_MATCHING_NODE, SLOT)
    (report,) = (report for report in plan.of(Report) if report.reason == "SlotSkipped")
    assert "dc=eu" in report.message


def test_that_no_node_matches_at_present_is_a_remark_of_a_job_in_order() -> None:
    for there, remark in ((nodes("a", dc="eu"), False), (nodes("a", dc="us"), True)):
        ready = next(one for one in look(now=NOON, nodes=there).status.conditions if one.type == "Ready")
        assert (ready.status, "dc=eu" in ready.message) == ("True", remark)


def test_fewer_nodes_than_wanted_are_told() -> None:
    assert [report.reason for report in look(tags={"dc": "eu:5"}).of(Report)] == ["FewerNodes"]
    assert look(tags={"dc": "eu:3"}).of(Report) == []


def test_nothing_is_decided_before_the_nodes_are_known() -> None:
    plan = look(nodes=None)
    assert (plan.create, plan.changes) == (None, [])


def test_without_the_right_to_see_nodes_nothing_fires_and_the_condition_says_so() -> None:
    blind = Problem("NodesForbidden", "tags: may not list nodes")
    plan = look(nodes=None, blind=blind)
    ready = next(condition for condition in plan.status.conditions if condition.type == "Ready")
    assert (plan.create, ready.status, ready.reason, ready.message) == (None, "False", blind.reason, blind.message)


def test_a_group_that_would_not_fit_is_skipped() -> None:
    crowd = nodes(*(f"n{number}" for number in range(MOST_ACTIVE + 1)), dc="eu")
    skipped = look(nodes=crowd).status.skipped
    assert skipped is not None
    assert skipped.last_reason == SkipReason.TOO_MANY_ACTIVE
    del crowd["n0"]
    assert look(nodes=crowd).create is not None


def test_members_are_created_one_by_one_as_they_were_claimed_whatever_nodes_there_are_now() -> None:
    plan = look(
        active=(seen(A), B, C),
        status={"last_schedule_time": SLOT},
        runs=[run(A)],
        nodes=nodes("a", "b", "c", "d", dc="us"),
    )
    assert plan.create is not None
    assert plan.create.entry == B


def test_forbid_counts_the_group_and_its_members_do_not_block_each_other() -> None:
    forbid = {"concurrency": "forbid"}
    first = look(spec=forbid).create
    assert first is not None
    assert len(first.before) == 4
    plan = look(
        spec=forbid,
        active=(seen(A), B, C),
        status={"last_schedule_time": SLOT},
        runs=[run(A)],
        now=after(120),
    )
    assert plan.create is not None
    assert plan.create.entry == B, "what was decided goes on"
    assert look(
        spec=forbid, active=(seen(C),), status={"last_schedule_time": SLOT}, runs=[run(C)], now=after(120)
    ).status.skipped, "one member keeps the job busy"


def test_replace_deletes_every_member_of_the_older_group() -> None:
    running = (seen(A), seen(B), C)
    plan = look(
        spec={"concurrency": "replace"},
        active=running,
        status={"last_schedule_time": SLOT},
        runs=[run(A), run(B)],
        now=after(120),
    )
    # The claim that is left of the older group comes first, and goes with the next plan.
    assert plan.create is not None
    assert plan.create.entry == C
    plan = look(
        spec={"concurrency": "replace"},
        active=(seen(A), seen(B)),
        status={"last_schedule_time": SLOT},
        runs=[run(A), run(B)],
        now=after(120),
    )
    assert plan.create is not None
    assert {job.name for job in plan.create.replaces} == {A.job, B.job}
    assert len(plan.create.before) == 4


def ended_member(entry: Active, *, success: bool, **fields: Any) -> Plan:
    state = AttemptState.SUCCEEDED if success else AttemptState.FAILED
    return look(
        active=(seen(entry),),
        status={"last_schedule_time": SLOT, **fields.pop("status", {})},
        runs=[run(entry, state)],
        outcomes={entry.job: outcome(success=success, at=after(70), **fields.pop("told", {}))},
        now=after(70),
        **fields,
    )


def test_a_retry_stays_on_the_node_of_its_member() -> None:
    plan = ended_member(B, success=False, spec={"retries": 1})
    (retry,) = plan.status.active
    assert (retry.attempt, retry.node_name, retry.member) == (2, "b", "b")
    assert retry.job == claim(SLOT, attempt=2, node="b").job
    assert plan.status.status is GroupStatus.NEVER, "the group goes on"


def test_a_record_tells_the_node_that_ran_it_or_at_least_where_it_was_to_run() -> None:
    told = ended_member(A, success=True, told={"node_name": "a"}).status.executions[0]
    lost = ended_member(A, success=False, told={"reason": "PodLost"}).status.executions[0]
    assert [(one.node_name, one.member) for one in (told, lost)] == [("a", "a"), ("a", "a")]


def test_a_claim_whose_node_is_gone_is_looked_for_and_recorded_as_failed() -> None:
    plan = look(active=(B,), status={"last_schedule_time": SLOT}, nodes=nodes("a", dc="eu"))
    create = plan.create
    assert create is not None
    assert create.late, "whether its Job exists is asked first"
    status = fold_all(plan.status, create.otherwise, History())
    assert [(one.success, one.reason, one.node_name) for one in status.executions] == [(False, "NodeGone", "b")]
    assert (status.active, status.status, status.error_count) == ((), GroupStatus.FAILED, 1)
    assert "ExecutionFailed" in [report.reason for report in plan.of(Report)]


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"nodes": nodes("a", "b", "c", dc="us")}, id="has other labels now"),
        pytest.param({"nodes": None, "tags": {}}, id="is not looked at any more"),
    ],
)
def test_a_claim_is_made_although_its_node(fields: dict[str, Any]) -> None:
    create = look(active=(B,), status={"last_schedule_time": SLOT}, **fields).create
    assert create is not None
    assert (create.entry, create.late) == (B, False)


STUCK = Trouble("Unschedulable", "0/1 nodes are available")


@pytest.mark.parametrize(
    ("there", "trouble", "deleted"),
    [
        pytest.param(nodes("a", dc="eu"), STUCK, True, id="whose node is gone is deleted"),
        pytest.param(nodes("a", "b", dc="us"), STUCK, False, id="whose node is full waits"),
        pytest.param(nodes("a", dc="eu"), None, False, id="of which nothing is known yet is asked first"),
        pytest.param(nodes("a"), Trouble("ImagePullBackOff", ""), False, id="that was scheduled ends by itself"),
        pytest.param(None, STUCK, False, id="waits while nobody looks at nodes"),
    ],
)
def test_a_member_that_waits(there: dict[str, Node] | None, trouble: Trouble | None, *, deleted: bool) -> None:
    waiting = run(B, AttemptState.WAITING)
    plan = look(
        tags={} if there is None else EU,
        active=(seen(B),),
        status={"last_schedule_time": SLOT},
        runs=[waiting],
        troubles={B.job: trouble} if trouble else {},
        nodes=there,
    )
    assert (jobs_deleted(plan) == [waiting]) is deleted


def test_a_member_that_was_deleted_for_want_of_its_node_says_so() -> None:
    gone = replace(run(B, AttemptState.WAITING), gone=True)
    for runs in ([gone], []):
        plan = look(
            active=(seen(B),),
            status={"last_schedule_time": SLOT},
            runs=runs,
            outcomes={B.job: outcome(success=False, lost=True)},
            nodes=nodes("a", dc="eu"),
        )
        assert [one.reason for one in plan.status.executions] == ["NodeGone"]


def test_a_member_that_is_too_late_fails_instead_of_being_passed_over() -> None:
    late = {"startingDeadlineSeconds": 5}
    plan = look(spec=late, active=(C,), status={"last_schedule_time": SLOT}, now=after(90))
    assert plan.create is not None
    assert plan.create.late
    (change,) = plan.create.otherwise
    assert isinstance(change, Finished)
    assert (change.execution.reason, change.execution.member) == ("DeadlineExceeded", "c")


def manual(request: str = "r1", **fields: Any) -> Plan:
    spec = {"schedule": "@manually", "requests": {request: "2026-03-01T12:00:00Z"}}
    return look(spec=spec, **fields)


def test_a_request_is_placed_like_a_slot_and_forgotten_once_it_is_claimed() -> None:
    create = manual().create
    assert create is not None
    claims = tuple(change.entry for change in create.before if isinstance(change, Started))
    assert [entry.node_name for entry in claims] == ["a", "b", "c"]
    assert {entry.trigger for entry in claims} == {Trigger.MANUAL}
    plan = manual(active=claims, nodes=nodes("a", "b", "c", "d", dc="eu"))
    assert requests_removed(plan) == ["r1"]
    assert plan.create is not None
    assert plan.create.entry == claims[0]


@pytest.mark.parametrize("where", ["runs", "executions"])
def test_a_request_whose_members_have_ended_is_not_decided_again(where: str) -> None:
    create = manual().create
    assert create is not None
    first = create.entry
    traces: dict[str, Any] = {
        "runs": {"runs": [run(first, AttemptState.SUCCEEDED)], "status": {"counted": (first.job,)}},
        "executions": {"status": {"executions": (execution(first),)}},
    }
    plan = manual(**traces[where])
    assert (requests_removed(plan), plan.create) == (["r1"], None)


def test_jobs_of_a_request_that_is_still_asked_for_are_kept() -> None:
    create = manual().create
    assert create is not None
    over = replace(run(create.entry, AttemptState.SUCCEEDED), finished_at=after(1))
    none = {"history": {"successfulJobs": 0}}
    spec: dict[str, Any] = {"schedule": "@manually", **none}
    fields: dict[str, Any] = {
        "status": {"counted": (over.name,), "executions": (execution(create.entry),)},
        "runs": [over],
        "now": after(1000),
    }
    assert jobs_deleted(look(spec={**spec, "requests": {"r1": "2026-03-01T12:00:00Z"}}, **fields)) == []
    assert jobs_deleted(look(spec=spec, **fields)) == [over]


def test_a_request_without_a_node_is_refused_with_the_tags() -> None:
    plan = manual(nodes={})
    (report,) = (report for report in plan.of(Report) if report.reason == "RunRefused")
    assert "dc=eu" in report.message
    assert (plan.wants(WriteStatus), requests_removed(plan)) == (True, [])


# --- how a group ended -----------------------------------------------------------------------------------------------


def attempts(*told: tuple[str, int, bool]) -> list[Execution]:
    return [
        execution(claim(SLOT, member=member, attempt=attempt), success=success) for member, attempt, success in told
    ]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param([("1", 1, True), ("2", 1, True)], GroupStatus.SUCCESS, id="all succeed"),
        pytest.param([("1", 1, False), ("2", 1, False)], GroupStatus.FAILED, id="all fail"),
        pytest.param([("1", 1, True), ("2", 1, False)], GroupStatus.PARTIALLY_FAILED, id="some fail"),
        pytest.param([("1", 1, True), ("2", 1, False), ("2", 2, True)], GroupStatus.SUCCESS, id="a retry mends it"),
        pytest.param([("1", 2, False), ("1", 1, False), ("2", 1, False)], GroupStatus.FAILED, id="retries in vain"),
        pytest.param(
            [("1", 1, True), ("2", 2, False), ("2", 1, False)], GroupStatus.PARTIALLY_FAILED, id="one in vain"
        ),
        pytest.param([("", 1, False), ("", 2, True)], GroupStatus.SUCCESS, id="one alone, mended"),
    ],
)
def test_the_last_attempt_of_each_member_decides(told: list[tuple[str, int, bool]], expected: GroupStatus) -> None:
    assert group_status(attempts(*told)) == expected
    assert group_status(attempts(*told[::-1])) == expected


def test_a_group_has_ended_when_none_of_its_members_is_active() -> None:
    one, two = (claim(SLOT, member=number) for number in "12")
    status = fold_all(JobStatus(), [Started(one), Started(two), Finished(execution(one))], History())
    assert status.status == GroupStatus.NEVER
    status = fold(status, Finished(execution(two, success=False)), History())
    assert status.status == GroupStatus.PARTIALLY_FAILED


def test_a_dropped_retry_ends_the_group_with_what_there_is() -> None:
    one, two = (claim(SLOT, member=number) for number in "12")
    retry = claim(SLOT, member="2", attempt=2)
    changes: list[Change] = [
        Started(one),
        Started(two),
        Finished(execution(one)),
        Finished(execution(two, success=False), retry),
    ]
    status = fold_all(JobStatus(), changes, History())
    assert status.status == GroupStatus.NEVER
    assert fold(status, Dropped(retry.job), History()).status == GroupStatus.PARTIALLY_FAILED


ENDS = st.lists(st.tuples(st.booleans(), st.integers(0, 2)), min_size=1, max_size=12)
"""Of each member: whether its last attempt succeeds, and how many failed before."""


@given(ends=ENDS, limit=st.integers(1, 5), order=st.randoms(use_true_random=False))
def test_a_group_of_more_members_than_are_kept_ends_as_its_members_did(
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
        status = fold(status, Finished(execution(entry, success=success and last), retry), history)
        assert len(status.executions) <= max(limit, 2)
        waiting += [retry] if retry else []
    wanted = {success for success, _ in ends}
    expected = GroupStatus.SUCCESS if wanted == {True} else GroupStatus.FAILED
    assert status.status == (GroupStatus.PARTIALLY_FAILED if len(wanted) > 1 else expected)


def test_trimming_keeps_the_newest_once_no_group_runs() -> None:
    records = [execution(claim(after(60 * minute))) for minute in range(5, 0, -1)]
    assert trimmed(records, limit=3, active=()) == tuple(records[:3])
    assert trimmed(records[:2], limit=3, active=()) == tuple(records[:2])


def test_never_more_is_kept_than_the_resource_takes() -> None:
    groups = [after(60 * minute) for minute in range(200, 0, -1)]
    records = [execution(claim(slot, member="1")) for slot in groups]
    active = [claim(slot, member="2") for slot in groups]
    assert len(trimmed(records, limit=100, active=active)) == 100


def test_a_job_that_has_no_tags_any_more_ignores_what_is_known_of_nodes() -> None:
    job: JobView = job_view()
    assert advance(situation(job, now=SLOT, nodes={})).create is not None
