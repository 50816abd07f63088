"""Dependencies: which job runs after which, by Dkron name within a namespace, and which jobs to plan again when one of
them changes. A parent need not exist."""

from collections.abc import Callable, Collection, Iterable
from typing import Protocol

from dkron_crds.job import JobStatus
from dkron_operator.cache.circles import Circles
from dkron_operator.plan.situation.dependencies import NO_DEPENDENCIES, Child, Dependencies, Parent
from dkron_operator.plan.situation.view import JobView
from dkron_operator.plan.status.dependencies import key, published

Key = tuple[str, str]
"""Namespace and Dkron name."""
_Tie = tuple[str, tuple[str, ...]]
"""The name of a job, and the names of its parents."""


class Known(Protocol):
    """A DkronJob with the status that the API server has."""

    job: JobView
    base: JobStatus


def key_of(job: JobView) -> Key:
    """The key by which other jobs refer to this one."""
    return job.namespace, job.dkron_name


class DependencyGraph:
    """The graph of the jobs of a namespace, by Dkron name. `holder` finds the job that has a name."""

    def __init__(self, namespace: str, holder: Callable[[Key], Known | None]) -> None:
        self._namespace = namespace
        self._holder = holder
        self.ties: dict[str, _Tie] = {}
        self._children: dict[str, set[str]] = {}
        self.circles = Circles(self._parents)

    def children(self, name: str) -> Collection[str]:
        """The uids of the jobs that run after the one of this name."""
        return self._children.get(name, ())

    def holders(self, names: Iterable[str]) -> set[str]:
        """The uids of the jobs that have these names."""
        found = (self._holder((self._namespace, name)) for name in names)
        return {known.job.uid for known in found if known is not None}

    def upsert(self, job: JobView) -> set[str]:
        """Take in a new or edited job. Returns the parents that it gained or lost, and its own name if it is new."""
        # A job that is being deleted notes no more runs.
        tie = job.dkron_name, () if job.deleting else tuple(parent.job for parent in job.spec.parents)
        if self.ties.get(job.uid) == tie:
            return set()
        changed, self.ties[job.uid] = self.remove(job.uid), tie
        for parent in tie[1]:
            self._children.setdefault(parent, set()).add(job.uid)
        return changed ^ self._changed(tie)

    def remove(self, uid: str) -> set[str]:
        """The job no longer exists. Returns its parents and its own name."""
        tie = self.ties.pop(uid, None)
        if tie is None:
            return set()
        changed = self._changed(tie)
        for parent in tie[1]:
            self._children[parent].discard(uid)
            if not self._children[parent]:
                del self._children[parent]
        return changed

    def _changed(self, tie: _Tie) -> set[str]:
        if tie[0] in self._children:
            # A job without any below it closes no circle, and opens none.
            self.circles.change(tie[0])
        return {tie[0], *tie[1]}

    def _parents(self, name: str) -> tuple[str, ...]:
        known = self._holder((self._namespace, name))
        return () if known is None else self.ties[known.job.uid][1]


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
        self._graphs: dict[str, DependencyGraph] = {}

    def around(self, job: JobView) -> Dependencies:
        """The jobs around this one, as the API server has them."""
        name, graph = job.dkron_name, self._graph(job.namespace)
        children = graph.children(name)
        self._wake_all(graph.holders(graph.circles.update() - {name}))
        if not (job.spec.parents or children):
            return NO_DEPENDENCIES
        holder = self._holder(key_of(job))
        if holder is None or holder.job.uid != job.uid:
            # Dependent jobs name their parent: they follow the object that holds the name, which is another one.
            children = ()
        parents = {link.job: self._holder((job.namespace, link.job)) for link in job.spec.parents}
        return Dependencies(
            parents={name: _parent(p) for name, p in parents.items() if p is not None},
            children=tuple(_child(known, job) for known in map(self._entry, children) if known is not None),
            circle=graph.circles.names(name) if job.spec.parents else (),
        )

    def children(self, name: Key) -> Iterable[str]:
        """The uids of the jobs that run after the one of this name."""
        return self._graph(name[0]).children(name[1])

    def upsert(self, known: Known, before: JobStatus | None) -> None:
        """Take in a job. `before` is the status that the API server had so far; None if the job is new."""
        graph = self._graphs[known.job.namespace] = self._graph(known.job.namespace)
        self._wake_around(known.job, graph, graph.upsert(known.job))
        if before is not None:
            self._wake_for(known, graph, before)

    def remove(self, job: JobView) -> None:
        """The job no longer exists."""
        graph = self._graph(job.namespace)
        self._wake_around(job, graph, graph.remove(job.uid))
        if not graph.ties:
            self._graphs.pop(job.namespace, None)

    def _graph(self, namespace: str) -> DependencyGraph:
        """The graph of the namespace, or an empty one."""
        return self._graphs.get(namespace) or DependencyGraph(namespace, self._holder)

    def _wake_around(self, job: JobView, graph: DependencyGraph, changed: set[str]) -> None:
        """Wake the parents, which list their children, and the children, if they gained or lost this parent. The next
        plan of one of them wakes the jobs on its circles."""
        below = graph.children(job.dkron_name) if job.dkron_name in changed else ()
        self._wake_all({*graph.holders(changed - {job.dkron_name}), *below})

    def _wake_for(self, known: Known, graph: DependencyGraph, before: JobStatus) -> None:
        """Wake the jobs that wait for what the API server now has of this job."""
        if (known.base.ended, known.base.published) != (before.ended, before.published):
            self._wake_all(graph.children(known.job.dkron_name))
        if known.job.spec.ephemeral and known.base.ended:
            # It goes when the API server has all that there is to know of it.
            self._requeue(known.job.uid)
        if known.base.heard != before.heard:
            self._wake_all(graph.holders(graph.ties[known.job.uid][1]))

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
