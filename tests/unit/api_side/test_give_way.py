"""Accounts of one namespace at the limit of answers that stay open: other namespaces are served."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
from aiohttp import ClientError, ClientResponse, web

from dkron_api.auth.caller import Caller
from dkron_api.auth.guard import Guard
from dkron_api.edge.admission import GRANT, owner_of
from dkron_api.edge.keys import GATE
from dkron_api.edge.places import Places
from dkron_api.routes import events, log, runs
from dkron_crds.job import JobStatus
from dkron_kube.paths import DKRON_JOBS, PODS
from tests.support.api_app import Api, running_api
from tests.support.api_callers import OneCaller
from tests.support.builders import NAME, NOON, claim, of_job, seen, wire_job, wire_pod

RUNNING = seen(claim(NOON))
LOG = f"/v1/jobs/{NAME}/executions/{RUNNING.id}/log"
PLACES = 8


class Accounts(OneCaller):
    """Service accounts, whose tokens are their namespace and a number: `evil-1`."""

    def takes(self, _: str) -> bool:
        return True

    async def caller(self, token: str, address: str) -> Caller | None:  # noqa: ARG002 - as a scheme has it
        namespace, number = token.split("-")
        return Caller(f"system:serviceaccount:{namespace}:{number}", self.how)


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with running_api(events.ROUTES, log.ROUTES, runs.ROUTES, guard=Guard([Accounts()])) as running:
        running.app[GATE].streams = Places(PLACES, "open responses", yielding=True)
        running.know_jobs(running.kube.put(DKRON_JOBS, wire_job(status=JobStatus(active=(RUNNING,)))))
        begun = {"job": {"running": {"startedAt": "2026-03-01T12:00:01Z"}}}
        running.kube.put(PODS, of_job(wire_pod(states=begun), RUNNING.job))
        running.kube.follow_log = endless  # type: ignore[method-assign,assignment]  # a stream of its own
        yield running


async def endless(*_: object, **__: object) -> AsyncIterator[bytes]:
    yield b"one\n"
    await asyncio.Event().wait()


async def listen(api: Api, token: str, path: str = "/v1/events") -> ClientResponse:
    return await api.client.get(path, headers={"Authorization": f"Bearer {token}"})


async def taken(api: Api, count: int) -> None:
    """Wait until so many answers stay open."""
    async with asyncio.timeout(10):
        while api.app[GATE].streams.taken != count:  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0)


async def test_accounts_of_a_namespace_leave_places_to_others(api: Api) -> None:
    async with AsyncExitStack() as stack:
        evil = [await listen(api, f"evil-{number}") for number in range(4)]
        assert [each.status for each in evil] == [200, 200, 503, 503]
        assert await evil[-1].text() == ("namespace evil already has 2 open responses; end some, or retry later")
        for number in range(PLACES - 2):
            stack.push_async_callback((await listen(api, f"team{number}-0")).release)
        await taken(api, PLACES)
        victim = await listen(api, "victim-0")
        assert victim.status == 200
        async with asyncio.timeout(10):
            await evil[0].read()
        await taken(api, PLACES)
        assert not evil[1].content.at_eof()
        evil[1].close()
        victim.close()


async def test_run_that_gives_way_goes_on(api: Api) -> None:
    headers = {"Authorization": "Bearer evil-0"}
    waiting = asyncio.ensure_future(api.client.post(f"/v1/jobs/{NAME}/run?wait=true", headers=headers))
    await taken(api, 1)
    others = [await listen(api, f"{name}-0") for name in ("evil", *(f"team{number}" for number in range(PLACES - 1)))]
    async with asyncio.timeout(10):
        answer = await waiting
    assert (answer.status, "X-Execution-Id" in answer.headers) == (202, True)
    assert api.kube.has(DKRON_JOBS, NAME)["metadata"]["annotations"]
    for other in others:
        other.close()


async def test_followed_log_that_gives_way_does_not_look_whole(api: Api) -> None:
    followed = await listen(api, "evil-0", f"{LOG}?follow")
    assert await followed.content.readany() == b"one\n"
    others = [await listen(api, f"{name}-0") for name in ("evil", *(f"team{number}" for number in range(PLACES - 1)))]
    with pytest.raises(ClientError):
        async with asyncio.timeout(10):
            await followed.read()
    for other in others:
        other.close()


async def test_log_that_gives_way_before_it_begins_is_503(api: Api) -> None:
    api.kube.edit(PODS, "pod", lambda pod: pod.update(status=wire_pod()["status"]))
    waiting = asyncio.ensure_future(listen(api, "evil-0", f"{LOG}?follow"))
    await taken(api, 1)
    others = [await listen(api, f"{name}-0") for name in ("evil", *(f"team{number}" for number in range(PLACES - 1)))]
    async with asyncio.timeout(10):
        answer = await waiting
    assert (answer.status, "need the place of this one" in await answer.text()) == (503, True)
    for other in others:
        other.close()


@dataclass(frozen=True, kw_only=True)
class Route:
    """A request of the account `evil-1`, and the group that it counts for while it is handled."""

    method: str
    path: str
    group: str


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Route(method="GET", path="/v1/events", group="namespace evil"), id="the installation's jobs"),
        pytest.param(Route(method="GET", path="/ns/a/v1/events", group="namespace a"), id="a right that was granted"),
        pytest.param(Route(method="POST", path="/ns/a/v1/jobs", group="namespace evil"), id="a right by the body"),
    ],
)
async def test_namespace_of_the_path_counts_once_a_right_is_granted(case: Route) -> None:
    found = []

    async def handler(request: web.Request) -> web.Response:
        request[GRANT].asked = True
        found.append(owner_of(request).group)
        return web.Response()

    route = web.route(case.method, case.path.replace("/ns/a", "/ns/{namespace}"), handler)
    async with running_api([route], guard=Guard([Accounts()]), namespaces=["*"]) as api:
        answer = await api.client.request(case.method, case.path, headers={"Authorization": "Bearer evil-1"})
        assert (answer.status, found) == (200, [case.group])
