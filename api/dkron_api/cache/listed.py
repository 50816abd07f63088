"""Lists of jobs as they are sent, made once for each version of an index: as JSON, and compressed."""

import asyncio
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from dkron_api.translate.pieces import compact

Span = tuple[int, int | None]
"""The positions of a list from the first to before the second; None means to the end."""
ALL: Span = (0, None)
PAGES = 16
"""Pages to keep beside the list of all. The one that was made first is dropped."""
LONGEST_PAGE = 65536
"""Bytes up to which a page is kept, so that all of them are a megabyte, and with their compressed bytes two."""
GZIP = 16 + zlib.MAX_WBITS


class Listed:
    """A JSON array in pieces, and the same compressed, which happens when the first client asks for it.

    Once another version has taken its place, only the answers in sending keep it: they share its bytes.
    """

    def __init__(self, items: Sequence[bytes]) -> None:
        self.pieces: Sequence[bytes] = tuple(compact(items))
        self.size = sum(map(len, self.pieces))
        self._compressed: Sequence[bytes] | None = None
        self._compressed_size = 0
        self._turn = asyncio.Lock()
        self._outdated = False
        self._holds: OrderedDict[Callable[[int], object], None] = OrderedDict()

    @contextmanager
    def sending(self, hold: Callable[[int], object]) -> Iterator[None]:
        """Report to answers in sending, by `hold`, how many bytes only they keep: the oldest one has all of them."""
        self._holds[hold] = None
        self._charge()
        try:
            yield
        finally:
            del self._holds[hold]
            self._charge()

    def outdate(self) -> None:
        """Handle that no further answer has this version."""
        self._outdated = True
        self._charge()

    def _charge(self) -> None:
        if self._outdated and self._holds:
            next(iter(self._holds))(self.size + self._compressed_size)

    async def compressed(self) -> Sequence[bytes]:
        """Return the array with gzip. A thread compresses it, and all who ask meanwhile wait for that."""
        if self._compressed is None:
            async with self._turn:
                if self._compressed is None:
                    self._compressed = await asyncio.to_thread(_compressed, self.pieces)
                    self._compressed_size = sum(map(len, self._compressed))
        return self._compressed


class Lists:
    """The lists of one version of an index: the one of all, and some pages."""

    def __init__(self) -> None:
        self._kept: dict[Span, Listed] = {}

    def get(self, span: Span, items: Callable[[], Sequence[bytes]]) -> Listed:
        """Return the list of this span, whose items are asked for when it is not there."""
        known = self._kept.get(span)
        if known is not None:
            return known
        made = Listed(items())
        if span == ALL:
            self._kept[span] = made
        elif made.size <= LONGEST_PAGE:
            self._kept[span] = made
            pages = [each for each in self._kept if each != ALL]
            if len(pages) > PAGES:
                del self._kept[pages[0]]
        else:
            made.outdate()
        return made

    def clear(self) -> None:
        """Forget all of them: a job has changed."""
        for each in self._kept.values():
            each.outdate()
        self._kept.clear()


def _compressed(pieces: Sequence[bytes]) -> Sequence[bytes]:
    packer = zlib.compressobj(wbits=GZIP)
    packed = [*map(packer.compress, pieces), packer.flush()]
    return tuple(filter(None, packed))
