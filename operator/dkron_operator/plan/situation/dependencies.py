"""The other jobs that a plan knows of: those that its job runs after, and those that run after it.

All of it is what the API server has. A change that another job only plans to write is not true yet, and a crash may
undo it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from dkron_crds.base import saturated
from dkron_crds.job import Ended, GroupStatus, Published, When

NOTHING = Published()
GroupKey = tuple[str, int]
"""A run of a job: the job's uid and the group."""


@dataclass(frozen=True, slots=True)
class Parent:
    """A job that this one runs after."""

    uid: str
    ended: tuple[Ended, ...]
    """The ended runs that it still shows."""

    published: Published = NOTHING
    """How many runs it has shown since its status was rebuilt."""

    rebuilt_at: datetime | None = None
    last_end: datetime | None = None
    """When the latest of all its attempts ended; None if that is unknown, because a client has cleared it."""

    def shows(self, group: int) -> bool:
        """Whether it still shows this run, so that dependent jobs can note it."""
        return any(ended.group == group for ended in self.ended)

    def has_published(self, when: When) -> int:
        """How many runs with a matching result it has ever shown."""
        counts = ((True, self.published.success), (False, self.published.failed))
        return saturated(sum(count for success, count in counts if when.fits(success=success)))


@dataclass(frozen=True, slots=True)
class Child:
    """A job that runs after this one."""

    name: str
    when: When
    heard: frozenset[GroupKey]
    """The runs of this job that it has noted."""

    def awaits(self, uid: str, ended: Ended) -> bool:
        """Whether this run of the job with this uid has not yet had its effect on the child."""
        return self.when.fits(success=ended.status is GroupStatus.SUCCESS) and (uid, ended.group) not in self.heard


@dataclass(frozen=True, slots=True)
class Dependencies:
    """The jobs around one job."""

    parents: Mapping[str, Parent] = field(default_factory=dict)
    """The parents that exist, by name."""

    children: tuple[Child, ...] = ()
    circle: tuple[str, ...] = ()
    """The names on the dependency cycle from the job back to itself, "…" for those in the middle of a long one; empty
    if there is none."""


NO_DEPENDENCIES = Dependencies()
