"""`pause`, `resume` and `pauses`: DkronPauses, which keep jobs from running by schedule or after others."""

import asyncio
import secrets
import time
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from dkron_cli.commands.arguments import JobNames, chosen, refusing, usage
from dkron_cli.complete import pause_names
from dkron_cli.core.pauses import (
    Choice,
    Ending,
    choice_of,
    endings,
    names_any,
    pause_manifest,
    pause_table,
    read_end,
    still_paused,
)
from dkron_cli.core.selection import plain
from dkron_cli.edge.backend import Server, existing
from dkron_cli.edge.connect import connected
from dkron_cli.edge.terminal import remark, run, say, show, structured
from dkron_cli.errors import CliError, Code
from dkron_cli.options import Options, options_of
from dkron_reports.job import Job
from dkron_reports.words import instant

Object = dict[str, Any]
Selector = Annotated[
    str | None,
    typer.Option("--selector", "-l", help="Jobs with these labels, as in team=a,tier=1.", show_default=False),
]
ApiWrites = Annotated[
    bool, typer.Option("--api-writes", help="Dkron's pause: the REST API rejects new and changed jobs. Jobs run.")
]
PATIENCE, INTERVAL = 5.0, 0.5
"""Seconds to wait for the operator after a pause has ended, and between two looks."""


def pause(
    ctx: typer.Context,
    jobs: JobNames = None,
    selector: Selector = None,
    reason: Annotated[str, typer.Option("--reason", help="Reason; required.")] = "",
    until: Annotated[str, typer.Option("--until", help="Automatic end: RFC 3339, or 2h from now.")] = "",
    drop: Annotated[bool, typer.Option("--drop", help="Skip slots that come due meanwhile.")] = False,
    by: Annotated[str, typer.Option("--by", help="User who pauses; default: the user of the kubeconfig.")] = "",
    api_writes: ApiWrites = False,
) -> None:
    """Pause schedules and dependencies of jobs, without changing the jobs.

    Without JOB and -l, it pauses all jobs of the namespace, or of all namespaces with -A. Active runs go on, with their
    retries. The operator refuses requests, unless they are forced. For slots that come due meanwhile, missedRuns
    decides afterwards; with --drop, they count as skipped.
    """
    options = options_of(ctx)
    if api_writes:
        _only_api(jobs, selector is not None, reason, until, by, drop=drop)
        run(_switch_api(options, paused=True))
        return
    if not reason:
        raise usage("give a reason with --reason; users of paused jobs see it")
    with refusing():
        end = read_end(until, datetime.now(UTC)) if until else None
    if end is not None and end <= datetime.now(UTC):
        raise usage(f"--until: {instant(end)} is in the past, so the pause would have no effect")
    run(_pause(options, _choice(options, jobs, selector), reason=reason, end=end, drop=drop, by=by))


def resume(
    ctx: typer.Context,
    jobs: JobNames = None,
    selector: Selector = None,
    name: Annotated[
        str,
        typer.Option("--name", help="End the DkronPause of this name.", autocompletion=pause_names, callback=plain),
    ] = "",
    api_writes: ApiWrites = False,
) -> None:
    """End a pause.

    Name the jobs or the selector as in dkronctl pause; without them, it ends the pause of the whole namespace, or of
    all namespaces with -A. A pause that names further jobs goes on for them. If another pause still holds a job, the
    output names it."""
    options = options_of(ctx)
    if api_writes:
        _only_api(jobs, selector is not None, name)
        run(_switch_api(options, paused=False))
        return
    if name and (jobs or selector is not None):
        raise usage("give --name, or name the jobs")
    run(_resume(options, _choice(options, jobs, selector), name))


async def pauses(ctx: typer.Context) -> None:
    """List DkronPauses and the number of jobs that they hold.

    It lists the pauses of the namespace, and the pauses of all namespaces, which are in the namespace of the operator.
    """
    options = options_of(ctx)
    async with connected(options) as server:
        found = await server.pauses_that_hold()
    if structured(options, found, names=lambda: [raw["metadata"]["name"] for raw in found], one=False):
        return
    if found:
        namespaces = options.all_namespaces or any(choice_of(raw).everywhere for raw in found)
        show(pause_table(found, namespaces=namespaces), options)
    else:
        remark("no pauses")


