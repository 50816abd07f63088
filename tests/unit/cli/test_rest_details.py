"""What `get` and `top` show by REST beyond Dkron's JSON of a job: active runs, and why a job is not ready."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from dkron_cli.commands import get, top
from dkron_cli.core.selection import Selection, states_of
from dkron_cli.edge.rest import Rest
from dkron_cli.errors import CliError, Code
from dkron_cli.options import Options
from dkron_reports.job import Job

NOT_BEGUN = "0001-01-01T00:00:00Z"
WAITING = {"id": "2-b", "job_name": "b", "started_at": NOT_BEGUN, "finished_at": NOT_BEGUN, "success": False,
           "node_name": "", "group": 2, "attempt": 1, "queued_at": "2026-03-01T11:00:00Z", "place": 1}  # fmt: skip
NO_POOL = "the job cannot run: it names the pool db, which does not exist"
NO_COMMAND = "the job cannot run: no command"


@dataclass
class Api:
    """A REST API with these jobs, in Dkron's JSON. Paths that are `missing` are 404, and those that are `forbidden`
    403."""

    jobs: list[dict[str, Any]]
    reasons: dict[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    asked: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        if request.path in self.forbidden:
            return web.Response(status=403, text="you may not")
        found = None if request.path in self.missing else self.find(request)
        return web.Response(status=404, text="404 page not found") if found is None else found

    def find(self, request: web.Request) -> web.Response | None:
        match request.path.split("/")[2:]:
            case ["jobs"] if request.query.get("state") == "invalid":
                told = [{"name": name, "paused": "", "reason": why} for name, why in self.reasons.items()]
                return web.json_response(told)
            case ["jobs"]:
                return web.json_response(self.jobs if "state" not in request.query else [])
            case ["jobs", name, "details"]:
                ready = {"type": "Ready", "status": "False", "reason": self.reasons.get(name, "")}
                return web.json_response({"job": name, "conditions": [ready]})
            case ["busy"]:
                return web.json_response([{"job_name": name} for name in ("b", "b", "c")])
            case ["executions"] if request.query.get("state") == "waiting":
                after = request.query.get("after", "")
                return web.json_response([WAITING], headers={} if after else {"X-Next-After": "a page"})
            case _:
                return None


class Seat:
    """A user of this API."""

    def __init__(self, api: Api, address: str) -> None:
        self.api = api
        self.options = Options(server=address)
        self.rest = Rest(address, "")

    async def active(self) -> dict[str, tuple[int | None, int]]:
        """How many attempts of each job run, and how many wait."""
        return {job.name: (job.active, job.waiting) for job in await self.rest.with_active(await self.rest.jobs())}


@pytest.fixture
async def seat() -> AsyncIterator[Seat]:
    api = Api([{"name": name, "schedule": "@daily", "status": "success"} for name in "abc"])
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", api.answer)
    async with TestServer(app) as server:
        found = Seat(api, str(server.make_url("/")))
        yield found
        await found.rest.close()


async def test_attempts_that_run_and_wait_are_counted(seat: Seat) -> None:
    assert await seat.active() == {"a": (0, 0), "b": (2, 2), "c": (1, 0)}, "the list of those that wait has two pages"


async def test_a_dkron_has_no_line_and_is_asked_once(seat: Seat, capsys: pytest.CaptureFixture[str]) -> None:
    seat.api.missing = ("/v1/executions",)
    for _ in range(2):
        assert await seat.active() == {"a": (0, 0), "b": (2, 0), "c": (1, 0)}
    assert (seat.api.asked.count("/v1/executions"), capsys.readouterr().err) == (1, "")


@pytest.mark.parametrize(
    ("forbidden", "active", "unseen"),
    [
        pytest.param("/v1/busy", (None, 0), "active runs", id="none of them"),
        pytest.param("/v1/executions", (2, 0), "runs that wait", id="not those that wait"),
    ],
)
async def test_active_runs_that_are_not_shown_are_named(
    seat: Seat, capsys: pytest.CaptureFixture[str], *, forbidden: str, active: tuple[int | None, int], unseen: str
) -> None:
    seat.api.forbidden = (forbidden,)
    for _ in range(2):
        assert (await seat.active())["b"] == active
    assert capsys.readouterr().err == f"{unseen} are not shown: you may not\n", "once"


async def test_server_that_does_not_answer_is_an_error(seat: Seat) -> None:
    (job, *_) = await seat.rest.jobs()
    nowhere = Rest("http://127.0.0.1:9", "")
    with pytest.raises(CliError) as gone:
        await nowhere.with_active([job])
    await nowhere.close()
    assert gone.value.code is Code.UNREACHABLE


@pytest.mark.parametrize(("state", "names"), [("running", ["b", "c"]), ("waiting", ["b"])])
async def test_get_chooses_jobs_with_active_runs(
    seat: Seat, capsys: pytest.CaptureFixture[str], state: str, names: list[str]
) -> None:
    await get._get(seat.options, Selection(), state)
    _, *rows = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows] == names
    assert rows[0].endswith("2, 2 waiting")


async def test_get_tells_that_active_runs_are_not_known(seat: Seat, capsys: pytest.CaptureFixture[str]) -> None:
    seat.api.forbidden = ("/v1/busy",)
    await get._get(seat.options, Selection(), "running")
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines()[0] == "active runs are not shown: you may not"
    assert 'is "running", as far as it is known; they are Scheduled, success' in said.err


async def test_top_begins_with_jobs_that_run(seat: Seat, capsys: pytest.CaptureFixture[str]) -> None:
    await top._running(seat.options, Selection(), 20)
    assert [row.split()[0] for row in capsys.readouterr().out.splitlines()] == ["NAME", "b", "c", "a"]


def _broken(name: str, problem: str, status: str) -> dict[str, Any]:
    return {"name": name, "schedule": "@daily", "status": status, "problem": problem}


async def test_state_and_result_are_those_of_the_object(seat: Seat) -> None:
    # The API shows a job that cannot run as failed, whatever its latest run was.
    seat.api.jobs = [
        _broken("a", NO_POOL, "success"),
        _broken("b", NO_POOL, "failed"),
        _broken("c", NO_COMMAND, "failed"),
    ]
    seat.api.reasons = {"a": "PoolNotFound", "b": "PoolNotFound", "c": "InvalidExecutorConfig"}

    def shown(jobs: list[Job]) -> list[tuple[str, str]]:
        return [(job.state, job.result) for job in jobs]

    listed = await seat.rest.jobs()
    assert shown(listed) == [("NotReady", "success"), ("NotReady", ""), ("NotReady", "")]
    for every in (False, True):
        found = await seat.rest.with_details(listed, every=every)
        assert shown(found) == [("PoolNotFound", "success"), ("PoolNotFound", "failed"), ("InvalidExecutorConfig", "")]
    assert all("NotReady" in states_of(job) for job in found)


async def test_get_shows_why_a_job_is_not_ready(seat: Seat, capsys: pytest.CaptureFixture[str]) -> None:
    seat.api.jobs, seat.api.reasons = [_broken("a", NO_POOL, "success")], {"a": "PoolNotFound"}
    await get._get(seat.options, Selection(), "")
    _, row = capsys.readouterr().out.splitlines()
    assert row.split()[2:5] == ["PoolNotFound", "-", "success"]
