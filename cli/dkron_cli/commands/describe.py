"""`describe`: all about one job."""

from datetime import UTC, datetime

import typer

from dkron_cli.commands.arguments import JobName
from dkron_cli.core.job import description
from dkron_cli.core.run import attempt_table
from dkron_cli.edge.connect import connected
from dkron_cli.edge.terminal import say, say_facts, show, structured
from dkron_cli.options import options_of
from dkron_reports.run import runs_of
from dkron_reports.words import instant

SLOTS, ATTEMPTS = 3, 10


async def describe(ctx: typer.Context, job: JobName) -> None:
    """Show all about one job.

    The settings, the next slots, the newest attempts, and the end of the newest output.
    """
    options = options_of(ctx)
    async with connected(options) as server:
        found = await server.job(job)
        if structured(options, [found.raw], names=lambda: [found.name], one=True):
            return
        (found,) = await server.with_active([await server.described(found)])
        attempts = await server.attempts(found, placed=True)
        slots = await server.slots(found, SLOTS)
    now = datetime.now(UTC)
    facts = description(found, now=now)
    if slots and not found.paused:
        # Slots that come due during a pause may run later, or never.
        facts.append(("Due", ", ".join(map(instant, slots))))
    say_facts(facts)
    newest = [each for run in runs_of(attempts) for each in reversed(run.attempts)][:ATTEMPTS]
    if newest:
        say("\nExecutions:")
        show(attempt_table(newest, now=now), options)
    output = next((each.output for each in newest if each.output), "")
    if output:
        say(f"\nOutput of the newest:\n{output.rstrip()}")
