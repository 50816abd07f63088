"""`runs`: the DkronRuns, each of which requests one run of a job."""

import asyncio
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

import typer

from dkron_cli.commands.arguments import Timeout, read_timeout
from dkron_cli.commands.nouns import Object, at_most, commands, listed, one
from dkron_cli.complete import job_names, run_names
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
from dkron_cli.edge.backend import RUN, Objects
from dkron_cli.edge.progress import Show, shown_progress
from dkron_cli.edge.terminal import remark, say, say_facts, show, structured
from dkron_cli.edge.terminal import run as run_async
from dkron_cli.errors import CliError, Code
from dkron_cli.options import Options, options_of
from dkron_crds.run import RunPhase

PAUSE = 0.5
TRIES = 3
"""How often a run is withdrawn that the operator writes to meanwhile."""
RunName = Annotated[
    str, typer.Argument(metavar="RUN", help="Name of the DkronRun.", autocompletion=run_names, callback=plain)
]

app = commands(
    "List DkronRuns, and show, await or cancel one.\n\nA DkronRun is a run that was requested, as by dkronctl run. "
    "dkronctl history has all\nruns of a job, whatever caused them."
)


@app.command("list")
def list_runs(
    ctx: typer.Context,
    job: Annotated[str, typer.Argument(metavar="[JOB]", help="Only those of this job.", autocompletion=job_names)] = "",
) -> None:
    """List DkronRuns, the newest first.

    -o wide adds the slot that a run stands for, by whom and why it was requested, and the sentence of the operator.
    """
    run_async(_list(options_of(ctx), job))


@app.command()
def describe(ctx: typer.Context, run: RunName) -> None:
    """Show all about one DkronRun, with its attempts."""
    run_async(_describe(options_of(ctx), run))


@app.command()
def wait(ctx: typer.Context, run: RunName, timeout: Timeout = "") -> None:
    """Wait for the end of the run and its retries; the exit code is the result.

    0 if it succeeded, 1 if it failed or was refused, 3 if it was deleted, 6 if --timeout has passed.
    """
    raise typer.Exit(run_async(_wait(options_of(ctx), run, read_timeout(timeout))))


@app.command()
def cancel(ctx: typer.Context, run: RunName) -> None:
    """Withdraw a DkronRun that has not begun.

    It is deleted, and does not run. One that has begun stays: dkronctl stop ends its attempts.
    """
    run_async(_cancel(options_of(ctx), run))


async def _list(options: Options, job: str) -> None:
    wide, everywhere = options.output == "wide", options.all_namespaces
    table = partial(requested_table, now=datetime.now(UTC), wide=wide, namespaces=everywhere)
    await listed(options, RUN, table, job=job)


async def _describe(options: Options, name: str) -> None:
    async with one(options, RUN, name) as (_, _, found):
        pass
    if structured(options, [found], names=lambda: [name], one=True):
        return
    say_facts(run_facts(found, now=datetime.now(UTC)))
    attempts = shown_attempts(found)
    if attempts:
        say("\nAttempts:")
        show(attempt_table(attempts), options)


async def _wait(options: Options, name: str, seconds: float | None) -> int:
    async with one(options, RUN, name) as (_, runs, found), at_most(seconds, RUN, name):
        with shown_progress(options) as progress:
            over = await _until_over(runs, found, progress)
    remark(run_ended(over, now=datetime.now(UTC)))
    return Code.OK if phase_of(over) == RunPhase.SUCCEEDED else Code.FAILED


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


async def _cancel(options: Options, name: str) -> None:
    for left in reversed(range(TRIES)):
        async with one(options, RUN, name) as (_, runs, found):
            phase, job = phase_of(found), (found.get("spec") or {}).get("job")
            if phase in OVER:
                raise CliError(Code.FAILED, f"{name} is over ({phase}); there is nothing to cancel")
            if phase != RunPhase.PENDING:
                raise CliError(Code.FAILED, f"{name} has begun; dkronctl stop {job} ends its attempts")
            try:
                # The operator may decide at any moment that it runs.
                await runs.delete(found, unless_changed=True)
            except CliError as error:
                if error.code is not Code.CONFLICT or not left:
                    raise
                continue
        say(f"DkronRun {name} of {job} is withdrawn and does not run")
        return
