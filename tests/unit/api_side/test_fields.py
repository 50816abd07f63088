"""GET /v1/fields: what it tells is what the operator takes, and what the page of a job edits."""

import json
from typing import Any

import jsonschema_rs

from dkron_api.routes import openapi
from dkron_api.routes.openapi import document
from dkron_crds.known_settings import EXECUTOR_KEYS
from dkron_from_dkron.body import FIELDS
from generate.job_fields import FILE
from generate.job_fields import document as wanted
from tests.support.api_app import running_api

BY_RUNS = {
    "id", "success_count", "error_count", "last_success", "last_error", "dependent_jobs", "status", "next", "problem",
}  # fmt: skip
"""Fields of a job that no client sets."""
REFUSED = {"docker": {"volumes"}}
"""Settings that an executor knows in order to refuse them."""


async def test_the_answer_is_as_it_is_described() -> None:
    async with running_api(openapi.ROUTES) as api:
        found = await (await api.client.get("/v1/fields")).json()
    described = {"$ref": "#/components/schemas/job_fields", "components": document()["components"]}
    jsonschema_rs.validator_for(described).validate(found)
    assert found == wanted(), "run `make generate`"


def test_fields_file_has_every_executor_key_and_client_field() -> None:
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    keys = {each["name"]: {key["name"] for key in each["keys"]} for each in found["executors"]}
    assert keys == {name: known - REFUSED.get(name, set()) for name, known in EXECUTOR_KEYS.items()}
    assert found["fields"].keys() == {*FIELDS} - BY_RUNS
    assert all(found["fields"].values())
