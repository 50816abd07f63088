"""A real pod that is stopped: it gets SIGTERM, and what it printed and its exit code are kept."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from dkron_kube.paths import PODS
from tests.support import pods
from tests.support.jobs import at, dkron_job, pod_template
from tests.support.kube import finished, is_running
from tests.support.sites import Site

pytestmark = pytest.mark.cluster(nodes="real")

POLITE = 'trap "echo good bye; sleep 3; exit 7" TERM; echo hello; sleep 600 & wait'
STUBBORN = 'trap "" TERM; echo hello; sleep 600'
ASKED = "2026-01-01T00:00:00Z by a test"
SOON = timedelta(seconds=30)


@pytest.mark.parametrize(
    ("command", "grace", "output", "code"),
    [
        pytest.param(POLITE, 30, "hello\ngood bye\n", 7, id="that ends when it is told to"),
        pytest.param(STUBBORN, 2, "hello\n", 137, id="that does not listen"),
    ],
)
def test_a_pod(own_site: Site, command: str, *, grace: int, output: str, code: int) -> None:
    kube = own_site.kube
    own_site.operator.start()
    template = pod_template(terminationGracePeriodSeconds=grace)
    kube.apply(dkron_job("long", command, config={"shell": "true"}, run=["once"], retries=2, jobTemplate=template))
    status = kube.wait_status("long", "to run", is_running)
    kube.wait_for(
        "its pod to run", lambda: [pod["status"] for pod in kube.all(PODS)],
        lambda found: [pod for pod in found if pod.get("containerStatuses", [{}])[0].get("ready")], seconds=60,
    )  # fmt: skip
    (pod,) = kube.all(PODS)
    # Before its first word, the command may not have set its trap.
    kube.wait_for("its first word", partial(pods.log, kube, pod["metadata"]["name"]), bool)
    asked = datetime.now(UTC)
    kube.ask_stop("long", status["active"][0]["job"], ASKED)
    status = kube.wait_status("long", "its end", finished(1))
    (record,) = status["executions"]
    assert (record["reason"], record["output"]) == ("Stopped", output)
    assert record.get("exitCode") in (code, None), "the kubelet may remove the pod before anybody has seen it"
    assert (record["message"], record["nodeName"]) == ("asked for at 2026-01-01T00:00:00Z by a test", "node-1")
    assert asked - timedelta(seconds=1) <= at(record["finishedAt"]) < asked + SOON
    assert (status.get("active", []), kube.jobs_of("long")) == ([], [])
