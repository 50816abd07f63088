"""The places of Jobs in queues of Kueue, from the cluster. Where Kueue does not tell them, or not this user, there are
none."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from dkron_kube.errors import KubeError
from dkron_kube.queue_places import QUEUES, SECONDS, queue_places
from dkron_reports.job import Job
from dkron_reports.line import queues_of
from dkron_reports.line import with_queue_places as placed
from dkron_reports.reading import mapping

if TYPE_CHECKING:
    from dkron_kube.client import KubeClient


async def with_queue_places(kube: "KubeClient", job: Job) -> Job:
    """Return the job with the places of its Jobs that wait, as far as they are known within `SECONDS`."""
    queues = queues_of(mapping(job.raw, "status"))[:QUEUES]
    if not queues:
        return job
    found = await asyncio.gather(*(_places(kube, job.namespace, queue) for queue in queues))
    return replace(job, raw=placed(job.raw, {uid: place for each in found for uid, place in each.items()}))


async def _places(kube: "KubeClient", namespace: str, queue: str) -> Mapping[str, int]:
    try:
        async with asyncio.timeout(SECONDS):
            return await queue_places(kube, namespace, queue)
    except (KubeError, TimeoutError):
        return {}
