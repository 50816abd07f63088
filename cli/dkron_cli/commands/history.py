"""`history`: the runs of a job, its executions by their output, and the specs that it had."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from dkron_cli.commands.arguments import OneJob, Selector, chosen, refusing, usage
from dkron_cli.commands.revisions import show_revisions
from dkron_cli.core.executions import (
    Filter,
    Listed,
    State,
    execution_json,
    execution_table,
    is_run,
    newest_first,
    of_runs,
)
from dkron_cli.core.job import title
from dkron_cli.core.moments import Range, read_range
from dkron_cli.core.run import run_json, run_table
from dkron_cli.core.selection import Selection
from dkron_cli.edge.backend import Server, past_jobs
from dkron_cli.edge.connect import connected
from dkron_cli.edge.local_zone import LocalZone
from dkron_cli.edge.terminal import remark, show, structured
from dkron_cli.options import Options, options_of
from dkron_reports.job import Job
from dkron_reports.run import Attempt, Run, runs_of

LONGEST_TEXT = 200
"""Characters of a text that a REST API searches for."""


async def history(  # noqa: PLR0913 - the options, one by one
    ctx: typer.Context,
    job: OneJob = None,
    selector: Selector = None,
    start: Annotated[str, typer.Option("--from", help="Only what ended since then.", show_default=False)] = "",
    end: Annotated[str, typer.Option("--to", help="Only what ended before; a day counts.", show_default=False)] = "",
    state: Annotated[State | None, typer.Option("--state", help="Only runs with this result.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="The same as --state failed.")] = False,
    search: Annotated[
        str | None, typer.Option("--search", help="List executions with this text in their output.")
    ] = None,
    diff: Annotated[bool, typer.Option("--diff", help="List the specs of the job, and the changes.")] = False,
    count: Annotated[int, typer.Option("--count", "-c", min=1, help="Maximum number of entries.")] = 20,
) -> None:
    """List the runs of a job, with their attempts merged.

    The last attempt of each member decides the result of a run; a run that failed for some members has failed. SLOT is
    the scheduled time of the run, even if its backfill was deleted, or the time of the request. With -l, the list has
    the runs of all these jobs, the newest first.

    The list goes back as far as spec.history.executions. With --server, it goes back as far as the archive of the REST
    API. --from and --to take 05:41, yesterday 02:30, last tuesday, a date, RFC 3339, or 2h for two hours ago, in the
    time zone of this machine; a run belongs to the time of its end. --search lists executions instead of runs, for
    dkronctl logs JOB EXECUTION. --diff shows who changed what in the job, for dkronctl revert.
    """
    if failed and state not in (None, State.FAILED):
        raise usage("--failed is --state failed; give one of them")
    if search is not None and not 0 < len(search) <= LONGEST_TEXT:
        raise usage(f"--search: use 1 to {LONGEST_TEXT} characters, not {len(search)}")
    selection = chosen([job] if job else None, selector, needed=True)
    with refusing():
        ended = read_range(start, end, datetime.now(UTC), LocalZone())
    options, wanted = options_of(ctx), State.FAILED if failed else state
    if diff:
        if wanted or search or selection.labels:
            raise usage("--diff shows the specs of one JOB; leave out --state, --failed, --search and -l")
        await show_revisions(options, selection.names[0], ended, count)
    elif search:
        await _matches(options, selection, Filter(ended, state=wanted or "", text=search), count)
    else:
        await _runs(options, selection, ended, wanted or "", count)


async def _runs(options: Options, selection: Selection, ended: Range, state: str, count: int) -> None:
    async with connected(options) as server:
        jobs = await past_jobs(server, selection)
        runs = [(job, run) for job in jobs for run in await newest(server, job, ended, state, count)]
        _say_how_far(server, ended)
    if len(jobs) > 1:
        runs.sort(key=lambda each: 0.0 if each[1].started is None else each[1].started.timestamp(), reverse=True)
    found = [each for _, each in runs[:count]]
    raw = [run_json(each, namespace=job.namespace, job=job.name) for job, each in runs[:count]]
    if structured(options, raw, names=lambda: [each.attempts[-1].id for each in found], one=False):
        return
    if not found:
        remark("no runs" if jobs else server.none_of(selection))
        return
    named = [title(job, namespaces=options.all_namespaces) for job, _ in runs[:count]] if selection.labels else None
    show(run_table(found, now=datetime.now(UTC), wide=options.output == "wide", jobs=named), options)


async def newest(server: Server, job: Job, ended: Range, state: str, count: int) -> list[Run]:
    """Return the newest runs that ended in a range, with a state if one is given."""
    attempts: list[Attempt] = []
    found: list[Run] = []
    now = datetime.now(UTC)
    async for page in server.executions(of_runs(ended, state, count), job):
        attempts += [each.attempt for each in page]
        found = [run for run in runs_of(attempts) if is_run(run, ended, state, now)]
        if len(found) > count:
            # Only the last one may have further attempts.
            break
    return found[:count]


async def _matches(options: Options, selection: Selection, wanted: Filter, count: int) -> None:
    found: list[Listed] = []
    async with connected(options) as server:
        jobs = await past_jobs(server, selection)
        for job in jobs:
            found += await _first(server, job, wanted, count)
        _say_how_far(server, wanted.ended, searches=True)
    found = found[:count] if len(jobs) == 1 else newest_first(found)[:count]
    raw = [execution_json(each) for each in found]
    if structured(options, raw, names=lambda: [each.attempt.id for each in found], one=False):
        return
    if not found:
        remark("no executions" if jobs else server.none_of(selection))
        return
    several, everywhere = bool(selection.labels), options.all_namespaces
    show(execution_table(found, now=datetime.now(UTC), namespaces=everywhere, jobs=several), options)


async def _first(server: Server, job: Job, wanted: Filter, count: int) -> list[Listed]:
    found: list[Listed] = []
    async for page in server.executions(wanted, job):
        found += page
        if len(found) >= count:
            break
    return found[:count]


def _say_how_far(server: Server, ended: Range, *, searches: bool = False) -> None:
    """Say what the server may not have of what was asked for."""
    if server.keeps and (ended.begin or searches):
        remark(server.keeps)
