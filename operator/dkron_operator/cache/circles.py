"""Circles of jobs that run after one another. They are found once for each group of jobs, and looked for again only
from jobs whose parents have changed: the work after an edit is linear in the jobs above it."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping

from dkron_crds.depends import groups_of

Key = tuple[str, str]
"""Namespace and Dkron name."""
SHOWN = 10
"""How many names of a circle are listed."""


class Circles:
    """The jobs that would run after themselves. `parents_of` gives the names of a job's parents."""

    def __init__(self, parents_of: Callable[[Key], Iterable[Key]]) -> None:
        self._parents_of = parents_of
        self._groups: dict[Key, _Group] = {}
        self._changed: set[Key] = set()

    def change(self, name: Key) -> None:
        """The parents of this job have changed, or it is new or gone."""
        self._changed.add(name)

    def update(self) -> set[Key]:
        """Take in the changes. Returns the jobs that came to a circle, left one, or whose circle may have changed."""
        if not self._changed:
            return set()
        former = {self._groups[name] for name in self._changed if name in self._groups}
        affected = {name for group in former for name in group.members}
        starts, self._changed = self._changed | affected, set()
        for name in affected:
            del self._groups[name]
        for members in groups_of(starts, self._parents_of):
            if not starts.isdisjoint(members):
                self._groups.update(dict.fromkeys(members, _Group(members, self._parents_of)))
                affected.update(members)
        return affected

    def names(self, name: Key) -> tuple[str, ...]:
        """The names on a circle from the job back to itself, in the order in which they would run; of a long circle
        the first ones, "…" and the last. Empty if the job is on none."""
        group = self._groups.get(name)
        return () if group is None else group.names(name)


class _Group:
    """Jobs that all run after each other. The circle of each leads over one of them, the hub, or is shorter."""

    def __init__(self, members: Collection[Key], parents_of: Callable[[Key], Iterable[Key]]) -> None:
        self.members = frozenset(members)
        above = {name: [each for each in parents_of(name) if each in self.members] for name in members}
        below: dict[Key, list[Key]] = {name: [] for name in members}
        for name, parents in above.items():
            for parent in parents:
                below[parent].append(name)
        self._hub = next(iter(members))
        self._to_hub, self._from_hub = _steps(self._hub, above), _steps(self._hub, below)

    def names(self, name: Key) -> tuple[str, ...]:
        """The names on the circle of a member."""
        last = [name]
        while last[-1] != self._hub and len(last) < SHOWN:
            last.append(self._from_hub[last[-1]])
        way = [name, self._to_hub[name]]
        while way[-1] not in last and way[-1] != self._hub and len(way) < SHOWN:
            way.append(self._to_hub[way[-1]])
        if way[-1] in last:
            way += reversed(last[: last.index(way[-1])])
            if len(way) <= SHOWN:
                return tuple(each for _, each in way)
        return (*(each for _, each in way[: SHOWN - 1]), "…", name[1])


def _steps(hub: Key, neighbours: Mapping[Key, Iterable[Key]]) -> dict[Key, Key]:
    """The next step from each job on a shortest way to the hub, against the direction of `neighbours`."""
    steps: dict[Key, Key] = {}
    ahead = deque([hub])
    while ahead:
        here = ahead.popleft()
        for each in neighbours[here]:
            if each not in steps:
                steps[each] = here
                ahead.append(each)
    return steps
