"""The project's image for tests: built once in a session, given to the cluster, and what is inside."""

import os
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast

import pytest

import localcluster
from image import source
from image.building import LOCK_SECONDS, Built, build
from image.contents import Contents
from image.source import Source
from localcluster.cluster import CurrentCluster
from localcluster.locks import locked

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class OwnImage:
    """An image that the cluster has."""

    reference: str
    archive: Path
    source: Source
    """The revision of the checkout that it was built from."""

    @cached_property
    def contents(self) -> Contents:
        """The contents, and how it is to be run."""
        return Contents(self.archive)


@pytest.fixture(scope="session")
def image(
    cluster: localcluster.Cluster, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> OwnImage:
    """The image of this checkout, in the cluster. Building takes minutes the first time, and is shown."""
    if isinstance(cluster, CurrentCluster):
        pytest.skip("CLUSTER=current: its nodes get images from a registry, and this one is in none")
    here = source.read(ROOT)
    with _shown(pytestconfig):
        built = _built_once(tmp_path_factory.getbasetemp())
        cluster.load_image(built.archive)
    return OwnImage(built.reference, built.archive, here)


def _built_once(temp: Path) -> Built:
    """Build the image, or take the one that another worker of pytest-xdist has built in this run."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return build()
    with locked(temp.parent / "image.lock", purpose="building the image", seconds=LOCK_SECONDS):
        known = temp.parent / "image"
        if not known.exists():
            built = build()
            known.write_text(f"{built.reference}\n{built.archive}", encoding="utf-8")
        reference, archive = known.read_text(encoding="utf-8").splitlines()
    return Built(reference, Path(archive))


def _shown(config: pytest.Config) -> AbstractContextManager[object]:
    capture = config.pluginmanager.getplugin("capturemanager")
    assert capture is not None
    return cast("AbstractContextManager[object]", capture.global_and_fixture_disabled())
