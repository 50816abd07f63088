"""A replica that waits, one that begins to act, and one that has to stop in the middle: around a fake API server."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from dkron_crds.job import JobStatus
from dkron_kube.errors import NotLeader, Unavailable
from dkron_kube.paths import DKRON_JOBS, JOBS
from dkron_operator.leader.election import Terms
from tests.support.builders import NOON, after, claim, job_view, wire_job
from tests.support.edges import Edges, begin, until, wall

pytestmark = pytest.mark.looptime

TERMS = Terms()
REACH = 9
"""Seconds that a change of leaders takes at most on these terms."""


def waiting(*, mark: datetime | None = None, **spec: Any) -> Edges:
    """A replica that does not act yet. `mark` is the newest slot that was decided by another."""
    if mark is not None:
        spec["status"] = JobStatus(since=NOON, fingerprint=job_view(**spec).fingerprint, last_schedule_time=mark)
    edges = begin(terms=TERMS, **spec)
    edges.acts = False
    return edges


def lead(edges: Edges, *, idle: float = 6, new_term: bool = True, behind: bool = False) -> None:
    """It acts from now on, after no replica did for so many seconds."""
    edges.acts = True
    edges.parts.take_over(idle=timedelta(seconds=idle), new_term=new_term, behind=behind)


def slots(edges: Edges) -> list[datetime]:
    """Of the Jobs that exist."""
    bodies = [edges.kube.has(JOBS, name) for name in edges.kube.names(JOBS)]
    return sorted(datetime.fromisoformat(body["metadata"]["annotations"]["dkron.io/slot"]) for body in bodies)


def skipped(edges: Edges) -> int:
    found = edges.status().skipped
    return 0 if found is None else found.count


def theirs(minute: int, **fields: Any) -> dict[str, Any]:
    """The status after another leader has run the slot of this minute."""
    status = JobStatus(since=NOON, fingerprint=job_view().fingerprint, last_schedule_time=after(minutes=minute))
    return {**status.to_wire(), **fields}


# --- waiting ---------------------------------------------------------------------------------------------------------


async def test_standby_sends_nothing_to_the_api_server() -> None:
    edges = waiting(schedule="* * * * * *", requests={"a": "2026-03-01T12:00:00Z"})
    async with edges.running():
        for second in range(1, 120):
            await until(second)
            edges.edit_job(lambda body: body["metadata"].update(labels={"a": str(wall())}))
            edges.watch()
    assert edges.kube.calls == []
    assert not edges.entry().pending


async def test_jobs_due_soon_are_planned_first() -> None:
    """A list has queued them in its own order, and new jobs have no `next` in their status."""
    edges = begin(schedule="0 0 1 1 *", uid="late")
    specs: dict[str, dict[str, Any]] = {
        "none": {"schedule": ""},
        "known": {"schedule": "@every 1m", "status": JobStatus(since=NOON, next=after(30))},
        "new": {"schedule": "* * * * * *"},
        "held": {"schedule": "* * * * * *", "status": JobStatus(since=NOON)},
    }
    for number, (uid, spec) in enumerate(specs.items()):
        edges.kube.put(DKRON_JOBS, wire_job(uid=uid, name=uid, version=9 + number, **spec))
    edges.acts = False
    edges.watch()
    queue = edges.parts.jobs
    for cached in edges.store:
        queue.add(cached.job.uid)
    lead(edges)
    found = [queue._next() for _ in range(len(queue))]
    assert [key for key, _ in filter(None, found)][:2] == ["new", "known"]


# --- a change of leaders -------------------------------------------------------------------------------------------


EACH = pytest.mark.parametrize("missed", ["latest", "skip", "all"])


@EACH
@pytest.mark.parametrize("late", [0.5, 6, REACH - 0.5], ids="{} s".format)
async def test_slot_due_during_a_leader_change_runs_late(missed: str, late: float) -> None:
    edges = waiting(missedRuns=missed)
    async with edges.running():
        await until(60 + late)
        lead(edges)
        await until(60 + late + 1)
        assert (slots(edges), skipped(edges)) == ([after(60)], 0)


@EACH
async def test_a_lease_that_was_released_costs_no_slot(missed: str) -> None:
    edges = waiting(schedule="* * * * * *", missedRuns=missed, mark=after(50))
    async with edges.running():
        await until(53.2)
        lead(edges, idle=0.4)
        await until(53.8)
        assert (slots(edges), skipped(edges)) == ([after(51), after(52), after(53)], 0)


OFTEN = {"schedule": "*/10 * * * * *", "mark": after(50)}


@pytest.mark.parametrize(
    ("spec", "at", "fired", "passed"),
    [
        pytest.param({**OFTEN, "missedRuns": "latest"}, 105, [100], 4, id="latest runs the newest of several"),
        pytest.param({**OFTEN, "missedRuns": "skip"}, 105, [100], 4, id="skip runs it as well: a replica was there"),
        pytest.param({**OFTEN, "missedRuns": "all"}, 105, [60, 70, 80, 90, 100], 0, id="all runs all"),
        pytest.param({"missedRuns": "skip"}, 60 + REACH + 1, [], 1, id="without a leader for longer it is missed"),
        pytest.param({"startingDeadlineSeconds": 5}, 66, [], 1, id="a deadline counts"),
    ],
)
async def test_slots_due_during_a_leader_change(spec: dict[str, Any], at: float, fired: list[int], passed: int) -> None:
    edges = waiting(**spec)
    async with edges.running():
        await until(at)
        lead(edges)
        await until(at + 1)
        assert (slots(edges), skipped(edges)) == ([after(second) for second in fired], passed)
        if "startingDeadlineSeconds" in spec:
            assert edges.status().skipped.last_reason == "DeadlineExceeded"  # type: ignore[union-attr]


async def test_slots_due_before_this_process_are_missed() -> None:
    edges = waiting(schedule="*/10 * * * * *", missedRuns="skip")
    async with edges.running():
        await until(45)
        edges.parts.due_queue.begin()
        await until(51)
        lead(edges)
        await until(52)
        assert (slots(edges), skipped(edges)) == ([after(50)], 4)


# --- stopping in the middle ----------------------------------------------------------------------------------------


def from_now_on_withheld(edges: Edges, *calls: str) -> Callable[[], None]:
    """The replica may not act any more from this moment on, and notices when it wants to write."""

    def remove() -> None:
        edges.acts = False
        for call in calls:
            edges.kube.fail(call, *[NotLeader("not now")] * 5)
        raise NotLeader("not now")

    return remove


async def test_refused_write_is_dropped_without_a_retry() -> None:
    edges = begin()
    edges.kube.meanwhile("create jobs", from_now_on_withheld(edges, "write dkronjobs"))
    async with edges.running():
        await until(300)
        assert slots(edges) == []
        assert edges.entry().remembered.unconfirmed_create is None, "nothing was sent, so nothing is in doubt"
        assert edges.kube.calls.count("create jobs " + claim(after(60)).job) == 1
        assert len([call for call in edges.kube.calls if call.startswith("write")]) <= 3


async def test_unwritten_changes_are_dropped_after_another_leader() -> None:
    edges = begin(missedRuns="latest")
    async with edges.running():
        await until(61)
        # Its Job is there; that it was fired is not written yet, when the Lease is lost.
        edges.kube.fail("write dkronjobs", *[NotLeader("not now")] * 5)
        edges.acts = False
        await until(62)
        two = {"count": 2, "lastTime": "2026-03-01T12:02:00Z", "lastReason": "Missed"}
        edges.edit_job(lambda body: body.update(status=theirs(3, skipped=two)))
        edges.kube.before.clear()
        await until(200)
        edges.watch()
        lead(edges)
        await until(235)
        assert skipped(edges) == 2, "what the other has counted, and no more"
        assert edges.status().last_schedule_time == after(180)
        await until(246)
        assert edges.status().last_schedule_time == after(240)


async def test_delayed_leader_continues_with_its_unwritten_changes() -> None:
    edges = begin()
    async with edges.running():
        await until(59)
        edges.kube.fail("write dkronjobs", NotLeader("not now"))
        await until(60.1)
        edges.acts = False
        await until(65)
        assert edges.status().last_schedule_time is None
        assert edges.entry().pending
        lead(edges, new_term=False)
        await until(66)
        assert (slots(edges), edges.status().last_schedule_time) == ([after(60)], after(60))


# --- watches that are behind ---------------------------------------------------------------------------------------


async def led_before(edges: Edges) -> None:
    """It has run the slot at 60, as the newest version of the job shows, and then another leads. That one runs the slot
    at 120 and tidies up, and the watch shows nothing of it."""
    await until(65)
    assert slots(edges) == [after(60)]
    assert not edges.entry().behind, "what it has written itself is the newest there is"
    edges.acts = False
    await until(125)
    edges.edit_job(lambda body: body["status"].update(theirs(2)))
    edges.kube.calls.clear()


@pytest.mark.parametrize("silent", [True, False], ids=["its watches were silent", "its watches speak"])
async def test_new_leader_reads_a_job_once_before_it_fires_if(*, silent: bool) -> None:
    edges = begin()
    async with edges.running():
        await led_before(edges)
        if not silent:
            edges.watch()
        lead(edges, behind=silent)
        await until(170)
        assert slots(edges) == [after(60)], "the slot at 120 has had its run"
        await until(181)
        assert slots(edges) == [after(60), after(180)]
        assert edges.asked("get dkronjobs backup") == int(silent)


async def test_as_long_as_it_cannot_be_read_it_does_not_fire() -> None:
    edges = begin()
    async with edges.running():
        await led_before(edges)
        await until(181)
        edges.kube.fail("get dkronjobs", *[Unavailable("no answer")] * 3)
        lead(edges, behind=True)
        await until(181.3)
        assert slots(edges) == [after(60)]
        await until(195)
        assert slots(edges) == [after(60), after(180)]


async def test_replica_that_never_acted_reads_a_job_before_it_fires() -> None:
    edges = waiting()
    async with edges.running():
        await until(100)
        edges.edit_job(lambda body: body.update(status=theirs(1)))
        lead(edges, behind=False)
        await until(110)
        assert slots(edges) == []
        await until(121)
        assert slots(edges) == [after(120)]
        assert edges.asked("get dkronjobs backup") == 1, "once is enough"


async def test_entry_of_an_earlier_term_changes_nothing() -> None:
    edges = begin()
    before = edges.entry()
    edges.store.renew(behind=False)
    before.record()
    edges.store.settle(before, 0, base=JobStatus(since=NOON), version=10**6)
    assert edges.entry() is not before
    assert edges.entry().base.since is None
