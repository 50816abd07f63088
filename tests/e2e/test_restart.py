"""The operator dies while a pod runs: what the pod said and how it ended is found by the next one."""

import pytest

from tests.support.jobs import dkron_job
from tests.support.kube import finished
from tests.support.sites import Site

pytestmark = pytest.mark.cluster(nodes="real")


def test_output_of_a_pod_that_ended_unseen_is_recorded(own_site: Site) -> None:
    kube, operator = own_site.kube, own_site.operator
    operator.start()
    kube.apply(dkron_job("alone", "echo heard; sleep 1; exit 5", config={"shell": "true"}, run=["once"]))
    kube.wait_for("its Job", lambda: kube.jobs_of("alone"), bool)
    operator.kill()
    kube.wait_for("its end", lambda: kube.jobs_of("alone")[0]["status"], lambda status: status.get("failed"))
    operator.start()
    status = kube.wait_status("alone", "its run", finished(1))
    (execution,) = status["executions"]
    assert (execution["output"], execution["exitCode"], status["errorCount"]) == ("heard\n", 5, 1)
