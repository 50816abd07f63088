"""The store: all DkronJobs and their Jobs by uid, as small views. The newest version of an object wins, whether the
watch, a list or the answer to a write of our own brings it.

Resource versions are compared as numbers, which Kubernetes allows since KEP-5504 and which has always worked.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from dkron_crds.bounds import unreadable
from dkron_crds.job import Active, JobStatus, ReadyReason
from dkron_kube.paths import DKRON_JOBS, JOBS, Resource
from dkron_operator.cache.dependencies import DependencyTracker
from dkron_operator.cache.dependency_graph import Key, key_of
from dkron_operator.cache.write_accounting import WriteAccounting
from dkron_operator.executors.problem import Problem
from dkron_operator.kit.clock import Clock
from dkron_operator.notifications import read_notify
from dkron_operator.plan.fold import Change, Decided, MarkTakenBack, fold_all, is_recorded
from dkron_operator.plan.read import (
    is_accepted,
    is_named_after_its_cause,
    read_job,
    read_requests,
    read_run,
    read_status,
    read_stops,
    status_written,
    unreadable_job,
)
from dkron_operator.plan.unknown_jobs import is_ahead
from dkron_operator.plan.upstream_runs import Fullness
from dkron_operator.plan.view import AttemptJob, JobView, Outcome, Trouble
from dkron_operator.telemetry.metrics import Metrics

Object = dict[str, Any]
log = logging.getLogger(__name__)
Place = tuple[Resource, str, str]
"""Resource, namespace and name of an object."""
Owner = tuple[str, str]
"""The uid of a DkronJob, and the namespace of Jobs that name it as their owner."""
LONG_AGO = datetime.min.replace(tzinfo=UTC)
NEVER = float("-inf")


@dataclass(slots=True)
class CachedJob:
    """One DkronJob with everything that the operator knows about it."""

    # What the API server has, and what is pending on top of it.

    job: JobView

    version: int
    """The resourceVersion of `base`, as a number."""

    base: JobStatus
    """The status that the API server has."""

    status: JobStatus
    """`base` with the pending changes folded in."""

    pending: list[Change] = field(default_factory=list)
    """Changes that are still to be written."""

    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while the status or the annotation is being written."""

    accounting: WriteAccounting = field(default_factory=WriteAccounting)

    # What this process remembers of its decisions.

    mark: datetime = LONG_AGO
    """The newest slot ever seen decided; it moves back only if it was ahead of the clock."""

    fireable_since: float = NEVER
    """Since when its slots could be fired, in seconds of the monotonic clock."""

    unconfirmed_create: Active | None = None
    """An attempt whose create call got no answer."""

    refusal: Problem | None = None
    """What the last dry run found wrong."""

    checked: int = -1
    """The generation that the dry run was made for; -1 if there was none."""

    full: Fullness | None = None
    """Set while the status has no room to show another ended run."""

    unmarked: bool = False
    """The API server refused the annotation that says that the job is accepted."""

    # What was observed.

    runs: dict[str, AttemptJob] = field(default_factory=dict)
    """Its Jobs, by name."""

    confirmed: set[str] = field(default_factory=set)
    """Uids of Jobs unknown to the status that were checked against the API server and are new."""

    absent: set[str] = field(default_factory=set)
    """Names of Jobs that are confirmed to be gone."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    """How attempts ended that are not recorded yet, by the name of the Job."""

    troubles: dict[str, Trouble] = field(default_factory=dict)
    """Why pods do not start, by the name of the Job."""

    probed: dict[str, datetime] = field(default_factory=dict)
    """When a pod that does not start was last checked, by the name of the Job."""

    last_words: dict[str, Outcome] = field(default_factory=dict)
    """What the pods of Jobs that are being stopped have reported so far, by the name of the Job."""

    unreadable: bool = False
    """The status could not be parsed, and counts as wiped."""

    behind: bool = False
    """The cached object may be so old that a slot which has already run would look due."""

    def note(self, *changes: Change) -> None:
        """Change the status; the write follows later."""
        # What cannot be folded is not remembered either: it would fail again with each version of the object.
        status = fold_all(self.status, changes, self.job.spec.history)
        self.pending += changes
        self.status = status
        if any(isinstance(change, MarkTakenBack) for change in changes):
            self.mark = LONG_AGO
        self._remember()

    def mark_job_deleting(self, name: str) -> None:
        """The Job was deleted and goes once the watch says so, which may have happened before the answer arrived."""
        run = self.runs.get(name)
        if run is not None:
            self.runs[name] = replace(run, deleting=True)

    def settle(self, count: int, base: JobStatus, version: int) -> None:
        """The first `count` pending changes were written; the result is `base`."""
        taken_back = any(isinstance(change, MarkTakenBack) for change in self.pending[:count])
        del self.pending[:count]
        if version > self.version:
            # The API server takes a write only from who has the newest version.
            self.version, self.base, self.unreadable, self.behind = version, base, False, False
            if taken_back:
                self.accounting.forget_mark()
            self.accounting.remember(base)
        self.status = fold_all(self.base, self.pending, self.job.spec.history)

    def rebase(self, read: JobStatus | None, version: int, *, now: datetime) -> None:
        """Another writer changed the status: fold the pending changes onto `read`. None means that it cannot be parsed,
        and counts as wiped."""
        base = read or JobStatus()
        self.version, self.base, self.unreadable = version, base, read is None
        if self.mark > (base.last_schedule_time or LONG_AGO) and self.mark is not LONG_AGO:
            if is_ahead(self.mark, now):
                # Another replica has taken back a mark that a wrong clock or a hand had set.
                self.mark = LONG_AGO
                self.accounting.forget_mark()
                self.accounting.remember(base)
            else:
                # A mark never moves back while we remember it, whatever a hand writes.
                self.pending.append(Decided(self.mark))
        self.status = fold_all(base, self.pending, self.job.spec.history)
        self._remember()

    def _remember(self) -> None:
        self.mark = max(self.mark, self.status.last_schedule_time or LONG_AGO)


def _nobody(uid: str, status: JobStatus | None) -> None:
    """No accounting."""


def _nowhere(uid: str) -> None:
    """No queue takes jobs whose dependencies have changed."""


def _ignore(job: JobView, run: AttemptJob) -> None:
    """Do not report foreign Jobs."""


class Store:
    """All entries. What it returns to the caller is the uid whose situation has changed, if any.

    `account` is told each status that the API server has, by uid; None when the DkronJob is gone. `foreign` is told of
    a Job that names a DkronJob as its owner and was not made for it. `requeue` is told the uid of each job that a
    change of another one concerns.
    """

    def __init__(
        self,
        *,
        account: Callable[[str, JobStatus | None], None] = _nobody,
        foreign: Callable[[JobView, AttemptJob], None] = _ignore,
        requeue: Callable[[str], None] = _nowhere,
        metrics: Metrics | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._account = account
        self._foreign = foreign
        self.metrics = metrics or Metrics()
        self._clock = clock or Clock()
        self._entries: dict[str, CachedJob] = {}
        self._runs: dict[Owner, dict[str, AttemptJob]] = {}
        self._names: dict[Key, set[str]] = {}
        self._objects: dict[tuple[str, str], str] = {}
        self._missed: set[str] = set()
        self.dependencies = DependencyTracker(self._holder, self.get, requeue=requeue)

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[CachedJob]:
        return iter(self._entries.values())

    def get(self, uid: str) -> CachedJob | None:
        """The cached job with this uid; None if it does not exist."""
        return self._entries.get(uid)

    def namespace_of(self, uid: str) -> str:
        """The namespace of a DkronJob; empty if it does not exist."""
        entry = self._entries.get(uid)
        return "" if entry is None else entry.job.namespace

    def namespace_of_run(self, key: tuple[str, str]) -> str:
        """The namespace of a Job, by the uid of its DkronJob and its name."""
        return self.namespace_of(key[0])

    def places(self) -> dict[str, Place | None]:
        """Where all known DkronJobs and Jobs are, by uid; None where the place is not known."""
        found: dict[str, Place | None] = dict.fromkeys(self._missed)
        for uid, entry in self._entries.items():
            found[uid] = (DKRON_JOBS, entry.job.namespace, entry.job.name)
        for (owner, namespace), runs in self._runs.items():
            for run in runs.values():
                found[run.uid] = (JOBS, namespace, run.name) if owner in self._entries else None
        return found

    def parents(self, entry: CachedJob) -> list[CachedJob]:
        """The jobs that it runs after, as far as they exist."""
        found = (self._holder((entry.job.namespace, link.job)) for link in entry.job.spec.parents)
        return [parent for parent in found if parent is not None]

    def see_job(self, body: Object) -> Iterable[str]:
        """Take in a DkronJob."""
        metadata = body["metadata"]
        uid, version = metadata["uid"], int(metadata["resourceVersion"])
        entry = self._entries.get(uid)
        if uid in self._missed:
            return ()
        if entry is None:
            return self._add(body, uid, version)
        if version <= entry.version:
            return ()
        entry.job = _read(body, entry.job)
        before = entry.base
        entry.rebase(read_status(body), version, now=self._clock.now())
        self.metrics.wrote(entry.accounting.see(before, entry.base))
        self._account(uid, entry.base)
        self.dependencies.see(entry, before)
        return (uid,)

    def settle(self, entry: CachedJob, count: int, *, base: JobStatus, version: int) -> None:
        """The first `count` pending changes of the entry were written; the result is `base`."""
        before = entry.base
        entry.settle(count, base, version)
        if self._entries.get(entry.job.uid) is entry:
            self._account(entry.job.uid, entry.base)
            self.dependencies.see(entry, before)

    def mark_deleting(self, entry: CachedJob) -> None:
        """The DkronJob was deleted, and goes once the watch says so."""
        entry.job = replace(entry.job, deleting=True)
        self.dependencies.see(entry, entry.base)

    def see_run(self, body: Object) -> Iterable[str]:
        """Take in a Job. A new version that changes only what the operator ignores affects no DkronJob."""
        run = read_run(body)
        if run is None:
            return ()
        entry = self._entries.get(run.owner)
        if not is_named_after_its_cause(run) or (entry is not None and not _is_of(entry.job, run)):
            if entry is not None:
                self._foreign(entry.job, run)
            return ()
        runs = self._runs_of(run.owner, run.namespace)
        known = runs.get(run.name)
        if known is not None and known.uid == run.uid and (known.version >= run.version or known.gone):
            return ()
        runs[run.name] = run
        return () if known is not None and replace(known, version=run.version) == run else (run.owner,)

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
        entry = self._entries.pop(uid, None)
        if entry is None:
            return ()
        self._runs.pop((uid, entry.job.namespace), None)
        self._account(uid, None)
        if self._objects.get((entry.job.namespace, entry.job.name)) == uid:
            del self._objects[entry.job.namespace, entry.job.name]
        key = key_of(entry.job)
        namesakes = self._names[key]
        namesakes.discard(uid)
        if not namesakes:
            del self._names[key]
        self.dependencies.lose(entry.job)
        return sorted(namesakes)

    def renew(self, *, behind: bool) -> None:
        """Another process may have acted on these jobs: forget the pending changes and the unconfirmed creates.

        Work in progress on an old entry ends with it. The outcomes of attempts stay, because attempts have unique
        names. `behind`: all cached objects may be stale.
        """
        for uid, old in tuple(self._entries.items()):
            entry = CachedJob(job=old.job, version=old.version, base=old.base, status=old.base, runs=old.runs)
            entry.outcomes, entry.last_words, entry.accounting = old.outcomes, old.last_words, old.accounting
            entry.checked, entry.refusal = verdict(old.job, old.base)
            entry.mark, entry.behind, entry.absent = old.accounting.mark, behind or old.behind, old.absent
            entry.rebase(None if old.unreadable else old.base, old.version, now=self._clock.now())
            self._entries[uid] = entry

    def lose_run(self, body: Object) -> Iterable[str]:
        """A Job was deleted; `body` is its last state."""
        run = read_run(body)
        if run is None:
            return ()
        entry = self._entries.get(run.owner)
        if entry is None:
            # Its DkronJob is gone, or was never seen.
            self._runs.pop((run.owner, run.namespace), None)
            return (run.owner,)
        return self.lose_run_of(run.owner, run.name, run) if _is_of(entry.job, run) else ()

    def lose_run_of(self, owner: str, name: str, last: AttemptJob | None = None) -> Iterable[str]:
        """A Job no longer exists. If it is not recorded yet, it stays, marked as gone, until it is."""
        entry = self._entries.get(owner)
        if entry is None:
            return ()
        runs = entry.runs
        known = runs.get(name)
        if known is None or (last is not None and last.uid != known.uid):
            return ()
        if is_recorded(entry.base, name):
            del runs[name]
            entry.absent.add(name)
        else:
            runs[name] = replace(last or known, gone=True)
        return (owner,)

    def on_deleted(self, uid: str) -> Iterable[str]:
        """The object with this uid, a DkronJob or a Job, no longer exists."""
        if uid in self._entries or uid in self._missed:
            return self.lose_job(uid)
        for (owner, namespace), runs in self._runs.items():
            for run in runs.values():
                if run.uid == uid:
                    if owner not in self._entries:
                        del self._runs[owner, namespace]
                    return self.lose_run_of(owner, run.name)
        return ()

    def duplicate(self, entry: CachedJob) -> Problem | None:
        """The problem that another object in the namespace has the same Dkron name; None if there is none. The older
        object keeps the name."""
        first = self._holder(key_of(entry.job))
        if first is None or first is entry:
            return None
        name = first.job.dkron_name
        return Problem("DuplicateName", f'DkronJob {first.job.name} already has the name "{name}"')

    def _holder(self, key: Key) -> CachedJob | None:
        """The job with this Dkron name; the oldest if there are several."""
        uids = self._names.get(key)
        if uids is None:
            return None
        entries = (self._entries[uid] for uid in uids)
        return min(entries, key=lambda entry: (entry.job.created, entry.job.uid))

    def _add(self, body: Object, uid: str, version: int) -> Iterable[str]:
        job, read = _read(body), read_status(body)
        former = self._entries.get(self._objects.get((job.namespace, job.name), ""))
        if former is not None and former.version > version:
            # It has made room for the one that we know, and its end is on its way.
            self._missed.add(uid)
            return ()
        orphaned = () if former is None else self.miss_job(former.job.uid)
        status = read or JobStatus()
        entry = CachedJob(job=job, version=version, base=status, status=status, runs=self._runs_of(uid, job.namespace))
        # A list may be old, and a watch then tells what has happened since, one by one.
        entry.unreadable, entry.behind = read is None, True
        entry.checked, entry.refusal = verdict(job, status)
        entry.mark = entry.accounting.mark = status.last_schedule_time or LONG_AGO
        self._entries[uid] = entry
        self._objects[job.namespace, job.name] = uid
        self._account(uid, status)
        namesakes = self._names.setdefault(key_of(job), set())
        namesakes.add(uid)
        self.dependencies.see(entry, None)
        return sorted({*namesakes, *orphaned})

    def _runs_of(self, owner: str, namespace: str) -> dict[str, AttemptJob]:
        return self._runs.setdefault((owner, namespace), {})


def _is_of(job: JobView, run: AttemptJob) -> bool:
    return (run.namespace, run.owner_name) == (job.namespace, job.name)


def _read(body: Object, known: JobView | None = None) -> JobView:
    """Read the DkronJob. An object that cannot be read becomes a job with that problem, logged once for each
    generation. It does not affect other jobs, and nothing is retried before it changes."""
    try:
        job = read_job(body) if known is None or _is_other(body, known) else _annotated(body, known)
    except Exception as exc:
        job = unreadable_job(body, f"the operator cannot read it ({type(exc).__name__})")
        if known is None or known.problem != job.problem or known.generation != job.generation:
            log.exception("DkronJob %s/%s cannot be read", job.namespace, job.name)
        return job
    if job.problem is not None and job.problem.reason == ReadyReason.UNREADABLE and job.generation != _seen(known):
        log.warning("DkronJob %s/%s: %s", job.namespace, job.name, job.problem.message)
    return job


def _is_other(body: Object, known: JobView) -> bool:
    """Whether the spec differs from the known one, or could not be read so far."""
    unread = known.problem is not None and known.problem.reason == ReadyReason.UNREADABLE
    return unread or bool(unreadable(body)) or body["metadata"].get("generation", 0) != known.generation


def _seen(known: JobView | None) -> int:
    return -1 if known is None else known.generation


def _annotated(body: Object, known: JobView) -> JobView:
    """The known job with new metadata."""
    metadata = body["metadata"]
    return replace(
        known,
        requests=read_requests(metadata),
        stops=read_stops(metadata),
        notify=read_notify(metadata),
        deleting="deletionTimestamp" in metadata,
        accepted=is_accepted(metadata),
        status_written=known.status_written or status_written(metadata),
    )


def verdict(job: JobView, status: JobStatus) -> tuple[int, Problem | None]:
    """The generation that a dry run was made for and what it found, from the status that an earlier process wrote."""
    ready = next((condition for condition in status.conditions if condition.type == "Ready"), None)
    if ready is None or ready.observed_generation != job.generation:
        return -1, None
    if ready.status == "True":
        return job.generation, None
    refused = ready.status == "False" and ready.reason == "InvalidTemplate"
    # Refused before is refused now, until the API server is asked again: it may have changed its mind.
    return -1, Problem("InvalidTemplate", ready.message) if refused else None
