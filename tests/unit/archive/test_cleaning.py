"""The oldest records go when there are too many, and stay gone; a user's delete leaves tombstones."""

from datetime import timedelta

import pytest

from dkron_archive import cleaning
from dkron_archive.archive import Archive
from dkron_archive.records import Cleaned, Evicted, PauseRecord, Query, Retention, Revision, SkippedSlots
from dkron_archive.rows import execution_row
from tests.support.archives import NAMESPACE, START, check_counters, entry, everything, key

BUDGET = timedelta(seconds=30)
DAY = timedelta(days=1)
DAYS = 24 * 60


@pytest.fixture(autouse=True)
def batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small ones, so that a few records need several."""
    monkeypatch.setattr(cleaning, "BATCH", 4)


@pytest.mark.parametrize(
    ("retention", "left"),
    [
        pytest.param(Retention(None, None), range(20), id="all is kept"),
        pytest.param(Retention(7, None), range(13, 20), id="days"),
        pytest.param(Retention(None, 6), [*range(8, 20)], id="of each job"),
        pytest.param(Retention(None, None, 10**9), range(20), id="few bytes"),
        pytest.param(Retention(None, None, 0), [], id="no byte"),
        pytest.param(Retention(12, 4, None), [*range(12, 20)], id="days, and of each job"),
    ],
)
async def test_what_is_kept(archive: Archive, retention: Retention, left: list[int]) -> None:
    """Twenty executions of two jobs, one a day."""
    entries = [entry(n, ("backup", "report")[n % 2], b"x" * 3000, minutes=n * DAYS) for n in range(20)]
    await archive.write(entries)
    assert (await archive.clean(retention, now=START + 20 * DAY, budget=BUDGET)).gone == 20 - len(left)
    assert [each.group for each in await everything(archive)] == sorted(left, reverse=True)
    await archive.write(entries)
    assert [each.group for each in await everything(archive)] == sorted(left, reverse=True)
    assert (await archive.clean(retention, now=START + 20 * DAY, budget=BUDGET)).gone == 0
    await check_counters(archive, entries, aged=retention.days is not None)
    gone = [
        await archive.output(e.execution.job.uid, e.execution.attempt_job)
        for e in entries
        if e.execution.group not in left
    ]
    assert gone == [None] * (20 - len(left))


@pytest.mark.parametrize("of_each", [False, True], ids=["in all", "of each namespace"])
async def test_no_more_go_than_are_too_many(archive: Archive, *, of_each: bool) -> None:
    """However many a batch could have."""
    await archive.write([entry(n, output=bytes(range(256)) * 4) for n in range(40)])
    limit = 20 * int(execution_row(entry(1).execution, 1, 1024)["bytes"])
    retention = Retention(None, None, *((None, limit) if of_each else (limit, None)))
    cleaned = await archive.clean(retention, now=START, budget=BUDGET)
    assert cleaned == Cleaned(20, {NAMESPACE: Evicted(20, "uid-of-backup")})
    assert [each.group for each in await everything(archive)] == list(range(39, 19, -1))


async def test_namespaces_with_the_most_bytes_make_room(archive: Archive) -> None:
    """However old the others are. An execution whose end lies in the future changes nothing."""
    counts = {"large": 30, "middle": 14, "small": 6}
    jobs = {namespace: key("backup", uid=f"in-{namespace}", namespace=namespace) for namespace in counts}
    entries = [
        entry(n, job=jobs[namespace], minutes=number * 1000 + n)
        for number, (namespace, count) in enumerate(reversed(counts.items()))
        for n in range(count)
    ]
    await archive.write(entries)
    await archive.write([entry(99, job=jobs["large"], finished_at=START + 3000 * DAY)])
    retention = Retention(None, None, 26 * record_bytes())
    assert (await archive.clean(retention, now=START, budget=BUDGET)).gone == 51 - 26
    await archive.write(entries)
    left = {name: [each.group for each in await everything(archive, Query(name))] for name in counts}
    assert left == {
        "large": [99, *range(29, 20, -1)],
        "middle": [*range(13, 3, -1)],
        "small": [*range(5, -1, -1)],
    }


async def test_other_namespaces_late_records_are_kept(archive: Archive) -> None:
    """What one had to give up sets no limit for records of others."""
    other = key("backup", uid="of-others", namespace="others")
    await archive.write([entry(n, output=bytes(range(256)) * 40) for n in range(10)])
    await archive.clean(Retention(None, None, 0), now=START, budget=BUDGET)
    await archive.write([entry(n, job=other) for n in range(10)] + [entry(n) for n in range(10)])
    counts = [await archive.count(Query(namespace)) for namespace in (NAMESPACE, "others")]
    assert counts == [0, 10]


def record_bytes() -> int:
    return int(execution_row(entry(1).execution, 1, 0)["bytes"])


async def test_jobs_with_the_most_executions_go_first(archive: Archive) -> None:
    """However short the budget is, no job is left behind for good."""
    counts = {"few": 3, "most": 9, "more": 6}
    await archive.write([entry(n, name) for name, count in counts.items() for n in range(count)])
    await cleaning._too_many(archive.database, 2, ThreeBatches())
    left = [each.job.name for each in await everything(archive)]
    assert {name: left.count(name) for name in counts} == {"few": 3, "most": 2, "more": 2}


class ThreeBatches(cleaning.Pace):
    """There is time for as many."""

    batches = 3

    async def lasts(self) -> bool:
        self.batches -= 1
        return self.batches >= 0


async def test_cleaning_ends_with_its_budget(archive: Archive) -> None:
    await archive.write([entry(n) for n in range(20)])
    assert await archive.clean(Retention(None, 1), now=START, budget=timedelta(0)) == Cleaned()
    assert await archive.count(Query(NAMESPACE)) == 20


async def test_deleted_executions_stay_gone_until_forgotten(archive: Archive) -> None:
    deleted = [entry(n) for n in range(10)]
    other = entry(1, "report")
    await archive.write([*deleted, other])
    assert await archive.delete_executions(NAMESPACE, "backup") == 10
    assert await archive.delete_executions(NAMESPACE, "backup") == 0
    assert await archive.delete_executions(NAMESPACE, "") == 0
    assert await archive.delete_executions("others", "report") == 0
    await archive.write([*deleted, entry(11)])
    assert {each.attempt_job for each in await everything(archive)} == {"backup-11", "report-1"}
    await archive.forget_tombstones("uid-of-backup", [f"backup-{n}" for n in range(9)])
    await archive.write(deleted)
    assert {each.attempt_job for each in await everything(archive)} == {"backup-9", "backup-11", "report-1"}


async def test_age_takes_the_ledger_and_what_has_no_job(archive: Archive) -> None:
    """Days stay for the namespace, and a job that still runs keeps its current spec however old that is."""
    old, new = START, START + 40 * DAY
    for name in ("gone", "alive"):
        await archive.write([entry(1, name)])
        revisions = [Revision(key(name), f"{name}{n}", n, old + n * DAY, spec={"n": n}) for n in range(1, 3)]
        await archive.write_revisions(revisions)
        await archive.write_skipped([SkippedSlots(key(name), old, old, 2, "Forbidden")])
    await archive.write([entry(2, "alive", minutes=40 * DAYS)])
    await archive.write_pauses(
        [PauseRecord(NAMESPACE, name, old, end) for name, end in (("a", old + DAY), ("b", None))]
    )
    assert await archive.clean(Retention(30, None), now=new, budget=BUDGET) == Cleaned(2)
    span = (old, new + DAY)
    assert await archive.skipped(NAMESPACE, *span, jobs=None) == []
    assert [each.name for each in await archive.pauses(NAMESPACE, *span)] == ["b"]
    assert [each.generation for each in await archive.revisions(NAMESPACE, "alive")] == [2]
    assert await archive.revisions(NAMESPACE, "gone") == []
    specs = {name: await archive.spec(name) for name in ("gone1", "gone2", "alive1", "alive2")}
    assert {name for name, spec in specs.items() if spec} == {"alive2"}
    assert len(await archive.timeline(NAMESPACE, *span, timedelta(minutes=1), jobs=None)) == 1
    days = await archive.timeline(NAMESPACE, *span, DAY, jobs=None)
    assert [(day.success, day.skipped) for day in days] == [(2, 4), (1, 0)]
    of_gone = await archive.timeline(NAMESPACE, *span, DAY, jobs=frozenset({"gone"}))
    assert of_gone == []
    await archive.write_skipped([SkippedSlots(key("alive"), old, old, 2, "Forbidden")])
    assert await archive.skipped(NAMESPACE, *span, jobs=None) == []
