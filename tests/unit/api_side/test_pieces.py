"""Arrays in pieces: the same bytes as in one, and no piece too long."""

from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_api.translate import gojson
from dkron_api.translate.pieces import PIECE, compact, indented, size_of

SIZES = st.one_of(st.integers(0, 40), st.integers(PIECE // 3, 2 * PIECE + 1))
ITEMS = st.lists(SIZES.map(lambda size: gojson.encode({"k": "x" * size})), max_size=12)


@given(ITEMS)
def test_the_pieces_make_the_array(items: list[bytes]) -> None:
    whole = b"".join(compact(items))
    assert whole == b"[" + b",".join(items) + b"]"
    assert size_of(items) == len(whole)


@given(ITEMS)
def test_the_indented_pieces_make_the_indented_array(items: list[bytes]) -> None:
    assert b"".join(indented(items)) == gojson.indent(b"[" + b",".join(items) + b"]")


@pytest.mark.parametrize("pieces", [compact, indented])
@given(items=ITEMS)
def test_no_piece_is_empty_or_too_long(
    pieces: Callable[[Sequence[bytes]], Iterator[bytes]], items: list[bytes]
) -> None:
    assert all(0 < len(piece) <= PIECE for piece in pieces(items))


def test_many_small_items_go_out_together() -> None:
    items = [b"%d" % number * 100 for number in range(10_000)]
    assert len(list(compact(items))) < 4 * size_of(items) / PIECE + 2
