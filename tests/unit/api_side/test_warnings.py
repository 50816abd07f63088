"""What is told to whoever stores a job that is taken and will not do all that it says."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from dkron_api.edge.keys import CLUSTERS, NODES
from dkron_api.routes import jobs
from dkron_api.translate.warnings import header
from dkron_kube.paths import DKRON_JOBS
from tests.support.api_app import Api, object_of, running_api
from tests.support.builders import wire_job

TERRAFORM = {"command": "date", "allowed_exitcodes": "0, 199", "mem_limit_kb": "16384", "project": "dms"}
NAMED = "executor_config.allowed_exitcodes, executor_config.mem_limit_kb, executor_config.project"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with running_api(jobs.ROUTES) as running:
        running.know_jobs(running.kube.put(DKRON_JOBS, wire_job(name="a")))
        running.know(CLUSTERS)
        yield running


@pytest.fixture
async def strict_api() -> AsyncIterator[Api]:
    async with running_api(jobs.ROUTES, strict=True) as running:
        running.know_jobs(running.kube.put(DKRON_JOBS, wire_job(name="a")))
        running.know(CLUSTERS)
        yield running


def job(**fields: Any) -> dict[str, Any]:
    return {"name": "a", "schedule": "@manually", "executor": "shell", "executor_config": {"command": "x"}, **fields}


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
        pytest.param({"executor": "perl"}, "the job cannot run; use one of docker", id="an executor"),
        pytest.param({"tags": {"gpu": "a100:1"}}, "no ready, schedulable node has the tags gpu=a100", id="tags"),
        pytest.param({"tags": {"server": "true:1"}}, None, id="tags of every node"),
        pytest.param({"tags": {"a": "b:c"}}, None, id="tags that the operator will refuse"),
    ],
)
async def test_what_else_is_told(api: Api, fields: dict[str, Any], says: str | None) -> None:
    api.know(NODES, object_of("n1", status={"conditions": [{"type": "Ready", "status": "True"}]}))
    answer = await api.client.post("/v1/jobs", json=job(**fields))
    assert answer.status == 201
    warning = answer.headers.get("Warning")
    assert warning is None if says is None else says in (warning or "")


async def test_a_strict_installation_refuses_such_keys(strict_api: Api) -> None:
    answer = await strict_api.client.post("/v1/jobs", json=job(executor_config=TERRAFORM))
    assert answer.status == 400
    assert await answer.text() == f"the job is not valid: refused, because this version does not know them: {NAMED}."
    assert (await strict_api.client.post("/v1/jobs", json=job())).status == 201


def test_a_warning_is_one_line_of_ascii_whatever_it_quotes() -> None:
    assert header(['a "b" \\ \r\nX: é' + "x" * 1000])["Warning"].startswith('299 - "a \\"b\\" \\\\ ??X: ?xxx')
    assert len(header(["x" * 1000])["Warning"]) < 600
    assert header(["", ""]) == {}
    assert header(["a", "b"]) == {"Warning": '299 - "a", 299 - "b"'}
