"""Faults that a manifest shows: names of images, fields and quantities of a template, schedules that never come."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from dkron_checks.schedules import passed_remark, schedule_remark
from dkron_checks.template_fields import MOST_FAULTS, template_faults
from dkron_crds.job import JobSpec
from dkron_crds.schedule import parse
from dkron_pods.config import ConfigError
from dkron_pods.images import check_images

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def pod(**spec: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": spec}}}


def container(**fields: Any) -> dict[str, Any]:
    return pod(containers=[{"name": "a", **fields}])


IN_POD = "jobTemplate.spec.template.spec"


@pytest.mark.parametrize(
    ("template", "says"),
    [
        pytest.param({}, [], id="nothing"),
        pytest.param(container(image=None, args=["a"], ports=[{"containerPort": 80}]), [], id="in order"),
        pytest.param(container(livenessProbe={"httpGet": {"port": "web"}}), [], id="a number or a text"),
        pytest.param({"metadata": {"label": {}}}, ['jobTemplate.metadata: Kubernetes has no field "label" here; did'],
                     id="metadata"),
        pytest.param(pod(contaners=[]), [f'{IN_POD}: Kubernetes has no field "contaners" here; did you mean "con'],
                     id="a misspelt field"),
        pytest.param(pod(zzz=1), [f'{IN_POD}: Kubernetes has no field "zzz" here'], id="like no field"),
        pytest.param(pod(containers={}), [f"{IN_POD}.containers: it has to be a list"], id="no list"),
        pytest.param(pod(nodeSelector=["a"]), [f"{IN_POD}.nodeSelector: it has to be an object"], id="no map"),
        pytest.param({"spec": []}, ["jobTemplate.spec: it has to be an object"], id="no object"),
        pytest.param(pod(nodeSelector={"a": 5}), [f'{IN_POD}.nodeSelector.a: "5" has to be a text'], id="no text"),
        pytest.param({"spec": {"backoffLimit": "3"}}, ['jobTemplate.spec.backoffLimit: "3" has to be a whole number'],
                     id="no number"),
        pytest.param({"spec": {"backoffLimit": True}}, ['jobTemplate.spec.backoffLimit: "True" has'], id="a flag"),
        pytest.param(container(tty="yes"), [f'{IN_POD}.containers[0].tty: "yes" has to be true'], id="no flag"),
    ],
)  # fmt: skip
def test_template_faults(template: dict[str, Any], says: list[str]) -> None:
    found = [re.sub(r"(?<=Kubernetes) [0-9.]+", "", sentence) for _, sentence in template_faults(template)]
    assert [each[: len(start)] for each, start in zip(found, says, strict=True)] == says


def test_a_hostile_template_has_few_faults() -> None:
    assert len(list(template_faults(pod(**{f"x{number}": 1 for number in range(10_000)})))) == MOST_FAULTS


@pytest.mark.parametrize("text", ["1", 1, 0.5, "64Mi", "500m", "1.5Gi", ".5", "1e3", "1E", "-1", "5.", "12E-2"])
def test_a_quantity(text: object) -> None:
    assert list(template_faults(container(resources={"limits": {"memory": text}}))) == []


@pytest.mark.parametrize("text", ["", "5potatoes", "64MB", "1 Gi", "Mi", "1.5.2", True, [], "0x1", "1K", "9" * 99])
def test_no_quantity(text: object) -> None:
    ((place, sentence),) = template_faults(container(resources={"limits": {"memory": text}}))
    assert place[-2:] == ("limits", "memory")
    assert "is not a quantity; use" in sentence


@pytest.mark.parametrize(
    "name",
    [
        "alpine", "alpine:3", "library/alpine", "docker.io/library/alpine:3.20", "localhost:5000/a/b__c-d.e:V1_2.3-x",
        "REGISTRY/a", "[fd00::1]:5000/a", "a@sha256:" + "0" * 64, "a.b/c:tag@sha256:" + "aF" * 32, "10.0.0.1/a", "a--b",
    ],
)  # fmt: skip
def test_an_image(name: str) -> None:
    check_images(JobSpec(executor_config={"image": name}))


@pytest.mark.parametrize(
    "name",
    ["UPPER/CASE:bad tag", "Alpine", "a b", "a:", "a/", "/a", "a:b:c", "a@sha256:12", "-a", "a_", "a..b", "é",
     "a" * 2000, "http://a/b", "a\n", "a:" + "t" * 129],
)  # fmt: skip
@pytest.mark.parametrize("place", ["config", "template"])
def test_no_image(name: str, place: str) -> None:
    of_template = JobSpec.from_wire({"schedule": "@daily", "jobTemplate": container(image=name)})
    spec = JobSpec(executor_config={"image": name}) if place == "config" else of_template
    with pytest.raises(ConfigError, match=r"image: .* is not the name of an image; use one such as alpine:3"):
        check_images(spec)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("0 0 0 31 2 *", 'schedule: no date matches "0 0 0 31 2 *"', id="no date"),
        pytest.param("0 0 0 29 2 *", "", id="29 February"),
        pytest.param("@manually", "", id="on request"),
        pytest.param("@every 1h", "", id="an hour"),
        pytest.param("@every 1500ms", "runs each second; an interval has whole seconds", id="a second and a half"),
        pytest.param("TZ=UTC @every 2.5s", "runs every 2 seconds", id="a zone before it"),
        pytest.param("@every -5s", "runs each second", id="less than nothing"),
        pytest.param("@at 2020-01-01T00:00:00Z", "its only slot, 2020-01-01T00:00:00Z, is in the past", id="passed"),
        pytest.param("@at 2027-01-01T00:00:00Z", "", id="to come"),
        pytest.param("@after 2026-01-01T11:00:00Z <PT2H", "", id="within its grace"),
        pytest.param("@after 2026-01-01T09:00:00Z <PT2H", "is in the past", id="beyond its grace"),
    ],
)
def test_schedule_remark(text: str, says: str) -> None:
    schedule = parse(text)
    found = schedule_remark(text, schedule) or passed_remark(schedule, NOON)
    assert says in found
    assert bool(says) is bool(found)
