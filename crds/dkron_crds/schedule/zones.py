"""Time zones as stretches of constant UTC offset, in which the schedules search for slots.

The data comes only from the `tzdata` distribution, never from the machine's zone files, so that every replica agrees.
A TZif file lists the offset changes up to some year and leaves the rest to a yearly rule. This module reads the
listed changes from the file and finds the later ones through `zoneinfo`.
"""

import io
import struct
from bisect import bisect_right
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from dkron_crds.schedule.errors import TimezoneError, quoted
from dkron_crds.schedule.instants import EARLIEST, LATEST, moment

_UTC_NAMES = frozenset({"", "UTC", "Local"})
_WEEK = 7 * 86_400
_BLOCK = 52 * _WEEK
_HEADER = struct.Struct(">4s c 15x 6l")
_LOCAL_TYPE = struct.Struct(">l B B")


class Stretch(NamedTuple):
    """From `start` (inclusive) to `end` (exclusive), in seconds since 1970, wall clocks show UTC + `offset`."""

    start: int
    end: int
    offset: int


class _Table(NamedTuple):
    """Adjacent stretches: the i-th goes from `edges[i]` to `edges[i + 1]`."""

    edges: tuple[int, ...]
    offsets: tuple[int, ...]

    def at(self, second: int) -> Stretch:
        i = bisect_right(self.edges, second) - 1
        return Stretch(self.edges[i], self.edges[i + 1], self.offsets[i])


class Zone:
    """One zone of the tz database. There is one object per zone, so zones compare and hash by identity."""

    __slots__ = ("_blocks", "_listed", "_ruled_from", "info", "name")

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        self.info = ZoneInfo.from_file(io.BytesIO(data), key=name)
        changes, offsets, ruled = _listed_changes(data)
        self._ruled_from = changes.pop() if ruled else LATEST
        self._listed = _Table((EARLIEST - _BLOCK, *changes, self._ruled_from), offsets)
        self._blocks: dict[int, _Table] = {}

    def __repr__(self) -> str:
        return f"Zone({self.name!r})"

    def stretch(self, second: int) -> Stretch:
        """Return a stretch of constant offset that contains `second`. Its ends need not be changes of the offset."""
        if second < self._ruled_from:
            return self._listed.at(second)
        number = second // _BLOCK
        block = self._blocks.get(number)
        if block is None:
            block = self._blocks[number] = self._ruled_block(number)
        return block.at(second)

    def _ruled_block(self, number: int) -> _Table:
        """Return the stretches of 52 weeks under the yearly rule, which never changes the offset twice within a
        week."""
        start, end = max(number * _BLOCK, self._ruled_from), (number + 1) * _BLOCK
        edges, offsets = [start], [self._offset(start)]
        for week, after in pairwise([*range(start, end, _WEEK), end]):
            if self._offset(after) != offsets[-1]:
                edges.append(self._change(week, after))
                offsets.append(self._offset(after))
        return _Table((*edges, end), tuple(offsets))

    def _change(self, before: int, after: int) -> int:
        """Return the first second with the offset of `after`."""
        old = self._offset(before)
        while after - before > 1:
            middle = (before + after) // 2
            if self._offset(middle) == old:
                before = middle
            else:
                after = middle
        return after

    def _offset(self, second: int) -> int:
        offset = moment(second).astimezone(self.info).utcoffset()
        assert offset is not None  # noqa: S101 - a zone always has one
        return round(offset.total_seconds())


def _listed_changes(data: bytes) -> tuple[list[int], tuple[int, ...], bool]:
    """Read the 64-bit block of a TZif file (RFC 8536): the changes, the offsets around them, and whether a rule
    follows."""
    second_header = _HEADER.size + _block_size(data, 0, word=4)
    changes_at = second_header + _HEADER.size
    *_, times, types, _ = _HEADER.unpack_from(data, second_header)
    kinds_at = changes_at + times * 8
    types_at = kinds_at + times
    changes = struct.unpack_from(f">{times}q", data, changes_at)
    offsets = [_LOCAL_TYPE.unpack_from(data, types_at + i * _LOCAL_TYPE.size)[0] for i in range(types)]
    footer = data[changes_at + _block_size(data, second_header, word=8) :]
    return list(changes), (offsets[0], *(offsets[kind] for kind in data[kinds_at:types_at])), b"," in footer


def _block_size(data: bytes, header_at: int, *, word: int) -> int:
    """Return the bytes of the block that follows a header; `word` is the width of an instant in it."""
    utc, standard, leaps, times, types, chars = _HEADER.unpack_from(data, header_at)[2:]
    size: int = times * (word + 1) + types * _LOCAL_TYPE.size + chars + leaps * (word + 4) + standard + utc
    return size


@cache
def _names() -> frozenset[str]:
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("ascii").split())


@cache
def _load(name: str) -> Zone:
    return Zone(name, resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes())


def load_zone(name: str) -> Zone:
    """Return the zone of exactly that name. `""` and `Local` are UTC, since a pod has no zone of its own.

    Raises TimezoneError for every name that is not in the tz database.
    """
    if name in _UTC_NAMES:
        return _load("UTC")
    if name not in _names():
        raise _unknown(name)
    return _load(name)


def _unknown(name: str) -> TimezoneError:
    return TimezoneError(
        f"timezone: {quoted(name)} is not a time zone; use UTC or a name of the IANA tz database "
        "as it is written there, such as Europe/Berlin"
    )
