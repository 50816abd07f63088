"""`summary`: the state of all jobs, and those that need attention."""

import typer

from dkron_cli.core.report_tables import attention_table, summary_lines
from dkron_cli.edge.connect import connected
from dkron_cli.edge.terminal import run, say, show, structured
from dkron_cli.options import Options, options_of
from dkron_reports.reading import mapping, objects


def summary(ctx: typer.Context) -> None:
    """Show the state of all jobs and those that need attention.

    A run that a user stopped needs none. -o json has more: what runs, the slots of the last and the next hour, and the
    executions of each day. Who leads is told in the namespace of the operator.
    """
    run(_summary(options_of(ctx)))


async def _summary(options: Options) -> None:
    async with connected(options) as server:
        found = await server.summary()
    troubled = objects(mapping(found, "attention"), "jobs")
    if structured(options, [found], names=lambda: [str(each.get("job")) for each in troubled], one=True):
        return
    for line in summary_lines(found):
        say(line)
    if troubled:
        say()
        show(attention_table(troubled, namespaces=options.all_namespaces), options)
