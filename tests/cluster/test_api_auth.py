"""Who may use the REST API: tokens of the cluster or an issuer with roles, and tokens of ours with policies."""

import http.client
import json
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

import localcluster
from dkron_crds.job import Trigger
from dkron_crds.names import API_VERSION
from dkron_crds.requests import group_of
from dkron_kube.paths import DKRON_POLICIES, DKRON_RUNS
from dkron_operator.plan.situation.cause import Cause
from tests.support.api_process import ApiProcess
from tests.support.api_sites import ApiSite, api_for
from tests.support.builders import NOON, execution
from tests.support.command_line import CommandLine
from tests.support.issuer import Issuer, signed
from tests.support.jobs import dkron_job
from tests.support.kube import Kube
from tests.support.rest import REQUEST_SECONDS, Answer
from tests.support.rights import ROLE_BINDINGS, ROLES, Rules, account
from tests.support.sites import install, namespace
from tests.support.waiting import wait_for

pytestmark = pytest.mark.cluster(nodes="none")

JOB = {"name": "report", "schedule": "@every 1h", "executor": "shell", "executor_config": {"command": "true"}}
WITH_SECRET = JOB | {"executor_config": {"command": "true", "env": "P=secretRef:db/password"}}
FREE = JOB | {"name": "free"}
READ: Rules = {("dkron.io", "dkronjobs"): ("get", "list", "watch")}
ACCOUNTS: dict[str, Rules] = {
    "guest": {},
    "viewer": READ,
    "runner": {("dkron.io", "dkronjobs/run"): ("create",), ("dkron.io", "dkronjobs/stop"): ("create",)},
    "editor": {("dkron.io", "dkronjobs"): ("get", "list", "watch", "create", "update", "delete")},
    "trusted": {("dkron.io", "dkronjobs"): ("create", "update"), ("", "secrets"): ("get",)},
}
SOON = 20.0


@dataclass(frozen=True, slots=True)
class Door:
    """An API that asks for tokens, and tokens of each account."""

    site: ApiSite
    tokens: dict[str, str]

    def ask(self, caller: str, method: str, path: str, body: object = None) -> Answer:
        shown = {"Authorization": f"Bearer {self.tokens.get(caller, caller)}"}
        return self.site.rest.request(method, path, body, headers=shown)  # type: ignore[arg-type]

    def wait(self, caller: str, method: str, path: str, status: int, body: object = None) -> None:  # noqa: PLR0917
        """Ask until this is the answer's status."""
        what = f"{method} {path} to be answered with {status}"
        wait_for(what, lambda: self.ask(caller, method, path, body).status, lambda now: now == status, seconds=SOON)


@pytest.fixture(scope="module")
def kube(cluster: localcluster.Cluster) -> Iterator[Kube]:
    install(cluster)
    with namespace(cluster.kubeconfig, "auth") as own:
        for name, rules in ACCOUNTS.items():
            account(own, name, rules)
        yield own


