"""A namespace that is made again sees nothing of the jobs from before, unless an administrator adopts them."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from dkron_archive.archive import Archive
from dkron_archive.records import Cursor, JobKey, PauseRecord, Query, Revision, SkippedSlots, State
from tests.support.archives import ALL, NAMESPACE, START, entry, everything, plan_of_page

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
AGAIN = START + 10 * MINUTE
"""When the namespace was made again."""
SPAN = (START - DAY, START + DAY)
OLD = JobKey(NAMESPACE, "backup", "old", created=START - MINUTE)
NEW = JobKey(NAMESPACE, "backup", "new", created=AGAIN)
OTHER = JobKey(NAMESPACE, "only-before", "other", created=START)
BOTH = frozenset({"backup", "only-before"})

Ask = Callable[[Archive], Awaitable[Any]]
READS: dict[str, Ask] = {
    "list": lambda archive: archive.page(ALL),
    "list of jobs": lambda archive: archive.page(Query(NAMESPACE, BOTH)),
    "list of many jobs": lambda archive: archive.page(Query(NAMESPACE, BOTH | {f"job-{n}" for n in range(40)})),
    "list of failures": lambda archive: archive.page(Query(NAMESPACE, state=State.FAILED)),
    "search": lambda archive: archive.page(Query(NAMESPACE, text="secret")),
    "running": lambda archive: archive.page(Query(NAMESPACE, running_at=START + timedelta(minutes=2, seconds=1))),
    "count": lambda archive: archive.count(ALL),
    "count of jobs": lambda archive: archive.count(Query(NAMESPACE, BOTH)),
    "execution": lambda archive: archive.execution(NAMESPACE, "backup", entry(2, "old", job=OLD).execution.id),
    "timeline": lambda archive: archive.timeline(NAMESPACE, *SPAN, DAY, jobs=None),
    "timeline of jobs": lambda archive: archive.timeline(NAMESPACE, *SPAN, MINUTE, jobs=BOTH),
    "durations": lambda archive: archive.durations(NAMESPACE, "backup", *SPAN),
    "skipped": lambda archive: archive.skipped(NAMESPACE, *SPAN, jobs=None),
    "skipped of jobs": lambda archive: archive.skipped(NAMESPACE, *SPAN, jobs=BOTH),
    "pauses": lambda archive: archive.pauses(NAMESPACE, *SPAN),
    "revisions": lambda archive: archive.revisions(NAMESPACE, "backup"),
}


async def fill(archive: Archive, job: JobKey, numbers: range) -> None:
    """Executions, some of them failed, and all that goes with them."""
    await archive.write([entry(n, job.uid, b"a secret", job=job, success=n % 2 == 0) for n in numbers])
    at = START + numbers.start * MINUTE
    await archive.write_skipped([SkippedSlots(job, at, at, 1, "Paused")])
    await archive.write_pauses([PauseRecord(NAMESPACE, f"pause-{job.uid}", at, at + MINUTE, "secret")])
    await archive.write_revisions([Revision(job, f"hash-{job.uid}", 1, at, spec={"secret": 1})])


async def answers(archive: Archive) -> dict[str, Any]:
    return {name: await ask(archive) for name, ask in READS.items()}


@pytest.mark.parametrize("lives_again", [False, True], ids=["empty", "with a job of its own"])
async def test_namespace_made_again_sees_nothing_from_before(archive: Archive, *, lives_again: bool) -> None:
    """It sees what it would see in an archive of its own."""
    if lives_again:
        await fill(archive, NEW, range(20, 25))
    expected = await answers(archive)
    await fill(archive, OLD, range(8))
    await fill(archive, OTHER, range(8))
    assert await answers(archive) != expected
    assert await answers(archive.since(AGAIN)) == expected
    assert await answers(archive.since(START - DAY)) == await answers(archive), "it is older than all of them"


async def test_adopted_history_is_visible_until_the_next_time(archive: Archive) -> None:
    await fill(archive, OLD, range(8))
    everything_there = await answers(archive)
    assert await answers(archive.since(AGAIN)) != everything_there
    await archive.adopt(NAMESPACE, at=AGAIN + MINUTE)
    assert await answers(archive.since(AGAIN)) == everything_there
    assert await everything(archive.since(AGAIN + 2 * MINUTE), ALL) == []


async def test_delete_spares_what_is_not_visible(archive: Archive) -> None:
    await fill(archive, OLD, range(8))
    await fill(archive, NEW, range(20, 25))
    assert await archive.since(AGAIN).delete_executions(NAMESPACE, "backup") == 5
    assert {each.job.uid for each in await everything(archive)} == {OLD.uid}


async def test_pages_end_where_the_namespace_began(archive: Archive) -> None:
    """However many executions are behind, and whatever the clocks of nodes say."""
    await fill(archive, OLD, range(-40, 8))
    await fill(archive, NEW, range(9, 25))
    view = archive.since(AGAIN)
    found = await everything(view, Query(NAMESPACE, limit=3))
    assert [each.group for each in found] == list(range(24, 8, -1))
    last = Cursor(found[-1].finished_at, found[-1].id)
    assert (await view.page(Query(NAMESPACE, after=last))).executions == ()


async def test_forgotten_namespace_has_no_history(archive: Archive) -> None:
    """Nothing of it, and all of the others, who may have had the same spec."""
    shared = JobKey("others", "backup", "shared", created=START)
    for job in (OLD, OTHER, shared):
        await fill(archive, job, range(8))
    same = [Revision(job, "same", 2, START, spec={"n": 1}) for job in (OLD, shared)]
    await archive.write_revisions(same)
    before = await everything(archive, Query("others"))
    assert await archive.forget(NAMESPACE, at=START + DAY) == 16
    nothing = {name: type(answer)() for name, answer in (await answers(archive)).items() if isinstance(answer, list)}
    assert {name: answer for name, answer in (await answers(archive)).items() if isinstance(answer, list)} == nothing
    assert [await archive.spec(name) for name in ("hash-old", "same", "hash-shared")] == [None, {"n": 1}, {"secret": 1}]
    assert await everything(archive, Query("others")) == before
    await archive.write([entry(n, "old", job=OLD) for n in range(8)])
    assert await everything(archive) == [], "the status of a job may still show them"
    await archive.write([entry(2000, "old", job=OLD)])
    assert len(await everything(archive)) == 1
    assert await archive.forget("never-seen", at=START) is None


async def test_page_of_a_namespace_made_again_uses_the_index(archive: Archive) -> None:
    if archive.database.name == "sqlite":
        await fill(archive, OLD, range(8))
        plan = partial(plan_of_page, archive, explain="EXPLAIN QUERY PLAN")
        steps = await plan(Query(NAMESPACE, since=AGAIN))
        assert any("execution_of_namespace (namespace=? AND finished_at>? AND finished_at<?)" in step for step in steps)
        assert not any(step.startswith("SCAN") and "execution" in step for step in steps)
