"""A run that was asked for: how far it is, and waiting for its end."""

import asyncio
from typing import Any

import pytest

from dkron_api import waiting
from dkron_api.catalog import Catalog
from dkron_api.translate.record import Job
from dkron_api.translate.run import Progress, Run, problem, progress, refusal
from tests.support.builders import NOON, wire_job

Object = dict[str, Any]
RUN = Run(id="rest-1", at=NOON, by="rest")
OTHER = Run(id="rest-2", at=NOON)
ACTIVE = {"active": [{"group": RUN.group}]}
EXECUTED = {"executions": [{"group": RUN.group}]}
REFUSED = {"skipped": {"count": 1, "lastTime": "2026-03-01T12:00:00Z", "lastReason": "ConcurrencyForbidden"}}
BROKEN = {
    "conditions": [
        {"type": "Ready", "status": "False", "reason": "InvalidSchedule", "message": "no such day",
         "lastTransitionTime": "2026-03-01T12:00:00Z"}
    ]
}  # fmt: skip


def raw(status: Object | None = None, *runs: Run, version: int = 1) -> Object:
    made = wire_job(version=version) | {"status": status or {}}
    made["metadata"]["annotations"] = dict(run.annotation for run in runs)
    return made


@pytest.mark.parametrize(
    ("status", "asked", "expected"),
    [
        pytest.param({}, True, Progress.ASKED, id="nobody has looked at it"),
        pytest.param(ACTIVE, True, Progress.RUNNING, id="its Job exists"),
        pytest.param(ACTIVE, False, Progress.RUNNING, id="it runs"),
        pytest.param(EXECUTED | ACTIVE, False, Progress.RUNNING, id="a retry waits"),
        pytest.param(EXECUTED, False, Progress.OVER, id="it is over"),
        pytest.param({"executions": [{"group": OTHER.group}]}, True, Progress.ASKED, id="another run is over"),
        pytest.param({}, False, Progress.UNSEEN, id="the status is still to be written"),
        pytest.param(REFUSED, False, Progress.REFUSED, id="skipped"),
        pytest.param(REFUSED, True, Progress.ASKED, id="an earlier one was skipped"),
        pytest.param(BROKEN, False, Progress.REFUSED, id="the job cannot run"),
    ],
)
def test_progress(status: Object, asked: bool, expected: Progress) -> None:
    assert progress(Job(raw(status, *([RUN] if asked else []))), RUN) is expected


def test_a_refusal_says_why() -> None:
    assert refusal(Job(raw(REFUSED)), RUN) == "the operator skipped it: ConcurrencyForbidden"
    assert refusal(Job(raw(BROKEN)), RUN) == "the job cannot run: no such day"
    assert refusal(Job(raw()), RUN) == ""


def test_a_problem_of_an_earlier_spec_is_none_of_this_one() -> None:
    ready = {"type": "Ready", "status": "False", "reason": "InvalidSchedule", "observedGeneration": 1}
    assert problem(Job(raw({"conditions": [ready]}))) == "the job cannot run: InvalidSchedule"
    assert problem(Job(raw({"conditions": [ready | {"observedGeneration": 0}]}))) == ""
    assert problem(Job(raw({"conditions": [ready | {"status": "True"}]}))) == ""


def test_two_requests_of_one_second_are_two_groups() -> None:
    assert RUN.group != OTHER.group


async def ended(*steps: Object | None) -> Job | None:
    """What a vigil says after these versions of the job; None: it was deleted."""
    catalog = Catalog(lambda: NOON)
    catalog.see(raw(None, RUN))
    job = catalog.get("backup")
    assert job is not None
    with waiting.Vigils(catalog).watch(job, RUN) as watching:
        for step in steps:
            if step is None:
                catalog.lose(job)
            else:
                catalog.see(step)
        await asyncio.sleep(0)
        return watching.ended.result() if watching.ended.done() else None


async def test_the_wait_ends_with_the_version_in_which_the_run_is_over() -> None:
    last = await ended(raw(ACTIVE, version=2), raw(EXECUTED, version=3), raw(ACTIVE, version=4))
    assert last is not None
    assert last.version == 3


async def test_the_wait_goes_on_while_the_run_does() -> None:
    assert await ended(raw(None, version=2), raw(ACTIVE, version=3)) is None


async def test_the_wait_ends_when_the_job_is_deleted() -> None:
    assert await ended(raw(ACTIVE, version=2), None) is not None


async def test_a_run_without_any_trace_ends_the_wait_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "TRACELESS", 0)
    catalog = Catalog(lambda: NOON)
    catalog.see(raw(None, RUN))
    job = catalog.get("backup")
    assert job is not None
    with waiting.Vigils(catalog).watch(job, RUN) as watching:
        catalog.see(raw(version=2))
        assert (await asyncio.wait_for(watching.ended, 5)).version == 2
    assert catalog.listeners == []


async def test_a_trace_that_shows_up_late_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "TRACELESS", 0.01)
    catalog = Catalog(lambda: NOON)
    catalog.see(raw(None, RUN))
    job = catalog.get("backup")
    assert job is not None
    with waiting.Vigils(catalog).watch(job, RUN) as watching:
        catalog.see(raw(version=2))
        catalog.see(raw(ACTIVE, version=3))
        done, _ = await asyncio.wait({watching.ended}, timeout=0.05)
        assert not done


async def test_the_stop_of_the_server_ends_the_wait() -> None:
    catalog = Catalog(lambda: NOON)
    catalog.see(raw(None, RUN))
    job = catalog.get("backup")
    assert job is not None
    vigils = waiting.Vigils(catalog)
    with vigils.watch(job, RUN) as watching:
        vigils.give_up()
        with pytest.raises(TimeoutError):
            await watching.ended
