"""The status writer: no change is lost, none is counted twice, whichever other client writes."""

import asyncio
from contextlib import AsyncExitStack, nullcontext
from functools import partial
from typing import Any

import pytest

from dkron_crds.job import AttemptState, Condition, ConditionStatus, ConditionType, JobStatus, SkipReason, Trigger
from dkron_kube.errors import Conflict, KubeError, NotFound, Rejected, Unavailable
from dkron_kube.paths import DKRON_JOBS, JOBS, PODS
from dkron_operator.act.ports import AT_ONCE, MANY
from dkron_operator.act.status_writer import difference
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.plan.status.beginnings import are_beginnings
from dkron_operator.plan.status.changes import (
    Accepted,
    Change,
    ConditionsSet,
    Decided,
    Finished,
    Forgotten,
    SlotsSkipped,
    Started,
)
from tests.support.builders import (
    NOON,
    UID,
    after,
    claim,
    ended,
    execution,
    of_job,
    seen,
    terminated,
    wire_job,
    wire_pod,
)
from tests.support.edges import Edges, begin, until, wall
from tests.support.fake_kube import FakeKube
from tests.support.scrape import read_registry

pytestmark = pytest.mark.looptime
ENTRY = claim()
ENDED = Finished(execution(ENTRY))


async def write(edges: Edges, uid: str = UID) -> None:
    await edges.parts.writer._write(uid)


def somebody_writes(kube: FakeKube, status: JobStatus) -> None:
    kube.edit(DKRON_JOBS, "backup", lambda body: body.update(status=status.to_wire()))


def written(kube: FakeKube) -> list[str]:
    return [call for call in kube.calls if call.startswith("write")]


def started(**spec: Any) -> Edges:
    """A job whose attempt has started, which is not written yet."""
    edges = begin(**spec)
    edges.entry().record(Started(ENTRY))
    return edges


@pytest.mark.parametrize(("active", "waits"), [(MANY - 1, False), (MANY, True)])
async def test_write_of_a_long_status_waits_for_its_turn(active: int, waits: bool) -> None:
    entries = tuple(claim(after(minutes=-number)) for number in range(active))
    edges = begin(status=JobStatus(since=NOON, active=entries))
    edges.entry().record(Decided(NOON))
    turns = edges.parts.ports.large_jobs
    async with asyncio.TaskGroup() as tasks, AsyncExitStack() as taken:
        for _ in range(AT_ONCE):
            await taken.enter_async_context(turns.turn(edges.entry().job, active=MANY))
        writing = tasks.create_task(write(edges))
        await asyncio.sleep(1)
        assert writing.done() is not waits
        await taken.aclose()
    assert len(written(edges.kube)) == 1


async def test_pending_changes_are_one_write_with_their_base_version() -> None:
    edges = begin(status=JobStatus(since=NOON))
    edges.entry().record(Started(ENTRY), Decided(NOON))
    version = str(edges.entry().version)
    await write(edges)
    assert edges.status() == JobStatus(since=NOON, active=(ENTRY,), last_schedule_time=NOON)
    (body,) = edges.kube.bodies
    assert body["metadata"] == {"resourceVersion": version}
    assert set(body["status"]) == {"active", "activeCount", "lastScheduleTime"}, "only what changed is sent"
    assert edges.entry().pending == []


async def test_first_write_is_complete_and_its_event_is_no_change() -> None:
    edges = started()
    await write(edges)
    (body,) = edges.kube.bodies
    assert body["status"].keys() == JobStatus().to_wire().keys()
    edges.changed.clear()
    edges.watch()
    assert edges.changed == []


@pytest.mark.parametrize("pending", [[], [Decided(NOON)]], ids=["no change", "a change that makes no difference"])
async def test_nothing_is_written_for(pending: list[Any]) -> None:
    edges = begin(status=JobStatus(last_schedule_time=after(60)))
    edges.entry().pending.extend(pending)
    await write(edges)
    assert (written(edges.kube), edges.entry().pending) == ([], [])


async def test_earlier_write_of_another_writer_is_kept() -> None:
    edges = started()
    somebody_writes(edges.kube, JobStatus(success_count=7, last_schedule_time=after(60)))
    await write(edges)
    assert edges.status() == JobStatus(success_count=7, last_schedule_time=after(60), active=(ENTRY,))
    assert edges.entry().status == edges.status()


