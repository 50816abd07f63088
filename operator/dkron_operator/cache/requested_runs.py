"""All DkronRuns by uid, as small views, and for each job those that wait, go on or have ended.

A namespace may have any number of them. Of those that wait, a bounded number is held, each as a small view, and what a
plan sees of one job is bounded, too.
"""

import logging
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import islice
from types import MappingProxyType
from typing import Any, TypeVar

from dkron_crds.run import RunStatus
from dkron_operator.cache.dependencies import Key
from dkron_operator.kit.object_guard import ObjectGuard, path_of
from dkron_operator.plan.situation.requested_runs import NO_RUNS, RequestedRun, RunsOfJob, read_requested_run, shortened

T = TypeVar("T", tuple[datetime, str], tuple[datetime, tuple[bool, int], str])
log = logging.getLogger(__name__)

MOST_KNOWN = 256
"""How many undecided DkronRuns of one job a plan sees: the oldest. The others follow as those are decided."""
MOST_ENDED = 1000
"""How many ended DkronRuns of one job are looked at at once: more than a job keeps."""
MOST_WAITING = 10_000
"""How many undecided DkronRuns of one namespace are held. More are listed again once half of these are decided."""


def _nobody(uid: str) -> None:
    """No backfill waits for its runs."""


@dataclass(slots=True)
class _OfJob:
    """The DkronRuns of one job, by uid, in the order of their creation or of their end."""

    waiting: list[tuple[datetime, tuple[bool, int], str]] = field(default_factory=list)
    decided: dict[int, str] = field(default_factory=dict)
    ended: list[tuple[datetime, str]] = field(default_factory=list)
    view: RunsOfJob | None = None

    def __bool__(self) -> bool:
        return bool(self.waiting or self.decided or self.ended)


