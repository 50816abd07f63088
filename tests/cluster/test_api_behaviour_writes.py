"""Writes through the REST API: versions, fields that others keep in manifests, and what is left alone."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml

import localcluster
from dkron_crds.names import object_name
from dkron_kube.paths import DKRON_JOBS
from tests.support.api_sites import ApiSite
from tests.support.jobs import dkron_job
from tests.support.kube import Object
from tests.support.rest import Answer
from tests.support.rest_jobs import body, save, shown

pytestmark = pytest.mark.cluster(nodes="kwok")

EXTRAS: Object = {
    "jobTemplate": {"spec": {"activeDeadlineSeconds": 5}},
    "history": {"executions": 7},
    "missedRuns": "all",
    "startingDeadlineSeconds": 9,
    "retryBackoff": {"initial": "2s"},
}
"""What of a job only Kubernetes knows."""
Apply = Callable[..., None]


@pytest.fixture
def apply(cluster: localcluster.Cluster, shared_api: ApiSite) -> Apply:
    """Server-side apply, as GitOps tools do it."""

    def applied(manager: str, name: str, **spec: Any) -> None:
        manifest = yaml.safe_dump(dkron_job(name, **spec))
        where = ("-n", shared_api.kube.namespace, "-f", "-")
        cluster.kubectl("apply", "--server-side", "--field-manager", manager, *where, input=manifest)
        shared_api.wait_known(shared_api.kube.get(DKRON_JOBS, name))

    return applied


def tag_of(answer: Answer) -> str:
    tag = answer.header("ETag")
    assert tag is not None, answer
    assert re.fullmatch(r'"\d+"', tag), tag
    return tag


def test_each_write_has_a_new_version_that_get_shows_as_well(shared_api: ApiSite) -> None:
    first = tag_of(save(shared_api, "versioned"))
    assert tag_of(shared_api.rest.get("/v1/jobs/versioned")) == first
    second = tag_of(save(shared_api, "versioned", owner="Ann"))
    assert second != first
    assert tag_of(shared_api.rest.get("/v1/jobs/versioned")) == second
    assert tag_of(shared_api.rest.post("/v1/jobs/versioned/toggle")) not in (first, second)


def test_a_client_that_has_the_version_gets_no_body(shared_api: ApiSite) -> None:
    tag = tag_of(save(shared_api, "cached"))
    unchanged = shared_api.rest.get("/v1/jobs/cached", headers={"If-None-Match": tag})
    assert (unchanged.status, unchanged.body, unchanged.header("ETag")) == (304, b"", tag)
    save(shared_api, "cached", owner="Ann")
    changed = shared_api.rest.get("/v1/jobs/cached", headers={"If-None-Match": tag})
    assert (changed.status, changed.json()["owner"]) == (200, "Ann")


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        pytest.param("PUT", "/v1/jobs/{}", True, id="replacing"),
        pytest.param("POST", "/v1/jobs/{}/toggle", False, id="toggling"),
        pytest.param("DELETE", "/v1/jobs/{}", False, id="deleting"),
    ],
)
def test_a_version_that_has_passed_stops(shared_api: ApiSite, method: str, path: str, *, sent: bool) -> None:
    name = f"passed-{method.lower()}"
    old = tag_of(save(shared_api, name))
    new = tag_of(save(shared_api, name, owner="Ann"))
    change = body(name, owner="Bob") if sent else None
    refused = shared_api.rest.request(method, path.format(name), change, headers={"If-Match": old})
    assert refused.status == 412, refused
    assert shown(shared_api, name)["owner"] == "Ann"
    assert not shown(shared_api, name)["disabled"]
    taken = shared_api.rest.request(method, path.format(name), change, headers={"If-Match": new})
    assert taken.status in (200, 201), taken


def test_a_change_that_the_cache_has_not_seen_yet_stops_as_well(
    shared_api: ApiSite, cluster: localcluster.Cluster
) -> None:
    tag = tag_of(save(shared_api, "behind"))
    where = ("-n", shared_api.kube.namespace, "--type", "merge", "-p", '{"spec":{"owner":"Kubernetes"}}')
    cluster.kubectl("patch", "dkj", "behind", *where)
    refused = shared_api.rest.put("/v1/jobs/behind", body("behind"), headers={"If-Match": tag})
    assert refused.status == 412, refused
    assert shared_api.kube.get(DKRON_JOBS, "behind")["spec"]["owner"] == "Kubernetes"


def test_a_job_that_must_be_new_is_refused_when_it_is_there(shared_api: ApiSite) -> None:
    fresh = {"If-None-Match": "*"}
    assert shared_api.rest.post("/v1/jobs", body("fresh"), headers=fresh).status == 201
    assert shared_api.rest.post("/v1/jobs", body("fresh", owner="Bob"), headers=fresh).status == 412
    assert shown(shared_api, "fresh")["owner"] == ""


def test_a_job_that_must_exist_is_not_created(shared_api: ApiSite) -> None:
    refused = shared_api.rest.post("/v1/jobs", body("nowhere"), headers={"If-Match": '"1"'})
    assert refused.status == 412, refused
    assert shared_api.rest.get("/v1/jobs/nowhere").status == 404


def test_a_field_of_a_manifest_is_not_changed_unless_by_force(shared_api: ApiSite, apply: Apply) -> None:
    apply("argocd", "kept", owner="Git", timezone="Europe/Madrid")
    whole = shown(shared_api, "kept")
    refused = shared_api.rest.put("/v1/jobs/kept", {**whole, "owner": "Ann"})
    assert refused.status == 409, refused
    assert "argocd" in refused.text
    assert "owner" in refused.text
    assert shown(shared_api, "kept")["owner"] == "Git"
    assert shared_api.rest.put("/v1/jobs/kept?force=true", {**whole, "owner": "Ann"}).status == 201
    assert shown(shared_api, "kept")["owner"] == "Ann"


def test_a_field_that_the_manifest_leaves_open_can_be_changed(shared_api: ApiSite, apply: Apply) -> None:
    apply("argocd", "open", owner="Git")
    whole = shown(shared_api, "open")
    assert shared_api.rest.put("/v1/jobs/open", {**whole, "retries": 3}).status == 201
    assert shared_api.rest.post("/v1/jobs/open/toggle").status == 200
    apply("argocd", "open", owner="Git")
    assert (shown(shared_api, "open")["retries"], shown(shared_api, "open")["disabled"]) == (3, True)


def test_saving_what_a_manifest_says_is_no_change(shared_api: ApiSite, apply: Apply) -> None:
    apply("flux", "same", owner="Git")
    assert shared_api.rest.put("/v1/jobs/same", shown(shared_api, "same")).status == 201


def test_toggle_and_delete_ask_whose_manifest_it_is(shared_api: ApiSite, apply: Apply) -> None:
    apply("helm", "switch", disabled=False)
    for method, path in (("POST", "/v1/jobs/switch/toggle"), ("DELETE", "/v1/jobs/switch")):
        refused = shared_api.rest.request(method, path)
        assert refused.status == 409, refused
        assert "helm" in refused.text
    assert shared_api.rest.post("/v1/jobs/switch/toggle?force=true").json()["disabled"] is True
    assert shared_api.rest.delete("/v1/jobs/switch?force=true").status == 200


def test_run_and_clear_ask_nobody(shared_api: ApiSite, apply: Apply) -> None:
    apply("argocd", "runs")
    assert shared_api.rest.post("/v1/jobs/runs").status == 202
    assert shared_api.rest.delete("/v1/jobs/runs/executions").status == 200


def test_what_kubectl_did_by_hand_is_nobodys(shared_api: ApiSite) -> None:
    shared_api.store(dkron_job("by-hand", owner="Ann"))
    save(shared_api, "by-hand", owner="Bob")
    assert shown(shared_api, "by-hand")["owner"] == "Bob"


def test_an_update_keeps_what_only_kubernetes_knows(shared_api: ApiSite) -> None:
    before = shared_api.store(dkron_job("extras", **EXTRAS))
    save(shared_api, "extras", owner="Ann", schedule="@daily")
    after = shared_api.kube.get(DKRON_JOBS, "extras")
    assert (after["spec"]["owner"], after["spec"]["schedule"]) == ("Ann", "@daily")
    assert {key: after["spec"][key] for key in EXTRAS} == {key: before["spec"][key] for key in EXTRAS}


def test_labels_and_annotations_stay(shared_api: ApiSite) -> None:
    job = dkron_job("labelled")
    job["metadata"] |= {"labels": {"team": "x"}, "annotations": {"note": "y"}}
    shared_api.store(job)
    save(shared_api, "labelled", owner="Ann")
    metadata = shared_api.kube.get(DKRON_JOBS, "labelled")["metadata"]
    assert (metadata["labels"]["team"], metadata["annotations"]["note"]) == ("x", "y")


def test_the_mark_of_the_operator_survives_clearing(shared_api: ApiSite) -> None:
    kept = {"lastScheduleTime": "2026-01-02T00:00:00Z", "counted": ["a"], "since": "2026-01-01T00:00:00Z"}
    shared_api.store(dkron_job("cleared"), {**kept, "successCount": 3})
    assert shared_api.rest.delete("/v1/jobs/cleared/executions").status == 200
    status = shared_api.kube.status("cleared")
    assert {key: status[key] for key in kept} == kept
    assert status["successCount"] == 0


def test_saving_the_same_again_is_no_change_in_kubernetes(shared_api: ApiSite) -> None:
    save(shared_api, "idle", tags={"dc": "x"}, metadata={"a": "b"}, starts_at="2026-01-01T00:00:00Z")
    before = shared_api.kube.get(DKRON_JOBS, "idle")["metadata"]
    save(shared_api, "idle", tags={"dc": "x"}, metadata={"a": "b"}, starts_at="2026-01-01T00:00:00Z")
    after = shared_api.kube.get(DKRON_JOBS, "idle")["metadata"]
    assert after["generation"] == before["generation"]


def requests_of(site: ApiSite, name: str) -> list[str]:
    annotations = site.kube.get(DKRON_JOBS, object_name(name))["metadata"].get("annotations") or {}
    return [text for key, text in annotations.items() if key.startswith("run.dkron.io/")]


def test_each_click_is_a_request_of_its_own(shared_api: ApiSite) -> None:
    save(shared_api, "clicked")
    for _ in range(3):
        assert shared_api.rest.post("/v1/jobs/clicked").status == 202
    requests = requests_of(shared_api, "clicked")
    assert len(requests) == 3
    assert all(re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z\b.* by rest from 127\.0\.0\.1", text) for text in requests), requests


def test_runoncreate_asks_with_the_creation_itself(shared_api: ApiSite) -> None:
    assert shared_api.rest.post("/v1/jobs?runoncreate", body("at-once")).status == 201
    stored = shared_api.kube.get(DKRON_JOBS, "at-once")
    assert len(requests_of(shared_api, "at-once")) == 1
    assert stored["metadata"]["generation"] == 1


def test_runoncreate_of_a_disabled_job_asks_for_nothing(shared_api: ApiSite) -> None:
    assert shared_api.rest.post("/v1/jobs?runoncreate", body("asleep", disabled=True)).status == 201
    assert requests_of(shared_api, "asleep") == []


def test_force_is_in_the_request(shared_api: ApiSite) -> None:
    save(shared_api, "forced", concurrency="forbid")
    assert shared_api.rest.post("/v1/jobs/forced?force=true").status == 202
    assert " force" in requests_of(shared_api, "forced")[0]