# --- what is counted ------------------------------------------------------------------------------------------------


def counted(edges: Edges) -> tuple[float, float]:
    """Slots that fired, executions that ended."""
    seen = read_registry(edges.store.metrics.registry)
    return seen.one("slots_total", result="fired", reason=""), seen.sum("executions_total")


async def test_written_changes_are_counted_and_unwritten_ones_are_not() -> None:
    edges = begin()
    edges.entry().record(Decided(NOON), Started(seen(ENTRY)), ENDED)
    edges.kube.fail("write dkronjobs", Rejected("no"))
    with pytest.raises(Rejected):
        await write(edges)
    assert counted(edges) == (0, 0)
    await write(edges)
    edges.watch()
    assert counted(edges) == (1, 1)
    assert read_registry(edges.store.metrics.registry).one("status_bytes_count") == 1


@pytest.mark.parametrize("event_first", [True, False])
async def test_write_with_a_lost_answer_counts_once_when_it_shows(*, event_first: bool) -> None:
    edges = begin()
    edges.entry().record(Decided(NOON), Started(seen(ENTRY)), ENDED)
    edges.kube.lose_answer("write dkronjobs")
    with pytest.raises(Unavailable):
        await write(edges)
    assert counted(edges) == (0, 0), "it is not known whether it was written"
    assert edges.entry().pending
    if event_first:
        edges.watch()
        assert counted(edges) == (1, 1)
    await write(edges)
    edges.watch()
    assert counted(edges) == (1, 1)
    assert (edges.status().success_count, len(edges.status().executions), edges.entry().pending) == (1, 1, [])


async def test_unanswered_claim_is_counted_by_its_job() -> None:
    edges = begin(concurrency="forbid")
    edges.kube.lose_answer("write dkronjobs")
    with pytest.raises(Unavailable):
        await edges.parts.writer.claim(edges.entry(), (Decided(NOON), Started(ENTRY)))
    edges.watch()
    assert counted(edges) == (0, 0), "a claim is no Job"
    edges.entry().record(Started(seen(ENTRY)))
    await write(edges)
    assert counted(edges) == (1, 0)


async def test_writer_that_always_wins_is_awaited_and_followed() -> None:
    edges = begin(schedule="@manually")
    async with edges.running():
        await asyncio.sleep(10)
        edges.kube.calls.clear()
        for number in range(7):
            theirs = edges.status().model_copy(update={"error_count": number})
            edges.kube.meanwhile("write dkronjobs", partial(somebody_writes, edges.kube, theirs))
        edges.entry().record(SlotsSkipped(NOON, SkipReason.MISSED))
        edges.parts.writer.write_soon(edges.entry())
        await asyncio.sleep(0.3)
        assert len(written(edges.kube)) == 5, "then there is a pause"
        await asyncio.sleep(10)
        assert len(written(edges.kube)) == 8
    assert (edges.status().error_count, edges.status().last_schedule_time) == (6, NOON)


# --- the beginning of an attempt waits --------------------------------------------------------------------------------


RUNNING = ENTRY.model_copy(update={"state": AttemptState.RUNNING, "uid": "the uid of its Job"})
READY = Condition(type=ConditionType.READY, status=ConditionStatus.TRUE, reason="Scheduled", last_transition_time=NOON)
FAILS = READY.model_copy(update={"status": ConditionStatus.FALSE})
KNOWN = JobStatus(since=after(-60), observed_generation=1, conditions=(READY,))


