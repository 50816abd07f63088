"""Gathers everything that a plan depends on: a cached job, and what the other parts know that concerns it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from dkron_crds.schedule.instants import shifted
from dkron_operator.act.inline_calls import InlineCalls
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.cache.store import Store
from dkron_operator.delivery.installation import Installation
from dkron_operator.kit.clock import Clock
from dkron_operator.leader.election import Terms
from dkron_operator.plan.job.rules import JobSettings
from dkron_operator.plan.situation.pauses import Pause
from dkron_operator.plan.situation.pools import Places
from dkron_operator.plan.situation.quota import Quota
from dkron_operator.plan.situation.requested_runs import RunsOfJob
from dkron_operator.plan.situation.view import JobView, Situation
from dkron_operator.plan.status.fold import is_known, is_recorded
from dkron_operator.plan.status.unknown_jobs import is_settled, split
from dkron_operator.plan.steps.dependents import fullness
from dkron_operator.reconcile.create_budget import CreateBudget
from dkron_operator.reconcile.due_queue import DueQueue
from dkron_operator.watch.nodes import Nodes
from dkron_pods.inline import NOT_ALLOWED, is_inline
from dkron_pods.problem import Problem

RETENTION = timedelta(seconds=60)
"""How long a finished Job is kept at least, so that its name outlives any doubt about its slot. This is also three
times the duration of a Lease."""


def retention(terms: Terms) -> timedelta:
    """How long a finished Job is kept at least, where replicas elect a leader on these terms."""
    return max(RETENTION, 3 * timedelta(seconds=terms.duration))


@dataclass(frozen=True, slots=True)
class Sources:
    """What knows about more than one job."""

    due_queue: DueQueue
    nodes: Nodes
    calls: InlineCalls
    installation: Installation
    budget: CreateBudget
    pauses: Callable[[JobView], tuple[Pause, ...] | None]
    places: Callable[[JobView], Places | None]
    quota: Callable[[JobView], Quota]


class Gatherer:
    """Makes situations. `retained` is how long a finished Job is kept at least; `archives`: there is an archive."""

    def __init__(
        self,
        store: Store,
        sources: Sources,
        *,
        clock: Clock,
        settings: JobSettings,
        retained: timedelta,
        archives: bool = False,
    ) -> None:
        self._store = store
        self._sources = sources
        self._clock = clock
        self._settings = settings
        self._retained = retained
        self._archives = archives

    def prune(self, cached: CachedJob) -> None:
        """Drop what the cache has kept only until it is recorded."""
        runs = self._store.requested_runs_of(cached)
        _prune(cached, runs)
        cached.forget_ended(runs)
        cached.forget_counted(now=self._clock.now(), retention=self._retained)

    def situation(self, cached: CachedJob) -> Situation:
        """Everything that a plan for the job depends on now."""
        sources, observed, remembered, now = self._sources, cached.observed, cached.remembered, self._clock.now()
        fireable, handover = sources.due_queue.fireable_since, sources.due_queue.handover_since
        if remembered.fireable_since > fireable:
            fireable = handover = remembered.fireable_since
        if cached.job.spec.tags:
            sources.nodes.want()
        attempts, ahead = split(observed.attempts, cached.status, now)
        left = sources.budget.left(cached.job.uid)
        full = remembered.full = fullness(cached.job, cached.base, remembered.full, now=now)
        return Situation(
            job=cached.job,
            status=cached.status,
            persisted=cached.base,
            now=now,
            fireable_since=self._clock.when(fireable, now),
            handover_since=self._clock.when(handover, now),
            retention=self._retained,
            attempts=attempts,
            accepted=cached.job.accepted or remembered.unmarked,
            ahead=ahead,
            outcomes=observed.outcomes,
            pod_problems=observed.pod_problems,
            probed=observed.probed,
            final_output=observed.final_output,
            caller=sources.calls.caller,
            signature=sources.calls.signature,
            calls_running=sources.calls.under_way(cached.job.uid),
            policy_violation=self._policy_violation(cached),
            refusal=remembered.refusal,
            duplicate=self._store.duplicate(cached),
            checked=remembered.checked == cached.job.generation,
            unconfirmed_create=remembered.unconfirmed_create,
            dependencies=self._store.dependencies.around(cached.job),
            nodes=sources.nodes.view,
            nodes_error=sources.nodes.problem if cached.job.spec.tags else None,
            site=sources.installation.site,
            endpoints=sources.installation.endpoints,
            absent=observed.absent,
            unsettled=remembered.lately_counted.keys(),
            pauses=sources.pauses(cached.job),
            places=sources.places(cached.job),
            quota=sources.quota(cached.job),
            throttled_until=None if left is None else shifted(now, left),
            removals_wait=timedelta(seconds=max(0.0, remembered.removals_wait - self._clock.monotonic())),
            runs=self._store.requested_runs_of(cached),
            archives=self._archives,
            full_since=None if full is None else full.since,
        )

    def _policy_violation(self, cached: CachedJob) -> Problem | None:
        """What this installation does not allow."""
        refused = self._refused(cached)
        if refused is not None:
            return refused
        if is_inline(cached.job.spec) and not self._sources.calls.allowed:
            return NOT_ALLOWED
        return cached.job.unknown if self._settings.strict else None

    def _refused(self, cached: CachedJob) -> Problem | None:
        """The installation's rule against the job. The rules build the pod, so they are asked once for each generation;
        a spec that could not be read may be readable later."""
        job, remembered = cached.job, cached.remembered
        key = job.generation, job.problem is None
        if remembered.judged is None or remembered.judged[:2] != key:
            remembered.judged = (*key, self._settings.rules.of_job(job, images=self._settings.images))
        return remembered.judged[2]


def _prune(cached: CachedJob, runs: RunsOfJob) -> None:
    """Drop what was only kept until it is recorded, and unconfirmed creates that the watch has resolved: the Job is
    there, or another operator has seen it end."""
    entry = cached.remembered.unconfirmed_create
    if entry is not None and (entry.job in cached.observed.attempts or is_recorded(cached.status, entry.job)):
        cached.remembered.unconfirmed_create = None
    for attempt in [attempt for attempt in cached.observed.attempts.values() if attempt.gone]:
        if is_recorded(cached.base, attempt.name):
            cached.observed.absent |= {attempt.name}
            del cached.observed.attempts[attempt.name]
        elif not is_known(cached.status, attempt.name) and is_settled(cached.job, cached.status, attempt, runs=runs):
            del cached.observed.attempts[attempt.name]
    if cached.observed.absent:
        # Without the test, each plan would leave an empty set of its own behind.
        cached.observed.absent &= set(cached.status.counted)
    alive = {active.job for active in cached.status.active}
    for kept in (
        cached.observed.outcomes,
        cached.observed.pod_problems,
        cached.observed.probed,
        cached.observed.final_output,
    ):
        for name in [name for name in kept if name not in alive and is_recorded(cached.status, name)]:
            del kept[name]
