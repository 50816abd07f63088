"""What people are told: Ready, Suspended and Degraded, when they changed, and the Events about it."""

from datetime import datetime
from typing import Any

import pytest

from dkron_crds.job import Condition, ConditionStatus, JobStatus
from dkron_operator import executors
from dkron_operator.executors.problem import Problem
from dkron_operator.plan.actions import Report
from dkron_operator.plan.advance import advance
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.view import AttemptState, JobView, Trouble
from tests.support.builders import NOON, after, claim, execution, job_view, run, seen, situation

LATER = after(10)
RUNNING = seen(claim())
IGNORED = "ignored, because this version does not know them"
REFUSED = Problem("InvalidTemplate", "spec.template: no")


def look(job: JobView | None = None, *, status: JobStatus | None = None, now: datetime = LATER, **fields: Any) -> Plan:
    job = job or job_view(schedule="@manually")
    return advance(situation(job, status or JobStatus(), now=now, **fields))


def condition(plan: Plan, kind: str) -> tuple[str, str, str]:
    (found,) = [c for c in plan.status.conditions if c.type == kind]
    assert found.observed_generation == plan.situation.job.generation
    return found.status, found.reason, found.message


def changed_at(plan: Plan, kind: str) -> datetime:
    (found,) = [c for c in plan.status.conditions if c.type == kind]
    return found.last_transition_time


@pytest.mark.parametrize(
    ("spec", "fields", "expected"),
    [
        pytest.param({}, {}, ("True", "Scheduled", ""), id="in order"),
        pytest.param(
            {},
            {"checked": False},
            ("Unknown", "Pending", "the operator has not checked the Job with the API server yet"),
            id="not asked yet",
        ),
        pytest.param(
            {"executor": "perl"},
            {"checked": False},
            (
                "False",
                "UnknownExecutor",
                'executor: "perl" is not known; use one of ' + ", ".join(sorted(executors.EXECUTORS)),
            ),
            id="broken, whether asked or not",
        ),
        pytest.param(
            {}, {"refusal": REFUSED}, ("False", "InvalidTemplate", "spec.template: no"), id="refused by the API server"
        ),
        pytest.param(
            {},
            {"duplicate": Problem("DuplicateName", "taken"), "refusal": REFUSED},
            ("False", "DuplicateName", "taken"),
            id="a name that another one has, first",
        ),
        pytest.param(
            {"command": "a | b"},
            {},
            ("True", "Scheduled", 'command ends at "|": set shell: "true" to run all of it in a shell'),
            id="in order, with a remark",
        ),
        pytest.param(
            {
                "executorConfig": {"command": "true", "project": "x", "allowed_exitcodes": "0"},
                "processors": {"nope": {}},
            },
            {},
            (
                "True",
                "Scheduled",
                f"{IGNORED}: executorConfig.allowed_exitcodes, executorConfig.project, processors.nope",
            ),
            id="in order, with settings that mean nothing",
        ),
    ],
)
def test_ready_is(spec: dict[str, Any], fields: dict[str, Any], expected: tuple[str, str, str]) -> None:
    assert condition(look(job_view(**{"schedule": "@manually", **spec}), **fields), "Ready") == expected


def test_settings_that_mean_nothing_are_told_once() -> None:
    job = job_view(schedule="@manually", executorConfig={"command": "true", "project": "x"})
    first = look(job)
    assert [report.reason for report in first.of(Report)] == ["SettingsIgnored"]
    again = look(job, status=first.status)
    assert again.of(Report) == []


def test_a_strict_installation_does_not_run_them() -> None:
    job = job_view(schedule="@manually", executorConfig={"command": "true", "project": "x"})
    plan = look(job, barred=job.unknown)
    assert condition(plan, "Ready")[:2] == ("False", "InvalidExecutorConfig")


@pytest.mark.parametrize(
    ("spec", "seconds", "status", "reason", "wake"),
    [
        pytest.param({}, 0, "False", "Active", None, id="active"),
        pytest.param({"disabled": True}, 0, "True", "Disabled", None, id="disabled"),
        pytest.param({"startsAt": "2026-03-01T12:00:10Z"}, 9, "True", "NotStarted", after(10), id="before startsAt"),
        pytest.param({"startsAt": "2026-03-01T12:00:10Z"}, 10, "False", "Active", None, id="at startsAt"),
        pytest.param({"expiresAt": "2026-03-01T12:00:10Z"}, 10, "False", "Active", after(10.000001), id="at expiresAt"),
        pytest.param({"expiresAt": "2026-03-01T12:00:10Z"}, 10.000001, "True", "Expired", None, id="after expiresAt"),
        pytest.param(
            {"startsAt": "2030-01-01T00:00:00Z", "disabled": True}, 0, "True", "Disabled", None, id="disabled, first"
        ),
    ],
)
def test_suspended_is(spec: dict[str, Any], seconds: float, status: str, *, reason: str, wake: datetime | None) -> None:
    plan = look(job_view(schedule="@manually", **spec), now=after(seconds))
    assert condition(plan, "Suspended")[:2] == (status, reason)
    assert plan.wake == wake, "people learn of the change when it happens"


@pytest.mark.parametrize(
    "reason", ["JobLost", "JobRejected", "ImagePullBackOff", "FailedCreate", "FailedMount", "StartError", "OOMKilled"]
)
def test_degraded_is_a_job_whose_newest_attempt_needs_a_person(reason: str) -> None:
    lost = execution(claim(), success=False, reason=reason, message="m")
    plan = look(status=JobStatus(executions=(lost,), counted=(lost.job,)))
    assert condition(plan, "Degraded") == ("True", reason, f"Job {lost.job}: m")


