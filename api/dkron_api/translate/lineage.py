"""Who runs after whom: what a job's parent may be (Dkron behaviour §2.4; cycles are refused here)."""

from collections.abc import Callable

from dkron_crds.schedule.errors import quoted


class NoParent(LookupError):
    """The parent does not exist. `str()` says which."""


class Cycle(ValueError):
    """The job would run after itself. `str()` shows the circle."""


def check_parent(name: str, parent: str, parent_of: Callable[[str], str | None]) -> None:
    """Whether the job may run after `parent`. `parent_of` gives a job's parent, "" for none, None for no such job."""
    if not parent:
        return
    if parent_of(parent) is None:
        raise NoParent(f"the parent job {quoted(parent)} does not exist; create it first")
    path = [name]
    above: str | None = parent
    while above and above not in path:
        path.append(above)
        above = parent_of(above)
    if above == name:
        raise Cycle(f"the job would run after itself: {' → '.join(reversed([*path, name]))}")
