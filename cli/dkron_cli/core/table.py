"""Tables as plain text: whole for programs, fitted to the width for people. Pure."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from dkron_reports.words import one_line

GAP = "   "
_COLOR = re.compile(r"\x1b\[[0-9;]*m")
NARROWEST, SENTENCE = 8, 30
"""Cells that are cut keep at least so many characters; those of the last column, as long as others can be cut."""


class Table(NamedTuple):
    """Titles of the columns, and rows of as many cells."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Return a table without the columns that are empty in every row."""
    cells = [tuple(cell if cell.isprintable() else one_line(cell) for cell in row) for row in rows]
    used = [at for at in range(len(columns)) if any(row[at] for row in cells)] or range(len(columns))
    return Table(tuple(columns[at] for at in used), tuple(tuple(row[at] for at in used) for row in cells))


def lines(content: Table, *, width: int | None = None) -> list[str]:
    """Return the lines of the table, the titles first. With `width`, the widest cells are cut until it fits."""
    cells = [content.columns, *[tuple(cell or "-" for cell in row) for row in content.rows]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    if width is not None:
        widths = _fitted(widths, width)
    return [_line(row, widths) for row in cells]


def safe(text: str) -> str:
    """Return the output of a job with its lines and colours, without what else could control a terminal."""
    parts = _COLOR.split(text)
    colors = _COLOR.findall(text)
    plain = ["".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in part) for part in parts]
    return "".join(part + color for part, color in zip(plain, [*colors, ""], strict=True))


def _fitted(widths: list[int], width: int) -> list[int]:
    """Return the widths after cutting the last column, which holds sentences, and then the widest ones."""
    widths = list(widths)
    room = width - len(GAP) * (len(widths) - 1)
    if len(widths) > 1:
        widths[-1] = max(min(widths[-1], SENTENCE), min(widths[-1], room - sum(widths[:-1])))
    while sum(widths) > room and max(widths) > NARROWEST:
        widths[widths.index(max(widths))] -= 1
    return widths


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cut = (cell if len(cell) <= size else f"{cell[: size - 1]}…" for cell, size in zip(row, widths, strict=True))
    return GAP.join(cell.ljust(size) for cell, size in zip(cut, widths, strict=True)).rstrip()
