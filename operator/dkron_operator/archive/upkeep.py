"""Upkeep of the archive, once a minute or more often: delete old records, read its size, bring pauses up to date."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import islice

from dkron_archive.ports import ArchiveUnavailable
from dkron_archive.records import Evicted, Health, PauseRecord, Retention
from dkron_crds.job import JobStatus
from dkron_operator.act.ports import Archive
from dkron_operator.archive.pauses import Key, PauseLedger, by_key, lasts, own_pause, pause_of
from dkron_operator.cache.store import Store
from dkron_operator.kit.clock import Clock
from dkron_operator.pauses.informer import Pauses
from dkron_operator.plan.situation.view import JobView

EACH, SOON = 60.0, 5.0
"""Seconds between two looks; and after one that had more to delete."""
BUDGET = timedelta(seconds=2)
"""How long one look may delete: records wait meanwhile."""
AT_ONCE = 100
"""Jobs whose tombstones are looked at in one look."""
A_MOMENT = timedelta(seconds=1)


class Upkeep:
    """Keeps the archive in order."""

    def __init__(
        self, archive: Archive, store: Store, pauses: Pauses, *, home: str, retention: Retention, clock: Clock
    ) -> None:
        self.archive = archive
        self.health: Health | None = None
        """As of the last look; None before the first."""
        self._store = store
        self._pauses = pauses
        self._home = home
        self._retention = retention
        self._clock = clock
        self._own: dict[str, PauseRecord] = {}
        self._ledger = PauseLedger()
        self._shown: dict[str, int] = {}
        self._cleared: dict[str, None] = {}
        self._due = 0.0
        self._changed = False
        self.wake = asyncio.Event()
        pauses.on_change.add(self._change)

    def observe(self, job: JobView, status: JobStatus) -> None:
        """The API server has this status."""
        before, own = self._own.get(job.uid), own_pause(job, status)
        if own != before:
            self._change()
            if own is None:
                del self._own[job.uid]
            else:
                self._own[job.uid] = own
        shown = len(status.executions)
        if shown < self._shown.get(job.uid, 0) or job.uid not in self._shown:
            # They were cleared, perhaps while no operator ran.
            self._cleared[job.uid] = None
        self._shown[job.uid] = shown

    def forget(self, uid: str) -> None:
        """The job is gone."""
        if self._own.pop(uid, None) is not None:
            self._change()
        if self._shown.pop(uid, None) is not None:
            self._cleared[uid] = None

    def clear(self) -> None:
        """Another process may have written since, or it is another archive."""
        self._ledger = PauseLedger()
        self._own.clear()
        self._shown.clear()
        self._cleared.clear()
        self._due = 0.0

    def due_in(self) -> float:
        """Seconds until the next look."""
        return max(0.0, self._due - self._clock.monotonic())

    async def look(self) -> Mapping[str, Evicted]:
        """Do what is due. Return which namespaces lost executions for their bytes. Raises `ArchiveUnavailable`."""
        if self._changed or not self._ledger.is_read:
            self._changed = False
            try:
                await self._write_pauses()
            except ArchiveUnavailable:
                self._changed = True
                raise
        if self.due_in() > 0:
            return {}
        began = self._clock.monotonic()
        self._due = began + EACH
        cleaned = await self.archive.clean(self._retention, now=self._clock.now(), budget=BUDGET)
        if self._clock.monotonic() - began >= BUDGET.total_seconds():
            self._due = began + SOON
        for uid in list(islice(self._cleared, AT_ONCE)):
            cached = self._store.get(uid)
            kept = () if cached is None else [execution.job for execution in cached.base.executions]
            await self.archive.forget_tombstones(uid, kept)
            # Another term may have begun meanwhile, which looks at all jobs again.
            self._cleared.pop(uid, None)
        self.health = await self.archive.health()
        return cleaned.evicted

    async def _write_pauses(self) -> None:
        if not self._pauses.known:
            self._changed = True
            return
        now, ledger = self._clock.now(), self._ledger
        if not ledger.is_read:
            ledger.stored(await self._left_open(now))
            if ledger is not self._ledger:
                # Another term has begun meanwhile: what was known of the jobs is to be found again first.
                return
        lasting = by_key([*map(pause_of, (view.pause for view in self._pauses.index)), *self._own.values()])
        records = ledger.changes(lasting, now)
        if records:
            await self.archive.write_pauses(records)
        ledger.stored(lasting)

    async def _left_open(self, now: datetime) -> dict[Key, PauseRecord]:
        """The pauses that the archive has as lasting: some may have ended while no operator ran."""
        namespaces = {self._home, *(cached.job.namespace for cached in self._store)}
        found = [await self.archive.pauses(namespace, now, now + A_MOMENT) for namespace in sorted(namespaces)]
        return by_key(record for records in found for record in records if lasts(record, now))

    def _change(self) -> None:
        self._changed = True
        self.wake.set()
