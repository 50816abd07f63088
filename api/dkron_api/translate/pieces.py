"""JSON arrays of any length in pieces: a slow client holds a piece in memory, not a copy of the whole."""

from collections.abc import Iterable, Iterator, Sequence

from dkron_api.translate import gojson

PIECE = 262144
"""Maximum bytes of a piece."""


def size_of(items: Sequence[bytes]) -> int:
    """Return the length in bytes of the array of these items without indentation."""
    return sum(map(len, items)) + max(len(items), 1) + 1


def compact(items: Sequence[bytes]) -> Iterator[bytes]:
    """Yield the array without spaces, from rendered items."""
    return _cut(_compact(items))


def indented(items: Sequence[bytes]) -> Iterator[bytes]:
    """Yield the array as `gojson.indent` would indent the whole."""
    return _cut(_indented(items))


def _compact(items: Sequence[bytes]) -> Iterator[bytes]:
    lead = b"["
    for some in _shares(items):
        yield lead + b",".join(some)
        lead = b","
    yield b"]" if items else b"[]"


def _indented(items: Sequence[bytes]) -> Iterator[bytes]:
    # Indent each item as an array of one, and strip the brackets with their line breaks.
    lead = b"[\n"
    for some in _shares(items):
        yield lead + b",\n".join(gojson.indent(b"[%b]" % item)[2:-2] for item in some)
        lead = b",\n"
    yield b"\n]" if items else b"[]"


def _shares(items: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Group as many items as fill half a piece on average: joining many at once makes a list fast."""
    count = max(1, len(items) * PIECE // 2 // size_of(items))
    return (items[start : start + count] for start in range(0, len(items), count))


def _cut(parts: Iterable[bytes]) -> Iterator[bytes]:
    for part in parts:
        if len(part) <= PIECE:
            yield part
        else:
            yield from (part[start : start + PIECE] for start in range(0, len(part), PIECE))