@pytest.fixture(scope="module")
def door(cluster: localcluster.Cluster, kube: Kube, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    def token(name: str, *options: str) -> str:
        return cluster.kubectl("-n", kube.namespace, "create", "token", name, *options).strip()

    tokens = {name: token(name, "--audience", "dkron") for name in ACCOUNTS} | {"elsewhere": token("editor")}
    options = ("--auth", "kubernetes,dkron", "--audiences", "dkron")
    with api_for(kube, tmp_path_factory.mktemp("auth"), *options) as site:
        own = Door(site, tokens)
        wait_for(
            "the API to know",
            lambda: own.ask("trusted", "POST", "/v1/jobs", JOB),
            lambda a: a.status == 201,
            seconds=30,
        )
        yield own
        said = site.api.log.read_text(encoding="utf-8")
        assert [name for name, secret in tokens.items() if secret in said] == [], "tokens in the log"


@dataclass(frozen=True, slots=True)
class Request:
    """A request, who sends it, and the status of its answer."""

    caller: str
    method: str
    path: str
    status: int


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(Request("", "GET", "/v1/jobs", 401), id="no token"),
        pytest.param(Request("x.y.z", "GET", "/v1/jobs", 401), id="an unknown token"),
        pytest.param(Request("elsewhere", "GET", "/v1/jobs", 401), id="a token that was made for others"),
        pytest.param(Request("guest", "GET", "/v1/jobs", 403), id="an account without rights"),
        pytest.param(Request("guest", "GET", "/v1/jobs/missing", 403), id="who may not know what exists"),
        pytest.param(Request("viewer", "GET", "/v1/jobs", 200), id="a viewer lists"),
        pytest.param(Request("viewer", "GET", "/v1/jobs/report", 200), id="and reads"),
        pytest.param(Request("viewer", "GET", "/v1", 200), id="and sees how it stands"),
        pytest.param(Request("viewer", "GET", "/v1/stats", 200), id="and the sums of its namespace"),
        pytest.param(Request("viewer", "POST", "/v1/jobs/report/run", 403), id="and does not run"),
        pytest.param(Request("viewer", "DELETE", "/v1/jobs/report", 403), id="or delete"),
        pytest.param(Request("viewer", "GET", "/metrics", 403), id="metrics are a right of their own"),
        pytest.param(Request("runner", "POST", "/v1/jobs/report/run", 202), id="a runner runs"),
        pytest.param(Request("runner", "POST", "/v1/jobs/report/run?force", 403), id="but not by force"),
        pytest.param(Request("runner", "GET", "/v1/jobs/report", 403), id="and reads nothing"),
        pytest.param(Request("editor", "POST", "/v1/jobs/report/toggle", 403), id="toggle is a right of its own"),
        pytest.param(Request("editor", "POST", "/v1/leave", 403), id="no caller stops the operator"),
        pytest.param(Request("editor", "POST", "/v1/pause", 403), id="or pauses all"),
        pytest.param(Request("guest", "GET", "/health", 200), id="health is for everybody"),
    ],
)
def test_cluster_token_has_the_rights_of_its_roles(door: Door, request_: Request) -> None:
    answer = door.ask(request_.caller, request_.method, request_.path)
    assert answer.status == request_.status, answer.text
    if request_.status == 403:
        assert f"system:serviceaccount:{door.site.kube.namespace}:{request_.caller} may not " in answer.text
    if request_.status == 401 and request_.caller:
        assert answer.text == "the token is not valid, has expired, or is not for the audience dkron"


def test_job_naming_a_secret_needs_the_right_to_read_it(door: Door) -> None:
    assert door.ask("editor", "POST", "/v1/jobs", FREE).status == 201
    refused = door.ask("editor", "POST", "/v1/jobs", WITH_SECRET)
    assert (refused.status, 'may not get secrets "db"' in refused.text) == (403, True)
    assert door.ask("trusted", "POST", "/v1/jobs", WITH_SECRET).status == 201


def test_run_is_repeated_without_the_right_to_read_its_values(door: Door, kube: Kube) -> None:
    body = {"apiVersion": API_VERSION, "kind": "DkronRun", "metadata": {"name": "before"}}
    run = kube.create(DKRON_RUNS, body | {"spec": {"job": "given", "parameters": {"day": "7"}}})
    created = run["metadata"]["creationTimestamp"]
    cause = Cause(Trigger.MANUAL, NOON, group_of(run["metadata"]["uid"], datetime.fromisoformat(created)))
    ended = execution(cause.entry(uid="u", name="given", at=NOON), success=False)
    kube.apply(dkron_job("given", parameters=[{"name": "day"}]))
    kube.write_status("given", executions=[ended.to_wire()])
    path, again = "/v1/jobs/given/run", {"repeat": ended.id}
    assert door.ask("viewer", "POST", path, again).status == 403
    door.wait("runner", "POST", path, 202, again)
    (made,) = [each for each in kube.all(DKRON_RUNS) if each["metadata"]["name"] != "before"]
    assert (made["spec"]["parameters"], made["spec"]["scheduledTime"]) == ({"day": "7"}, "2026-03-01T12:00:00Z")


def test_foreign_host_name_is_refused_before_anything_else(door: Door) -> None:
    command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Host: dkron.example.com"]
    asked = subprocess.run([*command, f"{door.site.api.url}/v1/jobs"], capture_output=True, text=True, check=True)
    assert asked.stdout == "421"


def token_command(kube: Kube, *arguments: str, code: int = 0) -> str:
    where = ("--kubeconfig", str(kube.kubeconfig), "--namespace", kube.namespace)
    return CommandLine({}, module="dkron_api")("token", *where, *arguments, code=code).output


