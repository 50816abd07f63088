"""Arrays in pieces: the same bytes as in one, and no piece too long."""

from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dkron_api.translate import gojson
from dkron_api.translate.pieces import PIECE, compact, indented, size_of
from tests.support.examples import examples

# Sizes and not items are drawn: what a failure prints should fit on a screen.
SIZES = st.lists(st.one_of(st.integers(0, 40), st.integers(PIECE // 3, 2 * PIECE + 1)), max_size=12)


def made(sizes: list[int]) -> list[bytes]:
    return [gojson.encode({"k": "x" * size}) for size in sizes]


@given(SIZES)
def test_the_pieces_make_the_array(sizes: list[int]) -> None:
    items = made(sizes)
    whole = b"".join(compact(items))
    assert whole == b"[" + b",".join(items) + b"]"
    assert size_of(items) == len(whole)


@settings(max_examples=examples(40), deadline=None)
@given(SIZES)
def test_the_indented_pieces_make_the_indented_array(sizes: list[int]) -> None:
    items = made(sizes)
    assert b"".join(indented(items)) == gojson.indent(b"[" + b",".join(items) + b"]")


@pytest.mark.parametrize("pieces", [compact, indented])
@settings(max_examples=examples(40), deadline=None)
@given(sizes=SIZES)
def test_no_piece_is_empty_or_too_long(pieces: Callable[[Sequence[bytes]], Iterator[bytes]], sizes: list[int]) -> None:
    assert all(0 < len(piece) <= PIECE for piece in pieces(made(sizes)))


def test_many_small_items_go_out_together() -> None:
    items = [b"%d" % number * 100 for number in range(10_000)]
    assert len(list(compact(items))) < 4 * size_of(items) / PIECE + 2
