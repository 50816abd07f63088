"""What only a DkronJob says: the tool that keeps it, its chain, its manifest; and which of it a list shows."""

from typing import Any

import jsonschema_rs
import pytest

from dkron_api.auth.caller import Need
from dkron_api.auth.guard import Grant
from dkron_api.routes import jobs
from dkron_api.routes.openapi import document
from dkron_api.translate import details as details_module
from dkron_api.translate.details import managed_by
from dkron_api.translate.record import Job
from dkron_crds.job import Condition, Day, JobStatus
from tests.support.api_app import Api
from tests.support.builders import NOON, wire_job

ROUTES = (jobs.ROUTES,)
CONDITION = Condition(type="Ready", status="True", reason="Scheduled", message="due", last_transition_time=NOON)
PAUSED = {"type": "Suspended", "reason": "Paused", "message": "paused by ann: a move"}
BROKEN = {"status": "False", "reason": "InvalidSchedule", "message": "no such hour"}
STATUS = JobStatus(conditions=(CONDITION,), days=(Day(date=NOON.date(), success=2, failed=1),), status="failed")
REGION = {"name": "region", "type": "enum", "values": ["eu", "us"], "required": True}


def job(name: str, **fields: Any) -> dict[str, Any]:
    return wire_job(name=name, uid=name, **fields)


async def answer(api: Api, path: str) -> Any:
    found = await api.client.get(path)
    assert found.status == 200, await found.text()
    return await found.json()


def kept(manager: str = "", *, labels: Any = None, annotations: Any = None) -> dict[str, Any]:
    raw = job("a")
    raw["metadata"] |= {"labels": labels or {}, "annotations": annotations or {}}
    if manager:
        fields: dict[str, Any] = {"f:spec": {"f:schedule": {}}}
        raw["metadata"]["managedFields"] = [{"manager": manager, "operation": "Apply", "fieldsV1": fields}]
    return raw


@pytest.mark.parametrize(
    ("raw", "tool", "name", "fields"),
    [
        pytest.param(
            kept("argocd-controller", annotations={"argocd.argoproj.io/tracking-id": "shop:dkron.io/DkronJob:a/b"}),
            "Argo CD", "shop", ["schedule"], id="Argo CD",
        ),
        pytest.param(kept("argocd-controller"), "Argo CD", "", ["schedule"], id="Argo CD that tracks by label"),
        pytest.param(
            kept("kustomize-controller", labels={"kustomize.toolkit.fluxcd.io/name": "apps"}),
            "Flux", "apps", ["schedule"], id="Flux",
        ),
        pytest.param(
            kept(labels={"app.kubernetes.io/managed-by": "Helm"}, annotations={"meta.helm.sh/release-name": "cron"}),
            "Helm", "cron", [], id="Helm, with fields that others have written since",
        ),
        pytest.param(kept("kubectl-client-side-apply"), "kubectl apply", "", ["schedule"], id="kubectl apply"),
        pytest.param(kept("terraform"), "terraform", "", ["schedule"], id="any other"),
        pytest.param(
            kept("x", labels={"helm.toolkit.fluxcd.io/name": "n" * 999}), "Flux", "n" * 253, ["schedule"], id="long"
        ),
    ],
)  # fmt: skip
def test_a_tool_is_known_by_its_marks_and_its_fields(raw: Any, tool: str, name: str, fields: list[str]) -> None:
    found = managed_by(Job(raw))
    assert found is not None
    assert (found["tool"], found["name"], list(found["fields"])) == (tool, name, fields)


@pytest.mark.parametrize("manager", ["", "kubectl-edit", "dkron-api"])
def test_a_job_that_no_manifest_keeps_has_no_tool(manager: str) -> None:
    assert managed_by(Job(kept(manager))) is None


async def test_the_details_are_as_described(api: Api) -> None:
    edges = [{"job": "load", "when": "failure"}, {"job": "extract"}]
    api.know_jobs(
        job("extract"), job("load", parentJob="extract"), job("other"),
        job("alarm", dependsOn=edges, parameters=[REGION], status=STATUS),
    )  # fmt: skip
    found = await answer(api, "/v1/jobs/alarm/details")
    described = {"$ref": "#/components/schemas/details", "components": document()["components"]}
    jsonschema_rs.validator_for(described).validate(found)
    assert [(each["name"], each["parents"]) for each in found["chain"]] == [
        ("alarm", [{"job": "load", "when": "failure"}, {"job": "extract", "when": "success"}]),
        ("load", [{"job": "extract", "when": "success"}]),
        ("extract", []),
    ]
    assert found["days"] == [{"date": "2026-03-01", "success_count": 2, "failed_count": 1}]
    assert [(each["type"], each["message"]) for each in found["conditions"]] == [("Ready", "due")]
    assert [(each["name"], each["values"], each["default"]) for each in found["parameters"]] == [
        ("region", ["eu", "us"], None)
    ]
    assert found["manifest"]["spec"]["dependsOn"] == edges
    assert "status" not in found["manifest"]


async def test_cyclic_chain_ends_and_a_long_one_is_cut(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.know_jobs(*(job(f"j{at}", parentJob=f"j{(at + 1) % 6}") for at in range(6)))
    whole = await answer(api, "/v1/jobs/j0/details")
    assert (len(whole["chain"]), whole["chain_has_more"]) == (6, False)
    monkeypatch.setattr(details_module, "MOST_RELATIVES", 3)
    cut = await answer(api, "/v1/jobs/j0/details")
    assert ([each["name"] for each in cut["chain"]], cut["chain_has_more"]) == (["j0", "j1", "j5"], True)


async def test_chain_without_list_rights_has_only_direct_parents(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def has(_self: Grant, need: Need) -> bool:
        return need.right.verb != "list"

    monkeypatch.setattr(Grant, "has", has)
    api.know_jobs(job("a"), job("b", parentJob="a"), job("c", parentJob="b"))
    found = await answer(api, "/v1/jobs/c/details")
    assert [each["name"] for each in found["chain"]] == ["c", "b"]


async def test_too_deep_template_leaves_the_other_details(api: Api) -> None:
    deep: Any = {}
    for _ in range(100_000):
        deep = {"a": deep}
    api.know_jobs(job("a", jobTemplate={"spec": deep}))
    found = await answer(api, "/v1/jobs/a/details")
    assert (found["job"], found["manifest"]) == ("a", None)


async def test_a_list_shows_tools_parents_pauses_and_words(api: Api) -> None:
    held = JobStatus(conditions=(CONDITION.model_copy(update=PAUSED),))
    broken = JobStatus(conditions=(Condition(**{**CONDITION.model_dump(), **BROKEN}),))
    api.know_jobs(kept("helm"), job("b", parentJob="a", status=held), job("c", schedule="0 0 25 * * *", status=broken))
    assert await answer(api, "/v1/jobs?fields=name,kept_by,parents,paused,reason,words") == [
        {"name": "a", "kept_by": {"tool": "Helm", "name": "", "fields": {"schedule": "helm"}}, "parents": [],
         "paused": "", "reason": "", "words": "every minute"},
        {"name": "b", "kept_by": None, "parents": [{"job": "a", "when": "success"}], "paused": "paused by ann: a move",
         "reason": "", "words": ""},
        {"name": "c", "kept_by": None, "parents": [], "paused": "", "reason": "InvalidSchedule", "words": ""},
    ]  # fmt: skip
    assert (await answer(api, "/v1/jobs/b/details"))["paused"] == "paused by ann: a move"
