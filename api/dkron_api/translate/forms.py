"""A form on its way in: multipart/form-data (RFC 7578, RFC 2046 §5.1), piece by piece, of which one field is wanted.

What it costs follows from its size alone: a line that is no boundary is never looked at by itself, and parts, their
headers and what stands before them are bounded.
"""

import re
from enum import Enum
from typing import Final

PARTS: Final = 64
"""Fields that a form may have."""
HEADERS: Final = 16384
"""Bytes that the headers of a part may have, and that may stand before the first part."""
LONGEST_BOUNDARY: Final = 70
"""Characters, as RFC 2046 says."""
PADDING: Final = 64
"""Spaces that may stand behind a boundary."""

_PARAMETER = re.compile(r'\s*;\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;"]*)')
_DISPOSITION = re.compile(rb"(?:^|\r\n)content-disposition[ \t]*:([^\r\n]*)", re.IGNORECASE)
_ESCAPED = re.compile(r"\\(.)")
_LINE_END = re.compile(rb"[ \t]*\r\n")


class NoForm(ValueError):
    """What came in is no form. `reason` is one sentence for a person."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TooManyParts(NoForm):
    """It has more fields than any form needs."""


class _At(Enum):
    START = 1
    BOUNDARY = 2
    HEADERS = 3
    CONTENT = 4
    END = 5


class Form:
    """What is in `field` comes out of `feed`. `size` counts the bytes of all contents so far; `found` is set when the
    field has begun, `over` when it has ended, or the form has."""

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
        """The next bytes of the form; those of the field among them, or of what was fed before. Raises NoForm."""
        self._waiting += data
        content = bytearray()
        while not self.over and self._advance(content):
            pass
        return bytes(content)

    def end(self) -> None:
        """There are no more bytes. Raises NoForm unless it is over."""
        if not self.over:
            raise NoForm("it ends before its last boundary")

    def _advance(self, content: bytearray) -> bool:
        """One step; whether there may be another."""
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
        # The end of what is there may be the beginning of a boundary.
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
                raise NoForm("a boundary does not stand in a line of its own")
            return False
        self._parts += 1
        if self._parts > PARTS:
            raise TooManyParts(f"the form has more than {PARTS} parts; send the backup as the only one")
        # Its line break stays: the first of the headers, which may be none, stands behind one, too.
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
        # The line break behind the headers is none of the content, but may begin the next boundary.
        del self._waiting[: end + 2]
        self._skip = 2
        self._at = _At.CONTENT
        return True


def name_in(headers: bytes) -> str | None:
    """The field whose headers these are; None if they do not say."""
    line = _DISPOSITION.search(headers)
    if line is None:
        return None
    text = line[1].decode("utf-8", "replace")
    at = text.find(";")
    while at >= 0 and (parameter := _PARAMETER.match(text, at)):
        if parameter[1].lower() == "name":
            return _plain(parameter[2])
        at = parameter.end()
    return None


def boundary_in(content_type: str) -> str:
    """The boundary that a Content-Type names. Raises NoForm."""
    at = content_type.find(";")
    while at >= 0 and (parameter := _PARAMETER.match(content_type, at)):
        if parameter[1].lower() == "boundary":
            boundary = _plain(parameter[2])
            if not 0 < len(boundary) <= LONGEST_BOUNDARY:
                raise NoForm(f"its boundary has {len(boundary)} characters; 1 to {LONGEST_BOUNDARY} are allowed")
            return boundary
        at = parameter.end()
    raise NoForm("its Content-Type names no boundary")


def _plain(value: str) -> str:
    return _ESCAPED.sub(r"\1", value[1:-1]) if value.startswith('"') else value
