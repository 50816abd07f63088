"""Pauses at a real API server: what they hold, who may pause, and that nothing is lost when the operator is away."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from dkron_kube.paths import DKRON_PAUSES, DKRON_RUNS
from tests.support.jobs import at, dkron_pause, each_second, gaps
from tests.support.kube import Kube, Object, condition
from tests.support.sites import Site

pytestmark = pytest.mark.cluster(nodes="kwok")

RUN = {"apiVersion": "dkron.io/v1alpha1", "kind": "DkronRun"}


def is_paused(status: Object) -> bool:
    return condition(status, "Suspended").get("reason") == "Paused"


def has_run_since(moment: datetime) -> Callable[[Object], bool]:
    def judge(status: Object) -> bool:
        return any(at(each["slot"]) > moment for each in status.get("executions", ()))

    return judge


def active(kube: Kube, name: str) -> Object:
    status: Object = kube.get(DKRON_PAUSES, name).get("status") or {}
    return condition(status, "Active")


def is_over(run: Object) -> bool:
    return "finishedAt" in run.get("status", {})


def slots(status: Object) -> set[datetime]:
    return {at(each["slot"]) for each in status.get("executions", ())}


def missing(status: Object) -> list[str]:
    return gaps([at(each["slot"]) for each in status.get("executions", ())], every=1)


@pytest.mark.promise
def test_slots_of_a_pause_run_afterwards_or_are_counted(own_site: Site) -> None:
    kube, operator = own_site.kube, own_site.operator
    operator.start()
    kube.apply(each_second("all", missedRuns="all"), each_second("dropped", missedRuns="all"))
    for name in ("all", "dropped"):
        kube.wait_status(name, "to run", lambda status: status.get("executions"))
    kube.create(DKRON_PAUSES, dkron_pause("holds", jobs=["all"], reason="a move", pausedBy="ann"))
    kube.create(DKRON_PAUSES, dkron_pause("drops", jobs=["dropped"], whenResumed="drop"))
    paused = kube.wait_status("all", "to be paused", is_paused)
    assert condition(paused, "Suspended")["message"] == f"paused by ann: a move (DkronPause {kube.namespace}/holds)"
    kube.wait_status("dropped", "to be paused", is_paused)
    kube.wait_for("the pause to say so", lambda: active(kube, "holds"), lambda found: found.get("status") == "True")
    seen = datetime.now(UTC)
    # The operator dies in the pause, and is away when that ends.
    operator.kill()
    for name in ("holds", "drops"):
        kube.delete(DKRON_PAUSES, name)
    kube.wait_passed(seen + timedelta(seconds=2))
    over = datetime.now(UTC)
    operator.start()
    back = datetime.now(UTC)
    after = {name: kube.wait_status(name, "to run again", has_run_since(back)) for name in ("all", "dropped")}
    assert [slot for slot in slots(after["dropped"]) if seen < slot < over] == []
    assert [slot for slot in slots(after["all"]) if seen < slot < over] != []
    assert after["dropped"]["skipped"]["lastReason"] == "Paused"
    assert "paused" not in after["dropped"]
    each = kube.wait_status("all", "each slot", lambda status: has_run_since(back)(status) and not missing(status))
    assert "skipped" not in each
    operator.stop()
    operator.assert_clean()


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
