"""The state of each job. Each change costs one note of a uid; the sums are computed on request."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from dkron_crds.conditions import ConditionStatus, ConditionType
from dkron_operator.cache.store import Store
from dkron_operator.monitoring.job_summary import JobState, JobSummary, is_invalid, summarize
from dkron_operator.monitoring.staleness import paces_of
from dkron_operator.plan.situation.view import JobView

Paces = tuple[tuple[str, str, datetime | None], ...]
"""What identifies the schedules that a job follows: uid, fingerprint and end of each."""
SLICE = 10
"""How many jobs are processed before other tasks get their turn. Each may have a hundred above it."""


@dataclass(frozen=True, slots=True)
class Sums:
    """All jobs at one moment."""

    states: dict[JobState, int]
    failing: int
    degraded: int
    stale: int
    next: datetime | None
    """The earliest slot to come; None if there is none."""

    paused: int = 0
    """Jobs that DkronPauses hold."""

    lines: Sequence[JobSummary] = ()
    """The jobs one by one."""


class JobStates:
    """Looks only at jobs that have changed, and those that run after a job with a changed schedule."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.on_stored.add(self.mark_changed)
        self._lines: dict[str, JobSummary] = {}
        self._paces: dict[str, Paces] = {}
        self._changed: set[str] = set()
        self._calling = asyncio.Lock()

    def mark_changed(self, uid: str, _: object = None) -> None:
        """This job was added, changed or removed."""
        self._changed.add(uid)

    async def call(self, now: datetime) -> Sums:
        """The state of all jobs now."""
        async with self._calling:
            while self._changed:
                for _ in range(min(SLICE, len(self._changed))):
                    self._look(self._changed.pop())
                await asyncio.sleep(0)
            return _sums(list(self._lines.values()), now)

    def _look(self, uid: str) -> None:
        cached, before = self._store.get(uid), self._lines.pop(uid, None)
        known, paces = self._paces.pop(uid, None), None
        if cached is not None:
            # Nothing follows a job that is refused, so its children have to notice when that begins or ends.
            rests = cached.base.paused or is_invalid(cached.job, cached.base)
            followed = () if rests else paces_of(cached.job, self._parents)
            resumed = self._resumed((uid, *(each.uid for each in followed)))
            self._lines[uid] = summarize(cached.job, cached.base, followed, resumed=resumed)
            paces = self._paces[uid] = tuple((each.uid, each.fingerprint, each.spec.expires_at) for each in followed)
        if paces != known:
            for each in filter(None, (before, self._lines.get(uid))):
                self._changed.update(self._store.dependencies.children((each.namespace, each.name)))

    def _parents(self, job: JobView) -> list[JobView]:
        cached = self._store.get(job.uid)
        parents = [] if cached is None else self._store.parents(cached)
        # After a parent that is paused or refused nothing has to succeed, as if there were none.
        return [
            parent.job for parent in parents if parent.base.paused is None and not is_invalid(parent.job, parent.base)
        ]

    def _resumed(self, uids: Iterable[str]) -> datetime | None:
        """When one of these jobs was last suspended."""
        ends = (
            condition.last_transition_time
            for cached in filter(None, map(self._store.get, uids))
            for condition in cached.base.conditions
            if (condition.type, condition.status) == (ConditionType.SUSPENDED, ConditionStatus.FALSE)
        )
        return max(ends, default=None)


def _sums(lines: list[JobSummary], now: datetime) -> Sums:
    states = Counter(each.state for each in lines)
    return Sums(
        states={state: states[state] for state in JobState},
        failing=sum(each.failing for each in lines),
        degraded=sum(each.degraded for each in lines),
        stale=sum(each.stale is not None and each.stale <= now for each in lines),
        next=min((each.next for each in lines if each.next is not None), default=None),
        paused=sum(each.paused for each in lines),
        lines=lines,
    )
