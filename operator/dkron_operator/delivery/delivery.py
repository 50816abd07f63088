"""Delivery: from executions that the API server has, to processors and notifications.

`status.outbox` lists the executions that processors and notifications have yet to get. The write that records an
execution adds it. It is removed once every receiver was told, or could not be, after a delay and mostly by a write that
happens anyway. So a crash in between repeats messages, with the same execution id, and loses none.

Whether a failed attempt that a retry is to follow was the last of its run is known once the retry begins or is
cancelled. Until then the execution stays in the list, with its output sent.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from functools import partial

from dkron_crds.job import Attempt, AttemptState, JobStatus, Receiver
from dkron_crds.notifications import When
from dkron_crds.schedule.errors import printable
from dkron_operator.act.events import Events
from dkron_operator.act.ports import Ports
from dkron_operator.act.status_writer import StatusWriter
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.cache.store import Store
from dkron_operator.delivery.delivery_events import DeliveryEvents
from dkron_operator.delivery.installation import Installation
from dkron_operator.delivery.outbox import Limits, Outboxes, Sending
from dkron_operator.delivery.outputs import LONGEST, Key, Outputs
from dkron_operator.notifications import notices
from dkron_operator.plan.actions import Report, Severity
from dkron_operator.plan.situation.view import JobView
from dkron_operator.plan.status.changes import HandedOver, Lost
from dkron_operator.plan.status.outbox import owed_to
from dkron_processors import of_job
from dkron_processors.message import Ended, Parcel

log = logging.getLogger(__name__)

LAZY = 10.0
"""Seconds until a finished delivery is written, if no other write comes first."""
LONGEST_WHY = 200
"""Characters by which a record says that its output was not delivered."""


class Delivery:
    """Sends messages about runs to receivers. `may_act`: whether this replica may."""

    def __init__(
        self,
        ports: Ports,
        store: Store,
        outputs: Outputs,
        *,
        installation: Installation,
        senders: Sending,
        writer: StatusWriter,
        events: Events,
        may_act: Callable[[], bool],
    ) -> None:
        self._store = store
        self._outputs = outputs
        self._installation = installation
        self._outboxes = Outboxes(senders, Limits(), may_act=may_act)
        self._writer = writer
        self._events = events
        self._may_act = may_act
        self._delivery_events = DeliveryEvents(events, clock=ports.clock)
        self._taken: dict[str, set[str]] = {}
        self._awaiting_retry: dict[Key, bool] = {}
        """The executions whose retry has not begun; True once their output was sent, or could not be."""
        self._lazy: set[str] = set()
        installation.on_change.add(self._changed)

    @property
    def waiting(self) -> int:
        """How many messages are waiting or being sent."""
        return len(self._outboxes)

    # --- what others tell it -----------------------------------------------------------------------------------------

    def observe(self, uid: str, status: JobStatus | None) -> None:
        """The API server has this status of a job; None if the job is gone."""
        if uid not in self._taken and (status is None or not status.outbox):
            return
        owed = set() if status is None else set(owed_to(status, Receiver.DELIVERY))
        taken = self._taken.pop(uid, set())
        for name in taken - owed:
            self._outputs.forget(uid, name, Receiver.DELIVERY)
            self._awaiting_retry.pop((uid, name), None)
        if not self._may_act():
            owed &= taken
        if owed:
            self._taken[uid] = owed
        for name in owed:
            if name not in taken or (uid, name) in self._awaiting_retry:
                self._outputs.queue.add((uid, name))

    def clear(self) -> None:
        """Another replica delivers what is under way here, or has delivered it since."""
        self._outboxes.clear()
        self._taken.clear()
        self._awaiting_retry.clear()

    def begin(self) -> None:
        """This replica acts."""
        self._warn()
        for cached in self._store:
            self.observe(cached.job.uid, cached.base)

    def has_taken(self, key: Key) -> bool:
        """Whether it tells the receivers about this execution, or has done so."""
        return key[1] in self._taken.get(key[0], ())

    def room(self, job: JobView) -> int:
        """How many bytes of an output are wanted."""
        concerned = notices.concerns(self._installation.endpoints, job.notify)
        return LONGEST if concerned or of_job.takes_output(job.spec, self._installation.site) else 0

    def began(self, cached: CachedJob, active: Attempt) -> None:
        """The Job of an attempt exists. Tell the endpoints that want to know; nothing waits for it."""
        if not (self._may_act() and self._installation.endpoints):
            return
        # Payloads read an attempt that is over.
        told = {"state": AttemptState.SUCCEEDED, "finished_at": active.started_at, "member": "", "node_name": ""}
        started = active.model_copy(update=told)
        for parcel in self._notices(cached.job, _ended(cached.job, started), frozenset({When.START})):
            done = partial(self._count, cached.job.uid, parcel.receiver)
            self._outboxes.post(parcel, done, namespace=cached.job.namespace)

    # --- its own work ------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Send until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._outboxes.run(), name="outboxes")
                group.create_task(self._installation.informer.run(), name="installation")
        finally:
            log.info("messages", extra={"messages": self._store.metrics.messages()})

    async def drain(self, seconds: float) -> None:
        """Give the messages under way this many seconds, then have the finished deliveries written."""
        if not self._may_act():
            self._outboxes.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._outputs.queue.idle()
                await self._outboxes.empty()
        except TimeoutError:
            log.warning("%d messages are not delivered yet; the next start sends them again", self.waiting)
        for uid in tuple(self._lazy):
            self._write(uid)

    async def deliver(self, cached: CachedJob, name: str, execution: Attempt | None) -> None:
        """Tell the receivers about the execution of this Job, if they have yet to be told; None if it is not shown."""
        uid = cached.job.uid
        key = (uid, name)
        if not self.has_taken(key):
            return
        if not self._may_act():
            # It is still owed.
            self._taken.get(uid, set()).discard(name)
            self._awaiting_retry.pop(key, None)
            return
        # Whether endpoints may still have to be told about it, depending on its retry.
        concerned = notices.concerns(self._installation.endpoints, cached.job.notify)
        waits = execution is not None and concerned and notices.awaits_retry(cached.base, execution)
        if key in self._awaiting_retry and (waits or not self._awaiting_retry[key]):
            # Its output is on its way, or was sent, and nothing is known of its retry.
            return
        parcels = [] if execution is None else await self._parcels(cached, execution)
        if waits:
            self._awaiting_retry[key] = False
        else:
            self._awaiting_retry.pop(key, None)
        left, lost = len(parcels), list[Lost]()

        def record_delivery(parcel: Parcel, why: str) -> None:
            nonlocal left
            self._count(uid, parcel.receiver, why)
            if why and parcel.note:
                lost.append(
                    Lost(name, parcel.note, f"not delivered to {parcel.receiver}: {printable(why)}"[:LONGEST_WHY])
                )
            left -= 1
            # Another replica may have taken over while the last message was under way.
            if not left and self.has_taken(key):
                self._settle(key, lost, waits=waits)

        for parcel in parcels:
            self._outboxes.post(parcel, partial(record_delivery, parcel), namespace=cached.job.namespace)
        if not parcels:
            self._settle(key, waits=waits)

    async def _parcels(self, cached: CachedJob, execution: Attempt) -> list[Parcel]:
        job, site = cached.job, self._installation.site
        events = notices.happened(cached.base, execution)
        attempt, key = cached.observed.attempts.get(execution.job), (job.uid, execution.job)
        found = await self._outputs.find(job, execution, uid="" if attempt is None else attempt.uid)
        if found is None:
            moved = of_job.output_note(job.spec, site, job.namespace, execution)
            # Where the output is, is not the output.
            found = ("", True) if moved else (execution.output, execution.output_truncated)
        ended = _ended(job, execution, output=found[0], truncated=found[1])
        outputs = [] if key in self._awaiting_retry else of_job.render(job.spec, site, ended)
        return [*outputs, *self._notices(job, ended, events)]

    def _notices(self, job: JobView, ended: Ended, events: frozenset[When]) -> Iterable[Parcel]:
        installation = self._installation
        parcels, problems = notices.render(
            installation.endpoints, installation.site, ended, events=events, notify=job.notify
        )
        for problem in problems:
            self._delivery_events.report(job, problem)
        return parcels

    def _count(self, uid: str, receiver: str, why: str) -> None:
        self._store.metrics.count_delivery(receiver, delivered=not why)
        cached = self._store.get(uid)
        if why and cached is not None:
            self._delivery_events.report(cached.job, f"{receiver}: {why}")

    def _settle(self, key: Key, lost: Iterable[Lost] = (), *, waits: bool) -> None:
        """All was sent, or could not be. If it `waits` for its retry, it stays owed."""
        uid, name = key
        cached, lost = self._store.get(uid), tuple(lost)
        if cached is None:
            return
        if waits:
            if key in self._awaiting_retry:
                self._awaiting_retry[key] = True
                self._outputs.queue.add(key)
            if not lost:
                return
        cached.record(HandedOver(Receiver.DELIVERY, frozenset() if waits else frozenset({name}), lost))
        if uid not in self._lazy:
            self._lazy.add(uid)
            asyncio.get_running_loop().call_later(LAZY, self._write, uid)

    def _write(self, uid: str) -> None:
        self._lazy.discard(uid)
        cached = self._store.get(uid)
        if cached is not None:
            self._writer.write_soon(cached)

    def _changed(self, problems: tuple[str, ...] | None) -> None:
        """The DkronCluster has changed."""
        for problem in problems or ():
            log.warning("DkronCluster: %s", problem)
        self._warn()

    def _warn(self) -> None:
        for problem in self._installation.problems:
            if self._installation.cluster is not None:
                self._events.report(self._installation.cluster, Report(Severity.WARNING, "InvalidReceiver", problem))


def _ended(job: JobView, execution: Attempt, *, output: str = "", truncated: bool = False) -> Ended:
    spec = job.spec
    return Ended(
        namespace=job.namespace, job=job.dkron_name, execution=execution, display_name=spec.display_name,
        owner=spec.owner, owner_email=spec.owner_email, metadata=spec.metadata,
        output=output, truncated=truncated,
    )  # fmt: skip
