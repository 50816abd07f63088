"""What people are told: Ready, Suspended, Degraded and Stalled, when they changed, and the Events about it."""

from datetime import datetime
from typing import Any

import pytest

from dkron_crds.job import JobStatus
from dkron_operator.plan.actions import Report
from dkron_operator.plan.advance import advance
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.view import JobView, PodProblem
from dkron_pods.executors import EXECUTORS as KNOWN
from dkron_pods.problem import Problem
from tests.support.builders import NOON, after, claim, execution, job_view, run, seen, situation
from tests.support.kstatus import kstatus
from tests.support.plans import condition

EXECUTORS = sorted(KNOWN)
NOT_CHECKED = "the operator has not checked the Job with the API server yet"
LATER = after(10)
RUNNING = seen(claim())
REFUSED = Problem("InvalidTemplate", "spec.template: no")
PERL, PIPED = {"executor": "perl"}, {"command": "a | b"}
UNKNOWN_KEYS = {"executorConfig": {"command": "true", "project": "x", "allowed_exitcodes": "0"}}
NEEDED = [{"name": "day", "required": True}]
STARTS, EXPIRES = {"startsAt": "2026-03-01T12:00:10Z"}, {"expiresAt": "2026-03-01T12:00:10Z"}


def look(job: JobView | None = None, *, status: JobStatus | None = None, now: datetime = LATER, **fields: Any) -> Plan:
    return advance(situation(job or manual(), status or JobStatus(), now=now, **fields))


def manual(**spec: Any) -> JobView:
    return job_view(**{"schedule": "@manually", **spec})


def verdict(plan: Plan, kind: str) -> tuple[str, str, str]:
    found = condition(plan, kind)
    assert found.observed_generation == plan.situation.job.generation
    return found.status, found.reason, found.message


@pytest.mark.parametrize(
    ("spec", "fields", "expected"),
    [
        pytest.param({}, {}, "True Scheduled: ", id="in order"),
        pytest.param({}, {"checked": False}, f"Unknown Pending: {NOT_CHECKED}", id="not asked"),
        pytest.param(
            PERL, {"checked": False},
            f'False UnknownExecutor: executor: "perl" is not known; use one of {", ".join(EXECUTORS)}',
            id="broken, whether asked or not",
        ),
        pytest.param({}, {"refusal": REFUSED}, "False InvalidTemplate: spec.template: no", id="refused"),
        pytest.param(
            {}, {"duplicate": Problem("DuplicateName", "taken"), "refusal": REFUSED}, "False DuplicateName: taken",
            id="a name that another one has, first",
        ),
        pytest.param(
            PIPED, {},
            'True Scheduled: command: only "a" runs, because no shell reads "|"; write shell: "true" to run all of it',
            id="in order, with a remark",
        ),
        pytest.param(
            {**UNKNOWN_KEYS, "processors": {"nope": {}}}, {},
            "True Scheduled: ignored, because this version does not know them: "
            "executorConfig.allowed_exitcodes, executorConfig.project, processors.nope",
            id="in order, with settings that mean nothing",
        ),
        pytest.param(
            {"parameters": [{"name": "day", "pattern": "("}]}, {},
            'False InvalidParameters: parameter "day": its pattern "(" is not a regular expression of RE2: '
            "missing ): (",
            id="a declaration that cannot be checked",
        ),
        pytest.param({"parameters": NEEDED}, {}, "True Scheduled: ", id="in order, as it runs only on request"),
        pytest.param(
            {"parameters": NEEDED, "schedule": "@daily"}, {},
            'False ParameterRequired: parameter "day": it is required and has no default, so the job runs only on '
            "request with a value for it",
            id="by a schedule, without a value",
        ),
    ],
)  # fmt: skip
def test_ready_is(spec: dict[str, Any], fields: dict[str, Any], expected: str) -> None:
    assert "{} {}: {}".format(*verdict(look(manual(**spec), **fields), "Ready")) == expected


