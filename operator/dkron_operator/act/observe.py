"""Find out what became of a Job, from its pod and its log. Slow answers here never delay a slot."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator
from typing import Any

from dkron_crds.job import AttemptState
from dkron_kube.errors import KubeError, NotFound, Rejected, Unavailable
from dkron_kube.paths import EVENTS, JOBS, PODS
from dkron_kube.pods import newest_pod
from dkron_operator.act.kueue import Queues
from dkron_operator.act.ports import Listener, Ports
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.cache.store import Store
from dkron_operator.kit.log_once import LogOnce
from dkron_operator.kit.workqueue import Workers, WorkQueue
from dkron_operator.plan.situation.obstacle import is_slow, kept, newest_warning, unscheduled, without_pod
from dkron_operator.plan.situation.outcome import (
    LONGEST_ERROR,
    NOT_CREATED,
    decides,
    has_ended,
    is_being_created,
    is_of_one_pod,
    main_container,
    outcome,
    refusal,
    same_trouble,
    trouble,
    without_runtime_error,
)
from dkron_operator.plan.situation.view import AttemptJob, Outcome, PodProblem
from dkron_operator.plan.status.fold import is_recorded

Object = dict[str, Any]
Key = tuple[str, str]
log = logging.getLogger(__name__)

WIDTH = 16
LOG_TRIES = 2
LOOK = 0.1
"""Seconds between two checks of a pod whose log has ended: its kubelet shows the exit code, and removes it soon."""


class Observer:
    """Looks up Jobs by (uid of the DkronJob, name of the Job), and requeues the DkronJob when it has learned more."""

    def __init__(self, ports: Ports, store: Store, jobs: WorkQueue[str], *, listener: Listener) -> None:
        self._client = ports.client
        self._clock = ports.clock
        self._store = store
        self._jobs = jobs
        self._listener = listener
        self._queues = Queues(ports.client)
        self._untold = LogOnce(log, "finding out why a Job has no pod")
        group_of = store.namespace_of_attempt
        self.endings: WorkQueue[Key] = WorkQueue(
            "observe", width=WIDTH, spare=WIDTH // 4, group_of=group_of, behind=jobs
        )
        self.starts: WorkQueue[Key] = WorkQueue("probe", width=WIDTH // 4, spare=1, group_of=group_of, behind=jobs)
        self.workers = Workers(self.endings, self._end), Workers(self.starts, self._start)

    async def _end(self, key: Key) -> None:
        uid, name = key
        cached = self._store.get(uid)
        if cached is None or name in cached.observed.outcomes:
            return
        attempt = cached.observed.attempts.get(name)
        if attempt is None:
            await self._look_for(cached, name)
        elif attempt.finished:
            cached.observed.outcomes[name] = await self.outcome(cached, attempt)
        elif attempt.gone:
            cached.observed.outcomes[name] = await self._left(cached, attempt)
        self._jobs.add(uid)

    async def _look_for(self, cached: CachedJob, name: str) -> None:
        """A Job that only the status knows: ask the API server before the Job is declared lost, or forgotten."""
        with contextlib.suppress(NotFound):
            self._store.upsert_attempt(await self._client.get(JOBS, cached.job.namespace, name))
        if name in cached.observed.attempts:
            return
        # Not there, or no longer ours: another query would give the same answer.
        if is_recorded(cached.status, name):
            cached.observed.absent |= {name}
        else:
            cached.observed.outcomes[name] = Outcome(success=False, finished_at=self._clock.now(), lost=True)

    async def _left(self, cached: CachedJob, attempt: AttemptJob) -> Outcome:
        """The end of a Job that was deleted before it reported its end: its pod may exist for a while."""
        found = await self.outcome(cached, attempt)
        return found if found.by_itself else Outcome(success=False, finished_at=self._clock.now(), lost=True)

    async def is_over(self, cached: CachedJob, attempt: AttemptJob) -> bool:
        """Whether the pod already shows how the Job will end; False if that cannot be found out."""
        try:
            pod = await self._pod(cached, attempt)
        except KubeError as exc:
            log.info("cannot tell whether %s has ended: %s", attempt.name, exc, extra={"job": cached.job.dkron_name})
            return False
        return pod is not None and decides(pod, cached.job.spec.job_template.spec)

    async def outcome(self, cached: CachedJob, attempt: AttemptJob) -> Outcome:
        """How the Job ended, as far as its pod shows by now."""
        pod = self._ended_pod(cached, attempt) or await self._pod(cached, attempt)
        if pod is None:
            return outcome(attempt, None, container=None, stuck=cached.observed.pod_problems.get(attempt.name))
        container = main_container(pod)
        size = self._room(cached)
        output = await self._output(cached, pod, container, size) if container and size else b""
        return self._outcome_of(cached, attempt, pod, output)

    async def final_output(self, cached: CachedJob, attempt: AttemptJob) -> AsyncGenerator[Outcome]:
        """How the Job ends: one outcome each time its pod has written more, and a last one with the exit code.

        Runs as long as the pod does. A pod that has not run yields nothing.
        """
        pod = await self._pod(cached, attempt)
        container = None if pod is None else main_container(pod)
        if pod is None or container is None or not _has_run(pod, container):
            return
        name, size = pod["metadata"]["name"], self._room(cached, leaving=True)
        query, tail, output = {"tailLines": str(size + 1)}, bytearray(), b""
        log_of_it = self._client.follow_log(
            PODS, cached.job.namespace, name, container=container, follow=True, query=query
        )
        async with contextlib.aclosing(log_of_it) as pieces:
            async for piece in pieces:
                tail += piece
                del tail[: -(size + 1 + LONGEST_ERROR)]
                output = without_runtime_error(bytes(tail), pod, container)[-(size + 1) :]
                yield self._outcome_of(cached, attempt, pod, output)
        pod = await self._ended(cached, attempt, container)
        if pod is not None:
            yield self._outcome_of(cached, attempt, pod, output)

    async def _ended(self, cached: CachedJob, attempt: AttemptJob, container: str) -> Object | None:
        """The pod, once it shows that the container has ended; None if it went before that was seen."""
        pod = await self._pod(cached, attempt)
        while pod is not None and not has_ended(pod, container):
            await asyncio.sleep(LOOK)
            pod = await self._pod(cached, attempt)
        return pod

    def _room(self, cached: CachedJob, *, leaving: bool = False) -> int:
        """How many bytes of the end of an output are wanted."""
        return max(cached.job.spec.history.output_bytes, self._listener.room(cached.job, leaving=leaving))

    def _outcome_of(self, cached: CachedJob, attempt: AttemptJob, pod: Object, output: bytes) -> Outcome:
        container, size = main_container(pod), cached.job.spec.history.output_bytes
        if self._room(cached) > size or len(output) > size + 1:
            self._listener.keep(cached.job.uid, attempt.name, output)
        stuck = cached.observed.pod_problems.get(attempt.name)
        by_itself = not attempt.finished and decides(pod, cached.job.spec.job_template.spec)
        return outcome(attempt, pod, container=container, stuck=stuck, output=output, size=size, by_itself=by_itself)

    async def _output(self, cached: CachedJob, pod: Object, container: str, size: int) -> bytes:
        if not _has_run(pod, container):
            return b""
        name = pod["metadata"]["name"]
        for _ in range(LOG_TRIES):
            try:
                return await self._client.log_tail(PODS, cached.job.namespace, name, container=container, size=size)
            except KubeError as exc:
                log.warning("cannot read the log of pod %s: %s", name, exc, extra={"job": cached.job.dkron_name})
                if not isinstance(exc, Unavailable):
                    break
        return b""

    async def _start(self, key: Key) -> None:
        uid, name = key
        cached = self._store.get(uid)
        attempt = cached.observed.attempts.get(name) if cached else None
        if cached is None or attempt is None or attempt.gone or (attempt.finished and not attempt.deleting):
            return
        found = await self._problem(cached, attempt)
        cached.observed.probed[name] = self._clock.now()
        if found is None:
            cached.observed.pod_problems.pop(name, None)
        elif not same_trouble(cached.observed.pod_problems.get(name), found):
            cached.observed.pod_problems[name] = found
        self._jobs.add(uid)

    async def _problem(self, cached: CachedJob, attempt: AttemptJob) -> PodProblem | None:
        """Why the Job stays as it is."""
        if attempt.deleting:
            return await self._stay(cached, attempt)
        if attempt.state is not AttemptState.QUEUED:
            return await self._wait(cached, attempt)
        found = await self._queues.problem(attempt)
        # Kueue may have admitted it meanwhile.
        latest = cached.observed.attempts.get(attempt.name)
        return found if latest is not None and latest.state is AttemptState.QUEUED else None

    async def _wait(self, cached: CachedJob, attempt: AttemptJob) -> PodProblem | None:
        """Why the Job does not start."""
        pod, now = await self._pod(cached, attempt), self._clock.now()
        if pod is None:
            told = await self._events(cached, f"regarding.uid={attempt.uid},reason={NOT_CREATED}")
            found = refusal(told)
            return await self._by_itself(cached, attempt) if found is None and is_slow(attempt, now) else found
        found = trouble(pod) or unscheduled(pod, attempt, now)
        if found is None and is_slow(attempt, now) and is_being_created(pod):
            found = newest_warning(await self._events(cached, f"regarding.uid={pod['metadata']['uid']}"))
        return found

    async def _by_itself(self, cached: CachedJob, attempt: AttemptJob) -> PodProblem | None:
        """Why the Job has no pod, from the Job itself."""
        job = await self._job(cached, attempt)
        return None if job is None else without_pod(job, attempt, self._clock.now())

    async def _stay(self, cached: CachedJob, attempt: AttemptJob) -> PodProblem | None:
        """Why the Job still exists although it was deleted."""
        job = await self._job(cached, attempt)
        return None if job is None else kept(job, await self._pod(cached, attempt))

    async def _job(self, cached: CachedJob, attempt: AttemptJob) -> Object | None:
        try:
            return await self._client.get(JOBS, cached.job.namespace, attempt.name)
        except NotFound:
            return None

    async def _events(self, cached: CachedJob, selector: str) -> list[Object]:
        """The Events about a Job or a pod; empty if reading them is forbidden."""
        try:
            told = [event async for event in self._client.list(EVENTS, cached.job.namespace, field_selector=selector)]
        except Rejected as exc:
            self._untold.goes_on(exc)
            return []
        self._untold.is_over()
        return told

    def _ended_pod(self, cached: CachedJob, attempt: AttemptJob) -> Object | None:
        """The pod as the watch has shown it. Of several pods of a Job, the watch may yet have to show the newest."""
        template, failed = cached.job.spec.job_template.spec, attempt.state is AttemptState.FAILED
        known = attempt.finished and is_of_one_pod(template, failed=failed)
        return self._store.ended_pods.get(attempt) if known else None

    async def _pod(self, cached: CachedJob, attempt: AttemptJob) -> Object | None:
        return await newest_pod(self._client, cached.job.namespace, attempt.name, uid=attempt.uid)


def _has_run(pod: Object, container: str) -> bool:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    states = [status.get("state") or {} for status in statuses if status.get("name") == container]
    return any("terminated" in state or "running" in state for state in states)
