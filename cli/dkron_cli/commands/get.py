"""`get`: the jobs, as a table or as objects."""

import asyncio
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from dkron_cli.commands.arguments import JobNames, Selector, chosen, usage
from dkron_cli.core.job import job_table
from dkron_cli.core.selection import Selection, is_in, states_of
from dkron_cli.core.table import Table, lines
from dkron_cli.edge.backend import Server
from dkron_cli.edge.connect import connected
from dkron_cli.edge.live import PAUSE, redrawn
from dkron_cli.edge.terminal import is_terminal, remark, run, say, show, structured
from dkron_cli.options import Options, options_of
from dkron_reports.job import Job
from dkron_reports.words import plural


def get(
    ctx: typer.Context,
    jobs: JobNames = None,
    selector: Selector = None,
    state: Annotated[
        str, typer.Option("--state", help="Jobs with this STATE or RESULT, as failed or paused.", show_default=False)
    ] = "",
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Watch until Ctrl-C, and show changes.")] = False,
) -> None:
    """List jobs, or some of them.

    STATE is Scheduled, or one word that says why the job does not run by itself; -o wide adds the message. ACTIVE
    counts attempts that run, and those that wait in line. --state takes these words, the words of RESULT, NotReady,
    running and waiting. With -w, a terminal redraws the table each second, and a pipe gets a line for each job that is
    new or has changed.
    """
    options, selection = options_of(ctx), chosen(jobs, selector)
    if watch and options.structured:
        raise usage("-w shows a table; leave out -o")
    run(_watch(options, selection, state) if watch else _get(options, selection, state))


async def _get(options: Options, selection: Selection, state: str) -> None:
    async with connected(options) as server:
        known = await _known(server, selection, whole=bool(state) or not options.structured)
    found = [job for job in known if not state or is_in(job, state)]
    raw = [job.raw for job in found]
    if structured(options, raw, names=lambda: [job.name for job in found], one=len(selection.names) == 1):
        return
    if known and not found:
        words = sorted({word for job in known for word in states_of(job)}, key=str.lower)
        told = ", as far as it is known" if any(job.active is None for job in known) else ""
        remark(f'no job {server.where} is "{state}"{told}; they are {", ".join(words)}')
    elif not found:
        remark(server.none_of(selection))
    else:
        show(_table(found, options), options)


async def _watch(options: Options, selection: Selection, state: str) -> None:
    async with connected(options) as server:

        async def look() -> list[Job]:
            known = await _known(server, selection, whole=True)
            return [job for job in known if not state or is_in(job, state)]

        async def drawn() -> tuple[Table, str]:
            found = await look()
            return _table(found, options), f"{plural(len(found), 'job')}; Ctrl-C ends this table"

        if is_terminal():
            await redrawn(options, drawn)
        seen: dict[tuple[str, str], tuple[object, ...]] | None = None
        while True:
            found = await look()
            titles, *rows = lines(_table(found, options))
            now = {(job.namespace, job.name): _shown(job) for job in found}
            if seen is None:
                say(titles)
            for job, row in zip(found, rows, strict=True):
                key = job.namespace, job.name
                if seen is None or seen.get(key) != now[key]:
                    say(row)
            seen = now
            # A pipe would get nothing until there is much.
            sys.stdout.flush()
            await asyncio.sleep(PAUSE)


async def _known(server: Server, selection: Selection, *, whole: bool) -> list[Job]:
    """Return the chosen jobs. The table, and a choice by state, take the `whole` of what the server tells of them."""
    found = await server.jobs(selection)
    if not whole:
        return found
    return await server.with_active(await server.with_details(found, every=not selection.names))


def _shown(job: Job) -> tuple[object, ...]:
    """Return the contents of a row, without its relative times."""
    return (
        job.when, job.state, job.last, job.result, job.next, job.active, job.waiting, job.skipped, job.problem,
        job.paused,
    )  # fmt: skip


def _table(found: list[Job], options: Options) -> Table:
    wide, everywhere = options.output == "wide", options.all_namespaces
    return job_table(found, now=datetime.now(UTC), wide=wide, namespaces=everywhere)
