"""Every example is taken by a real API server, just as a reader would apply it."""

from pathlib import Path

import pytest

from localcluster import Cluster
from tests.support.judge import Judge

pytestmark = pytest.mark.cluster(nodes="none")

EXAMPLES = Path(__file__).parents[2] / "examples"
INSTALLATION = sorted((EXAMPLES / "installation").glob("*.yaml"))
FILES = sorted(set(EXAMPLES.rglob("*.yaml")) - set(INSTALLATION))


def applied(cluster: Cluster, judge: Judge, path: Path) -> list[str]:
    said = cluster.kubectl("-n", judge.namespace, "apply", "--dry-run=server", "--validate=strict", "-f", str(path))
    return said.splitlines()


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.stem))
def test_an_example_applies_cleanly(cluster: Cluster, judge: Judge, file: Path) -> None:
    assert f"dkronjob.dkron.io/{file.stem} created (server dry run)" in applied(cluster, judge, file)


@pytest.mark.parametrize("file", INSTALLATION, ids=lambda file: str(file.stem))
def test_what_is_for_the_installation_applies_cleanly(cluster: Cluster, judge: Judge, file: Path) -> None:
    assert "dkroncluster.dkron.io/dkron created (server dry run)" in applied(cluster, judge, file)


def test_the_folder_applies_as_a_whole(cluster: Cluster, judge: Judge) -> None:
    for folder in (EXAMPLES, EXAMPLES / "executors"):
        jobs = [line for line in applied(cluster, judge, folder) if line.startswith("dkronjob.dkron.io/")]
        assert len(jobs) == len(list(folder.glob("*.yaml"))) > 0
