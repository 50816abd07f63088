"""From the bytes of a watch to its events. Pure, and in memory that is bounded by the longest line allowed."""

from enum import StrEnum
from typing import Any, NamedTuple

from dkron_crds.bounds import bounded
from dkron_kube.errors import Unavailable, from_status

LONGEST = 32 << 20
"""Bytes that one event may have. etcd takes objects of 1.5 MiB by default."""


class Kind(StrEnum):
    """What an event tells of its object."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"


class Event(NamedTuple):
    """One line of a watch. A bookmark's object has a version and nothing else."""

    kind: Kind
    item: dict[str, Any]
    version: str


class Lines:
    """Joins pieces of any size to whole lines. What follows the last line feed stays for the next piece."""

    def __init__(self, longest: int = LONGEST) -> None:
        self._longest = longest
        self._begun: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> list[bytes]:
        """The lines that this piece completes. Raises `Unavailable` if one gets too long."""
        *ends, rest = piece.split(b"\n")
        lines = []
        for end in ends:
            lines.append(b"".join((*self._begun, end)))
            self._begun.clear()
            self._size = 0
        self._begun.append(rest)
        self._size += len(rest)
        if self._size > self._longest:
            raise Unavailable(f"an event of the watch is longer than {self._longest} bytes")
        return lines


def parse(line: bytes) -> Event:
    """One event. Raises what an ERROR event means (`Expired`: the version is too old), `Unavailable` for nonsense."""
    try:
        document = bounded(line)
        item = document["object"]
        if document["type"] != "ERROR":
            return Event(Kind(document["type"]), item, str(int(item["metadata"]["resourceVersion"])))
        error = from_status(int(item.get("code") or 500), item)
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise Unavailable(f"the watch sent what is no event: {line[:200].decode('utf-8', 'replace')}") from exc
    raise error
