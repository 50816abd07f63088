"""An operator that is stopped in order, again and again."""

import pytest

from tests.support.jobs import at, each_second
from tests.support.kube import condition, finished
from tests.support.sites import Site

pytestmark = [pytest.mark.cluster(nodes="kwok"), pytest.mark.promise]


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
