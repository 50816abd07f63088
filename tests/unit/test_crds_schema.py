"""The definitions in crds/: complete, bounded, documented, in step with the models."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dkron_crds.base import WireModel
from dkron_crds.cluster import ClusterSpec
from dkron_crds.generate.manifests import definition, generated_files, outdated, to_yaml, write
from dkron_crds.job import JobSpec
from dkron_crds.kinds import KINDS, Kind
from dkron_crds.policy import PolicySpec

ROOT = Path(__file__).parents[2]

Schema = dict[str, Any]


def every_field() -> Iterator[tuple[str, Schema]]:
    """Yield path and schema of everything below spec and status of every kind, entries and values too."""
    for kind in KINDS:
        for part in ("spec", "status"):
            if part in schema_of(kind)["properties"]:
                yield from fields_in(f"{kind.name}.{part}", schema_of(kind)["properties"][part])


def schema_of(kind: Kind) -> Schema:
    schema: Schema = definition(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def fields_in(path: str, schema: Schema) -> Iterator[tuple[str, Schema]]:
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from fields_in(f"{path}.{name}", field)
    if "items" in schema:
        yield from fields_in(f"{path}[]", schema["items"])
    if "additionalProperties" in schema:
        yield from fields_in(f"{path}.*", schema["additionalProperties"])


FIELDS = dict(every_field())


def of_type(wanted: str) -> dict[str, Schema]:
    return {path: schema for path, schema in FIELDS.items() if schema["type"] == wanted}


def test_every_field_is_described() -> None:
    for path, schema in FIELDS.items():
        if not path.endswith(("[]", ".*")):
            assert len(schema["description"]) > 10, path
            assert schema["description"].endswith((".", "?")), path


def test_every_text_has_an_end() -> None:
    for path, schema in of_type("string").items():
        assert {"enum", "maxLength"} & set(schema) or schema.get("format") in ("date", "date-time"), path


def test_every_number_has_two_bounds_and_a_format() -> None:
    for path, schema in of_type("integer").items():
        bits = int(schema["format"].removeprefix("int"))
        assert -(2 ** (bits - 1)) <= schema["minimum"] <= schema["maximum"] < 2 ** (bits - 1), path
        assert int(float(schema["maximum"])) == schema["maximum"], f"the API server keeps it as a float64: {path}"


def test_every_list_has_a_bound_and_a_merge_strategy() -> None:
    for path, schema in of_type("array").items():
        assert schema["maxItems"] > 0, path
        assert schema["x-kubernetes-list-type"] in ("atomic", "map", "set"), path


def test_every_map_is_bounded_and_every_object_is_closed() -> None:
    for path, schema in of_type("object").items():
        if "properties" in schema:
            assert not {"additionalProperties", "x-kubernetes-preserve-unknown-fields"} & set(schema), path
        else:
            assert schema["maxProperties"] > 0, path


def test_only_the_parts_of_a_job_template_are_open() -> None:
    opened = [path for path, schema in FIELDS.items() if "x-kubernetes-preserve-unknown-fields" in schema]
    assert opened == ["DkronJob.spec.jobTemplate.metadata", "DkronJob.spec.jobTemplate.spec"]


def test_schema_has_no_fractions_and_no_json_schema_leftovers() -> None:
    known = {"string", "integer", "boolean", "array", "object"}
    leftovers = {"title", "$ref", "$defs", "anyOf", "readOnly", "const", "examples"}
    for path, schema in FIELDS.items():
        assert schema["type"] in known, path
        assert not leftovers & set(schema), path
        assert schema.get("additionalProperties", {}) is not False, path


@pytest.mark.parametrize(
    ("model", "kind"), [(JobSpec, "DkronJob"), (ClusterSpec, "DkronCluster"), (PolicySpec, "DkronPolicy")]
)
def test_defaults_are_the_same_in_schema_and_model(model: type[WireModel], kind: str) -> None:
    (schema,) = (schema_of(each)["properties"]["spec"] for each in KINDS if each.name == kind)
    defaulted = {name: field["default"] for name, field in schema["properties"].items() if "default" in field}
    required: Schema = {name: {} for name in schema.get("required", ())}
    sent, completed = model.from_wire(required), model.from_wire(required | defaulted)
    assert completed == sent
    written = sent.model_dump(mode="json", by_alias=True)
    # A field that the schema leaves out must be empty in the model, too.
    assert {name for name in written if _says_something(written[name])} <= set(defaulted)


def _says_something(value: object) -> bool:
    if isinstance(value, dict):
        return any(_says_something(each) for each in value.values())
    return value is not None


def test_status_defaults_to_unobserved() -> None:
    found = {path: schema["default"] for path, schema in FIELDS.items() if ".status" in path and "default" in schema}
    kinds = {kind.name for kind in KINDS if "status" in kind.model.model_fields} - {"DkronJob"}
    assert found == {f"{name}.status": {"observedGeneration": 0} for name in kinds}


def test_list_entries_have_no_defaults_and_document_them() -> None:
    assert [path for path, schema in FIELDS.items() if "[]" in path and "default" in schema] == []
    named = {path: schema.get("description", "").partition(" Default: ")[2] for path, schema in FIELDS.items()}
    assert {path.partition(".spec.")[2]: text for path, text in named.items() if text} == {
        "dependsOn[].when": '"success".',
        "parameters[].type": '"string".',
        "receivers.mail[].port": "587.",
        "receivers.mail[].tls": '"starttls".',
        "receivers.mail[].subjectPrefix": '"[Dkron] ".',
        "receivers.slack[].botName": '"dkron".',
        "receivers.elasticsearch[].index": '"dkron".',
        "notifications[].type": '"webhook".',
        "notifications[].when": '"always".',
        "notifications[].format": '"json".',
        "notifications[].server": '"default".',
    }


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_columns_and_selectors_read_existing_fields(kind: Kind) -> None:
    known = {path.removeprefix(kind.name) for path in FIELDS}
    paths = [column.json_path for column in kind.columns] + list(kind.selectable)
    for path in paths:
        plain = re.sub(r'\[(?:0|\?\(@\.type=="[A-Za-z]+"\))\]', "[]", path)
        assert plain in known | {".metadata.creationTimestamp"}
    assert len(kind.selectable) <= 8


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_definition_survives_yaml(kind: Kind) -> None:
    text = to_yaml(definition(kind))
    assert yaml.safe_load(text) == definition(kind)
    assert "&id" not in text


def test_the_generated_files_follow_from_the_models() -> None:
    templates = ROOT / "charts" / "dkron-operator" / "templates" / "crds"
    files = dict(generated_files(crds=ROOT / "crds", docs=ROOT / "docs" / "reference", templates=templates))
    assert outdated(files) == [], "run `make generate` and commit the result"


def test_kubectl_finds_only_definitions_below_crds() -> None:
    """`kubectl wait -f crds/` reads subfolders too."""
    read = sorted(path for path in (ROOT / "crds").rglob("*") if path.suffix in {".json", ".yaml", ".yml"})
    kinds = [yaml.safe_load(path.read_text("utf-8")).get("kind") for path in read]
    assert kinds == ["CustomResourceDefinition"] * len(KINDS), read


def test_changed_missing_and_unknown_files_are_noticed(tmp_path: Path) -> None:
    files = dict(generated_files(crds=tmp_path / "crds", docs=tmp_path / "docs", templates=tmp_path / "chart"))
    write(files)
    assert outdated(files) == []
    changed = tmp_path / "crds" / "dkron.io_dkronjobs.yaml"
    changed.write_text(changed.read_text() + "\n")
    missing = tmp_path / "docs" / "dkronpolicy.md"
    missing.unlink()
    unknown = tmp_path / "crds" / "dkron.io_dkrongone.yaml"
    unknown.touch()
    assert outdated(files) == sorted([changed, missing, unknown])
