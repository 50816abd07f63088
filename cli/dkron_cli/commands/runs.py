"""`runs`: the DkronRuns, each of which requests one run of a job; and with --at, what ran at a time."""

import asyncio
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

import typer

from dkron_cli.commands.arguments import Timeout, read_timeout, refusing, usage
from dkron_cli.commands.nouns import Object, at_most, commands, listed, one
from dkron_cli.complete import job_names, run_names
from dkron_cli.core.executions import (
    Listed,
    distinct,
    during,
    execution_json,
    execution_table,
    newest_first,
    ran_in,
)
from dkron_cli.core.moments import Period, read_past
from dkron_cli.core.requested_runs import (
    OVER,
    message_of,
    phase_of,
    requested_table,
    run_ended,
    run_facts,
    shown_attempts,
)
from dkron_cli.core.run import attempt_table
from dkron_cli.core.selection import plain
from dkron_cli.edge.backend import RUN, Objects, Server
from dkron_cli.edge.connect import connected
from dkron_cli.edge.local_zone import LocalZone
from dkron_cli.edge.progress import Show, shown_progress
from dkron_cli.edge.terminal import remark, say, say_facts, show, structured
from dkron_cli.errors import CliError, Code
from dkron_cli.options import options_of
from dkron_crds.run import RunPhase
from dkron_reports.words import instant

PAUSE = 0.5
TRIES = 3
"""How often a run is withdrawn that the operator writes to meanwhile."""
RunName = Annotated[
    str, typer.Argument(metavar="RUN", help="Name of the DkronRun.", autocompletion=run_names, callback=plain)
]

app = commands(
    "List DkronRuns, show, await or cancel one, and list what ran at a time.\n\n"
    "A DkronRun is a run that was requested, as by dkronctl run. dkronctl history has all\n"
    "runs of a job, whatever caused them.\n\n"
    "With --at and no command, the list has the executions of all jobs that ran at a time, the\n"
    "newest first: in the minute of 05:41, or on a whole day, in the time zone of this machine.\n"
    "With --server, it goes as far back as the archive of the REST API, and otherwise as far as\n"
    "spec.history.executions of each job."
)


@app.callback(invoke_without_command=True)
async def ran(
    ctx: typer.Context,
    at: Annotated[
        str,
        typer.Option("--at", help="List what ran then: 05:41, yesterday 02:30, last tuesday, RFC 3339, or 2h ago."),
    ] = "",
    count: Annotated[int, typer.Option("--count", "-c", min=1, help="With --at: maximum number.")] = 100,
) -> None:
    """List the executions of all jobs that ran at a time."""
    if ctx.invoked_subcommand is not None:
        if at:
            raise usage(f"--at lists what ran then; leave it out before {ctx.invoked_subcommand}")
        return
    if not at:
        raise usage("name a command, or give --at; see dkronctl runs --help")
    options, now = options_of(ctx), datetime.now(UTC)
    with refusing():
        period = read_past("--at", at, now, LocalZone())
    remark(f"from {instant(period.begin)} to {instant(period.end)}:")
    async with connected(options) as server:
        ran_then = await _ran_in(server, period, now, count)
        if server.keeps:
            remark(server.keeps)
    found = ran_then[:count]
    raw = [execution_json(each) for each in found]
    if structured(options, raw, names=lambda: [each.attempt.id for each in found], one=False):
        return
    if not found:
        remark("nothing ran")
        return
    show(execution_table(found, now=now, namespaces=options.all_namespaces), options)
    if len(ran_then) > count:
        remark("there are more; --count shows them")


async def _ran_in(server: Server, period: Period, now: datetime, count: int) -> list[Listed]:
    """Return the executions that ran in a period: those that run, and the others by their ends, the newest first. There
    may be more than `count`, but not fewer because of it."""
    found: list[Listed] = []
    for wanted in during(period, now):
        known = 0
        async for page in server.executions(wanted):
            taken = [each for each in page if ran_in(each.attempt, period)]
            found += taken
            known += len(taken)
            if known > count:
                break
    return newest_first(distinct(found))


@app.command("list")
async def list_runs(
    ctx: typer.Context,
    job: Annotated[str, typer.Argument(metavar="[JOB]", help="Only runs of this job.", autocompletion=job_names)] = "",
) -> None:
    """List DkronRuns, the newest first.

    -o wide adds the slot, the user and the reason of the request, and the operator's message.
    """
    options = options_of(ctx)
    wide, everywhere = options.output == "wide", options.all_namespaces
    table = partial(requested_table, now=datetime.now(UTC), wide=wide, namespaces=everywhere)
    await listed(options, RUN, table, job=job)


@app.command()
async def describe(ctx: typer.Context, run: RunName) -> None:
    """Show all about one DkronRun, with its attempts."""
    options = options_of(ctx)
    async with one(options, RUN, run) as (_, _, found):
        pass
    if structured(options, [found], names=lambda: [run], one=True):
        return
    say_facts(run_facts(found, now=datetime.now(UTC)))
    attempts = shown_attempts(found)
    if attempts:
        say("\nAttempts:")
        show(attempt_table(attempts, now=datetime.now(UTC)), options)


@app.command()
async def wait(ctx: typer.Context, run: RunName, patience: Timeout = "") -> None:
    """Wait for the end of the run, including retries; the exit code is the result.

    The exit code is 0 if it succeeded, 1 if it failed or was refused, 3 if it was deleted, 6 if --timeout has passed.
    """
    options, seconds = options_of(ctx), read_timeout(patience)
    async with one(options, RUN, run) as (_, runs, found), at_most(seconds, RUN, run):
        with shown_progress(options) as progress:
            over = await _until_over(runs, found, progress)
    remark(run_ended(over, now=datetime.now(UTC)))
    raise typer.Exit(Code.OK if phase_of(over) == RunPhase.SUCCEEDED else Code.FAILED)


@app.command()
async def cancel(ctx: typer.Context, run: RunName) -> None:
    """Cancel a DkronRun that has not started.

    It is deleted, and does not run. A run that has started is not cancelled; dkronctl stop ends its attempts.
    """
    for left in reversed(range(TRIES)):
        async with one(options_of(ctx), RUN, run) as (_, runs, found):
            phase, job = phase_of(found), (found.get("spec") or {}).get("job")
            if phase in OVER:
                raise CliError(Code.FAILED, f"{run} is over ({phase}); there is nothing to cancel")
            if phase != RunPhase.PENDING:
                raise CliError(Code.FAILED, f"{run} has begun, or waits in line; dkronctl stop {job} ends or drops it")
            try:
                # The operator may decide at any moment that it runs.
                await runs.delete(found, unless_changed=True)
            except CliError as error:
                if error.code is not Code.CONFLICT or not left:
                    raise
                continue
        say(f"DkronRun {run} of {job} is cancelled and does not run")
        return


async def _until_over(runs: Objects, found: Object, progress: Show) -> Object:
    name, job = found["metadata"]["name"], (found.get("spec") or {}).get("job")
    while phase_of(found) not in OVER:
        progress(0, None, message_of(found))
        await asyncio.sleep(PAUSE)
        read = await runs.find(name)
        if read is None:
            text = f"the DkronRun {name} was deleted; dkronctl history {job} shows whether it began"
            raise CliError(Code.NOT_FOUND, text)
        found = read
    return found
