"""Which server a command asks: the options decide."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

from dkron_cli.edge.backend import Server, need_cluster
from dkron_cli.errors import CliError, Code
from dkron_cli.options import Options

if TYPE_CHECKING:
    from dkron_cli.edge.cluster import Cluster
    from dkron_cli.edge.rest import Rest

OF_ARCHIVE = (
    "the cluster has only the newest spec of a job; the archive has those before it, and the REST API reads it: "
    "give its address by --server or DKRON_SERVER"
)


@asynccontextmanager
async def connected(options: Options) -> AsyncIterator[Server]:
    """Yield the server that the options name, and close its connections."""
    server = await _open(options)
    try:
        yield server
    finally:
        await server.close()


async def _open(options: Options) -> Server:
    if options.server:
        from dkron_cli.edge.rest import open_rest  # noqa: PLC0415 - one of the two is needed

        return open_rest(options)
    from dkron_cli.edge import cluster  # noqa: PLC0415

    return await cluster.open_cluster(options)


@asynccontextmanager
async def opened_cluster(options: Options, command: str) -> "AsyncIterator[Cluster]":
    """Yield the cluster, for a command that a REST API cannot answer, and close its connections."""
    need_cluster(options, command)
    async with connected(options) as server:
        yield cast("Cluster", server)


@asynccontextmanager
async def opened_archive(options: Options) -> "AsyncIterator[Rest]":
    """Yield the REST API, for a command that a cluster cannot answer, and close its connections."""
    if not options.server:
        raise CliError(Code.USAGE, OF_ARCHIVE)
    async with connected(options) as server:
        yield cast("Rest", server)
