"""Every bound that the definitions state, met and broken once at a real API server.

The table is drawn from the definitions themselves, so that a new field is tested without a new line here.
"""

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from dkron_crds.base import Resource
from dkron_crds.generate.structural import structural_schema
from dkron_crds.kinds import KINDS
from tests.support.judge import Judge

pytestmark = pytest.mark.cluster(nodes="none")

Schema = dict[str, Any]
Path = tuple[str | int, ...]

NAMES = {"DkronJob": "bounds", "DkronCluster": "dkron"}
"""The others are called "sample"."""
WHOLE_IS_LEGAL_WITH: dict[Path, Any] = {
    ("DkronJob", "spec", "parameters"): [{"name": "a"}],
    ("DkronBackfill", "spec", "to"): "2027-01-01T00:00:00Z",
    ("DkronJob", "spec", "parentJob"): "parent",
    ("DkronJob", "spec", "expiresAt"): "2027-01-01T00:00:00Z",
}
SOURCE = {"secretKeyRef": {"name": "a", "key": "a"}}
INSTEAD_OF: dict[str, tuple[tuple[str, ...], Any]] = {
    "urlFrom": (("url",), SOURCE),
    "valueFrom": (("value",), SOURCE),
    "dependsOn": (("parentJob",), [{"job": "b", "when": "always"}]),
    "selector": (("job", "jobs"), {"a": "b"}),
}
"""Fields that stand instead of another, with a value: the whole object has the other one."""
OF_A_PARAMETER: dict[str, Any] = {
    "values": {"type": "enum", "values": ["a"]}, "minimum": {"type": "integer"}, "maximum": {"type": "integer"},
    "enum": {"values": ["a"]},
}  # fmt: skip
"""What has to stand beside a field of a parameter, or beside its type."""
SAMPLES = {"^(https?": "http://a", "^((udp|": "unix:///a", "^(%": "-"}
"""Texts by the beginning of their pattern. All of them may go on with their last character."""


@dataclass(frozen=True)
class Edge:
    """A field at its bound, or one step beyond it."""

    kind: str
    path: Path
    value: Any
    legal: bool

    def document(self) -> dict[str, Any]:
        """Return an object in which nothing but this field is special."""
        document = whole(self.kind)
        make_room(document, self.path, self.value)
        put(document, self.path, self.value)
        return document

    def refusal(self, judge: Judge) -> str:
        """Return the API server's refusal; empty if it takes it."""
        document = self.document()
        return judge.refusal(document) if self.path[0] == "spec" else judge.refusal_of_status(document)

    @property
    def field(self) -> str:
        """The path as the API server writes it."""
        return re.sub(r"\.(\d+)", r"[\1]", ".".join(map(str, self.path)))


def whole(kind: str) -> dict[str, Any]:
    """Return an object with every field set, so that each can be changed by itself."""
    properties = structural_schema(model_of(kind))["properties"]
    document = {
        "apiVersion": "dkron.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": NAMES.get(kind, "sample")},
        **{part: sample(properties[part]) for part in ("spec", "status") if part in properties},
    }
    for (of_kind, *path), value in WHOLE_IS_LEGAL_WITH.items():
        if of_kind == kind:
            put(document, tuple(path), copy.deepcopy(value))
    return document


def model_of(kind: str) -> type[Resource]:
    (model,) = (each.model for each in KINDS if each.name == kind)
    return model


def sample(schema: Schema) -> Any:
    """Return a small value with every field set."""
    if "properties" in schema:
        return {name: sample(field) for name, field in schema["properties"].items() if name not in INSTEAD_OF}
    if "additionalProperties" in schema:
        return {"/key": sample(schema["additionalProperties"])}
    if "items" in schema:
        return [sample(schema["items"])]
    if schema["type"] == "string":
        return sample_text(schema)
    return {"integer": max(schema.get("minimum", 1), 1), "boolean": True, "object": {}}[schema["type"]]


def sample_text(schema: Schema) -> str:
    if "enum" in schema:
        return str(schema["enum"][-1])
    formats = {"date-time": "2026-01-01T00:00:00Z", "date": "2026-01-01"}
    pattern = schema.get("pattern", "")
    plain = next((text for start, text in SAMPLES.items() if pattern.startswith(start)), "a")
    text = formats.get(schema.get("format", ""), "1s" if is_duration(schema) else plain)
    return text.ljust(schema.get("minLength", 0), text[-1])


def is_duration(schema: Schema) -> bool:
    return "(ns|" in schema.get("pattern", "")


