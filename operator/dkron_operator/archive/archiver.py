"""The archiver: from the statuses that the API server has to the archive, in batches, in a task of its own.

`status.outbox` and `status.unarchived` list what the archive has yet to get: the write that records it adds it. The
archiver writes to the archive first, and then has the status forget, with the next write that happens anyway. A crash
in between repeats records, which the archive stores once. Slots never wait for any of it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TypeVar

from dkron_archive.ports import ArchiveReplaced, ArchiveUnavailable
from dkron_archive.records import Entry, Evicted
from dkron_crds.job import Attempt, JobStatus, Receiver
from dkron_kube.backoff import Backoff
from dkron_operator.act.events import Events
from dkron_operator.act.ports import Ports
from dkron_operator.act.status_writer import StatusWriter
from dkron_operator.archive.entries import Entries
from dkron_operator.archive.left_behind import LeftBehind
from dkron_operator.archive.outbox import Key, Outbox
from dkron_operator.archive.records import began, slots_of
from dkron_operator.archive.revisions import Revisions, revision_of
from dkron_operator.archive.upkeep import EACH, Upkeep
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.cache.store import Store
from dkron_operator.delivery.outputs import recorded
from dkron_operator.kit.listeners import Listeners
from dkron_operator.kit.log_once import LogOnce
from dkron_operator.kit.workqueue import WorkQueue
from dkron_operator.plan.actions import Report, Severity
from dkron_operator.plan.status.changes import HandedOver

T = TypeVar("T")
log = logging.getLogger(__name__)

COLLECT = 0.25
"""Seconds in which records are collected for one batch."""
BATCH, BATCH_BYTES = 500, 8 * 1024 * 1024
"""Records, and bytes of their outputs, in one batch."""
READS = 16
"""DkronRuns that are read at once for a batch: a tenant with many delays the records of all others."""
SPECS = 20
"""Jobs whose specs are written at once: at a start, all jobs have one."""
SLICE = 50
"""Jobs that are looked at before other tasks get their turn."""
RETRY = Backoff(1.0, 60.0, spread=(0.8, 1.2))


@dataclass(frozen=True, slots=True)
class ArchiveState:
    """The archive at one moment, for metrics."""

    up: bool
    waiting_since: datetime | None
    """When the oldest execution ended that the archive has yet to get, or when this replica began to act."""

    executions: int | None = None
    size: int | None = None
    oldest: datetime | None = None


class Archiver:
    """Hands records over to the archive. `may_act`: whether this replica may."""

    def __init__(
        self,
        ports: Ports,
        store: Store,
        jobs: WorkQueue[str],
        *,
        writer: StatusWriter,
        events: Events,
        entries: Entries,
        upkeep: Upkeep,
        may_act: Callable[[], bool],
    ) -> None:
        self._archive, self._clock, self._metrics = upkeep.archive, ports.clock, ports.metrics
        self._store, self._jobs = store, jobs
        self._writer, self._events = writer, events
        self.entries, self._upkeep, self._may_act = entries, upkeep, may_act
        self.on_trouble: Listeners[[str]] = Listeners()
        """Called with why the archive cannot be reached; empty if it can."""
        self._outbox, self._revisions = Outbox(), Revisions()
        self._left, self._writing = LeftBehind(), asyncio.Lock()
        self._began = self._clock.now()
        self._failures, self._migrated, self._looks_at_all = 0, False, False
        self._wake, self._log_once = upkeep.wake, LogOnce(log, "archive", meanwhile="records wait in the statuses")

    @property
    def state(self) -> ArchiveState:
        """The state for metrics."""
        health = self._upkeep.health
        up, since = self._migrated and not self._failures, self._outbox.oldest()
        if since is not None:
            # The archive may have got what a status owed before: the status says so with its next write.
            since = max(since, self._began)
        return ArchiveState(up, since) if health is None else ArchiveState(
            up, since, health.executions, health.size, health.oldest
        )  # fmt: skip

    # --- what others tell it -----------------------------------------------------------------------------------------

    def observe(self, uid: str, status: JobStatus | None) -> None:
        """The API server has this status of a job; None if the job is gone."""
        cached = self._store.get(uid)
        if status is None or cached is None:
            self._leave_behind(uid, cached)
            return
        if not self._may_act():
            return
        new, lost = self._outbox.observe(uid, status)
        for execution in new:
            key = (uid, execution.job)
            if self.entries.is_complete(cached, execution):
                self._outbox.ready[key] = None
            else:
                self.entries.queue.add(key)
        if lost:
            self._report_lost(cached, lost)
        self._upkeep.observe(cached.job, status)
        if self._revisions.observe(cached.job, status) or new or uid in self._outbox.with_slots:
            self._wake.set()
        if cached.job.spec.ephemeral:
            # It is deleted once its status owes nothing more.
            self._jobs.add(uid)

    def clear(self) -> None:
        """Another replica has written since, or does so."""
        self._began = self._clock.now()
        self._forget_what_is_stored()
        self._left.clear()

    def begin(self) -> None:
        """This replica acts."""
        self._looks_at_all = True
        self._wake.set()

    def _forget_what_is_stored(self) -> None:
        self._outbox.clear()
        self._revisions.clear()
        self._upkeep.clear()

    # --- its own work ------------------------------------------------------------------------------------------------

    async def drain(self, seconds: float) -> None:
        """Give what is ready this many seconds."""
        if not (self._may_act() and self._migrated) or self._failures:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._write_all()
        except Exception as exc:  # noqa: BLE001 - nothing of it may keep the operator from its end
            why = type(exc).__name__
            log.warning("the archive has not got all records yet (%s); the next start hands them over", why)

    async def read(self, cached: CachedJob, execution: Attempt, *, delivered: int) -> None:
        """Read the output before its pod goes, if the archive has yet to get it; delivery wants some bytes of it, too.
        Raises `Unavailable`."""
        key = (cached.job.uid, execution.job)
        if self._outbox.is_waiting(key) and key not in self._outbox.ready:
            await self.entries.read(cached, execution, delivered=delivered)
            if self._outbox.is_waiting(key):
                self._outbox.ready[key] = None
                self._wake.set()

    async def run(self) -> None:
        """Write records until cancelled."""
        while True:
            await self._woken()
            if not self._may_act():
                continue
            try:
                await self._look_at_all()
                await asyncio.sleep(COLLECT)
                await self._migrate()
                await self._find_lacking()
                await self._write_all()
                for namespace, evicted in (await self._upkeep.look()).items():
                    self._report_evicted(namespace, evicted)
            except ArchiveUnavailable as exc:
                if isinstance(exc, ArchiveReplaced):
                    # The file that is there now lacks what this process has stored.
                    self._forget_what_is_stored()
                    self._looks_at_all = True
                    self._report_replaced()
                await self._fail(exc, str(exc))
            except Exception as exc:
                # Whatever is wrong with the archive, the operator goes on, and its probes stay green.
                if not self._failures:
                    log.exception("the archive failed")
                await self._fail(exc, f"the archive failed ({type(exc).__name__}); the operator's log says where")
            else:
                self._failures = 0
                self._log_once.is_over()
                self.on_trouble("")

    async def _fail(self, exc: Exception, trouble: str) -> None:
        self._failures += 1
        # It may be another database by then, without tables, or with older ones.
        self._migrated = False
        self._metrics.archive_failed()
        self._log_once.goes_on(exc, trouble.rstrip("."))
        self.on_trouble(trouble)
        await asyncio.sleep(RETRY.after(self._failures))
        self._wake.set()

    async def _woken(self) -> None:
        try:
            async with asyncio.timeout(self._upkeep.due_in() if self._may_act() else EACH):
                await self._wake.wait()
        except TimeoutError:
            # Records that this replica missed while it could not act are found now.
            self._looks_at_all = True
        self._wake.clear()

    async def _look_at_all(self) -> None:
        """Find what is owed when this replica begins to act, and once a minute."""
        if not self._looks_at_all:
            return
        self._looks_at_all = False
        for number, cached in enumerate(tuple(self._store)):
            self.observe(cached.job.uid, cached.base)
            if number % SLICE == 0:
                await asyncio.sleep(0)

    async def _migrate(self) -> None:
        if not self._migrated:
            await self._archive.migrate()
            self._migrated = True

    async def _find_lacking(self) -> None:
        """Ask, once for each execution that a status shows, whether the archive has it. After a restore it may not."""
        while self._may_act() and (keys := self._outbox.unsure(BATCH)):
            lacking = await self._archive.lacking(keys)
            for uid in self._outbox.sure(keys, lacking):
                cached = self._store.get(uid)
                self.observe(uid, None if cached is None else cached.base)

    async def _write_all(self) -> None:
        async with self._writing:
            while await self._write_executions() or await self._write_slots() or await self._write_revisions():
                if not self._may_act():
                    return

    async def _write_executions(self) -> bool:
        """Write one batch; returns whether more are ready."""
        batch = await self._batch()
        if batch:
            await self._each(list(batch.values()), self._archive.write)
            self._metrics.archived("executions", len(batch))
        self._stored_executions(batch)
        return bool(self._left.entries or self._outbox.ready)

    async def _batch(self) -> dict[Key, Entry]:
        batch = {key: self.entries.whole(left) for key, left in islice(self._left.entries.items(), BATCH)}
        size = 0
        for keys in _parts(list(islice(self._outbox.ready, BATCH - len(batch))), READS):
            for key, entry in zip(keys, await asyncio.gather(*map(self._entry, keys)), strict=True):
                if entry is None:
                    continue
                batch[key] = entry
                size += 0 if entry.output is None else len(entry.output.content)
                if size > BATCH_BYTES:
                    return batch
        return batch

    async def _entry(self, key: Key) -> Entry | None:
        cached = self._store.get(key[0])
        execution = None if cached is None else recorded(cached, key[1])
        if cached is None or execution is None:
            # A user has cleared it.
            self._outbox.stored(key[0], [key[1]])
            return None
        return await self.entries.build(cached, execution, self._revisions.at(key[0], began(execution)))

    def _stored_executions(self, keys: Iterable[Key]) -> None:
        by_job: dict[str, set[str]] = {}
        for uid, name in keys:
            self._left.entries.drop((uid, name))
            self.entries.forget((uid, name))
            by_job.setdefault(uid, set()).add(name)
        for uid, names in by_job.items():
            self._outbox.stored(uid, names)
            self._record(uid, HandedOver(Receiver.ARCHIVE, frozenset(names)))

    async def _write_slots(self) -> bool:
        """Write the slots of some jobs; returns whether there were any."""
        uids, left = list(islice(self._outbox.with_slots, BATCH)), dict(self._left.slots.items())
        found = [cached for uid in uids if (cached := self._store.get(uid)) is not None]
        owed = {cached.job.uid: self._outbox.owed_slots(cached.job.uid, cached.base) for cached in found}
        now = self._clock.now()
        records = [slots_of(cached.job, each, at=now) for cached in found for each in owed[cached.job.uid]]
        for part in _parts([*left.values(), *records], BATCH):
            await self._each(part, self._archive.write_skipped)
            self._metrics.archived("slots", len(part))
        for key in left:
            self._left.slots.drop(key)
        for uid in uids:
            self._outbox.with_slots.pop(uid, None)
            slots = owed.get(uid, [])
            self._outbox.stored(uid, (), slots)
            if slots:
                self._record(uid, HandedOver(Receiver.ARCHIVE, slots=tuple(slots)))
        return bool(uids or left)

    async def _write_revisions(self) -> bool:
        jobs = self._revisions.owed(SPECS)
        if jobs:
            await self._each([revision_of(job) for job in jobs], self._archive.write_revisions)
            self._revisions.stored(jobs)
        return bool(jobs)

    async def _each(self, records: Sequence[T], write: Callable[[Sequence[T]], Awaitable[None]]) -> None:
        """Write these records. One that the archive cannot store does not keep the others from it; if it can store
        none of them, the records are not to blame."""
        try:
            await write(records)
            # It answers: whatever fails next is not the next failure in a row.
            self._failures = 0
        except ArchiveUnavailable:
            raise
        except Exception as exc:
            failed = 0
            for record in records:
                failed += not await _is_stored(record, write)
            if failed == len(records):
                raise
            # Its text may quote an output.
            log.error("the archive cannot store %d of %d records: %s", failed, len(records), type(exc).__name__)  # noqa: TRY400
            self._metrics.archive_lost(failed)

    def _record(self, uid: str, change: HandedOver) -> None:
        cached = self._store.get(uid)
        if cached is not None:
            cached.record(change)
            self._writer.write_soon(cached)

    def _leave_behind(self, uid: str, cached: CachedJob | None) -> None:
        """The job is gone, and its status with it: keep the records that the archive has not got."""
        if cached is not None:
            slots, names = self._outbox.owed_slots(uid, cached.base), self._outbox.forget(uid)
            found = [execution for execution in cached.base.executions if execution.job in names]
            left = [self.entries.left(cached, each, self._revisions.at(uid, began(each))) for each in found]
            now = self._clock.now()
            dropped = self._left.add(left, [slots_of(cached.job, each, at=now) for each in slots])
            if dropped:
                self._metrics.archive_lost(dropped)
        self._revisions.forget(uid)
        self._upkeep.forget(uid)
        self._wake.set()

    def _report_lost(self, cached: CachedJob, number: int) -> None:
        self._metrics.archive_lost(number)
        records = "1 record" if number == 1 else f"{number} records"
        text = f"{records} of this job left its status before the archive had them, because the archive is away"
        self._events.report(cached.job, Report(Severity.WARNING, "ArchiveBehind", text))

    def _report_replaced(self) -> None:
        cluster = self.entries.installation.cluster
        if cluster is not None:
            text = "the file of the archive was removed or replaced: what only it had is gone, what jobs show follows"
            self._events.report(cluster, Report(Severity.WARNING, "ArchiveReplaced", text))

    def _report_evicted(self, namespace: str, evicted: Evicted) -> None:
        self._metrics.archive_evicted(namespace, evicted.executions)
        text = "the archive has no room for more of this namespace: its oldest executions were deleted"
        log.warning("%s, %d of them", text, evicted.executions, extra={"namespace": namespace})
        cached = self._store.get(evicted.job_uid)
        if cached is not None:
            self._events.report(cached.job, Report(Severity.WARNING, "HistoryEvicted", text))


def _parts(records: Sequence[T], size: int) -> Iterable[Sequence[T]]:
    return (records[start : start + size] for start in range(0, len(records), size))


async def _is_stored(record: T, write: Callable[[Sequence[T]], Awaitable[None]]) -> bool:
    try:
        await write([record])
    except ArchiveUnavailable:
        raise
    except Exception:  # noqa: BLE001 - the caller tells the first one
        return False
    return True
