"""What `dkronctl retry` gives a run again, and what it cannot know."""

from datetime import timedelta
from typing import Any

import pytest

from dkron_cli.core.order import lost, same_order
from dkron_crds.base import rfc3339
from dkron_crds.job_metadata import OF_RUN, WITH_PARAMETERS
from dkron_crds.requests import group_of
from dkron_reports.job import from_object
from dkron_reports.repeat import may_have_values, run_of_group
from dkron_reports.run import Attempt
from tests.support.builders import NOON, wire_job

UID = "8c6f"
GROUP = group_of(UID, NOON)
VALUES = {"day": '$(X) "3"\n', "token": "secretRef:api/token"}
DECLARED = from_object(wire_job(parameters=[{"name": "day"}, {"name": "token", "secret": True}]))


def attempt(trigger: str = "manual", hours: int = 0) -> Attempt:
    return Attempt(id="1-a", group=GROUP, number=1, started=NOON, trigger=trigger, slot=NOON - timedelta(hours=hours))


def run(uid: str = UID, **status: Any) -> dict[str, Any]:
    return {"metadata": {"uid": uid, "creationTimestamp": rfc3339(NOON)}, "spec": {"parameters": VALUES},
            "status": status}  # fmt: skip


@pytest.mark.parametrize("found", [run(), run("other", group=GROUP)], ids=["by its name", "by its status"])
def test_a_run_is_given_the_same_again(found: dict[str, Any]) -> None:
    assert run_of_group([run("another"), found], GROUP) is found
    order = same_order(attempt(hours=3), found)
    assert (order.parameters, order.at) == (VALUES, NOON - timedelta(hours=3))


@pytest.mark.parametrize(
    ("trigger", "hours", "given"),
    [
        pytest.param("manual", 0, False, id="at the time of the request"),
        pytest.param("schedule", 3, False, id="by the schedule"),
        pytest.param("backfill", 3, True, id="for another slot"),
    ],
)
def test_a_slot_is_known_without_the_dkronrun(trigger: str, hours: int, given: bool) -> None:
    assert bool(same_order(attempt(trigger, hours), None)) is given


@pytest.mark.parametrize(
    ("annotations", "sentence"),
    [
        pytest.param({}, "", id="a Job that no DkronRun asked for"),
        pytest.param({OF_RUN: "r"}, "", id="a DkronRun without values"),
        pytest.param({OF_RUN: "r", WITH_PARAMETERS: "given"}, "its DkronRun is gone;", id="values were given"),
        pytest.param(None, "its DkronRun and its Job are gone;", id="nothing is left"),
    ],
)
def test_lost_values_are_reported(annotations: dict[str, str] | None, sentence: str) -> None:
    why = lost(DECLARED, attempt(), annotations)
    assert bool(why) is bool(sentence)
    assert sentence in why
    assert "dkronctl run" in why or not why


@pytest.mark.parametrize(
    ("trigger", "job", "may"),
    [
        pytest.param("manual", DECLARED, True, id="on request"),
        pytest.param("backfill", DECLARED, True, id="by a backfill"),
        pytest.param("schedule", DECLARED, False, id="by the schedule"),
        pytest.param("manual", from_object(wire_job()), False, id="a job without parameters"),
    ],
)
def test_which_runs_may_have_values(trigger: str, job: Any, may: bool) -> None:
    assert may_have_values(job.raw, trigger) is may
