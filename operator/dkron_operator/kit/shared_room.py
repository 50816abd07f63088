"""A bounded map for all namespaces. If it is full, the oldest entry of the namespace with the most goes."""

from collections import Counter, OrderedDict
from collections.abc import Iterator
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class SharedRoom(Generic[K, V]):
    """Values by key, oldest first within a namespace. Their sizes together are `room` at most."""

    def __init__(self, room: int) -> None:
        self._room, self._size = room, 0
        self._groups: dict[str, OrderedDict[K, tuple[V, int]]] = {}
        self._sizes = Counter[str]()
        self._namespaces: dict[K, str] = {}

    def __len__(self) -> int:
        return len(self._namespaces)

    def items(self) -> Iterator[tuple[K, V]]:
        """All values with their keys, oldest first."""
        return ((key, self._groups[namespace][key][0]) for key, namespace in self._namespaces.items())

    def put(self, namespace: str, key: K, value: V, size: int = 1) -> int:
        """Keep the value. Returns how many values had to go."""
        self.drop(key)
        self._namespaces[key] = namespace
        self._groups.setdefault(namespace, OrderedDict())[key] = (value, size)
        self._sizes[namespace] += size
        self._size += size
        gone = 0
        while self._size > self._room:
            self.drop(next(iter(self._groups[max(self._sizes, key=self._sizes.__getitem__)])))
            gone += 1
        return gone

    def get(self, key: K) -> V | None:
        """The value, if it is kept."""
        namespace = self._namespaces.get(key)
        return None if namespace is None else self._groups[namespace][key][0]

    def drop(self, key: K) -> None:
        """The value is no longer needed."""
        namespace = self._namespaces.pop(key, None)
        if namespace is None:
            return
        _, size = self._groups[namespace].pop(key)
        self._sizes[namespace] -= size
        self._size -= size
        if not self._groups[namespace]:
            del self._groups[namespace], self._sizes[namespace]

    def clear(self) -> None:
        """No value is needed any more."""
        self._groups.clear()
        self._sizes.clear()
        self._namespaces.clear()
        self._size = 0