def test_unknown_settings_are_reported_and_refused_if_strict() -> None:
    job = manual(**UNKNOWN_KEYS)
    first = look(job)
    assert told(first) == [("Warning", "SettingsIgnored")]
    assert told(look(job, status=first.status)) == []
    assert verdict(look(job, policy_violation=job.unknown), "Ready")[:2] == ("False", "InvalidExecutorConfig")


@pytest.mark.parametrize(
    ("spec", "fields", "expected"),
    [
        pytest.param({}, {}, "Current", id="in order"),
        pytest.param({"disabled": True}, {}, "Current", id="disabled"),
        pytest.param({}, {"checked": False}, "InProgress", id="not asked"),
        pytest.param(PERL, {}, "Failed", id="broken"),
        pytest.param({}, {"refusal": REFUSED}, "Failed", id="refused"),
        pytest.param({"parameters": NEEDED, "schedule": "@daily"}, {}, "Failed", id="lacks a value"),
        pytest.param({}, {"duplicate": Problem("DuplicateName", "taken")}, "InProgress", id="another has its name"),
        pytest.param({"parentJob": "gone", "schedule": ""}, {}, "InProgress", id="its parent is missing"),
    ],
)
def test_stalled_is_a_job_that_only_an_edit_fixes(spec: dict[str, Any], fields: dict[str, Any], expected: str) -> None:
    plan = look(manual(**spec), **fields)
    assert kstatus(plan.status.to_wire()) == expected
    if expected == "Failed":
        assert verdict(plan, "Stalled") == ("True", *verdict(plan, "Ready")[1:])
    fixed = look(manual(), status=plan.status)
    assert [each.type for each in fixed.status.conditions] == ["Ready", "Suspended", "Degraded"]


@pytest.mark.parametrize(
    ("spec", "seconds", "status", "reason", "wake"),
    [
        pytest.param({}, 0, "False", "Active", None, id="active"),
        pytest.param({"disabled": True}, 0, "True", "Disabled", None, id="disabled"),
        pytest.param(STARTS, 9, "True", "NotStarted", after(10), id="before startsAt"),
        pytest.param(STARTS, 10, "False", "Active", None, id="at startsAt"),
        pytest.param(EXPIRES, 10, "False", "Active", after(10.000001), id="at expiresAt"),
        pytest.param(EXPIRES, 10.000001, "True", "Expired", None, id="after expiresAt"),
        pytest.param(STARTS | {"disabled": True}, 0, "True", "Disabled", None, id="disabled, first"),
    ],
)
def test_suspended_is(spec: dict[str, Any], seconds: float, status: str, *, reason: str, wake: datetime | None) -> None:
    plan = look(manual(**spec), now=after(seconds))
    assert verdict(plan, "Suspended")[:2] == (status, reason)
    assert plan.wake == wake, "people learn of the change when it happens"
    assert told(plan) == []


OLDER = execution(claim(), success=False, reason="JobLost")
BAD = ("JobLost", "JobRejected", "ImagePullBackOff", "FailedCreate", "FailedMount", "StartError", "OOMKilled")


@pytest.mark.parametrize("reason", [*BAD, "", "Error", "DeadlineExceeded", "Replaced"])
def test_the_newest_attempt_decides_whether_a_job_is_degraded(reason: str) -> None:
    newest = execution(claim(after(60)), success=reason == "", reason=reason, message="m")
    plan = look(status=JobStatus(executions=(newest, OLDER), counted=(newest.job, OLDER.job)))
    fine = ("False", "AsExpected", "")
    assert verdict(plan, "Degraded") == (("True", reason, f"Job {newest.job}: m") if reason in BAD else fine)
    assert verdict(look(), "Degraded") == fine


@pytest.mark.parametrize(
    ("job", "trouble", "told"),
    [
        pytest.param({"pending": True}, "ImagePullBackOff", "does not start", id="does not start"),
        pytest.param(
            {"deleting": True}, "KeptByFinalizers", "is being deleted, but still exists", id="is deleted, and stays"
        ),
    ],
)
def test_degraded_is_a_job_of_which_one_job(job: dict[str, Any], trouble: str, told: str) -> None:
    pod_problems = {RUNNING.job: PodProblem(trouble, "because")}
    plan = look(status=JobStatus(active=(RUNNING,)), runs=[run(RUNNING, **job)], pod_problems=pod_problems)
    assert verdict(plan, "Degraded") == ("True", trouble, f"Job {RUNNING.job} {told}: because")


