"""Clean-up: what is kept, for how long, and what protects a name."""

from typing import Any

import pytest

from dkron_crds.job import AttemptState, JobStatus
from dkron_operator.plan.advance import advance
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.view import AttemptJob
from tests.support.builders import NOON, after, claim, execution, job_view, request_claim, run, situation
from tests.support.plans import jobs_deleted, outcomes_read, requests_removed

LONG_AFTER = after(hours=1)
NONE = {"successfulJobs": 0, "failedJobs": 0}


def ended(second: int, state: AttemptState = AttemptState.SUCCEEDED, **fields: Any) -> AttemptJob:
    return run(claim(after(second)), state, **fields)


def look(*runs: AttemptJob, status: dict[str, Any] | None = None, **spec: Any) -> Plan:
    """With every one of these Jobs recorded, unless `status` says otherwise."""
    fields = {name: spec.pop(name) for name in ("now", "persisted", "absent") if name in spec}
    job = job_view(**{"schedule": "@manually", **spec})
    known = {"counted": tuple(job.name for job in runs), "last_schedule_time": after(999)} if status is None else status
    whole = JobStatus(since=NOON, fingerprint=job.fingerprint, **known)
    return advance(situation(job, whole, runs=list(runs), **{"now": LONG_AFTER, **fields}))


def deleted(plan: Plan) -> list[str]:
    return sorted(job.name for job in jobs_deleted(plan))


def names(*seconds: int) -> list[str]:
    return sorted(claim(after(second)).job for second in seconds)


@pytest.mark.parametrize(
    ("history", "gone"),
    [
        pytest.param({}, [1, 2, 20, 10], id="by default three successes and one failure"),
        pytest.param({"successfulJobs": 0}, [1, 2, 3, 4, 5, 20, 10], id="no success"),
        pytest.param({"successfulJobs": 1, "failedJobs": 2}, [1, 2, 3, 4, 10], id="one success and two failures"),
        pytest.param({"successfulJobs": 5, "failedJobs": 3}, [], id="all"),
    ],
)
def test_history_decides_which_jobs_are_kept(history: dict[str, int], gone: list[int]) -> None:
    failures = [ended(second, AttemptState.FAILED) for second in (10, 20, 30)]
    plan = look(*failures, *(ended(second) for second in (3, 1, 2, 4, 5)), history=history)
    assert deleted(plan) == names(*gone)


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [pytest.param({}, 65, id="its end"), pytest.param({"finished_at": None}, 60, id="its creation, without an end")],
)
def test_a_job_is_kept_for_a_minute_after(fields: dict[str, Any], seconds: int) -> None:
    job = ended(0, AttemptState.FAILED, **fields)
    early = look(job, now=after(seconds - 1), history=NONE)
    assert (deleted(early), early.wake) == ([], after(seconds))
    assert deleted(look(job, now=after(seconds), history=NONE)) == names(0)


def test_a_job_is_kept_until_its_record_is_written() -> None:
    plan = look(ended(0), persisted=JobStatus(), history=NONE)
    assert deleted(plan) == []
    assert plan.wake is not None
    assert plan.wake > LONG_AFTER


@pytest.mark.parametrize(
    "job",
    [
        pytest.param(ended(0, deleting=True), id="is being deleted"),
        pytest.param(ended(0, gone=True), id="is gone"),
        pytest.param(run(claim()), id="runs"),
    ],
)
def test_a_job_is_not_deleted_that(job: AttemptJob) -> None:
    assert deleted(look(job, history=NONE)) == []


def test_job_is_deleted_only_if_recorded_or_counted() -> None:
    plan = look(ended(0), status={}, history=NONE)
    assert (deleted(plan), outcomes_read(plan)) == ([], names(0))
    assert deleted(look(ended(0), status={"executions": (execution(claim()),)}, history=NONE)) == names(0)


def test_job_of_a_request_is_kept_while_the_request_exists() -> None:
    asked = run(request_claim("a"), AttemptState.SUCCEEDED)
    standing = look(asked, requests={"a": "2026-03-01T12:00:00Z"}, history=NONE)
    assert (deleted(standing), requests_removed(standing)) == ([], ["a"])
    assert deleted(look(asked, history=NONE)) == [asked.name]


def test_names_of_deleted_jobs_are_dropped_with_another_write() -> None:
    fields: dict[str, Any] = {"status": {"counted": ("gone", claim().job)}, "absent": frozenset({"gone"})}
    first = look(ended(0), now=after(6), **fields)
    assert first.status.counted == (claim().job,), "the conditions were written anyway"
    again = first.status.model_copy(update={"counted": ("gone", claim().job)})
    job = first.situation.job
    quiet = advance(situation(job, again, runs=[ended(0)], now=after(7), absent=frozenset({"gone"})))
    assert (quiet.changes, quiet.status.counted) == ([], ("gone", claim().job))


def test_unseen_job_names_are_looked_up_before_they_are_dropped() -> None:
    plan = look(status={"counted": ("unseen",)}, now=after(6))
    assert (outcomes_read(plan), plan.status.counted) == (["unseen"], ("unseen",))
    quiet = advance(situation(plan.situation.job, plan.status, now=after(7)))
    assert (quiet.changes, outcomes_read(quiet)) == ([], []), "there is time until the next write"
