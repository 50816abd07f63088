"""Writes that meet: of many at once each counts, of those with a condition one wins, and what was written is read; what
manifests, versions and other writers keep stays."""

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

import localcluster
from dkron_crds.names import object_name
from dkron_kube.paths import DKRON_CLUSTERS, DKRON_JOBS
from tests.support.api_sites import ApiSite, api_for
from tests.support.documents import installation
from tests.support.hostile import assert_civil
from tests.support.jobs import dkron_job
from tests.support.rest import Answer
from tests.support.rest_jobs import body, save, shown, until

pytestmark = pytest.mark.cluster(nodes="none")

CLIENTS = 20
Request = tuple[str, str, Any]


def at_once(site: ApiSite, requests: Sequence[Request], *, tag: str = "", fresh: bool = False) -> list[Answer]:
    """Each by a client of its own, all let go in the same moment."""
    headers = ({"If-Match": tag} if tag else {}) | ({"If-None-Match": "*"} if fresh else {})
    start = threading.Barrier(len(requests))

    def send(request: Request) -> Answer:
        start.wait(30)
        return site.rest.request(*request, headers=headers)

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(send, requests))


def statuses(answers: Sequence[Answer]) -> dict[int, int]:
    """How many had each; each refusal has its sentence."""
    for answer in answers:
        assert_civil(answer)
    return {status: len(list(group)) for status, group in itertools.groupby(sorted(each.status for each in answers))}


def version(answer: Answer) -> int:
    """The version that a write has made."""
    return int((answer.header("ETag") or "").strip('"'))


def distinct(name: str, number: int) -> dict[str, Any]:
    """A job of which every field tells who has written it."""
    return body(
        name,
        displayname=f"by {number}",
        owner=f"client-{number}",
        retries=number,
        tags={"by": str(number)},
        metadata={f"of-{number}": "yes"},
        executor_config={"command": f"echo {number}"},
        timezone="Europe/Madrid" if number % 2 else "Asia/Tokyo",
        disabled=bool(number % 2),
    )


@pytest.mark.parametrize("new", [True, False], ids=["that is new", "that is there"])
def test_twenty_concurrent_saves_succeed_and_the_last_one_wins(shared_api: ApiSite, *, new: bool) -> None:
    name = f"crowded-{new}".lower()
    if not new:
        save(shared_api, name)
    sent = [distinct(name, number) for number in range(CLIENTS)]
    answers = at_once(shared_api, [("POST", "/v1/jobs", each) for each in sent])
    assert statuses(answers) == {201: CLIENTS}
    last = max(range(CLIENTS), key=lambda number: version(answers[number]))
    stored = shown(shared_api, name)
    assert {field: stored[field] for field in sent[last]} == sent[last]
    assert shared_api.kube.get(DKRON_JOBS, name)["spec"]["owner"] == f"client-{last}"


@pytest.mark.parametrize("count", [CLIENTS, CLIENTS - 1])
def test_each_of_many_toggles_counts(shared_api: ApiSite, count: int) -> None:
    name = f"toggled-{count}"
    save(shared_api, name)
    answers = at_once(shared_api, [("POST", f"/v1/jobs/{name}/toggle", None)] * count)
    assert statuses(answers) == {200: count}
    assert shown(shared_api, name)["disabled"] is bool(count % 2)
    turns = [answer.json()["disabled"] for answer in sorted(answers, key=version)]
    assert turns == [bool(number % 2) for number in range(1, count + 1)]


@contextmanager
def restless(site: ApiSite, name: str) -> Iterator[list[int]]:
    """The status is written all the time, as by the operator; the counts that were written."""
    over, written = threading.Event(), list[int]()

    def write_on() -> None:
        for count in itertools.count(1):
            if over.is_set():
                return
            site.kube.write_status(name, successCount=count)
            written.append(count)

    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(write_on)
        try:
            yield written
        finally:
            over.set()
            writer.result()


