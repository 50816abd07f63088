"""Carries out DkronBackfills: plans each once, creates its DkronRuns, and writes how far it has got.

Watches only say when to look. Each look reads the DkronBackfill from the API server, so that a deleted or suspended one
begins nothing more, and the record of what has begun is never an old one.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from datetime import timedelta
from typing import Any

from dkron_crds.backfill import BackfillConcurrency, BackfillSpec, BackfillStatus
from dkron_crds.job import Trigger
from dkron_crds.schedule.instants import shifted
from dkron_kube.client import KubeClient
from dkron_kube.errors import AlreadyExists, Conflict, KubeError, NotFound, Rejected
from dkron_kube.informer import Callbacks, Informer, WatchState
from dkron_kube.paths import DKRON_BACKFILLS, DKRON_JOBS
from dkron_operator.act.events import Events
from dkron_operator.act.status_writer import difference
from dkron_operator.backfill.advance import Begun, Seen, Situation, Slot, advance, expected, record
from dkron_operator.backfill.judge import Moment, begin, is_over, judge, refused, reports, seen
from dkron_operator.backfill.planning import NoJob, Refused, plan
from dkron_operator.backfill.runs import Runs
from dkron_operator.backfill.view import KeptSlots, Known, Parsed, View
from dkron_operator.cache.store import Store
from dkron_operator.cache.views import view_of
from dkron_operator.kit.clock import Clock
from dkron_operator.kit.object_guard import FAULT, ObjectGuard
from dkron_operator.kit.workqueue import Workers, WorkQueue
from dkron_operator.plan.actions import Report, Severity

Object = dict[str, Any]
log = logging.getLogger(__name__)

DEBOUNCE = 0.2
"""Seconds in which changes of the runs of a backfill are collected."""
NEWBORN = timedelta(seconds=10)
"""So long after the creation of a DkronBackfill its job may still be created: both may come in one file."""
AGAIN = 2.0
"""Seconds between two looks at what no watch reports."""
UNKNOWN = 0
"""The observed generation in a status of an older version. It stays, so that an upgrade writes nothing."""
WIDTH, SPARE = 4, 2


class Backfills:
    """The DkronBackfills that have not ended, and the queue in which they go on. `may_act` is whether this replica may
    act."""

    def __init__(
        self,
        client: KubeClient,
        store: Store,
        *,
        clock: Clock,
        events: Events,
        may_act: Callable[[], bool],
    ) -> None:
        self._client = client
        self._runs = Runs(client, store.requested_runs)
        self._clock = clock
        self._events = events
        self._job = store.get
        self._may_act = may_act
        self._guard = ObjectGuard(log)
        self._slots = KeptSlots()
        self._places: dict[str, tuple[str, str]] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self.queue: WorkQueue[str] = WorkQueue(
            "backfills", width=WIDTH, spare=SPARE, group_of=lambda uid: self._places.get(uid, ("",))[0]
        )
        self.workers = (Workers(self.queue, self.look),)

    def informer(self, namespace: str | None, *, on_event: Callable[[], None] = lambda: None) -> Informer[Known]:
        """Follows the DkronBackfills of a namespace, or of all (None). They are optional: without the kind or the right
        to watch it, jobs run all the same, and no backfill begins."""
        callbacks = Callbacks(
            read=lambda body: self._guard.read("DkronBackfill", body, Known.read),
            synced=lambda items, _: self.replace(namespace, items),
            upsert=self.upsert,
            remove=lambda item: self.remove(item["metadata"]["uid"]),
            on_event=on_event,
        )
        state = WatchState(f"DkronBackfills of {namespace or 'all namespaces'}", meanwhile="continuing without it")
        return Informer(self._client, DKRON_BACKFILLS, namespace, callbacks, state=state)

    def take_over(self) -> None:
        """This replica begins to act: look at each."""
        for uid in self._places:
            self.queue.add(uid)

    def run_changed(self, uid: str) -> None:
        """A DkronRun of the backfill with this uid has changed, or is gone."""
        if uid in self._places:
            self.queue.add(uid, DEBOUNCE)

    def replace(self, namespace: str | None, all_of_it: Iterable[Known]) -> None:
        """These were all DkronBackfills of a namespace, or of all (None)."""
        found = {known.uid: known for known in all_of_it}
        for uid, (where, _) in tuple(self._places.items()):
            if uid not in found and namespace in (None, where):
                self.remove(uid)
        for known in found.values():
            self.upsert(known)

    def upsert(self, known: Known) -> None:
        """A DkronBackfill was added or modified."""
        if known.rests:
            self.remove(known.uid)
            return
        self._places[known.uid] = known.namespace, known.name
        self.queue.add(known.uid)

    def remove(self, uid: str) -> None:
        """A DkronBackfill was deleted. The garbage collector deletes its runs."""
        self._places.pop(uid, None)
        self._slots.drop(uid)
        self._cancel_timer(uid)

    def _later(self, uid: str, seconds: float) -> None:
        """Look at it again then. A delay of the queue would hold up what happens before."""
        self._cancel_timer(uid)
        self._timers[uid] = asyncio.get_running_loop().call_later(seconds, self.queue.add, uid)

    def _cancel_timer(self, uid: str) -> None:
        if (timer := self._timers.pop(uid, None)) is not None:
            timer.cancel()

    async def look(self, uid: str) -> None:
        """Read a DkronBackfill, and do what is due for it now. Raises `KubeError`."""
        place = self._places.get(uid)
        if place is None or not self._may_act():
            return
        try:
            body = await self._client.get(DKRON_BACKFILLS, *place)
        except NotFound:
            self.remove(uid)
            return
        view = self._guard.read("DkronBackfill", body, View.read)
        if view is None:
            return
        if view.uid != uid or view.deleting:
            self.remove(uid)
            return
        parsed = self._guard.read("DkronBackfill", body, lambda _: self._slots.parse(view)) or FAULT
        if isinstance(parsed, str):
            message = f"cannot read the backfill, so it does not continue: {parsed}"
            self._events.report(view, Report(Severity.WARNING, "BackfillRefused", message))
            return
        spec, status = parsed.spec, parsed.status
        if is_over(status):
            if status.observed_generation not in (UNKNOWN, view.generation):
                await self._write(view, status, seen(status, view.generation))
                return
            await self._expire(view, spec, status)
        elif status.plan is None:
            await self._plan(view, spec, status)
        else:
            await self._go_on(view, parsed)

    async def _plan(self, view: View, spec: BackfillSpec, before: BackfillStatus) -> None:
        moment = Moment(self._clock.now(), view.generation)
        try:
            after = begin(spec, await plan(self._client, view.namespace, spec, moment.now), moment)
        except Refused as exc:
            if isinstance(exc, NoJob) and moment.now < view.created + NEWBORN:
                self._later(view.uid, AGAIN)
                return
            after = refused(str(exc), moment)
        await self._write(view, before, after)

    async def _go_on(self, view: View, parsed: Parsed) -> None:
        now, spec, before = self._clock.now(), parsed.spec, parsed.status
        runs = await self._observe_runs(view, parsed)
        step = advance(Situation(view.uid, spec, before, parsed.slots, runs, self._busy(spec, before)))
        begun: list[Begun] = []
        trouble: KubeError | None = None
        try:
            for slot in step.begin:
                begun.append(await self._begin(view, spec, slot))  # noqa: PERF401 - what has begun counts if the next fails
        except KubeError as exc:
            trouble = exc
        after = judge(spec, record(view.uid, step.status, begun), Moment(now, view.generation))
        if isinstance(trouble, Rejected):
            after = after.model_copy(update={"message": f"the API server rejects a DkronRun: {trouble}"[:1024]})
            self._events.report(view, Report(Severity.WARNING, "RunRejected", after.message))
        await self._write(view, before, after)
        if trouble is not None:
            raise trouble
        if step.waits:
            self._later(view.uid, AGAIN)

    async def _observe_runs(self, view: View, parsed: Parsed) -> dict[str, Seen]:
        """The DkronRuns of the backfill that matter now. One that should exist and is not known is asked for."""
        active = (run.run for run in parsed.status.active_runs)
        names = [name for _, name in expected(view.uid, parsed.slots, parsed.status.begun)]
        last = max((place for place, name in enumerate(names, 1) if self._runs.get(view, name) is not None), default=0)
        # One that is missing before another was deleted, or there was no room for it in the cache.
        looks = {name: await self._runs.look(view, name) for name in (*active, *names[:last])}
        return {name: seen for name, seen in looks.items() if seen is not None}

    def _busy(self, spec: BackfillSpec, status: BackfillStatus) -> AbstractSet[str]:
        """The uids of the jobs with an active run that the backfill did not begin."""
        if spec.concurrency is BackfillConcurrency.ALLOW:
            return frozenset()
        own = {run.slot for run in status.active_runs}
        jobs = ((target.uid, self._job(target.uid)) for target in status.targets)
        return {
            uid
            for uid, job in jobs
            if job is not None
            and any(each.trigger is not Trigger.BACKFILL or each.slot not in own for each in job.status.active)
        }

    async def _begin(self, view: View, spec: BackfillSpec, slot: Slot) -> Begun:
        """Create the DkronRun of a slot, or adopt it."""
        job = await self._name_of(view.namespace, slot)
        if job is None:
            return Begun(slot, "", "the DkronJob was deleted")
        try:
            return Begun(slot, await self._runs.create(view, spec, slot, job))
        except AlreadyExists:
            seen = await self._runs.read(view, self._runs.name(view, slot))
            if seen is not None:
                return Begun(slot, seen.uid)
            message = f"another DkronRun has the name {self._runs.name(view, slot)}, or it was deleted"
            self._events.report(view, Report(Severity.WARNING, "NameTaken", message))
            return Begun(slot, "", message)

    async def _name_of(self, namespace: str, slot: Slot) -> str | None:
        """The Dkron name of the job of a slot; None if that very job does not exist any more."""
        known = self._job(slot.uid)
        if known is not None:
            return known.job.dkron_name
        try:
            body = await self._client.get(DKRON_JOBS, namespace, slot.job)
        except NotFound:
            return None
        return view_of(body).dkron_name if body["metadata"]["uid"] == slot.uid else None

    async def _write(self, view: View, before: BackfillStatus, after: BackfillStatus) -> None:
        """Write the status. If another client has changed the object since it was read, look again."""
        patch = _difference(before, after)
        if not patch:
            return
        body = {"metadata": {"resourceVersion": view.version}, "status": patch}
        try:
            await self._client.patch_status(DKRON_BACKFILLS, view.namespace, view.name, body)
        except Conflict:
            self.queue.add(view.uid)
            return
        for report in reports(before, after):
            self._events.report(view, report)
        if before.plan is None or is_over(after):
            self.queue.add(view.uid)

    async def _expire(self, view: View, spec: BackfillSpec, status: BackfillStatus) -> None:
        """Delete a backfill that has ended, once its time has come."""
        if spec.ttl_seconds_after_finished is None or status.finished_at is None:
            return
        left = shifted(status.finished_at, timedelta(seconds=spec.ttl_seconds_after_finished)) - self._clock.now()
        if left > timedelta():
            self._later(view.uid, left.total_seconds())
            return
        try:
            await self._client.delete(DKRON_BACKFILLS, view.namespace, view.name, uid=view.uid, version=view.version)
        except NotFound:
            pass
        except Conflict:
            self.queue.add(view.uid)


def _difference(before: BackfillStatus, after: BackfillStatus) -> Object:
    """A JSON merge patch from one status to the other. The slots are long, and seldom change."""
    if before.plan is None:
        # Columns show a zero where there is nothing yet.
        return after.to_wire()
    if before.targets == after.targets:
        without: dict[str, object] = {"targets": ()}
        before, after = before.model_copy(update=without), after.model_copy(update=without)
    return difference(before.to_wire(), after.to_wire())
