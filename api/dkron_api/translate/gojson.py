"""JSON for Dkron's clients: parsed as leniently and as strictly as in Go, and written byte for byte like Go.

Every request body passes `decode`, every response passes `encode`. The standard library does the work; this module
handles the differences between Go and Python.
"""

import codecs
import json
import re
from json.encoder import JSONEncoder
from typing import Never

from dkron_from_dkron.values import Pairs, Unreadable

REPLACEMENT = "\ufffd"

_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPE = re.compile(
    r"(?<!\\)(\\++)(u[dD][89a-fA-F][0-9a-fA-F]{2})((?<=u[dD][89abAB]..)\\u[dD][c-fC-F][0-9a-fA-F]{2})?"
)
"""A surrogate escape: all backslashes before it, the surrogate, and the other half if there is one. Other escapes do
not match: a text full of escapes must not become a list of matches."""
_SPACE = re.compile(r"[ \t\n\r]*")
_STRING = re.compile(rb'("[^"\\]*(?:\\.[^"\\]*)*")', re.DOTALL)
_TAB = b"    "
_WIDTH = 6
"""Characters of an escape."""
_LONGEST_TOKEN = 16
"""Characters. A text that fails this close to its end may have been cut within a token."""


def decode(data: bytes) -> object:
    """Return the first JSON value in `data`. Objects are `Pairs`; text after the value is ignored (Dkron behaviour
    §1.5).

    Invalid UTF-8 becomes U+FFFD. Raises Unreadable for everything that Go rejects, for half of a surrogate pair, and
    for nesting and numbers beyond Python's limits.
    """
    text = readable(data)
    return value_at(text, after_space(text, 0))[0]


def readable(data: bytes) -> str:
    """Return the text of `data`, with U+FFFD for each byte that is not UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return _SURROGATE.sub(REPLACEMENT, data.decode(errors="surrogateescape"))


class Utf8:
    """Replaces invalid bytes in data that comes in pieces. A character may be split between two pieces."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")

    def feed(self, data: bytes, *, final: bool = False) -> bytes:
        """Return the bytes that are complete so far; set `final` for the last piece."""
        text = self._decoder.decode(data, final)
        try:
            return text.encode()
        except UnicodeEncodeError:
            return _SURROGATE.sub(REPLACEMENT, text).encode()


def after_space(text: str, at: int) -> int:
    """Return the position of the first character from `at` on that is not JSON white space."""
    match = _SPACE.match(text, at)
    return match.end() if match else at


def value_at(text: str, at: int, *, origin: tuple[int, int] = (1, 1)) -> tuple[object, int]:
    """Return the value that begins exactly at `at`, and the position after it. Raises Unreadable, whose sentence
    counts lines and columns from `origin`, the position of the text's start."""
    if at == len(text):
        raise Unreadable("it ends where JSON was expected" if at else "it is empty; JSON was expected")
    if text.startswith("\ufeff", at):
        raise Unreadable("it begins with a byte order mark; send JSON as UTF-8 without one")
    try:
        value, end = _DECODER.raw_decode(text, at)
    except json.JSONDecodeError as exc:
        cut = exc.pos > len(text) - _LONGEST_TOKEN or exc.msg.startswith("Unterminated string")
        problem, place = exc.msg.rstrip(": "), _place(exc.lineno, exc.colno, origin)
        raise Unreadable(f"it is not JSON: {problem[:1].lower()}{problem[1:]}: {place}", cut=cut) from None
    except RecursionError:
        raise Unreadable(
            "its arrays and objects are nested too deeply; a job needs no more than three levels"
        ) from None
    except Unreadable:
        raise
    except ValueError:
        raise Unreadable("it has a number with thousands of digits; no field accepts one") from None
    if "\\ud" in text or "\\uD" in text:
        _refuse_halves(text, at, end, origin)
    return value, end


def _refuse_halves(text: str, at: int, end: int, origin: tuple[int, int]) -> None:
    """Raise Unreadable for the first half of a surrogate pair without its other half in the JSON from `at` to `end`."""
    for found in _ESCAPE.finditer(text, at, end):
        # After an even number of backslashes, the last one is itself escaped: the rest is text, and a half after it has
        # no other half.
        half = found.start(2) - 1 if len(found[1]) % 2 else found.start(3)
        if half >= 0 and (len(found[1]) % 2 == 0 or found[3] is None):
            line = text.count("\n", 0, half) + 1
            column = half - text.rfind("\n", 0, half)
            what = f"{text[half : half + _WIDTH]} is half of a surrogate pair; send both halves"
            raise Unreadable(f"{what}: {_place(line, column, origin)}")


def _place(line: int, column: int, origin: tuple[int, int]) -> str:
    """Return a position, counted from the start of the text, as one that is counted from `origin`."""
    return f"line {origin[0] + line - 1}, column {column + (origin[1] - 1 if line == 1 else 0)}"


def _no_constant(name: str) -> Never:
    raise Unreadable(f"it is not JSON: {name} is not a JSON value")


_DECODER = json.JSONDecoder(object_pairs_hook=Pairs, parse_constant=_no_constant)
_ENCODER = JSONEncoder(ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":"))


def encode(value: object) -> bytes:
    """Return `value` as compact JSON in the order of its dicts, with Go's escapes (Dkron behaviour §1.1).

    For dict, list, tuple, str, int, bool and None. A lone surrogate, which UTF-8 cannot encode, becomes `\\ufffd`.
    """
    text = _ENCODER.encode(value)
    text = text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")
    if not text.isascii():
        text = text.replace("\u2028", r"\u2028").replace("\u2029", r"\u2029")
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _SURROGATE.sub(r"\\ufffd", text).encode()


def indent(compact: bytes) -> bytes:
    """Return valid JSON with line breaks and four spaces per level. Its strings and numbers stay unchanged."""
    spread: list[bytes] = []
    seen: dict[tuple[bytes, int], tuple[bytes, int]] = {}
    depth = 0
    for number, part in enumerate(_STRING.split(compact)):
        if number % 2:
            spread.append(part)
            continue
        key = (part, depth)
        if key not in seen:
            seen[key] = _between_strings(part.translate(None, b" \t\n\r"), depth)
        between, depth = seen[key]
        spread.append(between)
    return b"".join(spread)


def _between_strings(marks: bytes, depth: int) -> tuple[bytes, int]:
    """Return the text between two strings, spread over lines, and the depth after it."""
    spread, before = bytearray(), b""
    for mark in map(bytes, zip(marks, strict=True)):
        if mark in b"}]":
            depth -= 1
            spread += mark if before in (b"{", b"[") else b"\n" + _TAB * depth + mark
        else:
            if before in (b"{", b"["):
                spread += b"\n" + _TAB * depth
            spread += mark
            depth += mark in b"{["
            spread += b" " if mark == b":" else b"\n" + _TAB * depth if mark == b"," else b""
        before = mark
    if before in (b"{", b"["):
        spread += b"\n" + _TAB * depth
    return bytes(spread), depth
