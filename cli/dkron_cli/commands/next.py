"""`next`: when a job or an expression is due. An expression needs no cluster, and loads nothing of one."""

from datetime import UTC, datetime, tzinfo
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from dkron_cli.commands.arguments import refusing
from dkron_cli.complete import job_names, zones
from dkron_cli.options import Options, options_of
from dkron_crds.names import is_legal
from dkron_crds.schedule import ScheduleError, TimezoneError, parse
from dkron_crds.schedule.once import Never
from dkron_crds.schedule.timeline import Timeline

if TYPE_CHECKING:
    from dkron_crds.schedule import Schedule

MOST = 1000


def upcoming(
    ctx: typer.Context,
    what: Annotated[
        str, typer.Argument(metavar="JOB|EXPRESSION", help="A job, or a schedule in quotes.", autocompletion=job_names)
    ],
    zone: Annotated[
        str, typer.Option("--tz", help="Time zone of the expression and of the output; default: UTC.",
                          show_default=False, autocompletion=zones)
    ] = "",
    count: Annotated[int, typer.Option("--count", "-c", min=1, max=MOST, help="Number of slots.")] = 5,
    name: Annotated[
        str, typer.Option("--name", help='Name of the job, which decides the value of "~".', show_default=False)
    ] = "",
) -> None:  # fmt: skip
    """Show when a job or an expression is due, in words too, and the effect of clock changes.

    `dkronctl next "0 30 2 * * *" --tz Europe/Madrid` needs no cluster. A word without spaces and without "@" is the
    name of a job.
    """
    options = options_of(ctx)
    if is_legal(what):
        from dkron_cli.edge.terminal import run  # noqa: PLC0415 - an expression needs none of it

        run(_of_job(options, what, zone, count))
        return
    now = datetime.now(UTC)
    with refusing():
        schedule = parse(what, timezone=zone, name=name)
    line = Timeline(schedule, now, None, None)
    from dkron_reports.slots import after  # noqa: PLC0415 - with the reader of jobs

    _print(options, list(islice(after(line, None), count)), schedule, zone, now=now)


async def _of_job(options: Options, name: str, zone: str, count: int) -> None:
    from dkron_cli.edge.connect import connected  # noqa: PLC0415
    from dkron_cli.edge.terminal import remark  # noqa: PLC0415

    async with connected(options) as server:
        (job,) = await server.with_details([await server.job(name)], every=False)
        slots = await server.slots(job, count)
    if not slots:
        if job.disabled:
            remark(f"{job.name} is disabled")
        elif job.parents:
            remark(f"{job.name} runs {job.when}")
    elif job.paused:
        remark(f"{job.name} is {job.paused}: slots come due, but do not run before the pause ends")
    try:
        schedule = parse(job.schedule, timezone=job.timezone, name=job.name) if job.schedule else None
    except (ScheduleError, TimezoneError):
        schedule = None
    if not slots and not _is_impossible(schedule):
        schedule = None
    _print(options, slots, schedule, zone or job.timezone, now=datetime.now(UTC))


def _print(options: Options, slots: list[datetime], schedule: "Schedule | None", zone: str, *, now: datetime) -> None:
    from dkron_reports.slots import YEAR, clock_changes  # noqa: PLC0415
    from dkron_reports.words import ago, instant  # noqa: PLC0415

    if options.structured:
        from dkron_cli.edge.terminal import structured  # noqa: PLC0415

        texts = [instant(slot) for slot in slots]
        structured(options, texts, names=lambda: texts, one=False)
        return
    local = _local(zone)
    if _is_impossible(schedule):
        typer.echo("never: no date matches the schedule")
        return
    if schedule is not None:
        from dkron_reports.schedule_words import in_words  # noqa: PLC0415

        typer.echo(in_words(schedule))
    for slot in slots:
        beside = _beside(slot, local)
        typer.echo(f"{instant(slot)}{beside}   {ago(slot, now)}")
    if not slots:
        typer.echo("never: there is no further slot")
    end = max(slots[-1], now + YEAR) if slots else now
    for change in clock_changes(schedule, now, end)[:3] if schedule is not None else ():
        typer.echo(change.sentence)


def _is_impossible(schedule: "Schedule | None") -> bool:
    return isinstance(schedule, Never) and schedule.impossible


def _beside(slot: datetime, local: "tzinfo | None") -> str:
    """Return the slot in the zone; empty without one, and for a time that does not exist there, such as the last second
    of the year 9999."""
    try:
        return f"   {slot.astimezone(local):%a %Y-%m-%d %H:%M:%S %Z}" if local else ""
    except OverflowError:
        return ""


def _local(zone: str):  # type: ignore[no-untyped-def] # noqa: ANN202
    from dkron_crds.schedule.zones import load_zone  # noqa: PLC0415

    with refusing():
        return load_zone(zone).info if zone else None
