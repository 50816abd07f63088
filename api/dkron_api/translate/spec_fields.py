"""Bodies of DkronBackfills and DkronPauses: which fields they have, and what type each is. Pure.

Bounds and rules are the API server's: it refuses with the sentence that kubectl shows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Never

from pydantic import ValidationError

from dkron_api.translate.gojson import decode
from dkron_api.translate.record import M, Object
from dkron_crds.schedule.errors import quoted
from dkron_from_dkron.body import text, whole
from dkron_from_dkron.values import Pairs, Unreadable

MOST_KEYS = 64
"""Entries of an object in a body. The kinds allow fewer."""
NUMBERS = range(2**63)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a body: its name in the spec, and how to read a value that is not null, which may raise Unreadable."""

    wire: str
    read: Callable[[str, object], Any]


def read_fields(data: bytes, fields: Mapping[str, Field], example: str) -> Object:
    """Return the fields of a body by their names in the spec; None for those that are null. Raises Unreadable."""
    value = decode(data)
    if not isinstance(value, Pairs):
        raise Unreadable(f"it is not an object; send an object, such as {example}")
    found: Object = {}
    for key, item in value:
        field = fields.get(key)
        if field is None:
            raise Unreadable(f"{quoted(key)} is not a field of it; it has {', '.join(fields)}")
        if field.wire in found:
            raise Unreadable(f"{quoted(key)} is in it twice")
        found[field.wire] = None if item is None else field.read(key, item)
    return found


def read_spec(model: type[M], stored: Object) -> M:
    """Return the spec of a stored object. Raises Unreadable if it does not match the definition."""
    try:
        return model.from_wire(stored.get("spec") or {})
    except ValidationError as exc:
        kind = f"Dkron{model.__name__.removesuffix('Spec')}"
        raise Unreadable(f"the {kind} does not match the current definition; kubectl shows it") from exc


def a_name(name: str, value: object) -> str:
    """Read a string that is not empty."""
    return text(name, value) or _refuse(name, "a name", "one, or leave it out")


def a_number(name: str, value: object) -> int:
    """Read a whole number."""
    return whole(name, value, NUMBERS)


def texts_by_name(name: str, value: object) -> dict[str, str]:
    """Read an object whose values are strings."""
    if not isinstance(value, Pairs):
        _refuse(name, "an object", "one whose values are strings")
    if len(value) > MOST_KEYS:
        _refuse(name, "short enough", f"at most {MOST_KEYS} entries")
    found: dict[str, str] = {}
    for key, item in value:
        if not isinstance(item, str):
            # It may be the value of a secret parameter, which no answer repeats.
            raise Unreadable(f"{name}: the value of {quoted(key)} is not a string; write it in double quotes")
        found[key] = item
    return found


def _refuse(name: str, what: str, allowed: str) -> Never:
    raise Unreadable(f"{name}: it is not {what}; send {allowed}")
