"""`python -m tests.support.archive_filler URL`: write without end, and say which batches are stored."""

import asyncio
import sys

from dkron_archive.opening import open_archive
from tests.support.archives import entry

BATCH = 20


async def main(url: str) -> None:
    archive = open_archive(url)
    number = 0
    while True:
        # Each batch has half of the one before, as an operator that does not know what was stored.
        await archive.write([entry(n, output=b"x" * 2000) for n in range(number, number + 2 * BATCH)])
        number += BATCH
        print(number + BATCH, flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
