"""The documented Roles beside the audit log of the API server, after an operator and a REST API have done all they do:
no right is missing, and none is unused."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import localcluster
from dkron_crds.names import object_name
from dkron_kube.paths import DKRON_BACKFILLS, DKRON_CLUSTERS, DKRON_JOBS, DKRON_PAUSES, DKRON_POOLS, DKRON_RUNS
from localcluster.cluster import LocalCluster
from tests.support.api_rights import FOR_CALLERS, FOR_TOKENS, LEAST_API
from tests.support.api_sites import ApiSite, api_for
from tests.support.documents import backfill, installation
from tests.support.jobs import dkron_job, dkron_pause, dkron_pool, pod_template, simulated, vanished
from tests.support.kube import SECRETS, Kube, Object, condition, finished
from tests.support.operator_process import OperatorProcess
from tests.support.printed import MARK
from tests.support.receivers import Web, in_background, web_server
from tests.support.rest import Answer
from tests.support.rest_jobs import body
from tests.support.rights import FOR_TAGS, LEAST, Rules, account, for_rest_token, limited_access, permit_nodes
from tests.support.sites import install, namespace
from tests.support.waiting import wait_for

pytestmark = pytest.mark.cluster(nodes="kwok")

Right = tuple[str, str, str, str]
"""API group, resource, the name of the object if the rule has one, verb."""

OPERATOR, API, CALLER = "operator", "api", "caller"
RECEIVER: Rules = {("", "secrets", "receivers"): ("get",)}
IN_THE_NAMESPACE: dict[str, Rules] = {OPERATOR: LEAST | RECEIVER | for_rest_token(API), API: LEAST_API | FOR_TOKENS}
IN_THE_CLUSTER: dict[str, Rules] = {OPERATOR: FOR_TAGS, API: FOR_TAGS | FOR_CALLERS}
ANYTHING: Rules = {("dkron.io", "*"): ("*",), ("", "secrets"): ("get",)}

RUN = {"apiVersion": "dkron.io/v1alpha1", "kind": "DkronRun"}
NOON = "2026-01-01T12:00:00Z"
FAILS: Object = {"jobTemplate": simulated(exit_code=3), "run": ["once"]}
LONG, BRIEF = simulated(run_for="60s"), simulated()
RULES = {"Rules": '{"path": {"/v1/jobs": {"capabilities": ["list"]}}}'}


@dataclass(frozen=True)
class Seen:
    """One account in the audit log: the rights that its requests took, and requests that were refused."""

    used: set[Right] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)


def granted(name: str) -> set[Right]:
    """Each right of an account."""
    rules = IN_THE_NAMESPACE[name] | IN_THE_CLUSTER[name]
    return {(key[0], key[1], "".join(key[2:]), verb) for key, verbs in rules.items() for verb in verbs}


def seen(path: Path, kube: Kube, name: str) -> Seen:
    """Read the audit log. A list or watch by `metadata.name` has the name of the object, as for the authorizer."""
    found, rules = Seen(), IN_THE_NAMESPACE[name] | IN_THE_CLUSTER[name]
    for line in path.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        about = event.get("objectRef")
        if about is None or event["user"]["username"] != f"system:serviceaccount:{kube.namespace}:{name}":
            continue
        resource = "/".join(part for part in (about.get("resource"), about.get("subresource")) if part)
        group, verb = about.get("apiGroup", ""), event["verb"]
        if event.get("annotations", {}).get("authorization.k8s.io/decision") == "forbid":
            found.refused.add(f"{verb} {group}/{resource} {about.get('name', '')}")
        named = (group, resource, about.get("name", ""))
        found.used.add((*(named if verb in rules.get(named, ()) else (group, resource, "")), verb))
    return found


@pytest.fixture(scope="module")
def audit(cluster: localcluster.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The audit log of service accounts; it begins with this file of tests and ends with it."""
    if not isinstance(cluster, LocalCluster):
        pytest.skip("the API server of this cluster cannot be told to write an audit log")
    folder = tmp_path_factory.mktemp("audit")
    policy, path = folder / "policy.json", folder / "audit.log"
    rules = [{"level": "Metadata", "userGroups": ["system:serviceaccounts"]}, {"level": "None"}]
    content = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": rules}
    policy.write_text(json.dumps(content), encoding="utf-8")
    cluster.restart("apiserver", (f"--audit-policy-file={policy}", f"--audit-log-path={path}"))
    yield path
    cluster.restart("apiserver")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """An API and an operator with the documented rights; the operator is not started yet."""

    kube: Kube
    operator: OperatorProcess
    site: ApiSite
    token: str = field(repr=False)
    """Of a caller who may do anything in the namespace."""
    audit: Path
    """The audit log."""

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """Send a request that the caller may send, until the API has read what it needs for that."""
        answer = self._wait(method, path, body, lambda now: b"not ready yet" not in now.body)
        assert answer.status not in {401, 403, 500}, f"{method} {path}: {answer}"
        return answer

    def until(self, method: str, path: str, status: int, *, token: str = "") -> Answer:
        """Ask until the answer has this status: caches follow a moment later."""
        return self._wait(method, path, None, lambda now: now.status == status, token=token)

    def _wait(self, method: str, path: str, body: Any, holds: Callable[[Answer], bool], *, token: str = "") -> Answer:
        shown = {"Authorization": f"Bearer {token or self.token}"}

        def asked() -> Answer:
            return self.site.rest.request(method, path, body, headers=shown)

        return wait_for(f"{method} {path}", asked, holds, seconds=20, guard=self.site.api.check)


