"""Converts a pydantic model to the structural OpenAPI schema that a CustomResourceDefinition needs.

pydantic writes JSON Schema with references, titles and unions with null. Kubernetes needs everything inline, no
titles, and `nullable`. Everything else is copied: the API server validates what the models say.

Entries of lists have no defaults. Clients merge a list as a whole, so an entry that the API server completes differs
from the manifest for ever: `kubectl apply` reports a change each time. The models fill in the defaults when they read.
"""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from dkron_crds.base import Resource

Schema = dict[str, Any]

_INT32_MAX = 2**31 - 1
_NOT_STRUCTURAL = {"title", "readOnly"}
_FIRST = ("description", "type", "format", "nullable", "default", "enum", "pattern")
_LAST = ("required", "items", "additionalProperties", "properties")
_TYPE_META: Schema = {
    "apiVersion": {"description": "Group and version: dkron.io/v1alpha1.", "type": "string"},
    "kind": {"description": "The kind of the object.", "type": "string"},
    "metadata": {"type": "object"},
}
_UNSEEN: Schema = {"default": {"observedGeneration": 0}}
"""The status of an object that the operator has not seen. Without it, tools that go by kstatus take a new object for
one that is ready. A DkronJob has none: the API server forgets who wrote a status that has a default and is emptied, and
the operator tells a wiped job from a new one by that record."""


def structural_schema(kind: type[Resource]) -> Schema:
    """Return openAPIV3Schema for a kind."""
    raw = kind.model_json_schema(mode="serialization")
    whole = _structural(raw, definitions=raw["$defs"])
    spec, status = whole["properties"]["spec"], whole["properties"].get("status")
    return {
        "description": whole["description"],
        "type": "object",
        "required": ["spec"],
        **{key: value for key, value in whole.items() if key.startswith("x-kubernetes-")},
        "properties": {
            **_TYPE_META,
            "spec": _without(spec, "default"),
            **({"status": _status(status, {} if kind.__name__ == "DkronJob" else _UNSEEN)} if status else {}),
        },
    }


def _status(schema: Schema, default: Schema) -> Schema:
    return _ordered({**_without(_without_defaults(schema), "required"), **default})


def _structural(raw: Schema, *, definitions: dict[str, Schema]) -> Schema:
    node = _inlined(raw, definitions=definitions)
    schema = _translated(_with_each_child(node, partial(_structural, definitions=definitions)))
    if "items" in schema:
        schema["items"] = _described_defaults(schema["items"])
    return _ordered(schema)


def _inlined(raw: Schema, *, definitions: dict[str, Schema]) -> Schema:
    """Replace a reference, or a union with null, by its target. Keys beside the reference take precedence."""
    if "$ref" in raw:
        target = definitions[raw["$ref"].removeprefix("#/$defs/")]
        return _inlined({**target, **_without(raw, "$ref")}, definitions=definitions)
    if "anyOf" in raw:
        (value,) = (option for option in raw["anyOf"] if option != {"type": "null"})
        return _inlined({**value, **_without(raw, "anyOf"), "nullable": True}, definitions=definitions)
    return raw


def _translated(node: Schema) -> Schema:
    schema = _without(node, *_NOT_STRUCTURAL)
    if "description" in schema:
        schema["description"] = _paragraphs(schema["description"])
    if "default" in schema and _holds_nothing(schema["default"]):
        del schema["default"]
    if schema.get("type") == "integer":
        schema["format"] = "int32" if _fits_int32(schema) else "int64"
    if schema.get("additionalProperties") is True:
        del schema["additionalProperties"]
        schema["x-kubernetes-preserve-unknown-fields"] = True
    return schema


def _paragraphs(text: str) -> str:
    """Join the lines of each paragraph, since readers of the CRD wrap text themselves."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _holds_nothing(default: object) -> bool:
    """Return whether every reader treats the default like an absent field."""
    if isinstance(default, dict):
        return all(_holds_nothing(value) for value in default.values())
    return default is None


def _fits_int32(schema: Schema) -> bool:
    low, high = schema.get("minimum", -_INT32_MAX), schema.get("maximum", _INT32_MAX)
    return bool(low >= -_INT32_MAX - 1 and high <= _INT32_MAX)


def _without_defaults(schema: Schema) -> Schema:
    """Drop all defaults: in a status they would only make every stored object longer."""
    return _with_each_child(_without(schema, "default"), _without_defaults)


def _described_defaults(schema: Schema) -> Schema:
    """Drop all defaults, and name those that say something in the descriptions."""
    default = schema.get("default")
    said = _with_each_child(_without(schema, "default"), _described_defaults)
    if default not in (None, "", False, []):
        several = default if isinstance(default, list) else [default]
        said["description"] += f" Default: {', '.join(map(json.dumps, several))}."
    return said


def _with_each_child(schema: Schema, change: Callable[[Schema], Schema]) -> Schema:
    changed = dict(schema)
    if "properties" in schema:
        changed["properties"] = {name: change(field) for name, field in schema["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            changed[key] = change(schema[key])
    return changed


def _without(schema: Schema, *keys: str) -> Schema:
    return {key: value for key, value in schema.items() if key not in keys}


def _ordered(schema: Schema) -> Schema:
    """Put the keys that readers look for first at the top, and the long nested parts at the end."""
    first = {key: schema[key] for key in _FIRST if key in schema}
    last = {key: schema[key] for key in _LAST if key in schema}
    return {**first, **_without(schema, *_FIRST, *_LAST), **last}
