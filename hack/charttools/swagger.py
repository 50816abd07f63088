"""Kubernetes' own description of its API as JSON schemas that kubeconform reads: a file for each kind.

Fields that the API server drops or refuses must not pass here, so objects are closed.
"""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

PREFIX = "#/definitions/"
WIDER: dict[str, Schema] = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"type": ["string", "integer"]},
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"type": ["string", "number"]},
}
"""Texts by their description, and more than that to the API server."""
SAID_OTHERWISE = {"title", "format", "default", "description", "nullable"}
"""What JSON Schema has no such word for, or what checks nothing."""


def kinds(swagger: Schema) -> Iterator[tuple[str, Schema]]:
    """Each kind as the name of its file and a schema that needs no other file."""
    definitions = {name: WIDER.get(name) or closed(each) for name, each in swagger["definitions"].items()}
    for name, definition in swagger["definitions"].items():
        for kind in definition.get("x-kubernetes-group-version-kind", ()):
            if name.endswith(f".{kind['kind']}"):
                needed = {each: definitions[each] for each in sorted(_needed(name, definitions))}
                yield file_of(kind), {"$ref": PREFIX + name, "definitions": needed}


def of_definition(crd: Schema) -> Iterator[tuple[str, Schema]]:
    """The kinds of a CustomResourceDefinition."""
    spec = crd["spec"]
    for version in spec["versions"]:
        kind = {"group": spec["group"], "version": version["name"], "kind": spec["names"]["kind"]}
        yield file_of(kind), closed(version["schema"]["openAPIV3Schema"])


def file_of(kind: dict[str, str]) -> str:
    """`deployment-apps-v1.json`, as kubeconform's template `{{.ResourceKind}}{{.KindSuffix}}.json` makes it."""
    group = kind["group"].partition(".")[0]
    return "-".join(filter(None, (kind["kind"], group, kind["version"]))).lower() + ".json"


def closed(schema: Schema, *, described: bool = False) -> Schema:
    """A structural schema of Kubernetes as JSON Schema, with no room for keys that it does not name; `described` keeps
    the descriptions."""
    left_out = SAID_OTHERWISE - {"description"} if described else SAID_OTHERWISE
    kept = {
        key: _child(key, value, described=described)
        for key, value in schema.items()
        if key not in left_out and not key.startswith("x-kubernetes-")
    }
    if schema.get("x-kubernetes-int-or-string"):
        kept["type"] = ["string", "integer"]
    elif schema.get("nullable") and "type" in kept:
        kept["type"] = [kept["type"], "null"]
    if "properties" in kept and not schema.get("x-kubernetes-preserve-unknown-fields"):
        kept.setdefault("additionalProperties", False)
    return kept


def _child(key: str, value: object, *, described: bool) -> object:
    match value:
        case dict() if key == "properties":  # its keys are names
            return {name: closed(each, described=described) for name, each in value.items()}
        case dict():
            return closed(value, described=described)
        case list():
            return [closed(each, described=described) if isinstance(each, dict) else each for each in value]
        case _:
            return value


def _needed(name: str, definitions: dict[str, Schema]) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            waiting += _references(definitions[current])
    return found


def _references(node: object) -> Iterator[str]:
    match node:
        case list():
            for each in node:
                yield from _references(each)
        case dict():
            if isinstance(reference := node.get("$ref"), str):
                yield reference.removeprefix(PREFIX)
            yield from _references(list(node.values()))
