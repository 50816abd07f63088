"""`get`: the jobs, as a table or as objects."""

from datetime import UTC, datetime

import typer

from dkron_cli.commands.arguments import JobNames
from dkron_cli.core.job import job_table
from dkron_cli.edge.backend import connected
from dkron_cli.edge.terminal import remark, run, show, structured
from dkron_cli.options import Options, options_of


def get(ctx: typer.Context, jobs: JobNames = None) -> None:
    """List jobs, or some of them.

    STATE is Scheduled, or in one word why the job does not run by itself; -o wide adds the sentence.
    """
    run(_get(options_of(ctx), jobs or []))


async def _get(options: Options, names: list[str]) -> None:
    async with connected(options) as backend:
        found = await backend.jobs(names)
        if not options.structured:
            found = await backend.with_pauses(found, every=not names)
    raw = [job.raw for job in found]
    if structured(options, raw, names=lambda: [job.name for job in found], one=len(names) == 1):
        return
    if not found:
        remark(f"there are no jobs {backend.where}")
        return
    wide, everywhere = options.output == "wide", options.all_namespaces
    show(job_table(found, now=datetime.now(UTC), wide=wide, namespaces=everywhere), options)
