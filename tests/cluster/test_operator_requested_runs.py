"""DkronRuns at a real API server: who may create them, what becomes of them, and that each runs once."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dkron_crds.names import API_VERSION
from dkron_kube.paths import DKRON_RUNS, JOBS
from localcluster import Cluster, ClusterError
from tests.support.jobs import dkron_job, simulated
from tests.support.kstatus import kstatus
from tests.support.kube import Kube, Object, Refused, condition
from tests.support.rights import limited_access
from tests.support.sites import Site

pytestmark = pytest.mark.cluster(nodes="kwok")

BRIEF, FAILS = simulated(), simulated(exit_code=3)
NIGHT = "2026-03-01T02:30:00Z"
RUN = {"apiVersion": API_VERSION, "kind": "DkronRun"}
MANIFEST = """
apiVersion: dkron.io/v1alpha1
kind: DkronRun
metadata: {name: by-ci}
spec: {job: report}
"""


def ask(kube: Kube, name: str, job: str, **spec: Any) -> None:
    kube.create(DKRON_RUNS, {**RUN, "metadata": {"name": name}, "spec": {"job": job, **spec}})


def status_of(kube: Kube, name: str) -> Object:
    status: Object = (kube.find(DKRON_RUNS, name) or {}).get("status") or {}
    return status


def ended(kube: Kube, name: str) -> Object:
    return kube.wait_for(f"{name} to end", lambda: status_of(kube, name), lambda status: status.get("finishedAt"))


def test_right_to_create_dkronruns_allows_runs_and_nothing_else(
    shared_site: Site, cluster: Cluster, tmp_path: Path
) -> None:
    kube = shared_site.kube
    kube.apply(dkron_job("report", jobTemplate=BRIEF))
    access = limited_access(kube, {("dkron.io", "dkronruns"): ("create",)}, folder=tmp_path, name="ci")
    as_ci = ("--kubeconfig", str(access), "-n", kube.namespace)
    assert "dkronrun.dkron.io/by-ci created" in cluster.kubectl(*as_ci, "create", "-f", "-", input=MANIFEST)
    wait = ("-n", kube.namespace, "wait", "--for=condition=Complete", "--timeout=30s", "dkronrun/by-ci")
    assert "dkronrun.dkron.io/by-ci condition met" in cluster.kubectl(*wait)
    for act in (("annotate", "dkj", "report", "run.dkron.io/x=1"), ("get", "dkj"), ("delete", "dkronrun", "by-ci")):
        with pytest.raises(ClusterError, match="Forbidden"):
            cluster.kubectl(*as_ci, *act)
    table = cluster.kubectl("-n", kube.namespace, "get", "dkronruns", "--field-selector=spec.job=report")
    assert table.splitlines()[1].split()[:4] == ["by-ci", "report", "Succeeded", "1"]


@pytest.mark.parametrize(
    ("name", "job", "asked", "ends"),
    [
        pytest.param("good", {}, {}, ("Succeeded", "Succeeded"), id="succeeds"),
        pytest.param("bad", {"jobTemplate": FAILS}, {}, ("Failed", "Error"), id="fails"),
        pytest.param("off", {"disabled": True}, {}, ("Refused", "Disabled"), id="disabled"),
        pytest.param("pushed", {"disabled": True}, {"force": True}, ("Succeeded", "Succeeded"), id="disabled, forced"),
        pytest.param("typo", {}, {"parameters": {"x": "1"}}, ("Refused", "InvalidParameters"), id="unknown parameter"),
    ],
)
def test_run_shows_how_it_ended(  # noqa: PLR0917 - a row
    shared_site: Site, name: str, job: Object, asked: Object, ends: tuple[str, str]
) -> None:
    kube, (phase, reason) = shared_site.kube, ends
    kube.apply(dkron_job(name, **{"jobTemplate": BRIEF, **job}))
    ask(kube, name, name, **asked)
    status = ended(kube, name)
    kind, said = ("Complete", "Current") if phase == "Succeeded" else ("Failed", "Failed")
    assert (status["phase"], condition(status, kind)["reason"]) == (phase, reason), status
    assert kstatus(status) == said, status
    if phase == "Refused":
        kube.wait_for("the job to tell of it, too", partial(kube.events_of, name, "RunRefused"), bool)
        assert "attempts" not in status or status["attempts"] == []
    else:
        (execution,) = kube.status(name)["executions"]
        assert (execution["group"], execution["job"]) == (status["group"], status["attempts"][0]["job"])


def test_a_slot_is_run_again_beside_the_schedule(shared_site: Site) -> None:
    kube = shared_site.kube
    kube.apply(dkron_job("nightly", schedule="0 30 2 * * *", jobTemplate=BRIEF))
    ask(kube, "again", "nightly", scheduledTime=NIGHT)
    name = ended(kube, "again")["attempts"][0]["job"]
    (execution,) = kube.status("nightly")["executions"]
    assert (execution["slot"], execution["trigger"], kube.status("nightly").get("lastScheduleTime")) == (
        NIGHT, "manual", None,
    )  # fmt: skip
    (container,) = kube.get(JOBS, name)["spec"]["template"]["spec"]["containers"]
    assert {"name": "DKRON_SCHEDULED_TIME", "value": NIGHT} in container["env"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param({"force": True}, "spec of a DkronRun is immutable", id="of any field"),
        pytest.param({"scheduledTime": "2262-01-01T00:00:00Z"}, "1970 to 2261", id="to a time that no Job can have"),
    ],
)
def test_a_run_does_not_change(shared_site: Site, change: Object, why: str) -> None:
    kube = shared_site.kube
    if kube.find(DKRON_RUNS, "fixed") is None:
        ask(kube, "fixed", "missing")
    with pytest.raises(Refused, match=why):
        kube.patch(DKRON_RUNS, "fixed", {"spec": change})
    status = kube.wait_for("why it waits", lambda: status_of(kube, "fixed"), lambda status: status.get("message"))
    assert (status["phase"], '"missing"' in status["message"]) == ("Pending", True)


def test_runs_that_have_ended_are_deleted_by_time(shared_site: Site) -> None:
    kube = shared_site.kube
    kube.apply(dkron_job("often", jobTemplate=BRIEF))
    ask(kube, "kept", "often")
    ask(kube, "brief", "often", ttlSecondsAfterFinished=1)
    kube.wait_for("it to go", lambda: kube.find(DKRON_RUNS, "brief"), lambda found: found is None)
    assert ended(kube, "kept")["phase"] == "Succeeded"
    assert len(kube.status("often")["executions"]) == 2
