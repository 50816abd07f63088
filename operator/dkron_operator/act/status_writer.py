"""The status writer: everything that is written to `status`, and nothing else.

The changes of one job are collected for a moment and written together, with the resourceVersion that they were folded
from. If another writer came first, the changes are folded onto its status, so neither write is lost.
"""

import logging
from collections.abc import Iterable
from typing import Any

from dkron_crds.job import JobStatus
from dkron_kube.errors import Conflict, KubeError, NotFound, Rejected, Unavailable
from dkron_kube.paths import DKRON_JOBS
from dkron_operator.act.events import Events
from dkron_operator.act.ports import Ports
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.cache.store import Store
from dkron_operator.kit.workqueue import Workers, WorkQueue
from dkron_operator.plan.actions import Report, Severity
from dkron_operator.plan.status.beginnings import are_beginnings
from dkron_operator.plan.status.changes import Change
from dkron_operator.plan.status.fold import fold
from dkron_operator.plan.status.outbox import only_riders
from dkron_operator.plan.status.size import fit

Object = dict[str, Any]
log = logging.getLogger(__name__)

DEBOUNCE, DEBOUNCE_PER_DUE, LONGEST_DEBOUNCE = 0.25, 0.003, 2.0
"""Seconds in which the changes of one job are collected, plus some for each job that is due now: slots go first."""
BEGINNING = 5.0
"""Seconds that the beginning of an attempt waits: one that ends sooner is written once, with its record."""
TRIES = 5
"""How often a write is folded again immediately when another writer keeps coming first."""
WIDTH = 16


class StatusRejected(Rejected):
    """The API server rejected a status. An Event says so."""


