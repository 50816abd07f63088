"""The store: all DkronJobs and their Jobs by uid, as small views. The newest version of an object wins, whether the
watch, a list or the answer to a write of our own brings it.

Resource versions are compared as numbers, which Kubernetes allows since KEP-5504 and which has always worked.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from dkron_crds.job import Active, JobStatus
from dkron_crds.schedule.errors import quoted
from dkron_crds.status import MAX_ACTIVE
from dkron_kube.paths import DKRON_JOBS, JOBS, Resource
from dkron_operator.cache.cached_job import LONG_AGO, CachedJob, Observed
from dkron_operator.cache.dependencies import DependencyTracker
from dkron_operator.cache.dependency_graph import Key, key_of
from dkron_operator.cache.namespace_room import (
    Age,
    NamespaceRoom,
    ParkedJob,
    age_of,
    has_history,
    is_at_rest,
    is_busy,
    is_lean,
    lean,
    may_be_parked,
    parked_job,
)
from dkron_operator.cache.requested_runs import RequestedRuns
from dkron_operator.cache.views import annotated, is_unreadable, verdict, view_of
from dkron_operator.kit.clock import Clock
from dkron_operator.kit.listeners import Listeners
from dkron_operator.kit.object_guard import ObjectGuard
from dkron_operator.kit.oldest_first import Room
from dkron_operator.plan.fold import is_known, is_recorded
from dkron_operator.plan.foreign import ForeignJob, controller_of, misnamed, surplus, unannotated
from dkron_operator.plan.read import (
    is_named_after_its_cause,
    read_run,
    read_status,
)
from dkron_operator.plan.requested_run import NO_RUNS, RunsOfJob
from dkron_operator.plan.view import AttemptJob, AttemptState, JobView
from dkron_operator.telemetry.metrics import Metrics
from dkron_pods.problem import Problem

log = logging.getLogger(__name__)
Object = dict[str, Any]
Place = tuple[Resource, str, str]
"""Resource, namespace and name of an object."""
Owner = tuple[str, str]
"""The uid of a DkronJob, and the namespace of Jobs that name it as their owner."""


UNLIMITED = Room()
NOTHING = JobStatus()


class Store:
    """All entries. What it returns to the caller is the uid whose situation has changed, if any."""

    def __init__(self, *, metrics: Metrics | None = None, clock: Clock | None = None, room: Room = UNLIMITED) -> None:
        self.on_stored: Listeners[[str, JobStatus | None]] = Listeners()
        """Called with each status that the API server has, by uid; None when the DkronJob is gone."""
        self.on_foreign: Listeners[[JobView, ForeignJob]] = Listeners()
        """Called with a Job that names a DkronJob as its owner and was not made for it."""
        self.on_affected: Listeners[[str]] = Listeners()
        """Called with the uid of each job that a change of another one concerns."""
        self.on_backfill: Listeners[[str]] = Listeners()
        """Called with the uid of each DkronBackfill whose DkronRun has changed."""
        self.metrics = metrics or Metrics()
        self._clock = clock or Clock()
        self.room = NamespaceRoom(room)
        self.runs = RequestedRuns(of_backfill=self.on_backfill)
        self._entries: dict[str, CachedJob] = {}
        self._parked: dict[str, ParkedJob] = {}
        self._runs: dict[Owner, dict[str, AttemptJob]] = {}
        self._names: dict[Key, set[str]] = {}
        self._namespaces: dict[str, set[str]] = {}
        self._objects: dict[tuple[str, str], str] = {}
        self._missed: set[str] = set()
        self._guard = ObjectGuard(log)
        self.dependencies = DependencyTracker(self._holder, self.get, requeue=self.on_affected)

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[CachedJob]:
        return iter(self._entries.values())

    def get(self, uid: str) -> CachedJob | None:
        """The cached job with this uid; None if it does not exist."""
        return self._entries.get(uid)

    def in_namespace(self, namespace: str) -> list[CachedJob]:
        """The cached jobs of a namespace."""
        return [self._entries[uid] for uid in self._namespaces.get(namespace, ())]

    @property
    def parked(self) -> int:
        """How many DkronJobs have no room in their namespaces, and are known by little more than their names."""
        return len(self._parked)

    def namespace_of(self, uid: str) -> str:
        """The namespace of a DkronJob; empty if it does not exist."""
        cached, parked = self._entries.get(uid), self._parked.get(uid)
        if parked is not None:
            return parked.namespace
        return "" if cached is None else cached.job.namespace

    def namespace_of_run(self, key: tuple[str, str]) -> str:
        """The namespace of a Job, by the uid of its DkronJob and its name."""
        return self.namespace_of(key[0])

    def places(self) -> dict[str, Place | None]:
        """Where all known DkronJobs and Jobs are, by uid; None where the place is not known."""
        found: dict[str, Place | None] = dict.fromkeys(self._missed)
        for uid, cached in self._entries.items():
            found[uid] = (DKRON_JOBS, cached.job.namespace, cached.job.name)
        for uid, parked in self._parked.items():
            found[uid] = (DKRON_JOBS, parked.namespace, parked.name)
        for (owner, namespace), runs in self._runs.items():
            for run in runs.values():
                found[run.uid] = (JOBS, namespace, run.name) if self._is_known(owner) else None
        return found

    def parents(self, cached: CachedJob) -> list[CachedJob]:
        """The jobs that it runs after, as far as they exist."""
        found = (self._holder((cached.job.namespace, link.job)) for link in cached.job.spec.parents)
        return [parent for parent in found if parent is not None]

    def see_job(self, body: Object) -> Iterable[str]:
        """Take in a DkronJob."""
        metadata = body["metadata"]
        uid, version = metadata["uid"], int(metadata["resourceVersion"])
        if uid in self._missed:
            return ()
        cached, parked = self._entries.get(uid), self._parked.get(uid)
        if cached is None:
            if parked is not None and version <= parked.version and not self._is_awaited(parked, uid):
                return ()
            return (*self._measure(body, None if parked is None else parked.generation), *self._add(body, uid, version))
        if version < cached.version or (version == cached.version and not self._is_back(cached)):
            return ()
        # Measure an unreadable object again even if only its status has changed.
        changed = self._measure(body, None if is_unreadable(cached.job) else cached.job.generation)
        cached.job = self._view(body, cached)
        before = cached.base
        cached.rebase(self._read_status(body), version, now=self._clock.now())
        self.metrics.wrote(cached.accounting.see(before, cached.base))
        self.on_stored(uid, cached.base)
        self.dependencies.see(cached, before)
        return (uid, *changed)

    def missing(self, uid: str) -> Place | None:
        """Where a DkronJob is that has to be read again, because there is room for it, or a Job of it has appeared;
        None if it is known, or needs not be."""
        cached, parked = self._entries.get(uid), self._parked.get(uid)
        if parked is not None:
            return (DKRON_JOBS, parked.namespace, parked.name) if self._is_awaited(parked, uid) else None
        if cached is None or not self._is_back(cached):
            return None
        return DKRON_JOBS, cached.job.namespace, cached.job.name

    def over_budget(self, cached: CachedJob) -> Problem | None:
        """The problem that the namespace has no room for the job; None if it has."""
        return None if self._has_room(cached.job) else self.room.problem

    def awaited(self) -> list[str]:
        """The uids of parked jobs that have to be read again."""
        return [uid for uid, parked in self._parked.items() if self._is_awaited(parked, uid)]

    def shrink(self, cached: CachedJob, *, rests: bool = False) -> None:
        """Free the memory of a job over quota. Keep what its active attempts need. `rests`: the last plan had nothing
        to do."""
        uid = cached.job.uid
        if self._has_room(cached.job) or is_busy(cached) or self._entries.get(uid) is not cached:
            return
        if rests and may_be_parked(cached) and not self.runs_of(cached).groups:
            self._park(cached)
        elif not is_lean(cached.job):
            cached.job = lean(cached.job, cached.base, self.room.problem)
            self.dependencies.see(cached, cached.base)

    def _park(self, cached: CachedJob) -> None:
        job, base = cached.job, cached.base
        self._forget(cached)
        self._parked[job.uid] = ParkedJob(job.namespace, job.name, cached.version, job.generation, job.created)
        # The totals of its days stay known, and are not counted again when it comes back.
        shown = JobStatus(since=base.since, days=base.days) if base.days else NOTHING
        self.on_stored(job.uid, shown)

    def _forget(self, cached: CachedJob) -> set[str]:
        """Drop an entry; returns the uids of the others with its name."""
        uid, key = cached.job.uid, key_of(cached.job)
        del self._entries[uid]
        neighbours = self._namespaces[cached.job.namespace]
        neighbours.discard(uid)
        if not neighbours:
            del self._namespaces[cached.job.namespace]
        namesakes = self._names[key]
        namesakes.discard(uid)
        if not namesakes:
            del self._names[key]
        self.dependencies.lose(cached.job)
        for other in namesakes:
            self.on_affected(other)
        return namesakes

    def _measure(self, body: Object, known: int | None) -> list[str]:
        """Record the length of a DkronJob, unless the cache has it in this generation (`known`). Returns the uids of
        the other jobs that it affects."""
        metadata = body["metadata"]
        if known is not None and metadata.get("generation", 0) == known:
            return []
        changed = self.room.see(metadata["namespace"], _age(metadata), body)
        return self._squeeze(changed)

    def _read_status(self, body: Object) -> JobStatus | None:
        """The status; None if it cannot be read, for whatever reason: it counts as wiped."""
        return self._guard.read("the status of DkronJob", body, read_status)

    def _squeeze(self, uids: list[str]) -> list[str]:
        for uid in uids:
            if (cached := self._entries.get(uid)) is not None:
                self.shrink(cached, rests=not (has_history(cached.base) or cached.observed.attempts))
        return uids

    def _is_known(self, uid: str) -> bool:
        return uid in self._entries or uid in self._parked

    def _has_room(self, job: JobView) -> bool:
        return self.room.has_room(job.namespace, age_of(job))

    def _is_awaited(self, parked: ParkedJob, uid: str) -> bool:
        return parked.wanted or self.room.has_room(parked.namespace, (parked.created, uid))

    def _is_back(self, cached: CachedJob) -> bool:
        """Whether a spec was dropped that is needed: there is room again, or an attempt had just begun."""
        return is_lean(cached.job) and (self._has_room(cached.job) or is_busy(cached))

    def _view(self, body: Object, cached: CachedJob) -> JobView:
        same = body["metadata"].get("generation", 0) == cached.job.generation
        if is_lean(cached.job) and same and not self._has_room(cached.job):
            return lean(annotated(body, cached.job), cached.base, self.room.problem)
        job = view_of(body, cached.job)
        return job if self._has_room(job) or is_busy(cached) else lean(job, cached.base, self.room.problem)

    def settle(self, cached: CachedJob, count: int, *, base: JobStatus, version: int) -> None:
        """The first `count` pending changes of the entry were written; the result is `base`."""
        before = cached.base
        cached.settle(count, base, version)
        if self._entries.get(cached.job.uid) is cached:
            self.on_stored(cached.job.uid, cached.base)
            self.dependencies.see(cached, before)
            if not self._has_room(cached.job):
                # Its status may say so by now, and then the next plan leaves nothing to do.
                self.on_affected(cached.job.uid)

    def mark_deleting(self, cached: CachedJob) -> None:
        """The DkronJob was deleted, and goes once the watch says so."""
        cached.job = replace(cached.job, deleting=True)
        self.dependencies.see(cached, cached.base)

    def see_run(self, body: Object) -> Iterable[str]:
        """Take in a Job. A new version that changes only what no plan depends on affects no DkronJob."""
        run = read_run(body)
        if run is None:
            owner = self._entries.get(controller_of(body))
            if owner is not None and owner.job.namespace == body["metadata"]["namespace"]:
                self.on_foreign(owner.job, unannotated(body))
            return ()
        cached = self._entries.get(run.owner)
        if not is_named_after_its_cause(run) or (cached is not None and not _is_of(cached.job, run)):
            if cached is not None:
                self.on_foreign(cached.job, misnamed(run))
            return ()
        runs = self._runs_of(run.owner, run.namespace)
        known = runs.get(run.name)
        if known is None and len(runs) >= MAX_ACTIVE and not (cached is not None and is_known(cached.status, run.name)):
            self._set_aside(cached, run)
            return ()
        parked = self._parked.get(run.owner)
        if parked is not None and known is None and parked.namespace == run.namespace:
            parked.wanted = True
        if known is not None and known.uid == run.uid and (known.version >= run.version or known.gone):
            return ()
        runs[run.name] = run
        troubled = cached is not None and run.name in cached.observed.troubles
        return () if known is not None and _says_nothing_new(known, run, troubled=troubled) else (run.owner,)

    def _set_aside(self, cached: CachedJob | None, run: AttemptJob) -> None:
        """One DkronJob has so many Jobs that it cannot show more of them. The next resync shows this one again."""
        self.metrics.set_aside()
        if cached is not None:
            self.on_foreign(cached.job, surplus(run, MAX_ACTIVE))

    def miss_job(self, uid: str) -> Iterable[str]:
        """The API server no longer has a DkronJob. Until the watch says so, an older version may still arrive, which
        would look new; it is ignored."""
        self._missed.add(uid)
        return self._drop(uid)

    def lose_job(self, uid: str) -> Iterable[str]:
        """A DkronJob is gone, and the watch reports nothing more about it. The garbage collector deletes its Jobs."""
        self._missed.discard(uid)
        return self._drop(uid)

    def _drop(self, uid: str) -> Iterable[str]:
        cached, parked = self._entries.get(uid), self._parked.pop(uid, None)
        job = parked if cached is None else cached.job
        if job is None:
            return ()
        self._runs.pop((uid, job.namespace), None)
        self.on_stored(uid, None)
        if self._objects.get((job.namespace, job.name)) == uid:
            del self._objects[job.namespace, job.name]
        namesakes = set() if cached is None else self._forget(cached)
        return sorted({*namesakes, *self._squeeze(self.room.lose(job.namespace, (job.created, uid)))})

    def renew(self, *, behind: bool) -> None:
        """Another process may have acted on these jobs: forget the pending changes and the unconfirmed creates.

        Work in progress on an old entry ends with it. The outcomes of attempts stay, because attempts have unique
        names. `behind`: all cached objects may be stale.
        """
        self.runs.renew()
        for uid, old in tuple(self._entries.items()):
            seen = old.observed
            kept = Observed(
                attempts=seen.attempts, absent=seen.absent, outcomes=seen.outcomes, last_words=seen.last_words
            )
            cached = CachedJob(job=old.job, version=old.version, base=old.base, status=old.base, observed=kept)
            cached.remembered.checked, cached.remembered.refusal = verdict(old.job, old.base)
            cached.accounting, cached.mark, cached.behind = old.accounting, old.accounting.mark, behind or old.behind
            cached.rebase(None if old.unreadable else old.base, old.version, now=self._clock.now())
            self._entries[uid] = cached

    def lose_run(self, body: Object) -> Iterable[str]:
        """A Job was deleted; `body` is its last state."""
        run = read_run(body)
        if run is None:
            return ()
        cached = self._entries.get(run.owner)
        if cached is None and run.owner in self._parked:
            self._runs_of(run.owner, run.namespace).pop(run.name, None)
            return ()
        if cached is None:
            # Its DkronJob is gone, or was never seen.
            self._runs.pop((run.owner, run.namespace), None)
            return (run.owner,)
        return self.lose_run_of(run.owner, run.name, run) if _is_of(cached.job, run) else ()

    def lose_run_of(self, owner: str, name: str, last: AttemptJob | None = None) -> Iterable[str]:
        """A Job no longer exists. If it is not recorded yet, it stays, marked as gone, until it is."""
        cached = self._entries.get(owner)
        if cached is None:
            return ()
        runs = cached.observed.attempts
        known = runs.get(name)
        if known is None or (last is not None and last.uid != known.uid):
            return ()
        if is_recorded(cached.base, name):
            del runs[name]
            cached.observed.absent.add(name)
        else:
            runs[name] = replace(last or known, gone=True)
        return (owner,)

    def on_deleted(self, *uids: str) -> Iterable[str]:
        """The objects with these uids, DkronJobs and Jobs, no longer exist."""
        found = [self.lose_job(uid) for uid in uids if self._is_known(uid) or uid in self._missed]
        # There may be as many Jobs as the cluster can hold: one pass finds all of them.
        gone = frozenset(uids)
        lost = [(owner, run) for owner, runs in self._runs.items() for run in runs.values() if run.uid in gone]
        found += [self._on_job_deleted(owner, run) for owner, run in lost]
        return [uid for affected in found for uid in affected]

    def _on_job_deleted(self, key: Owner, run: AttemptJob) -> Iterable[str]:
        owner, _ = key
        if owner in self._parked:
            self._runs.get(key, {}).pop(run.name, None)
            return ()
        if owner not in self._entries:
            self._runs.pop(key, None)
        return self.lose_run_of(owner, run.name)

    def runs_of(self, cached: CachedJob) -> RunsOfJob:
        """The DkronRuns that are this job's. Of several jobs with one name, they are those of the oldest."""
        key = key_of(cached.job)
        return self.runs.of(key) if self._holder(key) is cached else NO_RUNS

    def given(self, cached: CachedJob, attempt: Active) -> Mapping[str, str]:
        """The values that the DkronRun of this attempt gives to parameters; empty if there are none, or if they are
        not at hand."""
        run = self.runs_of(cached).of(attempt.group) if attempt.parameters_given else None
        return {} if run is None else run.values or {}

    def holder(self, key: Key) -> CachedJob | None:
        """The job with this Dkron name, to which DkronRuns refer."""
        return self._holder(key)

    def is_parked(self, key: Key) -> bool:
        """Whether there is a job of this name that is held back for want of room."""
        return self._objects.get(key) in self._parked

    def why_absent(self, key: Key) -> str:
        """Why there is no job of this name, as a sentence."""
        if self.is_parked(key):
            return self.room.problem.message
        return f"the namespace has no DkronJob with the name {quoted(key[1])}"

    def duplicate(self, cached: CachedJob) -> Problem | None:
        """The problem that another object in the namespace has the same Dkron name; None if there is none. The older
        object keeps the name."""
        first = self._holder(key_of(cached.job))
        if first is None or first is cached:
            return None
        name = first.job.dkron_name
        return Problem("DuplicateName", f'DkronJob {first.job.name} already has the name "{name}"')

    def _holder(self, key: Key) -> CachedJob | None:
        """The job with this Dkron name; the oldest if there are several."""
        uids = self._names.get(key)
        if uids is None:
            return None
        entries = (self._entries[uid] for uid in uids)
        return min(entries, key=lambda cached: (cached.job.created, cached.job.uid))

    def _add(self, body: Object, uid: str, version: int) -> Iterable[str]:
        metadata, read = body["metadata"], self._read_status(body)
        other = self._objects.get((metadata["namespace"], metadata["name"]), "")
        former = None if other == uid else self._entries.get(other) or self._parked.get(other)
        if former is not None and former.version > version:
            # It has made room for the one that we know, and its end is on its way.
            self._missed.add(uid)
            return self._squeeze(self.room.lose(metadata["namespace"], _age(metadata)))
        orphaned = () if former is None else self.miss_job(other)
        self._parked.pop(uid, None)
        status, fits = read or JobStatus(), self.room.has_room(metadata["namespace"], _age(metadata))
        self._objects[metadata["namespace"], metadata["name"]] = uid
        if not (fits or self._runs.get((uid, metadata["namespace"]))) and is_at_rest(body, status):
            # An earlier process has said so, and left nothing to do.
            self.on_stored(uid, NOTHING)
            self._parked[uid] = parked_job(body)
            return orphaned
        job = view_of(body)
        observed = Observed(attempts=self._runs_of(uid, job.namespace))
        cached = CachedJob(job=job, version=version, base=status, status=status, observed=observed)
        # A list may be old: the watch then delivers later changes one by one.
        cached.unreadable, cached.behind = read is None, True
        cached.remembered.checked, cached.remembered.refusal = verdict(job, status)
        cached.mark = cached.accounting.mark = status.last_schedule_time or LONG_AGO
        if not (fits or is_busy(cached)):
            job = cached.job = lean(job, status, self.room.problem)
        self._entries[uid] = cached
        self._namespaces.setdefault(job.namespace, set()).add(uid)
        self.on_stored(uid, status)
        namesakes = self._names.setdefault(key_of(job), set())
        namesakes.add(uid)
        self.dependencies.see(cached, None)
        return sorted({*namesakes, *orphaned})

    def _runs_of(self, owner: str, namespace: str) -> dict[str, AttemptJob]:
        return self._runs.setdefault((owner, namespace), {})


def _age(metadata: Object) -> Age:
    return datetime.fromisoformat(metadata["creationTimestamp"]), metadata["uid"]


def _says_nothing_new(known: AttemptJob, run: AttemptJob, *, troubled: bool) -> bool:
    """Whether no plan depends on the change of a Job. That its pod has started matters if something was wrong with
    it."""
    if known.state is AttemptState.WAITING and run.state is AttemptState.RUNNING and not troubled:
        known = replace(known, state=run.state)
    return replace(known, version=run.version) == run


def _is_of(job: JobView, run: AttemptJob) -> bool:
    return (run.namespace, run.owner_name) == (job.namespace, job.name)
