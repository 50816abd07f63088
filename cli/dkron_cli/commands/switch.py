"""`enable`, `disable`, `pause` and `resume`."""

import typer

from dkron_cli.commands.arguments import SomeJobs
from dkron_cli.edge.backend import connected
from dkron_cli.edge.terminal import run as run_async
from dkron_cli.edge.terminal import say
from dkron_cli.options import Options, options_of


def enable(ctx: typer.Context, jobs: SomeJobs) -> None:
    """Let jobs run by their schedule.

    Slots that came while a job was disabled do not run later.
    """
    run_async(_switch(options_of(ctx), jobs, disabled=False))


def disable(ctx: typer.Context, jobs: SomeJobs) -> None:
    """Stop jobs from running by their schedule.

    What runs already goes on; dkronctl stop stops it. A disabled job refuses requests for runs, too.
    """
    run_async(_switch(options_of(ctx), jobs, disabled=True))


def pause(ctx: typer.Context) -> None:
    """Have the REST API reject new and changed jobs.

    Scheduled and requested runs go on. By kubeconfig, -n names the namespace of the operator.
    """
    run_async(_pause(options_of(ctx), paused=True))


def resume(ctx: typer.Context) -> None:
    """Have the REST API accept them again.

    New and changed jobs, that is: everything else was never paused.
    """
    run_async(_pause(options_of(ctx), paused=False))


async def _switch(options: Options, names: list[str], *, disabled: bool) -> None:
    word = "disabled" if disabled else "enabled"
    async with connected(options) as backend:
        # All are looked up first: a wrong name changes nothing.
        for job in await backend.jobs(names):
            changed = await backend.disable(job, disabled=disabled)
            say(f"{job.name} {word}" if changed else f"{job.name} was {word} already")


async def _pause(options: Options, *, paused: bool) -> None:
    async with connected(options) as backend:
        changed = await backend.pause(paused=paused)
    word = "paused" if paused else "resumed"
    say(word if changed else f"{word} already")
