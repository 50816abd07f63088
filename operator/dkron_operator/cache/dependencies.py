"""What each plan has to know of other jobs, and which jobs to plan again when one of them changes."""

from collections.abc import Callable, Iterable
from typing import Protocol

from dkron_crds.job import JobStatus
from dkron_operator.cache.dependency_graph import DependencyGraph, Key, key_of, parents_of
from dkron_operator.plan.dependencies import ALONE, Child, Dependencies, Parent
from dkron_operator.plan.dependency_changes import key, published
from dkron_operator.plan.view import JobView


class Known(Protocol):
    """A DkronJob with the status that the API server has."""

    job: JobView
    base: JobStatus


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
        self._graph = DependencyGraph(self._job_of)

    def of(self, job: JobView) -> Dependencies:
        """The jobs around this one, as the API server has them."""
        name = key_of(job)
        children = self._graph.children(name)
        if not (job.spec.parents or children):
            return ALONE
        holder = self._holder(name)
        if holder is None or holder.job.uid != job.uid:
            # Dependent jobs name their parent: they follow the object that holds the name, which is another one.
            children = ()
        parents = {link.job: self._holder((job.namespace, link.job)) for link in job.spec.parents}
        return Dependencies(
            parents={name: _parent(p) for name, p in parents.items() if p is not None},
            children=tuple(_child(known, job) for known in map(self._entry, children) if known is not None),
            circle=self._graph.circle(name) if job.spec.parents else (),
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
        """Wake the parents, which list their children, and all jobs below: they gain or lost a parent, or a cycle."""
        if not changed:
            return
        parents = map(self._holder, changed - {key_of(job)})
        self._wake_all({parent.job.uid for parent in parents if parent is not None} | self._graph.below(key_of(job)))

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

    def _job_of(self, name: Key) -> JobView | None:
        known = self._holder(name)
        return None if known is None else known.job


def _parent(known: Known) -> Parent:
    status = known.base
    last_end = max((at for at in (status.last_success, status.last_error) if at is not None), default=None)
    return Parent(known.job.uid, status.ended, published(status), status.rebuilt_at, last_end)


def _child(known: Known, parent: JobView) -> Child:
    when = next(link.when for link in known.job.spec.parents if link.job == parent.dkron_name)
    return Child(known.job.dkron_name, when, frozenset(map(key, known.base.heard)))
