"""Reads what `doctor` checks, as far as the user may read it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dkron_cli.core.checks import Inspection
from dkron_cli.core.rights import VERBS
from dkron_cli.edge.cluster import Cluster
from dkron_cli.edge.errors import readable
from dkron_cli.edge.reviews import refusal, self_review
from dkron_cli.errors import CliError, Code
from dkron_crds.lease import INSTALLATION
from dkron_crds.names import GROUP, VERSION
from dkron_crds.revision import older
from dkron_kube.errors import NotFound
from dkron_kube.paths import DKRON_JOBS, LEASES
from dkron_reports.job import Job, from_object
from dkron_reports.words import read_time

if TYPE_CHECKING:
    from dkron_kube.client import KubeClient

Object = dict[str, Any]


async def inspect(cluster: Cluster, verbs: Sequence[str]) -> Inspection:
    """Return the data to check, and which of these verbs the user may carry out."""
    kube, where = cluster.kube, None if cluster.everywhere else cluster.namespace
    with readable():
        document = await kube.openapi(GROUP, VERSION)
    allowed = {verb: await _may(kube, verb, where) for verb in verbs}
    made = (await self_review(kube)).get("metadata") or {}
    found = Inspection(older(document), allowed, read_time(made.get("creationTimestamp")))
    try:
        with readable():
            found.installation = await cluster.installation()
        found.is_told = True
        home = cluster.namespace if found.installation is None else found.installation["metadata"]["namespace"]
        found.lease = await _lease(kube, home)
    except CliError as error:
        if error.code is not Code.FORBIDDEN:
            raise
        found.hidden = str(error)
    found.jobs = await _jobs(kube, where)
    return found


async def _may(kube: "KubeClient", verb: str, where: str | None) -> bool:
    for right in VERBS[verb]:
        if await refusal(kube, right, where) is not None:
            return False
    return True


async def _lease(kube: "KubeClient", where: str) -> Object | None:
    with readable():
        try:
            return await kube.get(LEASES, where, INSTALLATION)
        except NotFound:
            return None


async def _jobs(kube: "KubeClient", where: str | None) -> list[Job] | None:
    try:
        with readable():
            return [from_object(raw) async for raw in kube.list(DKRON_JOBS, where)]
    except CliError as error:
        if error.code is not Code.FORBIDDEN:
            raise
        # The check of the rights reports this already.
        return None
