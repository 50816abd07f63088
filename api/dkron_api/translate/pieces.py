"""JSON arrays of any length in pieces: a slow client holds a piece in memory, not a copy of the whole."""

from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Iterator, Sequence

from dkron_api.translate import gojson

PIECE = 262144
"""Maximum bytes of a piece."""


def compact(items: Sequence[bytes]) -> Iterator[bytes]:
    """Yield the array without spaces, from rendered items."""
    return _cut(_compact(items))


async def array(items: AsyncIterable[bytes], *, spread: bool) -> AsyncGenerator[bytes]:
    """Yield the array in parts as its items come, `spread` as `gojson.indent` would indent the whole. Each part but the
    last has at least half a piece, and may have a whole item more."""
    between, some, size = b",\n" if spread else b",", list[bytes](), 0
    lead = b"[\n" if spread else b"["
    async for item in items:
        # Indent each item as an array of one, and strip the brackets with their line breaks.
        some.append(gojson.indent(b"[%b]" % item)[2:-2] if spread else item)
        size += len(some[-1])
        if size >= PIECE // 2:
            part = lead + between.join(some)
            some, size, lead = [], 0, between
            # A client may take long to read the part, which should be all that is kept.
            del item
            yield part
    if lead is not between and not some:
        yield b"[]"
    else:
        end = b"\n]" if spread else b"]"
        yield (lead + between.join(some) if some else b"") + end


def cut(part: bytes) -> Iterator[bytes]:
    """Yield the part in pieces."""
    return _cut((part,))


def _compact(items: Sequence[bytes]) -> Iterator[bytes]:
    lead = b"["
    for some in _shares(items):
        yield lead + b",".join(some)
        lead = b","
    yield b"]" if items else b"[]"


def _shares(items: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Group as many items as fill half a piece on average: joining many at once makes a list fast."""
    count = max(1, len(items) * PIECE // 2 // (sum(map(len, items)) + 1))
    return (items[start : start + count] for start in range(0, len(items), count))


def _cut(parts: Iterable[bytes]) -> Iterator[bytes]:
    for part in parts:
        if len(part) <= PIECE:
            yield part
        else:
            yield from (part[start : start + PIECE] for start in range(0, len(part), PIECE))
