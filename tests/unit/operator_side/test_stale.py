"""From when on a job has been without a success for too long, and what else is said of one job among all."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest

from dkron_crds.conditions import Condition, ConditionStatus, ConditionType
from dkron_crds.job import Attempt, AttemptState, GroupStatus, JobStatus
from dkron_operator.monitoring.job_summary import JobState, summarize
from dkron_operator.monitoring.staleness import MOST_ABOVE, paces_of, stale_at
from dkron_operator.plan.situation.view import JobView
from tests.support.builders import NOON, after, claim, job_view

MINUTE, HOUR = {"schedule": "@every 60s"}, {"schedule": "@every 3600s", "startingDeadlineSeconds": 15}
WORKDAYS = {"schedule": "0 0 9 * * mon-fri"}
FRIDAY = -51 * 3600 + 300
STARTS, EXPIRES = {"startsAt": "2026-03-01T13:00:00Z"}, {"expiresAt": "2026-03-01T12:01:30Z"}


@pytest.mark.parametrize(
    ("spec", "since", "success", "expected"),
    [
        pytest.param(MINUTE, 0, None, after(120), id="two intervals after it came into force"),
        pytest.param(MINUTE, 0, 60, after(180), id="two intervals after its success"),
        pytest.param(MINUTE, 0, 85, after(205), id="and as long again as the run took"),
        pytest.param(MINUTE, 0, 170, after(290), id="also of one that takes longer than an interval"),
        pytest.param(MINUTE | {"startingDeadlineSeconds": 15}, 0, 60, after(195), id="and its start deadline"),
        pytest.param(MINUTE, 3600, 60, after(3720), id="an edit begins again"),
        pytest.param(WORKDAYS, 0, None, after(hours=45), id="a Sunday is no interval of a workday's job"),
        pytest.param(WORKDAYS, -7 * 86400, FRIDAY, after(300, hours=45), id="from Friday's success to Tuesday"),
        pytest.param({"schedule": "0 0 0 1 1 *"}, 0, None, after(days=670.5), id="a yearly job has two years"),
        pytest.param({"schedule": "@at 2026-03-01T12:01:00Z"}, 0, None, None, id="a single slot is no interval"),
        pytest.param({"schedule": "@manually"}, 0, None, None, id="no slot at all"),
        pytest.param(MINUTE | {"disabled": True}, 0, None, None, id="a disabled job"),
        pytest.param(MINUTE | {"parentJob": "other"}, 0, None, None, id="a job whose parent is missing"),
        pytest.param({"schedule": "every minute"}, 0, None, None, id="a schedule that makes no sense"),
        pytest.param(MINUTE | STARTS, 0, None, after(3660), id="not before it starts"),
        pytest.param(MINUTE | EXPIRES, 0, None, None, id="not when it has expired"),
    ],
)
def test_when_a_job_is_stale(
    spec: dict[str, Any], since: float, success: float | None, expected: datetime | None
) -> None:
    status = JobStatus(since=after(since), last_success=None if success is None else after(success))
    assert stale_at(status, paces_of(job_view(**spec), lambda _: ())) == expected


WAITS = claim(after(60)).model_copy(
    update={"state": AttemptState.QUEUED, "uid": "uid", "queued_at": after(60), "queue": "team-a"}
)
BEGAN = WAITS.model_copy(update={"state": AttemptState.RUNNING, "queue": "", "started_at": after(360)})


@pytest.mark.parametrize(
    ("active", "expected"),
    [
        pytest.param([WAITS], None, id="not while it waits"),
        pytest.param([BEGAN], after(180 + 300), id="the wait does not count"),
        pytest.param([BEGAN, claim(after(120))], after(180 + 300), id="another one did not wait"),
        pytest.param([BEGAN, WAITS], None, id="another one waits"),
    ],
)
def test_a_wait_in_a_queue_does_not_make_a_job_stale(active: list[Attempt], expected: datetime | None) -> None:
    status = JobStatus(since=NOON, last_success=after(60), active=tuple(active))
    assert stale_at(status, [job_view(**MINUTE)]) == expected


@pytest.mark.parametrize(
    ("success", "resumed", "expected"),
    [
        pytest.param(60, 3600, after(3720), id="two intervals after a pause"),
        pytest.param(3630, 3600, after(3750), id="or after a success since"),
    ],
)
def test_a_pause_is_no_time_without_a_success(success: float, resumed: float, expected: datetime) -> None:
    status = JobStatus(since=NOON, last_success=after(success))
    assert stale_at(status, [job_view(**MINUTE)], resumed=after(resumed)) == expected


def test_a_job_that_is_not_in_force_yet_is_not_stale() -> None:
    assert stale_at(JobStatus(), [job_view()]) is None


def family(**specs: dict[str, Any]) -> dict[str, JobView]:
    """Jobs by name, in which they find their parents."""
    return {name: replace(job_view(**spec), uid=name, name=name, dkron_name=name) for name, spec in specs.items()}


def stale_of(jobs: dict[str, JobView], name: str, *, success: float | None = None) -> datetime | None:
    """When the job of this name is stale, whose newest success was so many seconds after noon."""

    def parents_of(job: JobView) -> list[JobView]:
        return [jobs[link.job] for link in job.spec.parents if link.job in jobs]

    last = None if success is None else after(success)
    return stale_at(JobStatus(since=NOON, last_success=last), paces_of(jobs[name], parents_of))


@dataclass(frozen=True)
class Follower:
    """A job `last`, what it follows, and when it is stale if it succeeded `success` seconds after noon."""

    last: dict[str, Any]
    others: dict[str, dict[str, Any]]
    expected: datetime | None = None
    success: float | None = None


A, B = {"parentJob": "a"}, {"parentJob": "b"}
A_FAILS = {"dependsOn": [{"job": "a", "when": "failure"}]}
BOTH = {"dependsOn": [{"job": "a"}, {"job": "b", "when": "always"}]}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Follower(A, {"a": MINUTE}, after(120)), id="two intervals of its parent"),
        pytest.param(Follower(A, {"a": MINUTE}, after(190), 70), id="and as long again as it came after the slot"),
        pytest.param(Follower(B, {"b": A, "a": HOUR}, after(7215)), id="two intervals of the schedule at the top"),
        pytest.param(Follower(BOTH, {"a": MINUTE, "b": HOUR}, after(7215)), id="the slowest of several"),
        pytest.param(Follower(A_FAILS, {"a": MINUTE}), id="a failure that is waited for need not come"),
        pytest.param(Follower(B, {"b": A_FAILS, "a": MINUTE}), id="nor does what follows it"),
        pytest.param(Follower(A, {"a": MINUTE | {"disabled": True}}), id="a parent that is disabled"),
        pytest.param(Follower(A, {"a": {"schedule": "@manually"}}), id="a parent that is run by hand"),
        pytest.param(Follower(A, {"a": {"schedule": "soon"}}), id="a parent that cannot be read"),
        pytest.param(Follower(BOTH, {"a": MINUTE}), id="one of its parents is missing"),
        pytest.param(Follower(A, {"a": {"parentJob": "last"}}), id="a circle"),
        pytest.param(Follower(A | {"disabled": True}, {"a": MINUTE}), id="it is disabled itself"),
    ],
)
def test_when_a_job_that_runs_after_others_is_stale(case: Follower) -> None:
    assert stale_of(family(last=case.last, **case.others), "last", success=case.success) == case.expected


def test_job_in_a_too_long_chain_is_never_stale() -> None:
    chain = {f"j{number}": {"parentJob": f"j{number - 1}"} for number in range(1, MOST_ABOVE + 1)}
    jobs = family(j0=MINUTE, **chain)
    assert stale_of(jobs, f"j{MOST_ABOVE - 1}") == after(120)
    assert stale_of(jobs, f"j{MOST_ABOVE}") is None


def condition(kind: ConditionType, status: ConditionStatus) -> Condition:
    return Condition(type=kind, status=status, reason="Because", last_transition_time=NOON)


BROKEN = condition(ConditionType.READY, ConditionStatus.FALSE)
SLEEPING = condition(ConditionType.SUSPENDED, ConditionStatus.TRUE)
FINE = condition(ConditionType.READY, ConditionStatus.TRUE)


@pytest.mark.parametrize(
    ("spec", "conditions", "expected"),
    [
        pytest.param({}, (), JobState.SCHEDULED, id="a new one"),
        pytest.param({}, (FINE,), JobState.SCHEDULED, id="one that is in order"),
        pytest.param({"parentJob": "other"}, (FINE,), JobState.DEPENDENT, id="one with a parent"),
        pytest.param({"disabled": True}, (), JobState.SUSPENDED, id="a disabled one"),
        pytest.param({}, (SLEEPING,), JobState.SUSPENDED, id="one that has expired"),
        pytest.param({}, (BROKEN,), JobState.INVALID, id="one that the API server refuses"),
        pytest.param({"schedule": "soon"}, (), JobState.INVALID, id="one that cannot be read"),
        pytest.param({"disabled": True}, (BROKEN,), JobState.INVALID, id="what is wrong comes first"),
    ],
)
def test_the_state_of_a_job(spec: dict[str, Any], conditions: tuple[Condition, ...], expected: JobState) -> None:
    found = summarize(job_view(**spec), JobStatus(since=NOON, conditions=conditions, next=after(60)), [job_view()])
    assert found.state is expected
    assert (found.next is not None) == (expected is JobState.SCHEDULED)
    assert (found.stale is not None) == (expected in {JobState.SCHEDULED, JobState.DEPENDENT})


@pytest.mark.parametrize("status", GroupStatus)
def test_a_job_fails_when_its_newest_run_did(status: GroupStatus) -> None:
    bad = (GroupStatus.FAILED, GroupStatus.PARTIALLY_FAILED)
    assert summarize(job_view(), JobStatus(status=status), []).failing is (status in bad)


@pytest.mark.parametrize("status", ConditionStatus)
def test_a_job_is_degraded_while_the_condition_is_true(status: ConditionStatus) -> None:
    told = JobStatus(conditions=(condition(ConditionType.DEGRADED, status),))
    assert summarize(job_view(), told, []).degraded is (status is ConditionStatus.TRUE)
