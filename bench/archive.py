"""The cost of an archive of many executions: writes, pages, searches and timelines, in SQLite and in PostgreSQL.

    python bench/archive.py [--rows 1000000] [--databases sqlite,postgresql] [--times 200] [--remove]

A database may also be a URL: it is filled up to the rows, and kept. Both sync each transaction to the disk. `--remove`
also deletes the oldest month, by age as the operator does, while another client writes.
"""

import argparse
import asyncio
import itertools
import random
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from dkron_archive.archive import Archive
from dkron_archive.opening import open_archive
from dkron_archive.records import ArchivedExecution, ArchivedOutput, Cursor, Entry, JobKey, Query, Retention, State
from dkron_runtime import loop
from localcluster.servers.postgresql import postgresql

JOBS = 1000
NAMESPACE = "bench"
BATCH = 500
PAGE = 100
START = datetime(2026, 1, 1, tzinfo=UTC)
EVERY = timedelta(seconds=6)
"""Between two ends: a million of them are 69 days."""
HOUR, DAY, WEEK, MONTH = timedelta(hours=1), timedelta(days=1), timedelta(days=7), timedelta(days=30)
TIMEOUT, UPKEEP = timedelta(seconds=30), timedelta(seconds=2)
"""Of a call, and of one cleaning."""
WORDS = ("copied", "checked", "uploaded", "skipped", "compressed", "removed")
SEARCHES = 20


def entry(number: int) -> Entry:
    """One of ten minutes at most, with 0.1 to 4 KB of log, of which one in a thousand has a rare word."""
    chosen = random.Random(number)  # noqa: S311 - the same each time
    name = f"job-{number % JOBS:04}"
    end = START + EVERY * number
    start = end - timedelta(seconds=chosen.expovariate(1 / 20))
    attempt = f"{name}-{int(start.timestamp())}-{number:08x}"
    lines = [
        f"{start:%H:%M:%S} INFO {chosen.choice(WORDS)} file-{chosen.randrange(10**6)}.dat in {chosen.randrange(900)} ms"
        for _ in range(chosen.randrange(2, 80))
    ]
    if number % 1000 == 7:
        lines.append("ERROR the needle is broken")
    execution = ArchivedExecution(
        JobKey(NAMESPACE, name, f"00000000-0000-4000-8000-{number % JOBS:012}"),
        f"{int(start.timestamp() * 1e6) * 1000}-{attempt}", attempt, int(start.timestamp()) * 10**9, 1,
        "manual" if number % 200 == 3 else "schedule", start, start, end, number % 20 > 0, start, exit_code=0,
        node_name=f"node-{number % 7}", revision=f"{number % JOBS:064x}",
    )  # fmt: skip
    return Entry(execution, ArchivedOutput("\n".join(lines).encode(), truncated=False))


async def fill(archive: Archive, rows: int) -> None:
    """Write until there are so many, and say how fast."""
    await archive.migrate()
    there = await archive.count(Query(NAMESPACE)) or 0
    spent, began = 0.0, there
    for begin in range(there, rows, BATCH):
        batch = [entry(number) for number in range(begin, min(rows, begin + BATCH))]
        started = time.perf_counter()
        await archive.write(batch)
        spent += time.perf_counter() - started
        if begin // BATCH % 200 == 199:
            print(f"  {begin + BATCH} rows, {(begin + BATCH - began) / spent:.0f} a second", flush=True)
    if spent:
        print(f"| inserts a second, {BATCH} together | {(rows - began) / spent:.0f} | |", flush=True)
    single = [entry(number) for number in range(rows, rows + 50)]
    started = time.perf_counter()
    for each in single:
        await archive.write([each])
    print(f"| inserts a second, one by one | {len(single) / (time.perf_counter() - started):.0f} | |", flush=True)
    health = await archive.health()
    print(f"| bytes each, with the output and all indexes | {health.size / health.executions:.0f} | |", flush=True)


