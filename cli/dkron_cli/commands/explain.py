"""`explain`: for each slot whether it ran, and if not, why."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from dkron_cli.commands.arguments import JobName, usage
from dkron_cli.core.explain import explain as explain_period
from dkron_cli.core.explain import explain_at, explained_table
from dkron_cli.core.words import instant, read_moment
from dkron_cli.edge.backend import connected, need_cluster
from dkron_cli.edge.terminal import remark, run, say, show, structured
from dkron_cli.options import Options, options_of

AHEAD = timedelta(hours=1)


def explain(
    ctx: typer.Context,
    job: JobName,
    at: Annotated[str, typer.Option("--at", help="One moment: RFC 3339, or 2h for two hours ago.")] = "",
    start: Annotated[str, typer.Option("--from", help="Begin of a period.")] = "24h",
    end: Annotated[str, typer.Option("--to", help="End of the period; default: an hour from now.")] = "",
) -> None:
    """Say for each slot whether it ran, and if not, why.

    A slot ran (how late, how many attempts, with which result), was skipped (by which rule), did not exist (disabled,
    before startsAt, a change of the clocks), or is to come. Where the status ends, it says so.
    """
    options = options_of(ctx)
    need_cluster(options, "explain")
    now = datetime.now(UTC)
    try:
        moment = read_moment("--at", at, now) if at else None
        period = read_moment("--from", start, now), read_moment("--to", end, now) if end else now + AHEAD
    except ValueError as error:
        raise usage(str(error)) from None
    if period[0] > period[1]:
        raise usage("--from is later than --to; turn them around")
    run(_explain(options, job, moment, period))


async def _explain(options: Options, name: str, moment: datetime | None, period: tuple[datetime, datetime]) -> None:
    async with connected(options) as backend:
        job = await backend.job(name)
    now = datetime.now(UTC)
    found = explain_period(job, *period, now=now) if moment is None else explain_at(job, moment, now=now)
    raw = [{"slot": instant(each.slot), "what": each.word, "why": each.sentence} for each in found.slots]
    if structured(options, raw, names=lambda: [each["slot"] for each in raw], one=False):
        return
    if found.slots:
        show(explained_table(found.slots), options)
    for sentence in found.remarks:
        say(sentence)
    if not found.slots and not found.remarks:
        remark("no slots in this period")
