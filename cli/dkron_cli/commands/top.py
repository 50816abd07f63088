"""`top`: what fails most."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from dkron_cli.commands.arguments import usage
from dkron_cli.core.report_tables import failing_table
from dkron_cli.edge.backend import connected, need_cluster
from dkron_cli.edge.terminal import remark, run, show, structured
from dkron_cli.options import Options, options_of
from dkron_reports.failing import worst
from dkron_reports.words import read_span


def top(
    ctx: typer.Context,
    since: Annotated[str, typer.Option("--since", help="Runs of this period, as 12h or 7d.")] = "24h",
    count: Annotated[int, typer.Option("--count", "-c", min=1, help="At most so many jobs.")] = 20,
) -> None:
    """List the jobs that fail most.

    A run counts once, however many attempts it had; RETRIED counts the runs that needed more than one. A plus behind a
    number says that the job has had more runs in the period than spec.history.executions keeps.
    """
    options = options_of(ctx)
    need_cluster(options, "top")
    try:
        period = read_span("--since", since)
    except ValueError as error:
        raise usage(str(error)) from None
    run(_top(options, period, count))


async def _top(options: Options, period: timedelta, count: int) -> None:
    async with connected(options) as backend:
        jobs = await backend.jobs()
    now = datetime.now(UTC)
    found = worst(jobs, now - period)[:count]
    raw = [
        {"namespace": each.job.namespace, "job": each.job.name, "failed": each.failed, "runs": each.runs,
         "retried": each.retried}
        for each in found
    ]  # fmt: skip
    if structured(options, raw, names=lambda: [each.job.name for each in found], one=False):
        return
    if not found:
        remark("no run has failed")
        return
    show(failing_table(found, now=now, namespaces=options.all_namespaces), options)
