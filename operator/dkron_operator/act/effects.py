"""Effects: everything that a plan wants done, in one place. Most of it is queued, and a later plan sees the result. If
the next plan needs the answer, it is awaited.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dkron_crds.job import ReadyReason
from dkron_kube.errors import Conflict, NotFound, QuotaExceeded, Rejected, Unavailable
from dkron_kube.paths import DKRON_JOBS
from dkron_operator.act.acceptance import Acceptance
from dkron_operator.act.create import JobCreator, context
from dkron_operator.act.delete_job import JobDeleter
from dkron_operator.act.dry_run import DryRun
from dkron_operator.act.events import Events
from dkron_operator.act.inline_calls import InlineCalls
from dkron_operator.act.observe import Observer
from dkron_operator.act.ports import Listener, Ports
from dkron_operator.act.quota_line import QuotaLine
from dkron_operator.act.requested_runs import RunKeeper
from dkron_operator.act.status_writer import StatusRejected, StatusWriter
from dkron_operator.act.stop import Stopper
from dkron_operator.act.tracing import RunTracing
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.cache.store import Store
from dkron_operator.kit.workqueue import Workers, WorkQueue
from dkron_operator.plan.actions import (
    AcceptJob,
    Action,
    BeginCall,
    BindRun,
    CancelCall,
    CreateJob,
    DeleteDkronJob,
    DeleteJob,
    DryRunJob,
    ExplainRefusal,
    ReadOutcome,
    ReadRun,
    ReadTrouble,
    RemoveAnnotation,
    Report,
    Severity,
    StopJob,
    WriteStatus,
)
from dkron_operator.plan.job.rules import JobSettings
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.status.changes import PauseNoted
from dkron_operator.plan.status.line import Returned, returning
from dkron_operator.plan.status.requested_runs import Refusal
from dkron_operator.plan.steps.conditions import failed
from dkron_operator.plan.steps.inline_claims import next_claim

log = logging.getLogger(__name__)

SOON = 1.0
"""Seconds after which a new job gets its annotation. Its first status is written by then anyway."""
REFUSED_AGAIN = 60.0
"""Seconds until a deletion, or the removal of annotations, is tried again that the API server has refused."""
MARGIN = 1.0
"""Seconds after a slot by which its claim should be written."""


@dataclass(frozen=True, slots=True)
class Shared:
    """The parts that effects use and others have, too."""

    events: Events
    writer: StatusWriter
    calls: InlineCalls
    traces: RunTracing
    quota: QuotaLine


class Effects:
    """Carries out plans, and owns the queues in which that happens. `jobs` is the queue of the jobs that are planned;
    `due_at` sets when a job is planned again; `settled` returns once everything known of the jobs is in the
    cluster totals, which outlive them."""

    def __init__(
        self,
        ports: Ports,
        store: Store,
        jobs: WorkQueue[str],
        shared: Shared,
        *,
        settings: JobSettings,
        listener: Listener,
        due_at: Callable[[str, datetime | None], None],
        settled: Callable[[], Awaitable[None]],
    ) -> None:
        self._client, self._clock = ports.client, ports.clock
        self._store, self._jobs = store, jobs
        self._due_at, self._settled = due_at, settled
        self._events, self._writer = shared.events, shared.writer
        self._calls, self._traces, self._quota = shared.calls, shared.traces, shared.quota
        self._observer = Observer(ports, store, jobs, listener=listener)
        self.runs = RunKeeper(ports, store, jobs, writer=shared.writer)
        self._stopper = Stopper(ports, store, jobs, observer=self._observer, events=shared.events)
        self._dry_run = DryRun(ports, store, jobs, settings=settings)
        self._accept = Acceptance(ports, store, jobs, writer=shared.writer)
        self._job_deleter = JobDeleter(ports, store, jobs, keeper=self.runs, events=shared.events)
        self._create = JobCreator(
            ports,
            store,
            writer=shared.writer,
            observer=self._observer,
            calls=shared.calls,
            traces=shared.traces,
            settings=settings,
            listener=listener,
        )
        self.workers: tuple[Workers[Any], ...] = (
            *shared.writer.workers,
            *self._observer.workers,
            *self._dry_run.workers,
            *self._accept.workers,
            *self._job_deleter.workers,
            *self._stopper.workers,
            *self.runs.workers,
        )

    def begin(self, cached: CachedJob, plan: Plan) -> bool:
        """Do everything that needs no answer before the next plan. Returns whether something is left to `finish`."""
        uid = cached.job.uid
        facts = cached.record(*plan.changes)
        if any(isinstance(change, PauseNoted) and change.noted is None for change in plan.changes):
            # Slots that came due in the pause are missed slots, also for the plans that follow this one.
            cached.remembered.fireable_since = self._clock.monotonic()
        self._traces.record(cached, facts)
        if plan.create is None or plan.create.call:
            # The creation of a Job is followed by a write, and nothing before it is urgent.
            self._writer.write_soon(cached, patience=self._patience(plan))
        awaited = [action for action in plan.actions if self._begin(cached, action)]
        if not (cached.job.accepted or cached.job.deleting or cached.remembered.unmarked):
            self._accept.queue.add(uid, SOON)
        self._due_at(uid, plan.wake)
        return plan.create is not None or bool(awaited)

    def _begin(self, cached: CachedJob, action: Action) -> bool:  # noqa: C901 - one case for each action
        """Begin one. Returns whether it has to be awaited instead."""
        uid = cached.job.uid
        match action:
            case Report():
                self._events.report(cached.job, action)
            case ReadOutcome(name):
                self._observer.endings.add((uid, name))
            case ReadTrouble(name):
                self._observer.starts.add((uid, name))
            case BindRun(run, job_uid):
                self.runs.binding.add((run, job_uid))
            case ReadRun(run):
                self.runs.reading.add(run)
            case ExplainRefusal(run, reason, message):
                self.runs.explain(run, Refusal(reason, message))
            case StopJob(job):
                self._stopper.queue.add((uid, job.name))
            case DeleteJob(job):
                self._job_deleter.queue.add((uid, job.name))
            case BeginCall(attempt):
                self._calls.begin(cached, attempt, given=self._store.given(cached, attempt))
            case CancelCall(name):
                self._calls.cancel(uid, name)
            case DryRunJob():
                self._dry_run.queue.add(uid)
            case RemoveAnnotation() | AcceptJob() | WriteStatus() | DeleteDkronJob():
                return True
        return False

    async def finish(self, cached: CachedJob, plan: Plan) -> bool:
        """Do what has to be awaited. Returns whether the job is planned again later, and not at once. Raises
        `Unavailable` and `Rejected`."""
        planned = cached.version
        try:
            await self._write_first(cached, plan)
            # A claim succeeds only if no other writer came first. If the job has changed, plan it again.
            if plan.create is not None and cached.version == planned:
                await self._fire(cached, plan.create)
                return True
            if plan.wants(DeleteDkronJob):
                await self._delete_dkron_job(cached)
        except Conflict:
            log.info("another writer changed the job first; planning again", extra={"job": cached.job.dkron_name})
        except (Unavailable, Rejected) as exc:
            # Slots that pass until the API server accepts the write count as missed: no operator could fire them.
            cached.remembered.fireable_since = self._clock.monotonic()
            if isinstance(exc, Rejected) and not isinstance(exc, StatusRejected):
                text = f"the API server rejects a write that must precede the Job; slots wait for that write: {exc}"
                self._events.report(cached.job, Report(Severity.WARNING, "WriteRefused", text))
            raise
        return False

    def report_failure(self, cached: CachedJob, exc: Exception) -> None:
        """Tell users where they look about a bug, or an object that the code does not expect."""
        message = f"the operator cannot plan this job ({type(exc).__name__}); its log says where, and it tries again"
        judged = failed(cached.job, cached.status, message, now=self._clock.now())
        if judged is None:
            return
        cached.record(judged)
        self._writer.write_soon(cached)
        self._events.report(cached.job, Report(Severity.WARNING, ReadyReason.INTERNAL_ERROR, message))

    async def _write_first(self, cached: CachedJob, plan: Plan) -> None:
        """Write what has to be written before anything else happens. Raises `Conflict` and `Unavailable`."""
        await self._remove_annotations(cached, [action.key for action in plan.actions_of(RemoveAnnotation)])
        if plan.wants(AcceptJob):
            await self._accept(cached)
        elif plan.wants(WriteStatus):
            await self._writer.claim(cached, ())

    async def _fire(self, cached: CachedJob, create: CreateJob) -> None:
        try:
            await self._create(cached, create)
        except QuotaExceeded as exc:
            await self._wait_for_room(cached, create, exc)
        else:
            if not (create.late or create.call):
                self._quota.free(cached.job.namespace)
        for report in create.reports:
            self._events.report(cached.job, report)
        # Queue the write behind the slots of other jobs that are due.
        self._writer.write_soon(cached)
        self._jobs.add(cached.job.uid)

    async def _wait_for_room(self, cached: CachedJob, create: CreateJob, exc: QuotaExceeded) -> None:
        """A run that was claimed, and has not begun, waits in line and gives its places in pools back. One without a
        claim is as undecided as before: the next plan has it wait."""
        log.info("waits for room: %s", exc, extra=context(cached, create.entry))
        self._quota.refuse(cached.job.namespace, str(exc))
        known = ((attempt.trigger, attempt.group) for attempt in cached.observed.attempts.values())
        claims = returning(cached.status, create.entry, known)
        if claims:
            await self._writer.claim(cached, (Returned(claims, self._clock.now()),))

    async def _remove_annotations(self, cached: CachedJob, keys: list[str]) -> None:
        if not keys:
            return
        body = {"metadata": {"annotations": dict.fromkeys(keys)}}
        try:
            answer = await self._client.patch(DKRON_JOBS, cached.job.namespace, cached.job.name, body)
        except NotFound:
            self._store.mark_missing(cached.job.uid)
        except Rejected as exc:
            cached.remembered.removals_wait = self._clock.monotonic() + REFUSED_AGAIN
            message = f"the API server refuses to remove the annotation {keys[0]}, which was answered: {exc}"
            self._events.report(cached.job, Report(Severity.WARNING, "WriteRefused", message))
        else:
            self._store.upsert_job(answer)

    async def _delete_dkron_job(self, cached: CachedJob) -> None:
        """Delete exactly this version of an ephemeral job that has had its run. Kubernetes deletes its Jobs with it.
        Raises `Conflict` if another writer came first, and `Unavailable`."""
        job, version = cached.job, cached.version
        await self._settled()
        try:
            await self._client.delete(DKRON_JOBS, job.namespace, job.name, uid=job.uid, version=str(version))
        except NotFound:
            pass
        except Conflict:
            await self._writer.read_again(cached)
            raise
        except Rejected as exc:
            text = f"the job has succeeded and is ephemeral, but it cannot be deleted: {exc}"
            self._events.report(job, Report(Severity.WARNING, "NotDeleted", text))
            raise Unavailable(text, retry_after=REFUSED_AGAIN) from exc
        log.info("deleted after its run", extra={"job": job.dkron_name, "namespace": job.namespace})
        # Keep it until the watch reports the deletion: an older version that is still to arrive would look new.
        self._store.mark_deleting(cached)

    def _patience(self, plan: Plan) -> float:
        """Seconds that a write may wait. The next claim of an inline call carries the pending changes along, so a job
        that is called every second costs one write for several calls."""
        claim = next_claim(plan)
        return 0.0 if claim is None else max(0.0, (claim - self._clock.now()).total_seconds() + MARGIN)