def questions(archive: Archive, rows: int) -> Iterator[tuple[str, int, Callable[[int], Awaitable[object]]]]:
    """The questions, how many times less than others each is asked, and the call; its number makes each one another."""
    now = START + EVERY * rows

    def jobs(count: int, number: int) -> frozenset[str]:
        return frozenset(f"job-{(number + n) % JOBS:04}" for n in range(count))

    def behind(pages: int, number: int) -> Cursor:
        last = max(PAGE * 2, rows - pages * PAGE) + number
        return Cursor(START + EVERY * last, entry(last).execution.id)

    async def shown(number: int) -> None:
        page = await archive.page(Query(NAMESPACE, after=behind(1 + number, number)))
        keys = [(each.job.uid, each.attempt_job) for each in page.executions]
        await archive.outputs(keys, size=1024)

    yield "the first page", 1, lambda _: archive.page(Query(NAMESPACE))
    yield "page 10,000", 1, lambda n: archive.page(Query(NAMESPACE, after=behind(10_000, n)))
    yield "a page with the end of each output", 1, shown
    yield "a page of one job", 1, lambda n: archive.page(Query(NAMESPACE, jobs=jobs(1, n)))
    yield "a page of 20 jobs", 1, lambda n: archive.page(Query(NAMESPACE, jobs=jobs(20, n)))
    yield "a page of 500 jobs", 1, lambda n: archive.page(Query(NAMESPACE, jobs=jobs(500, n)))
    yield "failed ones", 1, lambda n: archive.page(Query(NAMESPACE, state=State.FAILED, after=behind(100, n)))
    yield "manual ones", 1, lambda _: archive.page(Query(NAMESPACE, triggers=frozenset({"manual"})))
    yield (
        "what ran at an instant",
        1,
        lambda n: archive.page(Query(NAMESPACE, running_at=START + EVERY * (rows // 2 + n))),
    )
    yield "how many there are", 1, lambda _: archive.count(Query(NAMESPACE))
    yield "one execution", 1, lambda n: archive.execution(NAMESPACE, *named(entry(n * 31 % rows)))
    yield "one output", 1, lambda n: archive.output(*attempt(entry(n * 31 % rows)))
    yield "timeline of a week by hour", 1, lambda _: archive.timeline(NAMESPACE, now - WEEK, now, HOUR, jobs=None)
    yield (
        "timeline of two days by minute",
        1,
        lambda _: archive.timeline(NAMESPACE, now - 2 * DAY, now, HOUR / 60, jobs=None),
    )
    yield (
        "timeline of a week, of 100 jobs",
        1,
        lambda n: archive.timeline(NAMESPACE, now - WEEK, now, HOUR, jobs=jobs(100, n)),
    )
    yield (
        "durations of a job in 60 days",
        1,
        lambda n: archive.durations(NAMESPACE, f"job-{n % JOBS:04}", now - 60 * DAY, now),
    )
    text, yesterday = "needle is", now - DAY
    yield (
        "a text in a job's outputs of a week",
        SEARCHES,
        lambda n: archive.page(Query(NAMESPACE, jobs=jobs(1, n), begin=now - WEEK, text=text)),
    )
    yield (
        "a text in all outputs of a day",
        SEARCHES,
        lambda n: archive.page(Query(NAMESPACE, begin=yesterday - DAY * (n % 5), end=now - DAY * (n % 5), text=text)),
    )


async def remove_month(archive: Archive, url: str, rows: int) -> None:
    """Delete the oldest month as the operator does, and say how long the writes of another client take meanwhile."""
    now = START + EVERY * rows
    retention = Retention(max(1, (now - START).days - MONTH.days), None)
    other = open_archive(url, timeout=TIMEOUT)
    writes, numbers = list[float](), itertools.count(rows + 100)

    async def write() -> None:
        while True:
            writes.append(await milliseconds(other.write([entry(next(numbers))])))
            await asyncio.sleep(0.02)

    try:
        writing = asyncio.ensure_future(write())
        await asyncio.sleep(10)
        print(f"| a write of another client | {told(writes)} |", flush=True)
        writes.clear()
        batches = timed(archive)
        gone, started, whole = 0, time.perf_counter(), True
        while whole:
            began = time.perf_counter()
            gone += (await archive.clean(retention, now=now, budget=UPKEEP)).gone
            whole = time.perf_counter() - began >= UPKEEP.total_seconds()
        print(f"| the removal of a month, {gone} executions, s | {time.perf_counter() - started:.0f} | |")
        print(f"| each of its transactions | {told(batches)} |")
        print(f"| a write of another client meanwhile, at most {max(writes):.0f} ms | {told(writes)} |", flush=True)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
    finally:
        await other.close()


def timed(archive: Archive) -> list[float]:
    """The milliseconds of each transaction from now on."""
    took: list[float] = []
    database = archive.database
    writing = database.writing

    @asynccontextmanager
    async def measured(limit: float | None = None) -> AsyncIterator[AsyncConnection]:
        started = time.perf_counter()
        async with writing(limit) as connection:
            yield connection
        took.append((time.perf_counter() - started) * 1000)

    database.writing = measured  # type: ignore[method-assign]
    return took


async def milliseconds(call: Awaitable[object]) -> float:
    """How long a call takes."""
    started = time.perf_counter()
    await call
    return (time.perf_counter() - started) * 1000


def told(took: Sequence[float]) -> str:
    """The median and the 99th percentile, as two columns."""
    ordered = sorted(took)
    return f"{ordered[len(ordered) // 2]:.1f} | {ordered[len(ordered) * 99 // 100]:.1f}"


def named(each: Entry) -> tuple[str, str]:
    """The job's name, and the id."""
    return each.execution.job.name, each.execution.id


def attempt(each: Entry) -> tuple[str, str]:
    """The key of an output."""
    return each.execution.job.uid, each.execution.attempt_job


async def measure(url: str, rows: int, times: int, *, remove: bool) -> None:
    """Fill one and ask."""
    archive = open_archive(url, timeout=TIMEOUT)
    try:
        print(f"\n| {url.partition(':')[0]}, {rows} rows | p50, ms | p99, ms |\n| --- | --- | --- |", flush=True)
        await fill(archive, rows)
        for what, fewer, ask in questions(archive, rows):
            for number in range(2):
                await ask(number)
            took = [await milliseconds(ask(number)) for number in range(max(3, times // fewer))]
            print(f"| {what} | {told(took)} |", flush=True)
        if remove:
            await remove_month(archive, url, rows)
    finally:
        await archive.close()


@contextmanager
def database(name: str) -> Iterator[str]:
    """The URL of a new one, or the one that is given."""
    if name == "sqlite":
        with tempfile.TemporaryDirectory(prefix="dkron-archive-") as folder:
            yield f"sqlite:///{folder}/archive.db"
    elif name == "postgresql":
        with postgresql(password="bench", durable=True) as server:  # noqa: S106 - on the loopback
            server.run("createdb", "archive")
            yield server.url("archive")
    else:
        yield name


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--remove", action="store_true")
    options = parser.parse_args()
    for name in options.databases.split(","):
        with database(name) as url:
            loop.run(measure(url, options.rows, options.times, remove=options.remove))


if __name__ == "__main__":
    main()
