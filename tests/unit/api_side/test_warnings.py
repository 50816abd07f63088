"""Warnings for a client that stores a job that is taken and will not do all that it says."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from dkron_api.cache import job_index
from dkron_api.edge.keys import CLUSTERS, NODES
from dkron_api.routes import jobs
from dkron_api.translate.job import shown
from dkron_api.translate.record import Job
from dkron_api.translate.warnings import header
from dkron_kube.paths import DKRON_JOBS
from tests.support.api_app import Api, object_of, running_api
from tests.support.builders import wire_job

TERRAFORM = {"command": "date", "allowed_exitcodes": "0, 199", "mem_limit_kb": "16384", "project": "dms"}
NAMED = "executor_config.allowed_exitcodes, executor_config.mem_limit_kb, executor_config.project"


@pytest.fixture
async def api(request: pytest.FixtureRequest) -> AsyncIterator[Api]:
    async with running_api(jobs.ROUTES, strict=getattr(request, "param", False)) as running:
        running.know_jobs(running.kube.put(DKRON_JOBS, wire_job(name="a")))
        running.know(CLUSTERS)
        yield running


def job(**fields: Any) -> dict[str, Any]:
    return {"name": "a", "schedule": "@manually", "executor": "shell", "executor_config": {"command": "x"}, **fields}


def config(**keys: str) -> dict[str, Any]:
    return {"executor_config": {"command": "x", **keys}}


@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/jobs"), ("PATCH", "/v1/jobs"), ("PUT", "/v1/jobs/a")])
async def test_keys_that_are_ignored_are_named_and_stored(api: Api, method: str, path: str) -> None:
    answer = await api.client.request(method, path, json=job(executor_config=TERRAFORM))
    assert answer.status == 201
    assert answer.headers["Warning"] == f'299 - "ignored, because this version does not know them: {NAMED}"'
    assert (await answer.json())["executor_config"] == TERRAFORM


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        pytest.param({}, None, id="nothing"),
        pytest.param({"processors": {"nope": None}}, "processors.nope", id="a processor"),
        pytest.param({"processors": {"log": {"x": ""}}}, "processors.log.x", id="a key of a processor"),
        pytest.param({"executor": ""}, None, id="no executor is a shell"),
        pytest.param({"executor": "perl"}, r"the job cannot run: executor: \"perl\" is not known", id="an executor"),
        pytest.param({"tags": {"gpu": "a100:1"}}, "no ready, schedulable node has the tags gpu=a100", id="tags"),
        pytest.param({"tags": {"server": "true:1"}}, None, id="tags of every node"),
        pytest.param({"tags": {"a": "b:c"}}, r"the job cannot run: tags.a: \"b:c\"", id="tags"),
        pytest.param(config(su="app"), r"the job cannot run: su: \"app\" is not a numeric uid", id="a user by name"),
        pytest.param(config(command="a && b"), r"command: only \"a\" runs", id="a command that is cut"),
    ],
)
async def test_warning_for_ignored_settings(api: Api, fields: dict[str, Any], says: str | None) -> None:
    api.know(NODES, object_of("n1", status={"conditions": [{"type": "Ready", "status": "True"}]}))
    answer = await api.client.post("/v1/jobs", json=job(**fields))
    assert answer.status == 201
    warning = answer.headers.get("Warning")
    assert warning is None if says is None else says in (warning or "")


async def test_a_client_may_ask_for_a_refusal(api: Api) -> None:
    strict = {"Prefer": 'wait, handling="strict"'}
    before = list(api.kube.calls)
    answer = await api.client.post("/v1/jobs", json=job(**config(su="app")), headers=strict)
    assert answer.status == 400
    assert (await answer.text()).startswith('the job is not valid: su: "app" is not a numeric uid')
    assert api.kube.calls == before, "nothing is written"
    answer = await api.client.post("/v1/jobs", json=job(), headers=strict)
    assert (answer.status, answer.headers["Preference-Applied"]) == (201, "handling=strict")
    assert "Preference-Applied" not in (await api.client.post("/v1/jobs", json=job())).headers


@pytest.mark.parametrize("api", [True], indirect=True, ids=["strict"])
async def test_a_strict_installation_refuses_such_keys(api: Api) -> None:
    answer = await api.client.post("/v1/jobs", json=job(executor_config=TERRAFORM))
    assert answer.status == 400
    assert await answer.text() == f"the job is not valid: refused, because this version does not know them: {NAMED}."
    assert (await api.client.post("/v1/jobs", json=job())).status == 201


def test_warning_is_one_ascii_line_for_any_quoted_text() -> None:
    assert header(['a "b" \\ \r\nX: é' + "x" * 1000])["Warning"].startswith('299 - "a \\"b\\" \\\\ ??X: ?xxx')
    assert len(header(["x" * 1000])["Warning"]) < 600
    assert header(["", ""]) == {}
    assert header(["a", "b"]) == {"Warning": '299 - "a", 299 - "b"'}


async def test_deleted_job_is_answered_as_it_was_shown(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered: list[str] = []

    def counted(job: Job, **options: Any) -> dict[str, Any]:
        rendered.append(job.name)
        return shown(job, **options)

    monkeypatch.setattr(job_index, "shown", counted)
    before = await (await api.client.get("/v1/jobs/a")).text()
    assert await (await api.client.delete("/v1/jobs/a")).text() == before
    assert rendered == ["a"]
