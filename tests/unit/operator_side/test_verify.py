"""Lists and watches may be old: what they show of a Job that the status does not know, or do not show of one that it
does, is asked for by name before anything follows from it.
"""

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from dkron_crds.job import Heard, JobStatus
from dkron_kube.client import KubeClient
from dkron_kube.errors import Unavailable
from dkron_kube.paths import DKRON_JOBS, JOBS
from dkron_operator.plan.situation.cause import following
from dkron_operator.plan.status.unknown_jobs import is_settled
from dkron_operator.watch.resync import Resync
from tests.support.builders import (
    NAME,
    NOON,
    UID,
    after,
    claim,
    ended,
    job_view,
    request_claim,
    run,
    wire_job,
    wire_run,
)  # fmt: skip
from tests.support.edges import Edges, begin, until
from tests.support.fake_kube import FakeKube

pytestmark = pytest.mark.looptime
BEGAN = after(-120)
ENTRY = claim(after(-60))
FORGOTTEN = JobStatus(since=BEGAN, success_count=1, last_schedule_time=ENTRY.slot)
"""Its run was counted, its Job was deleted, and the history has no place for it any more."""
COUNTED = FORGOTTEN.model_copy(update={"counted": (ENTRY.job,)})
NEW = JobStatus(since=BEGAN)
AFTER_A_PARENT = following(Heard(job="parent", uid="uid-parent", group=1, at=NOON)).entry(uid=UID, name=NAME, at=NOON)


def counts(edges: Edges) -> tuple[int, int]:
    return edges.status().success_count, edges.status().error_count


# --- a Job that the status does not know -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        pytest.param("Failed", [(0, None)], id="a list shows it"),
        pytest.param("Complete", [(0, None), (0, "DELETED")], id="and a watch its end at once"),
        pytest.param("Complete", [(0, "MODIFIED"), (20, "MODIFIED")], id="a watch tells of it bit by bit"),
    ],
)
@pytest.mark.parametrize("retries", [0, 2])
async def test_old_job_is_neither_counted_nor_retried_though(
    kind: str, told: list[tuple[float, Any]], retries: int
) -> None:
    edges = begin(schedule="@yearly", status=FORGOTTEN, retries=retries)
    async with edges.running():
        for version, (at, event) in enumerate(told, start=2):
            await until(at + 0.001)
            edges.handlers.feed_attempt(event, wire_run(ENTRY, version=version, status=ended(kind)))
        await until(30)
    assert (counts(edges), edges.kube.names(JOBS), edges.entry().observed.attempts) == ((1, 0), [], {})
    assert edges.asked("get jobs") <= len(told)


@pytest.mark.parametrize("status", [NEW, JobStatus()], ids=["an operator that died before it wrote", "a wiped status"])
async def test_existing_job_is_read_once_and_counted(status: JobStatus) -> None:
    edges = begin(schedule="@yearly", status=status)
    edges.kube.put(JOBS, wire_run(ENTRY, status=ended()))
    async with edges.running():
        edges.watch()
        await until(30)
    assert (counts(edges), edges.asked("get jobs")) == ((1, 0), 1)


async def test_gone_job_is_recorded_if_its_slot_is_undecided() -> None:
    edges, entry = begin(status=NEW), claim(after(60))
    async with edges.running():
        await until(59.9)
        edges.handlers.feed_attempt("ADDED", wire_run(entry, version=2))
        edges.handlers.feed_attempt("DELETED", wire_run(entry, version=3))
        await until(90)
    assert (counts(edges), edges.status().executions[0].reason, edges.kube.names(JOBS)) == ((0, 1), "JobLost", [])


async def test_nothing_is_decided_during_an_api_server_outage() -> None:
    edges = begin(status=NEW, concurrency="forbid")
    edges.kube.put(JOBS, wire_run(ENTRY))
    edges.kube.fail("get jobs", *[Unavailable("no answer")] * 3)
    async with edges.running():
        edges.watch()
        await until(121)
        assert edges.kube.names(JOBS) == [ENTRY.job], "it runs, and forbids another"
        assert edges.status().last_schedule_time == after(120)


# --- a name of which no Job was seen ---------------------------------------------------------------------------------


async def test_job_missing_in_an_old_list_is_not_forgotten() -> None:
    edges = begin(schedule="@yearly", status=COUNTED)
    unseen = edges.kube.put(JOBS, wire_run(ENTRY, status=ended()))
    async with edges.running():
        await until(10)
        edges.edit_job(lambda body: body["spec"].update(schedule="@monthly"))
        edges.watch()
        await until(20)
        edges.handlers.feed_attempt("ADDED", unseen)
        await until(30)
    assert (counts(edges), edges.status().counted) == ((1, 0), (ENTRY.job,))


# --- a DkronJob ------------------------------------------------------------------------------------------------------


async def test_job_from_an_old_list_is_read_before_any_effect() -> None:
    edges = Edges(FakeKube())
    edges.kube.put(DKRON_JOBS, wire_job(status=FORGOTTEN.model_copy(update={"last_schedule_time": after(600)})))
    edges.handlers.feed_job(None, wire_job(version=1, status=NEW))
    async with edges.running():
        await until(590)
    assert (edges.kube.names(JOBS), edges.status().skipped) == ([], None)
    assert edges.kube.calls[0] == "get dkronjobs backup"


async def test_job_from_an_old_list_is_read_with_its_parents() -> None:
    edges = Edges(FakeKube())
    for body in (
        wire_job(name="parent", uid="uid-parent", deleting=True),
        wire_job(name="child", schedule="", parentJob="parent"),
    ):
        edges.kube.put(DKRON_JOBS, body)
        edges.handlers.feed_job(None, body)
    async with edges.running():
        await until(5)
    assert edges.kube.calls[:2] == ["get dkronjobs child", "get dkronjobs parent"], "the parent has nothing to do"


@pytest.mark.looptime
async def test_resync_drops_no_existing_job(monkeypatch: pytest.MonkeyPatch) -> None:
    edges = begin(status=FORGOTTEN)
    there = edges.kube.put(JOBS, wire_run(ENTRY, uid="there"))
    edges.handlers.feed_attempt("ADDED", there)
    edges.handlers.feed_attempt("ADDED", wire_run(claim(after(60)), uid="gone", version=1))
    monkeypatch.setattr(edges.kube, "list", nothing_listed)
    await Resync(cast("KubeClient", edges.kube), edges.store, edges.handlers, None).compare()
    assert {run.uid: run.gone for run in edges.entry().observed.attempts.values()} == {"there": False, "gone": True}


async def nothing_listed(*_: Any, **__: Any) -> AsyncIterator[Any]:
    for body in tuple[Any, ...]():
        yield body


# --- what is settled -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "settled"),
    [
        pytest.param(claim(after(60)), True, id="a slot that the mark has reached"),
        pytest.param(claim(after(120)), False, id="a later slot"),
        pytest.param(claim(after(120), attempt=2), True, id="a second attempt, which is claimed before"),
        pytest.param(request_claim("asked"), False, id="a request that is still there"),
        pytest.param(request_claim("done"), True, id="a request that had its run"),
        pytest.param(AFTER_A_PARENT, True, id="after a parent, which is claimed before"),
    ],
)
def test_cause_of_a_job_is_settled_or_not(entry: Any, settled: bool) -> None:
    job, status = job_view(requests={"asked": "2026-03-01T12:00:00Z"}), JobStatus(last_schedule_time=after(60))
    assert is_settled(job, status, run(entry)) is settled
