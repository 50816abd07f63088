"""The writes of an operator to its archive, as the proxy sees them: a request says that one begins, and another that
it is stored. The API server does not know them; the proxy numbers them, and kills the operator.
"""

import importlib
import os
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

from dkron_archive.archive import Archive

RESOURCE = "archivewrites"
TOLD_ARCHIVE = "CHAOS_ARCHIVE_WRITES"
"""The variable with the URL that is told of writes to the archive, if there is one."""
WRITES = ("migrate", "write", "write_skipped", "write_revisions", "write_pauses")


def tell(server: str) -> None:
    """Have all writes of this process tell the server."""
    place = f"{server}/apis/chaos.dkron.io/v1/namespaces/trial/{RESOURCE}"

    async def put(name: str) -> None:
        async with aiohttp.ClientSession() as session, session.put(f"{place}/{name}"):
            pass

    def telling(name: str, write: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        async def told(archive: Archive, *records: Any) -> None:
            await put(f"{name}-begins")
            await write(archive, *records)
            await put(f"{name}-is-stored")

        return told

    for name in WRITES:
        setattr(Archive, name, telling(name, getattr(Archive, name)))


def main() -> None:
    """Run the operator, with its own options."""
    if told := os.environ.get(TOLD_ARCHIVE):
        tell(told)
    importlib.import_module("dkron_operator.main").main()


if __name__ == "__main__":
    main()
