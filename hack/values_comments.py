"""The comments of the chart's values.yaml, which describe the values in the schema as they do in the README.

A comment directly above a key is about that key. helm-docs lists those that begin with `--`; the others are about
objects, whose keys it lists instead.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

Comments = dict[tuple[str, ...], str]
"""Each by the keys that lead to its value."""
NOT_PROSE = "@default --"
"""Begins a line that is about the README alone."""
_BEGINNING = re.compile(r"^# ?(-- )?(\(\w+\) )?")
"""What is no prose at the beginning of a line: the mark of helm-docs, and a type for the README."""


def comments(path: Path) -> Comments:
    """Read those of a file."""
    text = path.read_text(encoding="utf-8")
    node = yaml.compose(text, Loader=yaml.CSafeLoader)
    return {where: said for where, line in _keys(node, ()) if (said := _above(text.splitlines(), line))}


def _keys(node: yaml.Node | None, where: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
    """Each key of the maps, and the number of its line."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*where, key.value), key.start_mark.line
            yield from _keys(value, (*where, key.value))


def _above(lines: list[str], number: int) -> str:
    """The comment that ends above a line."""
    found: list[str] = []
    while number and (line := lines[number - 1].strip()).startswith("#"):
        found.insert(0, _BEGINNING.sub("", line))
        number -= 1
    return " ".join(line for line in found if not line.startswith(NOT_PROSE))
