"""`history`: the runs of a job."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from dkron_cli.commands.arguments import OneJob, Selector, chosen
from dkron_cli.core.job import title
from dkron_cli.core.run import run_json, run_table
from dkron_cli.edge.backend import meant
from dkron_cli.edge.connect import connected
from dkron_cli.edge.terminal import remark, show, structured
from dkron_cli.options import options_of
from dkron_reports.run import Result, runs_of


async def history(
    ctx: typer.Context,
    job: OneJob = None,
    selector: Selector = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only runs that failed for at least one member.")] = False,
    count: Annotated[int, typer.Option("--count", "-c", min=1, help="Maximum number of runs.")] = 20,
) -> None:
    """List the runs of a job, with their attempts merged.

    The last attempt of each member decides the result of a run. SLOT is the scheduled time of the run, even if its
    backfill was deleted, or the time of the request. The list goes back as far as spec.history.executions. With -l, it
    has the runs of all these jobs, the newest first.
    """
    selection = chosen([job] if job else None, selector, needed=True)
    options = options_of(ctx)
    async with connected(options) as server:
        jobs = await meant(server, selection)
        runs = [(job, each) for job in jobs for each in runs_of(await server.attempts(job))]
    bad = (Result.FAILED, Result.PARTIALLY_FAILED)
    runs = [(job, each) for job, each in runs if not failed or each.result in bad]
    if len(jobs) > 1:
        runs.sort(key=lambda each: 0.0 if each[1].started is None else each[1].started.timestamp(), reverse=True)
    found = [each for _, each in runs[:count]]
    raw = [run_json(each, namespace=job.namespace, job=job.name) for job, each in runs[:count]]
    if structured(options, raw, names=lambda: [each.attempts[-1].id for each in found], one=False):
        return
    if not found:
        remark("no runs" if jobs else server.none_of(selection))
        return
    named = [title(job, namespaces=options.all_namespaces) for job, _ in runs[:count]] if selection.labels else None
    show(run_table(found, now=datetime.now(UTC), wide=options.output == "wide", jobs=named), options)
