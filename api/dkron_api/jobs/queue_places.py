"""The places of Jobs in queues of Kueue. They are asked for when a client asks about one job whose Jobs wait there.

Places that cannot be had are left out: not every Kueue has its visibility API, and the rest of an answer needs none.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

from dkron_api.cache.expiring import Kept, Questions
from dkron_api.translate.record import Job
from dkron_kube.client import KubeClient
from dkron_kube.errors import KubeError, NotFound
from dkron_kube.queue_places import QUEUES, SECONDS, queue_places
from dkron_reports.line import queues_of, with_queue_places

log = logging.getLogger(__name__)

WIDTH = 4
"""Queues that are asked about concurrently."""
FRESH, AGAIN = 1.0, 10.0
"""Seconds that an answer counts, and until a queue is asked about again that gave none."""
REMEMBERED = 64
"""Queues whose answers are kept."""
NONE: Mapping[str, int] = MappingProxyType({})
"""The places of a queue that gave no answer."""


class QueuePlaces:
    """The places in the queues of one namespace."""

    def __init__(self, kube: KubeClient, namespace: str) -> None:
        self._kube = kube
        self._namespace = namespace
        self._kept: Kept[str, Mapping[str, int]] = Kept(
            most=REMEMBERED, seconds=lambda found: AGAIN if found is NONE else FRESH, clock=time.monotonic
        )
        self._questions: Questions[str, Mapping[str, int]] = Questions()
        self._asking = asyncio.Semaphore(WIDTH)
        self._trouble = ""

    async def placed(self, job: Job) -> Job:
        """Return the job with the places of its Jobs that wait, as far as they are known within `SECONDS`."""
        queues = queues_of(job.raw_status)
        if not queues:
            return job
        found = await asyncio.gather(*(self._places(queue) for queue in queues[:QUEUES]))
        places = {uid: place for each in found for uid, place in each.items()}
        return Job(dict(with_queue_places(job.raw, places))) if places else job

    async def _places(self, queue: str) -> Mapping[str, int]:
        known = self._kept.get(queue)
        return await self._questions.ask(queue, partial(self._ask, queue)) if known is None else known

    async def _ask(self, queue: str) -> Mapping[str, int]:
        found, trouble = NONE, ""
        try:
            async with asyncio.timeout(SECONDS), self._asking:
                found = await queue_places(self._kube, self._namespace, queue)
        except NotFound:
            # There is no visibility API, or it does not know this queue.
            pass
        except (KubeError, TimeoutError) as error:
            trouble = str(error) or "no answer in time"
        if trouble and trouble != self._trouble:
            log.warning("cannot tell places in LocalQueue %s: %s", queue, trouble)
        self._trouble = trouble
        self._kept.put(queue, found)
        return found
