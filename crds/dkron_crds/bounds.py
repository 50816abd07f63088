"""Bounds on what is read: JSON of any depth and size that the API server stores becomes objects of bounded depth and
size, and each object says what it lacks.

Who may write one object may write one that nests a thousand levels, or a template that is twenty times as long in
memory as on the wire. So depth is bounded before anything that recurses sees an object, and size before it is kept:
what goes beyond is cut out, and the object is marked. Its identity and its status stay readable. Pure.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, cast

from pydantic_core import from_json

Object = dict[str, Any]

UNREADABLE = "dkron.io/unreadable"
"""A key beside `metadata` and `spec` under which a marked object says what is wrong. The API server drops such keys, so
nobody else can write it."""
MOST_LEVELS = 200
"""Levels of objects and lists that the parser follows (pydantic_core.from_json)."""
DEPTH = 100
"""Levels that stay of a document which nests deeper."""
TEMPLATE_BYTES = 256 * 1024
"""How long `spec.jobTemplate` may be as JSON."""
HEAVY = 64 * 1024
"""A shorter document is not measured part by part."""

_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[{]++|[\]}]++', re.DOTALL)
_OPEN = b"[{"
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def decode(text: bytes) -> Any:  # noqa: ANN401 - any JSON
    """The document, without what nests too deep; the objects that this concerns are marked. Raises ValueError."""
    try:
        return from_json(text)
    except ValueError as exc:
        if "recursion limit" not in str(exc):
            raise
    document = from_json(shallow(text))
    for item in objects(document):
        if _is_cut(item):
            mark(item, f"it nests objects and lists deeper than {MOST_LEVELS} levels")
    return document


def bounded(text: bytes) -> Any:  # noqa: ANN401 - any JSON
    """The document without what nests too deep or is too long to be kept. Raises ValueError."""
    document = decode(text)
    if len(text) > HEAVY:
        for item in objects(document):
            trim(item)
    return document


def is_deep(text: bytes) -> bool:
    """Whether a document nests deeper than the parser follows."""
    if _most_levels(text) <= DEPTH:
        return False
    try:
        from_json(text)
    except ValueError as exc:
        return "recursion limit" in str(exc)
    return False


def _most_levels(text: bytes) -> int:
    """A bound for how deep a document nests, found in a fraction of the time that parsing takes: innermost pairs of
    brackets are taken away, again and again. Brackets in texts may spoil pairs; each that is left may be a level."""
    left, levels = text.translate(None, _NO_BRACKETS), 0
    while levels <= DEPTH:
        outer = left.replace(b"{}", b"").replace(b"[]", b"")
        if len(outer) == len(left):
            break
        left, levels = outer, levels + 2
    return levels + len(left)


def shallow(text: bytes) -> bytes:
    """The document with a text in the place of each object and list below the deepest level that stays."""
    parts: list[bytes] = []
    depth = begun = kept = 0
    for token in _TOKEN.finditer(text):
        run = token[0]
        if run[0] == _QUOTE:
            continue
        if run[0] in _OPEN:
            if depth <= DEPTH < depth + len(run):
                begun = token.start() + DEPTH - depth
                parts += (text[kept:begun], _CUT)
            depth += len(run)
        else:
            if depth > DEPTH >= depth - len(run):
                kept = token.start() + depth - DEPTH
            depth -= len(run)
    parts.append(text[kept:])
    return b"".join(parts)


_QUOTE = b'"'[0]
_MARK = "cut out: too deep"
_CUT = json.dumps(_MARK).encode()


def trim(item: Object, *, most: int = TEMPLATE_BYTES) -> bool:
    """Cut out of an object what is too long to be kept, and mark it; whether anything was cut."""
    spec, cut = item.get("spec"), False
    template = spec.get("jobTemplate") if isinstance(spec, dict) else None
    if template and (size := _size(template)) > most:
        cast("Object", spec)["jobTemplate"] = {}
        mark(item, f"spec.jobTemplate is {size} bytes long; at most {most} are allowed")
        cut = True
    fields = (item.get("metadata") or {}).get("managedFields")
    if fields and _size(fields) > HEAVY:
        # Who wrote which field is asked about a few objects only, and of these nobody can say any more.
        for entry in fields:
            entry.pop("fieldsV1", None)
        cut = True
    return cut


def mark(item: Object, sentence: str) -> None:
    """Have the object say what is wrong with it; the first one to say so counts."""
    item.setdefault(UNREADABLE, sentence)


def unreadable(item: Mapping[str, Any]) -> str:
    """What is wrong with a marked object, in a sentence; empty if it is not marked."""
    return str(item.get(UNREADABLE) or "")


def objects(document: Any) -> list[Object]:  # noqa: ANN401
    """What a document is about: the items of a list, the object of an event, or itself."""
    if not isinstance(document, dict):
        return []
    if isinstance(items := document.get("items"), list):
        return [item for item in items if isinstance(item, dict)]
    if "type" in document and isinstance(item := document.get("object"), dict):
        return [item]
    return [document]


def _is_cut(item: Object) -> bool:
    return _MARK in json.dumps(item)


def _size(part: Any) -> int:  # noqa: ANN401
    return len(json.dumps(part, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace"))
