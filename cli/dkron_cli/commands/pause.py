"""`pause`, `resume` and `pauses`: DkronPauses, which keep jobs from running by schedule or after others."""

import asyncio
import secrets
import time
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from dkron_cli.commands.arguments import JobNames, chosen, usage
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
from dkron_cli.edge.backend import Server
from dkron_cli.edge.connect import connected
from dkron_cli.edge.terminal import remark, run, say, show, structured
from dkron_cli.errors import CliError, Code
from dkron_cli.options import Options, options_of
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
    reason: Annotated[str, typer.Option("--reason", help="Why; required.")] = "",
    until: Annotated[str, typer.Option("--until", help="End by itself: RFC 3339, or 2h from now.")] = "",
    drop: Annotated[bool, typer.Option("--drop", help="Slots that come due meanwhile do not run later.")] = False,
    by: Annotated[str, typer.Option("--by", help="Who pauses; default: the user of the kubeconfig.")] = "",
    api_writes: ApiWrites = False,
) -> None:
    """Keep jobs from running by schedule or after others, without changing them.

    Without JOB and -l, all jobs of the namespace pause; with -A, those of all namespaces. What runs already goes on,
    with its retries. Requests are refused, unless they are forced. What comes due meanwhile goes by missedRuns
    afterwards; with --drop it is counted as skipped.
    """
    options = options_of(ctx)
    if api_writes:
        _only_api(jobs, selector is not None, reason, until, by, drop=drop)
        run(_switch_api(options, paused=True))
        return
    if not reason:
        raise usage("say why with --reason; users of paused jobs see it")
    try:
        end = read_end(until, datetime.now(UTC)) if until else None
    except ValueError as error:
        raise usage(str(error)) from None
    if end is not None and end <= datetime.now(UTC):
        raise usage(f"--until: {instant(end)} is over, so the pause would never hold")
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

    Of the jobs that are named, of the selector, of all jobs of the namespace, or with -A of all namespaces, as they
    were paused. A pause that names other jobs too goes on for those. If another pause still holds them, it is named.
    """
    options = options_of(ctx)
    if api_writes:
        _only_api(jobs, selector is not None, name)
        run(_switch_api(options, paused=False))
        return
    if name and (jobs or selector is not None):
        raise usage("give --name, or say which jobs")
    run(_resume(options, _choice(options, jobs, selector), name))


def pauses(ctx: typer.Context) -> None:
    """List the DkronPauses, with what they hold.

    Those of the namespace, and those of all namespaces, which are in the namespace of the operator.
    """
    options = options_of(ctx)
    run(_pauses(options))


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
        while names_any(jobs := await server.held(choice), ended):
            if time.monotonic() > deadline:
                remark("the operator has not acted on it yet; dkronctl get shows when it has")
                return
            await asyncio.sleep(INTERVAL)
    except CliError as error:
        remark(f"whether another pause holds these jobs is not known: {error}")
        return
    for line in still_paused(jobs, namespaces=choice.everywhere):
        say(line)


async def _held(server: Server, choice: Choice) -> list[str]:
    """Return by which pauses the chosen jobs are held; nothing if they may not be read."""
    try:
        return still_paused(await server.held(choice), namespaces=choice.everywhere)
    except CliError:
        return []


async def _pauses(options: Options) -> None:
    async with connected(options) as server:
        found = await server.pauses_that_hold()
    if structured(options, found, names=lambda: [raw["metadata"]["name"] for raw in found], one=False):
        return
    if found:
        namespaces = options.all_namespaces or any(choice_of(raw).everywhere for raw in found)
        show(pause_table(found, namespaces=namespaces), options)
    else:
        remark("no pauses")


async def _switch_api(options: Options, *, paused: bool) -> None:
    async with connected(options) as server:
        changed = await server.pause(paused=paused)
    word = "rejects new and changed jobs" if paused else "accepts new and changed jobs"
    say(f"the REST API {word}" if changed else f"the REST API {word} already")


def _name_of(pause: Object) -> str:
    metadata = pause["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}"
