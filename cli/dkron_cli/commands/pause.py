"""`pause`, `resume` and `pauses`: DkronPauses, which keep jobs from running by schedule or after others."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from dkron_cli.commands.arguments import JobNames, usage
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
from dkron_cli.core.selection import read_selector
from dkron_cli.edge.backend import Backend, connected
from dkron_cli.edge.cluster import Cluster, opened_cluster
from dkron_cli.edge.errors import readable
from dkron_cli.edge.objects import ClusterObjects, Objects, RestObjects
from dkron_cli.edge.rest import open_rest
from dkron_cli.edge.terminal import remark, run, say, show, structured
from dkron_cli.errors import CliError, Code
from dkron_cli.options import Options, options_of
from dkron_kube.paths import DKRON_JOBS, DKRON_PAUSES
from dkron_reports.job import Job, from_object
from dkron_reports.words import instant

Object = dict[str, Any]
Selector = Annotated[str, typer.Option("--selector", "-l", help="Jobs with these labels, as in team=a,tier=1.")]
ApiWrites = Annotated[
    bool, typer.Option("--api-writes", help="Dkron's pause: the REST API rejects new and changed jobs. Jobs run.")
]
UNSEEN = (
    "pauses of all namespaces are not shown: the namespace of the operator is unknown, or you may not list "
    "dkronpauses in it; dkronctl get -o wide shows what pauses a job"
)

PATIENCE, INTERVAL = 5.0, 0.5
"""Seconds to wait for the operator after a pause has ended, and between two looks."""


def pause(
    ctx: typer.Context,
    jobs: JobNames = None,
    selector: Selector = "",
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
        _only_api(jobs, selector, reason, until, by, drop=drop)
        run(_switch_api(options, paused=True))
        return
    if not reason:
        raise usage("give a reason with --reason; users of paused jobs see it")
    try:
        end = read_end(until, datetime.now(UTC)) if until else None
    except ValueError as error:
        raise usage(str(error)) from None
    if end is not None and end <= datetime.now(UTC):
        raise usage(f"--until: {instant(end)} is in the past, so the pause would have no effect")
    run(_pause(options, _choice(options, jobs, selector), reason=reason, end=end, drop=drop, by=by))


def resume(
    ctx: typer.Context,
    jobs: JobNames = None,
    selector: Selector = "",
    name: Annotated[
        str, typer.Option("--name", help="End the DkronPause of this name.", autocompletion=pause_names)
    ] = "",
    api_writes: ApiWrites = False,
) -> None:
    """End a pause.

    Name the jobs or the selector as in dkronctl pause; without them, it ends the pause of the whole namespace, or of
    all namespaces with -A. A pause that names further jobs goes on for them. If another pause still holds a job, the
    output names it."""
    options = options_of(ctx)
    if api_writes:
        _only_api(jobs, selector, name)
        run(_switch_api(options, paused=False))
        return
    if name and (jobs or selector):
        raise usage("give --name, or name the jobs")
    run(_resume(options, _choice(options, jobs, selector), name))


def pauses(ctx: typer.Context) -> None:
    """List DkronPauses and the number of jobs that they hold.

    It lists the pauses of the namespace, and the pauses of all namespaces, which are in the namespace of the operator.
    """
    options = options_of(ctx)
    run(_pauses(options))


def _only_api(*others: object, drop: bool = False) -> None:
    if any(others) or drop:
        raise usage("--api-writes concerns the REST API, not jobs: leave out the other options")


def _choice(options: Options, jobs: list[str] | None, selector: str) -> Choice:
    if jobs and selector:
        raise usage("name jobs, or give -l")
    try:
        return Choice(tuple(jobs or ()), read_selector(selector), everywhere=options.all_namespaces)
    except ValueError as error:
        raise usage(str(error)) from None


async def _pause(options: Options, choice: Choice, *, reason: str, end: datetime | None, drop: bool, by: str) -> None:
    async with _place(options) as place:
        if not choice.everywhere:
            # A wrong name pauses nothing.
            choice = Choice(tuple([(await place.backend.job(name)).name for name in choice.jobs]), choice.selector)
        name, home = f"pause-{secrets.token_hex(4)}", place.namespace
        by = by or await place.user()
        body = pause_manifest(name, home, choice, reason=reason, by=by, until=end, drop=drop)
        made = await place.pauses.create(body)
    if structured(options, [made], names=lambda: [made["metadata"]["name"]], one=True):
        return
    then = "until it is resumed" if end is None else f"until {instant(end)}"
    say(f"DkronPause {_name_of(made)} pauses {choice} {then}")


async def _resume(options: Options, choice: Choice, name: str) -> None:
    async with _place(options) as place:
        found = await place.pauses.all()
        named = [Ending(raw) for raw in found if raw["metadata"]["name"] == name]
        ended = named if name else endings(found, choice)
        for each in ended:
            if each.left:
                await place.pauses.change(each.pause, {"jobs": list(each.left)})
            else:
                await place.pauses.delete(each.pause)
        for each in ended:
            what = f"goes on for {', '.join(each.left)}" if each.left else "has ended"
            say(f"DkronPause {_name_of(each.pause)} {what}")
        cluster = place.backend if isinstance(place.backend, Cluster) else None
        if ended and cluster is not None:
            await _say_held(cluster, choice_of(ended[0].pause) if name else choice, [each.pause for each in ended])
        if ended:
            return
        what = f'"{name}"' if name else f"of {choice}"
        where = f" in namespace {place.namespace}" if place.namespace else ""
        held = "" if name or cluster is None else "".join(f"; {line}" for line in await _held(cluster, choice))
        raise CliError(Code.NOT_FOUND, f"there is no DkronPause {what}{where}{held}; see dkronctl pauses")


async def _say_held(cluster: Cluster, choice: Choice, ended: list[Object]) -> None:
    """Say which jobs another pause still holds, as soon as the operator has acted on the end of these."""
    deadline = time.monotonic() + PATIENCE
    try:
        while names_any(jobs := await _chosen(cluster, choice), ended):
            if time.monotonic() > deadline:
                remark("the operator has not acted on it yet; follow it with dkronctl get")
                return
            await asyncio.sleep(INTERVAL)
    except CliError as error:
        remark(f"cannot tell whether another pause holds these jobs: {error}")
        return
    for line in still_paused(jobs, namespaces=choice.everywhere):
        say(line)


async def _held(cluster: Cluster, choice: Choice) -> list[str]:
    """Return by which pauses the chosen jobs are held; nothing if they may not be read."""
    try:
        return still_paused(await _chosen(cluster, choice), namespaces=choice.everywhere)
    except CliError:
        return []


async def _chosen(cluster: Cluster, choice: Choice) -> list[Job]:
    """Return the jobs of a choice that exist. Raises `CliError`."""
    if choice.jobs and not choice.everywhere:
        return [job for name in choice.jobs for job in await _one(cluster, name)]
    with readable():
        where = None if choice.everywhere else cluster.namespace
        found = [from_object(raw) async for raw in cluster.kube.list(DKRON_JOBS, where)]
    return [job for job in found if choice.selects(job)]


async def _one(cluster: Cluster, name: str) -> list[Job]:
    """Return the job of this name, if it exists: a pause may name any."""
    try:
        return [await cluster.job(name)]
    except CliError as error:
        if error.code is not Code.NOT_FOUND:
            raise
        return []


async def _pauses(options: Options) -> None:
    async with _place(options, all_of_them=True) as place:
        found = await place.pauses.all()
        if isinstance(place.backend, Cluster) and not options.all_namespaces:
            found += await _of_all_namespaces(place.backend)
    if structured(options, found, names=lambda: [raw["metadata"]["name"] for raw in found], one=False):
        return
    if found:
        namespaces = options.all_namespaces or any(choice_of(raw).everywhere for raw in found)
        show(pause_table(found, namespaces=namespaces), options)
    else:
        remark("no pauses")


async def _of_all_namespaces(cluster: Cluster) -> list[Object]:
    """Return the pauses that hold in all namespaces, from the operator's namespace if that is another one, and if the
    user may list them there."""
    try:
        with readable():
            installation = await cluster.installation()
        if installation is not None:
            home = installation["metadata"]["namespace"]
            found = [] if home == cluster.namespace else await ClusterObjects(cluster.kube, DKRON_PAUSES, home).all()
            return [raw for raw in found if choice_of(raw).everywhere]
    except CliError as error:
        if error.code is not Code.FORBIDDEN:
            raise
    remark(UNSEEN)
    return []


async def _switch_api(options: Options, *, paused: bool) -> None:
    async with connected(options) as backend:
        changed = await backend.pause(paused=paused)
    word = "rejects new and changed jobs" if paused else "accepts new and changed jobs"
    say(f"the REST API {word}" if changed else f"the REST API {word} already")


@dataclass(frozen=True, slots=True)
class Place:
    """Where pauses are: the server with the jobs, and the pauses of a namespace. Its name is empty if the server knows
    it."""

    backend: Backend
    pauses: Objects
    namespace: str = ""

    async def user(self) -> str:
        """Return who pauses; empty if the server writes that."""
        return await self.backend.user() if isinstance(self.backend, Cluster) else ""


@asynccontextmanager
async def _place(options: Options, *, all_of_them: bool = False) -> AsyncIterator[Place]:
    """Yield where the options mean: by kubeconfig with -A, the namespace of the operator, or for a list all."""
    if options.server:
        rest = open_rest(options)
        try:
            yield Place(rest, RestObjects(rest, "pauses", what="pause jobs"))
        finally:
            await rest.close()
        return
    async with opened_cluster(options) as cluster:
        home = cluster.namespace
        if options.all_namespaces and not all_of_them:
            with readable():
                installation = await cluster.installation()
            if installation is None:
                sentence = "the namespace of the operator is not known; name it with -n"
                raise CliError(Code.NOT_FOUND, sentence)
            home = installation["metadata"]["namespace"]
        everywhere = all_of_them and options.all_namespaces
        pauses = ClusterObjects(cluster.kube, DKRON_PAUSES, home, everywhere=everywhere)
        yield Place(cluster, pauses, home)


def _name_of(pause: Object) -> str:
    metadata = pause["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}"
