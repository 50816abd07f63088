"""Since when a schedule counts: a new job, an edit, a status that was wiped, a spec that was mended."""

from dataclasses import replace
from typing import Any

import pytest

from dkron_crds.job import JobStatus
from dkron_operator.executors.problem import Problem
from dkron_operator.plan.advance import advance
from dkron_operator.plan.view import JobView, RunState
from tests.support.builders import NOON, after, claim, job_view, outcome, run, situation

NOW = after(330)


def accepted(job: JobView, **fields: Any) -> JobStatus:
    return JobStatus(since=NOON, fingerprint=job.fingerprint, last_schedule_time=after(60), **fields)


def test_a_new_job_counts_from_its_creation() -> None:
    job = job_view()
    draft = advance(situation(job, JobStatus(), now=after(1)))
    assert (draft.status.since, draft.status.fingerprint) == (NOON, job.fingerprint)
    assert draft.reports == []


def test_a_new_job_that_nobody_saw_for_a_while_runs_its_latest_slot() -> None:
    draft = advance(situation(job_view(), JobStatus(), now=NOW, able_since=NOW))
    assert draft.create is not None
    assert draft.create.entry.slot == after(300)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"schedule": "30 * * * * *"}, id="the schedule"),
        pytest.param({"timezone": "Asia/Kolkata"}, id="the timezone"),
        pytest.param({"disabled": True}, id="disabled"),
        pytest.param({"startsAt": "2026-03-01T11:00:00Z"}, id="startsAt"),
    ],
)
def test_an_edit_counts_from_now_and_nothing_fires_in_retrospect(change: dict[str, Any]) -> None:
    edited = job_view(**change)
    draft = advance(situation(edited, accepted(job_view()), now=NOW))
    assert (draft.status.since, draft.status.fingerprint) == (NOW, edited.fingerprint)
    assert draft.create is None
    assert draft.status.skipped is None
    assert draft.status.last_schedule_time == after(60)


def test_a_job_that_was_enabled_again_does_not_catch_up() -> None:
    disabled = advance(situation(job_view(disabled=True), accepted(job_view()), now=after(90)))
    draft = advance(situation(job_view(), disabled.status, now=NOW, able_since=NOON))
    assert (draft.status.since, draft.create, draft.status.next) == (NOW, None, after(360))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"command": "false"}, id="the command"),
        pytest.param({"retries": 3}, id="retries"),
        pytest.param({"concurrency": "forbid"}, id="concurrency"),
        pytest.param({"expiresAt": "2030-01-01T00:00:00Z"}, id="expiresAt"),
    ],
)
def test_any_other_edit_leaves_the_slots_alone(change: dict[str, Any]) -> None:
    draft = advance(situation(job_view(**change), accepted(job_view()), now=after(120)))
    assert draft.status.since == NOON
    assert draft.create is not None
    assert draft.create.entry.slot == after(120)


def test_every_keeps_its_phase_over_a_restart_and_an_edit_of_the_command() -> None:
    job = job_view(schedule="@every 45s")
    status = JobStatus(since=NOON, fingerprint=job.fingerprint, last_schedule_time=after(90))
    edited = job_view(schedule="@every 45s", command="false", generation=2)
    draft = advance(situation(edited, status, now=after(100), able_since=after(100)))
    assert draft.status.next == after(135)


@pytest.mark.parametrize(
    ("broken", "fields"),
    [
        pytest.param(job_view(executor="perl"), {}, id="by its spec"),
        pytest.param(job_view(), {"refusal": Problem("InvalidTemplate", "no")}, id="by the API server's refusal"),
        pytest.param(job_view(), {"duplicate": Problem("DuplicateName", "no")}, id="by another job of its name"),
    ],
)
def test_a_job_that_is_broken_has_no_slots_and_mended_counts_from_then(broken: JobView, fields: dict[str, Any]) -> None:
    status = accepted(job_view())
    first = advance(situation(broken, status, now=after(120), **fields))
    assert (first.create, first.status.next) == (None, None)
    assert first.status.fingerprint == "-"
    mended = advance(situation(job_view(), first.status, now=NOW, able_since=NOON))
    assert (mended.status.since, mended.create, mended.status.next) == (NOW, None, after(360))


def test_a_wiped_status_is_rebuilt_from_the_jobs_that_exist() -> None:
    job = replace(job_view(), status_written=True)
    old, newest = run(claim(after(60)), RunState.SUCCEEDED), run(claim(after(300)))
    draft = advance(
        situation(job, JobStatus(), runs=[old, newest], outcomes={old.name: outcome(at=after(65))}, now=NOW)
    )
    assert draft.status.since == NOW
    assert draft.status.last_schedule_time == after(300)
    assert [entry.job for entry in draft.status.active] == [newest.name]
    assert [record.job for record in draft.status.executions] == [old.name]
    assert draft.status.success_count == 1
    assert draft.status.skipped is None
    assert draft.create is None
    assert [report.reason for report in draft.reports] == ["StatusRebuilt"]


def test_an_after_whose_job_still_exists_does_not_run_again_when_status_was_wiped() -> None:
    job = replace(job_view(schedule="@after 2026-03-01T12:00:00Z <P1D"), status_written=True)
    draft = advance(situation(job, JobStatus(), runs=[run(claim(NOON), RunState.SUCCEEDED)], now=NOW))
    assert draft.create is None


def test_the_same_situation_gives_the_same_plan_and_a_settled_one_none() -> None:
    first = advance(situation(job_view(), JobStatus(), now=after(1)))
    assert advance(situation(job_view(), JobStatus(), now=after(1))) == first
    again = advance(situation(job_view(), first.status, now=after(2)))
    assert (again.changes, again.create, again.reports) == ([], None, [])


@pytest.mark.parametrize(
    ("fields", "check"),
    [
        pytest.param({"checked": True}, False, id="not when it was asked"),
        pytest.param({"checked": False}, True, id="when it was not"),
    ],
)
def test_the_api_server_is_asked_about_a_spec(fields: dict[str, Any], *, check: bool) -> None:
    assert advance(situation(job_view(), **fields)).check is check


def test_the_api_server_is_not_asked_about_a_spec_that_is_known_to_be_broken() -> None:
    assert advance(situation(job_view(executor="perl"), checked=False)).check is False
