"""Runs that people ask for."""

from dataclasses import replace
from typing import Any

import pytest

from dkron_crds.job import Active, JobStatus, SkipReason
from dkron_crds.status import MAX_REFUSED
from dkron_operator.plan.actions import CreateJob, Report, WriteStatus
from dkron_operator.plan.advance import advance
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.view import AttemptJob, AttemptState
from tests.support.builders import NOON, after, claim, execution, job_view, request_claim, run, seen, situation
from tests.support.plans import requests_removed
from tests.support.steps import settle, steps

AT = "2026-03-01T12:00:00Z"


def look(
    requests: dict[str, str] | None = None,
    *,
    status: dict[str, Any] | None = None,
    runs: tuple[AttemptJob, ...] = (),
    seconds: float = 2,
    **spec: Any,
) -> Plan:
    job = job_view(schedule="@manually", requests={"a": AT} if requests is None else requests, **spec)
    given = {"since": NOON, "fingerprint": "-" if job.problem else job.fingerprint, **(status or {})}
    return advance(situation(job, JobStatus(**given), runs=list(runs), now=after(seconds)))


def refusal(plan: Plan) -> str:
    (report,) = [report for report in plan.of(Report) if report.reason == "RunRefused"]
    return f"{report.subject}: {report.message}"


def asked(request: str = "a", seconds: float = 0) -> Active:
    """What a request at noon becomes when it is seen: it starts when it was asked for, or so much later."""
    return replace_start(request_claim(request), seconds)


def replace_start(entry: Active, seconds: float) -> Active:
    began = after(seconds)
    nanoseconds = int(began.timestamp()) * 10**9
    return entry.model_copy(update={"started_at": began, "id": f"{nanoseconds}-{entry.job}"})


def test_request_becomes_a_job_before_its_annotation_goes() -> None:
    plan = look()
    assert plan.create == CreateJob(asked())
    assert requests_removed(plan) == []
    assert plan.status.last_schedule_time is None


@pytest.mark.parametrize(
    ("seen_at", "starts"),
    [
        pytest.param(0, 0, id="at once"),
        pytest.param(600, 0, id="ten minutes later"),
        pytest.param(601, 601, id="too late to be believed"),
        pytest.param(-5, 0, id="by a clock that is behind"),
        pytest.param(-6, -6, id="by a clock that is too far behind"),
    ],
)
def test_run_starts_at_its_request_so_that_its_id_is_known(seen_at: float, starts: float) -> None:
    plan = look(seconds=seen_at)
    assert plan.create is not None
    assert plan.create.entry == asked(seconds=starts)


def test_request_with_an_existing_job_is_removed() -> None:
    plan = look(runs=(run(asked()),))
    assert (plan.create, requests_removed(plan)) == (None, ["a"])
    assert plan.status.active == (seen(asked()),)


@pytest.mark.parametrize("where", ["executions", "counted"])
def test_request_with_a_recorded_job_is_removed(where: str) -> None:
    known = {"executions": (execution(asked()),), "counted": (asked().job,)}
    plan = look(status={where: known[where]})
    assert (plan.create, requests_removed(plan)) == (None, ["a"])


def test_a_request_that_is_claimed_waits_for_its_claim() -> None:
    plan = look(status={"active": (asked(),)}, concurrency="forbid")
    assert plan.create is not None
    assert plan.create.before == (), "the claim is completed, not made again"
    assert (requests_removed(plan), plan.of(Report)) == ([], [])


def test_two_simultaneous_requests_become_two_jobs_in_turn() -> None:
    both = {"a": AT, "b": AT}
    first = look(both)
    assert first.create == CreateJob(asked("a"))
    second = look(both, runs=(run(asked("a")),))
    assert second.create == CreateJob(asked("b"))
    assert requests_removed(second) == ["a"]
    assert asked("a").job != asked("b").job


def test_a_request_under_forbid_is_claimed_first() -> None:
    plan = look(concurrency="forbid")
    assert plan.create is not None
    assert [change.entry for change in plan.create.before] == [asked()]  # type: ignore[union-attr]


def test_request_replaces_active_runs_and_pending_retries() -> None:
    running, waiting = seen(claim(after(-120))), claim(after(-60), attempt=2, at=after(600))
    plan = look(status={"active": (running, waiting)}, runs=(run(running),), concurrency="replace")
    assert plan.create is not None
    assert [job.name for job in plan.create.replaces] == [running.job]
    assert [getattr(change, "job", None) for change in plan.create.before] == [waiting.job, None]


@pytest.mark.parametrize(
    ("spec", "says", "reason"),
    [
        pytest.param({"disabled": True}, "the job is disabled", SkipReason.DISABLED, id="the job is disabled"),
        pytest.param({"command": ""}, "command: missing", SkipReason.NOT_READY, id="the spec is broken"),
        pytest.param({"schedule": "99 * * * * *"}, "second", SkipReason.NOT_READY, id="the schedule is broken"),
    ],
)
def test_a_request_is_refused_when(spec: dict[str, Any], says: str, reason: SkipReason) -> None:
    job = job_view(requests={"a": AT}, **{"schedule": "@manually", **spec})
    status = JobStatus(since=NOON, fingerprint="-" if job.problem else job.fingerprint)
    plan = advance(situation(job, status, now=after(2)))
    assert (plan.create, requests_removed(plan), plan.wants(WriteStatus)) == (None, [], True)
    assert says in refusal(plan)
    assert refusal(plan).startswith("run.dkron.io/a: ")
    assert plan.status.skipped is not None
    assert plan.status.skipped.last_reason == reason


