"""The dependency graph: which job runs after which, by Dkron name within a namespace. A parent need not exist."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dkron_crds.depends import circle
from dkron_operator.plan.view import JobView

Key = tuple[str, str]
"""Namespace and Dkron name."""


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

    def __init__(self, holder: Callable[[Key], JobView | None]) -> None:
        self._holder = holder
        self._ties: dict[str, _Tie] = {}
        self._children: dict[Key, set[str]] = {}
        self._circles: dict[Key, tuple[Key, ...]] = {}

    def children(self, name: Key) -> Iterable[str]:
        """The uids of the jobs that run after the one of this name."""
        return self._children.get(name, ())

    def circle(self, name: Key) -> tuple[str, ...]:
        """The names on the path from a job over its parents back to itself; empty if there is none."""
        if name not in self._circles:
            self._circles[name] = circle(name, self._parents)
        return tuple(each for _, each in self._circles[name])

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
        for parent in tie.parents:
            self._children[parent].discard(uid)
            if not self._children[parent]:
                del self._children[parent]
        self._circles.clear()
        return {tie.own, *tie.parents}

    def below(self, name: Key) -> set[str]:
        """The uids of all jobs that run after this one, directly or indirectly: it may be part of their cycles."""
        found: set[str] = set()
        ahead = [name]
        while ahead:
            for uid in self.children(ahead.pop()):
                if uid not in found:
                    found.add(uid)
                    ahead.append(self._ties[uid].own)
        return found

    def _add(self, uid: str, tie: _Tie) -> set[Key]:
        self._ties[uid] = tie
        for parent in tie.parents:
            self._children.setdefault(parent, set()).add(uid)
        self._circles.clear()
        return {tie.own, *tie.parents}

    def _parents(self, name: Key) -> tuple[Key, ...]:
        job = self._holder(name)
        return () if job is None else parents_of(job)
