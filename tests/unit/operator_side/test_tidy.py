"""Clean-up: what is kept, for how long, and what protects a name."""

from datetime import datetime
from typing import Any

import pytest

from dkron_crds.job import JobStatus
from dkron_operator.plan.advance import advance
from dkron_operator.plan.cause import requested
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.view import AttemptJob, AttemptState
from tests.support.builders import NOON, UID, after, claim, execution, job_view, run, situation
from tests.support.plans import jobs_deleted, outcomes_read, requests_removed

LONG_AFTER = after(hours=1)


def ended(second: int, state: AttemptState = AttemptState.SUCCEEDED, **fields: Any) -> AttemptJob:
    return run(claim(after(second)), state, finished_at=after(second + 5), **fields)


def look(*runs: AttemptJob, now: datetime = LONG_AFTER, written: bool = True, **spec: Any) -> Plan:
    """With every one of these Jobs recorded."""
    job = job_view(**{"schedule": "@manually", **spec})
    counted = tuple(job.name for job in runs)
    status = JobStatus(since=NOON, fingerprint=job.fingerprint, counted=counted, last_schedule_time=after(999))
    persisted = status if written else JobStatus()
    return advance(situation(job, status, runs=list(runs), now=now, persisted=persisted))


def deleted(plan: Plan) -> list[str]:
    return [job.name for job in jobs_deleted(plan)]


def names(*seconds: int) -> list[str]:
    return [claim(after(second)).job for second in seconds]


def test_by_default_three_successes_and_one_failure_are_kept() -> None:
    failures = [ended(second, AttemptState.FAILED) for second in (10, 20, 30)]
    successes = [ended(second) for second in (1, 2, 3, 4, 5)]
    assert sorted(deleted(look(*failures, *successes))) == sorted(names(20, 10, 2, 1))


@pytest.mark.parametrize(
    ("history", "gone"),
    [
        pytest.param({"successfulJobs": 0}, [1, 2, 3], id="none"),
        pytest.param({"successfulJobs": 1}, [1, 2], id="one"),
        pytest.param({"successfulJobs": 3}, [], id="all"),
    ],
)
def test_history_says_how_many_are_kept(history: dict[str, int], gone: list[int]) -> None:
    plan = look(ended(3), ended(1), ended(2), history=history)
    assert sorted(deleted(plan)) == sorted(names(*gone))


def test_a_job_is_kept_for_a_minute_after_its_end() -> None:
    early = look(ended(0), now=after(64), history={"successfulJobs": 0})
    assert (deleted(early), early.wake) == ([], after(65))
    assert deleted(look(ended(0), now=after(65), history={"successfulJobs": 0})) == names(0)


def test_the_minute_begins_with_the_creation_where_no_end_is_told() -> None:
    job = run(claim(), AttemptState.FAILED, finished_at=None)
    assert deleted(look(job, now=after(60), history={"failedJobs": 0})) == [job.name]


def test_a_job_is_kept_until_its_record_is_written() -> None:
    plan = look(ended(0), written=False, history={"successfulJobs": 0})
    assert deleted(plan) == []
    assert plan.wake is not None
    assert plan.wake > LONG_AFTER


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"deleting": True}, id="one that is being deleted"),
        pytest.param({"gone": True}, id="one that is gone"),
    ],
)
def test_a_job_is_not_deleted_again(fields: dict[str, Any]) -> None:
    assert deleted(look(ended(0, **fields), history={"successfulJobs": 0})) == []


def test_a_job_that_is_not_recorded_is_never_deleted() -> None:
    job = job_view(schedule="@manually", history={"successfulJobs": 0})
    plan = advance(situation(job, runs=[ended(0)], now=LONG_AFTER))
    assert (deleted(plan), outcomes_read(plan)) == ([], names(0))


def test_a_job_that_runs_is_never_deleted() -> None:
    assert deleted(look(run(claim()), history={"successfulJobs": 0, "failedJobs": 0})) == []


def test_the_job_of_a_request_is_kept_as_long_as_the_request_stands_there() -> None:
    entry = requested("a", NOON).entry(uid=UID, name="backup", at=NOON)
    asked = run(entry, AttemptState.SUCCEEDED)
    history = {"successfulJobs": 0}
    standing = look(asked, requests={"a": "2026-03-01T12:00:00Z"}, history=history)
    assert deleted(standing) == []
    assert requests_removed(standing) == ["a"]
    assert deleted(look(asked, history=history)) == [asked.name]


def test_a_record_in_the_history_protects_as_well_as_a_count() -> None:
    job = job_view(schedule="@manually", history={"successfulJobs": 0})
    status = JobStatus(since=NOON, fingerprint=job.fingerprint, executions=(execution(claim()),))
    assert deleted(advance(situation(job, status, runs=[ended(0)], now=LONG_AFTER))) == names(0)


def test_names_of_jobs_that_are_gone_leave_with_a_write_that_is_made_anyway() -> None:
    job = job_view(schedule="@manually")
    status = JobStatus(since=NOON, fingerprint=job.fingerprint, counted=("gone", claim().job))
    gone = frozenset({"gone"})
    first = advance(situation(job, status, runs=[ended(0)], now=after(6), absent=gone))
    assert first.status.counted == (claim().job,), "the conditions were written anyway"
    again = first.status.model_copy(update={"counted": ("gone", claim().job)})
    quiet = advance(situation(job, again, runs=[ended(0)], now=after(7), absent=gone))
    assert (quiet.changes, quiet.status.counted) == ([], ("gone", claim().job))


def test_names_of_jobs_that_were_not_seen_are_asked_for_before_they_are_forgotten() -> None:
    job = job_view(schedule="@manually")
    status = JobStatus(since=NOON, fingerprint=job.fingerprint, counted=("unseen",))
    plan = advance(situation(job, status, now=after(6)))
    assert (outcomes_read(plan), plan.status.counted) == (["unseen"], ("unseen",))
    quiet = advance(situation(job, plan.status, now=after(7)))
    assert (quiet.changes, outcomes_read(quiet)) == ([], []), "there is time until the next write"
