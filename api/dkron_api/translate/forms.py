"""Incremental parser for multipart/form-data (RFC 7578, RFC 2046 §5.1) that extracts one field.

The cost depends only on the size of the form: lines that are not a boundary are not examined one by one, and the
number of parts, their headers and the preamble are limited.
"""

import re
from collections.abc import Iterator
from enum import Enum
from typing import Final

PARTS: Final = 64
"""Maximum fields of a form."""
HEADERS: Final = 16384
"""Maximum bytes of a part's headers, and of the preamble before the first part."""
LONGEST_BOUNDARY: Final = 70
"""Characters, as in RFC 2046."""
PADDING: Final = 64
"""Maximum spaces after a boundary."""

_PARAMETER = re.compile(r'\s*;\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;"]*)')
_DISPOSITION = re.compile(rb"(?:^|\r\n)content-disposition[ \t]*:([^\r\n]*)", re.IGNORECASE)
_ESCAPED = re.compile(r"\\(.)")
_LINE_END = re.compile(rb"[ \t]*\r\n")


class NoForm(ValueError):
    """The input is not a form. `str()` is one readable sentence."""


class TooManyParts(NoForm):
    """The form has too many fields."""


class _At(Enum):
    START = 1
    BOUNDARY = 2
    HEADERS = 3
    CONTENT = 4
    END = 5


class Form:
    """`feed` returns the content of `field`. `size` counts the bytes of all contents so far. `found` is set when the
    field has begun, `over` when the field or the form has ended."""

    def __init__(self, boundary: str, field: str) -> None:
        self.found = False
        self.over = False
        self.size = 0
        self._field = field
        self._delimiter = b"\r\n--" + boundary.encode("latin-1", "replace")
        # The first boundary needs no line before it.
        self._waiting = bytearray(b"\r\n")
        self._at = _At.START
        self._before = 0
        self._parts = 0
        self._skip = 0

    def feed(self, data: bytes) -> bytes:
        """Process the next bytes of the form. Return the field's bytes in them and in earlier input. Raises NoForm."""
        self._waiting += data
        content = bytearray()
        while not self.over and self._advance(content):
            pass
        return bytes(content)

    def end(self) -> None:
        """End the input. Raises NoForm unless `over` is set."""
        if not self.over:
            raise NoForm("it ends before its last boundary")

    def _advance(self, content: bytearray) -> bool:
        """Make one step. Return whether another may be possible."""
        match self._at:
            case _At.START | _At.CONTENT:
                return self._to_boundary(content)
            case _At.BOUNDARY:
                return self._behind_boundary()
            case _At.HEADERS:
                return self._through_headers()
            case _:
                self.over = True
                return False

    def _to_boundary(self, content: bytearray) -> bool:
        at = self._waiting.find(self._delimiter)
        # The end of the buffer may be the beginning of a boundary.
        taken = max(len(self._waiting) - len(self._delimiter) + 1, 0) if at < 0 else at
        if self._at is _At.START:
            self._before += taken
            if self._before > HEADERS:
                raise NoForm("it does not begin with the boundary that its Content-Type names")
        else:
            skipped = min(self._skip, taken)
            self._skip -= skipped
            self.size += taken - skipped
            if self.found:
                content += self._waiting[skipped:taken]
        if at < 0:
            del self._waiting[:taken]
            return False
        del self._waiting[: at + len(self._delimiter)]
        self._at = _At.END if self.found else _At.BOUNDARY
        return True

    def _behind_boundary(self) -> bool:
        if self._waiting.startswith(b"--"):
            self._at = _At.END
            return True
        line = _LINE_END.match(self._waiting)
        if line is None:
            if len(self._waiting) > PADDING or bytes(self._waiting).strip(b" \t") not in (b"", b"\r", b"-"):
                raise NoForm("a multipart boundary is not on its own line")
            return False
        self._parts += 1
        if self._parts > PARTS:
            raise TooManyParts(f"the form has more than {PARTS} parts; send the backup as the only one")
        # Keep the line break: the first header, or the empty line without headers, also follows one.
        del self._waiting[: line.end() - 2]
        self._at = _At.HEADERS
        return True

    def _through_headers(self) -> bool:
        end = self._waiting.find(b"\r\n\r\n")
        if end < 0 or end > HEADERS:
            if len(self._waiting) > HEADERS:
                raise NoForm(f"the headers of a part have more than {HEADERS} bytes")
            return False
        self.found = name_in(bytes(self._waiting[:end])) == self._field
        # The line break after the headers is not part of the content, but may begin the next boundary.
        del self._waiting[: end + 2]
        self._skip = 2
        self._at = _At.CONTENT
        return True


def name_in(headers: bytes) -> str | None:
    """Return the field with these headers; None if they do not name it."""
    line = _DISPOSITION.search(headers)
    if line is None:
        return None
    parameters = _parameters(line[1].decode("utf-8", "replace"))
    return next((value for name, value in parameters if name == "name"), None)


def boundary_in(content_type: str) -> str:
    """Return the boundary in a Content-Type. Raises NoForm."""
    boundary = next((value for name, value in _parameters(content_type) if name == "boundary"), None)
    if boundary is None:
        raise NoForm("its Content-Type names no boundary")
    if not 0 < len(boundary) <= LONGEST_BOUNDARY:
        raise NoForm(f"its boundary has {len(boundary)} characters; 1 to {LONGEST_BOUNDARY} are allowed")
    return boundary


def _parameters(header: str) -> Iterator[tuple[str, str]]:
    at = header.find(";")
    while at >= 0 and (parameter := _PARAMETER.match(header, at)):
        value = parameter[2]
        yield parameter[1].lower(), _ESCAPED.sub(r"\1", value[1:-1]) if value.startswith('"') else value
        at = parameter.end()
