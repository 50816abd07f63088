"""What a plan knows of other jobs: those that its job runs after, and those that run after it.

All of it is as the API server has it. What another job only plans to write is not true yet, and a crash may undo it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from dkron_crds.job import Ended, GroupStatus, Published, When

NOTHING = Published()
GroupKey = tuple[str, int]
"""A run of a job: the job's uid and the group."""


@dataclass(frozen=True, slots=True)
class Parent:
    """A job that this one runs after, with the runs that it still shows, and how many it ever has shown since its
    status was rebuilt."""

    uid: str
    ended: tuple[Ended, ...]
    published: Published = NOTHING
    rebuilt_at: datetime | None = None

    def shows(self, group: int) -> bool:
        """Whether it still waits for somebody to take note of this run."""
        return any(ended.group == group for ended in self.ended)

    def has_published(self, when: When) -> int:
        """How many runs that count it ever has shown."""
        return sum(
            count
            for success, count in ((True, self.published.success), (False, self.published.failed))
            if when.fits(success=success)
        )


@dataclass(frozen=True, slots=True)
class Child:
    """A job that runs after this one, and what of its runs it has taken note of."""

    name: str
    when: When
    heard: frozenset[GroupKey]

    def awaits(self, uid: str, ended: Ended) -> bool:
        """Whether this run of the job with this uid is still to have its effect there."""
        return self.when.fits(success=ended.status is GroupStatus.SUCCESS) and (uid, ended.group) not in self.heard


@dataclass(frozen=True, slots=True)
class Dependencies:
    """The jobs around one. `parents` has those that exist, by name; `circle` the way from it back to itself, if any."""

    parents: Mapping[str, Parent] = field(default_factory=dict)
    children: tuple[Child, ...] = ()
    circle: tuple[str, ...] = ()


ALONE = Dependencies()
