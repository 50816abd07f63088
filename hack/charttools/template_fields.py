"""The fields of a Job as `dkronctl lint` knows them: Kubernetes' schema of the kind, in a form that is small enough for
the package.

A field has the name of a type, `[type]` for a list, `{type}` for a map, or one of the words in `PLAIN`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Schema = dict[str, Any]
ROOTS = ("ObjectMeta", "JobSpec")
PLAIN = {"Quantity": "quantity", "IntOrString": "intstr", "Time": "string", "FieldsV1": "any"}
"""Types that are a value, not an object with fields."""


def text(schemas: Path, version: str) -> str:
    """Return the file: a line for each type that a job can have, in the order of the alphabet."""
    document = json.loads((schemas / "job-batch-v1.json").read_text(encoding="utf-8"))
    known = {name.rpartition(".")[2]: schema for name, schema in document["definitions"].items()}
    types = dict(sorted(_reached(known)))
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(fields, sort_keys=True)}" for name, fields in types.items())
    minor = ".".join(version.split(".")[:2])
    return f'{{"kubernetes": "{minor}", "types": {{\n{lines}\n}}}}\n'


def _reached(known: dict[str, Schema]) -> Iterator[tuple[str, dict[str, str]]]:
    left, seen = list(ROOTS), set(ROOTS)
    while left:
        name = left.pop()
        fields = {key: _kind(schema) for key, schema in known[name].get("properties", {}).items()}
        yield name, fields
        named = {kind.strip("[]{}") for kind in fields.values()}
        new = {each for each in named if each in known} - seen
        seen |= new
        left += sorted(new)


def _kind(schema: Schema) -> str:
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition(".")[2]
        return PLAIN.get(name, name)
    match schema.get("type"):
        case "array":
            return f"[{_kind(schema['items'])}]"
        case "object" if isinstance(schema.get("additionalProperties"), dict):
            return f"{{{_kind(schema['additionalProperties'])}}}"
        case "string" | "integer" | "number" | "boolean" as plain:
            return str(plain)
        case _:
            return "any"