def with_rest_alone(scene: Scene) -> None:
    """All that the API does without an operator."""
    kube = scene.kube
    kube.create(DKRON_CLUSTERS, installation())
    scene.until("POST", "/v1/unpause", 200)
    for owner in ("first", "second"):
        assert scene.ask("POST", "/v1/jobs", body("kept", owner=owner)).status == 201
    secret = {"command": "true", "env": "P=secretRef:receivers/url"}
    assert scene.ask("POST", "/v1/jobs", body("spare", executor_config=secret)).status == 201
    kube.create(DKRON_JOBS, dkron_job(object_name("occupied_1"), name="another"))
    assert scene.ask("POST", "/v1/jobs", body("occupied_1")).status == 409
    assert scene.ask("DELETE", "/v1/jobs/spare").status == 200
    keyed = {"Authorization": f"Bearer {scene.token}", "Idempotency-Key": "once"}
    assert scene.site.rest.post("/v1/jobs/kept/run", {"reason": "why"}, headers=keyed).status == 202
    assert scene.ask("POST", "/v1/jobs/kept/toggle").status == 200
    for _ in range(2):
        assert scene.ask("POST", "/v1/acl/policies/readers", RULES).status == 202
    assert scene.ask("DELETE", "/v1/acl/policies/readers").status == 200
    day: Object = {"name": "day", "job": "missing", "from": NOON, "to": "2026-01-02T12:00:00Z"}
    for kind, sent in (("backfills", day), ("pauses", {"name": "day", "jobs": ["missing"]})):
        assert scene.ask("POST", f"/v1/{kind}", sent).status == 201
        assert scene.ask("PATCH", f"/v1/{kind}/day", {"reason": "why"}).status == 200
        assert scene.ask("GET", f"/v1/{kind}").status == 200
    assert scene.ask("GET", "/v1/backfills/day/slots").status == 200
    (requested,) = scene.ask("GET", "/v1/runs").json()
    for method in ("GET", "DELETE"):
        assert scene.ask(method, f"/v1/runs/{requested['name']}").status == 200
    for kind in ("backfills", "pauses"):
        assert scene.ask("DELETE", f"/v1/{kind}/day").status == 200
    first = [sys.executable, "-m", "dkron_api", "token", "--kubeconfig", str(kube.kubeconfig), "--namespace"]
    made = subprocess.run([*first, kube.namespace, "bootstrap", "--quiet"], capture_output=True, text=True, check=True)
    scene.until("GET", "/v1/jobs", 200, token=made.stdout.strip())
    # The operator has to create its own.
    kube.delete(DKRON_CLUSTERS, "dkron")


