"""The API server is away, or does not let the API do something: it serves what it can, says what it cannot, and goes on
by itself when that is over."""

import contextlib
import itertools
import json
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import localcluster
from dkron_crds.names import object_name
from dkron_crds.revision import REVISION
from dkron_kube.paths import DKRON_CLUSTERS, DKRON_JOBS, JOBS, PODS
from localcluster.cluster import LocalCluster
from localcluster.record import find
from tests.support.api_process import ApiProcess
from tests.support.api_rights import FOLLOWED, LEAST_API, limited_api
from tests.support.api_sites import ApiSite, api_for
from tests.support.builders import of_job
from tests.support.documents import installation
from tests.support.hostile import assert_civil
from tests.support.ice import ice
from tests.support.jobs import dkron_job
from tests.support.kube import NAMESPACES, SERVICE_ACCOUNTS, Kube
from tests.support.rest import Answer
from tests.support.rest_jobs import body, save, until
from tests.support.rights import change_rights, limited_access, without
from tests.support.sites import apply_older, install, namespace, uninstall
from tests.support.waiting import wait_for

pytestmark = pytest.mark.cluster(nodes="none")

POLICY = {"Rules": '{"path":{}}'}
READS = ("/v1", "/v1/jobs", "/v1/jobs/known", "/v1/jobs/known/executions", "/v1/jobs/known/next", "/v1/busy")
MORE_READS = (*READS, "/v1/members", "/v1/stats", "/v1/pause", "/v1/acl/policies/known", "/metrics", "/debug/vars")
FORM = "multipart/form-data; boundary=b"


def backup(*names: str) -> bytes:
    """A form with a backup of these jobs."""
    jobs = json.dumps([body(name) for name in names]).encode()
    return b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n' + jobs + b"\r\n--b--\r\n"


WRITES: tuple[tuple[str, str, Any], ...] = (
    ("POST", "/v1/jobs", body("refused")),
    ("POST", "/v1/jobs", body("known", owner="changed")),
    ("PATCH", "/v1/jobs", body("refused")),
    ("PUT", "/v1/jobs/known", body("known", owner="changed")),
    ("DELETE", "/v1/jobs/known", None),
    ("POST", "/v1/jobs/known/toggle", None),
    ("POST", "/v1/jobs/known", None),
    ("POST", "/v1/jobs/known/run?wait=true", None),
    ("DELETE", "/v1/jobs/known/executions", None),
    ("POST", "/v1/pause", None),
    ("POST", "/v1/unpause", None),
    ("POST", "/v1/leave?force", None),
    ("POST", "/v1/acl/policies/known", POLICY),
    ("POST", "/v1/acl/policies/refused", POLICY),
    ("DELETE", "/v1/acl/policies/known", None),
)


@contextlib.contextmanager
def away(cluster: localcluster.Cluster) -> Iterator[None]:
    """Within this the API server is away; it was killed in the middle of what it did."""
    if not isinstance(cluster, LocalCluster):
        pytest.skip("the API server of this cluster cannot be stopped")
    record = find(cluster.name)
    assert record is not None
    server = record.component("apiserver")
    assert server is not None
    os.kill(server.identity.pid, signal.SIGKILL)
    try:
        yield
    finally:
        cluster.restart("apiserver")


def dkron_names(kube: Kube) -> set[str]:
    """The names of the stored jobs."""
    return {each["spec"].get("name") or each["metadata"]["name"] for each in kube.all(DKRON_JOBS)}


def refused(answer: Answer, status: int, *words: str) -> Answer:
    """That it was refused so, with these words in the sentence."""
    assert answer.status == status, answer
    assert_civil(answer)
    assert [word for word in words if word not in answer.text] == [], answer
    return answer


@pytest.fixture
def bare(cluster: localcluster.Cluster) -> Iterator[localcluster.Cluster]:
    """A cluster whose DkronJobs can be taken away: they are installed again in the end."""
    if os.environ.get("CLUSTER") == "current":
        pytest.skip("would remove the DkronJobs of a cluster that is not ours")
    yield cluster
    install(cluster)


