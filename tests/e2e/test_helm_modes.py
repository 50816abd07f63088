"""A release with the chart's defaults: who may use its REST API, and which account each container has. Then the API
moves from beside the operator to pods of its own and back: callers do not notice."""

import json
import re
from collections.abc import Iterator

import pytest

import localcluster
from dkron_kube.paths import LEASES, PODS, SECRETS
from tests.support import pods
from tests.support.charts import HELMS
from tests.support.helm import ASK, WAIT, Release, named_namespace, remove_definitions, values_of
from tests.support.jobs import dkron_job, pod_template
from tests.support.kube import SERVICE_ACCOUNTS, Kube, Object, condition
from tests.support.own_image import OwnImage
from tests.support.rights import bind

pytestmark = [pytest.mark.cluster(nodes="real"), pytest.mark.timeout(600)]

SECONDS = 120
ANSWER = re.compile(r"(?P<method>GET|POST) (?P<status>20[01]) by (?P<whom>\S+)")

ASK_ALL_THE_TIME = (
    ASK
    + """
shell = {"command": "true"}
job = {"name": "asked", "schedule": "@manually", "executor": "shell", "executor_config": shell}

for number in itertools.count():
    method, body = ("POST", job) if number % 5 == 0 else ("GET", None)
    try:
        status, whom, text = ask(method, "/v1/jobs", body)
        print(method, status, "by", whom, "" if status < 300 else text, flush=True)
    except Exception as exc:
        print(method, "no answer:", repr(exc), flush=True)
    time.sleep(0.2)
"""
)
"""Lists the jobs five times a second, and writes one each second."""
ASK_AS_A_RUNNER = (
    ASK
    + """
run = "/jobs/asked/run?wait=true"
print(json.dumps({
    "runs": ask("POST", "/v1" + run)[0],
    "lists": ask("GET", "/v1/jobs")[0],
    "runs elsewhere": ask("POST", "/ns/elsewhere/v1" + run)[0],
    "without a token": ask("GET", "/v1/jobs", token="")[0],
    "with a token for the API server": ask("POST", "/v1" + run, token=os.environ["PLAIN"])[0],
}))
"""
)
TOKENS = {"operator": "/var/run/secrets/kubernetes.io/serviceaccount/token", "api": "/var/run/dkron/rest/token"}
"""The files with the tokens of the two containers."""
LIVES = {"operator": 3600, "api": 600}
"""Seconds from the issue of a token to its end."""
WHO = """
import base64, json, os, sys
claims = json.loads(base64.urlsafe_b64decode(open(sys.argv[1]).read().split(".")[1] + "=="))
writable = os.access(os.path.dirname(sys.argv[1]), os.W_OK)
print(json.dumps({"account": claims["sub"], "seconds": claims["exp"] - claims["iat"], "writable": writable}))
"""
"""Whose token is in a file, for how long, and whether the container may write there."""


@pytest.fixture(scope="module")
def home(cluster: localcluster.Cluster) -> Iterator[Kube]:
    """The namespace of the release."""
    remove_definitions(cluster)
    with named_namespace(cluster.kubeconfig, "moving") as kube:
        yield kube


@pytest.fixture(scope="module")
def served(home: Kube) -> Iterator[Kube]:
    """The namespace that the REST API serves by default."""
    kube = Kube(home.kubeconfig, "default")
    yield kube
    kube.close()


