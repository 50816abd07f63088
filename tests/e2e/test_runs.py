"""Runs on a real node as a person follows them: by schedule, on request, with retries, and one at a time.

All jobs are created at once, and each test waits for its own.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dkron_kube.paths import DKRON_RUNS
from tests.support.jobs import KEEP_ALL, at, dkron_job, pod_template
from tests.support.kube import NODES, SECRETS, condition, finished, shown
from tests.support.printed import MARK
from tests.support.sites import Site

pytestmark = pytest.mark.cluster(nodes="real")

SHELL = {"shell": "true"}
SECOND = timedelta(seconds=1)
REQUESTED = "2026-01-01T00:00:00Z"


DECLARED = [
    {"name": "text", "pattern": "(?s).*"},
    {"name": "count", "type": "integer"},
    {"name": "token", "secret": True},
]
HOSTILE = 'it\'s "$(DKRON_JOB_NAME)" `id` {{ count }}\n--second, line'
VALUES = {"text": HOSTILE, "count": "-7", "token": "secretRef:creds/token"}
SAY_ALL = """\
sh -c 'printf "%s|" "$@" "$DKRON_PARAM_TEXT" "$DKRON_PARAM_COUNT" "$DKRON_PARAM_TOKEN" "$DKRON_SCHEDULED_TIME"'
sh {{ text }} '{{ count }}'
"""
DKRON_RUN = {"apiVersion": "dkron.io/v1alpha1", "kind": "DkronRun"}


@pytest.fixture(scope="module", autouse=True)
def everything(module_site: Site) -> None:
    backoff = {"initial": "1s", "factor": 2, "max": "60s"}
    module_site.kube.apply(
        dkron_job("greet", "echo hello", schedule="@every 2s", history={"executions": 3}),
        dkron_job("variables", "env", run=["once"]),
        dkron_job("hopeless", "exit 3", config=SHELL, run=["once"], retries=1, retryBackoff=backoff, history=KEEP_ALL),
        own_containers("as-it-stands"),
        dkron_job("given", SAY_ALL, parameters=DECLARED),
    )  # fmt: skip
    module_site.kube.create(SECRETS, {"metadata": {"name": "creds"}, "stringData": {"token": MARK}})
    spec = {"job": "given", "parameters": VALUES, "scheduledTime": "2026-01-31T02:30:00Z"}
    module_site.kube.create(DKRON_RUNS, {**DKRON_RUN, "metadata": {"name": "given"}, "spec": spec})


def own_containers(name: str) -> dict[str, Any]:
    containers = [
        {
            "name": "main",
            "image": "docker.io/library/busybox:1.36",
            "command": ["sh", "-c", "echo $0 $DKRON_JOB_NAME", "zero"],
        }
    ]
    job = dkron_job(name, run=["once"], executor="kubernetes", jobTemplate=pod_template(containers=containers))
    job["spec"]["executorConfig"] = {}
    return job


def test_a_scheduled_job_records_its_executions(shared_site: Site) -> None:
    kube = shared_site.kube
    status = kube.wait_status("greet", "five successes", lambda s: s.get("successCount", 0) >= 5)
    executions = status["executions"]
    assert len(executions) == 3, "history.executions is 3"
    assert executions == sorted(executions, key=lambda e: at(e["slot"]), reverse=True)
    newest = executions[0]
    expected = {"state": "Succeeded", "exitCode": 0, "output": "hello\n", "trigger": "schedule", "attempt": 1}
    assert {key: newest.get(key) for key in expected} == expected
    assert newest["nodeName"] in {node["metadata"]["name"] for node in kube.all(NODES)}
    assert at(newest["slot"]) - SECOND <= at(newest["startedAt"]) <= at(newest["finishedAt"]) <= datetime.now(UTC)
    assert newest["group"] == int(at(newest["slot"]).timestamp()) * 10**9
    assert newest["id"].endswith("-" + newest["job"])


def test_run_has_its_environment_variables(shared_site: Site) -> None:
    (execution,) = shared_site.kube.wait_status("variables", "its run", finished(1))["executions"]
    seen = dict(line.split("=", 1) for line in execution["output"].splitlines())
    assert {key: value for key, value in seen.items() if "JOB_NAME" in key or key.startswith("DKRON_")} == {
        "DKRON_JOB_NAME": "variables",
        "ENV_JOB_NAME": "variables",
        "DKRON_SCHEDULED_TIME": REQUESTED,
        "DKRON_ATTEMPT": "1",
        "DKRON_EXECUTION_GROUP": str(execution["group"]),
        "DKRON_TRIGGER": "manual",
    }


def test_run_fails_when_all_its_attempts_fail(shared_site: Site) -> None:
    kube = shared_site.kube
    status = kube.wait_status("hopeless", "two attempts", finished(2))
    assert (status["status"], status["errorCount"], status.get("active")) == ("failed", 2, [])
    assert [(e["attempt"], e["exitCode"], e["reason"]) for e in status["executions"]] == [
        (2, 3, "Error"),
        (1, 3, "Error"),
    ]
    notes = kube.wait_for("two Events", lambda: kube.events_of("hopeless", "ExecutionFailed"), lambda n: len(n) == 2)
    assert any("attempt 1 failed (Error, exit code 3); attempt 2 follows" in note for note in notes), notes
    assert any("attempt 2 failed (Error, exit code 3)" in note and "follows" not in note for note in notes), notes
    assert condition(status, "Degraded")["status"] == "False", "the command failed, and nothing else is wrong"


def test_kubernetes_executor_runs_the_template_unchanged(shared_site: Site) -> None:
    (execution,) = shared_site.kube.wait_status("as-it-stands", "its run", finished(1))["executions"]
    assert (execution["state"], execution["output"]) == ("Succeeded", "zero as-it-stands\n")


def test_values_of_a_run_reach_its_pod_unchanged(shared_site: Site) -> None:
    kube = shared_site.kube
    (execution,) = kube.wait_status("given", "its run", finished(1))["executions"]
    said = (HOSTILE, "-7", HOSTILE, "-7", MARK, "2026-01-31T02:30:00Z")
    assert (execution["state"], execution["output"]) == ("Succeeded", "".join(f"{each}|" for each in said))
    (job,) = kube.jobs_of("given")
    assert MARK not in shown(job)
