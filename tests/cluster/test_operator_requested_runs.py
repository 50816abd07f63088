"""DkronRuns at a real API server: who may create them, and what becomes of them."""

from pathlib import Path
from typing import Any

import pytest

from dkron_crds.names import API_VERSION
from dkron_kube.paths import DKRON_RUNS
from localcluster import Cluster, ClusterError
from tests.support.jobs import dkron_job, simulated
from tests.support.kube import Kube, Object, Refused
from tests.support.rights import limited_access
from tests.support.sites import Site

pytestmark = pytest.mark.cluster(nodes="kwok")

BRIEF = simulated()
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
