"""The configuration of kube-state-metrics reads what DkronJobs have, as kube-state-metrics can read it.

Its rules: https://github.com/kubernetes/kube-state-metrics/blob/main/docs/metrics/extend/customresourcestate-metrics.md.
A path that leads nowhere is no error there, only a metric that never appears.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from dkron_crds.job import GroupStatus

ROOT = Path(__file__).parents[2]
Object = dict[str, Any]

CRD: Object = yaml.safe_load((ROOT / "crds" / "dkron.io_dkronjobs.yaml").read_text(encoding="utf-8"))
CONFIG: Object = yaml.safe_load(
    (ROOT / "charts" / "dkron-operator" / "files" / "kube-state-metrics.yaml").read_text(encoding="utf-8")
)
(RESOURCE,) = CONFIG["spec"]["resources"]
METADATA: Object = {
    "properties": {
        "name": {"type": "string"},
        "namespace": {"type": "string"},
        "creationTimestamp": {"type": "string", "format": "date-time"},
    }
}
NUMBERS = {"integer", "number", "boolean"}
TRUE_OR_NOT = {"True", "False", "Unknown"}
KEYS = {
    "Info": {"labelsFromPath"},
    "Gauge": {"path", "valueFrom", "labelsFromPath", "nilIsZero"},
    "StateSet": {"labelName", "path", "list"},
}
every_metric = pytest.mark.parametrize("metric", RESOURCE["metrics"], ids=lambda metric: str(metric["name"]))


def schema() -> Object:
    (version,) = CRD["spec"]["versions"]
    known: Object = version["schema"]["openAPIV3Schema"]["properties"]
    return {"properties": {**known, "metadata": METADATA}}


def at(path: Sequence[str], start: Object) -> Object:
    """The schema of a path."""
    for step in path:
        start = start["properties"][step]
    return start


def settings(metric: Object) -> Object:
    kind: str = metric["each"]["type"]
    found: Object = metric["each"][kind[0].lower() + kind[1:]]
    return found


def labels(metric: Object) -> Iterator[tuple[str, Object]]:
    """The labels of a metric, and what the schema says about each."""
    own = settings(metric)
    element = at(own.get("path", ()), schema())
    element = element.get("items", element)
    for paths, start in ((RESOURCE["labelsFromPath"], schema()), (own.get("labelsFromPath", {}), element)):
        for label, path in paths.items():
            yield label, at(path, start)


def test_it_is_about_the_version_that_is_served() -> None:
    (version,) = CRD["spec"]["versions"]
    names = CRD["spec"]["names"]
    assert CONFIG["kind"] == "CustomResourceStateMetrics"
    assert RESOURCE["groupVersionKind"] == {
        "group": CRD["spec"]["group"],
        "version": version["name"],
        "kind": names["kind"],
    }


@every_metric
def test_its_labels_are_texts_that_jobs_have(metric: Object) -> None:
    assert [label for label, found in labels(metric) if found["type"] != "string"] == []
    names = [label for label, _ in labels(metric)]
    assert len(set(names)) == len(names), "a label of the metric hides one of all metrics"


@every_metric
def test_its_value_is_one_that_becomes_a_number(metric: Object) -> None:
    own = settings(metric)
    assert own.keys() <= KEYS[metric["each"]["type"]]
    found = at(own.get("path", ()), schema())
    match metric["each"]["type"]:
        case "Gauge":
            value = at(own.get("valueFrom", ()), found.get("items", found))
            moment = value.get("format") == "date-time"
            assert value["type"] in NUMBERS or moment or set(value.get("enum", ("",))) <= TRUE_OR_NOT
            assert moment == metric["name"].endswith("_timestamp_seconds") or metric["name"] == "created"
        case "StateSet":
            assert set(own["list"]) == set(GroupStatus) - {GroupStatus.NEVER}
        case "Info":
            assert metric["name"].endswith("info")


def test_each_metric_is_described() -> None:
    page = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    names = [f"`{RESOURCE['metricNamePrefix']}_{metric['name']}`" for metric in RESOURCE["metrics"]]
    assert [name for name in names if name not in page] == []
