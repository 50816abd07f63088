"""A queue of keys in which groups take turns: a group with thousands of keys does not delay the other groups."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
Group = Hashable


class FairQueue(Generic[K]):
    """Keys in the order in which they came, within each group; the groups take turns. `group_of` is called when a key
    is added, and its result holds until the key leaves."""

    def __init__(self, group_of: Callable[[K], Group]) -> None:
        self._group_of = group_of
        self._groups: OrderedDict[Group, OrderedDict[K, None]] = OrderedDict()
        self._group: dict[K, Group] = {}

    def __len__(self) -> int:
        return len(self._group)

    def __contains__(self, key: K) -> bool:
        return key in self._group

    def add(self, key: K) -> None:
        """Add the key, unless it is waiting already."""
        if key not in self._group:
            group = self._group[key] = self._group_of(key)
            self._groups.setdefault(group, OrderedDict())[key] = None

    def remove(self, key: K) -> None:
        """Remove the key."""
        group = self._group.pop(key)
        del self._groups[group][key]
        if not self._groups[group]:
            del self._groups[group]

    def pop(self, has_room: Callable[[Group], bool]) -> tuple[K, Group] | None:
        """Take the first key of the next group that has room; None if no group has."""
        for group, keys in self._groups.items():
            if has_room(group):
                key = next(iter(keys))
                self._groups.move_to_end(group)
                self.remove(key)
                return key, group
        return None