def _only_api(*others: object, drop: bool = False) -> None:
    if any(others) or drop:
        raise usage("--api-writes concerns the REST API, not jobs: leave out the other options")


def _choice(options: Options, jobs: list[str] | None, selector: str | None) -> Choice:
    selection = chosen(jobs, selector)
    return Choice(selection.names, selection.labels, everywhere=options.all_namespaces)


async def _pause(options: Options, choice: Choice, *, reason: str, end: datetime | None, drop: bool, by: str) -> None:
    async with connected(options) as server:
        pauses = await server.pauses()
        if not choice.everywhere:
            # A wrong name pauses nothing.
            choice = Choice(tuple([(await server.job(name)).name for name in choice.jobs]), choice.selector)
        name, by = f"pause-{secrets.token_hex(4)}", by or await server.user()
        body = pause_manifest(name, pauses.namespace, choice, reason=reason, by=by, until=end, drop=drop)
        made = await pauses.create(body)
    if structured(options, [made], names=lambda: [made["metadata"]["name"]], one=True):
        return
    then = "until it is resumed" if end is None else f"until {instant(end)}"
    say(f"DkronPause {_name_of(made)} pauses {choice} {then}")


async def _resume(options: Options, choice: Choice, name: str) -> None:
    async with connected(options) as server:
        pauses = await server.pauses()
        found = await pauses.all()
        named = [Ending(raw) for raw in found if raw["metadata"]["name"] == name]
        ended = named if name else endings(found, choice)
        for each in ended:
            if each.left:
                await pauses.change(each.pause, {"jobs": list(each.left)})
            else:
                await pauses.delete(each.pause)
        for each in ended:
            what = f"goes on for {', '.join(each.left)}" if each.left else "has ended"
            say(f"DkronPause {_name_of(each.pause)} {what}")
        if ended:
            await _say_held(server, choice_of(ended[0].pause) if name else choice, [each.pause for each in ended])
            return
        what = f'"{name}"' if name else f"of {choice}"
        where = f" in namespace {pauses.namespace}" if pauses.namespace else ""
        held = "" if name else "".join(f"; {line}" for line in await _held(server, choice))
        raise CliError(Code.NOT_FOUND, f"there is no DkronPause {what}{where}{held}; see dkronctl pauses")


async def _say_held(server: Server, choice: Choice, ended: list[Object]) -> None:
    """Say which jobs another pause still holds, as soon as the operator has acted on the end of these."""
    deadline = time.monotonic() + PATIENCE
    try:
        while names_any(jobs := await _of(server, choice), ended):
            if time.monotonic() > deadline:
                remark("the operator has not acted on it yet; follow it with dkronctl get")
                return
            await asyncio.sleep(INTERVAL)
    except CliError as error:
        remark(f"cannot tell whether another pause holds these jobs: {error}")
        return
    for line in still_paused(jobs, namespaces=choice.everywhere):
        say(line)


async def _held(server: Server, choice: Choice) -> list[str]:
    """Return by which pauses the chosen jobs are held; nothing if they may not be read."""
    try:
        return still_paused(await _of(server, choice), namespaces=choice.everywhere)
    except CliError:
        return []


async def _of(server: Server, choice: Choice) -> list[Job]:
    """Return the jobs of a choice that exist, with what pauses them. A REST API tells no labels."""
    if choice.jobs and not choice.everywhere:
        found = [job for name in choice.jobs for job in await existing(server, name)]
    else:
        found = [job for job in await server.jobs() if choice.selects(job)]
    return await server.with_details(found, every=not choice.jobs)


async def _switch_api(options: Options, *, paused: bool) -> None:
    async with connected(options) as server:
        changed = await server.pause(paused=paused)
    word = "rejects new and changed jobs" if paused else "accepts new and changed jobs"
    say(f"the REST API {word}" if changed else f"the REST API {word} already")


def _name_of(pause: Object) -> str:
    metadata = pause["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}"
