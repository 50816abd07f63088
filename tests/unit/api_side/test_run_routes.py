"""POST /v1/jobs/{job}/run: when it is answered, and that the run is seen from then on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from dkron_api.edge.keys import NODES
from dkron_api.routes import executions, runs, stops
from dkron_crds.job import JobStatus
from dkron_kube.paths import DKRON_JOBS
from tests.support.api_app import Api, object_of, running_api
from tests.support.builders import NAME, NOON, execution, request_claim, seen, wire_job

RUN = f"/v1/jobs/{NAME}/run"
ROUTES = (runs.ROUTES, executions.ROUTES, stops.ROUTES)
READY = {"conditions": [{"type": "Ready", "status": "True"}]}


@asynccontextmanager
async def with_a_job(**settings: Any) -> AsyncIterator[Api]:
    async with running_api(*ROUTES, **settings) as running:
        running.know_jobs(running.kube.put(DKRON_JOBS, wire_job()))
        yield running


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with with_a_job() as running:
        yield running


@pytest.fixture
async def waiting_api() -> AsyncIterator[Api]:
    async with with_a_job(run_waits=True) as running:
        yield running


def requests(api: Api) -> dict[str, str]:
    found = api.kube.has(DKRON_JOBS, NAME)["metadata"].get("annotations", {})
    return {key.removeprefix("run.dkron.io/"): text for key, text in found.items()}


async def asked(api: Api) -> str:
    """The id of the request, once it is there."""
    async with asyncio.timeout(5):
        for _ in iter(lambda: bool(requests(api)), True):
            await asyncio.sleep(0)
    return next(iter(requests(api)))


def tell(api: Api, version: int, status: JobStatus, **fields: Any) -> None:
    """The watch shows this status, and no request any more."""
    api.own.job_index.see(wire_job(version=version, status=status, **fields))


def skipped(why: str) -> JobStatus:
    return JobStatus.from_wire({"skipped": {"count": 1, "lastTime": "2026-03-01T12:00:00Z", "lastReason": why}})


async def answered_when_over(api: Api, path: str = RUN, **headers: str) -> tuple[int, str]:
    """Code and Preference-Applied of a run that is over when it has been asked for."""
    waiting = asyncio.ensure_future(api.client.post(path, headers=headers))
    request = await asked(api)
    assert not waiting.done()
    tell(api, 1000, JobStatus(executions=(execution(request_claim(request, NOON)),)))
    answer = await waiting
    return answer.status, answer.headers.get("Preference-Applied", "")


class TestWhenItIsAnswered:
    async def test_at_once(self, api: Api) -> None:
        answer = await api.client.post(RUN)
        assert (answer.status, answer.headers.get("Preference-Applied")) == (202, None)
        assert answer.headers["Vary"] == "Prefer"

    async def test_when_it_is_over_by_the_installation(self, waiting_api: Api) -> None:
        assert await answered_when_over(waiting_api) == (200, "")

    @pytest.mark.parametrize(
        ("path", "headers", "applied"),
        [
            pytest.param(RUN + "?wait=true", {}, "", id="by the query"),
            pytest.param(RUN, {"Prefer": "wait"}, "wait", id="by the header"),
            pytest.param(RUN, {"Prefer": "wait=60"}, "wait=60", id="by the header, for a while"),
            pytest.param(RUN, {"Prefer": "respond-async, wait=60"}, "wait=60", id="and at once after that"),
        ],
    )
    async def test_when_it_is_over(self, api: Api, path: str, headers: dict[str, str], applied: str) -> None:
        assert await answered_when_over(api, path, **headers) == (200, applied)

    @pytest.mark.parametrize(
        ("query", "prefer", "applied"),
        [("?wait=false", "", ""), ("", "respond-async", "respond-async"), ("?wait=false", "wait", "")],
    )
    async def test_at_once_by_request(self, waiting_api: Api, query: str, prefer: str, applied: str) -> None:
        answer = await waiting_api.client.post(RUN + query, headers={"Prefer": prefer} if prefer else {})
        assert (answer.status, answer.headers.get("Preference-Applied", "")) == (202, applied)

    async def test_with_202_when_the_client_has_waited_for_as_long_as_it_would(self, api: Api) -> None:
        answer = await api.client.post(RUN, headers={"Prefer": "wait=0"})
        assert (answer.status, answer.headers["Preference-Applied"]) == (202, "wait=0")


class TestThatItIsSeen:
    async def test_the_list_shows_it_right_after_the_answer(self, api: Api) -> None:
        assert (await api.client.post(RUN)).status == 202
        [shown] = await (await api.client.get(f"/v1/jobs/{NAME}/executions")).json()
        entry = request_claim(await asked(api), NOON)
        assert (shown["id"], shown["group"], shown["success"]) == (entry.id, entry.group, False)
        assert shown["finished_at"] == "0001-01-01T00:00:00Z"
        one = await api.client.get(f"/v1/jobs/{NAME}/executions/{entry.id}")
        assert (await one.json())["id"] == entry.id

    async def test_also_when_the_request_is_gone_and_nothing_is_recorded_yet(self, api: Api) -> None:
        assert (await api.client.post(RUN)).status == 202
        entry = request_claim(await asked(api), NOON)
        tell(api, 1000, JobStatus())
        assert await self._ids(api) == [entry.id]
        tell(api, 1001, JobStatus(active=(seen(entry),)))
        assert await self._ids(api) == [entry.id]
        tell(api, 1002, JobStatus(executions=(execution(entry),)))
        assert await self._ids(api) == [entry.id]
        tell(api, 1003, JobStatus())
        assert await self._ids(api) == [], "cleared is cleared"

    async def test_not_when_it_was_refused(self, api: Api) -> None:
        assert (await api.client.post(RUN)).status == 202
        tell(api, 1000, skipped("ConcurrencyForbidden"))
        assert await self._ids(api) == []

    async def test_a_stop_waits_until_it_has_begun(self, api: Api) -> None:
        assert (await api.client.post(RUN)).status == 202
        entry = request_claim(await asked(api), NOON)
        stopping = asyncio.ensure_future(api.client.post(f"/v1/jobs/{NAME}/executions/{entry.id}/stop"))
        tell(api, 1001, JobStatus())
        tell(api, 1002, JobStatus(active=(seen(entry),)))
        answer = await stopping
        assert (answer.status, (await answer.json())["id"]) == (202, entry.id)

    async def test_but_not_for_ever(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(stops, "PATIENCE", 0.0)
        assert (await api.client.post(RUN)).status == 202
        entry = request_claim(await asked(api), NOON)
        answer = await api.client.post(f"/v1/jobs/{NAME}/executions/{entry.id}/stop")
        assert (answer.status, answer.headers["Retry-After"]) == (409, "1")

    async def _ids(self, api: Api) -> list[str]:
        return [each["id"] for each in await (await api.client.get(f"/v1/jobs/{NAME}/executions")).json()]


@pytest.mark.parametrize(
    ("path", "code"), [pytest.param(RUN, 409, id="no"), pytest.param(f"{RUN}?force=true", 202, id="force")]
)
async def test_a_paused_job_runs_only_if_that_is_forced(api: Api, path: str, code: int) -> None:
    now = "2026-03-01T12:00:00Z"
    paused = {
        "type": "Suspended",
        "status": "True",
        "reason": "Paused",
        "message": "paused by ann",
        "lastTransitionTime": now,
    }
    api.own.job_index.see(wire_job(version=1000, status=JobStatus.from_wire({"conditions": [paused]})))
    answer = await api.client.post(path)
    assert (answer.status, "the job is paused by ann" in await answer.text()) == (code, code == 409)


class TestWithoutANode:
    async def test_it_is_refused_at_once_as_in_dkron(self, api: Api) -> None:
        api.own.job_index.see(wire_job(version=1000, tags={"gpu": "a100:1"}))
        api.know(NODES, node())
        answer = await api.client.post(RUN)
        assert answer.status == 404
        assert await answer.text() == f'the job "{NAME}" cannot run: no ready, schedulable node has the tags gpu=a100'
        assert requests(api) == {}

    @pytest.mark.parametrize(
        ("tag", "nodes"),
        [
            pytest.param({"gpu": "a100:1"}, None, id="the nodes are not known"),
            pytest.param({"server": "true:1"}, 1, id="it is a tag of every server of Dkron"),
        ],
    )
    async def test_it_is_asked_for_where(self, api: Api, tag: dict[str, str], nodes: int | None) -> None:
        api.own.job_index.see(wire_job(version=1000, tags=tag))
        if nodes:
            api.know(NODES, node())
        assert (await api.client.post(RUN)).status == 202

    async def test_the_refusal_of_the_operator_is_the_same_to_whoever_waits(self, api: Api) -> None:
        waiting = asyncio.ensure_future(api.client.post(RUN + "?wait=true"))
        await asked(api)
        tell(api, 1000, skipped("NoMatchingNode"))
        assert (await waiting).status == 404


def node() -> dict[str, Any]:
    return object_of("n1", status=READY)