@pytest.mark.parametrize(
    ("change", "waits"),
    [
        pytest.param(None, True, id="an attempt whose Job exists"),
        pytest.param(Forgotten("counted", frozenset({"a"})), True, id="names that are forgotten"),
        pytest.param(ConditionsSet(1, (READY,), after(60)), True, id="the next slot"),
        pytest.param(ConditionsSet(2, (READY,), None), False, id="an edit that is accepted"),
        pytest.param(ConditionsSet(1, (FAILS,), None), False, id="a condition"),
        pytest.param(Started(ENTRY), False, id="a claim"),
        pytest.param(Started(RUNNING.model_copy(update={"trigger": Trigger.MANUAL})), False, id="a requested run"),
        pytest.param(Started(RUNNING.model_copy(update={"trigger": Trigger.DEPENDENT})), False, id="a dependent run"),
        pytest.param(Started(RUNNING.model_copy(update={"attempt": 2})), False, id="a retry"),
        pytest.param(Started(RUNNING.model_copy(update={"uid": "call-1"})), False, id="an inline call"),
        pytest.param(Started(RUNNING.model_copy(update={"slot": after(-60)})), False, id="an old slot"),
        pytest.param(SlotsSkipped(NOON, SkipReason.MISSED), False, id="a slot that is skipped"),
        pytest.param(ENDED, False, id="a record"),
    ],
)
def test_changes_that_wait_for_the_end(change: Change | None, waits: bool) -> None:
    others = [] if change is None else [change]
    assert are_beginnings(KNOWN, [Decided(NOON), Started(RUNNING), *others]) is waits


@pytest.mark.parametrize(
    ("change", "waits"),
    [
        pytest.param({}, True, id="its Job"),
        pytest.param(
            {"state": AttemptState.QUEUED, "queue": "reports", "queued_at": NOON},
            False,
            id="its Job, in a queue of Kueue",
        ),
        pytest.param({"job": "another"}, False, id="the Job of another slot"),
        pytest.param({"state": AttemptState.CLAIMED, "uid": ""}, False, id="a claim that begins"),
    ],
)
def test_what_follows_a_claim_and_waits(change: dict[str, Any], waits: bool) -> None:
    claimed = KNOWN.model_copy(update={"last_schedule_time": NOON, "active": (ENTRY,)})
    assert are_beginnings(claimed, [Started(RUNNING.model_copy(update=change))]) is waits


def test_a_mark_without_its_job_does_not_wait() -> None:
    assert not are_beginnings(KNOWN, [Decided(NOON), ConditionsSet(1, (READY,), after(60))])


@pytest.mark.parametrize(("ends_after", "writes"), [pytest.param(2, 1, id="short"), pytest.param(8, 2, id="long")])
async def test_writes_of_a_scheduled_run(ends_after: float, writes: int) -> None:
    edges = begin(schedule="5 * * * * *", history={"outputBytes": 0})
    async with edges.running():
        await until(4)
        before = len(written(edges.kube))
        await until(6)
        (name,) = edges.kube.names(JOBS)
        edges.kube.put(PODS, of_job(wire_pod(states={"job": {"running": {}}}), name))
        await until(5 + ends_after)
        edges.kube.put(PODS, of_job(wire_pod(states={"job": terminated(0)}), name))
        edges.kube.edit(JOBS, name, lambda body: body.update(status=ended("Complete", at=wall())))
        edges.watch()
        await until(25)
        assert len(written(edges.kube)) - before == writes
        assert [record.job for record in edges.status().executions] == [name]
        assert edges.status().last_schedule_time == after(5)


# --- what the answers show -----------------------------------------------------------------------------------------


def wants_a_run(body: dict[str, Any]) -> None:
    body["metadata"]["annotations"] = {"run.dkron.io/a": "2026-03-01T12:00:00Z"}


def is_edited(body: dict[str, Any]) -> None:
    body["spec"]["schedule"] = "@hourly"
    body["metadata"]["generation"] += 1


@pytest.mark.parametrize("change", [wants_a_run, is_edited])
async def test_change_learnt_from_a_conflict_requeues_the_job(change: Any) -> None:
    edges = started()
    edges.edit_job(change)
    planned = len(edges.parts.jobs)
    await write(edges)
    assert (planned, len(edges.parts.jobs)) == (0, 1)
    edges.watch()
    assert edges.entry().job.requests or edges.entry().job.spec.schedule == "@hourly"


async def test_recreated_namesake_is_not_written_but_queued() -> None:
    edges = started()
    edges.kube.put(DKRON_JOBS, wire_job(uid="another"))
    await write(edges)
    assert edges.store.get(UID) is None
    assert edges.status() == JobStatus()
    assert edges.entry("another").status == JobStatus()
    assert len(edges.parts.jobs) == 1


