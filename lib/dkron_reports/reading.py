"""Values of objects that any client may have written: what is not of the expected kind counts as absent."""

from collections.abc import Mapping
from typing import Any

from dkron_crds.packed import plain

Object = Mapping[str, Any]


def mapping(parent: Object, key: str) -> Object:
    """Return the object under a key; empty for none."""
    value = parent.get(key)
    # Asking for the plain type first takes a fifth of the time: an overview asks this a million times.
    return value if type(value) is dict or isinstance(value, Mapping) else {}


def items(parent: Object, key: str) -> list[Any]:
    """Return the list under a key; empty for none."""
    value = plain(parent.get(key))
    return value if isinstance(value, list) else []


def objects(parent: Object, key: str) -> list[Object]:
    """Return the objects in the list under a key."""
    return [each for each in items(parent, key) if type(each) is dict or isinstance(each, Mapping)]


def number(parent: Object, key: str) -> int:
    """Return the whole number under a key; 0 for none."""
    return whole(parent.get(key))


def whole(value: object) -> int:
    """Return a whole number; 0 for anything else."""
    return value if isinstance(value, int) else 0