KINDS = ("dkronjobs.dkron.io", "dkronclusters.dkron.io", "dkronpolicies.dkron.io")


def test_missing_crds_are_reported_until_they_are_installed(
    bare: localcluster.Cluster, kube: Kube, tmp_path: Path
) -> None:
    uninstall(bare, *KINDS)
    api = ApiProcess(tmp_path / "api.log", kubeconfig=kube.kubeconfig, namespace=kube.namespace).start(wait=False)
    try:
        site = ApiSite(kube, api, api.rest)
        told = until(site, "/v1/jobs", lambda answer: "crds/" in answer.text)
        refused(told, 503, "dkronjobs", "kubectl apply -f crds/")
        refused(until(site, "/v1/pause", lambda answer: "crds/" in answer.text), 503, "dkronclusters")
        for method, path, sent in WRITES:
            if path != "/v1/leave?force":
                answer = site.rest.request(method, path, sent)
                refused(answer, 503 if answer.header("Retry-After") else 404)
        install(bare)
        until(site, "/v1/jobs", lambda answer: answer.status == 200, seconds=60)
        site.wait_all_read()
        save(site, "new")
        api.stop()
        api.assert_clean()
    finally:
        if api.running:
            api.kill()


def test_kinds_that_are_older_than_the_api_end_it(bare: localcluster.Cluster, kube: Kube, tmp_path: Path) -> None:
    apply_older(bare, tmp_path / "crds")
    access = limited_access(kube, LEAST_API, folder=tmp_path)
    api = ApiProcess(tmp_path / "api.log", kubeconfig=access, namespace=kube.namespace).start(wait=False)
    line = api.wait_for_line("are older than this program", seconds=60, may_end=True)
    assert line["level"] == "ERROR"
    assert f"DkronJob has revision {REVISION - 1}" in line["msg"]
    assert (api.wait(), "Traceback" in api.text()) == (1, False), api.tail()


def test_missing_namespace_is_empty_and_takes_no_job(kube: Kube, tmp_path: Path) -> None:
    nowhere = Kube(kube.kubeconfig, f"{kube.namespace}-x")
    with contextlib.closing(nowhere), api_for(nowhere, tmp_path) as site:
        assert site.rest.get("/v1/jobs").body == b"[]"
        refused(site.rest.post("/v1/jobs", body("none")), 404, nowhere.namespace)
        refused(site.rest.post("/v1/acl/policies/none", POLICY), 404, nowhere.namespace)
        refused(site.rest.post("/v1/pause"), 404, nowhere.namespace)
        nowhere.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": nowhere.namespace}})
        save(site, "first")
        site.api.assert_clean()


def test_terminating_namespace_takes_no_job(kube: Kube, tmp_path: Path) -> None:
    with api_for(kube, tmp_path) as site:
        save(site, "last")
        kube.delete(NAMESPACES, kube.namespace)
        until(site, "/v1/jobs/last", lambda answer: answer.status == 404, seconds=60)
        answer = site.rest.post("/v1/jobs", body("late"))
        assert answer.status in {403, 404}, answer
        refused(answer, answer.status, kube.namespace)
        site.api.assert_clean()


FOLLOWED_KINDS = ("dkronjobs", "dkronclusters", "dkronpolicies", "leases")
EXECUTION = "1767355445000000000-ran-1"
NOON = "2026-01-02T12:00:00Z"


@pytest.fixture(scope="module")
def least(cluster: localcluster.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiSite]:
    """An API with the least rights, a job, and another one with an execution."""
    install(cluster)
    with (
        namespace(cluster.kubeconfig, "least rights") as kube,
        limited_api(kube, LEAST_API, tmp_path_factory.mktemp("least")) as site,
    ):
        site.wait_all_read()
        kube.create(DKRON_CLUSTERS, installation())
        site.store(dkron_job("known"))
        entry = {"id": EXECUTION, "job": "ran-1", "slot": NOON, "trigger": "manual", "group": 1, "attempt": 1}
        ended = {"startedAt": NOON, "finishedAt": NOON, "state": "Succeeded"}
        site.store(dkron_job("ran"), {"executions": [entry | ended]})
        yield site


