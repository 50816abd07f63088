"""The rules of the definitions (x-kubernetes-validations), asked about an object that the models could read."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from dkron_cli.core.manifests import Path
from dkron_crds.base import Resource, WireModel
from dkron_crds.rules import ATTACHED, Rule

Schema = Mapping[str, Any]


@cache
def schema_of(model: type[WireModel]) -> Schema:
    """Return the JSON schema of a kind."""
    return model.model_json_schema(by_alias=True)


def resolved(schema: Schema, defs: Mapping[str, Schema]) -> Schema:
    """Return the schema of the value of a field that is not null."""
    for choice in schema.get("anyOf", ()):
        if choice.get("type") != "null":
            schema = choice
            break
    return defs.get(str(schema.get("$ref", "")).rpartition("/")[2], schema)


def broken_rules(found: Resource) -> Iterator[tuple[Path, str]]:
    """Yield the fields that break a rule, each with the API server's sentence. Rules about the stored object are not
    asked."""
    schema = schema_of(type(found))
    for path, rule in _broken(found, schema, schema.get("$defs", {}), ()):
        field = tuple(filter(None, rule.field.split(".")))
        # The sentence of a rule with a field, or about a whole object or spec, names the field itself. Of metadata,
        # rules read only the name.
        where = f"{'.'.join(map(str, path))}: " if len(path) > 1 and not field else ""
        yield (*path, *field) or ("metadata", "name"), where + rule.message


def _broken(value: object, schema: Schema, defs: Mapping[str, Schema], path: Path) -> Iterator[tuple[Path, Rule]]:
    """Yield the path of each value that breaks a rule, with the rule."""
    if value is None:
        return
    inner = resolved(schema, defs)
    for part in (schema,) if inner is schema else (schema, inner):
        for rule in (ATTACHED[each["rule"]] for each in part.get("x-kubernetes-validations", ())):
            if rule.holds and not rule.holds(value):
                yield path, rule
    for key, item, of_item in _items(value, inner):
        yield from _broken(item, of_item, defs, (*path, key))


def _items(value: object, schema: Schema) -> Iterator[tuple[str | int, object, Schema]]:
    """Yield the fields or entries of a value, by their names on the wire, each with its schema."""
    if isinstance(value, WireModel):
        for name, field in type(value).model_fields.items():
            key = field.alias or name
            yield key, getattr(value, name), schema["properties"][key]
    elif isinstance(value, dict) and isinstance(schema.get("additionalProperties"), dict):
        yield from ((key, item, schema["additionalProperties"]) for key, item in value.items())
    elif isinstance(value, tuple) and "items" in schema:
        yield from ((number, item, schema["items"]) for number, item in enumerate(value))
