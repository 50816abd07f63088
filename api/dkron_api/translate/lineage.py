"""Checks the parent of a job (Dkron behaviour §2.4). Unlike Dkron, it rejects cycles."""

from collections.abc import Callable, Iterable

from dkron_crds.depends import circle
from dkron_crds.schedule.errors import quoted


class NoParent(LookupError):
    """The parent does not exist. `str()` names it."""


class Cycle(ValueError):
    """The job would run after itself. `str()` shows the cycle."""


def check_parent(name: str, parent: str, parents_of: Callable[[str], Iterable[str] | None]) -> None:
    """Raise NoParent or Cycle unless the job may run after `parent`. `parents_of` returns a job's parents, or None if
    there is no such job."""
    if not parent:
        return
    if parents_of(parent) is None:
        raise NoParent(f"the parent job {quoted(parent)} does not exist; create it first")
    way = circle(name, lambda each: (parent,) if each == name else parents_of(each) or ())
    if way:
        raise Cycle(f"the job would run after itself: {' → '.join(way)}")
