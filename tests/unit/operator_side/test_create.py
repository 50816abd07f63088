"""Fire: doing it twice is doing it once, and no object of another owner is taken for ours."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from dkron_crds.job import Attempt, JobStatus
from dkron_kube.errors import AlreadyExists, Conflict, Rejected, Unavailable
from dkron_kube.paths import JOBS, PODS
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.plan.actions import CreateJob
from dkron_operator.plan.status.changes import Decided, Dropped, Started
from tests.support.builders import (
    NOON,
    Object,
    after,
    claim,
    ended,
    run,
    seen,
    terminated,
    wire_job,
    wire_pod,
    wire_run,
)
from tests.support.edges import Edges, begin
from tests.support.scrape import read_registry

pytestmark = pytest.mark.looptime
ENTRY = claim()
MARK = (Decided(NOON),)


async def fire(edges: Edges, create: CreateJob, entry: CachedJob | None = None) -> None:
    await edges.parts.effects._create(entry or edges.entry(), create)


def active(edges: Edges) -> tuple[Attempt, ...]:
    return edges.entry().status.active


def lateness(edges: Edges) -> tuple[float, float]:
    """How many Jobs were created for a slot, and how many seconds after it in all."""
    seen = read_registry(edges.store.metrics.registry)
    return seen.one("schedule_lateness_seconds_count"), seen.one("schedule_lateness_seconds_sum")


async def test_a_job_is_created_and_then_the_slot_is_marked() -> None:
    edges = begin()
    await asyncio.sleep(1.5)
    await fire(edges, CreateJob(ENTRY, after=MARK))
    assert edges.kube.calls == [f"create jobs {ENTRY.job}"]
    assert edges.entry().pending == [*MARK, Started(seen(ENTRY))]
    assert list(edges.entry().observed.attempts) == [ENTRY.job], "the next plan need not wait for the watch"
    assert edges.kube.has(JOBS, ENTRY.job)["metadata"]["annotations"]["dkron.io/installation"] == "home"
    assert lateness(edges) == (1, 1.5)
    await fire(edges, CreateJob(ENTRY, late=True))
    assert lateness(edges) == (1, 1.5), "one that was found was created long ago"
    await fire(edges, CreateJob(claim(attempt=2)))
    assert lateness(edges) == (1, 1.5), "a retry is late by design"


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(wire_run(ENTRY, owner="another"), id="a job that was created again"),
        pytest.param(wire_run(ENTRY.model_copy(update={"group": 1})), id="another group"),
        pytest.param(wire_run(ENTRY.model_copy(update={"attempt": 2})), id="another attempt"),
        pytest.param(wire_run(ENTRY.model_copy(update={"trigger": "manual"})), id="another trigger"),
        pytest.param({"metadata": {"name": ENTRY.job, "uid": "x"}}, id="another owner"),
    ],
)
async def test_name_of_another_cause_is_awaited(other: Object) -> None:
    edges = begin()
    edges.kube.put(JOBS, other)
    with pytest.raises(Unavailable, match="another object has the name"):
        await fire(edges, CreateJob(ENTRY, after=MARK))
    assert active(edges) == ()
    assert edges.entry().status.last_schedule_time is None
    assert edges.entry().remembered.unconfirmed_create == ENTRY
    assert edges.entry().observed.pod_problems[ENTRY.job].reason == "NameTaken"
    edges.kube.remove(JOBS, ENTRY.job)
    await fire(edges, CreateJob(ENTRY, after=MARK))
    assert active(edges) == (seen(ENTRY),)
    assert (edges.entry().remembered.unconfirmed_create, edges.entry().observed.pod_problems) == (None, {})


@pytest.mark.parametrize("made", [True, False], ids=["that was made", "that was not made"])
async def test_a_create_without_an_answer(*, made: bool) -> None:
    edges = begin()
    if made:
        edges.kube.lose_answer("create jobs")
    else:
        edges.kube.fail("create jobs", Unavailable("down"))
    with pytest.raises(Unavailable):
        await fire(edges, CreateJob(ENTRY, after=MARK))
    assert (edges.entry().remembered.unconfirmed_create, edges.entry().pending) == (ENTRY, [])
    await fire(edges, CreateJob(ENTRY, after=MARK))
    assert edges.kube.names(JOBS) == [ENTRY.job]
    assert (edges.entry().remembered.unconfirmed_create, active(edges)) == (None, (seen(ENTRY),))


@pytest.mark.parametrize(
    ("there", "made"),
    [
        pytest.param(wire_run(ENTRY), True, id="is there"),
        pytest.param(None, False, id="is not there"),
        pytest.param({"metadata": {"name": ENTRY.job, "uid": "x"}}, False, id="has a name that another object holds"),
    ],
)
async def test_late_claim_only_checks_whether_its_job(there: Object | None, *, made: bool) -> None:
    edges = begin()
    if there is not None:
        edges.kube.put(JOBS, there)
    await fire(edges, CreateJob(ENTRY, after=MARK, late=True, otherwise=(Dropped("x"), *MARK)))
    assert edges.kube.calls == [f"get jobs {ENTRY.job}"]
    assert edges.entry().pending == ([*MARK, Started(seen(ENTRY))] if made else [Dropped("x"), *MARK])
    assert active(edges) == ((seen(ENTRY),) if made else ())


async def test_a_refusal_is_the_outcome_of_the_attempt() -> None:
    edges = begin()
    edges.kube.fail("create jobs", Rejected('jobs "x" is forbidden: exceeded quota', status=403))
    await fire(edges, CreateJob(ENTRY, after=MARK))
    outcome = edges.entry().observed.outcomes[ENTRY.job]
    assert (outcome.success, outcome.reason) == (False, "JobRejected")
    assert outcome.message == 'jobs "x" is forbidden: exceeded quota'
    assert active(edges) == (ENTRY,)
    assert edges.entry().status.last_schedule_time == NOON


async def test_create_refused_for_an_existing_job_adopts_it() -> None:
    edges = begin()
    edges.kube.put(JOBS, wire_run(ENTRY))
    edges.kube.fail("create jobs", Rejected("exceeded quota", status=403))
    await fire(edges, CreateJob(ENTRY, after=MARK))
    assert active(edges) == (seen(ENTRY),)
    assert edges.entry().observed.outcomes == {}, "the attempt has only begun"


async def test_job_deleted_before_its_read_is_created_again() -> None:
    edges = begin()
    edges.kube.fail("create jobs", AlreadyExists(f"{ENTRY.job} already exists", status=409, reason="AlreadyExists"))
    with pytest.raises(Unavailable, match="already existed, but was deleted before the operator could read it"):
        await fire(edges, CreateJob(ENTRY, after=MARK, otherwise=(Dropped("x"), *MARK)))
    assert (edges.entry().remembered.unconfirmed_create, edges.entry().pending) == (ENTRY, [])
    assert edges.entry().observed.outcomes == {}, "nothing was refused"
    await fire(edges, CreateJob(ENTRY, after=MARK))
    assert edges.kube.names(JOBS) == [ENTRY.job]
    assert (edges.entry().remembered.unconfirmed_create, active(edges)) == (None, (seen(ENTRY),))


async def test_refused_create_waits_for_the_read_of_the_job() -> None:
    edges = begin()
    edges.kube.fail("create jobs", Rejected("exceeded quota", status=403))
    edges.kube.fail("get jobs", Unavailable("down"))
    with pytest.raises(Unavailable):
        await fire(edges, CreateJob(ENTRY, after=MARK))
    assert (edges.entry().remembered.unconfirmed_create, edges.entry().observed.outcomes) == (ENTRY, {})


async def test_a_spec_that_broke_meanwhile_is_a_refusal_too() -> None:
    edges = begin(status=JobStatus(active=(ENTRY,)))
    edges.edit_job(lambda body: body.update(wire_job(command="", generation=2)))
    edges.watch()
    await fire(edges, CreateJob(ENTRY))
    assert edges.entry().observed.outcomes[ENTRY.job].reason == "JobRejected"
    assert edges.kube.names(JOBS) == []


async def test_nothing_is_created_without_a_claim() -> None:
    edges = begin(concurrency="forbid")
    claimed = (*MARK, Started(ENTRY))
    edges.edit_job(lambda body: body.update(status={"successCount": 1}))
    with pytest.raises(Conflict):
        await fire(edges, CreateJob(ENTRY, before=claimed))
    assert edges.kube.names(JOBS) == []
    await fire(edges, CreateJob(ENTRY, before=claimed))
    verbs = [call.split()[0] for call in edges.kube.calls]
    assert verbs == ["write", "get", "write", "create"]
    assert edges.status().active == (ENTRY,)


# --- what it replaces ------------------------------------------------------------------------------------------------

OLD = seen(claim(after(-60)))


def replacing(**old: Any) -> Edges:
    """A job whose last run is still there."""
    edges = begin(concurrency="replace")
    edges.kube.put(JOBS, wire_run(OLD, **old))
    return edges


async def replace(edges: Edges) -> None:
    await fire(edges, CreateJob(ENTRY, before=(Started(ENTRY),), replaces=(run(OLD),)))


async def test_replaced_job_is_deleted_between_claim_and_create() -> None:
    edges = replacing()
    await replace(edges)
    acts = [call for call in edges.kube.calls if call.split()[0] in ("write", "delete", "create")]
    deletions = [f"delete jobs {OLD.job}"] * 2
    assert acts == ["write dkronjobs backup", *deletions, f"create jobs {ENTRY.job}"], "it was seen in an older version"
    assert edges.kube.names(JOBS) == [ENTRY.job]


def with_a_pod(edges: Edges, code: int) -> None:
    phase = "Failed" if code else "Succeeded"
    edges.kube.put(PODS, wire_pod(states={"job": terminated(code)}, phase=phase, of=OLD.job))


def without_the_right(edges: Edges) -> None:
    edges.kube.fail("list pods", Rejected("not allowed", status=403))


def with_changes_all_the_time(edges: Edges) -> None:
    for number in range(3):
        edges.kube.meanwhile("delete jobs", partial(touch, edges, number))


def with_a_pod_that_ends_meanwhile(edges: Edges) -> None:
    edges.kube.meanwhile("delete jobs", partial(with_a_pod, edges, 0))


def touch(edges: Edges, number: int) -> None:
    edges.kube.edit(JOBS, OLD.job, lambda job: job.update(status={"ready": number}))


@pytest.mark.parametrize(
    ("happens", "kept"),
    [
        pytest.param(partial(with_a_pod, code=0), True, id="has succeeded, and its Job has yet to say so"),
        pytest.param(partial(with_a_pod, code=3), True, id="has failed, and its Job has yet to say so"),
        pytest.param(with_a_pod_that_ends_meanwhile, True, id="succeeds before its Job is deleted"),
        pytest.param(without_the_right, False, id="has pods that may not be listed"),
        pytest.param(with_changes_all_the_time, False, id="changes all the time"),
    ],
)
async def test_a_run_is_replaced_or_keeps_its_outcome_that(happens: Callable[[Edges], None], *, kept: bool) -> None:
    edges = replacing()
    happens(edges)
    await replace(edges)
    assert set(edges.kube.names(JOBS)) == ({OLD.job} if kept else set()) | {ENTRY.job}


async def test_run_that_ends_while_replaced_keeps_its_outcome() -> None:
    edges = replacing(status=ended())
    await replace(edges)
    assert set(edges.kube.names(JOBS)) == {OLD.job, ENTRY.job}
    old = edges.entry().observed.attempts[OLD.job]
    assert (old.finished, old.deleting) == (True, False)


async def test_a_run_that_is_gone_holds_nothing_up() -> None:
    edges = begin(concurrency="replace")
    edges.handlers.feed_attempt(None, wire_run(OLD))
    await replace(edges)
    assert edges.kube.names(JOBS) == [ENTRY.job]
    assert edges.entry().observed.attempts[OLD.job].gone, "whatever the watch has missed"


async def test_namesake_of_a_replaced_job_is_not_deleted() -> None:
    edges = replacing(uid="another")
    with pytest.raises(Conflict):
        await replace(edges)
    assert edges.kube.names(JOBS) == [OLD.job]