def put(document: Any, path: Path, value: Any) -> None:
    """Set the value at a path."""
    for step in path[:-1]:
        document = document[step]
    document[path[-1]] = value


def make_room(document: Any, path: Path, value: Any) -> None:
    """Take out what may not stand beside the value at this path."""
    for place, step in enumerate(path):
        if step in INSTEAD_OF and value is not None:
            others, value_of_it = INSTEAD_OF[str(step)]
            for other in others:
                document.pop(other, None)
            document[step] = copy.deepcopy(value_of_it)
        if place == len(path) - 1 and value == "mail":
            del document["url"]
        if path == ("spec", "job") and value is None and step == "job":
            document["selector"] = {"a": "b"}
        if place == len(path[:4]) - 1 == 3 and path[1] == "parameters":
            document |= OF_A_PARAMETER.get(value if step == "type" and isinstance(value, str) else str(step), {})
        document = document[step] if place < len(path) - 1 else document


def edges(kind: str, schema: Schema, path: Path) -> Iterator[Edge]:
    """Yield the edges of a field and of everything in it."""
    for value in legal_edges(schema):
        yield Edge(kind, path, value, legal=True)
    for value in illegal_edges(schema):
        yield Edge(kind, path, value, legal=False)
    for name, field in schema.get("properties", {}).items():
        yield from edges(kind, field, (*path, name))
    if "items" in schema:
        yield from edges(kind, schema["items"], (*path, 0))
    if "additionalProperties" in schema:
        yield from edges(kind, schema["additionalProperties"], (*path, "/key"))


def legal_edges(schema: Schema) -> Iterator[Any]:
    """Yield the values that are only just taken."""
    yield from schema.get("enum", ())
    yield from (schema[key] for key in ("minimum", "maximum") if key in schema)
    yield from (sized(schema, schema[key]) for key in SIZES if key in schema)
    if schema.get("nullable"):
        yield None


def illegal_edges(schema: Schema) -> Iterator[Any]:
    """Yield the values that are just refused, and one of another type."""
    yield [] if schema["type"] == "object" else {}
    if "enum" in schema:
        yield "other"
    if "format" in schema and schema["type"] == "string":
        yield "yesterday"
    if "minimum" in schema:
        yield from (schema["minimum"] - 1, schema["maximum"] + 1)
    yield from (sized(schema, schema[key] + 1) for key in SIZES if key in schema)
    if "minLength" in schema:
        yield ""


SIZES = ("maxLength", "maxItems", "maxProperties")


def sized(schema: Schema, size: int) -> Any:
    """Return a value of that many characters, entries or keys."""
    if schema["type"] == "string":
        text = sample_text(schema)
        return text.rjust(size, "0") if is_duration(schema) else text.ljust(size, text[-1])
    if schema["type"] == "object":
        value = sample(schema["additionalProperties"]) if "additionalProperties" in schema else {}
        return {f"/{number}": value for number in range(size)}
    # A parameter with every field set breaks the rules about them.
    entry = {} if "secret" in schema["items"].get("properties", {}) else sample(schema["items"])
    if schema["x-kubernetes-list-type"] == "map":
        (key,) = schema["x-kubernetes-list-map-keys"]
        return [entry | {key: f"{key}{number}"} for number in range(size)]
    if schema["x-kubernetes-list-type"] == "set":
        some = schema["items"].get("enum")
        return (some * 2)[:size] if some else [f"{entry}{number}" for number in range(size)]
    return [entry] * size


def every_edge() -> dict[str, list[Edge]]:
    """All edges, by kind and field; edges within a field are with it."""
    found: dict[str, list[Edge]] = {}
    for kind in KINDS:
        for part, schema in structural_schema(kind.model)["properties"].items():
            for edge in edges(kind.name, schema, (part,)) if part in ("spec", "status") else ():
                found.setdefault(" ".join((kind.name, *map(str, edge.path[:2]))), []).append(edge)
    return found


EDGES = every_edge()


@pytest.mark.parametrize("field", EDGES)
def test_a_value_at_its_bound_is_taken_and_can_be_read(field: str, judge: Judge) -> None:
    for edge in (edge for edge in EDGES[field] if edge.legal):
        assert edge.refusal(judge) == "", edge
        model_of(edge.kind).from_wire(edge.document())


@pytest.mark.parametrize("field", EDGES)
def test_value_beyond_its_bound_is_refused_with_its_field(field: str, judge: Judge) -> None:
    for edge in (edge for edge in EDGES[field] if not edge.legal):
        assert edge.field in edge.refusal(judge), edge
