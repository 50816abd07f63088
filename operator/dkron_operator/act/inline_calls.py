"""Inline calls: the attempts that the operator makes itself, in a bounded pool, without a Job (docs/adr/0018).

Every call that begins here has been claimed at the API server. Its result is an outcome like a Job's.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from dkron_crds.conditions import MAX_MESSAGE
from dkron_crds.job import Attempt
from dkron_executors.result import Result
from dkron_executors.run.addresses import AddressRules
from dkron_executors.run.pool import Pool
from dkron_operator.act.ports import Listener
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.cache.store import Store
from dkron_operator.kit.clock import Clock
from dkron_operator.kit.workqueue import WorkQueue
from dkron_operator.plan.situation.cause import CALL, is_call
from dkron_operator.plan.situation.packed_spec import plain_spec
from dkron_operator.plan.situation.view import JobView, Outcome
from dkron_pods import inline
from dkron_pods.config import NONE_GIVEN, ConfigError

Key = tuple[str, str]
log = logging.getLogger(__name__)

RECORDING = 0.05
"""Seconds between two checks whether the last calls have been recorded."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """The calls that the installation allows."""

    limit: int = 0
    """How many calls may run at once; 0 allows none."""

    rules: AddressRules | None = None
    """Which addresses are not called; None allows all."""


NO_CALLS = Allowance()


class InlineCalls:
    """Makes calls by (uid of the DkronJob, name of the attempt). `may_act`: whether this process makes them."""

    def __init__(
        self,
        store: Store,
        jobs: WorkQueue[str],
        *,
        allowance: Allowance,
        clock: Clock,
        listener: Listener,
        may_act: Callable[[], bool],
    ) -> None:
        self.allowed = allowance.limit > 0
        self._mark = _new_mark()
        self._store = store
        self._clock = clock
        self._listener = listener
        self._may_act = may_act
        self._jobs = jobs
        self._pool = Pool(limit=max(allowance.limit, 1), rules=allowance.rules)
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._closing = False

    def __len__(self) -> int:
        return len(self._tasks)

    @property
    def caller(self) -> str:
        """The name by which this process claims calls; empty while it may not."""
        return self.signature if not self._closing else ""

    @property
    def signature(self) -> str:
        """The name by which this process has claimed calls; empty while it may not even release them."""
        return self._mark if self.allowed and self._may_act() else ""

    def renew(self) -> None:
        """Another process may have acted meanwhile. It may have recorded the calls that this process had claimed but
        not made as undecided, so a new mark disowns them."""
        self._mark = _new_mark()

    def under_way(self, uid: str) -> frozenset[str]:
        """Names of the job's attempts that are being called or wait for a place in the pool."""
        return frozenset(name for owner, name in self._tasks if owner == uid) if self._tasks else frozenset()

    def begin(
        self, cached: CachedJob, active: Attempt, *, traceparent: str = "", given: Mapping[str, str] = NONE_GIVEN
    ) -> None:
        """Make this call, as part of a trace if there is one, with the values that the run gives for parameters.
        Repeated requests make it only once."""
        key = cached.job.uid, active.job
        if key not in self._tasks and active.job not in cached.observed.outcomes:
            call = self._make(key, cached.job, active, traceparent=traceparent, given=given)
            self._tasks[key] = asyncio.create_task(call, name=f"call-{active.job}")

    def cancel(self, uid: str, name: str) -> None:
        """Cancel the call, if it is under way."""
        task = self._tasks.get((uid, name))
        if task is not None:
            task.cancel()

    async def close(self, *, grace: float) -> None:
        """Begin no more calls, release claimed slots, and give running calls `grace` seconds to end and be recorded."""
        if self._closing:
            return
        self._closing = True
        for cached in self._store:
            if self._is_ahead(cached):
                self._jobs.add(cached.job.uid)
        try:
            async with asyncio.timeout(grace):
                # The plans of the reconciler record the calls; a replica that no longer leads records none.
                while self._may_act() and (self._tasks or self._unrecorded()):  # noqa: ASYNC110
                    await asyncio.sleep(RECORDING)
        except TimeoutError:
            log.warning(
                "%d calls did not end in time; the next start records them with the reason Unknown", len(self._tasks)
            )
        tasks, self._tasks = list(self._tasks.values()), {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._pool.close()

    def _unrecorded(self) -> bool:
        """Whether a status still has a call that has ended, or slots that this process has claimed ahead."""
        return any(
            self._is_ahead(cached)
            or any(is_call(each) and each.job in cached.observed.outcomes for each in cached.status.active)
            for cached in self._store
        )

    def _is_ahead(self, cached: CachedJob) -> bool:
        window = cached.status.window
        return window is not None and window.caller == self._mark

    async def _make(
        self, key: Key, job: JobView, active: Attempt, *, traceparent: str, given: Mapping[str, str]
    ) -> None:
        began = self._clock.now()
        try:
            async with self._pool.place():
                if not self._may_act():
                    # The call was not made. The replica that acts next finds the claim.
                    del self._tasks[key]
                    return
                began = self._clock.now()
                self._store.metrics.began(active, began)
                outcome = self._outcome(key, job, await self._result(job, traceparent, given), given=given, began=began)
        except asyncio.CancelledError:
            if key not in self._tasks:
                # The process ends: the next process decides what becomes of the call.
                raise
            outcome = Outcome(success=False, started_at=began, finished_at=self._clock.now(), lost=True)
        self._conclude(key, outcome)

    async def _result(self, job: JobView, traceparent: str, given: Mapping[str, str]) -> Result:
        try:
            return await self._pool.call(inline.keys(plain_spec(job.spec), given).within(traceparent))
        except ConfigError as exc:
            return Result(str(exc))
        except Exception as exc:
            log.exception("the call of a job failed", extra={"job": job.dkron_name, "namespace": job.namespace})
            return Result(f"http: {type(exc).__name__}: {exc}")

    def _outcome(self, key: Key, job: JobView, result: Result, *, given: Mapping[str, str], began: datetime) -> Outcome:
        error, output = inline.printed(plain_spec(job.spec), result, given)
        size, room = job.spec.history.output_bytes, self._listener.room(job, leaving=True)
        if room > size:
            self._listener.keep(*key, output[-room:])
        return call_outcome(error=error, output=output, size=size, began=began, ended=self._clock.now())

    def _conclude(self, key: Key, outcome: Outcome) -> None:
        uid, name = key
        del self._tasks[key]
        cached = self._store.get(uid)
        if cached is not None:
            cached.observed.outcomes[name] = outcome
            self._jobs.add(uid)


def call_outcome(*, error: str, output: bytes, size: int, began: datetime, ended: datetime) -> Outcome:
    """How a call ended, as a pod's outcome. `output` is all that it would have printed, `error` its first line."""
    return Outcome(
        success=not error,
        started_at=began,
        finished_at=ended,
        exit_code=1 if error else 0,
        reason="Error" if error else "",
        message=error[:MAX_MESSAGE],
        output=output[-size:].decode("utf-8", "replace") if size else "",
        output_truncated=len(output) > size,
    )


def _new_mark() -> str:
    return CALL + secrets.token_hex(8)
