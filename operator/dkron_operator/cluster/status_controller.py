"""Keeps the DkronCluster `dkron`, and in its status which replica leads, how many jobs there are, and how many
executions ended on each day.

`upsert` takes in the status of each job; the sums are written a moment later. Nothing waits for that write.
"""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from dkron_crds.cluster import ClusterStatus
from dkron_crds.job import JobStatus
from dkron_crds.lease import INSTALLATION
from dkron_crds.names import API_VERSION
from dkron_kube.client import KubeClient
from dkron_kube.errors import AlreadyExists, Conflict, KubeError, NotFound, NotLeader, Unavailable
from dkron_kube.paths import DKRON_CLUSTERS
from dkron_operator.act.status_writer import difference
from dkron_operator.cluster.conditions import Findings, cluster_conditions
from dkron_operator.cluster.conflicts import Conflicts
from dkron_operator.cluster.daily_totals import DailyTotals
from dkron_operator.cluster.replicas import ReplicaCount
from dkron_operator.kit.clock import Clock
from dkron_operator.kit.log_once import LogOnce
from dkron_operator.kit.workqueue import Workers, WorkQueue
from dkron_operator.leader.election import Leadership
from dkron_operator.leader.lease import Replica

Object = dict[str, Any]
log = logging.getLogger(__name__)

DEBOUNCE = 1.0
"""Seconds in which changes are collected."""
LOOK = 30.0
"""Seconds between two reads of the object, to notice changes by other writers; without permission, between two
tries."""
AGAIN = 5.0
"""Seconds after which a write without an answer is tried again."""
TRIES = 5


@dataclass(frozen=True, slots=True)
class Stored:
    """The DkronCluster as it was last read or written."""

    version: str
    generation: int
    status: ClusterStatus


