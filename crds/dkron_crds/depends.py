"""Who runs after whom: how a job names the jobs that it waits for, and how a run of theirs gives a run of its own."""

from collections.abc import Callable, Hashable, Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, TypeVar

from pydantic import Field

from dkron_crds.base import WireModel
from dkron_crds.names import NAME_LENGTH, NAME_PATTERN
from dkron_crds.requests import group_of

T = TypeVar("T", bound=Hashable)
MAX_PARENTS = 32

DkronName = Annotated[str, Field(min_length=1, max_length=NAME_LENGTH, pattern=NAME_PATTERN)]
"""The name of a job as Dkron knows it."""


class When(StrEnum):
    """After which end of a run another job runs."""

    SUCCESS = "success"
    FAILURE = "failure"
    ALWAYS = "always"

    def fits(self, *, success: bool) -> bool:
        """Whether a run that ended so counts."""
        return self is When.ALWAYS or success == (self is When.SUCCESS)


class Dependency(WireModel):
    """A job after which this one runs."""

    job: DkronName
    """Its Dkron name. It is in the same namespace."""

    when: When = When.SUCCESS
    """Which of its runs count: those that ended in success, those that did not ("failure", which includes a
    partial one), or "always". The last attempt of each member decides how a run ended."""


def dependent_group(parent_uid: str, parent_group: int, ended_at: datetime) -> int:
    """The execution group of the run that follows a run of a parent: its second, with a fraction of its own.

    Stable for ever: names of Jobs depend on it, and that a repetition finds them.
    """
    return group_of(f"{parent_uid}/{parent_group}", ended_at)


def circle(start: T, parents_of: Callable[[T], Iterable[T]]) -> tuple[T, ...]:
    """A way from a job over its parents back to itself, both ends included; empty if there is none."""
    came_from: dict[T, T] = {}
    ahead = [start]
    while ahead:
        here = ahead.pop()
        for parent in parents_of(here):
            if parent == start:
                return _way(start, here, came_from)
            if parent not in came_from:
                came_from[parent] = here
                ahead.append(parent)
    return ()


def _way(start: T, last: T, came_from: dict[T, T]) -> tuple[T, ...]:
    """In the order in which the jobs would run one another."""
    way = [start]
    here = last
    while here != start:
        way.append(here)
        here = came_from[here]
    return (*way, start)
