"""The archiver around a fake API server and an archive in memory, in virtual time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NoReturn

import pytest

from dkron_archive.ports import ArchiveUnavailable
from dkron_archive.records import Cleaned, Evicted
from dkron_crds.job import Attempt, JobStatus, Unarchived
from dkron_crds.job_metadata import OF_RUN
from dkron_kube.paths import DKRON_CLUSTERS, DKRON_JOBS, DKRON_RUNS, EVENTS, JOBS, PODS, Resource
from dkron_operator.archive.archiver import READS, ArchiveState
from dkron_operator.leader.election import Leadership
from tests.support.builders import (
    NAMESPACE,
    NOON,
    UID,
    after,
    claim,
    ended,
    execution,
    job_view,
    of_job,
    request_claim,
    terminated,
    wire_job,
    wire_pod,
    wire_run,
)
from tests.support.edges import Edges, until, wall
from tests.support.fake_archive import AWAY, FakeArchive, archived
from tests.support.fake_kube import FakeKube
from tests.support.outbox import ARCHIVE, outbox, unarchived

pytestmark = pytest.mark.looptime
FIRST, SECOND = claim(after(minutes=1)), claim(after(minutes=2))
KEY = (UID, FIRST.job)


@asynccontextmanager
async def operator(kube: FakeKube, archive: FakeArchive | None, **job: Any) -> AsyncIterator[Edges]:
    """A process with all its parts; it dies at the end. `job` makes the world's DkronJob, unless there is one."""
    if not kube.names(DKRON_JOBS):
        kube.put(DKRON_JOBS, wire_job(**job))
    edges = Edges(kube, archive=archive)
    edges.watch()
    archiver = edges.parts.archiver
    if archiver is not None:
        edges.parts.handover.lead(Leadership(held=True, term=1))
    async with edges.running():
        work = asyncio.create_task(asyncio.Event().wait() if archiver is None else archiver.run())
        try:
            yield edges
        finally:
            assert not work.done()
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


def finish(edges: Edges, name: str = FIRST.job, *, code: int = 0, log: bytes = b"hello\n") -> None:
    pod = wire_pod(name=f"pod-{name}", states={"job": terminated(code)})
    edges.kube.put(PODS, of_job(pod, name, uid=edges.kube.has(JOBS, name)["metadata"]["uid"]))
    edges.kube.logs[f"pod-{name}"] = log
    edges.kube.edit(JOBS, name, lambda body: body.update(status=ended("Failed" if code else "Complete", at=wall())))
    edges.watch()


async def first_ends(edges: Edges, seconds: float = 4, **how: Any) -> None:
    """The run of the first slot ends; so many seconds later."""
    await until(61)
    finish(edges, **how)
    await until(61 + seconds)


def owing(*entries: Attempt, **fields: Any) -> dict[str, Any]:
    """A job with these runs recorded, which the archive has yet to get."""
    recorded = tuple(sorted(map(execution, entries), key=lambda each: each.started_at, reverse=True))
    known: dict[str, Any] = {
        "since": NOON, "fingerprint": job_view().fingerprint, "executions": recorded,
        "outbox": outbox([each.job for each in recorded], ARCHIVE), "unarchived": Unarchived(),
    }  # fmt: skip
    return {"status": JobStatus(**(known | fields))}


def owed(edges: Edges) -> Unarchived:
    found = edges.status().unarchived
    assert found is not None
    return found


def writes(edges: Edges) -> int:
    return edges.asked("write dkronjobs")


def notes(kube: FakeKube, reason: str) -> list[str]:
    found = [kube.has(EVENTS, name) for name in kube.names(EVENTS)]
    return [event["note"] for event in found if event["reason"] == reason]


def state(edges: Edges) -> ArchiveState:
    assert edges.parts.archiver is not None
    return edges.parts.archiver.state


async def test_execution_is_archived_once() -> None:
    archive = FakeArchive()
    async with operator(FakeKube(), archive) as edges:
        await first_ends(edges)
        assert unarchived(edges.status()) == (FIRST.job,)
        await until(121)
        finish(edges, SECOND.job)
        await until(130)
        assert unarchived(edges.status()) == (SECOND.job,), "the mark of the first went with another write"
        assert archive.names() == [FIRST.job, SECOND.job]
        assert archive.calls.count("write") == 2


