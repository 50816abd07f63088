"""POST /v1/jobs/{job}/executions/{id}/stop: what is asked of the operator, and what is refused at once."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import jsonschema_rs
import pytest

from dkron_api.auth.guard import Guard
from dkron_api.routes import executions
from dkron_api.routes.openapi import document
from dkron_crds.job import JobStatus
from dkron_crds.stops import STOP_PREFIX
from dkron_kube.paths import DKRON_JOBS, PODS
from tests.support.api_app import Api, running_api
from tests.support.api_callers import VALID, OneCaller
from tests.support.builders import NAME, NOON, after, claim, execution, of_job, seen, wire_job, wire_pod

RUNNING, WAITING, OVER = seen(claim()), claim(after(60), attempt=2, at=after(90)), execution(claim(after(-60)))
STATUS = JobStatus(active=(RUNNING, WAITING), executions=(OVER,))
ASKED = "2026-03-01T12:00:00Z by rest from 127.0.0.1"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with running_api(executions.ROUTES) as running:
        running.know_jobs(running.kube.put(DKRON_JOBS, wire_job(status=STATUS)))
        yield running


def path(execution_id: str, job: str = NAME) -> str:
    return f"/v1/jobs/{job}/executions/{execution_id}/stop"


def annotations(api: Api) -> dict[str, str]:
    found: dict[str, str] = api.kube.has(DKRON_JOBS, NAME)["metadata"].get("annotations", {})
    return {key: text for key, text in found.items() if key.startswith(STOP_PREFIX)}


@pytest.mark.parametrize("entry", [RUNNING, WAITING], ids=["that runs", "that waits to be tried again"])
async def test_the_stop_of_an_execution(api: Api, entry: Any) -> None:
    answer = await api.client.post(path(entry.id))
    body = await answer.json()
    assert (answer.status, body["id"], body["job_name"], body["success"]) == (202, entry.id, NAME, False)
    assert annotations(api) == {f"stop.dkron.io/{entry.job}": ASKED}


async def test_repeated_stop_has_the_same_answer_and_first_requester(api: Api) -> None:
    first = await api.client.post(path(RUNNING.id))
    calls = list(api.kube.calls)
    again = await api.client.post(path(RUNNING.id))
    assert (first.status, again.status) == (202, 202)
    assert await again.json() == await first.json()
    assert api.kube.calls == calls, "nothing is written"


@pytest.mark.parametrize(
    ("target", "status", "says"),
    [
        pytest.param(
            path(OVER.id), 409, f'the execution "{OVER.id}" already ended at 2026-03-01T11:59:05Z', id="it has ended"
        ),
        pytest.param(path("17-x"), 404, f'the job "{NAME}" has no execution "17-x" (any more)', id="it never was"),
        pytest.param(path(RUNNING.id, "other"), 404, 'there is no job "other"', id="the job is not there"),
        pytest.param(path(RUNNING.job), 404, "has no execution", id="it is named by its Job"),
    ],
)
async def test_a_stop_is_refused_when(api: Api, target: str, status: int, says: str) -> None:
    answer = await api.client.post(target)
    assert answer.status == status
    assert says in await answer.text()
    assert annotations(api) == {}


@pytest.mark.parametrize(
    ("deleted", "more"),
    [
        pytest.param(NOON, {"until": "2026-03-01T12:00:30Z"}, id="its pod is ending"),
        pytest.param(None, {}, id="no operator stops it yet"),
    ],
)
async def test_a_stop_is_shown_with_the_grace_of_its_pod(
    api: Api, deleted: datetime | None, more: dict[str, str]
) -> None:
    api.kube.put(PODS, of_job(wire_pod(deleted=deleted), RUNNING.job))
    shown = f"/v1/jobs/{NAME}/executions/{RUNNING.id}?details=true"
    assert "stopping" not in (await (await api.client.get(shown)).json())["details"]
    await api.client.post(path(RUNNING.id))
    api.know_jobs(api.kube.has(DKRON_JOBS, NAME))
    details = (await (await api.client.get(shown)).json())["details"]
    assert details["stopping"] == {"at": "2026-03-01T12:00:00Z", "by": "rest from 127.0.0.1"} | more
    described = {"$ref": "#/components/schemas/execution_details", "components": document()["components"]}
    jsonschema_rs.validator_for(described, validate_formats=True).validate(details)
    # A list reads no pods for it.
    listed = await (await api.client.get(f"/v1/jobs/{NAME}/executions?details=true")).json()
    assert [each["details"]["stopping"].get("until") for each in listed if "stopping" in each["details"]] == [None]


async def test_right_to_stop_reveals_no_output() -> None:
    caller = OneCaller(lacking=f'get dkronjobs "{NAME}" in namespace default')
    async with running_api(executions.ROUTES, guard=Guard([caller])) as api:
        api.know_jobs(api.kube.put(DKRON_JOBS, wire_job(status=STATUS)))
        answer = await api.client.post(path(RUNNING.id), headers=VALID)
        assert (answer.status, await answer.json()) == (202, {"id": RUNNING.id, "job_name": NAME})
