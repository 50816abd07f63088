"""`enable` and `disable`."""

import typer

from dkron_cli.commands.arguments import JobNames, Selector, chosen
from dkron_cli.core.job import title
from dkron_cli.core.selection import Selection
from dkron_cli.edge.connect import connected
from dkron_cli.edge.terminal import remark, say
from dkron_cli.edge.terminal import run as run_async
from dkron_cli.options import Options, options_of


def enable(ctx: typer.Context, jobs: JobNames = None, selector: Selector = None) -> None:
    """Let jobs run by their schedule.

    Slots that came while a job was disabled do not run later.
    """
    run_async(_switch(options_of(ctx), chosen(jobs, selector, needed=True), disabled=False))


def disable(ctx: typer.Context, jobs: JobNames = None, selector: Selector = None) -> None:
    """Stop jobs from running by their schedule.

    What runs already goes on; dkronctl stop stops it. A disabled job refuses requests for runs, too.
    """
    run_async(_switch(options_of(ctx), chosen(jobs, selector, needed=True), disabled=True))


async def _switch(options: Options, selection: Selection, *, disabled: bool) -> None:
    word = "disabled" if disabled else "enabled"
    async with connected(options) as server:
        # All are looked up first: a wrong name changes nothing.
        found = await server.jobs(selection)
        for job in found:
            name = title(job, namespaces=options.all_namespaces)
            changed = await server.disable(job, disabled=disabled)
            say(f"{name} {word}" if changed else f"{name} was {word} already")
            if job.paused and not disabled:
                say(f"{name} is {job.paused}, and runs by its schedule when that ends")
    if not found:
        remark(server.none_of(selection))
