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
from dkron_cli.errors import CliError, Code
from dkron_cli.options import options_of
from dkron_reports.job import Job
from dkron_reports.run import Attempt, runs_of

ESCAPE = "\x1b"


async def logs(
    ctx: typer.Context,
    job: JobName,
    execution: Execution = "",
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Wait for the start, and print until the end.")
    ] = False,
    failed: Annotated[bool, typer.Option("--failed", help="Output of the newest failed attempt.")] = False,
) -> None:
    """Print the output of an execution.

    By default, it prints the output of the newest run, for each of its members. It is the whole log while the pod
    exists (spec.history says how long). Then it is the output that the archive keeps, with --server, or the end that
    the status keeps.
    """
    async with connected(options_of(ctx)) as server:
        found = await server.past_job(job)
        attempts = await server.attempts(found)
        if execution and not named(attempts, execution):
            older = await server.execution(found, execution)
            attempts = [older] if older is not None else []
        wanted = chosen(found, attempts, execution, failed=failed)
        for each in wanted:
            if len(wanted) > 1:
                remark(f"==> {each.member or each.node} {each.id}")
            await print_log(server, found, each, follow=follow)


def chosen(job: Job, attempts: list[Attempt], execution: str, *, failed: bool) -> list[Attempt]:
    """Return the attempts that the options name. Raises `CliError`."""
    if execution:
        found = named(attempts, execution)
        if not found:
            text = f'"{job.name}" has no execution "{execution}" any more; see dkronctl history {job.name} -o wide'
            raise CliError(Code.NOT_FOUND, text)
        return found[:1]
    runs = runs_of(each for each in attempts if each.begun and (not failed or each.success is False))
    if not runs:
        kind = "failed execution" if failed else "execution"
        raise CliError(Code.NOT_FOUND, f'"{job.name}" has no {kind} yet, or its history no longer shows it')
    return list(runs[0].last_of_each)[-1:] if failed else list(runs[0].last_of_each)


def named(attempts: list[Attempt], execution: str) -> list[Attempt]:
    """Return the attempts with this id, or with this name of a Job."""
    return [each for each in attempts if execution in (each.id, each.job, each.id.partition("-")[2])]


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
