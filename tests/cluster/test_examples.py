"""Every example, and every manifest in the documentation, is taken by a real API server as a reader would apply it."""

import copy
import re
from pathlib import Path

import pytest
import yaml

from dkron_kube.paths import DKRON_JOBS
from localcluster import Cluster, ClusterError
from tests.support.jobs import dkron_job
from tests.support.judge import Judge
from tests.support.kube import QUOTAS, Kube, Refused
from tests.support.manifests import Shown, shown

pytestmark = pytest.mark.cluster(nodes="none")

EXAMPLES = Path(__file__).parents[2] / "examples"
INSTALLATION = sorted((EXAMPLES / "installation").glob("*.yaml"))
FOLDERS = sorted({path.parent for path in EXAMPLES.rglob("*.yaml")} - {EXAMPLES / "installation", EXAMPLES / "argocd"})


def applied(cluster: Cluster, judge: Judge, path: Path) -> list[str]:
    said = cluster.kubectl("-n", judge.namespace, "apply", "--dry-run=server", "--validate=strict", "-f", str(path))
    return said.splitlines()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.name))
def test_the_examples_of_a_folder_apply_cleanly(cluster: Cluster, judge: Judge, folder: Path) -> None:
    ours = [line for line in applied(cluster, judge, folder) if ".dkron.io/" in line]
    expected = [f"{kind}.dkron.io/{file.stem} created (server dry run)" for file in folder.glob("*.yaml")
                for kind in our_kinds(file)]  # fmt: skip
    assert sorted(ours) == sorted(expected) != []


def our_kinds(file: Path) -> list[str]:
    """The kinds of our objects in a file, in lower case; all have the name of the file."""
    documents = yaml.safe_load_all(file.read_text(encoding="utf-8"))
    return [str(each["kind"]).lower() for each in documents if each["apiVersion"].startswith("dkron.io/")]


@pytest.mark.parametrize("file", INSTALLATION, ids=lambda file: str(file.stem))
def test_installation_examples_apply_cleanly(cluster: Cluster, judge: Judge, file: Path) -> None:
    assert "dkroncluster.dkron.io/dkron created (server dry run)" in applied(cluster, judge, file)


REFUSED = {"docs/quick-start.md:backup": 'spec.executorConfig.shell in body must be of type string: "boolean"'}
"""What pages show in order to show how it is refused."""


def test_documented_manifests_apply_cleanly(cluster: Cluster, judge: Judge) -> None:
    good = [each for each in shown() if each.name not in REFUSED]
    said = dry_run(cluster, judge, good)
    assert said.count("(server dry run)") == len(good), said


@pytest.mark.parametrize("name", REFUSED)
def test_documented_mistake_is_refused(cluster: Cluster, judge: Judge, name: str) -> None:
    wrong = [each for each in shown() if each.name == name]
    with pytest.raises(ClusterError, match=re.escape(REFUSED[name])):
        dry_run(cluster, judge, wrong)


def test_quota_of_the_page_refuses_one_job_too_many(kube: Kube) -> None:
    (quota,) = (copy.deepcopy(each.document) for each in shown() if each.document["kind"] == "ResourceQuota")
    hard: dict[str, str] = quota["spec"]["hard"]
    hard["count/dkronjobs.dkron.io"] = "1"
    kube.create(QUOTAS, quota)

    def used() -> dict[str, str]:
        """Change it, so that it is counted again: a new cluster looks for custom resources every 30 seconds."""
        hard["pods"] = str(int(hard["pods"]) + 1)
        kube.patch(QUOTAS, "dkron", {"spec": {"hard": hard}})
        found: dict[str, str] = kube.get(QUOTAS, "dkron").get("status", {}).get("used", {})
        return found

    kube.wait_for("the quota to count", used, lambda found: found.keys() == hard.keys())
    kube.create(DKRON_JOBS, dkron_job("first"))
    with pytest.raises(Refused) as refused:
        kube.create(DKRON_JOBS, dkron_job("one-more"))
    assert [each["metadata"]["name"] for each in kube.all(DKRON_JOBS)] == ["first"]
    said = re.sub(r"(used|limited): (\S+)=1", r"\1: \2=50", str(refused.value))
    assert said in (EXAMPLES.parent / "docs" / "security.md").read_text(encoding="utf-8"), said


def dry_run(cluster: Cluster, judge: Judge, documents: list[Shown]) -> str:
    command = ("-n", judge.namespace, "apply", "--dry-run=server", "--validate=strict", "-f", "-")
    return cluster.kubectl(*command, input=yaml.safe_dump_all(each.document for each in documents))
