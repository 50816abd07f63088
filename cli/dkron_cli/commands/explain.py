"""`explain`: for each slot whether it ran, and if not, why."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from dkron_cli.commands.arguments import JobName, refusing
from dkron_cli.core.report_tables import explained_table, in_order
from dkron_cli.edge.connect import connected
from dkron_cli.edge.terminal import remark, say, show, structured
from dkron_cli.options import options_of
from dkron_reports.explain import read_question
from dkron_reports.reading import items


async def explain(
    ctx: typer.Context,
    job: JobName,
    at: Annotated[str | None, typer.Option("--at", help="One moment: RFC 3339, or 2h for two hours ago.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="Start of a period; default: 24h ago.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="End of the period; default: an hour from now.")] = None,
) -> None:
    """Show for each slot whether it ran, and if not, why.

    A slot ran (how late, how many attempts, with which result), waits in line (since when, at which place, behind
    which run), was skipped (by which rule), was stopped before its run began (by whom), did not exist (disabled, before
    startsAt, a clock change), or is to come. The wait of a run that is over is told, too, and is not lateness. Runs on
    request, of backfills and after parents are listed between the slots, and so is the newest request if it was
    refused. A last line says how far back the status goes.
    """
    with refusing():
        question = read_question(at=at, start=start, end=end, now=datetime.now(UTC), prefix="--")
    options = options_of(ctx)
    async with connected(options) as server:
        found = await server.explain(job, question)
    slots = in_order(found)
    if structured(options, slots, names=lambda: [str(each.get("slot")) for each in slots], one=False):
        return
    if slots:
        show(explained_table(slots), options)
    remarks = items(found, "remarks")
    for sentence in remarks:
        say(str(sentence))
    if not slots and not remarks:
        remark("no slots and no runs in this period")
