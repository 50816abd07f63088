"""`agenda`: what is due soon, over all jobs."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from dkron_cli.commands.arguments import refusing
from dkron_cli.core.report_tables import due_table
from dkron_cli.edge.connect import connected
from dkron_cli.edge.terminal import remark, run, say, show, structured
from dkron_cli.options import Options, options_of
from dkron_reports.agenda import MOST
from dkron_reports.reading import items, number, objects
from dkron_reports.words import plural, read_span

NAMED = 5
"""Crowded seconds that are named."""


def agenda(
    ctx: typer.Context,
    within: Annotated[str, typer.Option("--within", help="How far ahead, as 15m or 7d.")] = "1h",
    count: Annotated[int, typer.Option("--count", "-c", min=1, max=MOST, help="Maximum number of lines.")] = 50,
    least: Annotated[
        int, typer.Option("--crowded", min=2, max=MOST, help="List seconds with at least this many jobs.")
    ] = 10,
) -> None:
    """List upcoming slots and crowded seconds."""
    with refusing():
        read_span("--within", within)
    run(_agenda(options_of(ctx), within, count=count, least=least))


async def _agenda(options: Options, within: str, *, count: int, least: int) -> None:
    async with connected(options) as server:
        found = await server.agenda(within, most=count, least=least)
    due = objects(found, "due")
    if structured(options, due, names=lambda: [str(each.get("job")) for each in due], one=False):
        return
    if not due:
        remark("nothing is due")
        return
    show(due_table(due, now=datetime.now(UTC), namespaces=options.all_namespaces), options)
    if (more := number(found, "total") - len(due)) > 0:
        remark(f"{more} more; --count shows them")
    for sentence in items(found, "remarks"):
        remark(str(sentence))
    crowded = objects(found, "crowded")
    for each in crowded[:NAMED]:
        say(f"crowded: {plural(number(each, 'jobs'), 'job')} at {each.get('second')}")
    if crowded:
        say('use "~" for seconds or minutes to give each job its own time')