def test_request_for_a_busy_forbid_job_is_refused_and_counted() -> None:
    running = seen(claim(after(-60)))
    plan = look(status={"active": (running,)}, runs=(run(running),), concurrency="forbid")
    assert (plan.create, requests_removed(plan)) == (None, [])
    assert "its concurrency is forbid" in refusal(plan)
    assert plan.status.skipped is not None
    assert (plan.status.skipped.count, plan.status.skipped.last_reason) == (1, SkipReason.CONCURRENCY_FORBIDDEN)


def test_forced_request_runs_beside_a_busy_forbid_job() -> None:
    running = seen(claim(after(-60)))
    forced = {"a": f"{AT} force by a test"}
    plan = look(forced, status={"active": (running,)}, runs=(run(running),), concurrency="forbid")
    assert plan.create is not None
    assert plan.create.entry == asked()
    assert (len(plan.create.before), plan.create.replaces, plan.of(Report)) == (1, (), [])


def test_request_beyond_the_active_limit_is_refused() -> None:
    many = tuple(seen(claim(after(-second))) for second in range(1, 1001))
    plan = look(status={"active": many}, runs=tuple(run(entry) for entry in many))
    assert (plan.create, requests_removed(plan)) == (None, [])
    assert "1000 of its attempts are active" in refusal(plan)


def test_forbid_job_with_an_unrecorded_end_accepts_a_request() -> None:
    over = seen(claim(after(-60)))
    plan = look(status={"active": (over,)}, runs=(run(over, AttemptState.SUCCEEDED),), concurrency="forbid")
    assert plan.create is not None


@pytest.mark.parametrize("text", ["now", "2026-03-01T12:00:00", "1969-01-01T00:00:00Z", "9999-01-01T00:00:00Z", ""])
def test_request_without_a_readable_time_is_refused(text: str) -> None:
    plan = look({"a": text})
    assert (plan.create, requests_removed(plan), plan.status.skipped) == (None, ["a"], None)
    assert f'"{text}" does not begin with an RFC 3339 time' in refusal(plan)


def test_a_bad_request_does_not_hold_up_a_good_one() -> None:
    plan = look({"bad": "soon", "a": AT})
    assert plan.create == CreateJob(asked("a"))
    assert requests_removed(plan) == ["bad"]


@pytest.mark.parametrize("spec", [{"startsAt": "2030-01-01T00:00:00Z"}, {"expiresAt": "2020-01-01T00:00:00Z"}])
def test_dates_do_not_matter_to_a_request(spec: dict[str, Any]) -> None:
    assert look(**spec).create == CreateJob(asked())


@pytest.mark.parametrize("second", [AT, "2026-03-01T12:00:01Z", "2026-03-01T11:59:59Z"])
def test_refusal_with_a_stuck_annotation_is_not_counted_again(second: str) -> None:
    job = job_view(schedule="@manually", requests={"a": AT, "b": second}, disabled=True)
    first = advance(situation(job, JobStatus(since=NOON, fingerprint=job.fingerprint), now=after(2)))
    assert first.status.skipped is not None
    assert first.status.skipped.count == 2
    again = advance(situation(job, first.status, now=after(3)))
    assert again.status.skipped == first.status.skipped
    assert sorted(requests_removed(again)) == ["a", "b"]
    assert [report for report in again.of(Report) if report.reason == "RunRefused"] == []


def test_unwritten_refusal_keeps_its_annotation() -> None:
    job = job_view(schedule="@manually", requests={"a": AT}, disabled=True)
    written = JobStatus(since=NOON, fingerprint=job.fingerprint)
    first = advance(situation(job, written, now=after(2)))
    again = advance(situation(job, first.status, persisted=written, now=after(3)))
    assert (requests_removed(again), again.wants(WriteStatus), again.changes) == ([], True, [])


def test_refusal_is_forgotten_by_a_later_write() -> None:
    job = job_view(schedule="@manually", requests={"a": AT}, disabled=True)
    first = advance(situation(job, JobStatus(since=NOON, fingerprint=job.fingerprint), now=after(2)))
    silent = replace(job, requests=())
    assert advance(situation(silent, first.status, now=after(3))).changes == [], "it is no reason for a write"
    later = replace(silent, requests=job_view(requests={"b": AT}).requests)
    assert advance(situation(later, first.status, now=after(3))).status.refused == (request_claim("b").job,)


def test_many_refusals_count_once_each_and_few_are_remembered() -> None:
    requests = {f"r{number}": AT for number in range(MAX_REFUSED + 50)}
    job = job_view(schedule="@manually", disabled=True, requests=requests)
    *_, (end, _) = found = list(steps(situation(job, now=after(2))))
    assert end.status.skipped is not None
    assert (end.job.requests, end.status.skipped.count) == ((), MAX_REFUSED + 50)
    assert max(len(at.status.refused) for at, _ in found) <= MAX_REFUSED


def test_refusals_of_new_requests_make_room_for_the_oldest() -> None:
    """As a user may write them; the operator refuses the oldest requests first."""
    names = [f"r{number:03}" for number in range(MAX_REFUSED + 150)]
    job = job_view(schedule="@manually", disabled=True, requests=dict.fromkeys(names, AT))
    refused = tuple(request_claim(name).job for name in names[-MAX_REFUSED:])
    end = settle(situation(job, JobStatus(refused=refused), now=after(2)))[0]
    assert end.status.skipped is not None
    assert (end.job.requests, end.status.skipped.count) == ((), 150)


def test_a_job_that_is_being_deleted_takes_no_requests() -> None:
    job = replace(job_view(schedule="@manually", requests={"a": AT}), deleting=True)
    assert advance(situation(job, now=after(2))).create is None
