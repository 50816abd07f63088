"""Two tenants, one of them hostile, at one archive."""

import asyncio
import random
from datetime import timedelta

import pytest

from dkron_api.archive import reads
from dkron_archive.archive import Archive
from dkron_archive.opening import open_archive
from dkron_archive.records import Query, Retention
from tests.support.archives import ALL, NAMESPACE, START, entry, everything, key, record
from tests.support.fake_archive import long_ago

HOSTILE = "hostile"
LONG = b"z" * 10 * 1024 * 1024
"""It takes four kilobytes of the database."""


@pytest.mark.timeout(120)
async def test_searches_of_one_leave_the_others_their_reads(archive: Archive, archive_url: str) -> None:
    await archive.write([entry(n) for n in range(5)])
    for begin in range(0, 200, 20):
        await archive.write(
            [entry(n, output=LONG, job=key("loud", namespace=HOSTILE)) for n in range(begin, begin + 20)]
        )
    opened = open_archive(archive_url, timeout=timedelta(seconds=reads.SECONDS), makes=False)
    api = reads.Archive(opened, long_ago)
    query = Query(HOSTILE, text="zz top")
    try:
        searches = [asyncio.create_task(api.work(HOSTILE, lambda reader: reader.page(query))) for _ in range(4)]
        answers = 0
        while not all(search.done() for search in searches):
            found = await api.read(NAMESPACE, lambda reader: reader.page(ALL))
            assert found.executions == tuple(map(record, range(4, -1, -1)))
            answers += 1
        assert answers
        for page in await asyncio.gather(*searches):
            assert (page.executions, page.complete or page.next is not None) == ((), True)
    finally:
        await opened.close()


async def test_writes_of_one_leave_the_others_their_history(archive: Archive) -> None:
    """Sixty megabytes of noise, after the history of another, into an archive of sixteen."""
    retention = Retention(bytes_in_all=16 * 1024 * 1024)
    await archive.write([entry(n) for n in range(300)])
    loud, noise = key("loud", namespace=HOSTILE), random.Random(1)  # noqa: S311 - the same bytes each time
    for n in range(60):
        await archive.write([entry(n, output=noise.randbytes(1024 * 1024), job=loud, minutes=300 + n)])
        await archive.clean(retention, now=START, budget=timedelta(seconds=10))
    kept = [len(await everything(archive, Query(namespace))) for namespace in (NAMESPACE, HOSTILE)]
    assert kept == [300, 15]
