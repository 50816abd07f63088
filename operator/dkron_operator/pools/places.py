"""Who holds the places of pools, who waits for one, and whose turn it is, as the latest plans of the jobs leave it.

Everything here follows from the cached DkronJobs and is built again when this replica begins to act: no count outlives
what it counts. All changes are made between two awaits, so two jobs cannot take one place.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from dkron_crds.pool import SHOWN_IN_LINE, WaitingRun
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.cache.store import Store
from dkron_operator.plan.holders import holders, run_of
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.pools import NO_POOLS, Candidate, Places, Pool, PoolKey, Run, grants, in_line
from dkron_operator.plan.view import JobView
from dkron_operator.pools.index import PoolIndex
from dkron_pods.problem import Problem


@dataclass(frozen=True, slots=True)
class _Job:
    """A job that names pools, as its latest plan leaves it."""

    view: JobView
    pools: tuple[PoolKey, ...]
    """Those of its pools that exist."""

    problem: Problem | None
    """Why one of them does not."""

    holding: frozenset[Run]
    ready: tuple[Candidate, ...] = ()
    """The runs that could begin but for their places."""


@dataclass(frozen=True, slots=True)
class Usage:
    """The runs that hold places of a pool, and those that wait for one."""

    running: int
    waiting: int
    line: tuple[WaitingRun, ...]
    """The first of those that wait."""


class PoolPlaces:
    """The places of all jobs that name pools. `requeue` is told the uid of each job whose turn has come."""

    def __init__(self, store: Store, index: PoolIndex, *, requeue: Callable[[str], None]) -> None:
        self._store = store
        self._index = index
        self._requeue = requeue
        self._jobs: dict[str, _Job] = {}
        self._by_pool: dict[PoolKey, set[str]] = defaultdict(set)
        self._used: Counter[PoolKey] = Counter()
        self._granted: dict[str, dict[Run, Candidate]] = {}
        self._unread: set[str] = set()
        self._unplanned: set[str] = set()

    def renew(self) -> None:
        """This replica begins to act, and another process may have acted before. No place of a pool is given before
        each job that names it has been read again and planned."""
        for kept in (self._jobs, self._by_pool, self._used, self._granted, self._unread, self._unplanned):
            kept.clear()
        for cached in self._store:
            if cached.job.spec.pools:
                self._put(cached.job, holders(cached.status, cached.observed.attempts.values()), ())
                self._unread.add(cached.job.uid)
                self._unplanned.add(cached.job.uid)

    def is_unread(self, uid: str) -> bool:
        """Whether the cached job may lack runs that another process has begun, and has to be read again first."""
        return uid in self._unread

    def mark_read(self, uid: str) -> None:
        """The job was read again."""
        self._unread.discard(uid)

    def of(self, job: JobView) -> Places:
        """The places of a job that is about to be planned."""
        if not job.spec.pools:
            return NO_POOLS
        pools, problem = self._resolve(job)
        if problem is not None:
            return Places(free=False, problem=problem)
        granted = frozenset(self._granted.get(job.uid, ()))
        return Places(free=all(self._left(key) > 0 for key in pools), granted=granted)

    def settle(self, cached: CachedJob, plan: Plan) -> None:
        """Take in the plan of a job, which is about to be carried out."""
        job, uid = cached.job, cached.job.uid
        if not job.spec.pools:
            self.forget(uid)
            return
        create, unconfirmed = plan.create, plan.situation.unconfirmed_create
        beginning = [create.entry] if create is not None and not create.late else []
        beginning += [unconfirmed] if unconfirmed is not None else []
        holding = holders(plan.status, plan.situation.attempts.values(), *beginning)
        self._put(job, holding, tuple(self._candidates(job, plan, holding)))

    def fail(self, uid: str) -> None:
        """The job cannot be planned. Its runs keep their places, and the jobs that share its pools go on."""
        known = self._jobs.get(uid)
        if known is not None and uid in self._unplanned:
            self._unread.discard(uid)
            self._put(known.view, known.holding, ())

    def forget(self, uid: str) -> None:
        """The job is gone, or names no pool any more."""
        known = self._jobs.get(uid)
        if known is not None:
            self._drop(uid)
            self._grant(known.pools)

    def naming(self, namespace: str | None) -> list[str]:
        """The uids of the jobs of a namespace, or of all (None), that name pools."""
        return [uid for uid, job in self._jobs.items() if namespace in (None, job.view.namespace)]

    def look_again(self, uid: str) -> None:
        """A pool that the job may name has changed: what was granted to it is decided again."""
        known = self._jobs.get(uid)
        if known is not None:
            self._granted_again(known)
            self._requeue(uid)

    def usage(self, pool: Pool) -> Usage:
        """Who has the places of a pool, and who waits for one."""
        jobs = [self._jobs[uid] for uid in self._by_pool.get(pool.key, ())]
        line = in_line(pool.order, (each for job in jobs for each in job.ready))
        running = sum(len(job.holding) for job in jobs)
        return Usage(running, len(line), tuple(map(self._shown, islice(line, SHOWN_IN_LINE))))

    def _shown(self, candidate: Candidate) -> WaitingRun:
        job = self._jobs[candidate.job].view
        return WaitingRun(
            namespace=job.namespace, job=job.dkron_name, id=candidate.id,
            queued_at=candidate.queued_at, priority=candidate.priority,
        )  # fmt: skip

    def _candidates(self, job: JobView, plan: Plan, holding: frozenset[Run]) -> Iterator[Candidate]:
        pools, seen = self._resolve(job)[0], set(holding)
        for entry in plan.ready:
            run = run_of(entry)
            # The members of a run begin together.
            if run not in seen and entry.queued_at is not None:
                seen.add(run)
                yield Candidate(job.uid, run, entry.id, entry.queued_at, pools, job.spec.priority)

    def _resolve(self, job: JobView) -> tuple[tuple[PoolKey, ...], Problem | None]:
        found = [self._index.find(job.namespace, name) for name in sorted(job.spec.pools)]
        problem = next((each for each in found if isinstance(each, Problem)), None)
        return tuple(each.key for each in found if isinstance(each, Pool)), problem

    def _put(self, view: JobView, holding: frozenset[Run], ready: tuple[Candidate, ...]) -> None:
        uid, (pools, problem) = view.uid, self._resolve(view)
        job, before = _Job(view, pools, problem, holding, ready), self._jobs.get(uid)
        planned = uid in self._unplanned
        if job == before and not planned:
            return
        granted = {} if before is None else self._drop(uid)
        self._jobs[uid] = job
        for key in pools:
            self._by_pool[key].add(uid)
            self._used[key] += len(holding)
        # A grant lasts until the run has begun, or could not begin any more.
        for each in ready:
            if granted.get(each.run) == each:
                self._use(each)
        self._grant({*pools, *(() if before is None else before.pools)})

    def _drop(self, uid: str) -> dict[Run, Candidate]:
        """Forget a job. Returns what was granted to it."""
        job, granted = self._jobs.pop(uid), self._granted.pop(uid, {})
        for key in job.pools:
            self._used[key] -= len(job.holding)
            self._by_pool[key].discard(uid)
            if not self._by_pool[key]:
                del self._by_pool[key]
        for each in granted.values():
            self._used.subtract(each.pools)
        self._unread.discard(uid)
        self._unplanned.discard(uid)
        return granted
