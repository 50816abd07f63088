"""How much each namespace may keep, so that one that writes a lot shortens its own history only. Pure."""

from collections.abc import Mapping, Sequence
from itertools import accumulate


def excess(sizes: Mapping[str, int], in_all: int | None, each: int | None) -> list[tuple[str, int]]:
    """The bytes that namespaces have too many, the most first: beyond `each`, and beyond the share that brings all of
    them to `in_all`. Only those with the most bytes are beyond it."""
    shares = [limit for limit in (each, _share(sizes, in_all)) if limit is not None]
    if not shares:
        return []
    beyond = [(namespace, size - min(shares)) for namespace, size in sizes.items() if size > min(shares)]
    return sorted(beyond, key=lambda found: found[1], reverse=True)


def _share(sizes: Mapping[str, int], in_all: int | None) -> int | None:
    """The largest size with which all of them are small enough together; None if they are."""
    if in_all is None:
        return None
    left, count = in_all, len(sizes)
    for size in sorted(sizes.values()):
        if size * count > left:
            return left // count
        left, count = left - size, count - 1
    return None


def needed(sizes: Sequence[int], wanted: int) -> int:
    """How many of these in a row have so many bytes together; all, if they have fewer."""
    return next((number for number, total in enumerate(accumulate(sizes), 1) if total >= wanted), len(sizes))
