"""Effects on DkronRuns: each is bound to its job before it is decided, its status follows the job's, and it is deleted
some time after its end.

The status of a DkronRun follows from the status that the API server has of its job. So it says that the run was decided
after the effect, and the same status is written again if a process dies before.
"""

import logging
from contextlib import suppress
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

from dkron_crds.job import History
from dkron_crds.run import BoundJob, RunStatus
from dkron_crds.schedule.errors import quoted
from dkron_crds.schedule.instants import shifted
from dkron_kube.errors import Conflict, NotFound, Rejected, Unavailable
from dkron_kube.paths import DKRON_JOBS, DKRON_RUNS
from dkron_operator.act.ports import Ports
from dkron_operator.act.status_writer import StatusWriter, difference
from dkron_operator.cache.dependencies import Key, key_of
from dkron_operator.cache.store import Store
from dkron_operator.kit.workqueue import Workers, WorkQueue
from dkron_operator.plan.situation.requested_runs import RequestedRun
from dkron_operator.plan.situation.view import AttemptJob
from dkron_operator.plan.status.requested_runs import (
    WAITS_FOR_JOB,
    JobRecord,
    Refusal,
    bound,
    rests_on_records,
    run_status,
    status_without_job,
)

log = logging.getLogger(__name__)

SEEN = timedelta(seconds=60)
"""How long a DkronRun stays after its end at least, so that its watchers see it, if it has no time of its own."""
WITHOUT_JOB = timedelta(hours=1)
"""How long a DkronRun stays after its end at most, if its job does not exist and it has no time of its own."""
TRIES = 5
"""How often a write is made again immediately when another writer keeps coming first."""
SOONEST = 1.0
"""Seconds between two looks at the DkronRuns of a job for what is due by time, at least."""
LATEST = 3600.0
"""The same, at most."""
MOST_EXPLAINED = 10_000
"""How many refusals are remembered until statuses say so. Statuses give no sentence for forgotten ones."""
WIDTH = 8
NOTHING = RunStatus()
Object = dict[str, Any]


