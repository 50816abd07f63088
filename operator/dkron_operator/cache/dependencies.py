"""Dependencies: which job runs after which, by Dkron name within a namespace, and which jobs to plan again when one of
them changes. A parent need not exist."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from dkron_crds.job import JobStatus
from dkron_operator.cache.circles import Circles
from dkron_operator.plan.situation.dependencies import NO_DEPENDENCIES, Child, Dependencies, Parent
from dkron_operator.plan.situation.view import JobView
from dkron_operator.plan.status.dependencies import key, published

Key = tuple[str, str]
"""Namespace and Dkron name."""


class Known(Protocol):
    """A DkronJob with the status that the API server has."""

    job: JobView
    base: JobStatus


def key_of(job: JobView) -> Key:
    """The key by which other jobs refer to this one."""
    return job.namespace, job.dkron_name


def parents_of(job: JobView) -> tuple[Key, ...]:
    """The jobs that this one runs after."""
    return tuple((job.namespace, parent.job) for parent in job.spec.parents)


@dataclass(frozen=True, slots=True)
class _Tie:
    own: Key
    parents: tuple[Key, ...]


class DependencyGraph:
    """The graph of all jobs. `holder` finds the job that has a name."""

    def __init__(self, holder: Callable[[Key], Known | None]) -> None:
        self._holder = holder
        self._ties: dict[str, _Tie] = {}
        self._children: dict[Key, set[str]] = {}
        self.circles = Circles(self._parents)

    def children(self, name: Key) -> Iterable[str]:
        """The uids of the jobs that run after the one of this name."""
        return self._children.get(name, ())

    def upsert(self, job: JobView) -> set[Key]:
        """Take in a new or edited job. Returns the parents that it gained or lost, and its own name if it is new."""
        # A job that is being deleted notes no more runs.
        tie = _Tie(key_of(job), () if job.deleting else parents_of(job))
        return set() if self._ties.get(job.uid) == tie else self.remove(job.uid) ^ self._add(job.uid, tie)

    def remove(self, uid: str) -> set[Key]:
        """The job no longer exists. Returns its parents and its own name."""
        tie = self._ties.pop(uid, None)
        if tie is None:
            return set()
        changed = self._changed(tie)
        for parent in tie.parents:
            self._children[parent].discard(uid)
            if not self._children[parent]:
                del self._children[parent]
        return changed

    def _add(self, uid: str, tie: _Tie) -> set[Key]:
        self._ties[uid] = tie
        for parent in tie.parents:
            self._children.setdefault(parent, set()).add(uid)
        return self._changed(tie)

    def _changed(self, tie: _Tie) -> set[Key]:
        if tie.own in self._children:
            # A job without any below it closes no circle, and opens none.
            self.circles.change(tie.own)
        return {tie.own, *tie.parents}

    def _parents(self, name: Key) -> tuple[Key, ...]:
        known = self._holder(name)
        return () if known is None or known.job.deleting else parents_of(known.job)


class DependencyTracker:
    """The jobs around each job. `holder` finds who has a name, `entry` who has a uid.

    `requeue` is told the uids of those whose situation has changed.
    """

    def __init__(
        self,
        holder: Callable[[Key], Known | None],
        entry: Callable[[str], Known | None],
        *,
        requeue: Callable[[str], None],
    ) -> None:
        self._requeue = requeue
        self._holder = holder
        self._entry = entry
        self._graph = DependencyGraph(holder)

    def around(self, job: JobView) -> Dependencies:
        """The jobs around this one, as the API server has them."""
        name = key_of(job)
        affected = map(self._holder, self._graph.circles.update() - {name})
        self._wake_all(known.job.uid for known in affected if known is not None)
        children = self._graph.children(name)
        if not (job.spec.parents or children):
            return NO_DEPENDENCIES
        holder = self._holder(name)
        if holder is None or holder.job.uid != job.uid:
            # Dependent jobs name their parent: they follow the object that holds the name, which is another one.
            children = ()
        parents = {link.job: self._holder((job.namespace, link.job)) for link in job.spec.parents}
        return Dependencies(
            parents={name: _parent(p) for name, p in parents.items() if p is not None},
            children=tuple(_child(known, job) for known in map(self._entry, children) if known is not None),
            circle=self._graph.circles.names(name) if job.spec.parents else (),
        )

    def children(self, name: Key) -> Iterable[str]:
        """The uids of the jobs that run after the one of this name."""
        return self._graph.children(name)

    def upsert(self, known: Known, before: JobStatus | None) -> None:
        """Take in a job. `before` is the status that the API server had so far; None if the job is new."""
        self._wake_around(known.job, self._graph.upsert(known.job))
        if before is not None:
            self._wake_for(known, before)

    def remove(self, job: JobView) -> None:
        """The job no longer exists."""
        self._wake_around(job, self._graph.remove(job.uid))

    def _wake_around(self, job: JobView, changed: set[Key]) -> None:
        """Wake the parents, which list their children, and the children, if they gained or lost this parent. The next
        plan of one of them wakes the jobs on its circles."""
        name = key_of(job)
        parents = map(self._holder, changed - {name})
        below = self._graph.children(name) if name in changed else ()
        self._wake_all({parent.job.uid for parent in parents if parent is not None} | {*below})

    def _wake_for(self, known: Known, before: JobStatus) -> None:
        """Wake the jobs that wait for what the API server now has of this job."""
        if (known.base.ended, known.base.published) != (before.ended, before.published):
            self._wake_all(self._graph.children(key_of(known.job)))
        if known.job.spec.ephemeral and known.base.ended:
            # It goes when the API server has all that there is to know of it.
            self._requeue(known.job.uid)
        if known.base.heard != before.heard:
            parents = map(self._holder, parents_of(known.job))
            self._wake_all({parent.job.uid for parent in parents if parent is not None})

    def _wake_all(self, uids: Iterable[str]) -> None:
        for uid in tuple(uids):
            self._requeue(uid)


def _parent(known: Known) -> Parent:
    status = known.base
    last_end = max((at for at in (status.last_success, status.last_error) if at is not None), default=None)
    return Parent(known.job.uid, status.ended, published(status), status.rebuilt_at, last_end)


def _child(known: Known, parent: JobView) -> Child:
    when = next(link.when for link in known.job.spec.parents if link.job == parent.dkron_name)
    return Child(known.job.dkron_name, when, frozenset(map(key, known.base.heard)))
