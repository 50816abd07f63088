"""Completes names of jobs. Fast, and silent: an error at the prompt would garble the line."""

import typer

from dkron_cli.options import options_of
from dkron_crds.names import is_legal

PATIENCE = 3.0


def job_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of jobs that begin so; none if they cannot be read in time."""
    import asyncio  # noqa: PLC0415 - every command imports this module

    try:
        names = asyncio.run(asyncio.wait_for(_names(ctx), PATIENCE))
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
    from dkron_cli.edge.cluster import job_names as names_in  # noqa: PLC0415

    return await names_in(options)
