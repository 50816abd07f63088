"""JSON as Dkron's clients know it: read as leniently and as strictly as Go reads it, written byte for byte as Go does.

Every body that comes in passes `decode`, every answer that goes out passes `encode`. The work is done by the
standard library; what stands here is where Go and Python differ.
"""

import json
import re
from json.encoder import JSONEncoder
from typing import Never

REPLACEMENT = "\ufffd"

_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPE = re.compile(
    r"\\(?:[^u]|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2}))"
)
_SPACE = re.compile(r"[ \t\n\r]*")
_STRING = re.compile(rb'("[^"\\]*(?:\\.[^"\\]*)*")', re.DOTALL)
_TAB = b"    "


class Unreadable(ValueError):
    """What came in is no JSON, or not the JSON that was asked for. `reason` is one sentence for a person."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


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


def after_space(text: str, at: int) -> int:
    """The position of the first character from `at` on that is no white space to JSON."""
    match = _SPACE.match(text, at)
    return match.end() if match else at


def value_at(text: str, at: int) -> tuple[object, int]:
    """The value that begins exactly at `at`, and the position behind it. Raises Unreadable."""
    if at == len(text):
        raise Unreadable("there is nothing where JSON was expected" if at else "it is empty where JSON was expected")
    if text.startswith("\ufeff", at):
        raise Unreadable("it begins with a byte order mark; send JSON as UTF-8 without one")
    try:
        return _DECODER.raw_decode(text, at)
    except json.JSONDecodeError as exc:
        raise Unreadable(_not_json(exc)) from None
    except RecursionError:
        raise Unreadable(
            "its arrays and objects are nested too deeply; a job needs no more than three levels"
        ) from None
    except Unreadable:
        raise
    except ValueError:
        raise Unreadable("it has a number of thousands of digits; no field takes one") from None


def _not_json(error: json.JSONDecodeError) -> str:
    problem = error.msg.rstrip(": ")
    return f"it is not JSON: {problem[:1].lower()}{problem[1:]}: line {error.lineno}, column {error.colno}"


def _mended(escape: re.Match[str]) -> str:
    return r"\ufffd" if escape[1] else escape[0]


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
