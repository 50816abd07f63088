"""The store: all DkronJobs and their Jobs by uid, as small views. The newest version of an object wins, whether the
watch, a list or the answer to a write of our own brings it.

Resource versions are compared as numbers, which Kubernetes allows since KEP-5504 and which has always worked.
"""

import logging
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from dkron_crds.job import Attempt, AttemptState, JobStatus
from dkron_crds.status import MAX_ACTIVE
from dkron_kube.paths import DKRON_JOBS, JOBS, Resource
from dkron_operator.cache.cached_job import CachedJob, Observed
from dkron_operator.cache.dependencies import DependencyTracker, Key, key_of
from dkron_operator.cache.ended_pods import EndedPods
from dkron_operator.cache.requested_runs import RequestedRuns
from dkron_operator.cache.views import verdict, view_of
from dkron_operator.kit.clock import Clock
from dkron_operator.kit.listeners import Listeners
from dkron_operator.kit.object_guard import ObjectGuard
from dkron_operator.plan.situation.foreign import ForeignJob, controller_of, misnamed, surplus, unannotated
from dkron_operator.plan.situation.read import FOREVER_AGO, is_named_after_its_cause, read_attempt, read_status
from dkron_operator.plan.situation.requested_runs import NO_RUNS, RunsOfJob
from dkron_operator.plan.situation.view import AttemptJob, JobView
from dkron_operator.plan.status.fold import is_known, is_recorded
from dkron_operator.telemetry.metrics import Metrics
from dkron_pods.problem import Problem

log = logging.getLogger(__name__)
Object = dict[str, Any]
Place = tuple[Resource, str, str]
"""Resource, namespace and name of an object."""
Owner = tuple[str, str]
"""The uid of a DkronJob, and the namespace of Jobs that name it as their owner."""


