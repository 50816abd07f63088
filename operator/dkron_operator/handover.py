"""Handover: from executions that the API server has, to their receivers: delivery and, where there is one, the archive.

`status.outbox` lists the executions that receivers have yet to get. The write that records an execution adds its entry.
Here an entry gets its output, which is read once for all receivers, and each receiver gets the entry. It has the status
forget it once it has handed it on. So a crash in between repeats what was under way, and loses nothing.
"""

from collections.abc import Iterator

from dkron_crds.job import Attempt, JobStatus, Receiver
from dkron_operator.archive.archiver import Archiver
from dkron_operator.archive.records import LEAVING
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.cache.store import Store
from dkron_operator.delivery.delivery import Delivery
from dkron_operator.delivery.outputs import Key, Outputs, recorded
from dkron_operator.kit.workqueue import Workers
from dkron_operator.leader.election import Leadership
from dkron_operator.plan.situation.view import JobView


class Handover:
    """Has the receivers get each ended attempt."""

    def __init__(self, store: Store, outputs: Outputs, delivery: Delivery, archiver: Archiver | None) -> None:
        self._store = store
        self._outputs = outputs
        self._delivery = delivery
        self._archiver = archiver
        self._receivers: tuple[Delivery | Archiver, ...] = (delivery,) if archiver is None else (delivery, archiver)
        self._term = 0
        self.workers = (Workers(outputs.queue, self._hand_over),)

    # --- what others tell it -----------------------------------------------------------------------------------------

    def observe(self, uid: str, status: JobStatus | None) -> None:
        """The API server has this status of a job; None if the job is gone."""
        for receiver in self._receivers:
            receiver.observe(uid, status)

    def lead(self, leadership: Leadership) -> None:
        """The leadership has changed. Only one replica hands over."""
        if leadership.by_another or leadership.term != self._term:
            # Another replica hands over what is under way here, or has done so since.
            self._term = leadership.term
            for receiver in self._receivers:
                receiver.clear()
        if leadership.acts:
            for receiver in self._receivers:
                receiver.begin()

    def began(self, cached: CachedJob, active: Attempt) -> None:
        """The Job of an attempt exists, or its call is made."""
        self._delivery.began(cached, active)

    def room(self, job: JobView, *, leaving: bool = False) -> int:
        """How many bytes of the end of the output are wanted. One whose pod stays for a while is read for the archive
        once it is recorded, and only if it is long."""
        archived = job.spec.history.archived_output_bytes if leaving and self._archiver is not None else 0
        return max(self._delivery.room(job), min(archived, LEAVING))

    def keep(self, uid: str, job: str, output: bytes) -> None:
        """Take the end of the output of a Job."""
        cached = self._store.get(uid)
        if cached is not None:
            self._outputs.keep(uid, job, output, self._use(cached.job, len(output)))

    def _use(self, job: JobView, length: int) -> Iterator[Receiver]:
        """The receivers that an output of this length is kept for."""
        wanted, history = self._delivery.room(job), job.spec.history
        if wanted:
            yield Receiver.DELIVERY
        # As long as this it was cut, and is read again for the archive.
        is_cut = length == max(wanted, history.output_bytes) + 1
        if self._archiver is not None and history.archived_output_bytes and not is_cut:
            yield Receiver.ARCHIVE

    # --- its own work ------------------------------------------------------------------------------------------------

    async def drain(self, seconds: float, *, archive: bool = False) -> None:
        """Give the messages under way this many seconds and, if no more is recorded, the archive as many. The next
        process hands over the rest."""
        await self._delivery.drain(seconds)
        if archive and self._archiver is not None:
            await self._archiver.drain(seconds)

    async def _hand_over(self, key: Key) -> None:
        uid, name = key
        cached = self._store.get(uid)
        if cached is None:
            return
        execution = recorded(cached, name)
        if self._archiver is not None and execution is not None:
            # Of the two, the archive may want more of the output.
            wanted = self._delivery.room(cached.job) if self._delivery.has_taken(key) else 0
            await self._archiver.read(cached, execution, delivered=wanted)
        await self._delivery.deliver(cached, name, execution)
