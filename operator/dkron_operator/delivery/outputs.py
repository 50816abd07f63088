"""Outputs for receivers. The observer's read is kept for a moment, so that it is read once. After a restart, or
if there was no room, it is read again while its pod exists."""

import logging
from collections import OrderedDict

from dkron_crds.job import Execution
from dkron_crds.owners import POD_OF_JOB, is_pod_of
from dkron_kube.client import KubeClient
from dkron_kube.errors import KubeError, Rejected
from dkron_kube.paths import PODS
from dkron_operator.plan.outcome import main_container
from dkron_operator.plan.view import JobView

log = logging.getLogger(__name__)

LONGEST = 64 * 1024
"""The bytes from the end of an output that receivers get at most."""
ROOM = 16 * 1024 * 1024
"""The bytes of all outputs that are kept at most."""

Key = tuple[str, str]


class Outputs:
    """Outputs by uid of the DkronJob and name of the Job. If they exceed the room, the oldest are dropped."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client
        self._kept: OrderedDict[Key, bytes] = OrderedDict()
        self._size = 0

    def keep(self, uid: str, job: str, output: bytes) -> None:
        """Keep the end of an output, with one byte more than `LONGEST` if there was more of it."""
        self.forget(uid, job)
        self._kept[uid, job] = output
        self._size += len(output)
        while self._size > ROOM:
            self.forget(*next(iter(self._kept)))

    def forget(self, uid: str, job: str) -> None:
        """The output is no longer needed."""
        self._size -= len(self._kept.pop((uid, job), b""))

    async def find(self, job: JobView, execution: Execution, *, uid: str = "") -> tuple[str, bool] | None:
        """The output, and whether there was more of it; None if the output is not known. `uid` is the Job's,
        empty if it is not known. Raises `KubeError`."""
        kept = self._kept.get((job.uid, execution.job))
        if kept is None:
            kept = await self._read(job, execution, uid)
        if kept is None:
            return None
        return kept[-LONGEST:].decode("utf-8", "replace"), len(kept) > LONGEST

    async def _read(self, job: JobView, execution: Execution, uid: str) -> bytes | None:
        try:
            listed = self._client.list(PODS, job.namespace, label_selector=f"{POD_OF_JOB}={execution.job}")
            pods = [pod async for pod in listed if is_pod_of(pod, job=execution.job, uid=uid)]
        except Rejected as exc:
            # A user has written another name into the status by hand: send the message without the output.
            log.warning("cannot find the pod of Job %s: %s", execution.job, exc, extra={"job": job.dkron_name})
            return None
        pod = max(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), default=None)
        container = None if pod is None else main_container(pod)
        if pod is None or container is None:
            return None
        name = pod["metadata"]["name"]
        try:
            return await self._client.log_tail(PODS, job.namespace, name, container=container, size=LONGEST)
        except KubeError as exc:
            # The container never ran, or its node is gone: send the message without the output.
            log.warning("cannot read the log of Job %s: %s", execution.job, exc, extra={"job": job.dkron_name})
            return None
