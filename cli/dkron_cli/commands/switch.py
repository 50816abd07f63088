"""`enable` and `disable`."""

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


async def _switch(options: Options, names: list[str], *, disabled: bool) -> None:
    word = "disabled" if disabled else "enabled"
    async with connected(options) as backend:
        # All are looked up first: a wrong name changes nothing.
        for job in await backend.jobs(names):
            changed = await backend.disable(job, disabled=disabled)
            say(f"{job.name} {word}" if changed else f"{job.name} was {word} already")
            if job.paused and not disabled:
                say(f"{job.name} is {job.paused}, and runs by its schedule when that ends")