@pytest.mark.parametrize("archives", [False, True], ids=["no archive", "an archive"])
async def test_archived_execution_costs_no_request(archives: bool) -> None:
    kube = FakeKube()
    async with operator(kube, FakeArchive() if archives else None) as edges:
        for minute in (1, 2, 3):
            await until(minute * 60 + 1)
            finish(edges, claim(after(minutes=minute)).job)
        await until(239)
        assert (writes(edges), len(kube.calls)) == (7, 31)


async def test_archived_execution_has_all_its_fields() -> None:
    archive = FakeArchive()
    async with operator(FakeKube(), archive) as edges:
        await first_ends(edges, code=3)
        entry, (revision,) = archive.entries[KEY], archive.changes
        found, recorded = entry.execution, edges.status().executions[0]
        assert (found.job.name, found.job.uid, found.id) == ("backup", UID, recorded.id)
        assert (found.success, found.exit_code, found.reason) == (False, 3, recorded.reason)
        created = edges.entry().observed.attempts[FIRST.job].created
        assert (found.slot, found.created_at, found.trigger) == (FIRST.slot, created, "schedule")
        assert (found.revision, revision.generation, revision.spec is None) == (revision.hash, 1, False)
        assert entry.output is not None
        assert (entry.output.content, entry.output.truncated) == (b"hello\n", False)


@pytest.mark.parametrize(
    ("log", "limit", "content", "truncated"),
    [
        pytest.param(b"x" * 5000, 1 << 20, b"x" * 5000, False, id="longer than the record shows"),
        pytest.param(b"\xff\x00a", 1 << 20, b"\xff\x00a", False, id="binary"),
        pytest.param(b"x" * 5000 + b"the end", 3000, b"x" * 2993 + b"the end", True, id="longer than its limit"),
        pytest.param(b"x" * 5000, 0, None, False, id="none is wanted"),
    ],
)
async def test_whole_output_is_archived(log: bytes, limit: int, content: bytes | None, truncated: bool) -> None:
    archive = FakeArchive()
    async with operator(FakeKube(), archive, history={"archivedOutputBytes": limit}) as edges:
        await first_ends(edges, log=log)
        output = archive.entries[KEY].output
        assert (None if output is None else output.content) == content
        assert output is None or output.truncated is truncated
        assert len(edges.status().executions[0].output) <= 1024


async def test_output_of_a_pod_that_is_gone_is_what_the_record_shows() -> None:
    kube, archive = FakeKube(), FakeArchive()
    record = execution(FIRST).model_copy(update={"output": "the end", "output_truncated": True})
    async with operator(kube, archive, **owing(FIRST, executions=(record,))):
        await until(5)
        output = archive.entries[KEY].output
        assert output is not None
        assert (output.content, output.truncated) == (b"the end", True)


@pytest.mark.parametrize("moment", ["before it was written", "the answer was lost", "before the mark was written"])
async def test_owed_executions_are_archived_after_a_crash(moment: str) -> None:
    kube, archive = FakeKube(), FakeArchive()
    archive.trouble = "away" if moment == "before it was written" else ""
    archive.loses = int(moment == "the answer was lost")
    async with operator(kube, archive) as edges:
        await first_ends(edges, 0.9 if archive.loses else 4)
        assert archive.names() == ([] if archive.trouble else [FIRST.job])
        assert unarchived(edges.status()) == (FIRST.job,)
    archive.trouble, first = "", dict(archive.entries)
    async with operator(kube, archive) as edges:
        await until(75)
        assert archive.names() == [FIRST.job]
        assert not first or archive.entries == first, "it is stored once"
        await until(121)
        finish(edges, SECOND.job)
        await until(130)
        assert unarchived(edges.status()) == (SECOND.job,)


