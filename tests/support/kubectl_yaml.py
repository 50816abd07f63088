"""Scalars of YAML that parsers read in different ways, and what kubectl makes of them."""

from typing import Any

YAML = """\
words: [y, Y, yes, n, No, on, OFF, "true", 'n', yE]
dates: [2026-01-01, 2026-01-01T00:00:00Z]
numbers: [010, 08, 0x1F, 0b11, 0o17, 1_000, 1e3, 1.5, -7, 1:30, 1.2.3]
others: [~, null, "", =, ., -]
? on
: a
7: b
merged: {<<: {a: 1, b: 2}, b: 3}
"""
READ: dict[str, Any] = {
    "words": [True, True, True, False, False, True, False, "true", "n", "yE"],
    "dates": ["2026-01-01", "2026-01-01T00:00:00Z"],
    "numbers": [8, 8, 31, 3, 15, 1000, 1000, 1.5, -7, "1:30", "1.2.3"],
    "others": [None, None, "", "=", ".", "-"],
    "true": "a",
    "7": "b",
    "merged": {"a": 1, "b": 3},
}
