"""What comes out of the archive is what went in, whatever users wrote there."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from dkron_archive import contents
from dkron_archive.archive import Archive
from dkron_archive.records import ArchivedOutput, Entry, JobKey, PauseRecord, Query, Revision, SkippedSlots
from tests.support.archives import NAMESPACE, START, entry, everything, key, record

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
KEY = ("uid-of-backup", "backup-1")


async def test_every_field_comes_back(archive: Archive) -> None:
    full = record(
        1, trigger="manual", started_at=START + timedelta(microseconds=1), success=False, created_at=None,
        queued_at=START - timedelta(minutes=5),
        member="node-1", exit_code=137, reason="OOMKilled", message="too much\nof it: ü", node_name="node-1",
        cause="alice", revision="abc", parameters={"day": "2026-03-01", "quote": "'\"%_"}, attempt=3, group=2**62,
    )  # fmt: skip
    await archive.write([Entry(full), entry(2)])
    assert await archive.execution(NAMESPACE, "backup", full.id) == full
    assert await everything(archive) == [record(2), full]


async def test_lacking_executions_are_told(archive: Archive) -> None:
    other = ("uid-of-other", "backup-1")
    assert await archive.lacking([KEY, other]) == {KEY, other}
    await archive.write([entry(1), entry(2)])
    assert await archive.lacking([KEY, other, (KEY[0], "backup-3")]) == {other, (KEY[0], "backup-3")}
    await archive.delete_executions(NAMESPACE, "backup")
    assert await archive.lacking([KEY]) == {KEY}
    await archive.write([entry(1)])
    assert await everything(archive) == [], "a deleted one does not come back"


async def test_known_record_stays_as_it_is(archive: Archive) -> None:
    first = entry(1, output=b"first")
    await archive.write([first, entry(1, output=b"second", message="second")])
    await archive.write([entry(1, output=b"third", message="third", finished_at=START + DAY)])
    assert await everything(archive) == [first.execution]
    assert await archive.output(*KEY) == first.output


@pytest.mark.parametrize("truncated", [False, True])
@pytest.mark.parametrize(
    "content",
    [b"", b"x", bytes(range(256)) * 4, bytes(range(256)) * 4 + b"!", b"\xff\0" * 300_000, b"ab\n" * 5000],
    ids=["empty", "byte", "a kilobyte", "one more", "binary", "long"],
)
async def test_output_comes_back(archive: Archive, content: bytes, truncated: bool) -> None:
    await archive.write([Entry(record(1), ArchivedOutput(content, truncated)), entry(2)])
    assert await archive.output(*KEY) == ArchivedOutput(content, truncated)
    keys = [KEY, ("uid-of-backup", "backup-2"), ("absent", "backup-1")]
    for size in (0, 1, 1000, 1024, 1025, 256_000, 10**7):
        end = content[-size:] if size else b""
        expected = {KEY: ArchivedOutput(end, truncated or len(end) < len(content))}
        assert await archive.outputs(keys, size=size) == expected


async def test_long_outputs_are_read_a_few_at_a_time(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long they are, lists and searches hold a few of them in memory."""
    together: list[int] = []
    read = contents.packed

    async def counted(connection: AsyncConnection, numbers: Sequence[int]) -> Mapping[int, bytes]:
        together.append(len(numbers))
        return await read(connection, numbers)

    monkeypatch.setattr(contents, "packed", counted)
    monkeypatch.setattr(contents, "TOGETHER", 5000)
    entries = [entry(n, output=b"%d" % n + b"x" * 2000) for n in range(7)] + [entry(7, output=b"y" * 9000)]
    await archive.write(entries)
    found = await archive.outputs([("uid-of-backup", f"backup-{n}") for n in range(8)], size=10**6)
    assert {attempt: output for (_, attempt), output in found.items()} == {
        each.execution.attempt_job: each.output for each in entries
    }
    assert together == [2, 2, 2, 1, 1]
    assert len((await archive.page(Query(NAMESPACE, text="x"))).executions) == 7
    assert max(together) == 2


async def test_no_output_is_none(archive: Archive) -> None:
    await archive.write([entry(1)])
    assert await archive.output(*KEY) is None
    assert await archive.outputs([], size=10) == {}


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        pytest.param({"message": "a\0b"}, {"message": "a\ufffdb"}, id="zero byte"),
        pytest.param({"message": "a\ud800b"}, {"message": "a?b"}, id="half a character"),
        pytest.param({"parameters": {"a": "\0\ud800"}}, {"parameters": {"a": "\0\ud800"}}, id="in a parameter"),
        pytest.param({"message": "x" * 10**6}, {"message": "x" * 16_384}, id="long"),
        pytest.param({"member": "m" * 10**5}, {"member": "m" * 16_384}, id="a long member"),
        pytest.param({"group": 2**70, "exit_code": 2**64, "attempt": 2**40}, {"attempt": 2**31 - 1}, id="numbers"),
        pytest.param({"reason": "'; DROP TABLE execution; --"}, {}, id="a quote"),
    ],
)  # fmt: skip
async def test_odd_record_keeps_no_other_out(
    archive: Archive, changes: dict[str, object], shown: dict[str, object]
) -> None:
    odd = replace(record(1), **changes)  # type: ignore[arg-type]
    await archive.write([Entry(odd), entry(2)])
    second, first = await everything(archive)
    assert second == record(2)
    for name, value in {**changes, **shown}.items():
        if name not in {"group", "exit_code"}:
            assert getattr(first, name) == value