def with_an_operator(scene: Scene, receiver: Web) -> None:
    """All that the operator does, and what the API does about runs."""
    kube = scene.kube
    kube.create_lease()
    scene.operator.start()
    kube.create(SECRETS, {"metadata": {"name": "receivers"}, "stringData": {"url": f"{receiver.url}/{MARK}"}})
    kube.wait_for("the DkronCluster", lambda: kube.find(DKRON_CLUSTERS, "dkron"), bool)
    source = {"secretKeyRef": {"name": "receivers", "key": "url"}}
    kube.patch(DKRON_CLUSTERS, "dkron", {"spec": {"receivers": {"slack": [{"name": "default", "urlFrom": source}]}}})
    kube.apply(
        dkron_job("told", tags={"dc": "dc1:1"}, jobTemplate=BRIEF, run=["once"]),
        dkron_job(
            "bad",
            parameters=[{"name": "day"}],
            processors={"slack": {}},
            retries=1,
            retryBackoff={"initial": "1s"},
            **FAILS,
        ),
        dkron_job("replaced", schedule="@every 2s", concurrency="replace", jobTemplate=LONG),
        dkron_job("stopped", jobTemplate=LONG, run=["once"]),
        dkron_job("ephemeral", ephemeral=True, jobTemplate=BRIEF, run=["once"]),
        dkron_job("podless", jobTemplate=pod_template(serviceAccountName="missing"), run=["once"]),
        dkron_job("haunted"),
        dkron_job("nightly", schedule="0 0 3 * * *", jobTemplate=BRIEF),
    )
    kube.create(DKRON_BACKFILLS, backfill("night", ttlSecondsAfterFinished=1))
    # Its retry reads the values again.
    asked = {"job": "bad", "parameters": {"day": "monday"}, "ttlSecondsAfterFinished": 1}
    kube.create(DKRON_RUNS, {**RUN, "metadata": {"name": "brief"}, "spec": asked})
    kube.create(DKRON_PAUSES, dkron_pause("missing", jobs=["missing"]))
    kube.create(DKRON_POOLS, dkron_pool("full", 0))
    kube.apply(dkron_job("waits", run=["once"], pools=["full"]))
    kube.write_status("haunted", active=[vanished(kube.get(DKRON_JOBS, "haunted"), NOON)])
    for name, count in (("told", 1), ("bad", 2), ("replaced", 1), ("haunted", 1)):
        kube.wait_status(name, "its runs", finished(count))
    kube.wait_status("podless", "why", lambda status: condition(status, "Degraded").get("reason") == "FailedCreate")
    for kind, name in ((DKRON_PAUSES, "missing"), (DKRON_POOLS, "full")):
        kube.wait_for(
            f"the status of {name}", partial(kube.get, kind, name), lambda found: "message" in found.get("status", {})
        )
    kube.wait_for("it to go", lambda: kube.find(DKRON_JOBS, "ephemeral"), lambda found: found is None)
    kube.wait_for("the backfill to go", lambda: kube.find(DKRON_BACKFILLS, "night"), lambda found: found is None)
    kube.wait_for("the DkronRun to go", lambda: kube.find(DKRON_RUNS, "brief"), lambda found: found is None)
    kube.wait_for("a message about the failure", lambda: receiver.requests, bool)
    ended, active = (each(scene, name)["id"] for each, name in ((newest, "told"), (running, "stopped")))
    kube.wait_status("waits", "its run", lambda status: status.get("active"))
    scene.ask("GET", "/v1/jobs/waits/executions")
    # A simulated node has no log: that it was asked for is what counts.
    scene.ask("GET", f"/v1/jobs/told/executions/{ended}/log")
    assert scene.ask("POST", "/v1/jobs/told/run").status == 202
    assert scene.ask("POST", f"/v1/jobs/stopped/executions/{active}/stop").status == 202
    kube.wait_status("stopped", "its end", finished(1))
    kube.wait_status("told", "another run", finished(2))
    assert scene.ask("DELETE", "/v1/jobs/told/executions").status == 200
    assert scene.ask("POST", "/v1/pause").status == 200
    assert scene.ask("GET", "/v1/members").status == 200
    assert scene.ask("POST", "/v1/leave?force").status == 200


def newest(scene: Scene, name: str) -> Object:
    execution: Object = scene.kube.status(name)["executions"][0]
    return execution


def running(scene: Scene, name: str) -> Object:
    active: Object = scene.kube.wait_status(name, "to run", lambda status: status.get("active"))["active"][0]
    return active


@pytest.fixture(scope="module")
def scene(cluster: localcluster.Cluster, audit: Path, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """All has been done, and both programs have stopped."""
    install(cluster)
    folder = tmp_path_factory.mktemp("rights")
    with ExitStack() as stack:
        kube = stack.enter_context(namespace(cluster.kubeconfig, "audited"))
        access = {}
        for name, rules in IN_THE_NAMESPACE.items():
            access[name] = limited_access(kube, rules, folder=folder, name=name)
            permit_nodes(kube, IN_THE_CLUSTER[name], account_name=name)
        account(kube, CALLER, ANYTHING)
        web = stack.enter_context(in_background(web_server()))
        api = stack.enter_context(api_for(kube, folder, "--auth", "kubernetes,dkron", kubeconfig=access[API]))
        where = ("--kubeconfig", str(access[OPERATOR]), "--namespace", kube.namespace)
        token = ("--rest-account", API, "--rest-token-file", str(folder / "token"))
        operator = OperatorProcess(folder / "operator.log", *where, *token)
        kube.guard, kube.appendix = operator.check, operator.tail
        found = Scene(kube=kube, operator=operator, site=api, token=kube.token_of(CALLER), audit=audit)
        try:
            with_rest_alone(found)
            with_an_operator(found, web)
            operator.stop()
        finally:
            if operator.running:
                operator.kill()
    return found


@pytest.mark.parametrize("name", [OPERATOR, API])
def test_documented_rights_are_complete_and_all_used(scene: Scene, name: str) -> None:
    found = seen(scene.audit, scene.kube, name)
    assert found.refused == set()
    assert granted(name) - found.used == set()
