"""Information about executions that only their pods have: the node, the trace, and the whole output.

Pods are read when a client asks, with a short timeout and limited concurrency. Without a response, the client sees
the data in the status.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence

from dkron_api.translate.pod import container_of, has_begun
from dkron_api.translate.record import Object
from dkron_crds.owners import POD_OF_JOB, is_pod_of
from dkron_kube.client import KubeClient
from dkron_kube.errors import KubeError
from dkron_kube.paths import PODS
from dkron_kube.pods import newest_pod

log = logging.getLogger(__name__)

OUTPUT = 256_000
"""Bytes kept from the end of an output, as many as Dkron keeps."""
OUTPUT_SECONDS, NODE_SECONDS = 10.0, 2.0
"""Seconds that a client waits for a log, and for the names of nodes."""
WIDTH = 8
"""Logs read concurrently, and likewise lists of pods."""
CHUNK, CHUNKS = 50, 4
"""Jobs per request for their pods, and such requests per client."""
REMEMBERED = 8192
"""Jobs whose node is remembered: a pod never moves."""


class Pods:
    """The pods of executions in one namespace."""

    def __init__(self, kube: KubeClient, namespace: str) -> None:
        self._kube = kube
        self._namespace = namespace
        self._logs, self._lists = asyncio.Semaphore(WIDTH), asyncio.Semaphore(WIDTH)
        self._nodes: OrderedDict[str, str] = OrderedDict()
        self._trouble = ""

    async def newest(self, job: str, *, uid: str = "") -> Object | None:
        """Return the newest pod of a Job; `uid` is the Job's, if it is known. Raises `KubeError`."""
        return await newest_pod(self._kube, self._namespace, job, uid=uid)

    async def output(self, job: str, *, uid: str = "") -> bytes | None:
        """Return the end of a Job's log while its pod exists; None if the log is unavailable. `uid` is as for `of`."""
        try:
            async with asyncio.timeout(OUTPUT_SECONDS), self._logs:
                pod = await self.newest(job, uid=uid)
                if pod is None or not has_begun(pod, container_of(pod)):
                    return None
                name, container = pod["metadata"]["name"], container_of(pod)
                data = await self._kube.log_tail(PODS, self._namespace, name, container=container, size=OUTPUT)
        except (KubeError, TimeoutError) as error:
            self._complain(f"cannot read the log of Job {job}", error)
            return None
        return data[-OUTPUT:]

    async def look(self, job: str, *, uid: str = "") -> Object | None:
        """Return the same as `of`, but None if it cannot be read."""
        try:
            async with asyncio.timeout(NODE_SECONDS), self._lists:
                return await self.newest(job, uid=uid)
        except (KubeError, TimeoutError) as error:
            self._complain(f"cannot read the pod of Job {job}", error)
            return None

    async def nodes(self, jobs: Sequence[str]) -> Mapping[str, str]:
        """Return the nodes of these Jobs, as far as they can be determined."""
        missing = [job for job in jobs if job not in self._nodes]
        if missing:
            try:
                async with asyncio.timeout(NODE_SECONDS), self._lists:
                    for begin in range(0, min(len(missing), CHUNK * CHUNKS), CHUNK):
                        await self._look(missing[begin : begin + CHUNK])
            except (KubeError, TimeoutError) as error:
                self._complain("cannot list the pods of executions", error)
        return {job: self._nodes[job] for job in jobs if job in self._nodes}

    async def _look(self, jobs: Sequence[str]) -> None:
        selector = f"{POD_OF_JOB} in ({','.join(jobs)})"
        async for pod in self._kube.list(PODS, self._namespace, label_selector=selector):
            job, node = pod["metadata"]["labels"][POD_OF_JOB], (pod.get("spec") or {}).get("nodeName")
            if node and is_pod_of(pod, job=job):
                self._nodes[job] = node
        while len(self._nodes) > REMEMBERED:
            self._nodes.popitem(last=False)

    def _complain(self, what: str, error: Exception) -> None:
        """Log a problem once until it changes, since clients retry."""
        trouble = str(error) or "no answer in time"
        if trouble != self._trouble:
            log.warning("%s: %s", what, trouble)
        self._trouble = trouble
