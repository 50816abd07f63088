"""Tables as plain text: whole for programs, fitted to the width for people. Pure."""

import itertools
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from dkron_reports.words import one_line

GAP = "   "
_COLOR = re.compile(r"\x1b\[[0-9;]*m")
RESET, HIDDEN = "\x1b[0m", "8"
OF_A_PALETTE = {"38;5": 3, "48;5": 3, "38;2": 5, "48;2": 5}
"""How many parameters set a colour of the palette, or one by its parts, by the first two."""
NARROWEST, SENTENCE = 8, 30
"""Cut cells keep at least this many characters; cells of the last column, as long as others can be cut."""
READABLE = 20
"""A column of so many characters can hold a sentence in several lines."""
WHOLE = frozenset({"EXECUTION", "RUN", "BACKFILL", "REMEDY"})
"""The last column if people copy what it holds: it is never cut. Without room it has lines of its own."""
BELOW = "  "
"""How these begin."""


class Table(NamedTuple):
    """Titles of the columns, and rows of as many cells."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    spare: tuple[str, ...] = ()
    """The columns that go where there is no room for all, the least important first."""


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, spare: tuple[str, ...] = ()) -> Table:
    """Return a table without the columns that are empty in every row."""
    cells = [tuple(cell if cell.isprintable() else one_line(cell) for cell in row) for row in rows]
    used = [at for at in range(len(columns)) if any(row[at] for row in cells)] or range(len(columns))
    return Table(tuple(columns[at] for at in used), tuple(tuple(row[at] for at in used) for row in cells), spare)


def lines(content: Table, *, width: int | None = None, wrap: bool = False) -> list[str]:
    """Return the lines of the table, the titles first.

    With `width`, spare columns go until it fits, and then the widest cells are cut. With `wrap`, sentences go on below
    themselves instead.
    """
    if width is not None and len(content.columns) > 1 and content.columns[-1] in WHOLE:
        return _with_whole(content, width, wrap=wrap)
    return [line for row in _rows(content, width, wrap=wrap) for line in row]


def _with_whole(content: Table, width: int, *, wrap: bool) -> list[str]:
    """Return the lines with the last column whole: beside the others, or below them if it has no room there."""
    others = _without(content, content.columns[-1])
    whole = [content.columns[-1], *(row[-1] for row in content.rows)]
    room = width - len(GAP) - max(map(len, whole))
    if _least(_widths(others)) > room:
        rows = _rows(others, width, wrap=wrap)
        return [
            line
            for row, cell in zip(rows, whole, strict=True)
            for line in (*row, *(hung(BELOW, cell, width) if cell else []))
        ]
    rows = _rows(others, room, wrap=wrap)
    size = max(len(line) for row in rows for line in row)
    return [
        line
        for (first, *rest), cell in zip(rows, whole, strict=True)
        for line in (f"{first:{size}}{GAP}{cell or '-'}", *rest)
    ]


def _rows(content: Table, width: int | None, *, wrap: bool) -> list[list[str]]:
    """Return the lines of the titles and of each row."""
    widths = _widths(content)
    if width is not None:
        spare = next((each for each in content.spare if each in content.columns), "")
        if spare and _least(widths) > width:
            return _rows(_without(content, spare), width, wrap=wrap)
        widths = _fitted(widths, width)
    cells = _cells(content)
    return [list(_wrapped(row, widths)) if wrap else [_line(row, widths)] for row in cells]


def _cells(content: Table) -> list[tuple[str, ...]]:
    return [content.columns, *(tuple(cell or "-" for cell in row) for row in content.rows)]


def _widths(content: Table) -> list[int]:
    return [max(map(len, column)) for column in zip(*_cells(content), strict=True)]


def _without(content: Table, column: str) -> Table:
    at = content.columns.index(column)
    first, *rest = (row[:at] + row[at + 1 :] for row in (content.columns, *content.rows))
    return Table(first, tuple(rest), content.spare)


def hung(title: str, text: str, width: int | None) -> list[str]:
    """Return a text beside its title, broken between words, and each further line below the first."""
    if width is None or width - len(title) < READABLE:
        return [f"{title}{text}".rstrip()]
    return textwrap.wrap(
        text, width, initial_indent=title, subsequent_indent=" " * len(title), break_long_words=False,
        break_on_hyphens=False,
    ) or [title.rstrip()]  # fmt: skip


def safe(text: str, *, goes_on: bool = False) -> str:
    """Return the output of a job with its lines and colours, without what else could control a terminal. Colours end
    with the text unless it goes on."""
    parts = _COLOR.split(text)
    colors = [_visible(each) for each in _COLOR.findall(text)]
    plain = ["".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in part) for part in parts]
    end = RESET if not goes_on and any(colors) and colors[-1] != RESET else ""
    return "".join(part + color for part, color in zip(plain, [*colors, end], strict=True))


def _visible(color: str) -> str:
    """Return a sequence of colours without the parameter that hides text; empty if nothing is left of it. The same
    number may stand for a colour in the palette, or for a part of one."""
    given, kept, at = color[2:-1].split(";"), [], 0
    while at < len(given):
        size = OF_A_PALETTE.get(";".join(given[at : at + 2]), 1)
        size = size if at + size <= len(given) else 1
        if given[at].lstrip("0") != HIDDEN:
            kept += given[at : at + size]
        at += size
    return f"\x1b[{';'.join(kept)}m" if kept else ""


def _least(widths: Sequence[int]) -> int:
    """Return the width of a table of which only a sentence in the last column is cut."""
    return sum(widths[:-1]) + min(widths[-1], SENTENCE) + len(GAP) * (len(widths) - 1)


def _fitted(widths: list[int], width: int) -> list[int]:
    """Return the widths after cutting the last column, which holds sentences, and then the widest ones."""
    widths = list(widths)
    room = width - len(GAP) * (len(widths) - 1)
    if len(widths) > 1:
        widths[-1] = max(min(widths[-1], SENTENCE), min(widths[-1], room - sum(widths[:-1])))
    while sum(widths) > room and max(widths) > NARROWEST:
        widths[widths.index(max(widths))] -= 1
    return widths


def _wrapped(row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    parts = [
        textwrap.wrap(cell, size, break_long_words=False, break_on_hyphens=False) if size >= READABLE else [cell]
        for cell, size in zip(row, widths, strict=True)
    ]
    return (_line(line, widths) for line in itertools.zip_longest(*parts, fillvalue=""))


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cut = (cell if len(cell) <= size else f"{cell[: size - 1]}…" for cell, size in zip(row, widths, strict=True))
    return GAP.join(cell.ljust(size) for cell, size in zip(cut, widths, strict=True)).rstrip()
