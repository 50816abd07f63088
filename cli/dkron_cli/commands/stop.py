"""`stop`: stop what runs."""

from typing import Annotated

import typer

from dkron_cli.commands.arguments import Execution, OneJob, Selector, chosen, usage
from dkron_cli.edge.backend import Server, meant
from dkron_cli.edge.connect import connected
from dkron_cli.edge.terminal import remark, say
from dkron_cli.errors import CliError, Code
from dkron_cli.options import options_of
from dkron_reports.job import Job


async def stop(
    ctx: typer.Context,
    job: OneJob = None,
    execution: Execution = "",
    selector: Selector = None,
    every: Annotated[
        bool, typer.Option("--all", help="All executions of the job that run, wait in line or wait for a retry.")
    ] = False,
) -> None:
    """Stop running executions, or drop runs that wait in line.

    The operator deletes the Job, and its pod gets its grace period. The execution is recorded with the reason Stopped
    and your name, and is not retried. A run that waits in line never begins.
    """
    selection = chosen([job] if job else None, selector, needed=True)
    if execution and every:
        raise usage("name one execution, or give --all")
    if selection.labels and not every:
        raise usage("-l stops all executions of its jobs; give --all, too")
    async with connected(options_of(ctx)) as server:
        found = await meant(server, selection)
        for each in found:
            await _stop_one(server, each, execution, every=every)
    if not found:
        remark(server.none_of(selection))


async def _stop_one(server: Server, job: Job, execution: str, *, every: bool) -> None:
    attempts = await server.attempts(job)
    active = [each for each in attempts if each.finished is None]
    if execution:
        active = [each for each in active if execution in (each.id, each.job, each.id.partition("-")[2])]
        if not active:
            ended = any(execution in (each.id, each.job) for each in attempts)
            what = "has ended already" if ended else "does not exist"
            raise CliError(Code.NOT_FOUND, f'the execution "{execution}" of "{job.name}" {what}')
    if not active:
        say(f"{job.name}: nothing runs")
        return
    if len(active) > 1 and not every:
        ids = ", ".join(each.id for each in active)
        raise usage(f'"{job.name}" runs {len(active)} times; name one of {ids}, or give --all')
    for each in active:
        await server.stop(job, each)
        say(f"requested a stop of {each.id}")