async def test_names_longer_than_an_index_allows(archive: Archive) -> None:
    await archive.write([entry(1, attempt_job="a" * 5000, job=JobKey("n" * 5000, "j" * 5000, "uid")), entry(2)])
    await archive.write_revisions([Revision(key("backup"), "h" * 5000, 2**70, START)])
    assert [each.group for each in await everything(archive)] == [2]


async def test_skipped_slots_newest_first(archive: Archive) -> None:
    slots = [
        SkippedSlots(key(name), first, first + HOUR / 2, 3, "Forbidden", "still runs", first)
        for name, first in (("backup", START), ("report", START + HOUR), ("backup", START + 2 * HOUR))
    ]
    await archive.write_skipped([*slots, replace(slots[0], count=99)])
    await archive.write_skipped(slots)
    await archive.write_skipped([SkippedSlots(JobKey("others", "backup", "o"), START, START, 1, "Forbidden")])

    async def found(begin: timedelta, end: timedelta, jobs: frozenset[str] | None = None) -> list[SkippedSlots]:
        return await archive.skipped(NAMESPACE, START + begin, START + end, jobs=jobs)

    assert await found(-DAY, DAY) == slots[::-1]
    assert await found(HOUR / 4, HOUR) == slots[:1]
    assert await found(-DAY, DAY, frozenset({"backup"})) == [slots[2], slots[0]]
    assert await found(-DAY, DAY, frozenset()) == []
    assert await archive.skipped(NAMESPACE, START, START + DAY, jobs=None, limit=1) == slots[2:]
    (day,) = await archive.timeline(NAMESPACE, START, START + DAY, DAY, jobs=None)
    assert day.skipped == 9


async def test_pause_gets_its_end(archive: Archive) -> None:
    running = PauseRecord(NAMESPACE, "freeze", START, None, "release", "alice")
    await archive.write_pauses([running, replace(running, name="other", namespace="others")])
    assert await archive.pauses(NAMESPACE, START + DAY, START + 2 * DAY) == [running]
    assert await archive.pauses(NAMESPACE, START - DAY, START) == []
    ended = replace(running, end=START + HOUR)
    await archive.write_pauses([ended])
    assert await archive.pauses(NAMESPACE, START, START + DAY) == [ended]
    assert await archive.pauses(NAMESPACE, START + HOUR, START + DAY) == []


async def test_revisions_newest_first_and_each_spec_once(archive: Archive) -> None:
    specs = [{"schedule": "@hourly", "n": n % 2} for n in range(3)]
    revisions = [
        Revision(key("backup"), f"hash{n % 2}", n + 1, START + n * HOUR, "alice", spec) for n, spec in enumerate(specs)
    ]
    for _ in range(2):
        await archive.write_revisions(revisions)
    listed = [replace(each, spec=None) for each in revisions[::-1]]
    assert await archive.revisions(NAMESPACE, "backup") == listed
    assert await archive.revisions(NAMESPACE, "backup", limit=1) == listed[:1]
    assert await archive.revisions("others", "backup") == []
    assert [await archive.spec(f"hash{n}") for n in range(3)] == [specs[0], specs[1], None]


async def test_percentiles_are_within_two_per_cent(archive: Archive) -> None:
    took = [0.0, 0.001, *(0.5 * 1.07**n for n in range(150))]
    entries = [
        entry(n, started_at=START + HOUR, finished_at=START + HOUR + timedelta(milliseconds=round(1000 * seconds)))
        for n, seconds in enumerate(took)
    ]
    within = [each for each in entries if each.execution.finished_at < START + DAY]
    failed = entry(999, success=False, started_at=START, finished_at=START + 20 * HOUR)
    await archive.write([*within, failed])
    lasted = sorted((each.execution.finished_at - each.execution.started_at).total_seconds() for each in within)
    (day,) = await archive.durations(NAMESPACE, "backup", START, START + DAY)
    assert (day.day, day.count, day.longest) == (START, len(lasted), lasted[-1])
    for share, found in ((0.5, day.p50), (0.9, day.p90), (0.99, day.p99)):
        exact = lasted[math.ceil(share * len(lasted)) - 1]
        assert exact <= found <= exact * 1.021
    assert await archive.durations(NAMESPACE, "report", START, START + DAY) == []


async def test_health_of_an_empty_archive_and_a_full_one(archive: Archive) -> None:
    nothing = await archive.health()
    assert (nothing.executions, nothing.oldest) == (0, None)
    await archive.write([entry(n, output=b"%d" % n * 2000) for n in range(50)])
    full = await archive.health()
    assert (full.executions, full.oldest) == (50, record(0).finished_at)
    assert full.size > nothing.size
    assert await archive.count(Query("absent")) == 0
