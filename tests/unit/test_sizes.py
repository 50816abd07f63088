"""Sizes of memory (Dkron behaviour §6.1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_crds.sizes import memory_bytes


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1024", 1024), ("1KB", 1024), ("1k", 1024), ("1MB", 1 << 20), ("2GB", 2 << 30), ("512mb", 512 << 20),
        ("1.5GB", 3 << 29), (".5K", 512), ("7b", 7), ("7Bytes", 7), ("3T", 3 << 40), (" 64MB ", 64 << 20),
    ],
)  # fmt: skip
def test_sizes_of_memory_are_read(text: str, size: int) -> None:
    assert memory_bytes(text) == size


NONE = ["", "invalid", "-1", "-1MB", "0", "0GB", "1.5", "1 MB", "1XB", "1e3", "1MiB", "1.MB", "0.1B", "8388608TB"]


@pytest.mark.parametrize(
    "text",
    [*NONE, "\uff19MB", pytest.param("9" * 1_000_000 + "TB", id="a million digits"), "1\n2", "NaN", "0x10", "+5"],
)
def test_invalid_memory_size_is_refused_in_a_short_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size; use bytes") as refused:
        memory_bytes(text)
    assert len(str(refused.value)) < 200


@given(st.integers(1, 2**63 - 1))
def test_a_number_of_bytes_is_itself(size: int) -> None:
    assert memory_bytes(str(size)) == size
