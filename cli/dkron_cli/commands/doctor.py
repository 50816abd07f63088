"""`doctor`: checks the installation."""

from datetime import UTC, datetime
from importlib.metadata import version

import typer

from dkron_cli.core import checks
from dkron_cli.core.checks import Check
from dkron_cli.edge.backend import need_cluster
from dkron_cli.edge.connect import connected
from dkron_cli.edge.terminal import run, show, structured
from dkron_cli.errors import Code
from dkron_cli.options import Options, options_of
from dkron_crds.revision import REVISION

RIGHTS = ("list", "run", "stop", "logs")


def doctor(ctx: typer.Context) -> None:
    """Check the installation, and say what to do about each finding.

    The custom resources, your rights, the leader and its Lease, versions, the clock, jobs that are not ready or stuck,
    and crowded seconds. The exit code is 1 if there is a problem; warnings alone are 0. -n names the namespace of the
    operator; the jobs are those of that namespace, or with -A of all.
    """
    options = options_of(ctx)
    need_cluster(options, "doctor")
    found = run(_doctor(options))
    raw = [{"result": each.word, "found": each.found, "do": each.remedy} for each in found]
    if not structured(options, raw, names=lambda: [each.word for each in found], one=False):
        show(checks.check_table(found), options)
    raise typer.Exit(Code.FAILED if any(each.word == checks.PROBLEM for each in found) else Code.OK)


async def _doctor(options: Options) -> list[Check]:
    async with connected(options) as server:
        found = await server.inspect(RIGHTS)
    return list(checks.checked(found, version("dkron-operator"), REVISION, datetime.now(UTC)))
