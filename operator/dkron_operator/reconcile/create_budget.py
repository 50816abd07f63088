"""The budget of a namespace: how many Jobs a second the operator creates for it, whatever is due in it.

A job whose namespace has used its budget waits for its turn, and is planned again then. Nothing is decided meanwhile:
no claim is written and no mark moves, so a crash or another leader finds the slot as due as before.
"""

from datetime import timedelta

from dkron_operator.act.events import Events
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.kit.clock import Clock
from dkron_operator.plan.actions import Report, Severity
from dkron_operator.telemetry.metrics import Metrics
from dkron_runtime.token_bucket import Rate, TokenBuckets

BURST = 5.0
"""Seconds of the rate that a namespace may use at once: what is due in one second is mostly not due in the next."""
WORTH_TELLING = 1.0
"""Seconds of a wait from which on users are told."""
SILENCE = 3600.0
"""Seconds between two Events about the waits of one job."""


class CreateBudget:
    """The turns of the jobs that wait. `per_second` 0 lets all through."""

    def __init__(self, per_second: float, *, clock: Clock, metrics: Metrics, events: Events) -> None:
        self._per_second = per_second
        self._buckets = TokenBuckets(Rate(per_second, burst=max(1.0, per_second * BURST)))
        self._clock = clock
        self._metrics = metrics
        self._events = events
        self._turns: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._turns)

    def left(self, uid: str) -> timedelta | None:
        """How long the job has to wait for its turn; None if it has none to wait for, or may take it now."""
        turn = self._turns.get(uid)
        seconds = 0.0 if turn is None else turn - self._clock.monotonic()
        return timedelta(seconds=seconds) if seconds > 0 else None

    def take(self, cached: CachedJob) -> timedelta | None:
        """Take one create for a job that does not wait. Returns how long to wait for it; None if it may begin now."""
        uid, namespace = cached.job.uid, cached.job.namespace
        if not self._per_second or self._turns.pop(uid, None) is not None:
            return None
        now = self._clock.monotonic()
        turn = self._buckets.take(namespace, now)
        if turn <= now:
            return None
        self._turns[uid] = turn
        self._metrics.delayed(namespace)
        self._report(cached, now, turn - now)
        return timedelta(seconds=turn - now)

    def forget(self, uid: str) -> None:
        """The job is gone."""
        self._turns.pop(uid, None)

    def _report(self, cached: CachedJob, now: float, seconds: float) -> None:
        """Say once that the job runs late, not for each slot."""
        if seconds < WORTH_TELLING or now - cached.remembered.told_late_at < SILENCE:
            return
        cached.remembered.told_late_at = now
        text = (
            f"the namespace has used its budget of {self._per_second:g} new Jobs a second (--namespace-creates of the "
            f"operator), so Jobs of this job are created late, this one in {seconds:.0f} s; none is lost"
        )
        self._events.report(cached.job, Report(Severity.WARNING, "CreatesDelayed", text))
