"""Who holds the places of pools, who waits for one, and whose turn it is, as the latest plans of the jobs leave it.

Everything here follows from the cached DkronJobs, and is built again when this replica begins to act: no count outlives
what it counts. Each change is made between two awaits, so two jobs cannot take one place.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import islice

from dkron_crds.job import Attempt, JobStatus
from dkron_crds.pool import MAX_POOL_SIZE, SHOWN_IN_LINE, PoolOrder, WaitingRun
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.cache.store import Store
from dkron_operator.kit.listeners import Listeners
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.cause import RunKey
from dkron_operator.plan.situation.pools import (
    MOST_WAITING,
    NO_POOLS,
    Candidate,
    Decision,
    Places,
    Pool,
    PoolKey,
    PoolLines,
)
from dkron_operator.plan.situation.view import JobView
from dkron_operator.plan.status.holders import holders
from dkron_operator.plan.status.line import run_of
from dkron_operator.pools.index import PoolIndex
from dkron_pods.problem import Problem

MOST_LOOKS = 1000
"""How many groups of runs are looked at before the rest of a decision is left for later."""


@dataclass(frozen=True, slots=True)
class _Job:
    """A job that names pools, as its latest plan leaves it."""

    view: JobView
    pools: tuple[PoolKey, ...]
    """Its pools, as far as they exist."""

    problem: Problem | None
    """Why one of them does not."""

    holding: frozenset[RunKey]
    ready: tuple[Candidate, ...]
    """The runs that could begin but for their places."""


@dataclass(frozen=True, slots=True)
class Usage:
    """How many runs hold places of a pool, and how many wait for one."""

    running: int
    waiting: int
    line: tuple[WaitingRun, ...]
    """The first of those that wait."""

    reserves: WaitingRun | None
    """The one that has a free place reserved."""


class PoolPlaces:
    """The places of all jobs that name pools. `requeue` is told the uid of each job whose turn has come."""

    def __init__(self, store: Store, index: PoolIndex, *, requeue: Callable[[str], None]) -> None:
        self._store = store
        self._index = index
        self._requeue = requeue
        self.on_change: Listeners[[]] = Listeners()
        """Called when the runs that hold places, or wait for one, have changed."""
        self._jobs: dict[str, _Job] = {}
        self._by_pool: dict[PoolKey, set[str]] = defaultdict(set)
        self._lines = PoolLines()
        """The runs that wait for places, and were granted none."""
        self._used: Counter[PoolKey] = Counter()
        """How many places are held or granted."""
        self._shares: Counter[tuple[PoolKey, str]] = Counter()
        """How many of these are of a namespace."""
        self._waiting: Counter[str] = Counter()
        """How many runs of a namespace could begin but for their places, with those that were granted some."""
        self._granted: dict[str, dict[RunKey, Candidate]] = {}
        self._undecided: set[PoolKey] = set()
        """The pools whose places are given later, when a job that was granted some is planned."""
        self._reserved: dict[PoolKey, set[PoolKey]] = {}
        """The pools to decide about when one changes: a run that waits for places in all of these reserves some."""
        self._unplanned: dict[str, tuple[PoolKey, ...]] = {}
        """The jobs that were not planned since this replica acts, and their pools."""
        self._closed: Counter[PoolKey] = Counter()
        """How many of these jobs each pool has: it gives no place while there are some."""
        self._read: set[str] = set()

    def renew(self) -> None:
        """This replica begins to act, and another process may have acted before. No pool gives a place before each job
        that names it was read again and planned."""
        for known in (self._jobs, self._by_pool, self._granted, self._unplanned, self._reserved):
            known.clear()
        for count in (self._used, self._shares, self._waiting, self._closed, self._read, self._undecided):
            count.clear()
        self._lines = PoolLines()
        for cached in self._store:
            if cached.job.spec.pools:
                job = self._job(cached.job, holders(cached.status, cached.observed.attempts.values()), ())
                self._add(job)
                self._unplanned[cached.job.uid] = job.pools
                self._closed.update(job.pools)

    def is_unread(self, uid: str) -> bool:
        """Whether the cached job may lack runs that another process has begun: it has to be read again first."""
        return uid in self._unplanned and uid not in self._read

    def mark_read(self, uid: str) -> None:
        """The job was read again."""
        self._read.add(uid)

    def of(self, job: JobView) -> Places:
        """The places of a job that is about to be planned."""
        if not job.spec.pools:
            return NO_POOLS
        pools, problem = self._resolve(job)
        if problem is not None:
            return Places(free=False, crowded=self._is_crowded(job), problem=problem)
        least = min(min(self._left(key), self._share(key, job.namespace)) for key in pools)
        known = self._jobs.get(job.uid)
        # An edit of the job or of a pool takes back what was granted before it.
        holds = known is not None and known.pools == pools and least >= 0
        granted = frozenset(self._granted.get(job.uid, ()) if holds else ())
        free = self._undecided.isdisjoint(pools) and self.decision().is_free((job.namespace, pools))
        return Places(free=free, granted=granted, crowded=self._is_crowded(job))

    def settle(self, cached: CachedJob, plan: Plan) -> None:
        """Take in the plan of a job, which is about to be carried out."""
        job = cached.job
        if not job.spec.pools:
            self.forget(job.uid)
            return
        create, unconfirmed = plan.create, plan.situation.unconfirmed_create
        beginning = [create.entry] if create is not None and not create.late else []
        beginning += [unconfirmed] if unconfirmed is not None else []
        holding = holders(plan.status, plan.situation.attempts.values(), *beginning)
        planned = job.deleting or not plan.situation.incomplete
        self._replace(self._job(job, holding, plan.ready), planned=planned)

    def fail(self, uid: str, *, soon: bool) -> None:
        """The plan of the job failed. Its runs that wait leave the places to others. `soon`: it is planned again soon,
        and a write whose answer is lost may have begun a run."""
        known, cached = self._jobs.get(uid), self._store.get(uid)
        if known is None or cached is None:
            return
        if soon:
            self._replace(self._job(known.view, known.holding, ()), planned=uid in self._read)
            return
        unconfirmed = cached.remembered.unconfirmed_create
        beginning = [] if unconfirmed is None else [unconfirmed]
        holding = holders(cached.status, cached.observed.attempts.values(), *beginning)
        self._replace(self._job(cached.job, holding, ()), planned=True)

    def observe(self, uid: str, status: JobStatus | None) -> None:
        """Take note of a DkronJob that is gone."""
        if status is None:
            self.forget(uid)

    def forget(self, uid: str) -> None:
        """The job is gone, or names no pool any more."""
        if uid in self._jobs:
            pools = {*self._drop(uid).pools, *self._open(uid)}
            self._grant(pools)
            self.on_change()

    def naming(self, namespace: str | None) -> list[str]:
        """The uids of the jobs of a namespace, or of all (None), that name pools."""
        return [uid for uid, job in self._jobs.items() if namespace in (None, job.view.namespace)]

    def count_of(self, uid: str) -> int:
        """How many runs of a job wait for places, or hold some."""
        job = self._jobs.get(uid)
        return 0 if job is None else len(job.ready) + len(job.holding)

    def look_again(self, uids: Iterable[str]) -> None:
        """Pools that these jobs may name have changed: their grants are decided again."""
        concerned: set[PoolKey] = set()
        for job in [self._drop(uid) for uid in uids if uid in self._jobs]:
            pools, problem = self._resolve(job.view)
            ready = tuple(replace(each, pools=pools) for each in job.ready)
            self._add(replace(job, pools=pools, problem=problem, ready=ready))
            concerned.update(job.pools, pools)
            self._requeue(job.view.uid)
        self._grant(concerned)
        self.on_change()

    def usage(self, pool: Pool, decision: Decision) -> Usage:
        """Who has the places of a pool, and who waits for one. The decision serves many pools, so that each line is
        looked at once; it may be a moment old."""
        line = tuple(map(self._shown, islice(self._lines.in_turn(pool), SHOWN_IN_LINE)))
        first = decision.reserves(pool.key)
        reserves = None if first is None or first.job not in self._jobs else self._shown(first)
        return Usage(self._used[pool.key], self._lines.count(pool.key), line, reserves)

    def _shown(self, candidate: Candidate) -> WaitingRun:
        job = self._jobs[candidate.job].view
        return WaitingRun(
            namespace=job.namespace, job=job.dkron_name, id=candidate.id,
            queued_at=candidate.queued_at, priority=candidate.priority,
        )  # fmt: skip

    def _resolve(self, job: JobView) -> tuple[tuple[PoolKey, ...], Problem | None]:
        found = [self._index.find(job.namespace, name) for name in sorted(job.spec.pools)]
        problem = next((each for each in found if isinstance(each, Problem)), None)
        return tuple(each.key for each in found if isinstance(each, Pool)), problem

    def _job(self, view: JobView, holding: frozenset[RunKey], ready: Iterable[Attempt]) -> _Job:
        pools, problem = self._resolve(view)
        found: dict[RunKey, Candidate] = {}
        for entry in ready:
            run = run_of(entry)
            # The members of a run begin together.
            if run not in holding and run not in found and entry.queued_at is not None:
                found[run] = Candidate(
                    view.uid, run, entry.id, entry.queued_at, view.namespace, pools, view.spec.priority, len(found)
                )
        return _Job(view, pools, problem, holding, tuple(found.values()))

    def _replace(self, job: _Job, *, planned: bool) -> None:
        """The job has changed. `planned`: a plan was made for it, or cannot be made."""
        uid = job.view.uid
        opened, before = self._open(uid) if planned else (), self._jobs.get(uid)
        if job == before and not opened and not self._undecided:
            return
        old = () if before is None else self._drop(uid).pools
        self._add(job)
        self._grant({*old, *job.pools, *opened})
        self.on_change()

    def _add(self, job: _Job) -> None:
        self._jobs[job.view.uid] = job
        self._waiting[job.view.namespace] += len(job.ready)
        for key in job.pools:
            self._by_pool[key].add(job.view.uid)
        self._count(job.pools, job.view.namespace, len(job.holding))
        for each in job.ready if job.problem is None else ():
            self._lines.add(each)

    def _drop(self, uid: str) -> _Job:
        """Take out a job with all that it holds and was granted, which is decided again."""
        job = self._jobs.pop(uid)
        self._waiting[job.view.namespace] -= len(job.ready)
        if not self._waiting[job.view.namespace]:
            del self._waiting[job.view.namespace]
        self._count(job.pools, job.view.namespace, -len(job.holding))
        for each in self._granted.pop(uid, {}).values():
            self._count(each.pools, each.namespace, -1)
        for key in job.pools:
            self._by_pool[key].discard(uid)
            if not self._by_pool[key]:
                del self._by_pool[key]
        for each in job.ready if job.problem is None else ():
            self._lines.discard(each)
        return job

    def _open(self, uid: str) -> tuple[PoolKey, ...]:
        """The job was planned. Returns the pools that waited for that."""
        pools = self._unplanned.pop(uid, ())
        self._closed.subtract(pools)
        self._read.discard(uid)
        return pools

    def _left(self, key: PoolKey) -> int:
        """How many places are free and not granted."""
        pool = self._index.serving(key)
        return 0 if pool is None or self._closed[key] else pool.size - self._used[key]

    def _is_crowded(self, job: JobView) -> bool:
        return self._waiting[job.namespace] >= MOST_WAITING

    def _share(self, key: PoolKey, namespace: str) -> int:
        """How many places the runs of a namespace may take beside those that they have."""
        pool = self._index.serving(key)
        most = None if pool is None else pool.per_namespace
        return MAX_POOL_SIZE if most is None else most - self._shares[key, namespace]

    def _use(self, candidate: Candidate) -> None:
        self._granted.setdefault(candidate.job, {})[candidate.run] = candidate
        self._count(candidate.pools, candidate.namespace, 1)

    def _count(self, pools: Iterable[PoolKey], namespace: str, runs: int) -> None:
        for key in pools:
            self._used[key] += runs
            self._shares[key, namespace] += runs
            if not self._shares[key, namespace]:
                del self._shares[key, namespace]
            if not self._used[key]:
                del self._used[key]

    def decision(self) -> Decision:
        """Who gets the next places, as things are."""
        return Decision(self._lines, self._index.serving, self._left, self._share)

    def _grant(self, keys: Iterable[PoolKey]) -> None:
        """Give free places of these pools to runs that wait, and have their jobs planned. After many looks the rest is
        left for the next call: there is one when a job that was granted places is planned."""
        among, decision, given = {*keys, *self._undecided}, self.decision(), False
        among.update(*(self._reserved.pop(key, ()) for key in tuple(among)))
        self._undecided.clear()
        waiting = sorted(key for key in among if key in self._lines)
        for position, key in enumerate(waiting):
            while (candidate := decision.following(key)) is not None:
                self._lines.discard(candidate)
                self._use(candidate)
                decision.take(candidate)
                self._requeue(candidate.job)
                given = True
                if decision.looked > MOST_LOOKS:
                    self._undecided.update(waiting[position:])
                    break
            if self._undecided:
                break
        for pools in decision.reserved:
            for key in pools:
                self._reserved.setdefault(key, set()).update(pools)
            if given and any(self._order(key) is PoolOrder.PRIORITY for key in pools):
                # A run of another namespace may be before the one that reserved these, now that one is out of its way.
                self._undecided.update(pools)

    def _order(self, key: PoolKey) -> PoolOrder | None:
        pool = self._index.serving(key)
        return None if pool is None else pool.order
