"""`export`: jobs, as `import` takes them, and their executions."""

from typing import Annotated

import typer

from dkron_cli.commands.arguments import JobNames, Selector, chosen, usage
from dkron_cli.core.executions import Filter, execution_json
from dkron_cli.core.selection import ALL, Selection
from dkron_cli.edge.backend import past_jobs
from dkron_cli.edge.connect import connected
from dkron_cli.edge.terminal import print_json, print_line, print_manifests, remark
from dkron_cli.options import Options, options_of
from dkron_from_dkron.manifest import manifest


async def export(
    ctx: typer.Context,
    jobs: JobNames = None,
    selector: Selector = None,
    full: Annotated[bool, typer.Option("--full", help="Include fields that have their default.")] = False,
    executions: Annotated[bool, typer.Option("--executions", help="Print executions instead, one in a line.")] = False,
) -> None:
    """Print jobs as manifests, or as Dkron's JSON.

    By kubeconfig: DkronJobs as YAML (-o json for JSON), without status, versions and pending requests; kubectl apply
    and dkronctl import take them. With --server: the JSON of /v1/jobs, which /v1/restore takes. --executions prints
    JSON lines, the newest execution first: with --server all that the REST API has in its archive, also of jobs that
    are gone, each with the end of its output; otherwise those in the statuses of the jobs.
    """
    options, selection = options_of(ctx), chosen(jobs, selector)
    if executions:
        if full or options.output:
            raise usage("--executions prints JSON lines; leave out --full and -o")
        await _executions(options, selection)
        return
    async with connected(options) as server:
        found = await server.jobs(selection)
    raw = [job.raw for job in found]
    if options.server:
        print_json(raw)
        return
    print_manifests([manifest(each, defaults=full) for each in raw], options)


async def _executions(options: Options, selection: Selection) -> None:
    """Print executions as they come: there may be millions."""
    async with connected(options) as server:
        jobs = [None] if selection == ALL else await past_jobs(server, selection)
        for job in jobs:
            async for page in server.executions(Filter(), job):
                for each in page:
                    print_line(execution_json(each))
        if server.keeps:
            remark(server.keeps)
