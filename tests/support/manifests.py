"""The YAML that pages of the documentation show, as whole objects.

A block may show a part of a DkronJob: its spec, or fields of that. It is completed to a job that would be applied.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dkron_crds.job import JobSpec
from dkron_crds.kinds import KINDS
from dkron_crds.names import API_VERSION

Object = dict[str, Any]

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
OURS = frozenset(kind.name for kind in KINDS)
FIELDS = frozenset(field.alias or name for name, field in JobSpec.model_fields.items())
BUILT_IN = frozenset({"v1", "batch/v1", "apps/v1", "rbac.authorization.k8s.io/v1", "networking.k8s.io/v1"})
_BLOCK = re.compile(r"^( *)```yaml\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Shown:
    """An object, and where it is shown."""

    document: Object
    page: str
    line: int

    @property
    def name(self) -> str:
        """Its name, which begins with the page's."""
        return f"{self.page}:{self.document['metadata']['name']}"


def shown() -> list[Shown]:
    """Every object that some page shows and an API server could judge."""
    return [each for page in PAGES for each in manifests(page.read_text(encoding="utf-8"), page=_path(page))]


def manifests(text: str, *, page: str) -> Iterator[Shown]:
    """The objects of one page. Raises ValueError with the line for a block that is no YAML."""
    for block in _BLOCK.finditer(text):
        line = text[: block.start()].count("\n") + 1
        try:
            documents = list(yaml.safe_load_all(block[2]))
        except yaml.YAMLError as wrong:
            raise ValueError(f"{page}:{line} is no YAML: {wrong}") from wrong
        whole = [completed(document, number) for number, document in enumerate(documents) if isinstance(document, dict)]
        yield from (Shown(document, page, line) for document in whole if document)


def completed(document: Object, number: int = 0) -> Object | None:
    """The object that this shows all or a part of; None for what is none of an API server's business."""
    kind, version = document.get("kind"), document.get("apiVersion")
    if kind is None and document.keys() <= {"metadata", "spec"} and "spec" in document:
        kind = "DkronJob"
    elif kind is None and document and document.keys() <= FIELDS - {"name", "metadata"}:
        kind, document = "DkronJob", {"spec": document}
    if kind in OURS:
        version = API_VERSION
    elif version not in BUILT_IN:
        return None
    metadata = {"name": f"shown-{number}"} | (document.get("metadata") or {})
    metadata.pop("namespace", None)
    return {**document, "apiVersion": version, "kind": kind, "metadata": metadata} | _spec(kind, document)


def _spec(kind: object, document: Object) -> Object:
    spec = document.get("spec")
    if kind != "DkronJob" or not isinstance(spec, dict):
        return {}
    when = {} if spec.keys() & {"schedule", "parentJob", "dependsOn"} else {"schedule": "@manually"}
    what = {} if spec.keys() & {"executor", "executorConfig"} else {"executorConfig": {"command": "date"}}
    return {"spec": spec | when | what}


def _path(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()
