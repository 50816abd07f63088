"""`summary`: the state of all jobs, and those that need attention."""

import typer

from dkron_cli.core.report_tables import attention_table, summary_lines
from dkron_cli.edge.connect import connected
from dkron_cli.edge.terminal import say, show, structured
from dkron_cli.options import options_of
from dkron_reports.reading import mapping, objects


async def summary(ctx: typer.Context) -> None:
    """Show the state of all jobs and those that need attention.

    A run that a user stopped needs no attention. -o json adds the active runs, the slots of the last and the next hour,
    and the executions of each day. The leader is shown only in the namespace of the operator.
    """
    options = options_of(ctx)
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
