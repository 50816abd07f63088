"""`run`: request a run, and wait for its end if that is wanted."""

import asyncio
import time
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import typer

from dkron_cli.commands.arguments import JobName, Timeout, read_timeout, refusing, usage
from dkron_cli.commands.logs import print_log
from dkron_cli.complete import parameters
from dkron_cli.core.order import Order, read_order
from dkron_cli.core.run import run_json
from dkron_cli.edge.backend import Asked, Server, job_to_run, shown_by_job
from dkron_cli.edge.connect import connected
from dkron_cli.edge.progress import decided
from dkron_cli.edge.run_remarks import RunRemarks, requested
from dkron_cli.edge.terminal import remark, say, structured
from dkron_cli.edge.terminal import run as run_async
from dkron_cli.errors import CliError, Code, Interrupted
from dkron_cli.options import Options, options_of
from dkron_reports.run import GOING, Attempt, Result, Run
from dkron_reports.words import exact_span

PAUSE = 0.5


def run(  # noqa: PLR0913 - an option each
    ctx: typer.Context,
    job: JobName,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Wait for the end of the run, including retries.")] = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait, and print the output as it comes.")] = False,
    timeout: Timeout = "",
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Run even if it is disabled, paused or busy with concurrency forbid, or its line is full."
        ),
    ] = False,
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            "--parameter",
            "-p",
            metavar="NAME=VALUE",
            help="Value of a parameter; repeatable.",
            autocompletion=parameters,
        ),
    ] = None,
    at: Annotated[
        str, typer.Option("--at", metavar="SLOT", help="Scheduled time of the slot to run for.", show_default=False)
    ] = "",
    reason: Annotated[str, typer.Option("--reason", help="Reason: free text for people.", show_default=False)] = "",
) -> None:
    """Run a job now; with --wait the exit code is the result.

    By kubeconfig it creates a DkronRun and prints its name; the permission to create dkronruns is enough. If the
    operator refuses the run within a moment, as for a paused job, the exit code is 1; a user who may not get dkronruns
    does not learn of it. With --wait, the code is 0 if the run succeeded, 1 if it failed or was refused, 6 if --timeout
    has passed, and 4 if you may not read the DkronRun. After 4, 6 and Ctrl-C, the run goes on. While the run waits in
    line, for places in pools or in a queue of Kueue, standard error tells where, and then that it begins. With
    --server, --wait also waits for the jobs that run after this one, and --follow prints the output at the end. Values
    that do not fit the parameters of the job end with 1. -o json prints the DkronRun (with --server, the job), and with
    --wait the run as in dkronctl history -o json.
    """
    options = options_of(ctx)
    if follow and options.structured:
        raise usage("--follow prints the output of the run, and -o the run itself; leave out one of them")
    if timeout and not (wait or follow):
        raise usage("--timeout limits --wait or --follow; add one of them")
    seconds = read_timeout(timeout)
    with refusing():
        order = read_order(parameter or (), at, reason)
    request = Request(job, wait=wait, follow=follow, seconds=seconds, force=force, order=order)
    try:
        result = run_async(_run(options, request))
    except Interrupted:
        if request.sent:
            remark(f"\ndetached: the run goes on; dkronctl history {job} shows it, dkronctl stop {job} stops it")
        raise
    raise typer.Exit(result)


@dataclass(slots=True)
class Request:
    """The requested run. `sent` is whether the server may know of it."""

    name: str
    wait: bool
    follow: bool
    seconds: float | None
    force: bool
    order: Order
    sent: bool = False


