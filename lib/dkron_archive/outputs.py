"""Outputs as the database keeps them: the last kilobyte as it is, and all of a longer one compressed. Pure."""

import json
from collections.abc import Mapping
from typing import Any

import zstandard
from sqlalchemy import Row

from dkron_archive.records import ArchivedOutput

TAIL = 1024
"""Bytes that lists show."""
LEVEL = 3
LARGEST = 64 * 1024 * 1024
"""Bytes. Nothing larger is decompressed, whatever a row says."""


def output_row(output: ArchivedOutput) -> dict[str, Any]:
    """The columns of an output."""
    content = output.content
    return {
        "truncated": output.truncated,
        "size": len(content),
        "tail": content[-TAIL:],
        "content": compressed(content) if len(content) > TAIL else None,
    }


def output_bytes(row: Mapping[str, Any]) -> int:
    """How many bytes the columns of an output take."""
    return len(row["tail"]) + len(row["content"] or b"")


def is_short(row: Row[*tuple[Any, ...]], size: int | None) -> bool:
    """The tail holds the last `size` bytes of a row, or all of them."""
    wanted: int = row.size if size is None else min(size, row.size)
    return wanted <= len(row.tail)


def output_of(row: Row[*tuple[Any, ...]], size: int | None, content: bytes | None = None) -> ArchivedOutput:
    """The last `size` bytes of a row with truncated, size and tail, whose compressed content is given if it is long."""
    whole: bytes = row.tail if content is None else decompressed(content)
    end = whole if size is None else whole[max(0, len(whole) - size) :]
    return ArchivedOutput(end, row.truncated or len(end) < row.size)


def compressed(content: bytes) -> bytes:
    """With zstd."""
    return zstandard.ZstdCompressor(level=LEVEL).compress(content)


def decompressed(content: bytes) -> bytes:
    """Back from zstd."""
    return zstandard.ZstdDecompressor().decompress(content, max_output_size=LARGEST)


def packed(spec: Mapping[str, Any]) -> bytes:
    """A spec as bytes."""
    return compressed(json.dumps(spec, separators=(",", ":")).encode())


def unpacked(content: bytes) -> Mapping[str, Any]:
    """Those bytes as a spec."""
    spec: Mapping[str, Any] = json.loads(decompressed(content))
    return spec
