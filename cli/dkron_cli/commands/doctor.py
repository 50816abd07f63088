"""`doctor`: checks the installation."""

from datetime import UTC, datetime
from importlib.metadata import version

import typer

from dkron_cli.core import checks
from dkron_cli.edge.connect import opened_cluster
from dkron_cli.edge.inspect import inspect
from dkron_cli.edge.terminal import show, structured
from dkron_cli.errors import Code
from dkron_cli.options import options_of
from dkron_crds.revision import REVISION

RIGHTS = ("list", "run", "stop", "logs")


async def doctor(ctx: typer.Context) -> None:
    """Check the installation, and suggest a fix for each finding.

    It checks the custom resources, your permissions, the leader and its Lease, versions, the archive, the clock, jobs
    that are not ready or stuck, and crowded seconds. The exit code is 1 if there is a problem, and 0 if there are only
    warnings. -n names the namespace of the operator. It checks the jobs of that namespace, or of all with -A.
    """
    options = options_of(ctx)
    async with opened_cluster(options, "doctor") as cluster:
        inspected = await inspect(cluster, RIGHTS)
    found = list(checks.checked(inspected, version("dkron-operator"), REVISION, datetime.now(UTC)))
    raw = [{"result": each.word, "found": each.found, "do": each.remedy} for each in found]
    if not structured(options, raw, names=lambda: [each.word for each in found], one=False):
        show(checks.check_table(found), options)
    raise typer.Exit(Code.FAILED if any(each.word == checks.PROBLEM for each in found) else Code.OK)
