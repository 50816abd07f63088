"""`enable` and `disable`."""

import typer

from dkron_cli.commands.arguments import JobNames, Selector, chosen
from dkron_cli.core.job import title
from dkron_cli.core.selection import Selection
from dkron_cli.edge.connect import connected
from dkron_cli.edge.terminal import remark, say
from dkron_cli.options import Options, options_of


async def enable(ctx: typer.Context, jobs: JobNames = None, selector: Selector = None) -> None:
    """Let jobs run on schedule.

    Slots that came due while a job was disabled do not run later.
    """
    await _switch(options_of(ctx), chosen(jobs, selector, needed=True), disabled=False)


async def disable(ctx: typer.Context, jobs: JobNames = None, selector: Selector = None) -> None:
    """Keep jobs from running on schedule.

    Active runs go on; dkronctl stop ends them. A disabled job also refuses run requests.
    """
    await _switch(options_of(ctx), chosen(jobs, selector, needed=True), disabled=True)


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
                say(f"{name} is {job.paused}, and runs on schedule again when the pause ends")
    if not found:
        remark(server.none_of(selection))
