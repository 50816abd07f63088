"""Create Jobs. Every Job is named after its cause, so creating it twice has the effect of creating it once."""

import logging
from typing import Any

from dkron_crds.base import rfc3339
from dkron_crds.job import Attempt
from dkron_crds.job_metadata import CREATED_BY, OF_RUN, WITH_PARAMETERS
from dkron_kube.errors import AlreadyExists, Conflict, NotFound, QuotaExceeded, Rejected, Unavailable
from dkron_kube.paths import JOBS
from dkron_operator.act.inline_calls import InlineCalls
from dkron_operator.act.observe import Observer
from dkron_operator.act.ports import Listener, Ports
from dkron_operator.act.status_writer import StatusWriter
from dkron_operator.act.tracing import Firing, RunTracing
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.cache.store import Store
from dkron_operator.plan.actions import CreateJob
from dkron_operator.plan.job.build import build_job
from dkron_operator.plan.job.rules import JobSettings
from dkron_operator.plan.situation.quota import REJECTED
from dkron_operator.plan.situation.read import read_attempt
from dkron_operator.plan.situation.view import AttemptJob, Outcome, PodProblem
from dkron_operator.plan.status.changes import Started
from dkron_operator.plan.steps.attempts import LOST_PARAMETERS, RUN_DELETED
from dkron_pods.config import ConfigError
from dkron_pods.problem import Problem

Object = dict[str, Any]
log = logging.getLogger(__name__)

TRIES = 3
"""How often a Job that keeps changing is read again before it is deleted unconditionally."""