class StatusWriter:
    """Writes the pending changes of entries. `jobs` is the queue of the jobs that are planned."""

    def __init__(self, ports: Ports, store: Store, jobs: WorkQueue[str], *, events: Events) -> None:
        self._client = ports.client
        self._compare = ports.compare
        self._large = ports.large_jobs
        self._store = store
        self._jobs = jobs
        self._events = events
        self._beginnings: set[str] = set()
        self.queue: WorkQueue[str] = WorkQueue(
            "status", width=WIDTH, spare=WIDTH // 4, group_of=store.namespace_of, behind=jobs
        )
        self.workers = (Workers(self.queue, self._write),)

    def write_soon(self, cached: CachedJob, *, patience: float = 0.0) -> None:
        """Write the entry soon, or after `patience` seconds, if there is anything to write."""
        uid = cached.job.uid
        if only_riders(cached.pending) and not cached.job.spec.ephemeral:
            # They wait for another write, except of a job that is deleted once its status is complete.
            return
        if not cached.pending:
            return
        if are_beginnings(cached.base, cached.pending):
            self._beginnings.add(uid)
            self.queue.add(uid, max(BEGINNING, patience))
            return
        if uid in self._beginnings:
            self._beginnings.discard(uid)
            self.queue.drop(uid)
        debounce = min(DEBOUNCE + DEBOUNCE_PER_DUE * len(self._jobs), LONGEST_DEBOUNCE)
        self.queue.add(uid, max(debounce, patience))

    async def claim(self, cached: CachedJob, changes: tuple[Change, ...]) -> None:
        """Write these changes now, together with the pending ones, or raise `Conflict` without having written them.

        The caller decided on them with the entry as it is when this is called. After a `Conflict` the entry shows what
        another writer changed, so that the caller can decide again.
        """
        planned = cached.version
        async with cached.writing:
            if cached.version != planned:
                # Folded onto a version that came while this waited, they would claim what another writer has claimed.
                raise Conflict("the job changed after this was planned")
            pending = len(cached.pending)
            try:
                await self._patch(cached, (*cached.pending, *changes), settled=pending)
            except Conflict:
                await self._refresh(cached)
                raise
            except NotFound as exc:
                self._requeue(self._store.mark_missing(cached.job.uid))
                raise Conflict("the job was deleted", status=exc.status) from exc
        # Changes noted meanwhile wait again, for as long as the plan that follows every claim says.
        self.queue.drop(cached.job.uid)

    async def read_again(self, cached: CachedJob) -> None:
        """Read the job from the API server, whatever the watch has delivered. Raises `Unavailable`."""
        async with cached.writing:
            await self._refresh(cached)
        cached.behind = False

    async def _write(self, uid: str) -> None:
        self._beginnings.discard(uid)
        cached = self._store.get(uid)
        if cached is None:
            return
        async with cached.writing:
            for _ in range(TRIES):
                if not cached.pending or self._store.get(uid) is not cached:
                    return
                try:
                    await self._patch(cached, tuple(cached.pending), settled=len(cached.pending))
                except Conflict:
                    await self._refresh(cached)
                except NotFound:
                    self._requeue(self._store.mark_missing(uid))
                    return
                else:
                    break
            else:
                raise Unavailable("another writer keeps changing the status first")
        self.write_soon(cached)

    async def _patch(self, cached: CachedJob, changes: tuple[Change, ...], *, settled: int) -> None:
        history = cached.job.spec.history
        target, facts = fold(cached.base, changes, history)
        wire = target.to_wire()
        fitting, size, dropped = fit(wire)
        patch = difference(cached.base.to_wire(), fitting)
        if not (patch or cached.unreadable):
            self._store.settle(cached, settled, base=cached.base, version=cached.version)
            return
        if cached.unreadable or cached.base.since is None:
            # The first write replaces the whole status, so that columns show a zero for each empty counter.
            patch = fitting
        cached.accounting.send(cached.base, changes, history, facts)
        version = await self._send(cached, patch)
        self._store.metrics.sized(size, dropped)
        base = target if fitting == wire else JobStatus.from_wire(fitting)
        # The version that was written to is one that we had read, so its spec is known, too.
        self._store.settle(cached, settled, base=base, version=version)

    async def _send(self, cached: CachedJob, patch: Object) -> int:
        """Send the patch, and return the resulting version."""
        body = {"metadata": {"resourceVersion": str(cached.version)}, "status": patch}
        try:
            async with self._large.turn(cached.job, active=len(cached.base.active)):
                answer = await self._client.patch_status(DKRON_JOBS, cached.job.namespace, cached.job.name, body)
        except Unavailable:
            self._store.metrics.wrote(cached.accounting.unanswered(cached.base))
            raise
        except KubeError as exc:
            self._store.metrics.wrote(cached.accounting.refused(cached.base))
            if isinstance(exc, Rejected):
                self._report(cached, exc)
                raise StatusRejected(str(exc), status=exc.status, reason=exc.reason, causes=exc.causes) from exc
            raise
        self._store.metrics.wrote(cached.accounting.taken())
        return int(answer["metadata"]["resourceVersion"])

    async def _refresh(self, cached: CachedJob) -> None:
        known = cached.version
        try:
            answer = await self._client.get(DKRON_JOBS, cached.job.namespace, cached.job.name)
        except NotFound:
            self._requeue(self._store.mark_missing(cached.job.uid))
            return
        if answer["metadata"]["uid"] != cached.job.uid:
            self._requeue(self._store.mark_missing(cached.job.uid))
        else:
            what = f"DkronJob {cached.job.namespace}/{cached.job.name}"
            self._compare(what, known=known, found=int(answer["metadata"]["resourceVersion"]))
        self._requeue(self._store.upsert_job(answer))

    def _report(self, cached: CachedJob, exc: Rejected) -> None:
        """If no condition can be written, an Event is all that users see."""
        message = f"the operator cannot write the status, and records nothing until it can: {exc}"
        self._events.report(cached.job, Report(Severity.WARNING, "StatusRefused", message))

    def _requeue(self, uids: Iterable[str]) -> None:
        """The watch will not show again what an answer has shown."""
        for uid in uids:
            self._jobs.add(uid)


def difference(before: Object, after: Object) -> Object:
    """A JSON merge patch from one status to the other, by first-level fields."""
    return {key: value for key, value in after.items() if key not in before or before[key] != value}
