"""`top`: what runs, as a live table; with `--since`, what fails most."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from dkron_cli.commands.arguments import Selector, chosen, refusing
from dkron_cli.core.job import job_table
from dkron_cli.core.report_tables import failing_table
from dkron_cli.core.selection import Selection
from dkron_cli.core.table import Table
from dkron_cli.edge.backend import Server
from dkron_cli.edge.connect import connected
from dkron_cli.edge.live import redrawn
from dkron_cli.edge.terminal import is_terminal, remark, run, show, structured
from dkron_cli.options import Options, options_of
from dkron_reports.failing import MOST
from dkron_reports.job import Job, busiest_first
from dkron_reports.reading import number, objects
from dkron_reports.words import plural, read_span


def top(
    ctx: typer.Context,
    selector: Selector = None,
    since: Annotated[
        str, typer.Option("--since", help="Show the jobs that failed most in this period, as 12h or 7d.")
    ] = "",
    count: Annotated[int, typer.Option("--count", "-c", min=1, max=MOST, help="Maximum number of jobs.")] = 20,
) -> None:
    """Show active jobs live, or the jobs that fail most.

    The table is redrawn each second until Ctrl-C: jobs with active attempts first, then the jobs that ran last. In a
    pipe it is printed once. With --since, a run counts once, with all its attempts; RETRIED counts runs that needed
    more than one. A plus after a number means that the job had more runs in the period than spec.history.executions
    keeps.
    """
    options, selection = options_of(ctx), chosen(None, selector)
    if not since:
        run(_running(options, selection, count))
        return
    with refusing():
        read_span("--since", since)
    run(_failing(options, selection, since, count))


async def _running(options: Options, selection: Selection, count: int) -> None:
    async with connected(options) as server:
        if options.structured or not is_terminal():
            jobs = await _busiest(server, options, selection, count)
            if not structured(options, [job.raw for job in jobs], names=lambda: [job.name for job in jobs], one=False):
                show(_table(jobs, options), options)
            return

        async def look() -> tuple[Table, str]:
            found = await _busiest(server, options, selection, count)
            active = plural(sum(job.active or 0 for job in found), "active attempt")
            return _table(found, options), f"{active}; Ctrl-C ends this table"

        await redrawn(options, look)


async def _busiest(server: Server, options: Options, selection: Selection, count: int) -> list[Job]:
    jobs = busiest_first(await server.with_active(await server.jobs(selection)))[:count]
    return jobs if options.structured else await server.with_details(jobs, every=True)


def _table(jobs: list[Job], options: Options) -> Table:
    wide, everywhere = options.output == "wide", options.all_namespaces
    return job_table(jobs, now=datetime.now(UTC), wide=wide, namespaces=everywhere)


async def _failing(options: Options, selection: Selection, since: str, count: int) -> None:
    async with connected(options) as server:
        found = await server.failing(since, most=count, chosen=selection)
    jobs = objects(found, "jobs")
    if structured(options, jobs, names=lambda: [str(each.get("job")) for each in jobs], one=False):
        return
    if not jobs:
        remark("no run has failed")
        return
    show(failing_table(jobs, now=datetime.now(UTC), namespaces=options.all_namespaces), options)
    if (more := number(found, "total") - len(jobs)) > 0:
        remark(f"{more} more; --count shows them")
