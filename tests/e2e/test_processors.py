"""Outputs of real pods on their way to receivers: all of it that they may have, also when the operator was killed."""

from pathlib import Path

import pytest

from dkron_kube.paths import DKRON_CLUSTERS
from tests.support.jobs import dkron_job
from tests.support.kube import finished
from tests.support.operator_process import OperatorProcess
from tests.support.receivers import in_background, web_server
from tests.support.sites import Site

pytestmark = pytest.mark.cluster(nodes="real")

LINES = 700
PRINTS = f'i=0; while [ $i -lt {LINES} ]; do echo "line $i is \\"quoted\\""; i=$((i+1)); done; sleep 1'
WHOLE = "".join(f'line {number} is "quoted"\n' for number in range(LINES))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "outputs"
    found.mkdir()
    return found


@pytest.fixture
def operator(own_site: Site, folder: Path) -> OperatorProcess:
    """An operator with a directory for outputs, not started yet."""
    return own_site.operator.add("--output-dir", str(folder))


def test_output_undelivered_at_a_crash_is_read_again(own_site: Site, operator: OperatorProcess) -> None:
    kube, answer = own_site.kube, {"status": 500}
    with in_background(web_server(lambda _: answer["status"])) as web:
        hook = {"name": "ops", "url": web.url, "format": "text", "payload": "{{ execution }}\n{{ output }}"}
        kube.create(
            DKRON_CLUSTERS,
            {"apiVersion": "dkron.io/v1alpha1", "kind": "DkronCluster", "metadata": {"name": "dkron"},
             "spec": {"notifications": [hook]}},
        )  # fmt: skip
        operator.start()
        kube.apply(dkron_job("talks", PRINTS, config={"shell": "true"}, processors={"log": {}}, run=["once"]))
        status = kube.wait_status("talks", "its run", finished(1))
        operator.kill()
        answer["status"] = 200
        operator.start()
        kube.wait_status("talks", "everybody to be told", lambda status: not status.get("outbox"))
        assert status["executions"][0]["output"] == "Output in dkron log"
        identity, _, output = web.requests[-1].body.decode().partition("\n")
        assert identity == status["executions"][0]["id"]
        assert output == WHOLE.removesuffix("\n") or output == WHOLE
