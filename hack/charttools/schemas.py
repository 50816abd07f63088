"""Schemas in the cache: those of a Kubernetes version, and of resources that the chart knows from others."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

from charttools import swagger
from localcluster.locks import locked
from localcluster.paths import cache_home
from localcluster.progress import say
from localcluster.tools import module_folder
from localcluster.versions import CERT_MANAGER

DOWNLOAD_SECONDS = 900
FOREIGN = (
    ("sigs.k8s.io/gateway-api", "1.4.1", "config/crd/standard"),
    ("github.com/cert-manager/cert-manager", CERT_MANAGER, "deploy/crds"),
)
"""Go modules with definitions of resources that the chart knows from others: module, version, folder."""
WITHOUT_SCHEMA = ("PrometheusRule", "ServiceMonitor")
"""Kinds whose definitions are in no Go module."""

Files = Iterator[tuple[str, swagger.Schema]]


def of_kubernetes(version: str) -> Path:
    """The folder with the schemas of `1.36.3`; the first time this downloads Kubernetes' sources."""
    return _kept(f"kubernetes-{version}", lambda: _of_swagger(f"k8s.io/kubernetes@v{version}"))


def of_others() -> list[Path]:
    """The folders with the schemas of foreign resources."""
    return [_of_module(*each) for each in FOREIGN]


def of_definitions(folder: Path) -> Files:
    """The schemas of all CustomResourceDefinitions in a folder."""
    for path in sorted(folder.glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            if document and document["kind"] == "CustomResourceDefinition":
                yield from swagger.of_definition(document)


def write(files: Files, folder: Path) -> None:
    """Write each schema into its file."""
    for name, schema in files:
        (folder / name).write_text(json.dumps(schema, separators=(",", ":")), encoding="utf-8")


def _of_module(module: str, version: str, folder: str) -> Path:
    name = module.rpartition("/")[2]
    return _kept(f"{name}-{version}", lambda: of_definitions(module_folder(f"{module}@v{version}") / folder))


def _of_swagger(module: str) -> Files:
    document = module_folder(module) / "api" / "openapi-spec" / "swagger.json"
    return swagger.kinds(json.loads(document.read_text(encoding="utf-8")))


def _kept(name: str, made: Callable[[], Files]) -> Path:
    folder = cache_home() / "schemas" / name
    if folder.exists():
        return folder
    with locked(cache_home() / "schemas.lock", purpose=f"making the schemas {name}", seconds=DOWNLOAD_SECONDS):
        if not folder.exists():
            say(f"making the schemas of {name}; the first time its sources are downloaded")
            partial = folder.with_name(folder.name + ".partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            write(made(), partial)
            partial.rename(folder)
    return folder