class RunKeeper:
    """Keeps DkronRuns, and requeues the job whose DkronRuns have changed."""

    def __init__(self, ports: Ports, store: Store, jobs: WorkQueue[str], *, writer: StatusWriter) -> None:
        self._client = ports.client
        self._clock = ports.clock
        self._store = store
        self._jobs = jobs
        self._writer = writer
        self._refusals: dict[str, Refusal] = {}
        namespace_of = store.requested_runs.namespace_of
        self.looks: WorkQueue[Key] = WorkQueue("runs", width=2, spare=1, group_of=itemgetter(0), behind=jobs)
        self.binding: WorkQueue[tuple[str, str]] = WorkQueue(
            "run binding", width=WIDTH, spare=2, group_of=lambda key: namespace_of(key[0]), behind=jobs
        )
        self.reading: WorkQueue[str] = WorkQueue("run reads", width=WIDTH, spare=2, group_of=namespace_of, behind=jobs)
        self.writing: WorkQueue[str] = WorkQueue("run status", width=WIDTH, spare=2, group_of=namespace_of, behind=jobs)
        self.listing: WorkQueue[str] = WorkQueue("run lists", width=1, behind=jobs)
        self.deleting: WorkQueue[str] = WorkQueue("run clean-up", width=2, spare=1, group_of=namespace_of, behind=jobs)
        self.workers = (
            Workers(self.looks, self._look),
            Workers(self.binding, self._bind),
            Workers(self.reading, self._read),
            Workers(self.writing, self._write),
            Workers(self.listing, self._list),
            Workers(self.deleting, self._delete),
        )

    def take_over(self) -> None:
        """This process begins to act: look at all."""
        for key in self._store.requested_runs.jobs():
            self.looks.add(key)

    def requeue_job(self, uid: str, _: object = None) -> None:
        """The API server has another status of this job, or the job is new or gone."""
        cached = self._store.get(uid)
        if cached is not None and self._store.requested_runs.has(key_of(cached.job)):
            self.looks.add(key_of(cached.job))

    def requeue(self, key: Key) -> None:
        """DkronRuns of this job have changed."""
        self.looks.add(key)
        holder = self._store.holder(key)
        if holder is not None:
            self._jobs.add(holder.job.uid)

    def explain(self, uid: str, refusal: Refusal) -> None:
        """Remember, for the status of this DkronRun, why it is refused."""
        if len(self._refusals) == MOST_EXPLAINED:
            self._refusals.clear()
        self._refusals[uid] = refusal

    async def settle(self, attempt: AttemptJob) -> bool:
        """Whether its DkronRun needs this Job no more; asks the API server for an unknown one. Raises `Unavailable`."""
        if not attempt.requested_by:
            return True
        known = self._store.requested_runs.named(attempt.namespace, attempt.requested_by)
        if known is not None and known.group == attempt.group:
            return _is_told(known, attempt)
        try:
            answer = await self._client.get(DKRON_RUNS, attempt.namespace, attempt.requested_by)
        except (NotFound, Rejected):
            # Without the right to read it, it is not decided either.
            return True
        run = self._store.requested_runs.read(answer)
        if run is None or run.group != attempt.group:
            return True
        self._store.requested_runs.upsert(run)
        self.looks.add((run.namespace, run.job))
        return _is_told(run, attempt)

    # --- what is due ---------------------------------------------------------------------------------------------

    async def _look(self, key: Key) -> None:
        of_job, record = self._store.requested_runs.of_job(key), self._record(key)
        for run in (*of_job.decided.values(), *of_job.undecided):
            if self._target(run, record) != run.status:
                self.writing.add(run.uid)
        if self._store.requested_runs.to_be_listed(key[0]):
            self.listing.add(key[0])
        due = self._clean_up(key)
        waiting = [run for run in of_job.undecided if self._waits(run)]
        due += [shifted(run.created, WAITS_FOR_JOB) for run in waiting[:1]]
        if due:
            seconds = (min(due) - self._clock.now()).total_seconds()
            self.looks.add(key, min(max(seconds, SOONEST), LATEST))

    def _record(self, key: Key) -> JobRecord | None:
        """The API server's record of the job; None if there is no job."""
        holder = self._store.holder(key)
        if holder is None:
            return None
        jobs, remembered = holder.observed.attempts.values(), holder.recorded_on_request
        return JobRecord.from_status(holder.base, jobs, remembered=remembered)

    def _target(self, run: RequestedRun, record: JobRecord | None) -> RunStatus:
        """The status that the DkronRun should have now."""
        key, now = (run.namespace, run.job), self._clock.now()
        holder = self._store.holder(key)
        if holder is None or record is None or self._waits(run):
            absent = f"the namespace has no DkronJob with the name {quoted(run.job)}"
            why = absent if holder is None else f"the job {quoted(run.job)} is another one by now"
            return status_without_job(run, why, now=now)
        first = run.cause.job_name(uid=holder.job.uid, name=holder.job.name)
        return run_status(run, record, first=first, refusal=self._refusals.get(run.uid), now=now)

    def _waits(self, run: RequestedRun) -> bool:
        """Whether its job is not there, or only another one of the same name."""
        holder = self._store.holder((run.namespace, run.job))
        return holder is None or not run.is_for(holder.job.name, holder.job.uid)

    def _clean_up(self, key: Key) -> list[datetime]:
        """Delete the DkronRuns of a job that have been kept long enough. Returns when others will have been."""
        holder, now = self._store.holder(key), self._clock.now()
        limit = History().runs if holder is None else holder.job.spec.history.runs
        beyond = self._store.requested_runs.count_ended(key) - limit
        due: list[datetime] = []
        for number, run in enumerate(self._store.requested_runs.ended(key)):
            goes = _goes_at(run, beyond=number < beyond, orphaned=holder is None)
            if goes is not None and goes <= now:
                self.deleting.add(run.uid)
            elif goes is not None:
                due.append(goes)
        return due

    # --- what is done --------------------------------------------------------------------------------------------

    async def _bind(self, key: tuple[str, str]) -> None:
        uid, job_uid = key
        run, job = self._store.requested_runs.get(uid), self._store.get(job_uid)
        if run is None or run.decided or job is None:
            return
        if run.status.dkron_job is not None:
            await self._refresh(run, with_values=True)
            return
        status = bound(run, BoundJob(name=job.job.name, uid=job_uid))
        answer = await self._patch_status(run, status, whole=True)
        found = None if answer is None else self._store.requested_runs.read(answer, with_values=True)
        if found is not None and self._store.requested_runs.upsert(found) is not None:
            self.requeue((run.namespace, run.job))

    async def _read(self, uid: str) -> None:
        run = self._store.requested_runs.get(uid)
        if run is not None and run.values is None:
            await self._refresh(run, with_values=True)

    async def _list(self, namespace: str) -> None:
        self._store.requested_runs.list_again(namespace)
        async for body in self._client.list(DKRON_RUNS, namespace):
            run = self._store.requested_runs.read(body)
            key = None if run is None else self._store.requested_runs.upsert(run)
            if key is not None:
                self.requeue(key)

    async def _write(self, uid: str) -> None:
        for _ in range(TRIES):
            run = self._store.requested_runs.get(uid)
            if run is None or run.ended:
                return
            status = await self._checked(run)
            if status == run.status:
                return
            answer = await self._patch_status(run, status)
            if answer is None:
                continue
            version = int(answer["metadata"]["resourceVersion"])
            if self._store.requested_runs.wrote(run, status, version) is not None:
                self.requeue((run.namespace, run.job))
            if status.finished_at is not None:
                self._refusals.pop(uid, None)
            return
        raise Unavailable("another writer keeps changing the DkronRun first")

    async def _patch_status(self, run: RequestedRun, status: RunStatus, *, whole: bool = False) -> Object | None:
        """Write the status. Returns the metadata since, or with `whole` the object; None if another writer came first,
        and the DkronRun was read again."""
        # The first write is a full one: the phase is shown, too.
        wire = status.to_wire()
        patch = wire if run.status == NOTHING else difference(run.status.to_wire(), wire)
        body = {"metadata": {"resourceVersion": str(run.version)}, "status": patch}
        try:
            return await self._client.patch_status(DKRON_RUNS, run.namespace, run.name, body, whole=whole)
        except (Conflict, NotFound):
            await self._refresh(run)
            return None

    async def _checked(self, run: RequestedRun) -> RunStatus:
        """The status that it should have. An end is final. If it follows from what may be old, and not from records of
        the job, the API server is asked."""
        key = run.namespace, run.job
        record, holder = self._record(key), self._store.holder(key)
        status = self._target(run, record)
        if status.finished_at is not None and self._waits(run):
            # If the job is alive, the cache is behind. Once it shows the job, its DkronRuns are looked at again.
            return run.status if await self._is_alive(run.namespace, run.status.dkron_job) else status
        if holder is None or record is None or status.finished_at is None or rests_on_records(run, record, status):
            return status
        await self._writer.read_again(holder)
        return self._target(run, self._record(key))

    async def _is_alive(self, namespace: str, job: BoundJob | None) -> bool:
        """Whether the API server has this DkronJob, which is not cached."""
        if job is None or self._store.get(job.uid) is not None:
            return False
        try:
            answer = await self._client.get(DKRON_JOBS, namespace, job.name)
        except NotFound:
            return False
        return str(answer["metadata"]["uid"]) == job.uid

    async def _delete(self, uid: str) -> None:
        run = self._store.requested_runs.get(uid)
        if run is None:
            return
        # A conflict: another object has the name by now.
        with suppress(Conflict, NotFound):
            await self._client.delete(DKRON_RUNS, run.namespace, run.name, uid=uid)
        self._mark_missing(run)

    async def _refresh(self, run: RequestedRun, *, with_values: bool = False) -> None:
        try:
            answer = await self._client.get(DKRON_RUNS, run.namespace, run.name)
        except NotFound:
            self._mark_missing(run)
            return
        found = self._store.requested_runs.read(answer, with_values=with_values)
        if found is None or found.uid != run.uid:
            self._mark_missing(run)
        if found is not None:
            self._store.requested_runs.upsert(found)
        self.requeue((run.namespace, run.job))

    def _mark_missing(self, run: RequestedRun) -> None:
        self._refusals.pop(run.uid, None)
        if self._store.requested_runs.remove(run.uid) is not None:
            self.requeue((run.namespace, run.job))


def _is_told(run: RequestedRun, attempt: AttemptJob) -> bool:
    """Whether the DkronRun says all that only this Job shows. Of a Job that has finished, that is the end. One that has
    not waits in vain, and its DkronRun ends, or goes on, after it: it only has to say that it was decided."""
    return run.ended if attempt.finished else run.decided


def _goes_at(run: RequestedRun, *, beyond: bool, orphaned: bool) -> datetime | None:
    """When an ended DkronRun is deleted, if soon. `beyond`: the job keeps no more; `orphaned`: there is no job."""
    end = run.status.finished_at or run.created
    kept = [SEEN] if beyond else []
    if run.ttl is not None:
        kept.append(timedelta(seconds=run.ttl))
    elif orphaned:
        kept.append(WITHOUT_JOB)
    return shifted(end, min(kept)) if kept else None