def test_status_writes_cause_no_conflict_for_clients(shared_api: ApiSite) -> None:
    save(shared_api, "restless")
    with restless(shared_api, "restless") as written:
        for number in range(1, 31):
            for method, path, sent, status in (
                ("PUT", "/v1/jobs/restless", body("restless", retries=number), 201),
                ("POST", "/v1/jobs/restless/toggle", None, 200),
                ("POST", "/v1/jobs/restless/toggle", None, 200),
                ("POST", "/v1/jobs/restless/run", None, 202),
            ):
                answer = shared_api.rest.request(method, path, sent)
                assert answer.status == status, answer
            assert shown(shared_api, "restless")["retries"] == number
        assert len(written) > 10
    stored = shared_api.kube.get(DKRON_JOBS, "restless")
    assert len(stored["metadata"]["annotations"]) == 30, "no run was lost"
    assert stored["status"]["successCount"] == written[-1], "nor a status"


RACES = (
    pytest.param("PUT", "/v1/jobs/{}", 201, id="who replace"),
    pytest.param("POST", "/v1/jobs/{}/toggle", 200, id="who toggle"),
    pytest.param("DELETE", "/v1/jobs/{}", 200, id="who delete"),
)


@pytest.mark.parametrize(("method", "path", "status"), RACES)
def test_of_twenty_with_the_same_version_one_wins(shared_api: ApiSite, method: str, path: str, status: int) -> None:
    name = f"race-{method.lower()}"
    tag = save(shared_api, name).header("ETag") or ""
    sent = [distinct(name, number) if method == "PUT" else None for number in range(CLIENTS)]
    answers = at_once(shared_api, [(method, path.format(name), each) for each in sent], tag=tag)
    # A client that comes when the job is gone is told that.
    beaten = {answer.status for answer in answers} - {status}
    assert beaten <= ({404, 412} if method == "DELETE" else {412}), statuses(answers)
    assert statuses(answers)[status] == 1
    if method == "PUT":
        winner = next(number for number, answer in enumerate(answers) if answer.status == status)
        assert shown(shared_api, name)["owner"] == f"client-{winner}"


def test_one_of_twenty_concurrent_creates_succeeds(shared_api: ApiSite) -> None:
    sent = [distinct("only-one", number) for number in range(CLIENTS)]
    answers = at_once(shared_api, [("POST", "/v1/jobs", each) for each in sent], fresh=True)
    assert statuses(answers) == {201: 1, 412: CLIENTS - 1}
    winner = next(number for number, answer in enumerate(answers) if answer.status == 201)
    assert shown(shared_api, "only-one")["owner"] == f"client-{winner}"


def test_concurrent_create_and_delete_end_in_one_of_both(shared_api: ApiSite) -> None:
    for round_ in range(10):
        requests: list[Request] = [("POST", "/v1/jobs", distinct("flicker", number)) for number in range(6)]
        requests += [("DELETE", "/v1/jobs/flicker", None)] * 4 + [("POST", "/v1/jobs/flicker/toggle", None)] * 2
        answers = at_once(shared_api, requests)
        assert set(statuses(answers)) <= {200, 201, 404}, (round_, statuses(answers))
        stored = shared_api.kube.find(DKRON_JOBS, "flicker")
        answer = shared_api.rest.get("/v1/jobs/flicker")
        assert answer.status == (404 if stored is None else 200)
        if stored is not None:
            assert (answer.json()["owner"], answer.header("ETag")) == (
                stored["spec"]["owner"],
                f'"{stored["metadata"]["resourceVersion"]}"',
            )


def test_writes_are_readable_at_once(shared_api: ApiSite) -> None:
    names = [f"read-{number}" if number % 2 else f"gelesen_{number}_ñ" for number in range(20)]

    def count() -> int:
        return int(shared_api.rest.get("/v1/jobs?metadata[kind]=read").header("X-Total-Count") or -1)

    for number, name in enumerate(names, 1):
        save(shared_api, name, metadata={"kind": "read"}, retries=number)
        assert shown(shared_api, quote(name))["retries"] == number
        assert count() == number
    for name in names:
        save(shared_api, name, metadata={"kind": "read"}, owner=name)
        assert shown(shared_api, quote(name))["owner"] == name
        assert shared_api.rest.post(f"/v1/jobs/{quote(name)}/toggle").status == 200
        assert shown(shared_api, quote(name))["disabled"] is True
    for left, name in zip(range(19, -1, -1), names, strict=True):
        assert shared_api.rest.delete(f"/v1/jobs/{quote(name)}").status == 200
        assert shared_api.rest.get(f"/v1/jobs/{quote(name)}").status == 404
        assert count() == left