class RequestedRuns:
    """The cache of DkronRuns. Methods that take something in return the key of the job that it concerns, if any.

    `of_backfill` is told the uid of the DkronBackfill whose DkronRun has changed, or is gone.
    """

    def __init__(self, *, of_backfill: Callable[[str], None] = _nobody) -> None:
        self._of_backfill = of_backfill
        self._runs: dict[str, RequestedRun] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._jobs: dict[Key, _OfJob] = {}
        self._unlisted: set[str | None] = set()
        self._waiting: Counter[str] = Counter()
        self._crowded: set[str] = set()
        self._guard = ObjectGuard(log)

    def __len__(self) -> int:
        return len(self._runs)

    def read(self, body: dict[str, Any], *, with_values: bool = False) -> RequestedRun | None:
        """Read a DkronRun; None if it does not match its definition, or the operator fails to read it. Each version of
        it is logged once. The values of its parameters are read only on request."""
        run = self._guard.read("DkronRun", body, partial(read_requested_run, with_values=with_values))
        if run is None and self._guard.is_news(body):
            log.warning("DkronRun %s does not match its definition", path_of(body["metadata"]))
        return run

    def get(self, uid: str) -> RequestedRun | None:
        """The DkronRun with this uid."""
        return self._runs.get(uid)

    def named(self, namespace: str, name: str) -> RequestedRun | None:
        """The DkronRun with this name."""
        return self._runs.get(self._names.get((namespace, name), ""))

    def namespace_of(self, uid: str) -> str:
        """The namespace of a DkronRun; empty if it does not exist."""
        run = self._runs.get(uid)
        return "" if run is None else run.namespace

    def has(self, key: Key) -> bool:
        """Whether any DkronRun names this job."""
        return key in self._jobs

    def jobs(self) -> list[Key]:
        """The keys of the jobs that DkronRuns name."""
        return list(self._jobs)

    def of_job(self, key: Key) -> RunsOfJob:
        """The DkronRuns of a job that have not ended."""
        awaited = bool({key[0], None} & self._unlisted)
        listed = not awaited and key[0] not in self._crowded
        jobs = self._jobs.get(key)
        if jobs is None:
            return NO_RUNS if listed else RunsOfJob(listed=False, awaited=awaited)
        if jobs.view is None or (jobs.view.listed, jobs.view.awaited) != (listed, awaited):
            undecided = tuple(self._runs[uid] for *_, uid in islice(jobs.waiting, MOST_KNOWN))
            decided = {group: self._runs[uid] for group, uid in jobs.decided.items()}
            jobs.view = RunsOfJob(undecided, MappingProxyType(decided), listed, awaited)
        return jobs.view

    def ended(self, key: Key) -> Iterator[RequestedRun]:
        """The oldest of a job that have ended and that the operator deletes in time."""
        jobs = self._jobs.get(key)
        return iter(()) if jobs is None else (self._runs[uid] for _, uid in jobs.ended[:MOST_ENDED])

    def count_ended(self, key: Key) -> int:
        """How many of a job have ended and are deleted in time."""
        jobs = self._jobs.get(key)
        return 0 if jobs is None else len(jobs.ended)

    def to_be_listed(self, namespace: str) -> bool:
        """Whether DkronRuns of the namespace were left out, and there is room for some of them by now."""
        return namespace in self._crowded and self._waiting[namespace] <= MOST_WAITING // 2

    def list_again(self, namespace: str) -> None:
        """The DkronRuns of a namespace are about to be listed once more."""
        self._crowded.discard(namespace)

    def await_list(self, namespace: str | None) -> None:
        """The DkronRuns of a namespace, or of all (None), are about to be listed."""
        self._unlisted.add(namespace)

    def give_up(self, namespace: str | None) -> None:
        """They cannot be listed, so none of them is decided."""
        self._unlisted.discard(namespace)

    def replace(self, namespace: str | None, runs: Iterable[RequestedRun], version: int) -> set[Key]:
        """These were all DkronRuns of a namespace, or of all (None), at this resource version."""
        first = namespace in self._unlisted
        self._unlisted.discard(namespace)
        found = {run.uid: run for run in runs}
        gone = [
            run for run in self._runs.values()
            if run.uid not in found and run.version <= version and namespace in (None, run.namespace)
        ]  # fmt: skip
        changed = {self.remove(run.uid) for run in gone} | {self.upsert(run) for run in found.values()}
        keys = {key for key in changed if key is not None}
        return keys | set(self._jobs) if first else keys

    def upsert(self, run: RequestedRun) -> Key | None:
        """Take in a DkronRun."""
        known = self._runs.get(run.uid)
        if known is not None:
            if run.version < known.version or (run.version == known.version and run.values is None):
                return None
            self._remove(known)
            run = replace(run, place=known.place)
            if run.values is None and not run.decided:
                run = replace(run, values=known.values)
        elif not (run.decided or run.deleting) and self._waiting[run.namespace] >= MOST_WAITING:
            self._crowded.add(run.namespace)
            return None
        self._add(run)
        return run.namespace, run.job

    def wrote(self, run: RequestedRun, status: RunStatus, version: int) -> Key | None:
        """The API server has taken this status, and the object has this version since."""
        return self.upsert(shortened(replace(run, status=status, version=version, values=None)))

    def remove(self, uid: str) -> Key | None:
        """A DkronRun is gone."""
        run = self._runs.get(uid)
        if run is None:
            return None
        self._remove(run)
        del self._runs[uid]
        if self._names.get((run.namespace, run.name)) == uid:
            del self._names[run.namespace, run.name]
        return run.namespace, run.job

    def renew(self) -> None:
        """Another process may have decided some of them: each is read again before it is decided."""
        for run in [run for run in self._runs.values() if run.values is not None]:
            self._runs[run.uid] = replace(run, values=None)
        for jobs in self._jobs.values():
            jobs.view = None

    def _add(self, run: RequestedRun) -> None:
        self._runs[run.uid] = run
        self._names[run.namespace, run.name] = run.uid
        if run.backfill:
            self._of_backfill(run.backfill)
        jobs = self._jobs.setdefault((run.namespace, run.job), _OfJob())
        jobs.view = None
        if run.ended:
            if _is_deleted_in_time(run):
                insort(jobs.ended, _end(run))
        elif run.decided:
            jobs.decided[run.group] = run.uid
        elif not run.deleting:
            # A DkronRun that is being deleted requests nothing.
            insort(jobs.waiting, _age(run))
            self._waiting[run.namespace] += 1

    def _remove(self, run: RequestedRun) -> None:
        if run.backfill:
            self._of_backfill(run.backfill)
        key = run.namespace, run.job
        jobs = self._jobs.get(key)
        if jobs is None:
            return
        jobs.view = None
        if run.ended:
            _discard(jobs.ended, _end(run))
        elif run.decided:
            jobs.decided.pop(run.group, None)
        elif _discard(jobs.waiting, _age(run)):
            self._waiting[run.namespace] -= 1
        if not jobs:
            del self._jobs[key]


def _is_deleted_in_time(run: RequestedRun) -> bool:
    """Whether it is deleted here. The runs of a backfill show how far it is, and go with it."""
    return not (run.deleting or run.backfill)


def _age(run: RequestedRun) -> tuple[datetime, tuple[bool, int], str]:
    return run.created, run.place, run.uid


def _end(run: RequestedRun) -> tuple[datetime, str]:
    return run.status.finished_at or run.created, run.uid


def _discard(ordered: list[T], item: T) -> bool:
    """Remove the item. Returns whether it was there."""
    place = bisect_left(ordered, item)
    if place == len(ordered) or ordered[place] != item:
        return False
    del ordered[place]
    return True
