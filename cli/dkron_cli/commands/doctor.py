"""`doctor`: checks the installation."""

from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version

import typer

from dkron_cli.commands.rights import lacks
from dkron_cli.core import checks
from dkron_cli.core.checks import Check
from dkron_cli.edge.backend import need_cluster
from dkron_cli.edge.cluster import SELF_REVIEWS, Cluster, opened_cluster
from dkron_cli.edge.errors import readable
from dkron_cli.edge.terminal import run, show, structured
from dkron_cli.errors import CliError, Code
from dkron_cli.options import Options, options_of
from dkron_crds.lease import INSTALLATION
from dkron_crds.names import GROUP, VERSION
from dkron_crds.revision import REVISION, older
from dkron_kube.errors import NotFound
from dkron_kube.paths import DKRON_JOBS, LEASES
from dkron_reports.job import from_object
from dkron_reports.words import read_time

RIGHTS = ("list", "run", "stop", "logs")


def doctor(ctx: typer.Context) -> None:
    """Check the installation, and suggest a fix for each finding.

    It checks the custom resources, your permissions, the leader and its Lease, versions, the clock, jobs that are not
    ready or stuck, and crowded seconds. The exit code is 1 if there is a problem, and 0 if there are only warnings. -n
    names the namespace of the operator. It checks the jobs of that namespace, or of all with -A.
    """
    options = options_of(ctx)
    need_cluster(options, "doctor")
    found = run(_doctor(options))
    raw = [{"result": each.word, "found": each.found, "do": each.remedy} for each in found]
    if not structured(options, raw, names=lambda: [each.word for each in found], one=False):
        show(checks.check_table(found), options)
    raise typer.Exit(Code.FAILED if any(each.word == checks.PROBLEM for each in found) else Code.OK)


async def _doctor(options: Options) -> list[Check]:
    async with opened_cluster(options) as cluster:
        return await _checks(cluster, options)


async def _checks(cluster: Cluster, options: Options) -> list[Check]:
    kube = cluster.kube
    with readable():
        document = await kube.openapi(GROUP, VERSION)
    found = [checks.definitions(older(document), REVISION)]
    allowed = {verb: await lacks(cluster, verb, everywhere=options.all_namespaces) is None for verb in RIGHTS}
    found += checks.rights(allowed)
    found += checks.clock(await _server_time(cluster), datetime.now(UTC))
    try:
        with readable():
            installation = await cluster.installation()
        where = cluster.namespace if installation is None else installation["metadata"]["namespace"]
        found += checks.installation(installation)
        found += checks.versions(installation, version("dkron-operator"))
        with readable(), suppress(NotFound):
            found += checks.lease(await kube.get(LEASES, where, INSTALLATION), datetime.now(UTC))
    except CliError as error:
        if error.code is not Code.FORBIDDEN:
            raise
        found.append(
            Check(checks.WARNING, f"the operator's state cannot be read: {error}", "ask for a role to read it")
        )
    try:
        with readable():
            listed = kube.list(DKRON_JOBS, None if options.all_namespaces else cluster.namespace)
            jobs = [from_object(raw) async for raw in listed]
    except CliError as error:
        if error.code is not Code.FORBIDDEN:
            raise
        # The check of the rights has reported this already.
        return found
    now = datetime.now(UTC)
    return [*found, *checks.jobs_in_trouble(jobs, now), *checks.crowds(jobs, now)]


async def _server_time(cluster: Cluster) -> datetime | None:
    """Return the API server's time, from an object that it makes and does not store."""
    with readable():
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        answer = await cluster.kube.create(SELF_REVIEWS, None, review)
    return read_time((answer.get("metadata") or {}).get("creationTimestamp"))