@pytest.mark.parametrize(
    "executions",
    [
        pytest.param((), id="none yet"),
        pytest.param((execution(claim(), success=False, reason="Error"),), id="the command's own failure"),
        pytest.param((execution(claim(), success=False, reason="DeadlineExceeded"),), id="a timeout"),
        pytest.param((execution(claim(), success=False, reason="Replaced"),), id="a run that was replaced"),
        pytest.param(
            (execution(claim(after(60))), execution(claim(), success=False, reason="JobLost")), id="an older loss"
        ),
    ],
)
def test_degraded_is_not_a_job_with(executions: Any) -> None:
    plan = look(status=JobStatus(executions=executions, counted=tuple(e.job for e in executions)))
    assert condition(plan, "Degraded") == ("False", "AsExpected", "")


def test_degraded_is_a_job_whose_pod_does_not_start() -> None:
    plan = look(
        status=JobStatus(active=(RUNNING,)), runs=[run(RUNNING, AttemptState.WAITING)],
        troubles={RUNNING.job: Trouble("ImagePullBackOff", "no such image")},
    )  # fmt: skip
    assert condition(plan, "Degraded") == (
        "True", "ImagePullBackOff", f"Job {RUNNING.job} does not start: no such image",
    )  # fmt: skip


def test_degraded_is_a_job_of_which_a_job_is_deleted_and_stays() -> None:
    plan = look(
        status=JobStatus(active=(RUNNING,)), runs=[run(RUNNING, deleting=True)],
        troubles={RUNNING.job: Trouble("KeptByFinalizers", "it has the finalizer a/b")},
    )  # fmt: skip
    text = f"Job {RUNNING.job} is being deleted, but still exists: it has the finalizer a/b"
    assert condition(plan, "Degraded") == ("True", "KeptByFinalizers", text)


def test_degraded_is_a_job_whose_attempt_waits_for_its_name() -> None:
    taken = Trouble("NameTaken", "another object holds the name")
    plan = look(unconfirmed_create=claim(), troubles={claim().job: taken})
    assert condition(plan, "Degraded")[:2] == ("True", "NameTaken")


# --- when it changed -----------------------------------------------------------------------------------------------


def test_the_time_of_a_condition_is_that_of_its_last_change_of_status() -> None:
    first = look(now=NOON, checked=False)
    assert changed_at(first, "Ready") == NOON
    second = look(status=first.status, now=after(5))
    assert (condition(second, "Ready")[0], changed_at(second, "Ready")) == ("True", after(5))
    third = look(job_view(schedule="@manually", command="a | b"), status=second.status, now=after(9))
    assert "ends at" in condition(third, "Ready")[2]
    assert changed_at(third, "Ready") == after(5), "another message is no transition"


def test_the_same_verdict_is_not_written_again() -> None:
    first = look(now=NOON)
    assert first.changes
    assert look(status=first.status, now=after(100)).changes == []


def test_a_condition_that_somebody_else_keeps_there_is_left_alone() -> None:
    other = Condition(type="Audited", status=ConditionStatus.TRUE, reason="Yes", last_transition_time=NOON)
    plan = look(status=JobStatus(conditions=(other,)))
    assert other in plan.status.conditions
    assert len(plan.status.conditions) == 4


# --- Events --------------------------------------------------------------------------------------------------------


def told(plan: Plan) -> list[tuple[str, str]]:
    return [(report.severity, report.reason) for report in plan.of(Report)]


def test_a_job_that_is_in_order_from_the_beginning_makes_no_events() -> None:
    assert told(look()) == []


def test_a_broken_job_is_told_once() -> None:
    broken = job_view(schedule="@manually", executor="perl")
    first = look(broken, now=NOON)
    assert told(first) == [("Warning", "UnknownExecutor")]
    assert told(look(broken, status=first.status, now=after(60))) == []


def test_another_problem_is_told_again() -> None:
    first = look(job_view(schedule="@manually", executor="perl"), now=NOON)
    second = look(job_view(schedule="@manually", executor="python"), status=first.status)
    assert told(second) == [("Warning", "UnknownExecutor")]


def test_a_job_that_was_mended_is_told_to_be_in_order_and_its_slots_count_from_now() -> None:
    first = look(job_view(executor="perl"), now=NOON)
    second = look(job_view(), status=first.status, now=after(600))
    assert told(second) == [("Normal", "Scheduled")]
    assert second.status.since == after(600)


def test_a_job_that_becomes_degraded_is_told_and_one_that_recovers_is_not() -> None:
    lost = JobStatus(executions=(execution(claim(), success=False, reason="JobLost"),), counted=(claim().job,))
    first = look(status=lost)
    assert told(first) == [("Warning", "JobLost")]
    worked = execution(claim(after(60)))
    healed = first.status.model_copy(update={"executions": (worked, *first.status.executions)})
    assert told(look(status=healed)) == []


def test_a_suspended_job_makes_no_events() -> None:
    assert told(look(job_view(schedule="@manually", disabled=True))) == []


@pytest.mark.parametrize(
    ("spec", "shown"),
    [
        pytest.param({"schedule": "@manually"}, "", id="a job by itself"),
        pytest.param({"parentJob": "hello"}, "hello", id="one parent"),
        pytest.param(
            {"dependsOn": [{"job": "every"}, {"job": "retries", "when": "always"}]}, "every, retries", id="several"
        ),
        pytest.param(
            {"dependsOn": [{"job": letter * 60} for letter in "abc"]},
            f"{'a' * 60}, {'b' * 60}, ccc…",
            id="more than a column has room for",
        ),
    ],
)
def test_the_status_names_the_jobs_after_which_it_runs(spec: dict[str, Any], shown: str) -> None:
    assert look(job_view(**spec)).status.runs_after == shown
