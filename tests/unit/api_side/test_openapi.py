"""The published description of the API: it is valid, complete in both directions, and its examples are true."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from dkron_api.app import routes
from dkron_api.auth.routes import PUBLIC
from dkron_api.edge.middleware import PROBES
from dkron_api.edge.urls import PREFIX, is_of_a_namespace
from dkron_api.routes.openapi import document
from dkron_api.settings import Settings
from dkron_crds.names import check_name
from dkron_crds.schedule import parse
from dkron_crds.schedule.durations import go_duration
from dkron_crds.schedule.zones import load_zone
from dkron_crds.sizes import memory_bytes
from dkron_crds.spec import JobSpec

DOCUMENT = document()
METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace")

DKRON_OPERATIONS = {
    "busy": ("GET", "/v1/busy"),
    "createOrUpdateJob": ("POST", "/v1/jobs"),
    "createOrUpdateJobPatch": ("PATCH", "/v1/jobs"),
    "deleteExecutionsByJob": ("DELETE", "/v1/jobs/{job_name}/executions"),
    "deleteJob": ("DELETE", "/v1/jobs/{job_name}"),
    "deletePolicy": ("DELETE", "/v1/acl/policies/{name}"),
    "getExecutionStats": ("GET", "/v1/stats"),
    "getIsLeader": ("GET", "/v1/isleader"),
    "getJobs": ("GET", "/v1/jobs"),
    "getLeader": ("GET", "/v1/leader"),
    "getMember": ("GET", "/v1/members"),
    "leave": ("POST", "/v1/leave"),
    "listExecutionsByJob": ("GET", "/v1/jobs/{job_name}/executions"),
    "pause": ("POST", "/v1/pause"),
    "pauseStatus": ("GET", "/v1/pause"),
    "restore": ("POST", "/v1/restore"),
    "runJob": ("POST", "/v1/jobs/{job_name}"),
    "showExecutionByID": ("GET", "/v1/jobs/{job_name}/executions/{execution}"),
    "showJobByName": ("GET", "/v1/jobs/{job_name}"),
    "showPolicyByName": ("GET", "/v1/acl/policies/{name}"),
    "status": ("GET", "/v1/"),
    "toggleJob": ("POST", "/v1/jobs/{job_name}/toggle"),
    "unpause": ("POST", "/v1/unpause"),
    "upsertPolicy": ("POST", "/v1/acl/policies/{name}"),
}
"""The operations that Dkron's own description has, which clients are generated from."""

DKRON_SCHEMAS = {
    "execution", "execution_stat", "execution_stats", "job", "member", "policy", "processors", "restore",
    "restore_body", "status",
}  # fmt: skip


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS:
            if method in item:
                yield method.upper(), path, item[method]


