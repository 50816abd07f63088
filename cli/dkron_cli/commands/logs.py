"""`logs`: the output of an execution."""

import codecs
import sys
from collections.abc import Iterable
from functools import partial
from typing import Annotated

import typer

from dkron_cli.commands.arguments import Execution, JobName
from dkron_cli.core.table import RESET, safe
from dkron_cli.edge.backend import Asked, Server
from dkron_cli.edge.connect import connected
from dkron_cli.edge.terminal import is_terminal, remark
from dkron_cli.edge.terminal import run as run_async
from dkron_cli.errors import CliError, Code
from dkron_cli.options import Options, options_of
from dkron_reports.job import Job
from dkron_reports.run import Attempt, runs_of

ESCAPE = "\x1b"


def logs(
    ctx: typer.Context,
    job: JobName,
    execution: Execution = "",
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Wait for its start, and print until its end.")
    ] = False,
    failed: Annotated[bool, typer.Option("--failed", help="Of the newest attempt that failed.")] = False,
) -> None:
    """Print the output of an execution.

    By default of the newest run, for each of its members. The whole log while the pod exists (spec.history says how
    long), then the end of it that the status keeps.
    """
    run_async(_logs(options_of(ctx), job, execution, follow=follow, failed=failed))


async def _logs(options: Options, name: str, execution: str, *, follow: bool, failed: bool) -> None:
    async with connected(options) as server:
        job = await server.job(name)
        attempts = await server.attempts(job)
        wanted = chosen(job, attempts, execution, failed=failed)
        for each in wanted:
            if len(wanted) > 1:
                remark(f"==> {each.member or each.node} {each.id}")
            await print_log(server, job, each, follow=follow)


def chosen(job: Job, attempts: list[Attempt], execution: str, *, failed: bool) -> list[Attempt]:
    """Return the attempts that the options name. Raises `CliError`."""
    if execution:
        found = [each for each in attempts if execution in (each.id, each.job, each.id.partition("-")[2])]
        if not found:
            text = f'"{job.name}" has no execution "{execution}" any more; see dkronctl history {job.name} -o wide'
            raise CliError(Code.NOT_FOUND, text)
        return found[:1]
    runs = runs_of(each for each in attempts if each.begun and (not failed or each.success is False))
    if not runs:
        kind = "failed execution" if failed else "execution"
        raise CliError(Code.NOT_FOUND, f'"{job.name}" has no {kind} yet, or its history no longer shows it')
    return list(runs[0].last_of_each)[-1:] if failed else list(runs[0].last_of_each)


async def print_log(
    server: Server, job: Job, attempt: Attempt, *, follow: bool, label: str = "", asked: Asked | None = None
) -> None:
    """Print the output of an attempt, line by line, each after the label. `asked` is its run, if this command made
    it."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    clean = partial(safe, goes_on=True) if is_terminal() else str
    rest, colored = "", False

    def put(lines: Iterable[str]) -> None:
        nonlocal colored
        shown = "".join(f"{clean(label + line)}\n" for line in lines)
        colored = colored or ESCAPE in shown
        sys.stdout.write(shown)
        sys.stdout.flush()

    try:
        async for piece in server.log(job, attempt, follow=follow, asked=asked):
            *whole, rest = (rest + decoder.decode(piece)).split("\n")
            put(whole)
        put([rest] if rest else ())
    finally:
        if colored and is_terminal():
            sys.stdout.write(RESET)
            sys.stdout.flush()
