"""Settings that nobody knows: they are ignored and told, and a strict installation does not run their jobs."""

from pathlib import Path
from typing import Any

import pytest

import localcluster
from dkron_kube.paths import DKRON_JOBS
from tests.support.jobs import dkron_job, simulated
from tests.support.kube import condition, finished, is_ready
from tests.support.operator_process import OperatorProcess
from tests.support.sites import Site, install, namespace

pytestmark = pytest.mark.cluster(nodes="kwok")

CONFIG = {"command": "true", "allowed_exitcodes": "0", "mem_limit_kb": "16384", "project": "dms"}
"""What the Terraform provider of Dkron sends."""
NAMED = "executorConfig.allowed_exitcodes, executorConfig.mem_limit_kb, executorConfig.project, processors.nope"
JOB: dict[str, Any] = {
    "executorConfig": CONFIG,
    "processors": {"nope": {}},
    "jobTemplate": simulated(),
    "run": ["once"],
}


def test_a_job_with_settings_that_are_not_known_runs_and_tells_of_them_once(shared_site: Site) -> None:
    kube = shared_site.kube
    kube.apply(dkron_job("foreign", **JOB))
    status = kube.wait_status("foreign", "to run", finished(1))
    assert status["executions"][0]["success"]
    assert is_ready(status)
    assert condition(status, "Ready")["message"].endswith(NAMED)
    kube.edit("foreign", owner="somebody")
    kube.wait_status("foreign", "to be judged anew", lambda status: status["observedGeneration"] == 2)
    told = kube.wait_for("an Event", lambda: kube.events_of("foreign", "SettingsIgnored"), bool)
    assert told == [f"ignored, because this version does not know them: {NAMED}"]
    assert kube.get(DKRON_JOBS, "foreign")["spec"]["executorConfig"] == CONFIG, "what was said stays"


def test_a_strict_installation_says_what_it_does_not_know_and_does_not_run_it(
    cluster: localcluster.Cluster, tmp_path: Path
) -> None:
    install(cluster)
    with namespace(cluster.kubeconfig, "strict") as kube:
        arguments = ("--kubeconfig", str(cluster.kubeconfig), "--namespace", kube.namespace, "--strict")
        operator = OperatorProcess(tmp_path / "operator.log", *arguments).start()
        try:
            kube.apply(dkron_job("foreign", **JOB), dkron_job("own", jobTemplate=simulated(), run=["once"]))
            kube.wait_status("own", "to run", finished(1))
            status = kube.wait_status(
                "foreign", "to be refused", lambda status: condition(status, "Ready").get("status") == "False"
            )
            ready = condition(status, "Ready")
            assert ready["reason"] == "InvalidExecutorConfig"
            assert '"allowed_exitcodes" is not a key of shell' in ready["message"]
            assert kube.jobs_of("foreign") == []
            kube.edit("foreign", executorConfig={**dict.fromkeys(CONFIG), "command": "true"}, processors={"nope": None})
            kube.wait_status("foreign", "to be in order", is_ready)
            operator.stop()
        finally:
            if operator.running:
                operator.kill()
