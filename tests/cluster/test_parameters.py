"""Values of a run, from those who give them to the Job: by dkronctl, by REST and by kubectl."""

import json
from typing import Any

import pytest

from dkron_kube.paths import DKRON_RUNS, JOBS
from tests.support.api_sites import ApiSite
from tests.support.command_line import CommandLine, command_line
from tests.support.jobs import dkron_job, simulated
from tests.support.kube import Kube, is_ready
from tests.support.sites import Site

pytestmark = pytest.mark.cluster(nodes="kwok")

HOSTILE = "a b; $(id) '\"{{ day }}"
PARAMETERS = [
    {"name": "day", "type": "integer", "minimum": "1", "maximum": "31", "required": True},
    {"name": "note", "default": "none"},
    {"name": "token", "secret": True},
]


def built(kube: Kube, run: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """The words and the variables of the first Job of this DkronRun."""
    name = kube.wait_for("its Job", lambda: kube.get(DKRON_RUNS, run["metadata"]["name"]).get("status") or {},
                         lambda status: status.get("attempts"))["attempts"][0]["job"]  # fmt: skip
    (container,) = kube.get(JOBS, name)["spec"]["template"]["spec"]["containers"]
    return container["command"], {each["name"]: each for each in container["env"]}


def test_values_arrive(module_site: Site, api_beside: ApiSite) -> None:
    kube = module_site.kube
    kube.apply(dkron_job("orders", "load {{ day }} {{ note }}", parameters=PARAMETERS, jobTemplate=simulated()))
    kube.wait_status("orders", "to be understood", is_ready)
    cli = command_line(kube.kubeconfig, kube.namespace)
    said = cli("run", "orders", "-p", "day=3", "-p", f"note={HOSTILE}", "--wait", "--timeout", "30s").errors
    assert "orders: success" in said
    assert 'parameter "day": 32 is greater' in cli("run", "orders", "-p", "day=32", code=1).errors
    (run,) = kube.all(DKRON_RUNS)
    words, env = built(kube, run)
    assert words == ["load", "3", HOSTILE.replace("$", "$$")]
    assert env["DKRON_PARAM_NOTE"]["value"] == HOSTILE.replace("$", "$$")
    assert "DKRON_PARAM_TOKEN" not in env

    body = {"parameters": {"day": "4", "token": "secretRef:creds/token"}, "scheduled_time": "2026-01-31T02:30:00Z"}
    key = {"Idempotency-Key": "once"}
    answers = [api_beside.rest.post("/v1/jobs/orders/run?wait=true", body, headers=key) for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 200]
    (run,) = [each for each in kube.all(DKRON_RUNS) if each["spec"]["parameters"]["day"] == "4"]
    _, env = built(kube, run)
    assert env["DKRON_SCHEDULED_TIME"]["value"] == "2026-01-31T02:30:00Z"
    assert env["DKRON_PARAM_TOKEN"]["valueFrom"] == {"secretKeyRef": {"name": "creds", "key": "token"}}
    rest = CommandLine({"DKRON_SERVER": f"http://{api_beside.rest.host}:{api_beside.rest.port}", "TERM": "dumb"})
    assert "orders: success" in rest("run", "orders", "-p", "day=5", "--wait", "--timeout", "30s").errors
    assert 'parameter "day"' in rest("run", "orders", code=1).errors
    answer = api_beside.rest.post("/v1/jobs/orders/run", {"parameters": {"day": "6"}})
    shown = api_beside.rest.get("/v1/jobs/orders/executions").json()
    assert answer.status == 202
    assert len({each["id"] for each in shown}) == 4, json.dumps(shown)
    kube.wait_status("orders", "all runs", lambda status: len(status.get("executions", ())) == 4)
    assert {each["id"] for each in kube.status("orders")["executions"]} == {each["id"] for each in shown}

    wrong = {
        "apiVersion": "dkron.io/v1alpha1",
        "kind": "DkronRun",
        "metadata": {"name": "wrong"},
        "spec": {"job": "orders", "parameters": {"day": "0"}},
    }
    kube.create(DKRON_RUNS, wrong)
    status = kube.wait_for("its refusal", lambda: kube.get(DKRON_RUNS, "wrong").get("status") or {},
                           lambda status: status.get("phase") == "Refused")  # fmt: skip
    assert 'parameter "day": 0 is less than its minimum 1' in status["message"]
