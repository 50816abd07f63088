"""Places that owners of requests share: no group has more than a quarter, and none keeps another out for long."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dkron_api.auth.caller import Owner
from dkron_api.refusal import unavailable


def quarter(total: int) -> int:
    """Return how much of a limit one group may have."""
    return max(1, total // 4)


@dataclass(eq=False, slots=True)
class Entry:
    """A taken place. `give_way` ends what has it; None if that cannot be ended."""

    owner: Owner
    give_way: Callable[[], object] | None


class Places:
    """So many places. A group has a quarter of them at most, or `of_group`, and a caller `of_caller` of its group's.

    Where all are taken, the oldest of the group with the most gives way to a group with fewer. At a share, the oldest
    gives way if the places are `rolling`; else the newcomer is refused. Takes O(1), and O(groups) where all are taken.
    """

    def __init__(self, places: int, what: str, *, of_group: int = 0, of_caller: int = 0, rolling: bool = False) -> None:
        self.taken = 0
        self._places = places
        self._what = what
        self._of_group = of_group or quarter(places)
        self._of_caller = min(of_caller or self._of_group, self._of_group)
        self._rolling = rolling
        self._groups: dict[str, dict[Entry, None]] = {}
        self._callers: dict[Owner, dict[Entry, None]] = {}

    @contextmanager
    def take(self, owner: Owner, give_way: Callable[[], object] | None = None) -> Iterator[None]:
        """Hold a place. Raises `ApiError`, 503."""
        self._make_room(owner)
        entry = Entry(owner, give_way)
        self._groups.setdefault(owner.group, {})[entry] = None
        self._callers.setdefault(owner, {})[entry] = None
        self.taken += 1
        try:
            yield
        finally:
            self._remove(entry)

    def _make_room(self, owner: Owner) -> None:
        own, group = self._callers.get(owner, {}), self._groups.get(owner.group, {})
        if len(own) >= self._of_caller:
            crowd, whose, most = own, "this caller", self._of_caller
        elif len(group) >= self._of_group:
            crowd, whose, most = group, owner.group, self._of_group
        elif self.taken >= self._places:
            fullest = max(self._groups.values(), key=len)
            crowd, whose, most = fullest if len(fullest) > len(group) else group, "the server", self._places
        else:
            return
        oldest = next(iter(crowd))
        if oldest.give_way is None or not (self._rolling or oldest.owner.group != owner.group):
            text = f"{whose} already has {most} {self._what}; end some, or retry later"
            raise unavailable(text, after="10")
        self._remove(oldest)
        oldest.give_way()

    def _remove(self, entry: Entry) -> None:
        group, own = self._groups.get(entry.owner.group, {}), self._callers.get(entry.owner, {})
        if entry not in group:
            return
        self.taken -= 1
        del group[entry], own[entry]
        if not group:
            del self._groups[entry.owner.group]
        if not own:
            del self._callers[entry.owner]