def test_taken_object_name_is_409_and_leaves_the_other_job(shared_api: ApiSite) -> None:
    taken = object_name("mañana")
    occupant = shared_api.store(dkron_job(taken, name="other", owner="them"))
    for method, path in (("POST", "/v1/jobs"), ("PUT", "/v1/jobs/ma%C3%B1ana")):
        answer = shared_api.rest.request(method, path, body("mañana"))
        assert answer.status == 409, answer
        assert_civil(answer)
        assert [word for word in (taken, "other") if word not in answer.text] == [], answer
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/toggle"), ("POST", "/run"), ("GET", "/executions")):
        assert shared_api.rest.request(method, f"/v1/jobs/ma%C3%B1ana{path}").status == 404
    assert shown(shared_api, "other")["owner"] == "them"
    assert shared_api.kube.get(DKRON_JOBS, taken)["metadata"]["uid"] == occupant["metadata"]["uid"]
    assert shared_api.rest.delete("/v1/jobs/other").status == 200
    save(shared_api, "mañana")


def client_side(cluster: localcluster.Cluster, site: ApiSite, name: str) -> None:
    """kubectl apply, which writes down what it applied."""
    manifest = yaml.safe_dump(dkron_job(name, owner="Git", schedule="@daily"))
    cluster.kubectl("apply", "-n", site.kube.namespace, "-f", "-", input=manifest)


def server_side(cluster: localcluster.Cluster, site: ApiSite, name: str) -> None:
    """Server-side apply, as Argo CD and Flux do it."""
    manifest = yaml.safe_dump(dkron_job(name, owner="Git", schedule="@daily"))
    who = ("--server-side", "--field-manager", "argocd-controller")
    cluster.kubectl("apply", *who, "-n", site.kube.namespace, "-f", "-", input=manifest)


def update(_: localcluster.Cluster, site: ApiSite, name: str) -> None:
    """A create or update under a name of its own, as helm's."""
    site.kube.create(DKRON_JOBS, dkron_job(name, owner="Git", schedule="@daily"), fieldManager="helm")


KEEPERS = (
    pytest.param(client_side, "kubectl-client-side-apply", id="kubectl apply"),
    pytest.param(server_side, "argocd-controller", id="server-side apply"),
    pytest.param(update, "helm", id="an update under a name of its own"),
)


@pytest.mark.parametrize(("keep", "manager"), KEEPERS)
def test_field_kept_by_a_manifest_changes_only_by_force(
    shared_api: ApiSite,
    cluster: localcluster.Cluster,
    keep: Callable[[localcluster.Cluster, ApiSite, str], None],
    manager: str,
) -> None:
    name = f"kept-by-{manager}"
    keep(cluster, shared_api, name)
    shared_api.wait_known(shared_api.kube.get(DKRON_JOBS, name))
    whole = shown(shared_api, name)
    path = f"/v1/jobs/{name}"
    assert shared_api.rest.put(path, whole).status == 201, "nothing is changed"
    assert shared_api.rest.put(path, {**whole, "retries": 5}).status == 201, "no manager keeps the retries"
    for method, sent in (("PUT", {**whole, "owner": "REST", "schedule": "@hourly"}), ("DELETE", None)):
        answer = shared_api.rest.request(method, path, sent)
        assert answer.status == 409, answer
        assert_civil(answer)
        assert [word for word in (manager, "owner", "schedule", "force") if word not in answer.text] == [], answer
    assert shown(shared_api, name) == {**whole, "retries": 5}
    for _ in range(2):
        assert shared_api.rest.post(f"{path}/toggle").status == 200, "no manager keeps whether it is disabled"
    assert shared_api.rest.post(f"{path}/run").status == 202, "nor are runs anybody's"
    assert shared_api.rest.delete(f"{path}/executions").status == 200, "nor are executions"
    forced = shared_api.rest.put(f"{path}?force=true", {**whole, "owner": "REST"})
    assert forced.status == 201, forced
    assert shown(shared_api, name)["owner"] == "REST"
    assert shared_api.rest.put(path, {**whole, "owner": "again"}).status == 201, "it is REST's now"
    assert shared_api.rest.delete(f"{path}?force=true").status == 200