def _leave_a_pod(kube: Kube) -> None:
    """Of the execution; on a node that is not there, so that it is collected after a while."""
    if kube.find(PODS, "ran-1-x") is not None:
        return
    spec = {"nodeName": "nowhere", "containers": [{"name": "job", "image": "none"}]}
    template = {"spec": {**spec, "restartPolicy": "Never"}}
    job = kube.find(JOBS, "ran-1") or kube.create(
        JOBS, {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "ran-1"},
               "spec": {"managedBy": "example.com/none", "template": template}},
    )  # fmt: skip
    pod = of_job({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "ran-1-x"}, "spec": spec},
                 "ran-1", uid=job["metadata"]["uid"])  # fmt: skip
    kube.create(PODS, pod)
    ended = {"terminated": {"exitCode": 0, "finishedAt": NOON, "startedAt": NOON}}
    status = {"name": "job", "image": "none", "imageID": "none", "ready": False, "restartCount": 0, "state": ended}
    kube.patch(PODS, "ran-1-x", {"status": {"containerStatuses": [status]}}, subresource="status")


def occupant(name: str) -> Any:
    """An object where REST would store the job of this name, which holds another."""
    return dkron_job(object_name(name), name=f"other-than-{name.replace('_', '-')}")


NEEDS: tuple[tuple[str, str, str, str, Any, set[int]], ...] = (
    ("dkronjobs", "create", "POST", "/v1/jobs", body("new-NUMBER"), {201}),
    ("dkronjobs", "patch", "POST", "/v1/jobs/known/toggle", None, {200}),
    ("dkronjobs", "get", "POST", "/v1/jobs", body("occupied_NUMBER"), {409}),
    ("dkronjobs", "delete", "DELETE", "/v1/jobs/spare-NUMBER", None, {200}),
    ("dkronjobs/status", "patch", "DELETE", "/v1/jobs/known/executions", None, {200}),
    ("dkronruns", "create", "POST", "/v1/jobs/ran/run", {"reason": "NUMBER"}, {202}),
    ("dkronruns", "list", "GET", "/v1/runs", None, {200}),
    ("dkronclusters", "patch", "POST", "/v1/unpause", None, {200}),
    ("pods/log", "get", "GET", f"/v1/jobs/ran/executions/{EXECUTION}/log", None, {404}),
)
"""The right, the request that takes it, and how that is answered with it. The node of the pod is missing: no log."""


@pytest.mark.parametrize(
    ("resource", "verb", "method", "path", "sent", "statuses"),
    [pytest.param(*need, id=f"{need[1]} {need[0]} for {need[2]} {need[3]:.28}") for need in NEEDS],
)
def test_missing_right_is_named_in_the_answer(
    least: ApiSite, *, resource: str, verb: str, method: str, path: str, sent: Any, statuses: set[int]
) -> None:
    kube, rest, numbers = least.kube, least.rest, itertools.count()

    def once() -> Answer:
        number = f"{verb}-{next(numbers)}"
        _prepare(least, path, sent, number)
        return rest.request(
            method, path.replace("NUMBER", number), json.loads(json.dumps(sent).replace("NUMBER", number))
        )

    change_rights(kube, without(LEAST_API, resource, verb))
    answer = kube.wait_for("the right to be gone", once, lambda answer: answer.status == 403)
    refused(answer, 403, f'cannot {verb} resource "{resource}"', kube.namespace)
    assert [rest.get(path).status for path in ("/v1/jobs", "/v1/members")] == [200, 200]
    change_rights(kube, LEAST_API)
    kube.wait_for("the right to be back", once, lambda answer: answer.status in statuses)


