"""Since when a schedule counts: a new job, an edit, a status that was wiped, a spec that was fixed."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest

from dkron_crds.base import rfc3339
from dkron_crds.job import AttemptState, JobStatus
from dkron_crds.names import ACCEPTED
from dkron_operator.plan.actions import AcceptJob, DryRunJob
from dkron_operator.plan.advance import advance
from dkron_operator.plan.situation.read import read_job
from dkron_operator.plan.situation.view import JobView
from dkron_pods.problem import Problem
from tests.support.builders import NOON, after, claim, job_view, outcome, run, situation, wire_job
from tests.support.plans import fired, reported, skips

NOW = after(330)
PERL = {"executor": "perl"}


def accepted(job: JobView) -> JobStatus:
    return JobStatus(since=NOON, fingerprint=job.fingerprint, last_schedule_time=after(60))


def test_new_job_counts_from_creation_and_runs_a_recent_slot() -> None:
    job = job_view()
    first = advance(situation(job, JobStatus(), now=NOW, fireable_since=NOW))
    assert (first.status.since, first.status.fingerprint, reported(first)) == (NOON, job.fingerprint, [])
    assert fired(advance(situation(job, first.status, now=NOW, fireable_since=NOW))) == claim(after(300), at=NOW)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"command": "false"}, id="the command"),
        pytest.param({"retries": 3}, id="retries"),
        pytest.param({"concurrency": "forbid"}, id="concurrency"),
        pytest.param({"expiresAt": "2030-01-01T00:00:00Z"}, id="expiresAt"),
    ],
)
def test_other_edits_keep_the_slots(change: dict[str, Any]) -> None:
    plan = advance(situation(job_view(**change), accepted(job_view()), now=after(120)))
    assert (plan.status.since, fired(plan)) == (NOON, claim(after(120)))


@pytest.mark.parametrize(
    ("plain", "stored"),
    [
        pytest.param(
            {"parameters": [{"name": "day"}]},
            {"parameters": [{"name": "day", "type": "string", "required": False, "values": [], "secret": False}]},
            id="a parameter",
        ),
        pytest.param(
            {"schedule": "", "dependsOn": [{"job": "a"}]},
            {"schedule": "", "dependsOn": [{"job": "a", "when": "success"}]}, id="a parent",
        ),
    ],
)  # fmt: skip
def test_defaults_in_entries_of_lists_are_no_edit(plain: dict[str, Any], stored: dict[str, Any]) -> None:
    before, after_it = job_view(**stored), job_view(**plain)
    assert (before.fingerprint, before.spec) == (after_it.fingerprint, after_it.spec)
    status = advance(situation(before, accepted(before), now=after(30))).status
    assert advance(situation(after_it, status, now=after(31))).status == status


def test_every_keeps_its_phase_over_restart_and_command_edit() -> None:
    edited = job_view(schedule="@every 45s", command="false", generation=2)
    status = JobStatus(
        since=NOON, fingerprint=job_view(schedule="@every 45s").fingerprint, last_schedule_time=after(90)
    )
    assert advance(situation(edited, status, now=after(100), fireable_since=after(100))).status.next == after(135)


@pytest.mark.parametrize(
    ("job", "fields"),
    [
        pytest.param(job_view(disabled=True), {}, id="was disabled"),
        pytest.param(job_view(**PERL), {}, id="was broken by its spec"),
        pytest.param(job_view(), {"refusal": Problem("InvalidTemplate", "no")}, id="the API server refused"),
    ],
)
def test_slots_of_a_job_are_not_made_up_for_that(job: JobView, fields: dict[str, Any]) -> None:
    first = advance(situation(job, accepted(job_view()), now=after(90), **fields))
    assert (first.create, first.status.next) == (None, None)
    assert (first.status.fingerprint == "-") is not job.spec.disabled
    fixed = advance(situation(job_view(), first.status, now=NOW, fireable_since=NOON))
    assert (fixed.status.since, fixed.create, fixed.status.next) == (NOW, None, after(360))


@dataclass(frozen=True)
class Edit:
    spec: dict[str, Any]
    counted: int
    old: dict[str, Any] = field(default_factory=dict)
    reason: str = "Edited"
    since: datetime = NOW


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(Edit({"schedule": "30 * * * * *"}, counted=4), id="the schedule"),
        pytest.param(Edit({"timezone": "Asia/Kolkata"}, counted=4), id="the timezone"),
        pytest.param(Edit({"disabled": True}, counted=4), id="disabled"),
        pytest.param(Edit({"startsAt": "2026-03-01T12:04:30Z"}, counted=4), id="startsAt"),
        pytest.param(Edit({"expiresAt": "2026-03-01T12:02:30Z"}, 4, since=NOON), id="an end that has passed"),
        pytest.param(Edit({"schedule": "", "parentJob": "a"}, counted=4), id="a parent"),
        pytest.param(Edit(PERL, counted=4, reason="NotReady"), id="a mistake"),
        pytest.param(Edit({}, counted=0, old={"disabled": True}), id="one that was disabled is enabled"),
        pytest.param(Edit({}, counted=0, old=PERL), id="one that was broken is fixed"),
        pytest.param(Edit({}, counted=2, old={"expiresAt": "2026-03-01T12:03:30Z"}), id="one that was over goes on"),
    ],
)
def test_edit_counts_old_slots_that_were_due_and_undecided(edit: Edit) -> None:
    first = advance(situation(job_view(**edit.old), JobStatus(), now=NOON)).status
    status = first.model_copy(update={"last_schedule_time": after(60)})
    edited = job_view(generation=2, **edit.spec)
    plan = advance(situation(edited, status, now=NOW, fireable_since=NOON))
    assert skips(plan) == ((edit.counted, edit.reason) if edit.counted else (0, None))
    assert reported(plan).count("SlotsMissed") == bool(edit.counted)
    assert (plan.create, plan.wants(AcceptJob)) == (None, False)
    fingerprint = "-" if edit.reason == "NotReady" else edited.fingerprint
    assert (plan.status.since, plan.status.fingerprint) == (edit.since, fingerprint)
    assert advance(situation(edited, plan.status, now=NOW, fireable_since=NOON)).changes == []


def test_later_end_keeps_due_slots_and_the_phase_of_every() -> None:
    old, edited = (job_view(schedule="@every 45s", expiresAt=f"2026-03-01T{hour}:00:00Z") for hour in (13, 14))
    first = advance(situation(old, JobStatus(), now=NOON)).status
    status = first.model_copy(update={"last_schedule_time": after(315)})
    plan = advance(situation(edited, status, now=NOW, fireable_since=NOON))
    assert (plan.status.since, plan.status.skipped, plan.status.next) == (NOON, None, after(360))


@pytest.mark.parametrize(
    ("before", "since"),
    [
        pytest.param({"expiresAt": "2026-03-01T13:00:00Z"}, {}, id="no end any more"),
        pytest.param({}, {"expiresAt": "2026-03-01T13:00:00Z"}, id="an end"),
        pytest.param({"expiresAt": "2026-03-01T14:00:00Z"}, {"expiresAt": "2026-03-01T13:00:00Z"}, id="an earlier end"),
    ],
)
def test_slots_due_under_the_old_and_new_end_still_run(before: dict[str, Any], since: dict[str, Any]) -> None:
    first = advance(situation(job_view(**before), JobStatus(), now=NOON)).status
    status = first.model_copy(update={"last_schedule_time": after(240)})
    edited = job_view(generation=2, **since)
    plan = advance(situation(edited, status, now=NOW, fireable_since=NOW))
    assert (plan.status.skipped, fired(plan)) == (None, claim(after(300), at=NOW))


@pytest.mark.parametrize("missed", ["latest", "all", "skip"])
def test_wiped_accepted_job_is_not_taken_for_a_new_one(missed: str) -> None:
    """The API server has no record any more that the status was ever written."""
    wiped = replace(job_view(missedRuns=missed), accepted=True, status_written=False)
    plan = advance(situation(wiped, JobStatus(), now=NOW, fireable_since=NOW))
    assert (plan.status.since, plan.create, reported(plan)) == (NOW, None, ["StatusRebuilt"])
    again = advance(situation(wiped, plan.status, now=after(340), fireable_since=NOW))
    assert (again.create, again.status.skipped) == (None, None)


def test_a_copy_of_a_job_that_was_accepted_is_new() -> None:
    body = wire_job()
    body["metadata"]["annotations"] = {ACCEPTED: "another"}
    assert not read_job(body).accepted


@pytest.mark.parametrize(
    ("accepted", "status_written"),
    [
        pytest.param(False, True, id="the API server's record of the writer is left"),
        pytest.param(True, False, id="only the annotation is left"),
    ],
)
def test_wiped_status_is_rebuilt_from_existing_jobs(*, accepted: bool, status_written: bool) -> None:
    """Jobs of the slots between the two were deleted: these slots are not counted as missed."""
    job = replace(job_view(), accepted=accepted, status_written=status_written)
    old, newest = run(claim(after(60)), AttemptState.SUCCEEDED), run(claim(after(300)))
    plan = advance(situation(job, JobStatus(), runs=[old, newest], outcomes={old.name: outcome(at=after(65))}, now=NOW))
    status = plan.status
    assert (status.since, status.last_schedule_time, status.success_count) == (NOW, after(300), 1)
    assert [entry.job for entry in status.active] == [newest.name]
    assert [record.job for record in status.executions] == [old.name]
    assert (plan.create, status.skipped, reported(plan)) == (None, None, ["StatusRebuilt"])


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param({}, id="as it was"),
        pytest.param({"missedRuns": "skip"}, id="missed runs are skipped"),
        pytest.param({"schedule": "@after 2026-03-01T12:00:01Z <P1D"}, id="edited"),
        pytest.param({"startsAt": "2026-03-01T11:00:00Z"}, id="edited, with a start"),
    ],
)
def test_after_does_not_rerun_when_job_and_status_are_gone(edit: dict[str, Any]) -> None:
    job = job_view(schedule="@after 2026-03-01T12:00:00Z <P1D")
    wiped = advance(situation(replace(job, status_written=False, accepted=True), JobStatus(), now=NOW))
    assert (wiped.create, reported(wiped)) == (None, ["StatusRebuilt"])
    edited = job_view(**{"schedule": "@after 2026-03-01T12:00:00Z <P1D", **edit}, generation=2)
    plan = advance(situation(edited, wiped.status, now=after(400), fireable_since=after(390)))
    plan = advance(situation(edited, plan.status, now=after(401), fireable_since=after(390)))
    assert (plan.create, plan.status.skipped) == (None, None)


def test_after_that_comes_due_after_a_wipe_runs() -> None:
    job = job_view(schedule=f"@after {rfc3339(after(360))} <P1D")
    wiped = advance(situation(replace(job, accepted=True), JobStatus(), now=NOW)).status
    assert fired(advance(situation(job, wiped, now=after(400)))) == claim(after(360), at=after(400))


def test_after_with_an_existing_job_does_not_rerun_after_a_wipe() -> None:
    job = replace(job_view(schedule="@after 2026-03-01T12:00:00Z <P1D"), status_written=True)
    plan = advance(situation(job, JobStatus(), runs=[run(claim(NOON), AttemptState.SUCCEEDED)], now=NOW))
    assert plan.create is None


def test_plan_is_deterministic_and_empty_once_settled() -> None:
    first = advance(situation(job_view(), JobStatus(), now=after(1)))
    assert advance(situation(job_view(), JobStatus(), now=after(1))) == first
    again = advance(situation(job_view(), first.status, now=after(2)))
    assert (again.changes, again.create, reported(again)) == ([], None, [])


@pytest.mark.parametrize(
    ("spec", "checked", "asks"),
    [
        pytest.param({}, True, False, id="not when it was asked"),
        pytest.param({}, False, True, id="when it was not"),
        pytest.param(PERL, False, False, id="not about one that is known to be broken"),
    ],
)
def test_the_api_server_is_asked_about_a_spec(spec: dict[str, Any], *, checked: bool, asks: bool) -> None:
    assert advance(situation(job_view(**spec), checked=checked)).wants(DryRunJob) is asks


def test_slow_clock_keeps_since_at_the_last_edit() -> None:
    job, status = job_view(), JobStatus(since=after(60), fingerprint="old")
    assert advance(situation(job, status, now=after(10))).status.since == after(60)