def test_manifest_reapplies_beside_changes_to_its_unset_fields(
    shared_api: ApiSite, cluster: localcluster.Cluster
) -> None:
    server_side(cluster, shared_api, "open")
    shared_api.wait_known(shared_api.kube.get(DKRON_JOBS, "open"))
    assert shared_api.rest.put("/v1/jobs/open", {**shown(shared_api, "open"), "retries": 3}).status == 201
    assert shared_api.rest.post("/v1/jobs/open/toggle").status == 200
    server_side(cluster, shared_api, "open")
    assert (shown(shared_api, "open")["retries"], shown(shared_api, "open")["disabled"]) == (3, True)


def test_toggle_of_a_managed_field_needs_force(shared_api: ApiSite) -> None:
    shared_api.kube.create(DKRON_JOBS, dkron_job("switch", disabled=True), fieldManager="helm")
    shared_api.wait_known(shared_api.kube.get(DKRON_JOBS, "switch"))
    refused = shared_api.rest.post("/v1/jobs/switch/toggle")
    assert (refused.status, "helm" in refused.text) == (409, True), refused
    assert shared_api.rest.post("/v1/jobs/switch/toggle?force=true").json()["disabled"] is False


# --- versions --------------------------------------------------------------------------------------------------------


def test_etag_changes_with_each_write_and_matches_with_304(shared_api: ApiSite) -> None:
    path = "/v1/jobs/versioned"
    tags = [save(shared_api, "versioned", owner=owner).header("ETag") or "" for owner in ("Ann", "Bob")]
    assert shared_api.rest.get(path).header("ETag") == tags[1]
    for named in (tags[1], f"W/{tags[1]}", f'"1", {tags[1]}', "*"):
        unchanged = shared_api.rest.get(path, headers={"If-None-Match": named})
        assert (unchanged.status, unchanged.body, unchanged.header("ETag")) == (304, b"", tags[1]), named
    changed = shared_api.rest.get(path, headers={"If-None-Match": tags[0]})
    assert (changed.status, changed.json()["owner"]) == (200, "Bob")
    tags.append(shared_api.rest.post(f"{path}/toggle").header("ETag") or "")
    assert len({version(shared_api.rest.get(path)), *(int(tag.strip('"')) for tag in tags)}) == len(tags)


@pytest.mark.parametrize(("method", "way", "status"), [("DELETE", "executions", 200), ("POST", "run", 202)])
def test_a_version_that_has_passed_keeps_from(shared_api: ApiSite, method: str, way: str, status: int) -> None:
    path = f"/v1/jobs/passed-{way}"
    old, new = (save(shared_api, f"passed-{way}", owner=owner).header("ETag") or "" for owner in ("Ann", "Bob"))
    assert shared_api.rest.request(method, f"{path}/{way}", headers={"If-Match": old}).status == 412
    assert shared_api.rest.request(method, f"{path}/{way}", headers={"If-Match": new}).status == status


# --- fields that REST keeps ------------------------------------------------------------------------------------------

EXTRAS: dict[str, Any] = {
    "jobTemplate": {"spec": {"activeDeadlineSeconds": 5}},
    "history": {"executions": 7},
    "missedRuns": "all",
    "startingDeadlineSeconds": 9,
    "retryBackoff": {"initial": "2s"},
}
"""What of a job only Kubernetes knows."""


