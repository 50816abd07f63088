"""`secrets`: the Secrets that jobs name. No Secret is read."""

from typing import Annotated

import typer

from dkron_cli.core.secret_names import secret_names
from dkron_cli.core.table import table
from dkron_cli.edge.backend import need_cluster
from dkron_cli.edge.connect import connected
from dkron_cli.edge.terminal import remark, run, show, structured
from dkron_cli.options import Options, options_of


def secrets(
    ctx: typer.Context,
    uses: Annotated[str, typer.Option("--uses", help="Only the jobs that name this Secret.", show_default=False)] = "",
) -> None:
    """List the Secrets that jobs name, and which job names which.

    A backup does not have them, and a new cluster needs them. No Secret is read.
    """
    options = options_of(ctx)
    need_cluster(options, "secrets")
    run(_secrets(options, uses))


async def _secrets(options: Options, uses: str) -> None:
    async with connected(options) as server:
        jobs = await server.jobs()
    users: dict[tuple[str, str], list[str]] = {}
    for job in jobs:
        for name in secret_names(job.raw.get("spec") or {}):
            if uses in ("", name):
                users.setdefault((job.namespace, name), []).append(job.name)
    raw = [{"namespace": space, "secret": name, "jobs": names} for (space, name), names in sorted(users.items())]
    if structured(options, raw, names=lambda: [str(each["secret"]) for each in raw], one=False):
        return
    if not raw:
        remark("no job names a Secret" if not uses else f'no job names the Secret "{uses}"')
        return
    rows = [
        (space if options.all_namespaces else "", name, ", ".join(names))
        for (space, name), names in sorted(users.items())
    ]
    show(table(("NAMESPACE", "SECRET", "JOBS"), rows), options)
