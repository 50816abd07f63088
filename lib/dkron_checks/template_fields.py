"""Fields of `jobTemplate` as Kubernetes knows them, for checks without a cluster: names, types and quantities. Pure.

The operator asks the API server itself, which knows its own version; `template_fields.json` is that of one version.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from itertools import chain, islice
from typing import Any

from dkron_crds.schedule.errors import quoted

_QUANTITY = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,3})?", re.ASCII)
_LONGEST = 64
MOST_FAULTS = 20
_FORMS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "string": (str, "a text; put it in quotes"),
    "integer": (int, "a whole number without quotes"),
    "number": ((int, float), "a number without quotes"),
    "boolean": (bool, "true or false, without quotes"),
    "intstr": ((int, str), "a whole number or a text"),
}

Place = tuple[str | int, ...]
Fault = tuple[Place, str]
"""A place in the template, and a sentence about it."""


def suggestion(name: str, fields: Iterable[str]) -> str:
    """Return the end of a sentence about an unknown field: the field that is like it; empty if none is."""
    near = get_close_matches(name[:_LONGEST], list(fields), n=1)
    return f'; did you mean "{near[0]}"?' if near else ""


def template_faults(template: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what the API server would refuse in a template, as far as a person reads on. It may nest as deep as the
    reader of its file allows."""
    of_metadata = _faults(template.get("metadata"), "ObjectMeta", ("metadata",))
    yield from islice(chain(of_metadata, _faults(template.get("spec"), "JobSpec", ("spec",))), MOST_FAULTS)


@cache
def _known() -> dict[str, Any]:
    text = files("dkron_checks").joinpath("template_fields.json").read_text(encoding="utf-8")
    known: dict[str, Any] = json.loads(text)
    return known


def _faults(value: object, kind: str, at: Place) -> Iterator[Fault]:
    if value is None or kind == "any":
        # In a template, null takes a field away.
        return
    if kind[0] in "[{":
        yield from _each(value, kind, at)
    elif kind == "quantity":
        if not _is_quantity(value):
            shown = quoted(str(value))
            yield at, f"{_path(at)}: {shown} is not a quantity; use a number with a unit, such as 64Mi or 500m"
    elif kind in _FORMS:
        wanted, words = _FORMS[kind]
        if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
            yield at, f"{_path(at)}: {quoted(str(value))} has to be {words}"
    elif isinstance(value, dict):
        yield from _fields(value, kind, at)
    else:
        yield at, f"{_path(at)}: it has to be an object"


def _each(value: object, kind: str, at: Place) -> Iterator[Fault]:
    inner = kind[1:-1]
    if kind[0] == "[" and isinstance(value, list):
        for number, item in enumerate(value):
            yield from _faults(item, inner, (*at, number))
    elif kind[0] == "{" and isinstance(value, dict):
        for key, item in value.items():
            yield from _faults(item, inner, (*at, str(key)))
    else:
        yield at, f"{_path(at)}: it has to be {'a list' if kind[0] == '[' else 'an object'}"


def _fields(value: Mapping[str, Any], kind: str, at: Place) -> Iterator[Fault]:
    fields = _known()["types"][kind]
    for key, item in value.items():
        here: Place = (*at, str(key))
        if key in fields:
            yield from _faults(item, fields[key], here)
        else:
            version, meant = _known()["kubernetes"], suggestion(str(key), fields)
            yield here, f"{_path(at)}: Kubernetes {version} has no field {quoted(str(key))} here{meant}"


def _is_quantity(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= _LONGEST and _QUANTITY.fullmatch(value) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


def _path(at: Place) -> str:
    return "jobTemplate" + "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in at)