async def test_archive_that_is_away_keeps_records_in_the_status() -> None:
    kube, archive = FakeKube(), FakeArchive()
    archive.trouble = "database is locked"
    async with operator(kube, archive, history={"executions": 2}) as edges:
        names = []
        for minute in range(1, 6):
            await until(minute * 60 + 1)
            names.append(claim(after(minutes=minute)).job)
            finish(edges, names[-1])
        await until(310)
        assert [each.job for each in edges.status().executions] == names[::-1], "more than its history"
        assert set(unarchived(edges.status())) == set(names)
        assert (state(edges).up, state(edges).waiting_since is not None) == (False, True)
        archive.trouble = ""
        await until(400)
        finish(edges, claim(after(minutes=6)).job)
        await until(410)
        assert archive.names() == sorted([*names, claim(after(minutes=6)).job])
        assert len(edges.status().executions) == 2, "the history is as long as the job says"
        assert (state(edges).up, owed(edges).lost) == (True, 0)


async def test_archive_that_was_replaced_gets_what_is_known() -> None:
    """First the tables, then the records that the status still owes, and the specs."""
    archive = FakeArchive()
    async with operator(FakeKube(), archive, disabled=True, schedule="0 1 12 * * *") as edges:
        await until(5)
        edges.edit_job(lambda body: set_disabled(body, False, generation=2))
        edges.watch()
        await first_ends(edges)
        assert (archive.names(), unarchived(edges.status())) == ([FIRST.job], (FIRST.job,))
        archive.replace()
        await until(140)
        assert archive.names() == [FIRST.job]
        assert [each.generation for each in archive.changes] == [2]
        assert archive.calls.count("migrate") == 2
        assert state(edges).up


@pytest.mark.parametrize("running", [True, False], ids=["while it runs", "while it is stopped"])
async def test_lost_executions_are_handed_over_again(running: bool) -> None:
    """All that the status shows, not only what it still owes."""
    kube, archive = FakeKube(), FakeArchive()
    async with operator(kube, archive) as edges:
        for number in (1, 2, 3):
            await until(60 * number + 1)
            finish(edges, claim(after(minutes=number)).job)
        await until(235)
        assert (len(unarchived(edges.status())), len(archive.names())) == (1, 3)
        if running:
            archive.replace()
            await until(320)
    if not running:
        archive.entries.clear()
    async with operator(kube, archive) as edges:
        await until(330)
        assert len(archive.names()) == 3
        assert archive.entries[KEY].execution.success
        writes = archive.calls.count("write")
    async with operator(kube, archive):
        await until(340)
    assert archive.calls.count("write") - writes <= 1, "what the archive has is not written again"


async def test_replaced_archive_is_reported_at_once() -> None:
    kube, archive = FakeKube(), FakeArchive()
    kube.put(DKRON_CLUSTERS, {"metadata": {"name": "dkron", "namespace": "dkron", "uid": "u"}, "spec": {}})
    async with operator(kube, archive) as edges:
        await edges.parts.installation.read()
        await first_ends(edges)
        assert state(edges).executions == 0
        archive.replace()
        archive.put(*map(archived, range(7)))
        await until(140)
        assert state(edges).executions == 8, "not only with the next look, a minute later"
        (note,) = notes(kube, "ArchiveReplaced")
        assert "was removed or replaced" in note


class WithoutPauses(FakeArchive):
    """One that takes records, and fails when it is asked for pauses."""

    async def pauses(self, *_: object) -> NoReturn:
        raise ArchiveUnavailable(AWAY)


async def test_records_that_are_taken_do_not_wait_as_for_an_outage() -> None:
    kube, archive = FakeKube(), WithoutPauses()
    async with operator(kube, archive, schedule="*/10 * * * * *") as edges:
        names = []
        for second in range(10, 310, 10):
            await until(second + 1)
            names.append(claim(after(second)).job)
            finish(edges, names[-1])
        missing = set(names) - set(archive.names())
        assert not state(edges).up
        assert missing <= set(names[-2:])


async def test_record_that_finds_no_room_is_counted_as_lost() -> None:
    entries = [claim(after(minutes=-number)) for number in range(101, 1, -1)]
    kube, archive = FakeKube(), FakeArchive()
    archive.trouble = "away"
    async with operator(kube, archive, **owing(*entries)) as edges:
        await first_ends(edges, 10)
        assert (len(edges.status().executions), owed(edges).lost) == (100, 1)
        assert edges.store.metrics.registry.get_sample_value("dkron_operator_archive_lost_total") == 1
        (note,) = notes(kube, "ArchiveBehind")
        assert note.startswith("1 record of this job left its status before the archive had them")


