"""A release whose REST API moves from beside the operator to pods of its own and back: whoever asks does not notice."""

import re
from collections.abc import Iterator

import pytest

import localcluster
from dkron_kube.paths import LEASES, PODS
from tests.support import pods
from tests.support.charts import HELMS
from tests.support.helm import WAIT, Release, named_namespace, remove_definitions, values_of
from tests.support.kube import SERVICE_ACCOUNTS, Kube
from tests.support.own_image import OwnImage

pytestmark = [pytest.mark.cluster(nodes="real"), pytest.mark.timeout(300)]

SECONDS = 120
ANSWER = re.compile(r"(?P<method>GET|POST) (?P<status>20[01]) by (?P<whom>\S+)")

ASK_ALL_THE_TIME = """
import http.client, itertools, json, time

shell = {"command": "true"}
job = {"name": "asked", "schedule": "@manually", "executor": "shell", "executor_config": shell}

def ask(method, path, body=None):
    connection = http.client.HTTPConnection("dkron-api", 8080, timeout=10)
    connection.request(method, "/v1" + path, body and json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, answer.headers["X-Whom"], text

for number in itertools.count():
    method, body = ("POST", job) if number % 5 == 0 else ("GET", None)
    try:
        status, whom, text = ask(method, "/jobs", body)
        print(method, status, "by", whom, "" if status < 300 else text, flush=True)
    except Exception as exc:
        print(method, "no answer:", repr(exc), flush=True)
    time.sleep(0.2)
"""
"""Lists the jobs five times a second, and writes one each second, on a new connection each time."""


@pytest.fixture(scope="module")
def home(cluster: localcluster.Cluster) -> Iterator[Kube]:
    """The namespace of the release."""
    remove_definitions(cluster)
    with named_namespace(cluster.kubeconfig, "moving") as kube:
        yield kube


@pytest.fixture(scope="module")
def release(home: Kube, image: OwnImage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """A release with the REST API beside the operator, and somebody who asks it all the time."""
    values = values_of(image, tmp_path_factory.mktemp("helm"))
    own = Release(HELMS["helm4"], home, home.kubeconfig, "dkron", values)
    own.install()
    pods.start(home, "asker", image.reference, ["python", "-c", ASK_ALL_THE_TIME])
    pods.wait_ready(home, "asker")
    yield own
    home.delete(PODS, "asker")
    own.uninstall()


def answers(home: Kube) -> list[str]:
    """What the asker has been told so far."""
    return pods.log(home, "asker").splitlines()


def whom(line: str) -> str:
    """Who has given this answer; empty if none is as it has to be."""
    found = ANSWER.match(line)
    return found["whom"] if found else ""


def serving(home: Kube) -> list[str]:
    """The pods that serve the REST API and are not about to go."""
    found = (pod["metadata"] for pod in home.all(PODS, "dkron.io/rest-api=true"))
    return [pod["name"] for pod in found if "deletionTimestamp" not in pod]


@pytest.mark.parametrize(
    ("mode", "component"), [("deployment", "dkron-api-"), ("sidecar", "dkron-operator-")], ids=["out", "back"]
)
def test_every_request_is_answered_while_the_api_moves(release: Release, home: Kube, mode: str, component: str) -> None:
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


def test_the_upgrade_after_that_takes_what_only_the_old_pods_needed(release: Release, home: Kube) -> None:
    assert home.find(SERVICE_ACCOUNTS, "dkron-api") is not None
    release.upgrade()
    assert home.find(SERVICE_ACCOUNTS, "dkron-api") is None


def test_a_reinstall_need_not_wait_for_the_lease(release: Release, home: Kube) -> None:
    release("uninstall", "dkron")
    assert home.find(LEASES, "dkron") is None
