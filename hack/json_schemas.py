"""Writes docs/schemas: the kinds as JSON Schema, for editors and kubeconform, from the models.

The site publishes them under the paths of the CRDs catalog, GROUP/KIND_VERSION.json. `make generate` runs it; with
`--check` it only tells whether the files are as they should be.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from charttools.swagger import closed
from dkron_crds.generate.manifests import definition
from dkron_crds.kinds import KINDS, Kind
from generated_page import write_or_compare

FOLDER = Path(__file__).parents[1] / "docs" / "schemas"
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


def main(arguments: list[str]) -> int:
    """Write the files, or compare them; the exit status."""
    wanted = {file: json.dumps(schema, indent=1) + "\n" for file, schema in schemas()}
    if "--check" not in arguments:
        for file in wanted:
            file.parent.mkdir(parents=True, exist_ok=True)
    strangers = {*FOLDER.rglob("*.json")} - wanted.keys()
    if strangers and "--check" in arguments:
        sys.stderr.write(f"{min(strangers)} is of no kind; remove it\n")
        return 1
    for stranger in strangers:
        stranger.unlink()
    return max(write_or_compare(file, text, source="the models", arguments=arguments) for file, text in wanted.items())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
