"""Who may use the REST API: tokens of the cluster with its roles, and tokens of ours with policies."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

import localcluster
from dkron_kube.paths import DKRON_POLICIES
from tests.support.api_sites import ApiSite, api_for
from tests.support.kube import Kube
from tests.support.rest import Answer
from tests.support.rights import Rules, account
from tests.support.sites import install, namespace
from tests.support.waiting import wait_for

pytestmark = pytest.mark.cluster(nodes="none")

JOB = {"name": "report", "schedule": "@every 1h", "executor": "shell", "executor_config": {"command": "true"}}
WITH_SECRET = JOB | {"executor_config": {"command": "true", "env": "P=secretRef:db/password"}}
FREE = JOB | {"name": "free"}
READ: Rules = {("dkron.io", "dkronjobs"): ("get", "list", "watch")}
ACCOUNTS: dict[str, Rules] = {
    "nobody": {},
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
        pytest.param(Request("x.y.z", "GET", "/v1/jobs", 401), id="a token of nobody"),
        pytest.param(Request("elsewhere", "GET", "/v1/jobs", 401), id="a token that was made for others"),
        pytest.param(Request("nobody", "GET", "/v1/jobs", 403), id="an account without rights"),
        pytest.param(Request("nobody", "GET", "/v1/jobs/missing", 403), id="who may not know what exists"),
        pytest.param(Request("viewer", "GET", "/v1/jobs", 200), id="a viewer lists"),
        pytest.param(Request("viewer", "GET", "/v1/jobs/report", 200), id="and reads"),
        pytest.param(Request("viewer", "GET", "/v1", 200), id="and sees how it stands"),
        pytest.param(Request("viewer", "POST", "/v1/jobs/report/run", 403), id="and does not run"),
        pytest.param(Request("viewer", "DELETE", "/v1/jobs/report", 403), id="or delete"),
        pytest.param(Request("viewer", "GET", "/metrics", 403), id="metrics are a right of their own"),
        pytest.param(Request("runner", "POST", "/v1/jobs/report/run", 202), id="a runner runs"),
        pytest.param(Request("runner", "POST", "/v1/jobs/report/run?force", 403), id="but not by force"),
        pytest.param(Request("runner", "GET", "/v1/jobs/report", 403), id="and reads nothing"),
        pytest.param(Request("editor", "POST", "/v1/jobs/report/toggle", 403), id="toggle is a right of its own"),
        pytest.param(Request("editor", "POST", "/v1/leave", 403), id="nobody stops the operator"),
        pytest.param(Request("editor", "POST", "/v1/pause", 403), id="or pauses all"),
        pytest.param(Request("nobody", "GET", "/health", 200), id="health is for everybody"),
    ],
)
def test_a_token_of_the_cluster_has_the_rights_of_its_roles(door: Door, request_: Request) -> None:
    answer = door.ask(request_.caller, request_.method, request_.path)
    assert answer.status == request_.status, answer.text
    if request_.status == 403:
        assert f"system:serviceaccount:{door.site.kube.namespace}:{request_.caller} may not " in answer.text


def test_a_job_that_names_a_secret_needs_the_right_to_read_it(door: Door) -> None:
    assert door.ask("editor", "POST", "/v1/jobs", FREE).status == 201
    refused = door.ask("editor", "POST", "/v1/jobs", WITH_SECRET)
    assert (refused.status, 'may not get secrets "db"' in refused.text) == (403, True)
    assert door.ask("trusted", "POST", "/v1/jobs", WITH_SECRET).status == 201


def test_a_name_that_is_not_ours_is_refused_before_anything_else(door: Door) -> None:
    command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Host: dkron.example.com"]
    asked = subprocess.run([*command, f"{door.site.api.url}/v1/jobs"], capture_output=True, text=True, check=True)
    assert asked.stdout == "421"


def token_command(kube: Kube, *arguments: str) -> subprocess.CompletedProcess[str]:
    where = ("--kubeconfig", str(kube.kubeconfig), "--namespace", kube.namespace)
    command = [sys.executable, "-m", "dkron_api", "token", *where, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_the_first_token_is_made_once_and_others_by_policies_end_when_revoked(door: Door, kube: Kube) -> None:
    first = token_command(kube, "bootstrap", "--quiet")
    assert (first.returncode, token_command(kube, "bootstrap").returncode) == (0, 1)
    root = first.stdout.strip()
    wait_for(
        "the first token", lambda: door.ask(root, "GET", "/v1/jobs").status, lambda status: status == 200, seconds=SOON
    )
    rules = '{"path": {"/v1/jobs": {"capabilities": ["list"]}, "/v1/events": {"capabilities": ["read"]}}}'
    assert door.ask(root, "POST", "/v1/acl/policies/readers", {"Name": "readers", "Rules": rules}).status == 202
    assert kube.find(DKRON_POLICIES, "readers") is not None
    made = token_command(kube, "create", "--name", "board", "--policy", "readers")
    accessor, client = (made.stdout.split(f"{field}  ")[1].split()[0] for field in ("accessor", "token   "))
    wait_for(
        "the token", lambda: door.ask(client, "GET", "/v1/jobs").status, lambda status: status == 200, seconds=SOON
    )
    shown = door.site.rest.request("GET", "/v1/jobs", headers={"X-Dkron-Token": client})
    assert (shown.status, door.ask(client, "GET", "/v1/jobs/report").status) == (200, 403)
    assert door.ask(client, "GET", "/v1/acl/policies/readers").status == 403
    listed = token_command(kube, "list").stdout
    assert "board" in listed
    assert client not in listed
    assert token_command(kube, "revoke", accessor).stdout == f"revoked {accessor}\n"
    door.wait(client, "GET", "/v1/jobs", 401)


def test_an_open_stream_ends_with_its_token(door: Door, kube: Kube) -> None:
    made = token_command(kube, "create", "--name", "listener", "--management")
    accessor, client = (made.stdout.split(f"{field}  ")[1].split()[0] for field in ("accessor", "token   "))
    wait_for(
        "the token", lambda: door.ask(client, "GET", "/v1/jobs").status, lambda status: status == 200, seconds=SOON
    )
    command = ["curl", "-sN", "--max-time", "30", "-H", f"Authorization: Bearer {client}"]
    listening = subprocess.Popen([*command, f"{door.site.api.url}/v1/events"], stdout=subprocess.DEVNULL)
    try:
        assert token_command(kube, "revoke", accessor).returncode == 0
        assert listening.wait(timeout=SOON) == 0
    finally:
        listening.kill()
        listening.wait()
