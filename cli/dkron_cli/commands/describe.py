"""`describe`: all about one job."""

from datetime import UTC, datetime

import typer

from dkron_cli.commands.arguments import JobName
from dkron_cli.core.job import description
from dkron_cli.core.run import attempt_table
from dkron_cli.edge.connect import connected
from dkron_cli.edge.terminal import run, say, say_facts, show, structured
from dkron_cli.options import Options, options_of
from dkron_reports.run import runs_of
from dkron_reports.words import instant

SLOTS, ATTEMPTS = 3, 10


def describe(ctx: typer.Context, job: JobName) -> None:
    """Show all about one job.

    Its settings, its coming slots, its newest attempts, and the end of the newest output.
    """
    run(_describe(options_of(ctx), job))


async def _describe(options: Options, name: str) -> None:
    async with connected(options) as server:
        job = await server.job(name)
        if structured(options, [job.raw], names=lambda: [job.name], one=True):
            return
        (job,) = await server.with_pauses([job], every=False)
        attempts = await server.attempts(job)
        slots = await server.slots(job, SLOTS)
    facts = description(job, now=datetime.now(UTC))
    if slots and not job.paused:
        # Slots that come due during a pause may run later, or never.
        facts.append(("Due", ", ".join(map(instant, slots))))
    say_facts(facts)
    newest = [each for found in runs_of(attempts) for each in reversed(found.attempts)][:ATTEMPTS]
    if newest:
        say("\nExecutions:")
        show(attempt_table(newest), options)
    output = next((each.output for each in newest if each.output), "")
    if output:
        say(f"\nOutput of the newest:\n{output.rstrip()}")
