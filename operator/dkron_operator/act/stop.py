"""Stop executions: delete the Job, and keep what its pod reports until then.

The deletion is in the foreground: the Job stays until its pod has used its grace period, and shows until then that the
attempt is not over. The log goes with the pod, so it is read before the deletion and followed to its end during it.
"""

import asyncio
import contextlib
import logging

from dkron_kube.errors import Conflict, KubeError, NotFound, Rejected
from dkron_kube.paths import JOBS
from dkron_operator.act.events import Events
from dkron_operator.act.observe import Observer
from dkron_operator.act.ports import Ports
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.cache.store import Store
from dkron_operator.kit.workqueue import Workers, WorkQueue
from dkron_operator.plan.actions import Report, Severity
from dkron_operator.plan.situation.view import AttemptJob, Outcome

Key = tuple[str, str]
log = logging.getLogger(__name__)

WIDTH = 16
LISTENERS = 64
"""How many ending pods are followed at once. For any more, the output from before the deletion is kept."""
LONGEST = 600.0
"""How many seconds a pod is followed at most: its grace period may be arbitrarily long."""
PATIENCE = 5.0
"""How many seconds a stop waits for the log at most: a kubelet that does not answer must not block it."""
MOMENT = 1.0
"""How many seconds a stop waits for the log stream to begin, which a silent pod does not show."""
LAST_STATE = 1.0
"""How many seconds a stop waits for the watch to deliver the last state of a Job that no longer exists."""


class Stopper:
    """Stops Jobs by (uid of the DkronJob, name of the Job), and requeues the DkronJob once the stop is under way. A
    deletion that the API server refuses is tried again, later each time, and an Event says so."""

    def __init__(self, ports: Ports, store: Store, jobs: WorkQueue[str], *, observer: Observer, events: Events) -> None:
        self._client = ports.client
        self._store = store
        self._jobs = jobs
        self._observer = observer
        self._events = events
        group_of = store.namespace_of_attempt
        self.queue: WorkQueue[Key] = WorkQueue("stop", width=WIDTH, spare=WIDTH // 4, group_of=group_of)
        self.listening: WorkQueue[Key] = WorkQueue(
            "last words", width=LISTENERS, spare=LISTENERS // 4, group_of=group_of
        )
        self.workers = Workers(self.queue, self._stop), Workers(self.listening, self._listen)
        self._heard: dict[Key, asyncio.Event] = {}
        self._missed: dict[Key, tuple[str, float]] = {}
        """The uid of a Job that was found missing, and when, in seconds of the event loop's clock."""

    async def _stop(self, key: Key) -> None:
        uid, name = key
        cached = self._store.get(uid)
        attempt = cached.observed.attempts.get(name) if cached else None
        if cached is None or attempt is None or not _is_to_stop(cached, attempt):
            self._missed.pop(key, None)
            return
        if self._missed.get(key, ("",))[0] == attempt.uid:
            self._give_up(key)
            return
        if name not in cached.observed.final_output:
            cached.observed.final_output[name] = await self._words(cached, attempt)
        await self._await_watch(key)
        if attempt.deleting or await self._end(cached, attempt):
            self._jobs.add(uid)

    async def _end(self, cached: CachedJob, attempt: AttemptJob) -> bool:
        """Delete the Job, unless its pod is over by now: then the Job ends as the pod did. False: look again later."""
        words = cached.observed.final_output.get(attempt.name)
        if words is None or words.by_itself:
            # None: the attempt was recorded while the log was opened. A stop that is still wanted is planned again.
            return True
        if await self._observer.is_over(cached, attempt):
            cached.observed.final_output[attempt.name] = await self._words(cached, attempt)
            return True
        return await self._delete(cached, attempt)

    async def _await_watch(self, key: Key) -> None:
        """Start to follow the log first: the pod may end as soon as it is told to."""
        heard = self._heard[key] = asyncio.Event()
        self.listening.add(key)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(MOMENT):
                await heard.wait()
        del self._heard[key]

    async def _words(self, cached: CachedJob, attempt: AttemptJob) -> Outcome:
        nothing = Outcome(success=False, finished_at=attempt.created)
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._observer.outcome(cached, attempt)
        except (TimeoutError, KubeError) as exc:
            log.warning("stopping %s without its output: %s", attempt.name, exc or "no answer", extra=_context(cached))
            return nothing

    async def _delete(self, cached: CachedJob, attempt: AttemptJob) -> bool:
        """Delete the version that was seen running: a Job that has ended meanwhile is not stopped. False: the Job is
        gone, and the watch may still tell how it ended."""
        namespace, version = cached.job.namespace, str(attempt.version)
        try:
            await self._client.delete(JOBS, namespace, attempt.name, uid=attempt.uid, version=version, foreground=True)
        except NotFound:
            key = cached.job.uid, attempt.name
            self._missed[key] = attempt.uid, asyncio.get_running_loop().time()
            self.queue.add(key, LAST_STATE)
            return False
        except Conflict:
            with contextlib.suppress(NotFound):
                self._store.upsert_attempt(await self._client.get(JOBS, namespace, attempt.name))
        except Rejected as exc:
            self._events.report(cached.job, deletion_refused(attempt.name, exc))
            raise
        else:
            cached.mark_job_deleting(attempt.name)
            log.info("stopping", extra={**_context(cached), "run": attempt.name})
        return True

    def _give_up(self, key: Key) -> None:
        """Give up a Job that is gone, once the watch has had time to deliver its last state, which may show that it
        ended by itself before another client deleted it."""
        left = self._missed[key][1] + LAST_STATE - asyncio.get_running_loop().time()
        if left > 0:
            self.queue.add(key, left)
            return
        del self._missed[key]
        self._store.mark_attempt_gone(*key)
        self._jobs.add(key[0])

    async def _listen(self, key: Key) -> None:
        uid, name = key
        cached = self._store.get(uid)
        attempt = cached.observed.attempts.get(name) if cached else None
        try:
            if cached is not None and attempt is not None and not attempt.gone:
                async with asyncio.timeout(LONGEST):
                    await self._take_down(cached, attempt)
        except (TimeoutError, KubeError) as exc:
            log.info("cannot read the last output of %s: %s", name, exc or "it took too long", extra={"uid": uid})
        finally:
            self._hears(key)

    async def _take_down(self, cached: CachedJob, attempt: AttemptJob) -> None:
        async with contextlib.aclosing(self._observer.final_output(cached, attempt)) as told:
            async for words in told:
                cached.observed.final_output[attempt.name] = words
                self._hears((cached.job.uid, attempt.name))

    def _hears(self, key: Key) -> None:
        if key in self._heard:
            self._heard[key].set()


def deletion_refused(name: str, exc: Rejected) -> Report:
    """The Event about a Job that the API server does not delete."""
    return Report(Severity.WARNING, "WriteRefused", f"the API server refuses to delete this Job: {exc}", subject=name)


def _is_to_stop(cached: CachedJob, attempt: AttemptJob) -> bool:
    """Whether there is anything to do: the Job may have ended, or the stop may be under way, since it was planned."""
    return not attempt.gone and (
        attempt.name not in cached.observed.final_output if attempt.deleting else not attempt.finished
    )


def _context(cached: CachedJob) -> dict[str, object]:
    return {"job": cached.job.dkron_name, "namespace": cached.job.namespace}
