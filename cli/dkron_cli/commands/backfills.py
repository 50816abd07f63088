"""`backfills`: the DkronBackfills, each of which runs slots of the past again."""

from datetime import UTC, datetime
from functools import partial
from typing import Annotated

import typer

from dkron_cli.commands.arguments import Timeout, read_timeout
from dkron_cli.commands.backfill import report, until_over
from dkron_cli.commands.nouns import Object, at_most, commands, listed, one
from dkron_cli.complete import backfill_names
from dkron_cli.core.backfill import backfill_facts, backfill_table, progress, slot_table, state_of
from dkron_cli.core.selection import plain
from dkron_cli.edge.backend import BACKFILL
from dkron_cli.edge.progress import shown_progress
from dkron_cli.edge.terminal import say, say_facts, show, structured
from dkron_cli.errors import CliError, Code
from dkron_cli.options import Options, options_of
from dkron_reports.reading import mapping, number, objects
from dkron_reports.words import plural

BackfillName = Annotated[
    str,
    typer.Argument(
        metavar="BACKFILL", help="Name of the DkronBackfill.", autocompletion=backfill_names, callback=plain
    ),
]

app = commands(
    "List DkronBackfills, and show, await, suspend, resume or cancel one.\n\ndkronctl backfill creates them."
)


@app.command("list")
async def list_backfills(ctx: typer.Context) -> None:
    """List DkronBackfills, the newest first.

    DONE counts ended runs. -o wide adds the period, the reason, and the operator's message.
    """
    options = options_of(ctx)
    wide, everywhere = options.output == "wide", options.all_namespaces
    table = partial(backfill_table, now=datetime.now(UTC), wide=wide, namespaces=everywhere)
    await listed(options, BACKFILL, table)


@app.command()
async def describe(ctx: typer.Context, backfill: BackfillName) -> None:
    """Show all about one DkronBackfill, with the runs that failed."""
    options = options_of(ctx)
    async with one(options, BACKFILL, backfill) as (_, backfills, stored):
        status = mapping(stored, "status")
        has_runs = number(status, "active") or number(status, "failed")
        found = await backfills.with_runs(stored) if has_runs and not options.structured else stored
    if structured(options, [found], names=lambda: [backfill], one=True):
        return
    say_facts(backfill_facts(found))
    for title, key in (("Active", "activeRuns"), ("Failed", "failedRuns")):
        if runs := objects(mapping(found, "status"), key):
            say(f"\n{title}:")
            show(slot_table(runs), options)


@app.command()
async def wait(ctx: typer.Context, backfill: BackfillName, patience: Timeout = "") -> None:
    """Wait for the end; the exit code is the result.

    The exit code is 0 if all runs succeeded, 1 if one failed or the backfill was refused, 3 if it was deleted, 6 if
    --timeout has passed. It also waits for a suspended backfill.
    """
    options, seconds = options_of(ctx), read_timeout(patience)
    async with one(options, BACKFILL, backfill) as (_, backfills, _), at_most(seconds, BACKFILL, backfill):
        with shown_progress(options) as show_progress:
            found = await until_over(backfills, backfill, show_progress)
    raise typer.Exit(report(found, backfill))


@app.command()
async def suspend(ctx: typer.Context, backfill: BackfillName) -> None:
    """Begin no further slot. Runs that are active go on."""
    await _suspend(options_of(ctx), backfill, suspended=True)


@app.command()
async def resume(ctx: typer.Context, backfill: BackfillName) -> None:
    """Let a suspended DkronBackfill go on."""
    await _suspend(options_of(ctx), backfill, suspended=False)


@app.command()
async def cancel(ctx: typer.Context, backfill: BackfillName) -> None:
    """Delete a DkronBackfill before its end: no further slot starts.

    Its DkronRuns are deleted too. Active attempts go on; dkronctl stop ends them.
    """
    async with one(options_of(ctx), BACKFILL, backfill) as (_, backfills, found):
        _require_under_way(found)
        await backfills.delete(found)
    status = mapping(found, "status")
    active, remaining = number(status, "active"), number(status, "remaining")
    left = f": {plural(remaining, 'slot')} will not run" if remaining else ""
    goes_on = f"; {plural(active, 'active run')} may go on, and dkronctl stop ends it" if active else ""
    say(f"{backfill} is cancelled{left}{goes_on}")


async def _suspend(options: Options, name: str, *, suspended: bool) -> None:
    async with one(options, BACKFILL, name) as (_, backfills, found):
        _require_under_way(found)
        word = "is suspended" if suspended else "goes on"
        if (mapping(found, "spec").get("suspend") is True) is suspended:
            say(f"{name} {word} already")
            return
        # The operator writes how far it is all the time, and that changes nothing about it.
        await backfills.change(found, {"suspend": suspended}, unless_changed=False)
    say(f"{name} {word}")


def _require_under_way(found: Object) -> None:
    """Raise `CliError` for a backfill that is over."""
    if progress(found).over:
        name = found["metadata"]["name"]
        raise CliError(Code.FAILED, f"{name} is over ({state_of(found)}); create another one with dkronctl backfill")