async def test_turned_on_archive_gets_what_the_status_shows() -> None:
    kube, archive = FakeKube(), FakeArchive()
    async with operator(kube, archive, **owing(FIRST, unarchived=None)) as edges:
        await until(121)
        finish(edges, SECOND.job)
        await until(130)
        assert archive.names() == [FIRST.job, SECOND.job]


async def test_cleared_executions_are_neither_archived_nor_lost() -> None:
    kube, archive = FakeKube(), FakeArchive()
    archive.trouble = "away"
    async with operator(kube, archive, **owing(FIRST)) as edges:
        await until(5)
        edges.edit_job(lambda body: body["status"].update(executions=[]))
        edges.watch()
        archive.trouble = ""
        await until(121)
        finish(edges, SECOND.job)
        await until(150)
        assert (archive.names(), unarchived(edges.status()), owed(edges).lost) == ([SECOND.job], (SECOND.job,), 0)
        assert archive.forgotten == {UID: ()}, "the status shows none"


async def test_records_of_a_deleted_job_are_archived() -> None:
    kube, archive = FakeKube(), FakeArchive()
    archive.trouble = "away"
    async with operator(kube, archive, **owing(FIRST)) as edges:
        await until(3)
        body = kube.remove(DKRON_JOBS, "backup")
        edges.handlers.feed_job("DELETED", body)
        archive.trouble = ""
        await until(20)
        assert archive.names() == [FIRST.job]


async def test_whole_output_of_a_deleted_job_is_archived() -> None:
    kube, archive = FakeKube(), FakeArchive()
    archive.trouble = "away"
    async with operator(kube, archive) as edges:
        await first_ends(edges, log=b"x" * 5000)
        edges.handlers.feed_job("DELETED", kube.remove(DKRON_JOBS, "backup"))
        archive.trouble = ""
        await until(150)
        output = archive.entries[KEY].output
        assert output is not None
        assert (len(output.content), output.truncated) == (5000, False)


async def test_evicted_history_is_reported() -> None:
    kube, archive = FakeKube(), FakeArchive()
    archive.cleaned = Cleaned(3, {NAMESPACE: Evicted(2, UID), "others": Evicted(1, "gone")})
    async with operator(kube, archive) as edges:
        await until(5)
        sample = edges.store.metrics.registry.get_sample_value
        name = "dkron_operator_archive_evicted_total"
        assert [sample(name, {"namespace": each}) for each in (NAMESPACE, "others")] == [2, 1]
        (note,) = notes(kube, "HistoryEvicted")
        assert note == "the archive has no room for more of this namespace: its oldest executions were deleted"


async def test_ephemeral_job_is_deleted_once_it_is_archived() -> None:
    kube, archive = FakeKube(), FakeArchive()
    archive.trouble = "away"
    async with operator(kube, archive, ephemeral=True) as edges:
        await first_ends(edges, 20)
        assert kube.names(DKRON_JOBS) == ["backup"]
        archive.trouble = ""
        await until(200)
        assert (kube.names(DKRON_JOBS), archive.names()) == ([], [FIRST.job])


async def test_record_that_cannot_be_stored_does_not_stop_others() -> None:
    kube, archive = FakeKube(), FakeArchive()
    archive.refuses = (FIRST.job,)
    async with operator(kube, archive, **owing(FIRST, SECOND)) as edges:
        await until(5)
        assert archive.names() == [SECOND.job]
        assert edges.store.metrics.registry.get_sample_value("dkron_operator_archive_lost_total") == 1


async def test_fault_of_the_archive_ends_no_part_of_the_operator() -> None:
    kube, archive = FakeKube(), FakeArchive()
    archive.fault = RuntimeError("a mistake")
    troubles: list[str] = []
    async with operator(kube, archive, **owing(FIRST)) as edges:
        assert edges.parts.archiver is not None
        edges.parts.archiver.on_trouble.add(troubles.append)
        await until(5)
        archive.fault = None
        await until(30)
        assert archive.names() == [FIRST.job]
        assert troubles[0] == "the archive failed (RuntimeError); the operator's log says where"
        assert troubles[-1] == ""


