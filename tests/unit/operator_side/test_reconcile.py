"""The parts together around a fake API server, in virtual time: from a slot to its record, and through outages."""

import asyncio
from datetime import datetime
from functools import partial
from typing import Any

import pytest

from dkron_crds.job import JobStatus
from dkron_crds.requests import RUN_PREFIX
from dkron_kube.errors import Rejected, Unavailable
from dkron_kube.paths import DKRON_JOBS, EVENTS, JOBS
from tests.support.builders import NOON, UID, after, claim, ended, job_view, seen, wire_run
from tests.support.edges import Edges, begin, until, wall
from tests.support.fake_kube import FakeKube

pytestmark = pytest.mark.looptime
ASKED: dict[str, Any] = {"schedule": "@manually", "requests": {"a": "2026-03-01T12:00:00Z"}}


def job_names(edges: Edges) -> list[str]:
    return edges.kube.names(JOBS)


def finish(edges: Edges, name: str, kind: str = "Complete") -> None:
    edges.kube.edit(JOBS, name, lambda body: body.update(status=ended(kind, at=wall())))
    edges.watch()


def slot(minute: int) -> datetime:
    return after(60 * minute)


def skipped(edges: Edges) -> int:
    found = edges.status().skipped
    return 0 if found is None else found.count


RUNS = seen(claim(NOON))


async def test_a_slot_becomes_a_job_and_its_end_a_record() -> None:
    edges = begin()
    async with edges.running():
        await until(59.5)
        assert job_names(edges) == []
        await until(61)
        assert job_names(edges) == [claim(slot(1)).job]
        assert [entry.slot for entry in edges.status().active] == [slot(1)]
        assert edges.status().last_schedule_time == slot(1)
        assert edges.status().next == slot(2)
        await until(65)
        finish(edges, claim(slot(1)).job)
        await until(67)
        assert (edges.status().success_count, edges.status().active) == (1, ())
        await until(119)
        assert len(job_names(edges)) == 1, "one slot is one Job, whatever else happens"


async def test_a_settled_job_costs_nothing() -> None:
    edges = begin(schedule="@manually")
    async with edges.running():
        await until(5)
        calls = list(edges.kube.calls)
        await until(900)
        assert edges.kube.calls == calls


@pytest.mark.parametrize(
    ("missed", "seconds", "passed"),
    [
        pytest.param("latest", [10, 50, 60, 70, 80, 90], 3, id="latest"),
        pytest.param("skip", [10, 60, 70, 80, 90], 4, id="skip"),
        pytest.param("all", [10, 20, 30, 40, 50, 60, 70, 80, 90], 0, id="all"),
    ],
)
async def test_slots_of_an_outage_go_by_missed_runs(missed: str, seconds: list[int], passed: int) -> None:
    edges = begin(schedule="*/10 * * * * *", missedRuns=missed)
    async with edges.running():
        await until(9)
        edges.kube.fail("create jobs", *[Unavailable("down")] * 500)
        await until(55)
        edges.kube.before.clear()
        await until(95)
    # The first is the one whose fate was unknown: it is tried until that is known.
    assert [entry.slot for entry in edges.status().active] == [after(second) for second in seconds]
    assert skipped(edges) == passed


async def test_refused_job_is_recorded_and_retried_without_a_slot() -> None:
    edges = begin(**ASKED, retries=1)
    edges.kube.fail("create jobs", Rejected("exceeded quota", status=403))
    async with edges.running():
        await until(10)
    assert edges.status().executions[0].reason == "JobRejected"
    assert len(job_names(edges)) == 1


@pytest.mark.parametrize(
    ("missed", "jobs", "passed"), [("all", 4, 0), ("latest", 2, 2), ("skip", 1, 3)], ids=["all", "latest", "skip"]
)
async def test_slots_with_refused_claims_follow_missed_runs(
    monkeypatch: pytest.MonkeyPatch, missed: str, jobs: int, passed: int
) -> None:
    """A policy refuses the status: that is told by an Event, and what passes meanwhile passes as in an outage."""
    edges = begin(concurrency="replace", missedRuns=missed)
    write = edges.kube.patch_status

    async def refuse(*arguments: Any) -> Any:
        if 50 < asyncio.get_running_loop().time() < 230:
            raise Rejected("says the policy", status=422)
        return await write(*arguments)

    monkeypatch.setattr(edges.kube, "patch_status", refuse)
    async with edges.running():
        await until(229)
        assert job_names(edges) == []
        await until(241)
    assert (edges.asked("create jobs"), skipped(edges)) == (jobs, passed)
    told = [edges.kube.has(EVENTS, name) for name in edges.kube.names(EVENTS)]
    assert {event["reason"] for event in told if "says the policy" in event["note"]} == {"StatusRefused"}


def refusals(edges: Edges) -> list[str]:
    """The Events about refused writes."""
    told = [edges.kube.has(EVENTS, name) for name in edges.kube.names(EVENTS)]
    return [event["note"] for event in told if event["reason"] == "WriteRefused"]


