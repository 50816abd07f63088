"""`retry`: run again what has failed, by requests for runs."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from dkron_cli.commands.arguments import Selector, chosen, refusing, usage
from dkron_cli.commands.logs import chosen as chosen_attempts
from dkron_cli.complete import job_names
from dkron_cli.core.selection import Selection
from dkron_cli.edge.connect import connected
from dkron_cli.edge.terminal import run as run_async
from dkron_cli.edge.terminal import say
from dkron_cli.errors import CliError, Code
from dkron_cli.options import Options, options_of
from dkron_crds.schedule.instants import shifted
from dkron_reports.words import instant, read_span


def retry(
    ctx: typer.Context,
    job: Annotated[str, typer.Argument(metavar="[JOB]", help="Name of the job.", autocompletion=job_names)] = "",
    selector: Selector = None,
    execution: Annotated[str, typer.Argument(metavar="[EXECUTION]", help="The execution to repeat.")] = "",
    failed: Annotated[bool, typer.Option("--failed", help="All jobs whose newest run failed.")] = False,
    since: Annotated[str, typer.Option("--since", help="With --failed: period to look at, as 12h or 7d.")] = "24h",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list the runs that would be requested.")] = False,
) -> None:
    """Run failed runs again.

    `retry JOB EXECUTION` requests one run of the job. `retry --failed` requests one run of each job (or of JOB, or of
    the jobs with -l) whose newest run in the period failed, even if several failed. The new run gets the values and the
    slot of the failed one. If its values are not kept any more, it is not requested. With --server, the server copies
    the values and does not show them.
    """
    options = options_of(ctx)
    if bool(execution) == failed:
        raise usage("name a job and its execution, or give --failed; see dkronctl history JOB -o wide")
    selection = chosen([job] if job else None, selector)
    if selection.labels and not failed:
        raise usage("-l goes with --failed")
    with refusing():
        period = read_span("--since", since)
    run_async(
        _one(options, job, execution, dry_run=dry_run)
        if execution
        else _all(options, selection, period, dry_run=dry_run)
    )


async def _one(options: Options, name: str, execution: str, *, dry_run: bool) -> None:
    async with connected(options) as server:
        job = await server.job(name)
        (attempt,) = chosen_attempts(job, await server.attempts(job), execution, failed=False)
        if job.paused:
            raise CliError(Code.FAILED, f"{job.name} is {job.paused} and refuses runs")
        given = await server.repeat(job, attempt, dry_run=dry_run)
    say(f"{'would request' if dry_run else 'requested'} a run of {job.name}{given}")


async def _all(options: Options, selection: Selection, period: timedelta, *, dry_run: bool) -> None:
    start = shifted(datetime.now(UTC), -period)
    async with connected(options) as server:
        found = False
        for job in await server.jobs(selection):
            failure = await server.latest_failure(job, start)
            if failure is None:
                continue
            found = True
            if job.disabled or job.paused:
                say(f"{job.name} is {'disabled' if job.disabled else job.paused}; skipped")
                continue
            try:
                given = await server.repeat(job, failure.attempts[-1], dry_run=dry_run)
            except CliError as error:
                if error.code not in (Code.FAILED, Code.CONFLICT):
                    raise
                say(f"{job.name} skipped: {error}")
                continue
            where = f"{job.namespace}/" if options.all_namespaces else ""
            why = f" ({failure.why})" if failure.why else ""
            say(
                f"{'would request' if dry_run else 'requested'} a run of {where}{job.name}{given}: the one of "
                f"{instant(failure.started)} failed{why}"
            )
    if not found:
        say("no job's newest run has failed")