def _prepare(site: ApiSite, path: str, sent: Any, number: str) -> None:
    """Write the objects that a request needs, with the rights of an administrator."""
    kube = site.kube
    if path.endswith("/log"):
        _leave_a_pod(kube)
    elif "spare" in path:
        site.store(dkron_job(f"spare-{number}"))
    elif sent is not None and str(sent.get("name")).startswith("occupied"):
        kube.create(DKRON_JOBS, occupant(f"occupied_{number}"), fieldManager="kubectl-create")


@pytest.mark.parametrize("verb", FOLLOWED)
def test_a_kind_that_cannot_be_followed_is_named(kube: Kube, tmp_path: Path, verb: str) -> None:
    kube.apply(dkron_job("there"))
    rules = {key: tuple(each for each in verbs if each != verb) for key, verbs in LEAST_API.items()}
    with limited_api(kube, rules, tmp_path) as site:
        for kind in FOLLOWED_KINDS:
            site.api.wait_for_line(f'cannot {verb} resource "{kind}"')
        if verb == "list":
            refused(site.rest.get("/v1/jobs"), 503, 'cannot list resource "dkronjobs"')
            refused(site.rest.get("/v1/pause"), 503, 'cannot list resource "dkronclusters"')
            refused(site.rest.get("/v1/leader"), 503, 'cannot list resource "leases"')
            refused(site.rest.get("/v1/acl/policies/any"), 503, 'cannot list resource "dkronpolicies"')
        else:
            until(site, "/v1/jobs/there", lambda answer: answer.status == 200)
        change_rights(kube, LEAST_API)
        kube.apply(dkron_job("later"))
        until(site, "/v1/jobs/later", lambda answer: answer.status == 200, seconds=60)
        site.wait_all_read()


def test_an_account_that_is_gone_leaves_the_reads(kube: Kube, tmp_path: Path) -> None:
    with limited_api(kube, LEAST_API, tmp_path) as site:
        site.wait_all_read()
        save(site, "there")
        kube.delete(SERVICE_ACCOUNTS, "limited")
        gone = kube.wait_for(
            "writes to be refused", lambda: site.rest.post("/v1/jobs", body("new")), lambda answer: answer.status != 201
        )
        assert refused(gone, 503, "Unauthorized").header("Retry-After")
        assert site.rest.get("/v1/jobs/there").status == 200


def test_api_server_outage_allows_reads_and_refuses_writes(own_api: ApiSite, cluster: localcluster.Cluster) -> None:
    rest, kube = own_api.rest, own_api.kube
    save(own_api, "known", owner="Ann")
    assert rest.post("/v1/acl/policies/known", POLICY).status == 202
    own_api.wait_known(kube.get(DKRON_JOBS, "known"))
    before = {path: rest.get(path) for path in MORE_READS}
    with away(cluster):
        for method, path, sent in WRITES:
            answer = refused(rest.request(method, path, sent), 503, "API server")
            assert int(answer.header("Retry-After") or 0) >= 1, answer
        reports = rest.post("/v1/restore", backup("refused", "known"), headers={"Content-Type": FORM})
        assert reports.status == 200, reports
        assert [line.partition(":")[0] for line in reports.json()] == ["fail create refused", "fail create known"]
        reads = {path: rest.get(path) for path in MORE_READS}
        assert {path: answer.status for path, answer in reads.items()} == dict.fromkeys(MORE_READS, 200)
        assert reads["/v1/jobs"].body == before["/v1/jobs"].body, "nothing is shown that was not stored"
        assert rest.get("/health").json()["status"] == "healthy"
    kube.wait_for("the API server to answer", lambda: dkron_names(kube), lambda names: names == {"known"})
    kube.apply(dkron_job("meanwhile"))
    until(own_api, "/v1/jobs/meanwhile", lambda answer: answer.status == 200)
    kube.delete(DKRON_JOBS, "meanwhile")
    until(own_api, "/v1/jobs/meanwhile", lambda answer: answer.status == 404)
    assert [rest.get(f"/v1/jobs/{name}").status for name in ("known", "refused")] == [200, 404]
    assert rest.get("/v1/jobs/known").json()["owner"] == "Ann"
    save(own_api, "known", owner="Bob")


