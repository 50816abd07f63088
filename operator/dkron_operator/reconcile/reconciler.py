"""The reconcile loop: one job at a time, from its situation to a plan that is carried out, until nothing is left to do.

The life of one slot:

1. `due_queue` adds the uid of the job to the queue when the slot is due. Any change adds it, too: an event of a watch
   (`watch/`), the answer to a write, the end of a pod that was looked up (`act/observe.py`).
2. A worker takes the uid. `gather.py` collects everything that a plan depends on into a `Situation`.
3. `plan/advance.py` makes the plan: the slot has to run, so the plan creates a Job with a name that follows from the
   slot, and moves the mark `lastScheduleTime` to it.
4. `verify.py` asks the API server first, if the cache may be behind or has Jobs that the status does not know.
5. `create_budget.py` has the plan wait, if the namespace has used its budget of new Jobs.
6. `act/effects.py` creates the Job, and only then writes the mark. A crash in between leaves a Job that the next plan
   finds under the same name, here or in another replica: the slot is decided once.
7. The watch shows the Job, its end, and its deletion. Each time the next plan records what has changed.
"""

from collections.abc import Callable
from dataclasses import replace

from dkron_crds.schedule.instants import shifted
from dkron_kube.errors import KubeError, Unavailable
from dkron_operator.act.effects import Effects
from dkron_operator.act.quota_line import QuotaLine
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.cache.store import Store
from dkron_operator.plan.advance import advance
from dkron_operator.plan.plan import Plan
from dkron_operator.pools.places import PoolPlaces
from dkron_operator.reconcile.create_budget import CreateBudget
from dkron_operator.reconcile.gather import Gatherer
from dkron_operator.reconcile.verify import CacheVerifier


class Reconciler:
    """Plans jobs by uid. `may_act`: whether this replica may."""

    def __init__(
        self,
        store: Store,
        *,
        gatherer: Gatherer,
        verifier: CacheVerifier,
        budget: CreateBudget,
        places: PoolPlaces,
        quota: QuotaLine,
        effects: Effects,
        may_act: Callable[[], bool],
    ) -> None:
        self._store = store
        self._gatherer = gatherer
        self._verifier = verifier
        self._budget = budget
        self._places = places
        self._quota = quota
        self._effects = effects
        self._may_act = may_act

    async def reconcile(self, uid: str) -> None:
        """Plan the job, and carry the plan out, until nothing is left to do now. Raises what the queue retries."""
        try:
            await self._reconcile(uid)
        except KubeError as exc:
            self._quota.forget(uid)
            self._places.fail(uid, soon=isinstance(exc, Unavailable))
            raise
        except Exception as exc:
            self._quota.forget(uid)
            self._places.fail(uid, soon=False)
            cached = self._store.get(uid)
            if cached is not None and self._may_act():
                self._effects.report_failure(cached, exc)
            raise

    async def _reconcile(self, uid: str) -> None:
        # A standby plans nothing: the plan would be outdated by the time it may act.
        while (cached := self._store.get(uid)) is not None and self._may_act():
            plan = await self._plan(cached)
            if plan is None:
                continue
            if not self._effects.begin(cached, plan):
                return
            if await self._effects.finish(cached, plan):
                return
        if cached is None:
            self._budget.forget(uid)
            self._quota.forget(uid)

    async def _plan(self, cached: CachedJob) -> Plan | None:
        """What to do for the job now; None if the cache was behind, and is not any more."""
        self._gatherer.prune(cached)
        if await self._verifier.was_behind(cached):
            return None
        if self._places.is_unread(cached.job.uid):
            await self._verifier.read_again(cached)
            self._places.mark_read(cached.job.uid)
            return None
        situation = self._gatherer.situation(cached)
        plan = advance(situation)
        if cached.behind and plan.acts:
            await self._verifier.read_again(cached)
            return None
        if plan.spends and (wait := self._budget.take(cached)):
            plan = advance(replace(situation, throttled_until=shifted(situation.now, wait)))
        # No other job is planned between the look at the places and this.
        self._places.settle(cached, plan)
        self._quota.settle(cached, plan)
        return plan
