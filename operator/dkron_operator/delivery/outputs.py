"""Outputs for receivers, the archive among them. The observer's read is kept for a moment, so that it is read once.
After a restart, or if there was no room, it is read again while its pod exists."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dkron_crds.job import Attempt, Receiver
from dkron_kube.client import KubeClient
from dkron_kube.errors import KubeError, Rejected
from dkron_kube.paths import PODS
from dkron_kube.pods import newest_pod
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.kit.shared_room import SharedRoom
from dkron_operator.kit.workqueue import WorkQueue
from dkron_operator.plan.situation.outcome import main_container
from dkron_operator.plan.situation.view import JobView

log = logging.getLogger(__name__)

LONGEST = 64 * 1024
"""The bytes from the end of an output that receivers get at most."""
ROOM = 16 * 1024 * 1024
"""The bytes of all outputs that are kept at most, for all namespaces."""

WIDTH = 4
"""Outputs that are read at once."""

Key = tuple[str, str]
"""The uid of a DkronJob, and the name of a Job."""


@dataclass(slots=True)
class Kept:
    """The end of an output, and the receivers that still have a use for it."""

    output: bytes
    use: set[Receiver]


class Outputs:
    """Outputs by uid of the DkronJob and name of the Job. If they exceed the room, the oldest of the namespace with the
    most are dropped."""

    def __init__(self, client: KubeClient, *, namespace_of: Callable[[str], str], room: int = ROOM) -> None:
        self.queue: WorkQueue[Key] = WorkQueue(
            "hand on", width=WIDTH, spare=1, group_of=lambda key: namespace_of(key[0])
        )
        """Executions that are handed over once their outputs are read."""
        self._client = client
        self._namespace_of = namespace_of
        self._kept: SharedRoom[Key, Kept] = SharedRoom(room)

    def keep(self, uid: str, job: str, output: bytes, use: Iterable[Receiver]) -> None:
        """Keep the end of an output for these receivers, with one byte more than is wanted if there was more of it."""
        if kept_for := set(use):
            self._kept.put(self._namespace_of(uid), (uid, job), Kept(output, kept_for), len(output))

    def forget(self, uid: str, job: str, receiver: Receiver) -> None:
        """This receiver has no more use for the output."""
        kept = self._kept.get((uid, job))
        if kept is not None:
            kept.use.discard(receiver)
            if not kept.use:
                self._kept.drop((uid, job))

    def kept(self, uid: str, job: str, receiver: Receiver) -> bytes | None:
        """The output, if it is kept for this receiver."""
        kept = self._kept.get((uid, job))
        return None if kept is None or receiver not in kept.use else kept.output

    async def find(self, job: JobView, execution: Attempt, *, uid: str = "") -> tuple[str, bool] | None:
        """The output for delivery, and whether there was more; None if unknown. `uid` is the Job's. Raises
        `KubeError`."""
        kept = self.kept(job.uid, execution.job, Receiver.DELIVERY)
        if kept is None:
            kept = await self.read(job, execution, uid=uid, size=LONGEST)
        return None if kept is None else (kept[-LONGEST:].decode("utf-8", "replace"), len(kept) > LONGEST)

    async def read(self, job: JobView, execution: Attempt, *, uid: str, size: int) -> bytes | None:
        """The last `size` bytes of the output, and one more if there are more; None if unknown. `uid` is the Job's.
        Raises `KubeError`."""
        try:
            pod = await newest_pod(self._client, job.namespace, execution.job, uid=uid)
        except Rejected as exc:
            # A user has written another name into the status by hand: send the message without the output.
            log.warning("cannot find the pod of Job %s: %s", execution.job, exc, extra={"job": job.dkron_name})
            return None
        container = None if pod is None else main_container(pod)
        if pod is None or container is None:
            return None
        name = pod["metadata"]["name"]
        try:
            return await self._client.log_tail(PODS, job.namespace, name, container=container, size=size)
        except KubeError as exc:
            # The container never ran, or its node is gone: send the message without the output.
            log.warning("cannot read the log of Job %s: %s", execution.job, exc, extra={"job": job.dkron_name})
            return None


def recorded(cached: CachedJob, name: str) -> Attempt | None:
    """The execution of the Job with this name, as the API server has it."""
    return next((execution for execution in cached.base.executions if execution.job == name), None)
