"""Dependencies between jobs: how a job names its parents, and how a run of a parent causes a run of the job."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from math import inf
from typing import Annotated, TypeVar

from pydantic import Field

from dkron_crds.base import WireModel
from dkron_crds.names import NAME_LENGTH, NAME_PATTERN
from dkron_crds.requests import group_of

T = TypeVar("T", bound=Hashable)
MAX_PARENTS = 32

DkronName = Annotated[str, Field(min_length=1, max_length=NAME_LENGTH, pattern=NAME_PATTERN)]
"""The name of a job in the Dkron API."""


class When(StrEnum):
    """Which outcome of a parent's run starts the dependent job."""

    SUCCESS = "success"
    FAILURE = "failure"
    ALWAYS = "always"

    def fits(self, *, success: bool) -> bool:
        """Whether a run with this outcome counts."""
        return self is When.ALWAYS or success == (self is When.SUCCESS)


class Dependency(WireModel):
    """A job after which this one runs."""

    job: DkronName
    """Its Dkron name. It is in the same namespace."""

    when: When = When.SUCCESS
    """Which of its runs count: "success", "failure" (every other outcome, including a partial failure), or "always".
    The last attempt of each member decides how a run ended."""


def dependent_group(parent_uid: str, parent_group: int, ended_at: datetime) -> int:
    """Return the execution group of the run that follows a parent's run: the second it ended, with a fraction of its
    own.

    The result must never change: Job names depend on it, and a repeated call must find the same Job.
    """
    return group_of(f"{parent_uid}/{parent_group}", ended_at)


def circle(start: T, parents_of: Callable[[T], Iterable[T]]) -> tuple[T, ...]:
    """Return a cycle from a job back to itself in the order in which the jobs would run, both ends included; empty if
    there is none."""
    came_from: dict[T, T] = {}
    ahead = [start]
    while ahead:
        here = ahead.pop()
        for parent in parents_of(here):
            if parent == start:
                way = [start]
                while here != start:
                    way.append(here)
                    here = came_from[here]
                return (*way, start)
            if parent not in came_from:
                came_from[parent] = here
                ahead.append(parent)
    return ()


def groups_of(starts: Iterable[T], parents_of: Callable[[T], Iterable[T]]) -> Iterator[list[T]]:
    """Yield each group of jobs that all run after each other, and so after themselves, among these and the jobs above
    them. The time is linear (Tarjan's strongly connected components)."""
    opened: list[T] = []
    lowest: dict[T, float] = {}
    for start in starts:
        path = [] if start in lowest else [_open(start, opened, lowest, parents_of)]
        while path:
            here, place, parents = path[-1]
            for parent in parents:
                if parent not in lowest:
                    path.append(_open(parent, opened, lowest, parents_of))
                    break
                if lowest[parent] < lowest[here]:  # noqa: PLR1730 - a call for each parent takes a third of the time
                    lowest[here] = lowest[parent]
            else:
                path.pop()
                if lowest[here] < place:
                    lowest[path[-1][0]] = min(lowest[path[-1][0]], lowest[here])
                    continue
                group = opened[place:]
                del opened[place:]
                lowest.update(dict.fromkeys(group, inf))
                if len(group) > 1 or here in parents_of(here):
                    yield group


def _open(
    job: T, opened: list[T], lowest: dict[T, float], parents_of: Callable[[T], Iterable[T]]
) -> tuple[T, int, Iterator[T]]:
    """Begin with a job: its place among those whose group is not known yet, and its parents."""
    place = len(opened)
    opened.append(job)
    lowest[job] = place
    return job, place, iter(parents_of(job))
