"""Which keys have room within a number and a size: the oldest, up to the first one that has none. The same keys give
the same answer, in whatever order they come."""

from bisect import bisect_left, insort
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, Protocol, Self, TypeVar


class Ordered(Hashable, Protocol):
    """What can be compared with its like."""

    def __lt__(self, other: Self, /) -> bool: ...


K = TypeVar("K", bound=Ordered)


@dataclass(frozen=True, slots=True)
class Room:
    """The room: at most `count` keys, and `size` in all. 0 means no limit."""

    count: int = 0
    size: int = 0

    def holds(self, count: int, size: int) -> bool:
        """Whether so many keys of this size in all have room."""
        return (not self.count or count <= self.count) and (not self.size or size <= self.size)


@dataclass(slots=True)
class OldestFirst(Generic[K]):
    """Keys, the oldest of which compares least, and their sizes. What a change costs depends on the keys whose answers
    it changes, not on all."""

    room: Room
    _keys: list[K] = field(default_factory=list)
    _sizes: dict[K, int] = field(default_factory=dict)
    _within: int = 0
    """How many of the oldest keys have room."""
    _used: int = 0
    """Their size."""

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def beyond(self) -> int:
        """How many have no room."""
        return len(self._keys) - self._within

    def has_room(self, key: K) -> bool:
        """Whether this key has room."""
        return self._within == len(self._keys) or key < self._keys[self._within]

    def see(self, key: K, size: int) -> list[K]:
        """Take in a key, or its changed size. Returns the other keys whose answers have changed."""
        before = self._sizes.get(key)
        if before == size:
            return []
        old = self._within
        if before is None:
            position = bisect_left(self._keys, key)
            insort(self._keys, key)
            if position < old:
                old += 1
                self._within += 1
                self._used += size
        elif self.has_room(key):
            self._used += size - before
        self._sizes[key] = size
        return [each for each in self._settle(old) if each != key]

    def lose(self, key: K) -> list[K]:
        """The key is gone. Returns the keys whose answers have changed."""
        size, old = self._sizes.pop(key, None), self._within
        if size is None:
            return []
        position = bisect_left(self._keys, key)
        del self._keys[position]
        if position < old:
            old -= 1
            self._within -= 1
            self._used -= size
        return self._settle(old)

    def _settle(self, old: int) -> list[K]:
        """Move the border to where it belongs. Returns the keys between there and `old`."""
        while self._within and not self.room.holds(self._within, self._used):
            self._within -= 1
            self._used -= self._sizes[self._keys[self._within]]
        while self._within < len(self._keys):
            used = self._used + self._sizes[self._keys[self._within]]
            if not self.room.holds(self._within + 1, used):
                break
            self._within, self._used = self._within + 1, used
        return self._keys[min(old, self._within) : max(old, self._within)]
