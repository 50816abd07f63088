"""A writer dies at any moment: what it was told is stored is there, each batch as a whole, and counted once."""

import asyncio
import signal
import sys

import pytest

from dkron_archive.archive import Archive
from tests.support.archives import BATCH, check_counters, entry, everything


@pytest.mark.parametrize("batches", [1, 12])
async def test_writer_that_is_killed(archive: Archive, archive_url: str, batches: int) -> None:
    program = ("-m", "tests.support.archives", archive_url)
    writer = await asyncio.create_subprocess_exec(sys.executable, *program, stdout=asyncio.subprocess.PIPE)
    assert writer.stdout is not None
    try:
        said = [int(await asyncio.wait_for(writer.stdout.readline(), 60)) for _ in range(batches)]
    finally:
        writer.send_signal(signal.SIGKILL)
        rest = await writer.stdout.read()
        await writer.wait()
    said.extend(map(int, rest.splitlines()))
    there = {each.group for each in await everything(archive)}
    assert there >= set(range(said[-1]))
    assert len(there) % BATCH == 0
    await check_counters(archive, there, aged=False)
    again = [entry(n, output=b"x" * 2000) for n in range(len(there) + BATCH)]
    await archive.write(again)
    await check_counters(archive, again, aged=False)
