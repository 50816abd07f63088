"""JSON arrays of any length in pieces: who reads slowly, or not at all, is owed a piece and not a copy of all."""

from collections.abc import Iterable, Iterator, Sequence

from dkron_api.translate import gojson

PIECE = 262144
"""The greatest piece, in bytes."""


def size_of(items: Sequence[bytes]) -> int:
    """How long the array of these items is, in bytes, when it is not indented."""
    return sum(map(len, items)) + max(len(items), 1) + 1


def compact(items: Sequence[bytes]) -> Iterator[bytes]:
    """The array without any space, of items that are rendered already."""
    return _cut(_compact(items))


def indented(items: Sequence[bytes]) -> Iterator[bytes]:
    """The array as `gojson.indent` would indent the whole."""
    return _cut(_indented(items))


def _compact(items: Sequence[bytes]) -> Iterator[bytes]:
    lead = b"["
    for some in _shares(items):
        yield lead + b",".join(some)
        lead = b","
    yield b"]" if items else b"[]"


def _indented(items: Sequence[bytes]) -> Iterator[bytes]:
    # Item by item: what `gojson.indent` puts between the brackets of an array of one and their line breaks.
    lead = b"[\n"
    for some in _shares(items):
        yield lead + b",\n".join(gojson.indent(b"[%b]" % item)[2:-2] for item in some)
        lead = b",\n"
    yield b"\n]" if items else b"[]"


def _shares(items: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """As many items at a time as fill half a piece on average: joining many at once is what makes a list fast."""
    count = max(1, len(items) * PIECE // 2 // size_of(items))
    return (items[start : start + count] for start in range(0, len(items), count))


def _cut(parts: Iterable[bytes]) -> Iterator[bytes]:
    for part in parts:
        if len(part) <= PIECE:
            yield part
        else:
            yield from (part[start : start + PIECE] for start in range(0, len(part), PIECE))
