"""Since when a schedule counts: a new job, an edit, a status that was wiped, a spec that was mended."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from dkron_crds.job import JobStatus
from dkron_crds.names import ACCEPTED
from dkron_operator.executors.problem import Problem
from dkron_operator.plan.actions import AcceptJob, DryRunJob, Report
from dkron_operator.plan.advance import advance
from dkron_operator.plan.read import read_job
from dkron_operator.plan.view import AttemptState, JobView
from tests.support.builders import NOON, after, claim, job_view, outcome, run, situation, wire_job

NOW = after(330)


def accepted(job: JobView, **fields: Any) -> JobStatus:
    return JobStatus(since=NOON, fingerprint=job.fingerprint, last_schedule_time=after(60), **fields)


def test_a_new_job_counts_from_its_creation() -> None:
    job = job_view()
    plan = advance(situation(job, JobStatus(), now=after(1)))
    assert (plan.status.since, plan.status.fingerprint) == (NOON, job.fingerprint)
    assert plan.of(Report) == []


def test_a_new_job_that_nobody_saw_for_a_while_runs_its_latest_slot() -> None:
    status = advance(situation(job_view(), JobStatus(), now=NOW, fireable_since=NOW)).status
    plan = advance(situation(job_view(), status, now=NOW, fireable_since=NOW))
    assert plan.create is not None
    assert plan.create.entry.slot == after(300)


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
    plan = advance(situation(edited, accepted(job_view()), now=NOW))
    assert (plan.status.since, plan.status.fingerprint) == (NOW, edited.fingerprint)
    assert plan.create is None
    assert plan.status.skipped is None
    assert plan.status.last_schedule_time == after(60)


def test_a_job_that_was_enabled_again_does_not_catch_up() -> None:
    disabled = advance(situation(job_view(disabled=True), accepted(job_view()), now=after(90)))
    plan = advance(situation(job_view(), disabled.status, now=NOW, fireable_since=NOON))
    assert (plan.status.since, plan.create, plan.status.next) == (NOW, None, after(360))


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
    plan = advance(situation(job_view(**change), accepted(job_view()), now=after(120)))
    assert plan.status.since == NOON
    assert plan.create is not None
    assert plan.create.entry.slot == after(120)


def test_every_keeps_its_phase_over_a_restart_and_an_edit_of_the_command() -> None:
    job = job_view(schedule="@every 45s")
    status = JobStatus(since=NOON, fingerprint=job.fingerprint, last_schedule_time=after(90))
    edited = job_view(schedule="@every 45s", command="false", generation=2)
    plan = advance(situation(edited, status, now=after(100), fireable_since=after(100)))
    assert plan.status.next == after(135)


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
    mended = advance(situation(job_view(), first.status, now=NOW, fireable_since=NOON))
    assert (mended.status.since, mended.create, mended.status.next) == (NOW, None, after(360))


@dataclass(frozen=True)
class Edit:
    spec: dict[str, Any]
    counted: int
    old: dict[str, Any] = field(default_factory=dict)
    reason: str = "Edited"


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(Edit({"schedule": "30 * * * * *"}, counted=4), id="the schedule"),
        pytest.param(Edit({"timezone": "Asia/Kolkata"}, counted=4), id="the timezone"),
        pytest.param(Edit({"disabled": True}, counted=4), id="disabled"),
        pytest.param(Edit({"startsAt": "2026-03-01T12:04:30Z"}, counted=4), id="startsAt"),
        pytest.param(Edit({"expiresAt": "2026-03-01T12:02:30Z"}, counted=4), id="an end that has passed"),
        pytest.param(Edit({"schedule": "", "parentJob": "a"}, counted=4), id="a parent"),
        pytest.param(Edit({"executor": "perl"}, counted=4, reason="NotReady"), id="a mistake"),
        pytest.param(Edit({}, counted=0, old={"disabled": True}), id="one that was disabled is enabled"),
        pytest.param(Edit({}, counted=0, old={"executor": "perl"}), id="one that was broken is mended"),
        pytest.param(Edit({}, counted=2, old={"expiresAt": "2026-03-01T12:03:30Z"}), id="one that was over goes on"),
    ],
)
def test_an_edit_counts_the_old_slots_that_were_due_and_undecided(edit: Edit) -> None:
    old = job_view(**edit.old)
    first = advance(situation(old, JobStatus(), now=NOON)).status
    status = first.model_copy(update={"last_schedule_time": after(60)})
    plan = advance(situation(job_view(generation=2, **edit.spec), status, now=NOW, fireable_since=NOON))
    skipped = plan.status.skipped
    assert (0 if skipped is None else skipped.count) == edit.counted
    assert (plan.create, plan.wants(AcceptJob)) == (None, False)
    if skipped is not None:
        assert skipped.last_reason == edit.reason
        assert [report.reason for report in plan.of(Report) if "not run" in report.message] == ["SlotsMissed"]
    again = advance(situation(job_view(generation=2, **edit.spec), plan.status, now=NOW, fireable_since=NOON))
    assert again.changes == []


def test_a_later_end_leaves_what_was_due_and_the_phase_of_every_alone() -> None:
    old = job_view(schedule="@every 45s", expiresAt="2026-03-01T13:00:00Z")
    first = advance(situation(old, JobStatus(), now=NOON)).status
    status = first.model_copy(update={"last_schedule_time": after(315)})
    edited = job_view(schedule="@every 45s", expiresAt="2026-03-01T14:00:00Z", generation=2)
    plan = advance(situation(edited, status, now=NOW, fireable_since=NOON))
    assert (plan.status.since, plan.status.skipped, plan.status.next) == (NOON, None, after(360))


@pytest.mark.parametrize("missed", ["latest", "all", "skip"])
def test_a_new_process_takes_a_wiped_job_that_was_accepted_for_no_new_one(missed: str) -> None:
    """The API server has no record any more that the status was ever written."""
    wiped = replace(job_view(missedRuns=missed), accepted=True, status_written=False)
    plan = advance(situation(wiped, JobStatus(), now=NOW, fireable_since=NOW))
    assert (plan.status.since, plan.create) == (NOW, None)
    assert [report.reason for report in plan.of(Report)] == ["StatusRebuilt"]
    again = advance(situation(wiped, plan.status, now=after(340), fireable_since=NOW))
    assert (again.create, again.status.skipped) == (None, None)


def test_a_copy_of_a_job_that_was_accepted_is_new() -> None:
    body = wire_job()
    body["metadata"]["annotations"] = {ACCEPTED: "another"}
    assert not read_job(body).accepted


def test_a_wiped_status_is_rebuilt_from_the_jobs_that_exist() -> None:
    job = replace(job_view(), status_written=True)
    old, newest = run(claim(after(60)), AttemptState.SUCCEEDED), run(claim(after(300)))
    plan = advance(situation(job, JobStatus(), runs=[old, newest], outcomes={old.name: outcome(at=after(65))}, now=NOW))
    assert plan.status.since == NOW
    assert plan.status.last_schedule_time == after(300)
    assert [entry.job for entry in plan.status.active] == [newest.name]
    assert [record.job for record in plan.status.executions] == [old.name]
    assert plan.status.success_count == 1
    assert plan.status.skipped is None
    assert plan.create is None
    assert [report.reason for report in plan.of(Report)] == ["StatusRebuilt"]


def test_an_after_whose_job_still_exists_does_not_run_again_when_status_was_wiped() -> None:
    job = replace(job_view(schedule="@after 2026-03-01T12:00:00Z <P1D"), status_written=True)
    plan = advance(situation(job, JobStatus(), runs=[run(claim(NOON), AttemptState.SUCCEEDED)], now=NOW))
    assert plan.create is None


def test_the_same_situation_gives_the_same_plan_and_a_settled_one_none() -> None:
    first = advance(situation(job_view(), JobStatus(), now=after(1)))
    assert advance(situation(job_view(), JobStatus(), now=after(1))) == first
    again = advance(situation(job_view(), first.status, now=after(2)))
    assert (again.changes, again.create, again.of(Report)) == ([], None, [])


@pytest.mark.parametrize(
    ("fields", "check"),
    [
        pytest.param({"checked": True}, False, id="not when it was asked"),
        pytest.param({"checked": False}, True, id="when it was not"),
    ],
)
def test_the_api_server_is_asked_about_a_spec(fields: dict[str, Any], *, check: bool) -> None:
    assert advance(situation(job_view(), **fields)).wants(DryRunJob) is check


def test_the_api_server_is_not_asked_about_a_spec_that_is_known_to_be_broken() -> None:
    assert advance(situation(job_view(executor="perl"), checked=False)).wants(DryRunJob) is False