async def test_what_was_missed_without_the_lease_is_found() -> None:
    kube, archive = FakeKube(), FakeArchive()
    async with operator(kube, archive, schedule="@manually") as edges:
        await until(5)
        edges.acts = False
        # Nothing that a plan would write, and that would be looked at by its write.
        wire = owing(FIRST)["status"].to_wire()
        edges.edit_job(
            lambda body: body["status"].update({key: wire[key] for key in ("executions", "outbox", "unarchived")})
        )
        edges.watch()
        edges.acts = True
        await until(70)
        assert archive.names() == [FIRST.job]


async def test_replica_that_may_not_act_writes_nothing() -> None:
    kube, archive = FakeKube(), FakeArchive()
    kube.put(DKRON_JOBS, wire_job(**owing(FIRST)))
    edges = Edges(kube, archive=archive)
    edges.acts = False
    edges.watch()
    assert edges.parts.archiver is not None
    edges.parts.handover.lead(Leadership(leader="other"))
    work = asyncio.create_task(edges.parts.archiver.run())
    await until(100)
    assert archive.calls == []
    edges.acts = True
    edges.parts.handover.lead(Leadership(held=True, term=1))
    await until(105)
    assert archive.names() == [FIRST.job]
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


OURS, RENEWED = Leadership(held=True, term=1), Leadership(held=True, term=1, leader="me")
NEXT_TERM, ANOTHERS = Leadership(held=True, term=2), Leadership(leader="other", term=1)


@pytest.mark.parametrize(
    ("terms", "again"),
    [
        pytest.param((RENEWED,), False, id="the same term"),
        pytest.param((NEXT_TERM,), True, id="a new term"),
        pytest.param((ANOTHERS, OURS), True, id="another led meanwhile"),
    ],
)
async def test_new_term_takes_nothing_for_stored(terms: tuple[Leadership, ...], again: bool) -> None:
    archive = FakeArchive()
    async with operator(FakeKube(), archive) as edges:
        await first_ends(edges)
        assert (archive.names(), unarchived(edges.status())) == ([FIRST.job], (FIRST.job,))
        archive.entries.clear()
        archive.changes.clear()
        assert edges.parts.archiver is not None
        for each in terms:
            edges.parts.handover.lead(each)
        await until(70)
        assert (archive.names(), len(archive.changes)) == (([FIRST.job], 1) if again else ([], 0))


@pytest.mark.parametrize(
    ("term", "names"),
    [
        pytest.param(RENEWED, [FIRST.job], id="the same term"),
        pytest.param(NEXT_TERM, [], id="a new term"),
        pytest.param(ANOTHERS, [], id="another's"),
    ],
)
async def test_new_term_drops_records_of_deleted_jobs(term: Leadership, names: list[str]) -> None:
    """Another replica had the status, too, and may have handed them over."""
    kube, archive = FakeKube(), FakeArchive()
    archive.trouble = "away"
    async with operator(kube, archive, **owing(FIRST)) as edges:
        await until(3)
        edges.handlers.feed_job("DELETED", kube.remove(DKRON_JOBS, "backup"))
        assert edges.parts.archiver is not None
        edges.parts.handover.lead(term)
        archive.trouble = ""
        await until(20)
        assert archive.names() == names


@pytest.mark.parametrize(("term", "since"), [(RENEWED, 0), (NEXT_TERM, 20)], ids=["the same term", "a new term"])
async def test_lag_begins_with_the_term(term: Leadership, since: float) -> None:
    """The archive may have what a status owed before."""
    archive = FakeArchive()
    archive.trouble = "database is locked"
    async with operator(FakeKube(), archive, **owing(claim(after(minutes=-30)))) as edges:
        await until(20)
        assert edges.parts.archiver is not None
        edges.parts.handover.lead(term)
        await until(90)
        found = state(edges).waiting_since
        assert found is not None
        assert round((found - NOON).total_seconds()) == since


