"""The places of runs in the lines of pools: read from the statuses of DkronPools, and only of a job with runs that
wait."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dkron_kube.errors import KubeError, NotFound
from dkron_kube.paths import DKRON_POOLS
from dkron_reports.job import Job
from dkron_reports.pools import waits_for_pools
from dkron_reports.pools import with_places as placed
from dkron_reports.reading import items, mapping

if TYPE_CHECKING:
    from dkron_kube.client import KubeClient

Object = dict[str, Any]


async def with_places(kube: "KubeClient", job: Job) -> Job:
    """Return the job with the places of its runs in the lines of its pools, as far as the user may read these."""
    if not waits_for_pools(job.raw):
        return job
    found = [await _pool(kube, job.namespace, str(name)) for name in items(mapping(job.raw, "spec"), "pools")]
    return replace(job, raw=placed(job.raw, filter(None, found)))


async def _pool(kube: "KubeClient", namespace: str, name: str) -> Object | None:
    """Return the pool of the namespace, else the one in the operator's; None if there is none, or it is not told."""
    from dkron_cli.edge.home import installation  # noqa: PLC0415

    try:
        try:
            return await kube.get(DKRON_POOLS, namespace, name)
        except NotFound:
            cluster = await installation(kube, namespace)
            return None if cluster is None else await kube.get(DKRON_POOLS, cluster["metadata"]["namespace"], name)
    except KubeError:
        return None