@pytest.mark.parametrize(
    ("notes", "runs"),
    [
        pytest.param({"run.dkron.io/x": "no time"}, 0, id="a request that is refused"),
        pytest.param({"run.dkron.io/x": "2026-03-01T12:00:01Z by ada"}, 1, id="a request that runs"),
        pytest.param({"stop.dkron.io/x": "2026-03-01T12:00:01Z by ada"}, 0, id="a stop of nothing"),
    ],
)
@pytest.mark.parametrize("concurrency", ["allow", "forbid", "replace"])
async def test_unremovable_annotation_blocks_no_slot_and_acts_once(
    notes: dict[str, str], runs: int, concurrency: str
) -> None:
    edges = begin(missedRuns="skip", concurrency=concurrency, history={"executions": 1})
    async with edges.running():
        await until(3)
        edges.kube.fail("patch dkronjobs", *[Rejected("says the policy", status=422)] * 20)
        edges.edit_job(lambda body: body["metadata"]["annotations"].update(notes))
        edges.watch()
        for minute in range(8):
            await until(60 * minute + 5)
            for name in job_names(edges):
                edges.kube.edit(JOBS, name, lambda body: body.update(status=ended("Complete", at=wall())))
            edges.watch()
        await until(470)
        assert (edges.asked("create jobs"), skipped(edges)) == (7 + runs, 0)
        assert edges.asked("patch dkronjobs") <= 10, "once a minute"
    assert {"says the policy" in note for note in refusals(edges)} == {True}
    another = Edges(edges.kube)
    another.watch()
    async with another.running():
        await until(535)
    assert another.asked("create jobs") == 8 + runs, "another process does nothing again, whatever the history keeps"


async def test_refused_deletion_delays_the_replacing_run_with_an_event() -> None:
    edges = begin(missedRuns="all", concurrency="replace")
    async with edges.running():
        await until(61)
        edges.kube.fail("delete jobs", *[Rejected("says the policy", status=422)] * 3)
        await until(130)
    assert "says the policy" in refusals(edges)[0]
    assert claim(after(120)).job in job_names(edges), "the slot runs once the API server takes it"


async def test_finished_jobs_are_deleted_after_a_minute_counted_once() -> None:
    edges = begin(**ASKED, history={"successfulJobs": 0})
    async with edges.running():
        await until(1)
        (name,) = job_names(edges)
        await until(10)
        finish(edges, name)
        await until(69)
        assert job_names(edges) == [name]
        await until(75)
        assert job_names(edges) == []
        edges.handlers.feed_attempt("DELETED", wire_run(claim(), uid="other"))
        assert edges.status().success_count == 1


@pytest.mark.parametrize("cut", [False, True], ids=["its Job is deleted", "its Job has lost its annotations"])
async def test_an_attempt_is_lost_once_if(*, cut: bool) -> None:
    kube = FakeKube()
    kube.put(JOBS, {"metadata": {"name": RUNS.job, "uid": RUNS.uid}} if cut else wire_run(RUNS))
    edges = begin(kube, schedule="@manually", status=JobStatus(since=NOON, active=(RUNS,)))
    async with edges.running():
        await until(2)
        if not cut:
            edges.handlers.feed_attempt("DELETED", edges.kube.remove(JOBS, RUNS.job))
        await until(10)
        edges.parts.jobs.add(UID)
        await until(11)
    assert [record.reason for record in edges.status().executions] == ["JobLost"]
    assert edges.entry().observed.attempts == {}
    assert edges.asked("get jobs") == int(cut)


async def test_deleted_dkronjob_leaves_nothing_behind() -> None:
    edges = begin()
    async with edges.running():
        await until(61)
        edges.handlers.feed_job("DELETED", edges.kube.remove(DKRON_JOBS, "backup"))
        await until(300)
        assert edges.store.get(UID) is None
        assert len(edges.parts.due_queue) == 0
    assert len(job_names(edges)) == 1


async def test_job_disabled_between_plan_and_effect_does_not_run() -> None:
    """The plan has an annotation to remove, and a slot to fire; the answer to the first shows that it is too late."""
    edges = begin(status=JobStatus(since=NOON, fingerprint=job_view().fingerprint))

    def disable(body: dict[str, Any]) -> None:
        body["spec"]["disabled"] = True
        body["metadata"]["generation"] += 1

    async with edges.running():
        await until(59)
        edges.acts = False
        await until(60.5)
        notes = {f"{RUN_PREFIX}a": "no time at all"}
        edges.edit_job(lambda body: body["metadata"]["annotations"].update(notes))
        edges.kube.meanwhile("patch dkronjobs", partial(edges.edit_job, disable))
        edges.acts = True
        edges.watch()
        await until(70)
    assert edges.kube.before["patch dkronjobs"] == [], "it was disabled by the way"
    assert job_names(edges) == []
