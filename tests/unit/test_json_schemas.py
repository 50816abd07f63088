"""The published schemas: they take every manifest that the repository shows, and find what is wrong in one."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from dkron_crds.kinds import KINDS
from tests.support.documents import job
from tests.support.manifests import OURS, shown

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "schemas" / "dkron.io"
WRONG_ON_PURPOSE = {"docs/quick-start.md:backup"}


def schema(kind: str) -> Any:
    return jsonschema_rs.validator_for(json.loads((FOLDER / f"{kind.lower()}_v1alpha1.json").read_text("utf-8")))


SCHEMAS = {kind.name: schema(kind.name) for kind in KINDS}


def manifests() -> dict[str, dict[str, Any]]:
    found = {each.name: each.document for each in shown()}
    for path in (ROOT / "examples").rglob("*.yaml"):
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            found[f"{path.name}:{document.get('kind')}"] = document
    return {name: each for name, each in found.items() if each.get("kind") in OURS and name not in WRONG_ON_PURPOSE}


def complaints(document: dict[str, Any]) -> list[str]:
    # As a reader of JSON has them: YAML reads times.
    plain = json.loads(json.dumps(document, default=lambda value: value.isoformat()))
    return [error.message for error in SCHEMAS[document["kind"]].iter_errors(plain)]


def test_manifests_in_the_repository_are_valid() -> None:
    found = manifests()
    assert {each["kind"] for each in found.values()} >= {"DkronJob", "DkronCluster", "DkronPolicy"}
    assert {name: wrong for name, document in found.items() if (wrong := complaints(document))} == {}


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        pytest.param({"shedule": "@daily"}, "shedule", id="a misspelt field"),
        pytest.param({"retries": "2"}, '"2"', id="a text for a number"),
        pytest.param({"concurrency": "never"}, "never", id="a word that is not one of them"),
        pytest.param({"executorConfig": {"shell": True}}, "true", id="a value that is no text"),
    ],
)
def test_a_mistake_is_found(spec: dict[str, Any], word: str) -> None:
    (complaint,) = complaints(job(**spec))
    assert word in complaint


def test_another_version_is_not_this_kind() -> None:
    assert complaints(job() | {"apiVersion": "dkron.io/v2"})