async def _run(options: Options, request: Request) -> int:
    async with connected(options) as server:
        job = await job_to_run(server, request.name)
        request.sent = True
        asked: Asked | None = None
        if not (request.wait or request.follow):
            asked = await server.run(job, force=request.force, wait=None, order=request.order)
            readable = await _raise_if_refused(server, asked)
            if not structured(options, [asked.answer], names=lambda: [job.name], one=True):
                say(f"{requested(job.name, asked.object_name)}; {_show_command(asked, readable=readable)}")
            return Code.OK
        began, remarks = time.monotonic(), RunRemarks(job.name)
        try:
            async with asyncio.timeout(request.seconds):
                asked = await server.run(
                    job, force=request.force, wait=request.seconds or 0.0, order=request.order, seen=remarks.look
                )
                remarks.request(asked.object_name)
                found = await _until_over(server, asked, remarks, follow=request.follow)
        except TimeoutError:
            waited = f"{time.monotonic() - began:.0f}s"
            text = f"the run of {job.name} has not ended after {waited} and goes on"
            if asked is None:
                # A REST API that waits has not even said that it knows of the run.
                text = f"no answer after {waited}: the run of {job.name} may still be active"
            shown = f"dkronctl history {job.name} shows it" if asked is None else _show_command(asked)
            raise CliError(Code.CONFLICT, f"{text}; {shown}") from None
    raw = [run_json(found, namespace=job.namespace, job=job.name)]
    structured(options, raw, names=lambda: [found.attempts[-1].id], one=True)
    return _report(job.name, found)


async def _raise_if_refused(server: Server, asked: Asked) -> bool:
    """Raise `CliError` if the operator refuses the run within a moment; else return whether the user may read the
    DkronRun, which tells. A REST API refuses the request itself."""
    if not asked.object_name:
        return True
    try:
        await decided(partial(server.progress, asked))
    except CliError as error:
        if error.code in (Code.FAILED, Code.NOT_FOUND):
            raise
        return error.code is not Code.FORBIDDEN
    return True


def _show_command(asked: Asked, *, readable: bool = True) -> str:
    """Return which command shows the run: one that the user may carry out."""
    if asked.object_name and readable:
        return f"dkronctl runs describe {asked.object_name} -n {asked.job.namespace} shows it"
    return shown_by_job(asked)


async def _until_over(server: Server, asked: Asked, remarks: RunRemarks, *, follow: bool) -> Run:
    """Return the run once it is over, and say meanwhile where it waits. With `follow`, print the log of each attempt as
    it begins."""
    followed: dict[str, asyncio.Task[None]] = {}
    latest: dict[str, asyncio.Task[None]] = {}
    try:
        while True:
            placed = remarks.is_due()
            found = await server.progress(asked, placed=placed)
            if found is not None:
                remarks.look(found, placed=placed)
                for each in found.attempts if follow else ():
                    label = f"[{each.member}] " if each.member else ""
                    # An id begins with the start of the attempt, which may be told more exactly later.
                    name = each.job or each.id.partition("-")[2]
                    if each.begun and not each.waits and name not in followed:
                        log = _follow(server, asked, each, label, behind=latest.get(each.member))
                        followed[name] = latest[each.member] = asyncio.create_task(log)
                if found.result not in GOING:
                    await asyncio.gather(*followed.values())
                    return found
            await asyncio.sleep(PAUSE)
    finally:
        for task in followed.values():
            task.cancel()


async def _follow(
    server: Server, asked: Asked, attempt: Attempt, label: str, *, behind: asyncio.Task[None] | None
) -> None:
    """Print the log of an attempt, after the log of the member's previous one. The run goes on if it cannot be read."""
    if behind is not None:
        await behind
    try:
        await print_log(server, asked.job, attempt, follow=True, label=label, asked=asked)
    except CliError as error:
        remark(f"{label}cannot read the log: {error}")


def _report(name: str, found: Run) -> int:
    took = None if found.finished is None else found.took(found.finished)
    after = "" if took is None else f" after {exact_span(took)}"
    tries = f", {found.tries} attempts" if found.tries > 1 else ""
    why = f": {found.why}" if found.why else ""
    remark(f"{name}: {found.why if found.never_began else f'{found.result}{after}{tries}{why}'}")
    return Code.OK if found.result is Result.SUCCESS else Code.FAILED