@pytest.mark.parametrize("conflict", [False, True], ids=["at once", "between conflict and reading"])
async def test_a_job_that_vanishes_is_dropped(*, conflict: bool) -> None:
    edges = started()
    if conflict:
        edges.kube.fail("write dkronjobs", Conflict("modified"))
        edges.kube.meanwhile("get dkronjobs", edges.kube.world.objects.clear)
    else:
        edges.kube.world.objects.clear()
    await write(edges)
    assert edges.store.get(UID) is None


@pytest.mark.parametrize("error", [Unavailable("down"), Rejected("no"), NotFound("gone")])
async def test_unwritten_change_stays_pending(error: KubeError) -> None:
    edges = started()
    one = edges.entry()
    edges.kube.fail("write dkronjobs", error)
    with nullcontext() if isinstance(error, NotFound) else pytest.raises(type(error)):
        await write(edges)
    assert one.pending == [Started(ENTRY)]


async def test_invalid_status_is_written_as_a_whole() -> None:
    kube = FakeKube()
    kube.put(DKRON_JOBS, wire_job() | {"status": {"active": "many", "status": "perhaps", "successCount": 3}})
    edges = Edges(kube)
    edges.watch()
    edges.entry().record(Decided(NOON))
    await write(edges)
    assert edges.status() == JobStatus(last_schedule_time=NOON)


async def test_oversized_status_is_cut_and_cached_as_cut() -> None:
    edges = begin(history={"executions": 100, "outputBytes": 16384})
    for number in range(20):
        edges.entry().record(Finished(execution(claim(after(number)), output="x" * 6000)))
    await write(edges)
    kept = [len(record.output) for record in edges.status().executions]
    assert kept[:2] == [6000, 6000]
    assert sum(kept) == 12_000
    assert edges.entry().base == edges.status()


# --- claims --------------------------------------------------------------------------------------------------------


async def test_claim_is_written_at_once_with_pending_changes() -> None:
    edges = begin()
    edges.entry().record(Decided(NOON))
    await edges.parts.writer.claim(edges.entry(), (Started(ENTRY),))
    assert edges.status() == JobStatus(last_schedule_time=NOON, active=(ENTRY,))
    assert (edges.entry().pending, edges.entry().status) == ([], edges.status())


async def test_conflicting_claim_is_not_written_and_updates_the_cache() -> None:
    edges = begin()
    edges.entry().record(Decided(NOON))
    theirs = claim(after(60))
    somebody_writes(edges.kube, JobStatus(active=(theirs,)))
    with pytest.raises(Conflict):
        await edges.parts.writer.claim(edges.entry(), (Started(ENTRY),))
    assert edges.status().active == (theirs,)
    assert edges.entry().status == JobStatus(active=(theirs,), last_schedule_time=NOON)
    assert set(edges.entry().pending) == {Decided(NOON)}, "what was pending still is, the claim is not"


def test_a_difference_is_made_of_whole_fields() -> None:
    assert difference({"a": 1, "b": [1], "c": 3}, {"a": 1, "b": [1, 2], "c": None}) == {"b": [1, 2], "c": None}


async def test_every_write_of_a_job_waits_for_the_one_before() -> None:
    edges = started()
    async with edges.entry().writing:
        edges.parts.writer.write_soon(edges.entry())
        assert edges.kube.calls == []
    await write(edges)
    assert len(written(edges.kube)) == 1


async def test_claim_delayed_past_a_job_change_is_not_written() -> None:
    edges = begin()
    entry = edges.entry()
    async with asyncio.TaskGroup() as group:
        async with entry.writing:
            claiming = group.create_task(claims_nothing(edges, entry))
            await asyncio.sleep(0.1)
            somebody_writes(edges.kube, JobStatus(active=(claim(after(60)),)))
            edges.watch()
        await claiming
    assert written(edges.kube) == []


async def claims_nothing(edges: Edges, entry: CachedJob) -> None:
    with pytest.raises(Conflict):
        await edges.parts.writer.claim(entry, (Started(ENTRY),))


async def test_a_claim_for_a_job_that_is_gone_is_no_error() -> None:
    edges = begin()
    edges.kube.world.objects.clear()
    with pytest.raises(Conflict, match="deleted"):
        await edges.parts.writer.claim(edges.entry(), (Accepted(NOON, "f"),))
    assert edges.store.get(UID) is None