class JobCreator:
    """Creates the Job that a plan asks for, or finds that it exists."""

    def __init__(
        self,
        ports: Ports,
        store: Store,
        *,
        writer: StatusWriter,
        observer: Observer,
        calls: InlineCalls,
        traces: RunTracing,
        settings: JobSettings,
        listener: Listener,
    ) -> None:
        self._client = ports.client
        self._clock = ports.clock
        self._store = store
        self._writer = writer
        self._observer = observer
        self._calls = calls
        self._traces = traces
        self._settings = settings
        self._listener = listener

    async def __call__(self, cached: CachedJob, create: CreateJob) -> None:
        """Carry out the creation. Raises `Conflict` (plan again), `Unavailable` (the create stays unconfirmed), and
        `QuotaExceeded` (there is no Job, and there may be one later)."""
        with self._traces.firing(cached, create) as firing:
            await self._carry_out(cached, create, firing)

    async def _carry_out(self, cached: CachedJob, create: CreateJob, firing: Firing) -> None:
        if create.before:
            await self._writer.claim(cached, create.before)
            firing.claimed()
        for attempt in create.replaces:
            await self._replace(cached, attempt)
        if create.call:
            self._call(cached, create, firing)
            return
        try:
            answer = await (self._find(cached, create) if create.late else self._create(cached, create, firing))
        except QuotaExceeded:
            cached.remembered.unconfirmed_create = None
            raise
        except (Rejected, ConfigError) as exc:
            firing.refused(str(exc))
            self._record_refusal(cached, create, exc)
            return
        except Unavailable:
            cached.remembered.unconfirmed_create = create.entry
            raise
        cached.remembered.unconfirmed_create = None
        if answer is None:
            cached.record(*create.otherwise)
            return
        if not create.late:
            self._store.metrics.began(create.entry, self._clock.now())
        self._adopt(cached, create, answer, firing)

    async def _replace(self, cached: CachedJob, attempt: AttemptJob) -> None:
        """Delete the Job of an older run. If the run is over by now, it keeps its outcome."""
        attempt = cached.observed.attempts.get(attempt.name, attempt)
        if attempt.finished or await self._observer.is_over(cached, attempt):
            return
        try:
            if not await self._delete_running(cached, attempt):
                return
            # A run that has yet to get its places would delete it again.
            cached.mark_job_deleting(attempt.name)
        except NotFound:
            self._store.mark_attempt_gone(cached.job.uid, attempt.name)
        log.info(
            "replaced", extra={"job": cached.job.dkron_name, "namespace": cached.job.namespace, "run": attempt.name}
        )

    async def _delete_running(self, cached: CachedJob, attempt: AttemptJob) -> bool:
        """Delete the version seen running; any if its controller keeps writing first. False: it has ended, as its
        Job or its pod shows. Raises `NotFound`."""
        namespace, seen = cached.job.namespace, attempt
        for _ in range(TRIES):
            try:
                await self._client.delete(JOBS, namespace, attempt.name, uid=attempt.uid, version=str(seen.version))
            except Conflict:
                answer = await self._client.get(JOBS, namespace, attempt.name)
                self._store.upsert_attempt(answer)
                newer = read_attempt(answer)
                if newer is None or newer.uid != attempt.uid:
                    break
                seen = newer
            else:
                return True
            if seen.finished or await self._observer.is_over(cached, seen):
                return False
        await self._client.delete(JOBS, namespace, attempt.name, uid=attempt.uid)
        return True

    def _call(self, cached: CachedJob, create: CreateJob, firing: Firing) -> None:
        if not create.before and not _is_ahead(cached, create.entry, self._calls.caller):
            raise Conflict("the claim was released after the run was planned")
        cached.record(*create.after)
        for name in create.cancels:
            self._calls.cancel(cached.job.uid, name)
        given = self._store.given(cached, create.entry)
        self._calls.begin(cached, create.entry, traceparent=firing.traceparent, given=given)
        self._listener.began(cached, create.entry)
        log.info("calling", extra=context(cached, create.entry))

    async def _create(self, cached: CachedJob, create: CreateJob, firing: Firing) -> Object:
        requested = self._store.requested_runs_of(cached).by_group(create.entry.group)
        if create.entry.parameters_given and requested is None:
            return await self._refuse(cached, create, Problem(RUN_DELETED, LOST_PARAMETERS))
        if create.entry.parameters_given and requested is not None and requested.values is None:
            raise Conflict("the values of the parameters have to be read again")
        settings = self._settings
        body = build_job(
            cached.job,
            create.entry,
            images=settings.images,
            own=settings.own_tags,
            confine=settings.confine,
            traceparent=firing.traceparent,
            given=self._store.given(cached, create.entry),
        )
        if requested is not None:
            body["metadata"]["annotations"][OF_RUN] = requested.name
        if create.entry.parameters_given:
            body["metadata"]["annotations"][WITH_PARAMETERS] = "given"
        if settings.home:
            body["metadata"]["annotations"][CREATED_BY] = settings.home
        refused = settings.rules.of_body(body)
        if refused is not None:
            return await self._refuse(cached, create, refused)
        return await self._submit(cached, create, body)

    async def _submit(self, cached: CachedJob, create: CreateJob, body: Object) -> Object:
        """Create the Job, or find the one that an earlier create has left, whose answer was lost. Raises `Rejected` if
        it does not exist.

        A quota or a policy refuses before the API server looks for the name, so a refusal does not say that there is
        none. It may be that very Job that exhausts the quota.
        """
        try:
            return await self._client.create(JOBS, cached.job.namespace, body)
        except (AlreadyExists, Rejected) as refused:
            answer = await self._find(cached, create)
            if answer is not None:
                return answer
            if isinstance(refused, Rejected):
                raise
            raise Unavailable(
                f"Job {create.entry.job} already existed, but was deleted before the operator could read it"
            ) from None

    async def _refuse(self, cached: CachedJob, create: CreateJob, refused: Problem) -> Object:
        """The plan had no objection, but the job was edited since, or the run was claimed under other rules. A Job that
        exists goes on. Raises `ConfigError` if there is none."""
        answer = await self._find(cached, create)
        if answer is None:
            raise ConfigError(refused.message, reason=refused.reason)
        return answer

    async def _find(self, cached: CachedJob, create: CreateJob) -> Object | None:
        """The Job of this name if it is ours. Raises `Unavailable` if another object holds a name still needed."""
        try:
            answer = await self._client.get(JOBS, cached.job.namespace, create.entry.job)
        except NotFound:
            return None
        attempt = read_attempt(answer)
        if attempt is not None and _same(attempt, cached, create.entry):
            return answer
        if not create.late:
            message = f"another object has the name of Job {create.entry.job}; delete it, so that the attempt can begin"
            cached.observed.pod_problems[create.entry.job] = PodProblem("NameTaken", message)
            raise Unavailable(message)
        return None

    def _adopt(self, cached: CachedJob, create: CreateJob, answer: Object, firing: Firing) -> None:
        cached.observed.pod_problems.pop(create.entry.job, None)
        self._store.upsert_attempt(answer)
        attempt = read_attempt(answer)
        if attempt is not None:
            cached.record(*create.after, Started(attempt.entry(create.entry.started_at)))
            firing.adopted(attempt)
            log.info("started", extra=context(cached, create.entry))
            self._listener.began(cached, attempt.entry(create.entry.started_at))

    def _record_refusal(self, cached: CachedJob, create: CreateJob, exc: Exception) -> None:
        # The refusal is the outcome of this attempt: the next plan records it, and retries follow as after any other.
        cached.remembered.unconfirmed_create = None
        cached.observed.outcomes[create.entry.job] = Outcome(
            success=False, finished_at=self._clock.now(), reason=REJECTED, message=str(exc)[:1024]
        )
        cached.record(*create.after, Started(create.entry))
        log.warning("rejected: %s", exc, extra=context(cached, create.entry))


def _same(attempt: AttemptJob, cached: CachedJob, wanted: Attempt) -> bool:
    cause = (wanted.trigger, wanted.group, wanted.attempt, wanted.member)
    ours = (attempt.trigger, attempt.group, attempt.attempt, attempt.member) == cause
    return ours and attempt.owner == cached.job.uid


def _is_ahead(cached: CachedJob, wanted: Attempt, caller: str) -> bool:
    """Whether the API server shows that this process has claimed the slot ahead."""
    window = cached.status.window
    return window is not None and window.caller == caller == wanted.uid and wanted.slot in window.slots


def context(cached: CachedJob, active: Attempt) -> dict[str, object]:
    """The fields of a log line about an attempt."""
    return {
        "job": cached.job.dkron_name,
        "namespace": cached.job.namespace,
        "slot": rfc3339(active.slot),
        "execution": active.id,
        "attempt": active.attempt,
        "trigger": str(active.trigger),
    }
