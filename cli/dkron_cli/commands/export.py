"""`export`: jobs, as `import` takes them."""

from typing import Annotated

import typer

from dkron_cli.commands.arguments import JobNames, Selector, chosen
from dkron_cli.edge.connect import connected
from dkron_cli.edge.terminal import print_json, print_manifests
from dkron_cli.options import options_of
from dkron_from_dkron.manifest import manifest


async def export(
    ctx: typer.Context,
    jobs: JobNames = None,
    selector: Selector = None,
    full: Annotated[bool, typer.Option("--full", help="Include fields that have their default.")] = False,
) -> None:
    """Print jobs as manifests, or as Dkron's JSON.

    By kubeconfig: DkronJobs as YAML (-o json for JSON), without status, versions and pending requests; kubectl apply
    and dkronctl import take them. With --server: the JSON of /v1/jobs, which /v1/restore takes.
    """
    options, selection = options_of(ctx), chosen(jobs, selector)
    async with connected(options) as server:
        found = await server.jobs(selection)
    raw = [job.raw for job in found]
    if options.server:
        print_json(raw)
        return
    print_manifests([manifest(each, defaults=full) for each in raw], options)
