"""`top`: what runs, as a live table; with `--since`, what fails most."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer

from dkron_cli.commands.arguments import usage
from dkron_cli.core.job import job_table
from dkron_cli.core.report_tables import failing_table
from dkron_cli.core.table import Table
from dkron_cli.edge.backend import Backend, connected
from dkron_cli.edge.live import live
from dkron_cli.edge.terminal import is_terminal, remark, run, show, structured
from dkron_cli.options import Options, options_of
from dkron_reports.failing import MOST
from dkron_reports.job import Job, busiest_first
from dkron_reports.reading import number, objects
from dkron_reports.words import plural, read_span

PAUSE = 1.0
"""Seconds between two looks."""


def top(
    ctx: typer.Context,
    since: Annotated[
        str, typer.Option("--since", help="Show what failed most in this period instead, as 12h or 7d.")
    ] = "",
    count: Annotated[int, typer.Option("--count", "-c", min=1, max=MOST, help="At most so many jobs.")] = 20,
) -> None:
    """Show what runs, live; or what fails most.

    The table is drawn anew each second until Ctrl-C: jobs with active attempts first, then what ran last. In a pipe it
    is printed once. With --since, a run counts once, however many attempts it had; RETRIED counts
    the runs that needed more than one. A plus behind a number says that the job has had more runs in the period than
    spec.history.executions keeps.
    """
    options = options_of(ctx)
    if not since:
        run(_running(options, count))
        return
    try:
        read_span("--since", since)
    except ValueError as error:
        raise usage(str(error)) from None
    run(_failing(options, since, count))


async def _running(options: Options, count: int) -> None:
    async with connected(options) as backend:
        jobs = await _busiest(backend, options, count)
        if structured(options, [job.raw for job in jobs], names=lambda: [job.name for job in jobs], one=False):
            return
        if not is_terminal():
            show(_table(jobs, options), options)
            return
        with live(options) as screen:
            while True:
                active = sum(job.active or 0 for job in jobs)
                screen(_table(jobs, options), f"{plural(active, 'active attempt')}; Ctrl-C ends this table")
                await asyncio.sleep(PAUSE)
                jobs = await _busiest(backend, options, count)


async def _busiest(backend: Backend, options: Options, count: int) -> list[Job]:
    jobs = busiest_first(await backend.jobs())[:count]
    return jobs if options.structured else await backend.with_pauses(jobs, every=True)


def _table(jobs: list[Job], options: Options) -> Table:
    wide, everywhere = options.output == "wide", options.all_namespaces
    return job_table(jobs, now=datetime.now(UTC), wide=wide, namespaces=everywhere)


async def _failing(options: Options, since: str, count: int) -> None:
    async with connected(options) as backend:
        found = await backend.failing(since, most=count)
    jobs = objects(found, "jobs")
    if structured(options, jobs, names=lambda: [str(each.get("job")) for each in jobs], one=False):
        return
    if not jobs:
        remark("no run has failed")
        return
    show(failing_table(jobs, now=datetime.now(UTC), namespaces=options.all_namespaces), options)
    if (more := number(found, "total") - len(jobs)) > 0:
        remark(f"{more} more; --count shows them")
