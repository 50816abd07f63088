"""Completes names of jobs, runs and backfills. Fast, and silent: an error at the prompt would garble the line."""

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import typer

from dkron_cli.options import options_of
from dkron_crds.names import is_legal

if TYPE_CHECKING:
    from dkron_cli.edge.objects import Noun

PATIENCE = 3.0


def job_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of jobs that begin so; none if they cannot be read in time."""
    return _beginning(_names(ctx), incomplete)


def run_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of DkronRuns that begin so."""
    from dkron_cli.edge.objects import RUN  # noqa: PLC0415 - slow to load

    return _beginning(_of(ctx, RUN), incomplete)


def backfill_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of DkronBackfills that begin so."""
    from dkron_cli.edge.objects import BACKFILL  # noqa: PLC0415

    return _beginning(_of(ctx, BACKFILL), incomplete)


def _beginning(asked: Coroutine[Any, Any, list[str]], incomplete: str) -> list[str]:
    import asyncio  # noqa: PLC0415 - every command imports this module

    try:
        names = asyncio.run(asyncio.wait_for(asked, PATIENCE))
    except Exception:  # noqa: BLE001 - whatever is wrong, the prompt stays
        return []
    return sorted(name for name in names if name.startswith(incomplete) and is_legal(name))


async def _names(ctx: typer.Context) -> list[str]:
    options = options_of(ctx)
    if options.server:
        from dkron_cli.edge.rest import open_rest  # noqa: PLC0415 - slow to load

        rest = open_rest(options, warn=False)
        try:
            return [job.name for job in await rest.jobs()]
        finally:
            await rest.close()
    from dkron_cli.edge.cluster import names_of  # noqa: PLC0415
    from dkron_kube.paths import DKRON_JOBS  # noqa: PLC0415

    return await names_of(options, DKRON_JOBS)


async def _of(ctx: typer.Context, noun: "Noun") -> list[str]:
    options = options_of(ctx)
    if not options.server:
        from dkron_cli.edge.cluster import names_of  # noqa: PLC0415 - slow to load

        return await names_of(options, noun.resource)
    from dkron_cli.edge.objects import objects_of  # noqa: PLC0415

    async with objects_of(options, noun) as (_, objects):
        return [each["metadata"]["name"] for each in await objects.all()]
