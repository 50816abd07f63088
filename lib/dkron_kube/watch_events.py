"""Parses the bytes of a watch into events. Pure; memory is bounded by the longest line allowed."""

from enum import StrEnum
from typing import Any, NamedTuple

from dkron_crds.bounds import bounded
from dkron_kube.errors import Unavailable, from_status

LONGEST = 32 << 20
"""Maximum bytes of one event. etcd accepts objects of 1.5 MiB by default."""


class Kind(StrEnum):
    """The type of an event."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"


class Event(NamedTuple):
    """One line of a watch. The object of a bookmark has only a version."""

    kind: Kind
    item: dict[str, Any]
    version: str


class Lines:
    """Joins pieces of any size to whole lines. The rest after the last line feed waits for the next piece."""

    def __init__(self, longest: int = LONGEST) -> None:
        self._longest = longest
        self._begun: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> list[bytes]:
        """Return the lines that this piece completes. Raises `Unavailable` if a line is too long."""
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
    """Parse one event. Raises the error of an ERROR event (`Expired`: the version is too old), or `Unavailable` if
    the line is invalid."""
    try:
        document = bounded(line)
        item = document["object"]
        if document["type"] != "ERROR":
            return Event(Kind(document["type"]), item, str(int(item["metadata"]["resourceVersion"])))
        error = from_status(int(item.get("code") or 500), item)
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise Unavailable(
            f"the watch sent something that is not an event: {line[:200].decode('utf-8', 'replace')}"
        ) from exc
    raise error
