"""The chart with each set of values in ci/: both Helms take it and agree, and Kubernetes would take what comes out."""

import os
import shutil
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from charttools import programs, schemas, template_fields
from dkron_crds.kinds import KINDS
from dkron_runtime.image import own_image
from localcluster import versions
from localcluster.quiet import run_quietly
from tests.support.charts import (
    CASES,
    CHART,
    CLUSTER_WIDE,
    HELMS,
    NAMESPACE,
    ROOT,
    helm,
    key,
    of_kind,
    rendered,
    template,
)

EACH_CASE = pytest.mark.parametrize("values", CASES, ids=lambda path: path.stem.removesuffix("-values"))
EACH_HELM = pytest.mark.parametrize("name", HELMS)
LABEL = 63
ELSEWHERE = "team-a"


@pytest.fixture(scope="session")
def own_schemas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The definitions of our custom resources."""
    folder = tmp_path_factory.mktemp("schemas")
    schemas.write(schemas.of_definitions(ROOT / "crds"), folder)
    return folder


@EACH_HELM
@EACH_CASE
def test_lint_finds_nothing(name: str, values: Path) -> None:
    result = helm(
        HELMS[name], ["lint", "--strict", "--kube-version", versions.KUBERNETES[0], CHART, "--values", values]
    )
    assert result.returncode == 0, result.stdout
    assert "[WARNING]" not in result.stdout
    assert "[ERROR]" not in result.stdout


def test_lint_knows_the_fields_of_a_job() -> None:
    """`GOLDEN=write` writes them again."""
    newest, file = versions.SUPPORTED[-1], ROOT / "lib/dkron_checks/template_fields.json"
    text = template_fields.text(schemas.of_kubernetes(newest), newest)
    if os.environ.get("GOLDEN") == "write":
        file.write_text(text, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == text


@EACH_CASE
def test_both_helms_agree(values: Path) -> None:
    old, new = (rendered(values, tool=tool) for tool in HELMS.values())
    assert {key(item): item for item in old} == {key(item): item for item in new}


@pytest.mark.parametrize("kubernetes", versions.SUPPORTED)
@EACH_CASE
def test_kubernetes_knows_every_field(values: Path, kubernetes: str, own_schemas: Path) -> None:
    text = helm(HELMS["helm4"], template(values, kubernetes=kubernetes)).stdout
    folders = [schemas.of_kubernetes(kubernetes), *schemas.of_others(), own_schemas]
    places = [
        part
        for folder in folders
        for part in ("-schema-location", f"{folder}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json")
    ]
    program = programs.kubeconform().program("kubeconform")
    path = own_schemas / f"{values.stem}-{kubernetes}.yaml"
    path.write_text(text, encoding="utf-8")
    skip = ",".join(schemas.WITHOUT_SCHEMA)
    result = run_quietly([str(program), "-strict", "-skip", skip, *places, str(path)], seconds=60)
    assert result.returncode == 0, result.stdout


def test_unknown_fields_are_refused_by_the_kubernetes_schema(own_schemas: Path) -> None:
    deployment = of_kind(rendered(), "Deployment")[0]
    deployment["spec"]["template"]["spec"]["containers"][0]["resource"] = {}
    path = own_schemas / "wrong.yaml"
    path.write_text(yaml.safe_dump(deployment), encoding="utf-8")
    place = f"{schemas.of_kubernetes(versions.KUBERNETES[0])}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    program = programs.kubeconform().program("kubeconform")
    result = run_quietly([str(program), "-strict", "-schema-location", place, str(path)], seconds=60)
    assert result.returncode != 0
    assert "resource" in result.stdout


@EACH_CASE
def test_no_two_objects_are_the_same(values: Path) -> None:
    keys = [key(item) for item in rendered(values)]
    assert len(keys) == len(set(keys))


@EACH_CASE
def test_names_and_labels_are_short_enough(values: Path, tmp_path: Path) -> None:
    given = yaml.safe_load(values.read_text(encoding="utf-8")) or {}
    for item in rendered(given, release="r" * 53, namespace="n" * 63, folder=tmp_path):
        labels = item["metadata"].get("labels", {}) | _pod_labels(item)
        assert [value for value in labels.values() if len(value) > LABEL] == []
        if item["kind"] not in CLUSTER_WIDE:
            assert len(item["metadata"]["name"]) <= LABEL


def test_a_suite_of_helm_unittest_passes() -> None:
    program = programs.unittest().program("helm-unittest")
    result = run_quietly([str(program), "--strict", "--color=false", str(CHART)], seconds=120)
    assert result.returncode == 0, result.stdout


def test_chart_crds_match_the_repository() -> None:
    shown = {item["metadata"]["name"]: item for item in of_kind(rendered(), "CustomResourceDefinition")}
    for path in (ROOT / "crds").glob("*.yaml"):
        wanted = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert shown.pop(wanted["metadata"]["name"])["spec"] == wanted["spec"]
    assert shown == {}


def test_chart_metadata_matches_the_project() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    about = {name.removeprefix("artifacthub.io/"): text for name, text in chart["annotations"].items()}
    assert chart["version"] == chart["appVersion"] == version("dkron-operator")
    assert chart["kubeVersion"] == f">={versions.SUPPORTED[0].rpartition('.')[0]}.0-0"
    assert [item["image"] for item in yaml.safe_load(about["images"])] == [own_image()]
    assert {item["kind"] for item in yaml.safe_load(about["crds"])} == {kind.name for kind in KINDS}


def test_two_releases_of_one_name_do_not_meet(tmp_path: Path) -> None:
    first = {key(item) for item in rendered(namespace="one")}
    second = rendered({"crds": {"enabled": False}, "watchNamespaces": [ELSEWHERE]}, namespace="two", folder=tmp_path)
    assert first & {key(item) for item in second} == set()


def _pod_labels(item: dict[str, object]) -> dict[str, str]:
    match item:
        case {"spec": {"template": {"metadata": {"labels": dict() as labels}}}}:
            return labels
        case _:
            return {}


DIGESTS = [f"sha256:{digit * 64}" for digit in "ab"]


@pytest.mark.parametrize(
    ("values", "image"),
    [
        pytest.param({}, f"{own_image().partition(':')[0]}@{DIGESTS[0]}", id="by the digest of the release"),
        pytest.param({"tag": "1"}, f"{own_image().partition(':')[0]}:1", id="by a tag, if one is named"),
        pytest.param({"registry": "mirror"}, f"mirror/dkron-operator/dkron-operator:{version('dkron-operator')}",
                     id="of a mirror, which may have another digest"),
        pytest.param({"registry": "mirror", "digest": DIGESTS[1]}, f"mirror/dkron-operator/dkron-operator@{DIGESTS[1]}",
                     id="of a mirror by its digest"),
    ],
)  # fmt: skip
@EACH_HELM
def test_released_chart_runs_the_image_of_its_release(
    values: dict[str, str], image: str, name: str, tmp_path: Path
) -> None:
    chart = shutil.copytree(CHART, tmp_path / "chart")
    about = (chart / "Chart.yaml").read_text(encoding="utf-8")
    released = f"{own_image().partition(':')[0]}@{DIGESTS[0]}"
    written = about.replace('dkron.io/image: ""', f"dkron.io/image: {released}")
    (chart / "Chart.yaml").write_text(written, encoding="utf-8")
    options = [f"--set-string=image.{key}={value}" for key, value in values.items()]
    where = ["--namespace", NAMESPACE, "--kube-version", versions.KUBERNETES[0]]
    what = [*where, "--show-only", "templates/operator-deployment.yaml"]
    result = helm(HELMS[name], ["template", "dkron", chart, *what, *options])
    assert result.returncode == 0, result.stdout
    containers = yaml.safe_load(result.stdout)["spec"]["template"]["spec"]["containers"]
    assert [each["image"] for each in containers] == [image, image]


def test_helm_test_passes_the_network_policies(tmp_path: Path) -> None:
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "gateways"}}}
    objects = rendered({"networkPolicy": {"api": {"from": [peer]}}}, folder=tmp_path)
    (pod,) = of_kind(objects, "Pod")
    (policy,) = [each for each in of_kind(objects, "NetworkPolicy") if "dkron.io/rest-api" in str(each["spec"])]
    (first, test) = policy["spec"]["ingress"][0]["from"]
    assert (first, list(test)) == (peer, ["podSelector"])
    assert test["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    (container,) = pod["spec"]["containers"]
    addresses = {each["name"] for each in container["env"] if "://" in each.get("value", "")}
    assert addresses == {"API"}, "its job calls none"
