"""Runs that people ask for."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from dkron_crds.job import Attempt, AttemptState, JobStatus, SkipReason
from dkron_crds.status import MAX_REFUSED
from dkron_operator.plan.actions import CreateJob, Report, WriteStatus
from dkron_operator.plan.advance import advance
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.view import AttemptJob
from tests.support.builders import NOON, after, claim, execution, job_view, request_claim, run, seen, situation
from tests.support.plans import requests_removed, skips
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
    wanted = {"a": AT} if requests is None else requests
    job = job_view(**{"schedule": "@manually", **spec}, requests=wanted)
    given = {"since": NOON, "fingerprint": "-" if job.problem else job.fingerprint, **(status or {})}
    return advance(situation(job, JobStatus(**given), runs=list(runs), now=after(seconds)))


def refusal(plan: Plan) -> str:
    (report,) = [report for report in plan.actions_of(Report) if report.reason == "RunRefused"]
    return f"{report.subject}: {report.message}"


def asked(request: str = "a", seconds: float = 0) -> Attempt:
    """The attempt of a request at noon, which starts when it was asked for, or so much later."""
    entry, began = request_claim(request), after(seconds)
    return entry.model_copy(update={"started_at": began, "id": f"{int(began.timestamp()) * 10**9}-{entry.job}"})


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


@pytest.mark.parametrize(
    ("status", "runs"),
    [
        pytest.param({}, (run(asked()),), id="exists"),
        pytest.param({"executions": (execution(asked()),)}, (), id="is recorded"),
        pytest.param({"counted": (asked().job,)}, (), id="is counted"),
    ],
)
def test_request_is_removed_once_its_job(status: dict[str, Any], runs: tuple[AttemptJob, ...]) -> None:
    plan = look(status=status, runs=runs)
    assert (plan.create, requests_removed(plan)) == (None, ["a"])
    assert plan.status.active == (() if status else (seen(asked()),))


def test_a_request_that_is_claimed_waits_for_its_claim() -> None:
    plan = look(status={"active": (asked(),)}, concurrency="forbid")
    assert plan.create is not None
    assert plan.create.before == (), "the claim is completed, not made again"
    assert (requests_removed(plan), plan.actions_of(Report)) == ([], [])


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


BUSY = (seen(claim(after(-60))),)
MANY = tuple(seen(claim(after(-second))) for second in range(1, 1001))


@dataclass(frozen=True)
class Refusal:
    """A request that is refused: the attempts that are active, and the reason."""

    says: str
    reason: SkipReason
    spec: dict[str, Any] = field(default_factory=dict)
    active: tuple[Attempt, ...] = ()
    force: bool = False


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Refusal("the job is disabled", SkipReason.DISABLED, {"disabled": True}), id="disabled"),
        pytest.param(Refusal("command: missing", SkipReason.NOT_READY, {"command": ""}), id="the spec is broken"),
        pytest.param(Refusal("second", SkipReason.NOT_READY, {"schedule": "99 * * * * *"}), id="a broken schedule"),
        pytest.param(
            Refusal("its concurrency is forbid", SkipReason.CONCURRENCY_FORBIDDEN, {"concurrency": "forbid"}, BUSY),
            id="busy",
        ),
        pytest.param(
            Refusal("1000 of its attempts are active", SkipReason.TOO_MANY_ACTIVE, active=MANY), id="too many"
        ),
        pytest.param(
            Refusal("1000 of its", SkipReason.TOO_MANY_ACTIVE, {"concurrency": "forbid"}, MANY, force=True),
            id="too many, forced",
        ),
        pytest.param(
            Refusal("the job is disabled", SkipReason.DISABLED, {"disabled": True}, force=True), id="disabled, forced"
        ),
    ],
)
def test_request_is_refused_with_a_reason(case: Refusal) -> None:
    asks = {"a": f"{AT} force by a test" if case.force else AT}
    plan = look(asks, status={"active": case.active}, runs=tuple(map(run, case.active)), **case.spec)
    assert (plan.create, requests_removed(plan), plan.wants(WriteStatus)) == (None, [], True)
    assert refusal(plan).startswith("run.dkron.io/a: ")
    assert case.says in refusal(plan)
    assert skips(plan) == (1, case.reason)


def test_forced_request_runs_beside_a_busy_forbid_job() -> None:
    forced = {"a": f"{AT} force by a test"}
    plan = look(forced, status={"active": BUSY}, runs=tuple(map(run, BUSY)), concurrency="forbid")
    assert plan.create is not None
    assert plan.create.entry == asked()
    assert (len(plan.create.before), plan.create.replaces, plan.actions_of(Report)) == (1, (), [])


def test_forbid_job_with_an_unrecorded_end_accepts_a_request() -> None:
    plan = look(status={"active": BUSY}, runs=(run(BUSY[0], AttemptState.SUCCEEDED),), concurrency="forbid")
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


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"startsAt": "2030-01-01T00:00:00Z"}, id="startsAt"),
        pytest.param({"expiresAt": "2020-01-01T00:00:00Z"}, id="expiresAt"),
        pytest.param({"startingDeadlineSeconds": 1}, id="a start deadline"),
        pytest.param({"schedule": "", "parentJob": "x", "disabled": True}, id="a disabled child"),
    ],
)
def test_what_does_not_matter_to_a_request(spec: dict[str, Any]) -> None:
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
    assert [report for report in again.actions_of(Report) if report.reason == "RunRefused"] == []


def test_unwritten_refusal_keeps_its_annotation() -> None:
    first = look(disabled=True)
    again = advance(replace(first.situation, status=first.status, now=after(3)))
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
