"""JSON as Dkron's clients know it: read as leniently and as strictly as Go reads it, written byte for byte as Go does.

Every body that comes in passes `decode`, every answer that goes out passes `encode`. The work is done by the
standard library; what stands here is where Go and Python differ.
"""

import codecs
import json
import re
from json.encoder import JSONEncoder
from typing import Never

REPLACEMENT = "\ufffd"

_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPE = re.compile(
    r"(?<!\\)(\\++)(u[dD][89a-fA-F][0-9a-fA-F]{2})((?<=u[dD][89abAB]..)\\u[dD][c-fC-F][0-9a-fA-F]{2})?"
)
"""A surrogate: all backslashes before it, the surrogate, and the other half if there is one. Other escapes do not
match: a text of nothing else must not become a list of its escapes."""
_SPACE = re.compile(r"[ \t\n\r]*")
_STRING = re.compile(rb'("[^"\\]*(?:\\.[^"\\]*)*")', re.DOTALL)
_TAB = b"    "
_REPLACED = "ufffd"
_LONGEST_TOKEN = 16
"""Characters: a text that fails so close to its end may have been cut in the middle of something."""


class Unreadable(ValueError):
    """What came in is no JSON, or not the JSON that was asked for. `reason` is one sentence for a person. `cut`: it is
    JSON as far as it goes, so that more of it might mend it."""

    def __init__(self, reason: str, *, cut: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.cut = cut


class Pairs(list[tuple[str, object]]):
    """A JSON object as it was written: keys in order, duplicates kept, since Go lets the last one win."""

    __slots__ = ()


def decode(data: bytes) -> object:
    """The first JSON value in `data`; objects are `Pairs`, what follows the value is ignored (Dkron behaviour §1.5).

    Invalid UTF-8 and lone surrogates become U+FFFD. Raises Unreadable for everything that Go refuses, and for
    nesting and numbers beyond what Python takes.
    """
    text = readable(data)
    return value_at(text, after_space(text, 0))[0]


def readable(data: bytes) -> str:
    """The text of `data`, with U+FFFD for each byte that is no UTF-8 and for each lone surrogate escape."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = _SURROGATE.sub(REPLACEMENT, data.decode(errors="surrogateescape"))
    if "\\ud" in text or "\\uD" in text:
        text = _ESCAPE.sub(_mended, text)
    return text


class Utf8:
    """The same for bytes that come in pieces, as UTF-8: what is no UTF-8 in one piece may be in the next."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")

    def feed(self, data: bytes, *, final: bool = False) -> bytes:
        """The next of them that can be told; `final` for the last."""
        text = self._decoder.decode(data, final)
        try:
            return text.encode()
        except UnicodeEncodeError:
            return _SURROGATE.sub(REPLACEMENT, text).encode()


def after_space(text: str, at: int) -> int:
    """The position of the first character from `at` on that is no white space to JSON."""
    match = _SPACE.match(text, at)
    return match.end() if match else at


def value_at(text: str, at: int, *, origin: tuple[int, int] = (1, 1)) -> tuple[object, int]:
    """The value that begins exactly at `at`, and the position behind it. Raises Unreadable, whose sentence counts lines
    and columns from `origin`, where the text begins."""
    if at == len(text):
        raise Unreadable("there is nothing where JSON was expected" if at else "it is empty where JSON was expected")
    if text.startswith("\ufeff", at):
        raise Unreadable("it begins with a byte order mark; send JSON as UTF-8 without one")
    try:
        return _DECODER.raw_decode(text, at)
    except json.JSONDecodeError as exc:
        cut = exc.pos > len(text) - _LONGEST_TOKEN or exc.msg.startswith("Unterminated string")
        raise Unreadable(_not_json(exc, origin), cut=cut) from None
    except RecursionError:
        raise Unreadable(
            "its arrays and objects are nested too deeply; a job needs no more than three levels"
        ) from None
    except Unreadable:
        raise
    except ValueError:
        raise Unreadable("it has a number of thousands of digits; no field takes one") from None


def _not_json(error: json.JSONDecodeError, origin: tuple[int, int]) -> str:
    problem = error.msg.rstrip(": ")
    line, column = origin[0] + error.lineno - 1, error.colno + (origin[1] - 1 if error.lineno == 1 else 0)
    return f"it is not JSON: {problem[:1].lower()}{problem[1:]}: line {line}, column {column}"


def _mended(found: re.Match[str]) -> str:
    backslashes, escape, half = found[1], found[2], found[3] or ""
    if len(backslashes) % 2 == 0:
        # The last of them is escaped itself: what follows is text, and the half behind it is alone.
        return backslashes + escape + _ESCAPE.sub(_mended, half)
    return found[0] if half else f"{backslashes}{_REPLACED}"


def _no_constant(name: str) -> Never:
    raise Unreadable(f"it is not JSON: {name} is no value there")


_DECODER = json.JSONDecoder(object_pairs_hook=Pairs, parse_constant=_no_constant)
_ENCODER = JSONEncoder(ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":"))


def encode(value: object) -> bytes:
    """`value` as compact JSON in the order of its dicts, with Go's escapes (Dkron behaviour §1.1).

    For dict, list, tuple, str, int, bool and None. A lone surrogate, which UTF-8 cannot carry, becomes `\\ufffd`.
    """
    text = _ENCODER.encode(value)
    text = text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")
    if not text.isascii():
        text = text.replace("\u2028", r"\u2028").replace("\u2029", r"\u2029")
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _SURROGATE.sub(r"\\ufffd", text).encode()


def encode_pretty(value: object) -> bytes:
    """The same with line breaks and four spaces per level, as `?pretty` asks for."""
    return indent(encode(value))


def indent(compact: bytes) -> bytes:
    """Valid JSON with line breaks and four spaces per level, its strings and numbers left as they are."""
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
    """What stands between two strings, spread over lines, and the depth behind it."""
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
