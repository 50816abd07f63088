"""The project's image for tests: built once in a session, given to the cluster, and what is inside."""

import json
import tarfile
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

import image as builder
import localcluster
from localcluster.current import CurrentCluster


@dataclass(frozen=True, slots=True)
class OwnImage:
    """An image that the cluster has."""

    reference: str
    archive: Path

    @property
    def configuration(self) -> dict[str, Any]:
        """What the image says about how to run it, as in the OCI image specification."""
        with tarfile.open(self.archive) as tar:
            names = set(tar.getnames())
            if "manifest.json" in names:  # Docker's archive; with newer engines it is both
                return cast("dict[str, Any]", _read(tar, _read(tar, "manifest.json")[0]["Config"])["config"])
            manifest = _read(tar, _blob(_read(tar, "index.json")["manifests"][0]))
            return cast("dict[str, Any]", _read(tar, _blob(manifest["config"]))["config"])


def _read(tar: tarfile.TarFile, name: str) -> Any:
    content = tar.extractfile(name)
    assert content is not None, f"{name} is no file"
    return json.load(content)


def _blob(descriptor: dict[str, str]) -> str:
    return "blobs/" + descriptor["digest"].replace(":", "/")


@pytest.fixture(scope="session")
def image(cluster: localcluster.Cluster, pytestconfig: pytest.Config) -> OwnImage:
    """The image of this checkout, in the cluster. Building takes minutes the first time, and is shown."""
    if isinstance(cluster, CurrentCluster):
        pytest.skip("CLUSTER=current: its nodes get images from a registry, and this one is in none")
    with _shown(pytestconfig):
        built = builder.build()
        cluster.load_image(built.archive)
    return OwnImage(built.reference, built.archive)


def _shown(config: pytest.Config) -> AbstractContextManager[object]:
    capture = config.pluginmanager.getplugin("capturemanager")
    assert capture is not None
    return cast("AbstractContextManager[object]", capture.global_and_fixture_disabled())
