"""The operator away for several slots, and what it makes of them when it is back: none twice, none unaccounted for."""

import pytest

from tests.support.jobs import at, dkron_job, each_second, simulated
from tests.support.kube import condition, finished, is_running
from tests.support.sites import Site

pytestmark = [pytest.mark.cluster(nodes="kwok"), pytest.mark.promise]


def test_attempts_that_end_without_an_operator_are_recorded(own_site: Site) -> None:
    kube, operator = own_site.kube, own_site.operator
    backoff = {"initial": "1s", "factor": 1, "max": "1s"}
    kube.apply(
        dkron_job("good", run=["once"], jobTemplate=simulated(run_for="2s")),
        dkron_job("retried", run=["once"], retries=1, retryBackoff=backoff, jobTemplate=simulated(exit_code=4)),
    )
    operator.start()
    for name in ("good", "retried"):
        kube.wait_status(name, "to run", is_running)
    operator.kill()
    kube.wait_for(
        "the Jobs to end",
        lambda: [job["status"] for name in ("good", "retried") for job in kube.jobs_of(name)],
        lambda statuses: [s for s in statuses if s.get("succeeded")] and [s for s in statuses if s.get("failed")],
    )
    operator.start()
    good = kube.wait_status("good", "its run", finished(1))
    retried = kube.wait_status("retried", "both attempts", finished(2))
    assert (good["status"], good["successCount"]) == ("success", 1)
    assert [(e["attempt"], e["exitCode"]) for e in retried["executions"]] == [(2, 4), (1, 4)]
    assert (retried["status"], retried["errorCount"]) == ("failed", 2)


def test_stopped_operator_leaves_a_complete_record(own_site: Site) -> None:
    kube, operator = own_site.kube, own_site.operator
    operator.start()
    kube.apply(each_second("steady"))
    kube.wait_status("steady", "two runs", finished(2))
    operator.stop()
    status = kube.status("steady")
    known = {entry["job"] for entry in (*status.get("active", ()), *status["executions"])}
    assert {job["metadata"]["name"] for job in kube.jobs_of("steady")} == known
    assert max(at(slot) for slot in kube.slots_of("steady")) == at(status["lastScheduleTime"])
    assert condition(status, "Ready")["status"] == "True"
    for _ in range(3):
        operator.start()
        operator.stop()
