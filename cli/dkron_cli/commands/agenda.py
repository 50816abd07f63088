"""`agenda`: what is due soon, over all jobs."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from dkron_cli.commands.arguments import usage
from dkron_cli.core.agenda import crowded, due, due_table
from dkron_cli.core.words import instant, plural, read_span
from dkron_cli.edge.backend import connected, need_cluster
from dkron_cli.edge.terminal import remark, run, say, show, structured
from dkron_cli.options import Options, options_of


def agenda(
    ctx: typer.Context,
    within: Annotated[str, typer.Option("--within", help="How far ahead, as 15m or 7d.")] = "1h",
    count: Annotated[int, typer.Option("--count", "-c", min=1, help="At most so many lines.")] = 50,
    least: Annotated[int, typer.Option("--crowded", min=2, help="Name seconds with so many jobs or more.")] = 10,
) -> None:
    """List what is due, and the seconds in which many jobs are."""
    options = options_of(ctx)
    need_cluster(options, "agenda")
    try:
        period = read_span("--within", within)
    except ValueError as error:
        raise usage(str(error)) from None
    run(_agenda(options, period, count=count, least=least))


async def _agenda(options: Options, period: timedelta, *, count: int, least: int) -> None:
    async with connected(options) as backend:
        jobs = await backend.jobs()
    now = datetime.now(UTC)
    found = list(due(jobs, now=now, until=now + period))
    raw = [{"due": instant(slot), "namespace": space, "job": name} for slot, space, name in found[:count]]
    if structured(options, raw, names=lambda: [each["job"] for each in raw], one=False):
        return
    if not found:
        remark("nothing is due")
        return
    show(due_table(found[:count], now=now, namespaces=options.all_namespaces), options)
    if len(found) > count:
        remark(f"{len(found) - count} more; --count shows them")
    full = crowded(found, least=least)
    for second, jobs_due in full[:5]:
        say(f"crowded: {plural(jobs_due, 'job')} at {instant(second)}")
    if full:
        say('a "~" in the field of seconds or minutes gives each job a time of its own')
