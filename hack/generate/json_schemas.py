"""Writes docs/schemas: the kinds as JSON Schema, for editors and kubeconform, from the models.

The site publishes them under the paths of the CRDs catalog, GROUP/KIND_VERSION.json.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from charttools.swagger import closed
from dkron_crds.generate.manifests import definition
from dkron_crds.kinds import KINDS, Kind

FOLDER = Path(__file__).parents[2] / "docs" / "schemas"
DRAFT = "http://json-schema.org/draft-07/schema#"


def schemas() -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the file of each kind, and its schema."""
    for kind in KINDS:
        crd = definition(kind)
        group, version = crd["spec"]["group"], crd["spec"]["versions"][0]
        file = FOLDER / group / f"{kind.name.lower()}_{version['name']}.json"
        yield file, _schema(kind, f"{group}/{version['name']}", version["schema"]["openAPIV3Schema"])


def _schema(kind: Kind, api_version: str, structural: dict[str, Any]) -> dict[str, Any]:
    schema = closed(structural, described=True)
    properties = schema["properties"]
    properties["apiVersion"] |= {"enum": [api_version]}
    properties["kind"] |= {"enum": [kind.name]}
    return {"$schema": DRAFT, **schema, "required": ["apiVersion", "kind", "metadata", *schema["required"]]}


def files() -> dict[Path, str]:
    """Each file, and its content."""
    return {file: json.dumps(schema, indent=1) + "\n" for file, schema in schemas()}
