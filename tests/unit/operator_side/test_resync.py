"""The resync: objects that vanished without an event of a watch."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from dkron_crds.job import JobStatus
from dkron_kube.client import KubeClient
from dkron_kube.errors import NotFound, Unavailable
from dkron_kube.paths import DKRON_JOBS, JOBS, Resource
from dkron_operator.watch.resync import Resync
from tests.support.builders import NOON, UID, claim, ended, wire_job, wire_run
from tests.support.edges import begin

pytestmark = pytest.mark.looptime
ENTRY = claim()


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


async def test_answer_to_a_deletion_does_not_revive_a_job() -> None:
    edges = begin(status=JobStatus(since=NOON, counted=(ENTRY.job,), success_count=1))
    run = edges.kube.put(JOBS, wire_run(ENTRY, status=ended()))
    edges.watch()
    entry = edges.entry()

    def tell_its_end() -> None:
        edges.handlers.feed_attempt("DELETED", run)
        entry.observed.attempts.pop(ENTRY.job, None)

    edges.kube.meanwhile("delete jobs", tell_its_end)
    await edges.parts.effects._job_deleter._delete((UID, ENTRY.job))
    assert entry.observed.attempts == {}
