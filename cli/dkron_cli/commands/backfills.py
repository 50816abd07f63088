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
from dkron_cli.edge.terminal import run, say, say_facts, show, structured
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
def list_backfills(ctx: typer.Context) -> None:
    """List DkronBackfills, the newest first.

    DONE counts the runs that have ended. -o wide adds the period, the reason, and the sentence of the operator.
    """
    run(_list(options_of(ctx)))


@app.command()
def describe(ctx: typer.Context, backfill: BackfillName) -> None:
    """Show all about one DkronBackfill, with the runs that failed."""
    run(_describe(options_of(ctx), backfill))


@app.command()
def wait(ctx: typer.Context, backfill: BackfillName, timeout: Timeout = "") -> None:
    """Wait for the end; the exit code is the result.

    0 if all runs succeeded, 1 if one failed or the backfill was refused, 3 if it was deleted, 6 if --timeout has
    passed. It waits for one that is suspended, too.
    """
    raise typer.Exit(run(_wait(options_of(ctx), backfill, read_timeout(timeout))))


@app.command()
def suspend(ctx: typer.Context, backfill: BackfillName) -> None:
    """Begin no further slot. Runs that are active go on."""
    run(_suspend(options_of(ctx), backfill, suspended=True))


@app.command()
def resume(ctx: typer.Context, backfill: BackfillName) -> None:
    """Let a suspended DkronBackfill go on."""
    run(_suspend(options_of(ctx), backfill, suspended=False))


@app.command()
def cancel(ctx: typer.Context, backfill: BackfillName) -> None:
    """Delete a DkronBackfill before its end: no further slot begins.

    Its DkronRuns go with it. Attempts that are active go on, and dkronctl stop ends them.
    """
    run(_cancel(options_of(ctx), backfill))


async def _list(options: Options) -> None:
    wide, everywhere = options.output == "wide", options.all_namespaces
    table = partial(backfill_table, now=datetime.now(UTC), wide=wide, namespaces=everywhere)
    await listed(options, BACKFILL, table)


async def _describe(options: Options, name: str) -> None:
    async with one(options, BACKFILL, name) as (_, backfills, stored):
        status = mapping(stored, "status")
        has_runs = number(status, "active") or number(status, "failed")
        found = await backfills.with_runs(stored) if has_runs and not options.structured else stored
    if structured(options, [found], names=lambda: [name], one=True):
        return
    say_facts(backfill_facts(found))
    for title, key in (("Active", "activeRuns"), ("Failed", "failedRuns")):
        if runs := objects(mapping(found, "status"), key):
            say(f"\n{title}:")
            show(slot_table(runs), options)


async def _wait(options: Options, name: str, seconds: float | None) -> int:
    async with one(options, BACKFILL, name) as (_, backfills, _), at_most(seconds, BACKFILL, name):
        with shown_progress(options) as show_progress:
            found = await until_over(backfills, name, show_progress)
    return report(found, name)


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


async def _cancel(options: Options, name: str) -> None:
    async with one(options, BACKFILL, name) as (_, backfills, found):
        _require_under_way(found)
        await backfills.delete(found)
    status = mapping(found, "status")
    active, remaining = number(status, "active"), number(status, "remaining")
    left = f": {plural(remaining, 'slot')} will not run" if remaining else ""
    goes_on = f"; {plural(active, 'active run')} may go on, and dkronctl stop ends it" if active else ""
    say(f"{name} is cancelled{left}{goes_on}")


def _require_under_way(found: Object) -> None:
    """Raise `CliError` for a backfill that is over."""
    if progress(found).over:
        name = found["metadata"]["name"]
        raise CliError(Code.FAILED, f"{name} is over ({state_of(found)}); create another one with dkronctl backfill")
