"""Writes that meet: of many at once each counts, of those with a condition one wins, and what was written is read; what
manifests, versions and other writers keep stays."""

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

import localcluster
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
