"""Failures that the simulation has found: each test is one of its failures, made small (docs/reliability.md)."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from dkron_crds.job import JobStatus
from dkron_kube.client import KubeClient
from dkron_kube.errors import Conflict, NotFound, Unavailable
from dkron_kube.paths import DKRON_JOBS, JOBS, Resource
from dkron_operator.cache.store import Store
from dkron_operator.plan.advance import advance
from dkron_operator.plan.changes import Accepted
from dkron_operator.watch.resync import Resync
from tests.support.builders import NOON, UID, after, claim, ended, job_view, situation, wire_job, wire_run
from tests.support.edges import begin
from tests.support.plans import fired

ENTRY = claim()
OTHER_UID = "00000000-0000-0000-0000-00000000000b"
COUNTED = JobStatus(since=NOON, counted=(ENTRY.job,), success_count=1)
TRIMMED = JobStatus(since=NOON, success_count=1, last_schedule_time=ENTRY.slot)


# --- counted twice ---------------------------------------------------------------------------------------------------


def test_gone_job_is_kept_until_a_plan_has_read_it() -> None:
    store = Store()
    store.upsert_job(wire_job(version=1, status=COUNTED))
    store.upsert_attempt(wire_run(ENTRY, version=2, status=ended()))
    store.upsert_job(wire_job(version=3, status=TRIMMED))
    (entry,) = store
    store.remove_attempt(wire_run(ENTRY, version=4, status=ended()))
    assert entry.observed.attempts[ENTRY.job].gone


@pytest.mark.looptime
async def test_answer_to_a_deletion_does_not_revive_a_job() -> None:
    edges = begin(status=COUNTED)
    run = edges.kube.put(JOBS, wire_run(ENTRY, status=ended()))
    edges.watch()
    entry = edges.entry()

    def tell_its_end() -> None:
        edges.handlers.feed_attempt("DELETED", run)
        entry.observed.attempts.pop(ENTRY.job, None)

    edges.kube.meanwhile("delete jobs", tell_its_end)
    await edges.parts.effects._job_deleter._delete((UID, ENTRY.job))
    assert entry.observed.attempts == {}


# --- slots of two grids ----------------------------------------------------------------------------------------------


def test_slow_clock_keeps_since_at_the_last_edit() -> None:
    job, status = job_view(), JobStatus(since=after(60), fingerprint="old")
    assert advance(situation(job, status, now=after(10))).status.since == after(60)


# --- a clock that is set back ----------------------------------------------------------------------------------------


def test_claim_does_not_wait_for_a_clock_that_was_set_back() -> None:
    waiting = claim(after(60), at=after(61))
    assert fired(advance(situation(job_view(), JobStatus(active=(waiting,)), now=after(58)))) == waiting


# --- a job and its successor -----------------------------------------------------------------------------------------


def test_late_version_of_a_deleted_job_is_no_new_job() -> None:
    store = Store()
    store.upsert_job(wire_job(version=1))
    store.mark_missing(UID)
    assert list(store.upsert_job(wire_job(version=2))) == []
    assert (len(store), store.places()) == (0, {UID: None})
    assert list(store.on_deleted(UID)) == []
    assert store.places() == {}


@pytest.mark.parametrize("versions", [(1, 5, 4), (5, 4)], ids=["before", "only later"])
def test_successor_reports_its_predecessor_as_deleted(versions: tuple[int, ...]) -> None:
    store = Store()
    for version in versions:
        uids = [OTHER_UID] if version == 5 else [UID]
        told = store.upsert_job(wire_job(uid=uids[0], version=version))
        assert list(told) == ([] if version == 4 else uids)
    (entry,) = store
    assert (entry.job.uid, store.duplicate(entry)) == (OTHER_UID, None)


@pytest.mark.looptime
async def test_a_claim_for_a_job_that_is_gone_is_no_error() -> None:
    edges = begin()
    edges.kube.world.objects.clear()
    with pytest.raises(Conflict, match="deleted"):
        await edges.parts.writer.claim(edges.entry(), (Accepted(NOON, "f"),))
    assert edges.store.get(UID) is None


# --- objects that vanished unseen -------------------------------------------------------------------------------------


@pytest.mark.looptime
async def test_a_sweep_that_fails_is_made_again() -> None:
    edges = begin()
    edges.handlers.feed_attempt("ADDED", wire_run(ENTRY))
    lists = Refusing(refusals=6)
    sweep = Resync(cast("KubeClient", lists), edges.store, edges.handlers, None)
    sweep.want()
    task = asyncio.create_task(sweep.run())
    await asyncio.sleep(300)
    task.cancel()
    assert edges.entry().observed.attempts[ENTRY.job].gone
    gaps = [later - sooner for sooner, later in itertools.pairwise((0, *lists.asked[:7]))]
    assert gaps == pytest.approx([5, 10, 20, 30, 30, 30, 30])
    assert lists.asked[7:] == [], "it is done, and made again in ten minutes"


@pytest.mark.looptime
async def test_job_missing_in_a_resync_keeps_its_last_watched_state() -> None:
    """Its time to live was over at once."""
    edges = begin()
    edges.handlers.feed_attempt("ADDED", wire_run(ENTRY))
    sweep = Resync(cast("KubeClient", Refusing(refusals=0)), edges.store, edges.handlers, None)
    task = asyncio.create_task(sweep.compare())
    await asyncio.sleep(0.1)
    assert not edges.entry().observed.attempts[ENTRY.job].gone, "or it would be recorded as lost"
    edges.handlers.feed_attempt("DELETED", wire_run(ENTRY, version=9, status=ended()))
    await task
    (seen,) = edges.entry().observed.attempts.values()
    assert (seen.gone, seen.finished) == (True, True)


class Refusing:
    """An API server that has one DkronJob and no Jobs, and refuses the first so many sweeps."""

    def __init__(self, *, refusals: int) -> None:
        self.asked: list[float] = []
        self._refusals = refusals

    async def list(self, resource: Resource, *_: Any, **__: Any) -> AsyncIterator[Any]:
        if resource == DKRON_JOBS:
            self.asked.append(asyncio.get_running_loop().time())
            if len(self.asked) <= self._refusals:
                raise Unavailable("answered 500")
            yield wire_job()

    async def get(self, *_: Any) -> Any:
        raise NotFound("not found")
