"""Which keys are among the oldest. The same keys give the same answer, in whatever order they come."""

from bisect import bisect_left
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, Protocol, Self, TypeVar


class Ordered(Hashable, Protocol):
    """What can be compared with its like."""

    def __lt__(self, other: Self, /) -> bool: ...


K = TypeVar("K", bound=Ordered)


@dataclass(slots=True)
class OldestFirst(Generic[K]):
    """Keys, the oldest of which compares least. At most `most` of them have room."""

    most: int
    _keys: list[K] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._keys)

    def has_room(self, key: K) -> bool:
        """Whether this key is, or would be, among the oldest."""
        return len(self._keys) < self.most or not self._keys[self.most - 1] < key

    def upsert(self, key: K) -> K | None:
        """Take in a key. Returns the younger one that has no room any more."""
        position = bisect_left(self._keys, key)
        if key in self._keys[position : position + 1]:
            return None
        self._keys.insert(position, key)
        return self._keys[self.most] if position < self.most < len(self._keys) else None

    def remove(self, key: K) -> K | None:
        """The key is gone. Returns the one that has room now."""
        position = bisect_left(self._keys, key)
        if key not in self._keys[position : position + 1]:
            return None
        del self._keys[position]
        return self._keys[self.most - 1] if position < self.most <= len(self._keys) else None
