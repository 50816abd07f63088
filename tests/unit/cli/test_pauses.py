"""DkronPauses as `dkronctl` makes and ends them."""

from datetime import timedelta
from typing import Any

import pytest

from dkron_cli.core.pauses import Choice, choice_of, endings, names_any, pause_manifest, read_end, still_paused
from dkron_crds.base import rfc3339
from dkron_crds.pause import DkronPause, WhenResumed
from dkron_reports.job import Job, from_object
from tests.support.builders import NOON, wire_job

Object = dict[str, Any]
TEAM = (("team", "a"),)


def made(choice: Choice, **options: Any) -> Object:
    given = {"reason": "a move", "by": "ann", "until": None, "drop": False} | options
    return pause_manifest(f"of {choice}", "ns", choice, **given)


CHOICES = (
    Choice(), Choice(everywhere=True), Choice(selector=TEAM), Choice(("a", "b")), Choice(("b",)),
    Choice(("a",), everywhere=True),
)  # fmt: skip


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_pause_has_the_chosen_options(choice: Choice) -> None:
    body = made(choice, until=NOON, drop=True)
    spec = DkronPause.from_wire(body | {"metadata": {"name": "p", "namespace": "ns"}}).spec
    assert (spec.until, spec.when_resumed, spec.reason, spec.paused_by) == (NOON, WhenResumed.DROP, "a move", "ann")
    assert choice_of(body) == choice


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        pytest.param(Choice(), {"of all jobs": ()}, id="what pauses all jobs"),
        pytest.param(Choice(everywhere=True), {"of all jobs in all namespaces": ()}, id="what pauses everything"),
        pytest.param(Choice(selector=TEAM), {"of jobs with team=a": ()}, id="what pauses these labels"),
        pytest.param(Choice(("b",)), {"of a, b": ("a",), "of b": ()}, id="of others it goes on"),
        pytest.param(Choice(("c",)), {}, id="nothing"),
    ],
)
def test_pauses_ended_by_a_choice(choice: Choice, expected: dict[str, tuple[str, ...]]) -> None:
    found = endings([made(each) for each in CHOICES], choice)
    assert {each.pause["metadata"]["name"]: each.left for each in found} == expected


def test_an_end_is_a_length_of_time_or_a_time() -> None:
    assert read_end("2h", NOON) == NOON + timedelta(hours=2)
    assert read_end(rfc3339(NOON), NOON) == NOON


def job(name: str, reason: str = "", message: str = "", noted: str = "") -> Job:
    conditions = [{"type": "Suspended", "status": "True", "reason": reason, "message": message}] if reason else []
    status = {"conditions": conditions} | ({"paused": {"name": noted}} if noted else {})
    return from_object({**wire_job(name=name), "status": status})


def test_job_held_by_another_pause_is_reported() -> None:
    everything = "paused by bob: upgrade (DkronPause ops/all)"
    jobs = [
        *(job(f"j{number}", "Paused", everything, "all") for number in range(7)),
        job("off", "Disabled", "spec.disabled is true", "night"),
        job("free"),
        job("idle", "Disabled", "spec.disabled is true"),
    ]
    assert still_paused(jobs, namespaces=False) == [
        f"j0, j1, j2, j3, j4 and 2 others stay {everything}",
        "off stays paused (DkronPause night)",
    ]
    assert still_paused(jobs[:1], namespaces=True) == [f"default/j0 stays {everything}"]
    ended = [{"metadata": {"namespace": where, "name": name}} for where, name in (("ops", "all"), ("ns", "night"))]
    assert [names_any([each], ended[:1]) for each in jobs[6:9]] == [True, False, False]
    assert [names_any([each], ended[1:]) for each in jobs[6:9]] == [False, True, False]
