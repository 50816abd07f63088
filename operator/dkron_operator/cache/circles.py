"""Circles of jobs that run after one another, in one namespace. They are found once for each group of jobs. An edit of
jobs in a group costs a pass through its steps; one that may let other jobs in or out, a search of the jobs above."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from dkron_crds.depends import groups_of

Related = Callable[[str], Iterable[str]]
SHOWN = 10
"""How many names of a circle are listed."""


class Circles:
    """The jobs of a namespace that would run after themselves. `parents_of` gives the names of a job's parents."""

    def __init__(self, parents_of: Related) -> None:
        self._parents_of = parents_of
        self._groups: dict[str, _Group] = {}
        self._changed: set[str] = set()

    def change(self, name: str) -> None:
        """The parents of this job have changed, or it is new or gone."""
        self._changed.add(name)

    def update(self) -> set[str]:
        """Take in the changes. Returns the jobs that came to a circle, left one, or have other `names` on theirs."""
        changed, self._changed = self._changed, set()
        starts, before = set(changed), dict[str, _Group | None]()
        for group in {self._groups[name] for name in changed if name in self._groups}:
            members = group.to_hub.keys()
            down = (p in self._parents_of(c) for p, c in group.to_hub.items() if c in changed)
            if all(down) and all(group.from_hub[c] in self._parents_of(c) for c in changed & members):
                # Each job still has its steps. If its parents are all in the group, it brings no other job to it.
                starts -= {name for name in changed & members if members >= {*self._parents_of(name)}}
            else:
                starts |= members
                before.update({name: self._groups.pop(name) for name in members})
        for found in groups_of(starts, self._parents_of):
            same = self._groups.get(found[0])
            if not starts.isdisjoint(found) and (same is None or len(same.to_hub) < len(found)):
                before.update({name: self._groups.get(name) for name in found if name not in before})
                groups = {self._groups.get(name) or before[name] for name in found}
                largest = max(filter(None, groups), key=lambda each: len(each.to_hub), default=_Group("", {}, {}))
                self._groups.update(dict.fromkeys(found, largest.of({*found}, changed, self._parents_of)))
        known = ((name, was) for name, was in before.items() if was is not None and name in self._groups)
        return before.keys() - {name for name, was in known if was.names(name) == self.names(name)}

    def names(self, name: str) -> tuple[str, ...]:
        """The names on a circle from the job back to itself, in the order in which they would run; of a long circle
        the first ones, "…" and the last. Empty if the job is on none."""
        group = self._groups.get(name)
        return () if group is None else group.names(name)


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """Jobs that all run after each other. The circle of each leads over the hub, or is shorter."""

    hub: str
    to_hub: dict[str, str]
    """The next job on the way of each job to the hub, which is a child of it."""
    from_hub: dict[str, str]
    """The job before each job on the way from the hub, which is a parent of it."""

    def of(self, members: AbstractSet[str], changed: AbstractSet[str], parents_of: Related) -> "_Group":
        """The group of these jobs, after the parents of some have changed. The hub and each step are kept if they can
        be, so that most jobs keep their names."""
        hub, to, back = self.hub if self.hub in members else min(members), self.to_hub, self.from_hub
        kept = _steps_to((p, to[p]) for p in members & to.keys() if to[p] not in changed or p in parents_of(to[p]))
        to_hub = _steps(hub, members, _steps(hub, members, {}, kept), parents_of)
        kept = _steps_to((c, back[c]) for c in members & back.keys() if c not in changed or back[c] in parents_of(c))
        from_hub = _steps(hub, members, {}, kept)
        more = _steps_to((c, p) for c in sorted(members - from_hub.keys()) for p in parents_of(c))
        return _Group(hub, to_hub, _steps(hub, members, from_hub, more))

    def names(self, name: str) -> tuple[str, ...]:
        """The names on the circle of a member."""
        last = [name]
        while last[-1] != self.hub and len(last) < SHOWN:
            last.append(self.from_hub[last[-1]])
        way, ends = [name, self.to_hub[name]], {*last, self.hub}
        while way[-1] not in ends and len(way) < SHOWN:
            way.append(self.to_hub[way[-1]])
        if way[-1] in last:
            way += reversed(last[: last.index(way[-1])])
            if len(way) <= SHOWN:
                return tuple(way)
        return (*way[: SHOWN - 1], "…", name)


def _steps_to(steps: Iterable[tuple[str, str]]) -> Related:
    """The jobs from which these steps lead to a job."""
    found = defaultdict[str, list[str]](list)
    for start, end in steps:
        found[end].append(start)
    return found.__getitem__


def _steps(hub: str, members: AbstractSet[str], known: dict[str, str], more: Related) -> dict[str, str]:
    """The known steps to the hub, and for each further member one of `more` on a shortest way to these."""
    steps, ahead = dict(known), deque((hub, *known))
    while ahead and len(steps) < len(members):
        end = ahead.popleft()
        for start in more(end):
            if start not in steps and start in members:
                steps[start] = end
                ahead.append(start)
    return steps
