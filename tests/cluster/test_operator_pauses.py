"""A pause of all jobs at a real API server, which ends by itself."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from dkron_kube.paths import DKRON_PAUSES, DKRON_RUNS
from tests.support.jobs import at, dkron_pause, each_second
from tests.support.kube import Object, condition
from tests.support.sites import Site

pytestmark = pytest.mark.cluster(nodes="kwok")

RUN = {"apiVersion": "dkron.io/v1alpha1", "kind": "DkronRun"}


def is_paused(status: Object) -> bool:
    return condition(status, "Suspended").get("reason") == "Paused"


def has_run_since(moment: datetime) -> Callable[[Object], bool]:
    def judge(status: Object) -> bool:
        return any(at(each["slot"]) > moment for each in status.get("executions", ()))

    return judge


def is_over(run: Object) -> bool:
    return "finishedAt" in run.get("status", {})


def test_cluster_wide_pause_must_be_in_the_operator_namespace(own_site: Site) -> None:
    kube, operator = own_site.kube, own_site.operator
    operator.start()
    kube.apply(each_second("job"))
    # The namespace of this operator is its home.
    until = (datetime.now(UTC) + timedelta(seconds=15)).strftime("%Y-%m-%dT%H:%M:%SZ")
    kube.create(DKRON_PAUSES, dkron_pause("everything", allNamespaces=True, enforce=True, until=until))
    kube.wait_status("job", "to be paused", is_paused)
    kube.create(DKRON_RUNS, {**RUN, "metadata": {"name": "forced"}, "spec": {"job": "job", "force": True}})
    refused = kube.wait_for("the run to be refused", lambda: kube.get(DKRON_RUNS, "forced"), is_over)
    assert refused["status"]["phase"] == "Refused"
    assert f"(DkronPause {kube.namespace}/everything), enforced" in refused["status"]["message"]
    kube.wait_status("job", "to go on at the end", has_run_since(at(until)))
    assert not is_paused(kube.status("job"))