def test_bootstrap_token_is_unique_and_policy_tokens_are_revoked(door: Door, kube: Kube) -> None:
    root = token_command(kube, "bootstrap", "--quiet").strip()
    token_command(kube, "bootstrap", code=1)
    door.wait(root, "GET", "/v1/jobs", 200)
    granted = {"/v1/jobs": ["list"], "/v1/events": ["read"], "/metrics": ["read"]}
    rules = json.dumps({"path": {path: {"capabilities": each} for path, each in granted.items()}})
    assert door.ask(root, "POST", "/v1/acl/policies/readers", {"Name": "readers", "Rules": rules}).status == 202
    assert kube.find(DKRON_POLICIES, "readers") is not None
    made = token_command(kube, "create", "--name", "board", "--policy", "readers")
    accessor, client = (made.split(f"{field}  ")[1].split()[0] for field in ("accessor", "token   "))
    door.wait(client, "GET", "/v1/jobs", 200)
    shown = door.site.rest.request("GET", "/v1/jobs", headers={"X-Dkron-Token": client})
    assert (shown.status, door.ask(client, "GET", "/v1/jobs/report").status) == (200, 403)
    assert door.ask(client, "GET", "/metrics").status == 200, "as Prometheus does"
    assert door.ask(client, "GET", "/v1/acl/policies/readers").status == 403
    listed = token_command(kube, "list")
    assert "board" in listed
    assert client not in listed
    assert token_command(kube, "revoke", accessor) == f"revoked {accessor}\n"
    door.wait(client, "GET", "/v1/jobs", 401)


def test_an_open_stream_ends_with_its_token(door: Door, kube: Kube) -> None:
    made = token_command(kube, "create", "--name", "listener", "--management")
    accessor, client = (made.split(f"{field}  ")[1].split()[0] for field in ("accessor", "token   "))
    door.wait(client, "GET", "/v1/jobs", 200)
    command = ["curl", "-sN", "--max-time", "30", "-H", f"Authorization: Bearer {client}"]
    listening = subprocess.Popen([*command, f"{door.site.api.url}/v1/events"], stdout=subprocess.DEVNULL)
    try:
        token_command(kube, "revoke", accessor)
        assert listening.wait(timeout=SOON) == 0
    finally:
        listening.kill()
        listening.wait()


def test_oidc_user_has_the_rights_of_its_role_over_https(kube: Kube, tmp_path: Path) -> None:
    issuer, authority = Issuer(url="https://issuer.example"), trustme.CA()
    leaf, tls = authority.issue_cert("127.0.0.1"), ssl.create_default_context()
    authority.configure_trust(tls)
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": issuer.keys}))
    leaf.cert_chain_pems[0].write_to_path(tmp_path / "tls.crt")
    leaf.private_key_pem.write_to_path(tmp_path / "tls.key")
    role = {"apiGroup": ROLES.group, "kind": "Role", "name": "viewer"}
    user = {"apiGroup": ROLES.group, "kind": "User", "name": f"{issuer.url}#ann"}
    kube.create(ROLE_BINDINGS, {"metadata": {"name": "ann"}, "subjects": [user], "roleRef": role})
    options = ("--auth=OIDC,kubernetes", f"--oidc-issuer={issuer.url}", "--oidc-audience=dkron", "--root-path=/x")
    files = {"--oidc-jwks": "jwks.json", "--tls-cert": "tls.crt", "--tls-key": "tls.key"}
    named = (f"{option}={tmp_path / name}" for option, name in files.items())
    api = ApiProcess(tmp_path / "api.log", *options, *named, kubeconfig=kube.kubeconfig, namespace=kube.namespace)
    api.start()
    port = urlsplit(str(api.wait_for_line("listening on https://")["url"])).port

    def ask(path: str, claims: dict[str, object], method: str = "GET") -> int:
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=tls, timeout=REQUEST_SECONDS)
        token = signed(issuer.claims(time.time()) | claims)
        try:
            connection.request(method, f"/x{path}", headers={"Authorization": f"Bearer {token}"})
            return connection.getresponse().status
        finally:
            connection.close()

    try:
        assert ask("/v1/jobs", {}) == 200
        assert ask("/v1/jobs/report/run", {}, "POST") == 403
        assert ask("/v1/jobs", {"sub": "bob"}) == 403
        assert ask("/v1/jobs", {"aud": "other"}) == 401
        assert ask("/v1/jobs", {"iss": "https://other"}) == 401
        assert (ask("/livez", {}), ask("/health", {})) == (200, 200)
        api.stop()
    finally:
        if api.running:
            api.kill()