def test_reads_continue_while_the_api_server_hangs(cluster: localcluster.Cluster, own_api: ApiSite) -> None:
    save(own_api, "known", owner="Ann")
    with ThreadPoolExecutor(1) as pool:
        with ice(cluster):
            write = pool.submit(own_api.rest.put, "/v1/jobs/known", body("known", owner="Bob"))
            reads = [own_api.rest.get(path) for path in READS]
        assert {answer.status for answer in reads} == {200}, [str(answer) for answer in reads]
        assert write.result().status == 201, write.result()
    assert own_api.rest.get("/v1/jobs/known").json()["owner"] == "Bob"


def test_job_answered_with_201_survives_an_api_server_kill(own_api: ApiSite, cluster: localcluster.Cluster) -> None:
    kube, rest, numbers, over = own_api.kube, own_api.rest, itertools.count(), threading.Event()

    def write_on() -> list[tuple[str, Answer]]:
        answers = []
        while not over.is_set():
            name = f"stormy_{next(numbers)}"
            answers.append((name, rest.post("/v1/jobs", body(name, owner=name, retries=3))))
        return answers

    with ThreadPoolExecutor(4) as pool:
        try:
            writers = [pool.submit(write_on) for _ in range(4)]
            wait_for("the storm", lambda: len(dkron_names(kube)), lambda count: count > 50, seconds=30)
            with away(cluster):
                begun = next(numbers)
                wait_for("more", lambda: next(numbers), lambda number: number > begun + 50, seconds=30)
            save(own_api, "after")
        finally:
            over.set()
        answers = [answer for writer in writers for answer in writer.result()]
    assert {answer.status for _, answer in answers} == {201, 503}
    taken = {name for name, answer in answers if answer.status == 201}
    unknown = {name for name, answer in answers if answer.status == 503}
    there = dkron_names(kube)
    assert taken | {"after"} <= there
    assert there <= taken | {"after"} | unknown, "a write without an answer may have been carried out"
    shown = until(own_api, "/v1/jobs", lambda answer: answer.header("X-Total-Count") == str(len(there))).json()
    assert {job["name"] for job in shown} == there
    assert {(job["owner"], job["retries"]) for job in shown} - {("", 0)} == {(name, 3) for name in there - {"after"}}


def test_api_started_during_an_outage_becomes_ready(cluster: localcluster.Cluster, kube: Kube, tmp_path: Path) -> None:
    kube.apply(dkron_job("there"))
    api = ApiProcess(tmp_path / "api.log", kubeconfig=kube.kubeconfig, namespace=kube.namespace)
    try:
        with away(cluster):
            api.start(wait=False)
            rest = api.rest
            wait_for("the reason", lambda: rest.get("/v1/jobs"), lambda seen: "API server" in seen.text, seconds=20)
            for path in ("/v1", "/v1/jobs", "/v1/jobs/there", "/v1/busy", "/v1/stats", "/v1/pause", "/v1/leader"):
                assert refused(rest.get(path), 503).header("Retry-After")
            for method, path, sent in WRITES:
                assert refused(rest.request(method, path, sent), 503).header("Retry-After")
            health = rest.get("/health")
            assert (health.status, health.json()["status"]) == (503, "unhealthy")
        site = ApiSite(kube, api, rest)
        until(site, "/v1/jobs/there", lambda answer: answer.status == 200, seconds=60)
        until(site, "/health", lambda answer: answer.status == 200)
        site.wait_all_read()
        save(site, "new")
        api.stop()
        api.assert_clean()
    finally:
        if api.running:
            api.kill()