@pytest.fixture(scope="module")
def release(home: Kube, served: Kube, image: OwnImage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """A release with the REST API beside the operator, and a client that asks it all the time."""
    values = values_of(image, tmp_path_factory.mktemp("helm"))
    own = Release(HELMS["helm4"], home, home.kubeconfig, "dkron", values)
    own.install()
    home.create(SERVICE_ACCOUNTS, {"metadata": {"name": "asker"}})
    bind(served, "asker", "edit", namespace=home.namespace)
    token = {"name": "TOKEN", "value": home.token_of("asker", "dkron")}
    pods.start(home, "asker", image.reference, ["python", "-c", ASK_ALL_THE_TIME], env=[token])
    pods.wait_ready(home, "asker")
    yield own
    home.delete(PODS, "asker")
    own.uninstall()


def answers(home: Kube) -> list[str]:
    """The answers to the asker so far."""
    return pods.log(home, "asker").splitlines()


def whom(line: str) -> str:
    """Who has given this answer; empty if none is as it has to be."""
    found = ANSWER.match(line)
    return found["whom"] if found else ""


def serving(home: Kube) -> list[str]:
    """The pods that serve the REST API and are not about to go."""
    found = (pod["metadata"] for pod in home.all(PODS, "dkron.io/rest-api=true"))
    return [pod["name"] for pod in found if "deletionTimestamp" not in pod]


def token_of(cluster: localcluster.Cluster, home: Kube, container: str) -> Object:
    """The claims of a container's token, in the pod that serves the REST API."""
    (pod,) = serving(home)
    command = ("exec", pod, "--container", container, "--", "python", "-c", WHO, TOKENS[container])
    found: Object = json.loads(cluster.kubectl("--namespace", home.namespace, *command))
    return found


@pytest.mark.usefixtures("release")
def test_two_containers_of_a_pod_have_two_accounts(cluster: localcluster.Cluster, home: Kube) -> None:
    for container, seconds in LIVES.items():
        account = f"system:serviceaccount:moving:dkron-{container}"
        expected = {"account": account, "seconds": seconds, "writable": False}
        assert token_of(cluster, home, container) == expected
    lasting = [each for each in home.all(SECRETS) if each["type"] == "kubernetes.io/service-account-token"]
    assert lasting == [], "no token is for ever"
    (pod,) = (each for each in home.all(PODS, "dkron.io/rest-api=true"))
    assert [each["restartCount"] for each in pod["status"]["containerStatuses"]] == [0, 0]


@pytest.mark.usefixtures("release")
def test_a_runner_runs_a_job_and_does_nothing_else(home: Kube, served: Kube, image: OwnImage) -> None:
    home.wait_for(
        "the job", lambda: answers(home), lambda lines: any(line.startswith("POST") and whom(line) for line in lines)
    )
    served.create(SERVICE_ACCOUNTS, {"metadata": {"name": "ci"}})
    bind(served, "ci", "moving-dkron-runner")
    tokens = {"TOKEN": served.token_of("ci", "dkron"), "PLAIN": served.token_of("ci")}
    given = [{"name": name, "value": token} for name, token in tokens.items()]
    code, said = pods.run(home, "runner", image.reference, ["python", "-c", ASK_AS_A_RUNNER], env=given)
    assert code == 0, said
    assert json.loads(said) == {
        "runs": 200,
        "lists": 403,
        "runs elsewhere": 403,
        "without a token": 401,
        "with a token for the API server": 401,
    }
    assert served.status("asked")["successCount"] == 1


@pytest.mark.usefixtures("release")
def test_no_job_gets_an_account_of_the_release(home: Kube) -> None:
    template = pod_template(serviceAccountName="dkron-operator", automountServiceAccountToken=True)
    home.apply(dkron_job("greedy", jobTemplate=template, run=["once"]))
    status = home.wait_status("greedy", "a refusal", lambda seen: condition(seen, "Ready"))
    assert condition(status, "Ready")["status"] == "False"
    assert home.jobs_of("greedy") == []


def move(release: Release, home: Kube, mode: str) -> None:
    """Move the REST API: every request is answered meanwhile, at last by pods of this mode."""
    component = {"deployment": "dkron-api-", "sidecar": "dkron-operator-"}[mode]
    home.wait_for("the first answers", lambda: len(answers(home)), lambda number: number > 10)
    before = len(answers(home))
    release("upgrade", *release.what(), "--set", f"api.mode={mode}", *WAIT)
    home.wait_for(
        "the old pods to end",
        lambda: home.all(PODS, "dkron.io/rest-api=true"),
        lambda left: all(pod["metadata"]["name"].startswith(component) for pod in left),
        seconds=SECONDS,
    )
    moved = len(answers(home))
    said = home.wait_for("answers after that", lambda: answers(home), lambda lines: len(lines) > moved + 10)
    assert [line for line in said[before:] if not whom(line)] == []
    assert {whom(line) for line in said[-5:]} <= set(serving(home))
    assert any(line.startswith("POST") for line in said[before:moved])


def test_every_request_is_answered_while_the_api_moves_out(release: Release, home: Kube) -> None:
    move(release, home, "deployment")


def test_every_request_is_answered_while_the_api_moves_back(release: Release, home: Kube) -> None:
    move(release, home, "sidecar")


def test_a_reinstall_need_not_wait_for_the_lease(release: Release, home: Kube) -> None:
    release("uninstall", "dkron")
    assert home.find(LEASES, "dkron") is None