def test_update_keeps_kubernetes_fields_and_repeats_as_no_op(shared_api: ApiSite) -> None:
    job = dkron_job("extras", **EXTRAS)
    job["metadata"] |= {"labels": {"team": "x"}, "annotations": {"note": "y"}}
    before = shared_api.store(job)
    fields = {"owner": "Ann", "tags": {"dc": "x"}, "metadata": {"a": "b"}, "starts_at": "2026-01-01T00:00:00Z"}
    save(shared_api, "extras", **fields)
    after = shared_api.kube.get(DKRON_JOBS, "extras")
    assert after["spec"]["owner"] == "Ann"
    assert {key: after["spec"][key] for key in EXTRAS} == {key: before["spec"][key] for key in EXTRAS}
    assert (after["metadata"]["labels"]["team"], after["metadata"]["annotations"]["note"]) == ("x", "y")
    save(shared_api, "extras", **fields)
    assert shared_api.kube.get(DKRON_JOBS, "extras")["metadata"]["generation"] == after["metadata"]["generation"]


def test_the_mark_of_the_operator_survives_clearing(shared_api: ApiSite) -> None:
    kept = {"lastScheduleTime": "2026-01-02T00:00:00Z", "counted": ["a"], "since": "2026-01-01T00:00:00Z"}
    shared_api.store(dkron_job("cleared"), {**kept, "successCount": 3})
    assert shared_api.rest.delete("/v1/jobs/cleared/executions").status == 200
    status = shared_api.kube.status("cleared")
    assert {key: status[key] for key in kept} == kept
    assert status["successCount"] == 0


@pytest.mark.parametrize("disabled", [False, True])
def test_runoncreate_requests_a_run_unless_the_job_is_disabled(shared_api: ApiSite, *, disabled: bool) -> None:
    name = f"at-once-{disabled}".lower()
    assert shared_api.rest.post("/v1/jobs?runoncreate", body(name, disabled=disabled)).status == 201
    metadata = shared_api.kube.get(DKRON_JOBS, name)["metadata"]
    asked = [key for key in metadata.get("annotations", {}) if key.startswith("run.dkron.io/")]
    assert (len(asked), metadata["generation"]) == (0 if disabled else 1, 1)


# --- others ----------------------------------------------------------------------------------------------------------


def test_older_of_two_namesakes_is_shown_and_written(shared_api: ApiSite) -> None:
    for name, owner in (("twin-old", "old"), ("twin-young", "young")):
        shared_api.kube.create(DKRON_JOBS, dkron_job(name, name="twin", owner=owner), fieldManager="kubectl-create")
    # Creation times have whole seconds; of two of the same second one has to be older all the same.
    first = until(shared_api, "/v1/jobs/twin", lambda answer: answer.status == 200).json()["owner"]
    save(shared_api, "twin", retries=5, owner=first)
    retries = [shared_api.kube.get(DKRON_JOBS, name)["spec"].get("retries") for name in ("twin-old", "twin-young")]
    assert sorted(retries) == [0, 5]
    assert len(shared_api.rest.get("/v1/jobs?q=twin").json()) == 1


def test_children_made_at_once_are_all_listed(shared_api: ApiSite) -> None:
    save(shared_api, "many-parent")
    children = [f"many-kid-{number:02}" for number in range(CLIENTS)]
    answers = at_once(shared_api, [("POST", "/v1/jobs", body(name, parent_job="many-parent")) for name in children])
    assert statuses(answers) == {201: CLIENTS}
    assert sorted(shown(shared_api, "many-parent")["dependent_jobs"]) == children


def test_two_replicas_show_and_overwrite_each_others_writes(own_api: ApiSite, tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    with api_for(own_api.kube, tmp_path / "second") as second:
        for round_ in range(10):
            save(own_api, "turns", retries=2 * round_)
            save(second, "turns", retries=2 * round_ + 1)
        until(own_api, "/v1/jobs/turns", lambda answer: answer.json()["retries"] == 19)
        own_api.kube.create(DKRON_CLUSTERS, installation())
        assert own_api.rest.post("/v1/pause").json() == {"paused": True}
        until(second, "/v1/pause", lambda answer: answer.json()["paused"])
        assert second.rest.post("/v1/jobs", body("refused")).status == 503
        assert second.rest.post("/v1/unpause").json() == {"paused": False}
        until(own_api, "/v1/pause", lambda answer: not answer.json()["paused"])
