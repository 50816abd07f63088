"""`stop`: stop what runs."""

from typing import Annotated

import typer

from dkron_cli.commands.arguments import Execution, JobName, usage
from dkron_cli.edge.backend import connected
from dkron_cli.edge.terminal import run as run_async
from dkron_cli.edge.terminal import say
from dkron_cli.errors import CliError, Code
from dkron_cli.options import Options, options_of


def stop(
    ctx: typer.Context,
    job: JobName,
    execution: Execution = "",
    every: Annotated[
        bool, typer.Option("--all", help="All executions of the job that run or wait for a retry.")
    ] = False,
) -> None:
    """Stop running executions.

    The operator deletes the Job; its pod has its grace period to end. The execution is recorded with the reason
    Stopped and your name, and is not retried.
    """
    if execution and every:
        raise usage("name one execution, or give --all")
    run_async(_stop(options_of(ctx), job, execution, every=every))


async def _stop(options: Options, name: str, execution: str, *, every: bool) -> None:
    async with connected(options) as backend:
        job = await backend.job(name)
        attempts = await backend.attempts(job)
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
            await backend.stop(job, each)
            say(f"asked to stop {each.id}")
