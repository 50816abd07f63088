"""Limits on decoded JSON: the API server may store JSON of any depth and size; reading it yields objects of bounded
depth and size, each marked if something was cut.

Anyone who may write an object may write one that nests a thousand levels, or a spec that takes twenty times its wire
size in memory. The code therefore limits depth before anything recurses into an object, and size before it keeps
one. It cuts out the excess and marks the object, whose identity and status stay readable. Pure.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json, to_json

Object = dict[str, Any]

UNREADABLE = "dkron.io/unreadable"
"""A marked object carries its problem under this key, beside `metadata` and `spec`. The API server drops such keys,
so no other writer can set it."""
MOST_LEVELS = 200
"""Levels of objects and lists that the parser accepts (pydantic_core.from_json)."""
DEPTH = 100
"""Levels that remain of a document that nests deeper than the parser accepts."""
FREE_FORM = ("executorConfig", "jobTemplate", "metadata", "parameters", "processors", "tags")
"""The parts of the spec of a DkronJob whose length its author decides."""
FREE_FORM_BYTES = 64 * 1024
"""Maximum length of these parts and of the labels as JSON, in sum."""
HEAVY = 64 * 1024
"""Documents up to this length are not measured part by part."""

_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[{]++|[\]}]++', re.DOTALL)
_OPEN = b"[{"
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def decode(text: bytes) -> Any:  # noqa: ANN401 - any JSON
    """Decode the document without the parts that nest too deep, and mark the affected objects. Raises ValueError."""
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
    """Decode the document without the parts that nest too deep or are too long to keep. Raises ValueError."""
    document = decode(text)
    if len(text) > HEAVY:
        for item in objects(document):
            trim(item)
    return document


def is_deep(text: bytes) -> bool:
    """Whether a document nests deeper than the parser accepts."""
    if _most_levels(text) <= DEPTH:
        return False
    try:
        from_json(text)
    except ValueError as exc:
        return "recursion limit" in str(exc)
    return False


def _most_levels(text: bytes) -> int:
    """Return an upper bound of the nesting depth, in a fraction of the time that parsing takes. It removes the
    innermost pairs of brackets repeatedly. Brackets inside strings may break pairs, so each bracket that remains
    counts as a level, and it stops as soon as they are few enough."""
    left, levels = text.translate(None, _NO_BRACKETS), 0
    while levels <= DEPTH < levels + len(left):
        outer = left.replace(b"{}", b"").replace(b"[]", b"")
        if len(outer) == len(left):
            break
        left, levels = outer, levels + 2
    return levels + len(left)


def shallow(text: bytes) -> bytes:
    """Return the document with a string in place of each object and list below the deepest level kept."""
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


def trim(item: Object) -> bool:
    """Cut the parts that are too long to keep out of an object and mark it. Return whether anything was cut."""
    cut = False
    if why := length_problem(item):
        for section, name, part in _free_form(item):
            item[section][name] = type(part)()
        mark(item, why)
        cut = True
    fields = (item.get("metadata") or {}).get("managedFields")
    if fields and _size(fields) > HEAVY:
        # Field ownership matters for a few objects only. For those with so many entries it stays unknown.
        for entry in fields:
            entry.pop("fieldsV1", None)
        cut = True
    return cut


def length_problem(item: Mapping[str, Any]) -> str:
    """Return a sentence if the free-form parts of a DkronJob are too long; empty if they are not."""
    sizes = {f"{section}.{name}": _size(part) for section, name, part in _free_form(item)}
    if sum(sizes.values()) <= FREE_FORM_BYTES:
        return ""
    size, longest = max((size, place) for place, size in sizes.items())
    return (
        f"the free-form parts of the job are {sum(sizes.values())} bytes long, of which {longest} has {size}; "
        f"at most {FREE_FORM_BYTES} are allowed, so put scripts into a ConfigMap"
    )


def _free_form(item: Mapping[str, Any]) -> list[tuple[str, str, Any]]:
    """Return the free-form parts that an object has, each with its place. The parameters of a DkronRun or a
    DkronBackfill are no list, and have a bound of their own."""
    metadata, spec = item.get("metadata"), item.get("spec")
    places = ((metadata, "metadata", ("labels",)), (spec, "spec", FREE_FORM))
    return [
        (section, name, part)
        for parts, section, names in places
        if isinstance(parts, dict)
        for name in names
        if (part := parts.get(name)) and not (name == "parameters" and isinstance(part, dict))
    ]


def mark(item: Object, sentence: str) -> None:
    """Record the problem in the object. The first problem recorded wins."""
    item.setdefault(UNREADABLE, sentence)


def unreadable(item: Mapping[str, Any]) -> str:
    """Return the problem of a marked object as a sentence; empty if it is not marked."""
    return str(item.get(UNREADABLE) or "")


def objects(document: Any) -> list[Object]:  # noqa: ANN401
    """Return the objects in a document: the items of a list, the object of an event, or the document itself."""
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
    try:
        return len(to_json(part))
    except ValueError:
        # Text that is not Unicode.
        return len(json.dumps(part, separators=(",", ":")))