def resolved(value: dict[str, Any]) -> dict[str, Any]:
    """The target of a reference within the document; anything else is itself."""
    while "$ref" in value:
        target: Any = DOCUMENT
        for part in value["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        value = target
    return value


OPERATIONS = [pytest.param(*each, id=each[2]["operationId"]) for each in operations()]


def test_it_is_a_valid_openapi_3_1_document() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert [server["url"] for server in DOCUMENT["servers"]] == ["/", PREFIX], "the server that publishes it"
    once = [path for path, item in DOCUMENT["paths"].items() if not is_of_a_namespace(path)]
    assert [path for path, item in DOCUMENT["paths"].items() if "servers" in item] == once
    assert {item["servers"][0]["url"] for item in map(DOCUMENT["paths"].get, once)} == {"/"}
    import schemathesis  # noqa: PLC0415 - it takes longer than the rest of this file

    schemathesis.openapi.from_dict(DOCUMENT).validate()


def test_every_schema_compiles_and_every_reference_resolves() -> None:
    assert set(DOCUMENT["components"]["schemas"]) >= DKRON_SCHEMAS
    for name in DOCUMENT["components"]["schemas"]:
        validator({"$ref": f"#/components/schemas/{name}"})
    for value in walk(DOCUMENT):
        resolved(value)


def test_operation_ids_are_unique_and_links_name_them() -> None:
    names = [operation["operationId"] for *_, operation in operations()]
    assert len(names) == len(set(names))
    linked = {value["operationId"] for value in walk(DOCUMENT) if "operationId" in value}
    assert linked == set(names)


@pytest.mark.parametrize(("name", "place"), DKRON_OPERATIONS.items(), ids=DKRON_OPERATIONS)
def test_dkron_operation_keeps_its_name_and_place(name: str, place: tuple[str, str]) -> None:
    assert [(method, path) for method, path, each in operations() if each["operationId"] == name] == [place]


def test_routes_and_descriptions_match(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("", encoding="utf-8")
    served = {(each.method, shape(each.path)) for each in routes(Settings(ui_dir=tmp_path))}
    described = {(method, shape(path)) for method, path, _ in operations()}
    assert served == described


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_operation_describes_itself_and_its_path_parameters(method: str, path: str, operation: dict[str, Any]) -> None:
    assert operation["summary"], f"{method} {path}"
    (tag,) = operation["tags"]
    assert tag in {each["name"] for each in DOCUMENT["tags"]}
    parameters = [*DOCUMENT["paths"][path].get("parameters", []), *operation.get("parameters", [])]
    found = {each["name"] for each in map(resolved, parameters) if each["in"] == "path"}
    assert found == set(re.findall(r"\{(\w+)\}", path)), method


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_errors_are_text_or_problems_with_retry_after(method: str, path: str, operation: dict[str, Any]) -> None:
    for code, answer in operation["responses"].items():
        content = resolved(answer).get("content", {})
        if code[0] in "45" and "text/plain" in content and path != "/v1/leader":
            assert set(content) == {"text/plain", "application/problem+json"}, f"{method} {code}"
        if code in ("429", "503") and path not in PROBES:
            assert "Retry-After" in resolved(answer)["headers"], f"{method} {code}"


def test_every_route_except_probes_describes_421_429_and_503() -> None:
    silent = {path for _, path, each in operations() if not {"421", "429", "503"} <= set(each["responses"])}
    assert silent == PROBES


def test_rights_of_each_route_are_described() -> None:
    public = {shape(path) for path in PUBLIC}
    for method, path, each in operations():
        refusals = {"401", "403"} & set(each["responses"])
        if shape(path) in public:
            assert (each["security"], refusals) == ([], set()), f"{method} {path}"
        else:
            assert ("security" in each, refusals) == (False, {"401", "403"}), f"{method} {path}"


def test_examples_match_their_schemas() -> None:
    checked = 0
    for schema, example in examples():
        errors = [f"{error.instance_path}: {error.message}" for error in validator(schema).iter_errors(example)]
        assert not errors, f"{example!r}: {errors}"
        checked += 1
    assert checked > 50, "the examples are not found any more"


BOUNDS = {
    **{name: name for name in ("name", "timezone", "schedule", "owner", "tags", "metadata", "retries", "processors")},
    "executor": "executor",
    "displayname": "displayName",
    "owner_email": "ownerEmail",
    "parent_job": "parentJob",
    "executor_config": "executorConfig",
}
"""Fields of the job, and of the custom resource that holds it."""


@pytest.mark.parametrize(("field", "kept_as"), BOUNDS.items(), ids=BOUNDS)
def test_a_field_has_the_bounds_of_the_custom_resource(field: str, kept_as: str) -> None:
    described = resolved(DOCUMENT["components"]["schemas"]["job"]["properties"][field])
    stored = JobSpec.model_json_schema()["properties"][kept_as]
    assert bounds(described) == bounds(next((each for each in stored.get("anyOf", []) if "type" in each), stored))


def bounds(schema: dict[str, Any]) -> dict[str, Any]:
    """The limits in a schema. In custom resources the limits of keys are a rule in CEL."""
    kept = ("maxLength", "minLength", "maximum", "minimum", "maxProperties", "pattern")
    found = {key: schema[key] for key in kept if key in schema}
    keys = schema.get("propertyNames", {}).get("maxLength")
    for rule in schema.get("x-kubernetes-validations", []):
        if sized := re.search(r"size\(key\) <= (\d+)", rule["rule"]):
            keys = int(sized[1])
    inner = schema.get("additionalProperties")
    return {**found, "keys": keys, "values": bounds(inner) if isinstance(inner, dict) else None}


def shape(path: str) -> str:
    """A path without the names of its parameters."""
    return re.sub(r"\{[^}]+\}", "{}", path)


def walk(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in the document."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from walk(each)


def examples() -> Iterator[tuple[dict[str, Any], Any]]:
    """Each example in the document with its schema: examples of schemas, of media types and of parameters."""
    for value in walk(DOCUMENT):
        if isinstance(value.get("examples"), list):
            yield from ((value, each) for each in value["examples"])
        if "example" in value:
            yield value["schema"], value["example"]
        if isinstance(value.get("examples"), dict):
            yield from ((value["schema"], each["value"]) for each in value["examples"].values())


def validator(schema: dict[str, Any]) -> Any:
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", "components": DOCUMENT["components"]}
    return jsonschema_rs.validator_for(whole | schema, validate_formats=True, formats=FORMATS)


def taken(judge: Any) -> Any:
    """A check of a format from a function that raises ValueError."""

    def check(text: str) -> bool:
        try:
            judge(text)
        except ValueError:
            return False
        return True

    return check


FORMATS = {
    "dkron-name": taken(check_name),
    "dkron-schedule": taken(lambda text: parse(text) if text else None),
    "dkron-size": taken(memory_bytes),
    "go-duration": taken(go_duration),
    "timezone": taken(load_zone),
}