class Store:
    """All entries. A method that takes something in returns the uids whose situation has changed."""

    def __init__(self, *, metrics: Metrics | None = None, clock: Clock | None = None) -> None:
        self.on_stored: Listeners[[str, JobStatus | None]] = Listeners()
        """Called with each status that the API server has, by uid; None when the DkronJob is gone."""
        self.on_foreign: Listeners[[JobView, ForeignJob]] = Listeners()
        """Called with a Job that names a DkronJob as its owner and was not made for it."""
        self.on_affected: Listeners[[str]] = Listeners()
        """Called with the uid of each job that a change of another one concerns."""
        self.on_backfill: Listeners[[str]] = Listeners()
        """Called with the uid of each DkronBackfill whose DkronRun has changed."""
        self.on_job_gone: Listeners[[str]] = Listeners()
        """Called with the namespace of each Job that the watch reports as deleted."""
        self.metrics = metrics or Metrics()
        self._clock = clock or Clock()
        self.requested_runs = RequestedRuns(of_backfill=self.on_backfill)
        self.ended_pods = EndedPods()
        self._entries: dict[str, CachedJob] = {}
        self._attempts: dict[Owner, dict[str, AttemptJob]] = {}
        self._names: dict[Key, tuple[str, ...]] = {}
        self._namespaces: dict[str, set[str]] = {}
        self._objects: dict[tuple[str, str], str] = {}
        self._missed: set[str] = set()
        self._guard = ObjectGuard(log)
        self.dependencies = DependencyTracker(self.holder, self.get, requeue=self.on_affected)

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

    def namespace_of(self, uid: str) -> str:
        """The namespace of a DkronJob; empty if it does not exist."""
        cached = self._entries.get(uid)
        return "" if cached is None else cached.job.namespace

    def namespace_of_attempt(self, key: tuple[str, str]) -> str:
        """The namespace of a Job, by the uid of its DkronJob and its name."""
        return self.namespace_of(key[0])

    def places(self) -> dict[str, Place | None]:
        """Where all known DkronJobs and Jobs are, by uid; None where the place is not known."""
        found: dict[str, Place | None] = dict.fromkeys(self._missed)
        for uid, cached in self._entries.items():
            found[uid] = (DKRON_JOBS, cached.job.namespace, cached.job.name)
        for (owner, namespace), attempts in self._attempts.items():
            for attempt in attempts.values():
                found[attempt.uid] = (JOBS, namespace, attempt.name) if owner in self._entries else None
        return found

    def parents(self, cached: CachedJob) -> list[CachedJob]:
        """The jobs that it runs after, as far as they exist."""
        found = (self.holder((cached.job.namespace, link.job)) for link in cached.job.spec.parents)
        return [parent for parent in found if parent is not None]

    def upsert_job(self, body: Object) -> Iterable[str]:
        """Take in a DkronJob."""
        metadata = body["metadata"]
        uid, version = metadata["uid"], int(metadata["resourceVersion"])
        if uid in self._missed:
            return ()
        cached = self._entries.get(uid)
        if cached is None:
            return self._add(body, uid, version)
        if version <= cached.version:
            return ()
        cached.job = view_of(body, cached.job)
        before = cached.base
        cached.rebase(self._read_status(body), version, now=self._clock.now())
        self.metrics.wrote(cached.accounting.upsert(before, cached.base))
        self.on_stored(uid, cached.base)
        self.dependencies.upsert(cached, before)
        return (uid,)

    def _read_status(self, body: Object) -> JobStatus | None:
        """The status; None if it cannot be read, for whatever reason: it counts as wiped."""
        return self._guard.read("the status of DkronJob", body, read_status)

    def settle(self, cached: CachedJob, count: int, *, base: JobStatus, version: int) -> None:
        """The first `count` pending changes of the entry were written; the result is `base`."""
        before = cached.base
        cached.settle(count, base, version)
        if self._entries.get(cached.job.uid) is cached:
            self.on_stored(cached.job.uid, cached.base)
            self.dependencies.upsert(cached, before)

    def mark_deleting(self, cached: CachedJob) -> None:
        """The DkronJob was deleted, and goes once the watch says so."""
        cached.job = replace(cached.job, deleting=True)
        self.dependencies.upsert(cached, cached.base)

    def upsert_attempt(self, body: Object) -> Iterable[str]:
        """Take in a Job. A new version that changes only what no plan depends on affects no DkronJob."""
        attempt = read_attempt(body)
        if attempt is None:
            owner = self._entries.get(controller_of(body))
            if owner is not None and owner.job.namespace == body["metadata"]["namespace"]:
                self.on_foreign(owner.job, unannotated(body))
            return ()
        cached = self._entries.get(attempt.owner)
        if not is_named_after_its_cause(attempt) or (cached is not None and not _is_of(cached.job, attempt)):
            if cached is not None:
                self.on_foreign(cached.job, misnamed(attempt))
            return ()
        attempts = self._attempts_of(attempt.owner, attempt.namespace)
        known = attempts.get(attempt.name)
        if (
            known is None
            and len(attempts) >= MAX_ACTIVE
            and not (cached is not None and is_known(cached.status, attempt.name))
        ):
            # The DkronJob cannot show more Jobs. The next resync shows this one again.
            self.metrics.set_aside()
            if cached is not None:
                self.on_foreign(cached.job, surplus(attempt, MAX_ACTIVE))
            return ()
        if known is not None and known.uid == attempt.uid and (known.version >= attempt.version or known.gone):
            return ()
        attempts[attempt.name] = attempt
        if cached is not None and known is not None and known.state is AttemptState.QUEUED is not attempt.state:
            # Its queue is no hindrance any more.
            cached.observed.pod_problems.pop(attempt.name, None)
        troubled = cached is not None and attempt.name in cached.observed.pod_problems
        return () if known is not None and _says_nothing_new(known, attempt, troubled=troubled) else (attempt.owner,)

    def mark_missing(self, uid: str) -> Iterable[str]:
        """The API server no longer has a DkronJob. Until the watch says so, an older version may still arrive, which
        would look new; it is ignored."""
        self._missed.add(uid)
        return self._drop(uid)

    def remove_job(self, uid: str) -> Iterable[str]:
        """A DkronJob is gone, and the watch reports nothing more about it. The garbage collector deletes its Jobs."""
        self._missed.discard(uid)
        return self._drop(uid)

    def _drop(self, uid: str) -> Iterable[str]:
        cached = self._entries.get(uid)
        if cached is None:
            return ()
        job = cached.job
        self._attempts.pop((uid, job.namespace), None)
        self.on_stored(uid, None)
        if self._objects.get((job.namespace, job.name)) == uid:
            del self._objects[job.namespace, job.name]
        del self._entries[uid]
        neighbours, name = self._namespaces[job.namespace], key_of(job)
        neighbours.discard(uid)
        if not neighbours:
            del self._namespaces[job.namespace]
        first, *_ = known = self._names.pop(name)
        namesakes = tuple([other for other in known if other != uid])
        if namesakes:
            self._names[name] = namesakes
        self.dependencies.remove(job)
        # The name has another holder now, or the same as before.
        affected = namesakes if first == uid else ()
        for other in affected:
            self.on_affected(other)
        return affected

    def renew(self, *, behind: bool) -> None:
        """Another process may have acted on these jobs: forget the pending changes and the unconfirmed creates.

        Work in progress on an old entry ends with it. The outcomes of attempts stay, because attempts have unique
        names. `behind`: all cached objects may be stale.
        """
        self.requested_runs.renew()
        for uid, old in tuple(self._entries.items()):
            seen = old.observed
            kept = Observed(
                attempts=seen.attempts, absent=seen.absent, outcomes=seen.outcomes, final_output=seen.final_output
            )
            cached = CachedJob(job=old.job, version=old.version, base=old.base, status=old.base, observed=kept)
            cached.remembered.checked, cached.remembered.refusal = verdict(old.job, old.base)
            cached.accounting, cached.mark, cached.behind = old.accounting, old.accounting.mark, behind or old.behind
            cached.rebase(None if old.unreadable else old.base, old.version, now=self._clock.now())
            self._entries[uid] = cached

    def remove_attempt(self, body: Object) -> Iterable[str]:
        """A Job was deleted; `body` is its last state."""
        attempt = read_attempt(body)
        if attempt is None:
            return ()
        self.on_job_gone(attempt.namespace)
        cached = self._entries.get(attempt.owner)
        if cached is None:
            # Its DkronJob is gone, or was never seen.
            self._attempts.pop((attempt.owner, attempt.namespace), None)
            return (attempt.owner,)
        return self.mark_attempt_gone(attempt.owner, attempt.name, attempt) if _is_of(cached.job, attempt) else ()

    def mark_attempt_gone(self, owner: str, name: str, last: AttemptJob | None = None) -> Iterable[str]:
        """A Job no longer exists. If it is not recorded yet, it stays, marked as gone, until it is."""
        cached = self._entries.get(owner)
        if cached is None:
            return ()
        attempts = cached.observed.attempts
        known = attempts.get(name)
        if known is None or (last is not None and last.uid != known.uid):
            return ()
        if is_recorded(cached.base, name):
            del attempts[name]
            cached.observed.absent |= {name}
        else:
            attempts[name] = replace(last or known, gone=True)
        return (owner,)

    def on_deleted(self, *uids: str) -> Iterable[str]:
        """The objects with these uids, DkronJobs and Jobs, no longer exist."""
        found = [self.remove_job(uid) for uid in uids if uid in self._entries or uid in self._missed]
        # There may be as many Jobs as the cluster can hold: one pass finds all of them.
        gone = frozenset(uids)
        lost = [
            (owner, attempt)
            for owner, attempts in self._attempts.items()
            for attempt in attempts.values()
            if attempt.uid in gone
        ]
        for (owner, namespace), attempt in lost:
            if owner not in self._entries:
                self._attempts.pop((owner, namespace), None)
            found.append(self.mark_attempt_gone(owner, attempt.name))
        return [uid for affected in found for uid in affected]

    def requested_runs_of(self, cached: CachedJob) -> RunsOfJob:
        """The DkronRuns that are this job's. Of several jobs with one name, the oldest has them."""
        key = key_of(cached.job)
        return self.requested_runs.of_job(key) if self.holder(key) is cached else NO_RUNS

    def given(self, cached: CachedJob, attempt: Attempt) -> Mapping[str, str]:
        """The values that the DkronRun of this attempt gives to parameters; empty if there are none at hand."""
        run = self.requested_runs_of(cached).by_group(attempt.group) if attempt.parameters_given else None
        return {} if run is None else run.values or {}

    def duplicate(self, cached: CachedJob) -> Problem | None:
        """The problem that an older object in the namespace has the same Dkron name; None if there is none."""
        first = self.holder(key_of(cached.job))
        if first is None or first is cached:
            return None
        name = first.job.dkron_name
        return Problem("DuplicateName", f'DkronJob {first.job.name} already has the name "{name}"')

    def holder(self, key: Key) -> CachedJob | None:
        """The job with this Dkron name, to which DkronRuns and other jobs refer; the oldest if there are several."""
        uids = self._names.get(key)
        return None if uids is None else self._entries[uids[0]]

    def _add(self, body: Object, uid: str, version: int) -> Iterable[str]:
        metadata, read = body["metadata"], self._read_status(body)
        other = self._objects.get((metadata["namespace"], metadata["name"]), "")
        former = None if other == uid else self._entries.get(other)
        if former is not None and former.version > version:
            # The one that we know has replaced it, and its end is on its way.
            self._missed.add(uid)
            return ()
        orphaned = () if former is None else self.mark_missing(other)
        status = read or JobStatus()
        self._objects[metadata["namespace"], metadata["name"]] = uid
        job = view_of(body)
        observed = Observed(attempts=self._attempts_of(uid, job.namespace))
        cached = CachedJob(job=job, version=version, base=status, status=status, observed=observed)
        # A list may be old: the watch then delivers later changes one by one.
        cached.unreadable, cached.behind = read is None, True
        cached.remembered.checked, cached.remembered.refusal = verdict(job, status)
        cached.mark = cached.accounting.mark = status.last_schedule_time or FOREVER_AGO
        self._entries[uid] = cached
        self._namespaces.setdefault(job.namespace, set()).add(uid)
        self.on_stored(uid, status)
        younger = self._name(key_of(job), uid)
        self.dependencies.upsert(cached, None)
        return (uid, *younger, *orphaned)

    def _name(self, name: Key, uid: str) -> Sequence[str]:
        """The object gets its place among its namesakes, the oldest first. Returns the others if the name has
        another holder by that."""
        # Almost every name has one object: a set would take five times as much memory.
        known = self._names.get(name, ())
        place = bisect_left(known, self._age(uid), key=self._age)
        self._names[name] = (*known[:place], uid, *known[place:])
        return () if place else known

    def _age(self, uid: str) -> tuple[datetime, str]:
        return self._entries[uid].job.created, uid

    def _attempts_of(self, owner: str, namespace: str) -> dict[str, AttemptJob]:
        return self._attempts.setdefault((owner, namespace), {})


def _says_nothing_new(known: AttemptJob, attempt: AttemptJob, *, troubled: bool) -> bool:
    """Whether no plan depends on the change of a Job. The start of its pod matters if something was wrong with it."""
    if known.pending and attempt.state is AttemptState.RUNNING and not troubled:
        known = replace(known, pending=attempt.pending)
    return replace(known, version=attempt.version) == attempt


def _is_of(job: JobView, attempt: AttemptJob) -> bool:
    return (attempt.namespace, attempt.owner_name) == (job.namespace, job.name)
