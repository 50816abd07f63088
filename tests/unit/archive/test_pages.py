"""Pages begin at a key: each record is on one of them, whatever is written meanwhile, and filters do what they say."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncConnection

from dkron_archive import contents, search
from dkron_archive.archive import Archive
from dkron_archive.records import ArchivedExecution, Query, State
from tests.support.archives import NAMESPACE, START, empty, entry, everything, key
from tests.support.examples import shared

AT = START + timedelta(minutes=44, seconds=1)
MINUTES = st.integers(0, 20)
BATCHES = st.lists(st.lists(MINUTES, min_size=1, max_size=8), min_size=1, max_size=6)


@shared()
@given(batches=BATCHES, limit=st.integers(1, 4), up=st.booleans())
async def test_pages_have_each_record_once(archive: Archive, batches: list[list[int]], limit: int, up: bool) -> None:
    """Several end at one instant, and more are written between two pages."""
    await empty(archive)
    first, *later = batches
    await archive.write([entry(n, minutes=at) for n, at in enumerate(first)])
    seen: list[ArchivedExecution] = []
    query = Query(NAMESPACE, limit=limit, ascending=up)
    written = len(first)
    while True:
        page = await archive.page(query)
        seen.extend(page.executions)
        assert len(page.executions) == limit or page.next is None
        if page.next is None:
            break
        query = replace(query, after=page.next)
        if later:
            await archive.write([entry(written + n, minutes=at) for n, at in enumerate(later.pop())])
            written += len(batches[len(later) + 1])
    keys = [(each.finished_at, each.id) for each in seen]
    assert keys == sorted(set(keys), reverse=not up)
    assert {each.attempt_job for each in seen} >= {f"backup-{n}" for n in range(len(first))}


def names(count: int) -> frozenset[str]:
    return frozenset(f"job{n}" for n in range(count))


def few(e: ArchivedExecution) -> bool:
    return e.job.name in names(3)


def marked(e: ArchivedExecution) -> bool:
    return e.group % 10 == 3


def runs(e: ArchivedExecution) -> bool:
    return e.started_at <= AT < e.finished_at


LATER = AT + timedelta(hours=1)
BOTH = frozenset({"manual", "schedule"})
FILTERS: list[Any] = [
    pytest.param({}, lambda _: True, id="none"),
    pytest.param({"jobs": names(3)}, few, id="few jobs"),
    pytest.param({"jobs": names(35)}, lambda e: e.job.name in names(35), id="many jobs"),
    pytest.param({"jobs": frozenset()}, lambda _: False, id="no job"),
    pytest.param({"jobs": frozenset({"", "absent"})}, lambda _: False, id="a name of none"),
    pytest.param({"state": State.FAILED}, lambda e: not e.success, id="failed"),
    pytest.param({"state": State.FAILED, "jobs": names(3)}, lambda e: not e.success and few(e), id="failed of few"),
    pytest.param({"state": State.SUCCESS}, lambda e: e.success, id="succeeded"),
    pytest.param({"triggers": frozenset({"manual"})}, lambda e: e.trigger == "manual", id="by hand"),
    pytest.param({"triggers": BOTH}, lambda e: e.trigger in BOTH, id="two triggers"),
    pytest.param({"triggers": frozenset({"' OR 1=1 --"})}, lambda _: False, id="a trigger with a quote"),
    pytest.param({"begin": AT, "end": LATER}, lambda e: AT <= e.finished_at < LATER, id="span"),
    pytest.param({"running_at": AT}, runs, id="running at an instant"),
    pytest.param({"running_at": AT, "jobs": names(50)}, runs, id="running, of all jobs"),
    pytest.param({"text": "line 7\n"}, lambda e: e.group == 7, id="text"),
    pytest.param({"text": "line _\n"}, lambda _: False, id="an underscore is itself"),
    pytest.param({"text": "%"}, marked, id="a per cent sign is itself"),
    pytest.param({"text": "%", "state": State.FAILED}, lambda e: marked(e) and not e.success, id="text of failures"),
]


@pytest.mark.parametrize("ascending", [False, True], ids=["newest first", "oldest first"])
@pytest.mark.parametrize(("filters", "wanted"), FILTERS)
async def test_filters(
    archive: Archive,
    filters: dict[str, Any],
    wanted: Callable[[ArchivedExecution], bool],
    ascending: bool,
) -> None:
    triggers = ("schedule", "manual", "dependent")
    entries = [
        entry(
            n, f"job{n % 50}", b"line %d\n" % n + (b"100%" if n % 10 == 3 else b"") + b"x" * (2000 * (n % 2)),
            trigger=triggers[n % 3], success=n % 4 > 0,
            started_at=START + timedelta(minutes=n - (300 if n % 17 == 0 else 0)),
        )
        for n in range(120)
    ]  # fmt: skip
    await archive.write([*entries, entry(1, "job1", job=key("job1", uid="other", namespace="others"))])
    query = Query(NAMESPACE, limit=7, ascending=ascending, **filters)
    expected = sorted(
        (each.execution for each in entries if wanted(each.execution)), key=lambda e: (e.finished_at, e.id)
    )
    assert await everything(archive, query) == expected[:: 1 if ascending else -1]
    counted = await archive.count(query)
    assert counted in {len(expected), None}
    if not filters.keys() & {"text", "running_at", "triggers", "begin"}:
        assert counted == len(expected)


async def test_search_reads_a_few_megabytes_in_a_transaction(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the outputs are, and however well they are compressed."""
    read: list[int] = []
    packed = contents.packed

    async def counted(connection: AsyncConnection, numbers: Sequence[int]) -> Mapping[int, bytes]:
        read.append(len(numbers))
        return await packed(connection, numbers)

    monkeypatch.setattr(contents, "packed", counted)
    await archive.write([entry(n, output=b"z" * 3 * 1024 * 1024) for n in range(9)])
    await archive.write([entry(n, output=b"short") for n in range(9, 12)])
    found = await search.page(archive.database, Query(NAMESPACE, text="no such text"), budget=60)
    assert (found.executions, found.complete) == ((), True)
    assert read == [2, 2, 2, 2, 1]
    found = await search.page(archive.database, Query(NAMESPACE, text="zzz"), budget=60)
    assert [each.group for each in found.executions] == list(range(8, -1, -1))
    read.clear()
    part = await search.page(archive.database, Query(NAMESPACE, text="no such text"), budget=0)
    assert (len(read), part.complete) == (1, False), "it goes on from there"


async def test_search_stops_at_its_budget_and_goes_on(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "BATCH", 10)
    await archive.write([entry(n, output=b"needle" if n in {3, 44} else b"hay") for n in range(50)])
    query = Query(NAMESPACE, text="needle")
    page = await search.page(archive.database, query, budget=0)
    assert ([each.group for each in page.executions], page.complete) == ([44], False)
    looks = 1
    while page.next is not None:
        assert not page.complete
        page = await search.page(archive.database, replace(query, after=page.next), budget=0)
        looks += 1
    assert (looks, [each.group for each in page.executions], page.complete) == (5, [3], True)


async def test_execution_of_the_newest_job_of_a_name(archive: Archive) -> None:
    old = entry(1, job=key("backup", uid="old"), message="old")
    await archive.write([old, entry(2)])
    await archive.write([entry(1, message="new")])
    for wanted, message in ((old.execution.id, "new"), ("1-absent", None), ("", None), (entry(2).execution.id, "")):
        found = await archive.execution(NAMESPACE, "backup", wanted)
        assert (found and found.message) == message
    assert await archive.execution("others", "backup", old.execution.id) is None
    assert await archive.count(Query(NAMESPACE, jobs=frozenset({"backup"}))) == 3