class ClusterStatusController:
    """Writes the DkronCluster of a namespace. `replica` is this process. `observe_job` takes each Job that a watch
    shows, and so notices other installations at work in the same namespaces."""

    def __init__(self, client: KubeClient, replica: Replica, *, namespace: str, clock: Clock) -> None:
        self.queue: WorkQueue[str] = WorkQueue("cluster", width=1)
        self.workers = (Workers(self.queue, self._work),)
        self._client = client
        self._namespace = namespace
        self._version = replica.version
        self._replica_count, self._replicas = ReplicaCount(client, namespace=namespace, pod=replica.identity), 1
        self._clock = clock
        self._conflicts = Conflicts(namespace, clock=clock, changed=self.write_soon)
        self.observe_job = self._conflicts.observe
        self._totals = DailyTotals()
        self._leadership = Leadership()
        self._stored: Stored | None = None
        self._jobs_known = self._restored = self._closing = self._over = False
        self._problems: tuple[str, ...] | None = None
        self._archive: str | None = None
        self._writing = asyncio.Lock()
        self._log_once = LogOnce(log, f"DkronCluster {namespace}/{INSTALLATION}")

    @property
    def active(self) -> int:
        """How many attempts run or are claimed."""
        return self._totals.active

    def upsert(self, uid: str, status: JobStatus | None) -> None:
        """The API server has this status of a job; None if the job is gone."""
        if status is None:
            self._totals.remove(uid)
        else:
            self._totals.upsert(uid, status)
        self.write_soon()

    def lead(self, leadership: Leadership) -> None:
        """The leadership has changed."""
        if leadership.term != self._leadership.term:
            # The replica that wrote so far knew more than this one has read.
            self._stored = None
        self._leadership = leadership
        self.write_soon()

    def judge(self, problems: tuple[str, ...] | None) -> None:
        """Set the problems of the receivers and notifications; None if none are configured."""
        self._problems = problems
        self.write_soon()

    def judge_archive(self, trouble: str) -> None:
        """Set why the archive cannot be reached; empty if it can."""
        if trouble != self._archive:
            self._archive = trouble
            self.write_soon()

    async def read(self) -> None:
        """Read the stored status, before the jobs: one that is deleted in between would count twice."""
        try:
            body = await self._client.get(DKRON_CLUSTERS, self._namespace, INSTALLATION)
        except NotFound:
            # The leader creates it once there is something to write.
            self._restored = True
        except KubeError as exc:
            self._log_once.goes_on(exc)
        else:
            self._apply(body)

    def begin(self) -> None:
        """All existing jobs were seen: continue from what was written."""
        self._jobs_known = True
        if self._stored is not None:
            self._go_on(self._stored.status)

    async def look(self) -> None:
        """Notice changes by other writers every LOOK seconds, until cancelled."""
        while True:
            await asyncio.sleep(LOOK)
            self._stored = None
            self.queue.add(INSTALLATION)

    async def close(self, leadership: Leadership) -> None:
        """Write for the last time, if this replica is the one that writes and the API server answers."""
        if not self._leadership.acts:
            return
        self._leadership, self._closing = leadership, True
        try:
            await self._write()
        except KubeError as exc:
            self._log_once.goes_on(exc)
        finally:
            self._over = True

    async def settle(self) -> None:
        """Return when everything is written, or cannot be. A job that is deleted after that stays counted.

        Raises `Unavailable` if there is no answer, `NotLeader` if this replica may not write it.
        """
        if self._log_once.trouble:
            return
        try:
            await self._write()
        except (Unavailable, NotLeader):
            raise
        except KubeError as exc:
            self._log_once.goes_on(exc)

    def write_soon(self) -> None:
        """Something that the status shows has changed."""
        # During an outage leave it to the next `look`: each change would hit a missing permission again.
        if not self._log_once.trouble:
            self.queue.add(INSTALLATION, DEBOUNCE)

    async def _work(self, _: str) -> None:
        try:
            await self._write()
        except NotLeader:
            self._stored = None
        except KubeError as exc:
            self._log_once.goes_on(exc)
            self._stored = None
            if isinstance(exc, Unavailable):
                self.queue.add(INSTALLATION, exc.retry_after or AGAIN)
        else:
            self._log_once.is_over()

    async def _write(self) -> None:
        async with self._writing:
            for _ in range(TRIES):
                if self._over or not (self._leadership.acts or self._closing):
                    return
                if self._stored is None:
                    self._replicas = await self._replica_count.count()
                stored = self._stored or self._apply(await self._find_or_create())
                try:
                    await self._patch(stored)
                except (Conflict, NotFound):
                    self._stored = None
                else:
                    return
        raise Unavailable("another writer keeps changing the status first")

    async def _patch(self, stored: Stored) -> None:
        leadership = self._leadership
        status = cluster_conditions(
            stored.status, self._totals, leadership, replicas=self._replicas,
            generation=stored.generation, version=self._version, now=self._clock.now(),
            findings=Findings(self._problems, self._conflicts.complaint, self._archive),
        )  # fmt: skip
        patch = difference(stored.status.to_wire(), status.to_wire())
        if patch:
            body = {"metadata": {"resourceVersion": stored.version}, "status": patch}
            answer = await self._client.patch_status(DKRON_CLUSTERS, self._namespace, INSTALLATION, body)
            self._stored = _stored(answer, status)

    def _apply(self, body: Object) -> Stored:
        self._stored = _stored(body, _status(body))
        if self._jobs_known:
            self._go_on(self._stored.status)
        return self._stored

    async def _find_or_create(self) -> Object:
        with suppress(NotFound):
            return await self._client.get(DKRON_CLUSTERS, self._namespace, INSTALLATION)
        body = {"apiVersion": API_VERSION, "kind": "DkronCluster", "metadata": {"name": INSTALLATION}, "spec": {}}
        with suppress(AlreadyExists):
            return await self._client.create(DKRON_CLUSTERS, self._namespace, body)
        return await self._client.get(DKRON_CLUSTERS, self._namespace, INSTALLATION)

    def _go_on(self, status: ClusterStatus) -> None:
        if self._restored:
            self._totals.agree(status.days)
        else:
            self._totals.restore(status.days, status.departed)
            self._restored = True


def _stored(body: Object, status: ClusterStatus) -> Stored:
    metadata = body["metadata"]
    return Stored(metadata["resourceVersion"], metadata.get("generation", 0), status)


def _status(body: Object) -> ClusterStatus:
    try:
        return ClusterStatus.from_wire(body.get("status") or {})
    except ValidationError:
        # A user has edited it by hand; it is written again.
        return ClusterStatus()
