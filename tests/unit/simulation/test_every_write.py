"""The promise, whatever happens at whichever write: each cause has one Job, or one inline call, and one record."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from dkron_crds.job import Concurrency, GroupStatus, SkipReason, When
from dkron_crds.schedule import parse
from dkron_operator.plan.status import dependencies as dependency_changes
from dkron_operator.plan.steps import dependents as upstream_runs
from tests.simulation.controllers import Course
from tests.simulation.every_write import Story, ask, attempts, dkron_run, inline, job, nodes, status
from tests.simulation.network import Ill
from tests.simulation.plans import Event, What
from tests.simulation.simulation import ZERO, Result

EACH_SECOND, SLOTS, TENS = "* * * * * *", "*/5 * * * * *", "*/10 * * * * *"
EVERY_NODE, TWO_NODES = {"dc": "eu"}, {"dc": "eu:2"}
ALL_FAIL, LONG, LONGER = Course(fails=1.0, lasts=1.0), Course(fails=0.0, lasts=6.0), Course(fails=0.0, lasts=15.0)
STOP_THE_NEXT = Event(at=2.0, what=What.STOP, on="j0", begins=True)


def reasons(result: Result, name: str = "j0") -> list[str]:
    return [execution.reason for execution in status(result, name).executions]


# --- one job ---------------------------------------------------------------------------------------------------------


def every_attempt_was_made_once(result: Result) -> None:
    assert attempts(result) == [("", 1, False), ("", 2, False), ("", 3, False)]
    assert (status(result).error_count, status(result).status) == (3, GroupStatus.FAILED)


def each_request_ran_once(result: Result) -> None:
    assert attempts(result) == [("", 1, True), ("", 1, True)]
    assert status(result).success_count == 2


def each_request_was_refused_and_counted_once(result: Result) -> None:
    skipped = status(result).skipped
    assert (attempts(result), skipped and skipped.count) == ([], 5)


def nothing_follows_what_was_stopped(result: Result) -> None:
    assert (reasons(result), len(attempts(result))) == (["Stopped"], 1)
    assert (status(result).active, status(result).error_count) == ((), 1)


def the_retry_was_stopped_before_it_began(result: Result) -> None:
    assert (reasons(result)[0], len(reasons(result)), attempts(result)) == ("Stopped", 2, [("", 1, False)])
    assert (status(result).active, status(result).error_count, status(result).status) == ((), 2, GroupStatus.FAILED)


def one_was_stopped_and_others_run(result: Result) -> None:
    assert Counter(reasons(result))["Stopped"] == 1
    assert "JobLost" not in reasons(result)


def only_what_is_kept_is_left(result: Result) -> None:
    assert (status(result).success_count, len(status(result).executions)) == (3, 1)


def the_slot_ran_once(result: Result) -> None:
    assert attempts(result) == [("", 1, True)]


def each_end_was_delivered(result: Result) -> None:
    assert set(result.delivered) == {execution.id for execution in status(result).executions}
    assert status(result).outbox == ()
    if all(event.what is not What.KILL for event in result.plan.events):
        assert len(result.delivered) == len(set(result.delivered)), "only a death makes a receiver hear twice"


ONE_JOB = {
    **{
        f"slots, {policy}": Story(
            events=(job(schedule=SLOTS, concurrency=policy),), course=LONG, disturbed=(0, 8), away=True
        )
        for policy in map(str, Concurrency)
    },
    **{
        f"a stop and the next slot, {policy}": Story(
            events=(job(schedule=SLOTS, concurrency=policy), STOP_THE_NEXT), course=LONGER, disturbed=(5.1, 9),
            holds=one_was_stopped_and_others_run,
        )
        for policy in map(str, Concurrency)
    },
    "retries": Story(
        events=(job(retries=2, retryBackoff={"initial": "1s"}), *ask(3.0)), course=ALL_FAIL, disturbed=(3.2, 7),
        holds=every_attempt_was_made_once,
    ),
    "two requests at once": Story(events=(job(), *ask(3.0, 3.0)), disturbed=(2.5, 5), holds=each_request_ran_once),
    "refused requests": Story(
        events=(job(disabled=True), *ask(3.0, 3.0, 3.0, 3.0, 3.0)), disturbed=(2, 9),
        holds=each_request_was_refused_and_counted_once,
    ),
    "a stop": Story(
        events=(job(retries=2), STOP_THE_NEXT, *ask(3.0)), course=LONGER, disturbed=(3.2, 12),
        holds=nothing_follows_what_was_stopped,
    ),
    "a stop of a retry that waits": Story(
        events=(
            job(retries=2, retryBackoff={"initial": "20s"}), *ask(3.0),
            Event(at=7.0, what=What.STOP, on="j0", waits=True),
        ),
        course=ALL_FAIL, disturbed=(7, 12), holds=the_retry_was_stopped_before_it_began, unjudged="A WRONG RECORD",
    ),
    "a small history": Story(
        events=(job(history={"executions": 1, "successfulJobs": 0}), *ask(3.0, 4.0, 5.0)),
        ends=90.0, disturbed=(6, 80), holds=only_what_is_kept_is_left,
    ),
    "one slot, and a wipe when its Job is gone": Story(
        events=(
            job(schedule="@after 2026-03-01T11:59:33Z <PT1H", history={"successfulJobs": 0}),
            Event(at=79.0, what=What.KILL, on="operator-0", lasts=2.0), Event(at=80.0, what=What.WIPE, on="j0"),
        ),
        ends=110.0, disturbed=(0, 90), holds=the_slot_ran_once,
    ),
    "an archive": Story(
        events=(job(schedule=SLOTS, concurrency="forbid", history={"executions": 1}),), course=LONG, disturbed=(10, 13),
        archive_away=(12.0, 20.0), away=True, ends=60.0,
    ),
    "delivery": Story(
        events=(job(schedule=SLOTS, processors={"log": {}}), Event(at=12.0, what=What.DISABLE, on="j0")),
        disturbed=(5, 9), holds=each_end_was_delivered,
    ),
}  # fmt: skip


# --- several nodes ---------------------------------------------------------------------------------------------------


def members(result: Result, *, slot: int) -> list[str]:
    return sorted(run.member for run in result.history.runs if run.slot.second == slot)


def the_members_are_those_that_were_claimed(result: Result) -> None:
    first = members(result, slot=40)
    assert first in (["a", "b"], ["a", "b", "c"]), "who was there when the run was claimed"
    assert Counter(each.slot.second for each in status(result).executions)[40] == len(first)
    assert set(reasons(result)) == {""}


def two_members_ran(result: Result) -> None:
    assert len(members(result, slot=40)) == 2
    assert set(reasons(result)) == {""}


def each_member_made_each_attempt(result: Result) -> None:
    assert attempts(result) == [(node, attempt, False) for node in "ab" for attempt in (1, 2, 3)]
    assert (status(result).error_count, status(result).status) == (6, GroupStatus.FAILED)


def a_member_without_its_node_has_failed(result: Result) -> None:
    assert {name for name, *_ in attempts(result)} >= {"a", "c"}
    assert {(each.member, each.reason) for each in status(result).executions} in (
        {("a", ""), ("b", ""), ("c", "")},
        {("a", ""), ("b", "NodeGone"), ("c", "")},
        {("a", ""), ("c", "")},
    )


def the_newest_group_is_whole(result: Result) -> None:
    assert members(result, slot=50) == ["a", "b", "c"]
    assert set(reasons(result)) <= {"", "Replaced"}


SEVERAL_NODES = {
    "a node comes": Story(
        events=(nodes("ab"), job(schedule=TENS, tags=EVERY_NODE), nodes("abc", at=10.1)),
        ends=28.0, disturbed=(9.5, 10.5), holds=the_members_are_those_that_were_claimed,
    ),
    "a node comes, and two are wanted": Story(
        events=(nodes("ab"), job(schedule=TENS, tags=TWO_NODES, concurrency="forbid"), nodes("abc", at=10.1)),
        ends=28.0, disturbed=(9.5, 10.5), holds=two_members_ran,
    ),
    "a request for each node": Story(
        events=(nodes("ab"), job(tags=EVERY_NODE, retries=2, retryBackoff={"initial": "1s"}), *ask(3.0)),
        course=ALL_FAIL, ends=28.0, disturbed=(4, 5.5), holds=each_member_made_each_attempt,
    ),
    "a node goes": Story(
        events=(nodes("abc"), job(tags=EVERY_NODE), *ask(3.0), nodes("ac", at=3.1)), disturbed=(2.5, 3.3),
        holds=a_member_without_its_node_has_failed, unjudged="A WRONG RECORD",
    ),
    "a group replaces another": Story(
        events=(nodes("abc"), job(schedule=TENS, tags=EVERY_NODE, concurrency="replace")), course=LONG,
        ends=30.0, disturbed=(19.5, 20.2), holds=the_newest_group_is_whole,
    ),
}  # fmt: skip


# --- DkronRuns -------------------------------------------------------------------------------------------------------


def phases(result: Result) -> list[str]:
    return [str(requested.status.phase) for requested in result.requested]


def each_run_was_made_once(result: Result) -> None:
    assert attempts(result) == [("", 1, True)] * 3
    assert (status(result).success_count, {*phases(result)} - {"Succeeded"}) == (3, set())
    assert {requested.status.attempt_count for requested in result.requested} <= {1}


def each_run_was_refused_and_counted_once(result: Result) -> None:
    skipped = status(result).skipped
    assert (attempts(result), skipped and skipped.count, phases(result)) == ([], 3, ["Refused"] * 3)


def the_forced_one_ran_beside(result: Result) -> None:
    # A write without an answer takes seconds. Until then another one may have ended.
    assert sorted(phases(result)) in (["Refused", "Succeeded", "Succeeded"], ["Succeeded"] * 3)
    assert attempts(result) == [("", 1, True)] * phases(result).count("Succeeded")


def no_job_and_the_next_both_ran_it(result: Result) -> None:
    ran = Counter(run.job for run in result.history.runs)
    assert max(ran.values(), default=0) <= 1, ran
    for requested in result.requested:
        reasons = [each.reason for each in requested.status.conditions if each.type in ("Complete", "Failed")]
        assert reasons in (["Succeeded"], ["JobDeleted"])
        assert reasons == ["JobDeleted"] or ran[requested.spec.job]


def each_attempt_had_its_values(result: Result) -> None:
    assert attempts(result) == [("", 1, False), ("", 2, False), ("", 3, False)]
    (requested,) = result.requested
    assert (requested.status.phase, requested.status.attempt_count) == ("Failed", 3)


def no_attempt_followed_the_deletion(result: Result) -> None:
    assert (attempts(result), status(result).active) == ([("", 1, False)], ())


def the_run_has_all_members(result: Result) -> None:
    each_member_made_each_attempt(result)
    (requested,) = result.requested
    assert (requested.status.phase, requested.status.attempt_count) == ("Failed", 6)


PARAMETERS = [{"name": "day"}]
NO_HISTORY = {"executions": 1, "successfulJobs": 0, "failedJobs": 0, "runs": 0}
TWICE: dict[str, Any] = {"retries": 2, "retryBackoff": {"initial": "1s"}}
DKRON_RUNS = {
    "runs": Story(events=(job(), *dkron_run(3.0, 3.0, 4.0)), disturbed=(2.5, 6.5), holds=each_run_was_made_once),
    "runs by three operators": Story(
        events=(job(), *dkron_run(3.0, 3.0, 4.0)), disturbed=(2.9, 3.3), replicas=3, holds=each_run_was_made_once
    ),
    "runs without a history": Story(
        events=(
            job(history=NO_HISTORY), *dkron_run(3.0, 3.0),
            *dkron_run(4.0, ttlSecondsAfterFinished=1),
        ),
        ends=150.0, disturbed=(3, 140), holds=each_run_was_made_once,
    ),
    # Only the Job shows for long that the run was decided.
    "a run whose status is not taken for long": Story(
        events=(
            job(history={**NO_HISTORY, "runs": 20}), *dkron_run(3.0, 3.0, 4.0),
            Event(at=3.1, what=What.ILL, on="operator-0", ill=Ill.REFUSE, calls="write dkronruns", lasts=80.0),
            Event(at=75.0, what=What.KILL, on="operator-0"),
        ),
        ends=170.0, disturbed=(80, 160), holds=each_run_was_made_once,
    ),
    "refused runs": Story(
        events=(job(disabled=True), *dkron_run(3.0, 3.0, 3.0)), disturbed=(2, 9),
        holds=each_run_was_refused_and_counted_once,
    ),
    "a forced run": Story(
        events=(job(concurrency="forbid"), *dkron_run(3.0, 3.5), *dkron_run(4.0, force=True)), course=LONG,
        disturbed=(3, 6), holds=the_forced_one_ran_beside,
    ),
    "a run with parameters": Story(
        events=(job(parameters=PARAMETERS, **TWICE), *dkron_run(3.0, parameters={"day": "1"})), course=ALL_FAIL,
        disturbed=(3.2, 8), away=True, holds=each_attempt_had_its_values,
    ),
    "a run with parameters that is deleted": Story(
        events=(
            job(parameters=PARAMETERS, retries=2, retryBackoff={"initial": "9s"}),
            *dkron_run(3.0, parameters={"day": "1"}), Event(at=8.0, what=What.CANCEL, on="j0"),
        ),
        course=ALL_FAIL, disturbed=(8, 16), holds=no_attempt_followed_the_deletion, unjudged="WRONG ATTEMPTS",
    ),
    "runs whose jobs are created again": Story(
        events=tuple(
            event
            for name, gone in (("a", 3.07), ("b", 3.12), ("c", 3.2))
            for event in (
                job(name), *dkron_run(3.0, of=name),
                Event(at=gone, what=What.DELETE, on=name), job(name, at=gone + 0.02),
            )
        ),
        disturbed=(3, 4), holds=no_job_and_the_next_both_ran_it, unjudged="AN UNEXPLAINED RUN",
    ),
    "a run for each node": Story(
        events=(nodes("ab"), job(tags=EVERY_NODE, **TWICE), *dkron_run(3.0)), course=ALL_FAIL, ends=28.0,
        disturbed=(3, 4.4), holds=the_run_has_all_members,
    ),
}  # fmt: skip


# --- inline calls ----------------------------------------------------------------------------------------------------


def each_slot_was_called_or_counted(result: Result) -> None:
    found, records = status(result), status(result).executions
    assert found.last_schedule_time is not None
    assert not [name for name, times in Counter(result.calls).items() if times > 1], "an attempt is called once"
    assert (found.active, found.window) == ((), None)
    undecided = {each.job for each in records} - {*result.calls}
    assert {*result.calls} <= {each.job for each in records}, "what was called is recorded"
    assert all(each.reason == "Unknown" for each in records if each.job in undecided), "or it is not known"
    schedule = next(each.spec for each in result.history.operations if each.spec is not None).schedule
    due = parse(schedule).count(result.history.sinces[0].since, None, found.last_schedule_time)
    assert len([each for each in records if each.attempt == 1]) + (found.skipped.count if found.skipped else 0) == due
    assert result.history.runs == (), "there is no Job"


def few_are_undecided(result: Result) -> None:
    each_slot_was_called_or_counted(result)
    kills = sum(event.what is What.KILL for event in result.plan.events)
    unanswered = sum(event.what is What.ILL for event in result.plan.events)
    assert Counter(reasons(result))["Unknown"] <= 3 * kills + unanswered, "no more than a window, or a claim in doubt"


def each_attempt_was_called_at_most_once(result: Result) -> None:
    assert not [name for name, times in Counter(result.calls).items() if times > 1]
    assert [each.attempt for each in status(result).executions] == [3, 2, 1]
    assert {*reasons(result)} <= {"Error", "Unknown"}
    assert (status(result).active, status(result).status) == ((), GroupStatus.FAILED)


def each_attempt_of_the_run_was_called_at_most_once(result: Result) -> None:
    each_attempt_was_called_at_most_once(result)
    assert phases(result) == ["Failed"]


def the_call_was_stopped(result: Result) -> None:
    assert (reasons(result), len(result.calls)) == (["Stopped"], 1)
    assert (status(result).active, status(result).error_count) == ((), 1)


def no_call_is_made_twice(result: Result) -> None:
    assert not [name for name, times in Counter(result.calls).items() if times > 1]


DISABLED = Event(at=16.0, what=What.DISABLE, on="j0")
OFTEN = {"schedule": EACH_SECOND, "missedRuns": "all"}
WINDOWS = Story(events=(inline(**OFTEN), DISABLED), disturbed=(7, 10.5), away=True, holds=few_are_undecided)
INLINE = {
    **{
        f"calls, {policy}": Story(
            events=(inline(schedule=SLOTS, concurrency=policy), DISABLED), disturbed=(1.5, 10), away=True,
            holds=each_slot_was_called_or_counted,
        )
        for policy in map(str, Concurrency)
    },
    "calls each second": WINDOWS,
    "calls each second, and an orderly end": replace(
        WINDOWS, events=(*WINDOWS.events, Event(at=9.5, what=What.TERMINATE, on="operator-0", lasts=0.5))
    ),
    "calls each second, and an edit": replace(
        WINDOWS, events=(*WINDOWS.events, Event(at=9.5, what=What.EDIT, on="j0", spec=inline(**OFTEN, retries=1).spec))
    ),
    **{
        # In the second one, the record of a call is lost, and another operator writes that its outcome is not known.
        f"calls by three operators, seed {seed}": Story(
            events=(inline(schedule=EACH_SECOND), DISABLED), disturbed=(6.9, 7.5), replicas=3, seed=seed,
            holds=no_call_is_made_twice,
        )
        for seed in (7, 6)
    },
    "retries of a call": Story(
        events=(inline(retries=2, retryBackoff={"initial": "1s"}), *ask(3.0)), course=ALL_FAIL, disturbed=(3, 4.8),
        holds=each_attempt_was_called_at_most_once,
    ),
    "retries of a call for a DkronRun": Story(
        events=(inline(parameters=PARAMETERS, **TWICE), *dkron_run(3.0, parameters={"day": "1"})), course=ALL_FAIL,
        disturbed=(3, 5), holds=each_attempt_of_the_run_was_called_at_most_once,
    ),
    "a stop of a call": Story(
        events=(inline(retries=2), *ask(3.0), Event(at=3.15, what=What.STOP, on="j0", waits=True)), disturbed=(3.15, 9),
        holds=the_call_was_stopped,
    ),
}  # fmt: skip


# --- jobs after others -----------------------------------------------------------------------------------------------


def runs(result: Result, *names: str) -> list[int]:
    return [len({run.group for run in result.history.runs if run.job == name}) for name in names]


def nothing_is_owed(result: Result) -> None:
    assert all(record.status.ended == () for record in result.history.records)


def the_whole_tree_ran_once(result: Result) -> None:
    assert runs(result, "root", "left", "right", "leaf") == [1, 1, 1, 1]
    nothing_is_owed(result)


def children_follow_the_last_attempt(result: Result) -> None:
    assert runs(result, "root", "success", "failure", "always") == [1, 0, 1, 1]
    last = max(run.end for run in result.history.runs if run.job == "root" and run.end is not None)
    assert all(run.began >= last for run in result.history.runs if run.job != "root"), "not before the last attempt"
    nothing_is_owed(result)


def it_ran_once_for_both(result: Result) -> None:
    assert runs(result, "a", "b", "both") == [3, 2, 2]
    nothing_is_owed(result)


def each_end_has_its_effect_or_is_counted(result: Result) -> None:
    skipped = status(result, "kid").skipped
    assert runs(result, "kid")[0] + (skipped.count if skipped else 0) == runs(result, "root")[0]
    nothing_is_owed(result)


def ephemeral_jobs_go(result: Result) -> None:
    assert [record.job for record in result.history.records] == ["leaf"]
    assert runs(result, "base", "kid", "leaf") == [1, 1, 1]


def what_failed_stays(result: Result) -> None:
    assert [record.job for record in result.history.records] == ["base", "kid", "leaf"]
    assert runs(result, "base", "kid", "leaf") == [1, 0, 0]


def it_follows_its_new_parent(result: Result) -> None:
    assert runs(result, "a", "b", "kid") == [1, 2, 1]
    nothing_is_owed(result)


def it_follows_both_parents_of_that_name(result: Result) -> None:
    assert runs(result, "root", "kid") == [2, 2]


def the_late_one_does_not_run(result: Result) -> None:
    assert runs(result, "root", "kid", "late") == [1, 1, 0]
    nothing_is_owed(result)


TREE = (
    job("root"), job("left", parentJob="root"), job("right", parentJob="root", retries=1),
    job("leaf", parentJob="left"), *ask(4.0, of="root"),
)  # fmt: skip
EPHEMERAL = (
    job("base", ephemeral=True), job("kid", parentJob="base", ephemeral=True),
    job("leaf", dependsOn=[{"job": "kid", "when": "always"}], retries=1), *ask(4.0, of="base"),
)  # fmt: skip
AFTER_OTHERS = {
    "a tree": Story(events=TREE, disturbed=(5.8, 6.5), ends=28.0, holds=the_whole_tree_ran_once),
    "each kind of end": Story(
        events=(
            job("root", retries=1, retryBackoff={"initial": "1s"}),
            *(job(when, dependsOn=[{"job": "root", "when": when}]) for when in map(str, When)), *ask(4.0, of="root"),
        ),
        course=ALL_FAIL, disturbed=(7.2, 7.57), ends=28.0, holds=children_follow_the_last_attempt,
    ),
    "two parents": Story(
        events=(
            job("a"), job("b"), job("both", dependsOn=[{"job": "a"}, {"job": "b"}]),
            *ask(4.0, 7.0, 22.0, of="a"), *ask(10.0, 16.0, of="b"),
        ),
        disturbed=(11.2, 11.6), ends=36.0, holds=it_ran_once_for_both,
    ),
    "an ephemeral job": Story(events=EPHEMERAL, disturbed=(6, 7), ends=30.0, holds=ephemeral_jobs_go),
    "an ephemeral job that fails": Story(
        events=EPHEMERAL, course=ALL_FAIL, disturbed=(4.3, 7), ends=28.0, holds=what_failed_stays
    ),
    "another parent": Story(
        events=(
            job("a"), job("b"), job("kid", parentJob="a"), *ask(4.0, 16.0, of="b"), *ask(12.0, of="a"),
            Event(at=9.0, what=What.EDIT, on="kid", spec=job("kid", parentJob="b").spec),
        ),
        disturbed=(9, 12.2), ends=32.0, holds=it_follows_its_new_parent,
    ),
    "a parent that is created again": Story(
        events=(
            job("root"), job("kid", parentJob="root"), *ask(4.0, 14.0, of="root"),
            Event(at=9.0, what=What.DELETE, on="root"), job("root", at=10.0),
        ),
        disturbed=(9, 11.5), ends=32.0, holds=it_follows_both_parents_of_that_name,
    ),
    "wiped statuses": Story(
        events=(
            *TREE, *(Event(at=at, what=What.WIPE, on=name) for at, name in ((12, "root"), (14, "left"), (16, "leaf")))
        ),
        disturbed=(11.9, 17), ends=36.0, holds=the_whole_tree_ran_once,
    ),
    "a busy child that forbids": Story(
        events=(job("root"), job("kid", parentJob="root", concurrency="forbid"), *ask(4.0, 4.1, 4.2, of="root")),
        course=LONG, disturbed=(4.3, 6.5), ends=28.0, holds=each_end_has_its_effect_or_is_counted,
    ),
    "a child that comes later": Story(
        events=(job("root"), job("kid", parentJob="root"), *ask(4.0, of="root"), job("late", parentJob="root", at=6.0)),
        disturbed=(5, 6.5), ends=28.0, holds=the_late_one_does_not_run,
    ),
}  # fmt: skip

# --- two tenants -----------------------------------------------------------------------------------------------------


FLOOD = 7


def the_flood_is_late_and_the_canary_is_not(result: Result) -> None:
    late: dict[str, list[float]] = {}
    for run in result.history.runs:
        assert run.created is not None
        late.setdefault(run.job.partition("-")[0], []).append((run.created - run.slot).total_seconds())
    assert {status(result, f"neighbour-{n}").skipped for n in range(FLOOD)} == {None}, "what waits is not skipped"
    assert max(late["neighbour"]) > 1.5, "there is a budget"
    if not any(event.is_fault for event in result.plan.events):
        assert max(late["canary"]) < 0.5


def every_second(result: Result, job: str) -> None:
    slots = sorted(run.slot for run in result.history.runs if run.job == job)
    assert len(slots) > 20
    assert {(after - before).total_seconds() for before, after in pairwise(slots)} == {1.0}, "none lost, none twice"


def the_namespace_is_gone_and_the_canary_kept_its_time(result: Result) -> None:
    (end,) = (event for event in result.plan.events if event.what is What.DELETE_NAMESPACE)
    begin, gone = (ZERO + timedelta(seconds=second) for second in (end.at, end.ends + 2.0))
    every_second(result, "canary")
    assert status(result, "canary").skipped is None
    assert [record.job for record in result.history.records] == ["canary"]
    of_neighbours = [run.created for run in result.history.runs if run.job.startswith("neighbour") and run.created]
    assert of_neighbours, "they ran before"
    assert max(of_neighbours) < begin, "it took nothing new"
    creates = [at for at, call in result.writes if call == "create jobs" and ZERO + timedelta(seconds=at) > gone]
    ran = [run for run in result.history.runs if run.created and run.created > gone]
    assert len(creates) <= len(ran) + 1, "the operator tries no more"
    if not any(event.is_fault for event in result.plan.events):
        delays = [run.created - run.slot for run in result.history.runs if run.job == "canary" and run.created]
        assert max(delays) < timedelta(seconds=0.5)
        (refused,) = (fault.hits for fault in result.history.faults if fault.what == "deletion of namespace neighbour")
        assert len(refused) == len(set(refused)) > 3, "what was refused is not tried again"


def namespace_ends(*kinds: str, disturbed: tuple[float, float]) -> Story:
    """The namespace of the neighbours takes nothing new from second 8.5 on. In it the slots :40 and :45 come due, and a
    retry, until it loses these kinds from second 16.5 on."""
    gone = Event(at=8.5, what=What.DELETE_NAMESPACE, on="neighbour", lasts=8.0, spec={"kinds": kinds})
    jobs = (
        job("canary", schedule=EACH_SECOND, missedRuns="all"),
        job("neighbour-allows", schedule=SLOTS, retries=2, retryBackoff={"initial": "4s"}),
        job("neighbour-forbids", schedule=SLOTS, concurrency="forbid", missedRuns="all"),
    )
    return Story(
        events=(*jobs, gone), course=ALL_FAIL, disturbed=disturbed, ends=28.0,
        holds=the_namespace_is_gone_and_the_canary_kept_its_time,
    )  # fmt: skip


TENANTS = {
    "a namespace is deleted, its jobs first": namespace_ends("dkronjobs", "jobs", disturbed=(9.95, 10.05)),
    "a namespace is deleted, its Jobs first": namespace_ends("jobs", "dkronjobs", disturbed=(16.45, 17.6)),
    "one of two namespaces floods": Story(
        events=(
            job("canary", schedule=EACH_SECOND),
            *(job(f"neighbour-{n}", schedule=TENS) for n in range(FLOOD)),
        ),
        creates=1.0, disturbed=(9.99, 10.1), ends=28.0, holds=the_flood_is_late_and_the_canary_is_not,
        unjudged="A RUN AT THE WRONG TIME",
    ),
}  # fmt: skip

# --- pauses ----------------------------------------------------------------------------------------------------------


def pause(of: str = "j0", **how: bool) -> Event:
    """From second 6.2 to second 18.2: of the slots of every five seconds, it holds the slots :40 and :45."""
    return Event(at=6.2, what=What.PAUSE, on=of, lasts=12.0, spec=how)


def seconds(result: Result) -> set[int]:
    return {run.slot.second for run in result.history.runs}


def nothing_of_the_pause_ran(result: Result) -> None:
    assert not seconds(result) & {40, 45}
    assert (status(result).skipped, status(result).paused) != (None, None)


def what_came_due_until_it_was_seen_to_be_over_was_dropped(result: Result) -> None:
    assert not seconds(result) & {40, 45, 50, 55}
    skipped = status(result).skipped
    assert skipped is not None
    assert (skipped.count, skipped.last_reason) == (4, SkipReason.PAUSED)


def one_run_stood_for_all(result: Result) -> None:
    skipped = status(result, "kid").skipped
    assert (runs(result, "root", "kid"), skipped and skipped.count) == ([3, 1], 2)
    assert all(run.began.second >= 48 for run in result.history.runs if run.job == "kid"), "after the pause"
    nothing_is_owed(result)


def none_followed(result: Result) -> None:
    skipped = status(result, "kid").skipped
    assert (runs(result, "root", "kid"), skipped and skipped.count) == ([3, 0], 3)
    nothing_is_owed(result)


def the_forced_request_ran(result: Result) -> None:
    skipped = status(result).skipped
    assert (attempts(result), skipped and (skipped.count, skipped.last_reason)) == (
        [("", 1, True)], (2, SkipReason.PAUSED)
    )  # fmt: skip


KID = (job("root"), job("kid", parentJob="root"), *ask(7.0, 9.0, 11.0, of="root"))
PAUSES = {
    **{
        f"a pause, {missed}": Story(
            events=(job(schedule=SLOTS, missedRuns=missed), pause(until=until)), disturbed=(6, 19.5), ends=40.0,
            away=True,
        )
        for missed, until in (("all", False), ("latest", True), ("skip", False))
    },
    "a pause that drops": Story(
        events=(job(schedule=SLOTS, missedRuns="all"), pause(drop=True)), disturbed=(6, 19.5), ends=40.0, away=True,
        holds=nothing_of_the_pause_ran,
    ),
    "the end of a pause that drops, unseen": Story(
        events=(
            job(schedule=SLOTS, missedRuns="all"), pause(drop=True),
            # A write that got no answer has been made again by then.
            Event(at=17.0, what=What.KILL, on="operator-0", lasts=11.0),
        ),
        disturbed=(6, 29.5), ends=45.0, holds=what_came_due_until_it_was_seen_to_be_over_was_dropped,
    ),
    "a pause of calls": Story(
        events=(inline(schedule=SLOTS, missedRuns="all"), pause(), Event(at=24.0, what=What.DISABLE, on="j0")),
        disturbed=(6, 19.5), ends=40.0, holds=each_slot_was_called_or_counted,
    ),
    "a pause of a child": Story(
        events=(*KID, pause("kid")), disturbed=(17, 19.5), ends=36.0, holds=one_run_stood_for_all
    ),
    "a pause of a child that drops": Story(
        events=(*KID, pause("kid", drop=True)), disturbed=(12.5, 19.5), ends=36.0, holds=none_followed
    ),
    "requests in a pause": Story(
        events=(job(), pause(), *ask(8.0, 9.0), Event(at=10.0, what=What.RUN, on="j0", force=True)),
        disturbed=(7, 12), ends=30.0, holds=the_forced_request_ran,
    ),
}  # fmt: skip

STORIES = {**ONE_JOB, **DKRON_RUNS, **SEVERAL_NODES, **INLINE, **AFTER_OTHERS, **TENANTS, **PAUSES}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_death_at_any_write_loses_and_doubles_nothing(story: Story) -> None:
    assert story.check() > 1


def test_ends_beyond_a_full_status_act_or_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (upstream_runs, dependency_changes):
        monkeypatch.setattr(module, "MAX_ENDED", 2)
    events = (job("root"), job("kid", parentJob="root"), *ask(*([4.0] * 6), of="root"))
    holds = each_end_has_its_effect_or_is_counted
    assert Story(events=events, disturbed=(5.4, 6.0), ends=30.0, holds=holds).check() > 1