def test_job_is_degraded_by_an_attempt_waiting_for_its_name() -> None:
    taken = PodProblem("NameTaken", "another object has the name")
    plan = look(unconfirmed_create=claim(), pod_problems={claim().job: taken})
    assert verdict(plan, "Degraded")[:2] == ("True", "NameTaken")


# --- when it changed -----------------------------------------------------------------------------------------------


def test_condition_time_is_its_last_status_change() -> None:
    first = look(now=NOON, checked=False)
    second = look(status=first.status, now=after(5))
    third = look(manual(**PIPED), status=second.status, now=after(9))
    assert [verdict(plan, "Ready")[0] for plan in (first, second, third)] == ["Unknown", "True", "True"]
    assert "no shell reads" in verdict(third, "Ready")[2], "another message is no transition"
    times = [condition(plan, "Ready").last_transition_time for plan in (first, second, third)]
    assert times == [NOON, after(5), after(5)]
    assert look(manual(**PIPED), status=third.status, now=after(100)).changes == [], "it is not written again"


def test_unchanged_condition_stays_the_same_object() -> None:
    first = look(now=NOON)
    again, edited = look(status=first.status), look(manual(**PIPED), status=first.status)
    same = [condition(again, kind) is condition(first, kind) for kind in ("Ready", "Suspended", "Degraded")]
    assert same == [True, True, True]
    assert condition(edited, "Ready") is not condition(first, "Ready"), "another message"
    assert condition(edited, "Suspended") is condition(first, "Suspended")


# --- Events --------------------------------------------------------------------------------------------------------


def told(plan: Plan) -> list[tuple[str, str]]:
    return [(report.severity, report.reason) for report in plan.actions_of(Report)]


def test_broken_job_is_reported_once_for_each_problem() -> None:
    first = look(manual(**PERL), now=NOON)
    assert told(first) == [("Warning", "UnknownExecutor")]
    assert told(look(manual(**PERL), status=first.status, now=after(60))) == []
    assert told(look(manual(executor="python"), status=first.status)) == [("Warning", "UnknownExecutor")]


def test_missing_required_value_stops_slots_until_a_default() -> None:
    first = look(job_view(parameters=NEEDED), now=after(600))
    assert (first.create, first.status.next, told(first)) == (None, None, [("Warning", "ParameterRequired")])
    assert look(job_view(parameters=NEEDED), status=first.status, now=after(1200)).status.skipped is None
    fixed = job_view(parameters=[{**NEEDED[0], "default": "1"}])
    second = look(fixed, status=first.status, now=after(1200))
    assert (told(second), second.status.since) == ([("Normal", "Scheduled")], after(1200))


def test_degraded_job_is_reported_and_a_recovered_one_is_not() -> None:
    lost = JobStatus(executions=(execution(claim(), success=False, reason="JobLost"),), counted=(claim().job,))
    first = look(status=lost)
    assert told(first) == [("Warning", "JobLost")]
    healed = first.status.model_copy(update={"executions": (execution(claim(after(60))), *first.status.executions)})
    assert told(look(status=healed)) == []


@pytest.mark.parametrize(
    ("parents", "shown"),
    [
        pytest.param([], "", id="a job by itself"),
        pytest.param(["hello"], "hello", id="one parent"),
        pytest.param(["every", "retries"], "every, retries", id="several"),
        pytest.param([x * 60 for x in "abc"], f"{'a' * 60}, {'b' * 60}, ccc…", id="more than a column has room for"),
    ],
)
def test_the_status_names_the_jobs_after_which_it_runs(parents: list[str], shown: str) -> None:
    assert look(job_view(dependsOn=[{"job": name} for name in parents])).status.runs_after == shown
