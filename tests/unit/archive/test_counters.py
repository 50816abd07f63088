"""Whatever is written, repeated, deleted and cleaned: counters say what rows there are, and each run counts once."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_archive.archive import Archive
from dkron_archive.records import Entry, Query, Retention, SkippedSlots, State
from tests.support.archives import NAMESPACE, START, check_counters, empty, entry, everything, key
from tests.support.examples import shared

JOBS = ("backup", "report", "sync")
NOW = START + timedelta(days=2)

numbers = st.integers(0, 40)
written = st.lists(st.tuples(numbers, st.sampled_from(JOBS), st.booleans()), min_size=1, max_size=12)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), written),
        st.tuples(st.just("delete"), st.sampled_from(JOBS)),
        st.tuples(st.just("days"), st.integers(1, 2)),
        st.tuples(st.just("per job"), st.integers(0, 5)),
        st.tuples(st.just("bytes"), st.integers(0, 8000)),
        st.tuples(st.just("skip"), st.tuples(numbers, st.sampled_from(JOBS))),
    ),
    min_size=2,
    max_size=10,
)


def entries(chosen: list[tuple[int, str, bool]]) -> list[Entry]:
    """Every hour an execution of each job, some with an output."""
    return [
        entry(n, name, b"out" * n if n % 2 else None, minutes=60 * (n % 30), success=good) for n, name, good in chosen
    ]


@shared()
@given(chosen=steps)
async def test_counters_equal_rows_whatever_happens(archive: Archive, chosen: list[tuple[str, object]]) -> None:
    await empty(archive)
    ever: set[tuple[str, str]] = set()
    gone: set[tuple[str, str]] = set()
    skipped: dict[tuple[str, int], int] = {}
    budget, cut = timedelta(seconds=30), START
    before: set[tuple[str, str]] = set()
    for what, value in [*chosen, *chosen]:
        match what, value:
            case "write", list():
                await archive.write(entries(value))
            case "delete", str():
                await archive.delete_executions(NAMESPACE, value)
            case "days", int():
                await archive.clean(Retention(value, None), now=NOW, budget=budget)
                cut = max(cut, NOW - timedelta(days=value))
            case "per job", int():
                await archive.clean(Retention(None, value), now=NOW, budget=budget)
            case "bytes", int():
                await archive.clean(Retention(None, None, value), now=NOW, budget=budget)
            case "skip", (int() as n, str() as name):
                last = START + timedelta(hours=n)
                await archive.write_skipped([SkippedSlots(key(name), last, last, n, "Forbidden")])
                if last >= cut:
                    skipped.setdefault((name, n), n)
        after = {(each.job.name, each.attempt_job) for each in await everything(archive)}
        ever |= after
        gone |= before - after
        assert not after & gone, "what was deleted came back"
        before = after
    await check_counters(archive, ever, aged=any(what == "days" for what, _ in chosen))
    days = await archive.timeline(NAMESPACE, START, NOW, timedelta(days=1), jobs=None)
    assert sum(day.skipped for day in days) == sum(skipped.values())
    assert (await archive.health()).executions == len(before)
    assert await archive.count(Query(NAMESPACE)) == len(before)
    for name in JOBS:
        query = Query(NAMESPACE, jobs=frozenset({name}))
        assert await archive.count(query) == sum(job == name for job, _ in before)
    states = [await archive.count(Query(NAMESPACE, state=state)) for state in State]
    assert sum(number or 0 for number in states) == len(before)


@pytest.mark.parametrize("step", [timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)])
async def test_timeline_of_each_job_adds_up_to_the_namespace(archive: Archive, step: timedelta) -> None:
    await archive.write([entry(n, JOBS[n % 3], minutes=n * 11, success=n % 5 > 0) for n in range(200)])
    last = START + timedelta(hours=2)
    await archive.write_skipped([SkippedSlots(key("sync"), START, last, 7, "Forbidden")])
    span = (START + timedelta(minutes=90), START + timedelta(hours=20))
    whole = await archive.timeline(NAMESPACE, *span, step, jobs=None)
    parts = [await archive.timeline(NAMESPACE, *span, step, jobs=frozenset({name})) for name in JOBS]
    together = await archive.timeline(NAMESPACE, *span, step, jobs=frozenset(JOBS))
    assert whole == together
    for bucket in whole:
        same = [each for part in parts for each in part if each.begin == bucket.begin]
        assert sum(each.success for each in same) == bucket.success
        assert sum(each.failed for each in same) == bucket.failed
        assert bucket.skipped == (7 if bucket.begin <= last < bucket.begin + step else 0)
    assert [each.begin for each in whole] == sorted(each.begin for each in whole)