@pytest.mark.parametrize(("seconds", "looks"), [(1.0, 2), (2.0, 13)], ids=["done in time", "more is left"])
async def test_cleaning_that_is_not_done_goes_on_soon(seconds: float, looks: int) -> None:
    archive = FakeArchive()
    archive.cleaning = seconds
    async with operator(FakeKube(), archive, schedule="@manually"):
        await until(65)
        assert archive.calls.count("clean") == looks


async def test_skipped_slots_are_archived_once() -> None:
    kube, archive = FakeKube(), FakeArchive()
    archive.loses = 2
    async with operator(kube, archive, concurrency="forbid") as edges:
        await until(140)
        assert [each.last for each in owed(edges).skipped] == [after(120)], "the first run is active"
        await until(190)
        assert [(each.first, each.last, each.count) for each in archive.skips] == [
            (after(120), after(120), 1), (after(180), after(180), 1),
        ]  # fmt: skip
        finish(edges)
        await until(200)
        assert owed(edges).skipped == ()
        assert {each.reason for each in archive.skips} == {"ConcurrencyForbidden"}


async def test_requester_and_parameters_are_archived() -> None:
    kube, archive = FakeKube(), FakeArchive()
    asked = request_claim()
    run = {"job": "backup", "parameters": {"table": "orders"}, "requestedBy": "ada"}
    kube.put(DKRON_RUNS, {"metadata": {"name": "now", "namespace": "team-a"}, "spec": run})
    job = wire_run(asked)
    job["metadata"]["annotations"][OF_RUN] = "now"
    kube.put(JOBS, job)
    async with operator(kube, archive, **owing(asked)):
        await until(5)
        found = archive.entries[UID, asked.job].execution
        assert (found.trigger, found.cause, found.parameters) == ("manual", "ada", {"table": "orders"})


class SlowRuns(FakeKube):
    """Takes a second for each DkronRun. `most` were read at once."""

    def __init__(self) -> None:
        super().__init__()
        self.most = self.reading = 0

    async def get(self, resource: Resource, namespace: str | None, name: str) -> dict[str, Any]:
        if resource == DKRON_RUNS:
            self.reading += 1
            self.most = max(self.most, self.reading)
            await asyncio.sleep(1)
            self.reading -= 1
        return await super().get(resource, namespace, name)


async def test_requests_of_a_batch_are_read_together() -> None:
    kube, archive = SlowRuns(), FakeArchive()
    asked = [request_claim(f"run-{n}") for n in range(3 * READS)]
    for number, each in enumerate(asked):
        run = {"job": "backup", "parameters": {}, "requestedBy": f"user {number}"}
        kube.put(DKRON_RUNS, {"metadata": {"name": f"run-{number}", "namespace": "team-a"}, "spec": run})
        job = wire_run(each)
        job["metadata"]["annotations"][OF_RUN] = f"run-{number}"
        kube.put(JOBS, job)
    async with operator(kube, archive, **owing(*asked)):
        await until(8)
        causes = {entry.execution.cause for entry in archive.entries.values()}
    assert (kube.most, len(archive.entries), len(causes)) == (READS, len(asked), len(asked))


def set_disabled(body: dict[str, Any], disabled: bool, *, generation: int) -> None:
    body["spec"].update(disabled=disabled)
    body["metadata"].update(generation=generation)


async def test_edit_and_pause_are_archived() -> None:
    kube, archive = FakeKube(), FakeArchive()
    async with operator(kube, archive) as edges:
        await until(5)
        edges.edit_job(lambda body: set_disabled(body, True, generation=2))
        edges.watch()
        await until(70)
        assert [each.generation for each in archive.changes] == [1, 2]
        assert len({each.hash for each in archive.changes}) == 2
        (pause,) = archive.holds
        assert (pause.name, pause.end) == ("backup", None)
        edges.edit_job(lambda body: set_disabled(body, False, generation=3))
        edges.watch()
        await until(140)
        (pause,) = archive.holds
        assert pause.end is not None
        assert archive.changes[0].hash == archive.changes[2].hash, "one spec, one hash"
