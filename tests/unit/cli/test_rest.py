"""The REST edge against what a Dkron answers, which knows neither logs nor stops nor coming slots."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from dkron_cli.commands import import_
from dkron_cli.core.importing import Wanted
from dkron_cli.core.job import description
from dkron_cli.core.order import read_order
from dkron_cli.core.selection import Selection
from dkron_cli.edge.backend import job_to_run
from dkron_cli.edge.rest import Rest, open_rest
from dkron_cli.errors import CliError, Code
from dkron_cli.options import Options
from dkron_crds.lacked_pool import lacks_pool
from dkron_from_dkron.moments import ZERO
from dkron_reports.explain import Question
from dkron_reports.run import runs_of
from tests.support.builders import NOON

JOB = {
    "name": "a",
    "metadata": {"team": "a"},
    "schedule": "0 0 0 1 1 *",
    "disabled": False,
    "parent_job": "",
    "next": "0001-01-01T00:00:00Z",
}
OLD = {"id": "1-n", "group": 1_000_000_000, "attempt": 1, "started_at": "2026-01-01T00:00:00Z", "success": True,
       "finished_at": "2026-01-01T00:00:01Z", "node_name": "n", "output": "old"}  # fmt: skip
DETAILS = {"job": "a-1", "slot": "2025-12-31T00:00:00Z", "trigger": "backfill", "member": "n1", "exit_code": 3,
           "reason": "Error"}  # fmt: skip
SLOT = {**OLD, "id": "2-n", "group": 2_000_000_000}
ASKED = {**OLD, "id": "3-n", "group": 2_000_000_123, "output": "new", "success": False}

PAUSED = "paused by ann: a move (DkronPause t/p)"


class Dkron:
    """One job, which runs when it is asked to; a slot comes at the same time."""

    def __init__(self) -> None:
        self.executions: list[dict[str, Any]] = [OLD]
        self.disabled = False
        self.token = ""
        self.ours = False
        self.body = self.query = ""
        self.key = ""
        self.reports = False
        self.reads = True
        self.refusal = ""
        self.posted: list[dict[str, Any]] = []
        self.lists = 0

    async def answer(self, request: web.Request) -> web.Response:  # noqa: C901, PLR0911, PLR0912 - a case for each route
        self.token = request.headers.get("Authorization", "")
        if request.method == "GET" and not self.reads:
            return web.Response(status=403)
        match request.method, request.path:
            case "GET", "/v1/jobs/a":
                return web.json_response({**JOB, "disabled": self.disabled})
            case "GET", "/v1/jobs":
                self.lists += 1
                told = self.ours and request.query.get("fields") == "name,paused,reason"
                self.query = request.query_string
                return web.json_response([{"name": "a", "paused": PAUSED} if told else JOB])
            case "GET", "/v1/failing" if self.ours:
                return web.json_response({"jobs": [{"job": "b"}, {"job": "a"}], "total": 2})
            case "GET", "/v1/jobs/a/details" if self.ours:
                ready = {"type": "Ready", "status": "False", "reason": "InvalidExecutorConfig"}
                spec = {"pools": ["db", "web"], "priority": 10, "queueName": "reports"}
                return web.json_response(
                    {"job": "a", "paused": PAUSED, "conditions": [ready], "manifest": {"spec": spec}}
                )
            case "GET", "/v1/jobs/a/executions":
                more = {"details": DETAILS} if self.ours and request.query.get("details") == "true" else {}
                return web.json_response([each | more for each in self.executions])
            case "GET", "/v1/jobs/a/executions/3-n":
                return web.json_response(ASKED)
            case "POST", "/v1/jobs":
                self.posted.append(await request.json())
                return web.json_response(self.posted[-1], status=201)
            case "POST", "/v1/jobs/a/run" if self.refusal:
                return web.Response(status=409, text=self.refusal)
            case "POST", "/v1/jobs/a/run":
                self.executions += [SLOT, ASKED]
                self.body = await request.text()
                self.key = request.headers.get("Idempotency-Key", "")
                return web.json_response(JOB)
            case "GET", "/v1/jobs/a/next" if self.ours:
                return web.json_response({"next": []})
            case "POST", "/v1/jobs/a/toggle":
                self.disabled = not self.disabled
                return web.json_response({**JOB, "disabled": self.disabled})
            case "GET", "/v1/jobs/html":
                return web.Response(text="<html>", content_type="text/html")
            case "GET", "/v1/jobs/evil":
                return web.Response(status=500, text="a\x1b[2Jb\n" * 200)
            case "GET", path if path.startswith("/v1/jobs/status-"):
                return web.Response(status=int(path.removeprefix("/v1/jobs/status-")))
            case "GET", "/v1/jobs/b/explain" if self.reports:
                return web.Response(status=404, text='there is no job "b"')
            case "GET", _ if self.reports:
                return web.json_response({"asked": [request.raw_path.partition("?")[0], dict(request.query)]})
            case _:
                return web.Response(status=404, text="404 page not found")


@pytest.fixture
async def dkron() -> AsyncIterator[tuple[Dkron, Rest]]:
    fake = Dkron()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", fake.answer)
    async with TestServer(app) as server:
        rest = Rest(str(server.make_url("/")), "secret")
        yield fake, rest
        await rest.close()


async def test_run_is_not_mistaken_for_a_slot_at_its_moment(dkron: tuple[Dkron, Rest]) -> None:
    fake, rest = dkron
    asked = await rest.run(await rest.job("a"), force=False, wait=0.0)
    run = await rest.progress(asked)
    assert run is not None
    assert (run.group, run.result) == (ASKED["group"], "failed")
    assert fake.token == "Bearer secret"  # noqa: S105 - of a fake


async def test_run_in_progress_names_no_pool_that_was_missing(dkron: tuple[Dkron, Rest]) -> None:
    fake, rest = dkron
    job = replace(await rest.job("a"), problem="the job cannot run: " + lacks_pool("pool db, which is gone"))
    asked = await rest.run(job, force=False, wait=0.0)
    fake.executions = [{**ASKED, "started_at": ZERO, "finished_at": ZERO, "queued_at": "2026-01-01T00:00:02Z"}]
    (attempt,), run = await rest.attempts(job), await rest.progress(asked)
    assert run is not None
    assert (attempt.where, run.where) == ("for pool db, which is gone", "")


async def test_run_of_a_paused_job_exits_as_failed(dkron: tuple[Dkron, Rest]) -> None:
    fake, rest = dkron
    fake.refusal = PAUSED
    with pytest.raises(CliError, match="paused by ann") as refused:
        await rest.run(await rest.job("a"), force=False, wait=None)
    assert (refused.value.code, str(refused.value)) == (Code.FAILED, PAUSED)


@pytest.mark.parametrize("way", ["add ?force=true", 'send {"force": true}'])
async def test_refusal_tells_how_dkronctl_forces_a_run(dkron: tuple[Dkron, Rest], way: str) -> None:
    fake, rest = dkron
    fake.ours, job = True, await rest.job("a")
    (attempt,) = await rest.attempts(job)
    full = 'the line of the job "a" is full: queue.max is 2'
    fake.refusal = f"{full}; {way} to run it anyway"
    with pytest.raises(CliError) as refused:
        await rest.run(job, force=False, wait=None)
    assert (refused.value.code, str(refused.value)) == (Code.FAILED, f"{full}; add --force to run it anyway")
    with pytest.raises(CliError) as refused:
        await rest.repeat(job, attempt, dry_run=False)
    assert (refused.value.code, str(refused.value)) == (Code.FAILED, full), "retry has no --force"


async def test_a_file_with_a_token_precedes_the_token(dkron: tuple[Dkron, Rest], tmp_path: Path) -> None:
    fake, rest = dkron
    (file := tmp_path / "token").write_text("another\n", encoding="utf-8")
    other = open_rest(Options(server=rest._server, token="secret", token_file=str(file)))  # noqa: S106 - of a fake
    await other.job("a")
    await other.close()
    assert fake.token == "Bearer another"  # noqa: S105 - of a fake


async def test_our_server_reports_pauses_and_a_dkron_is_asked_once(dkron: tuple[Dkron, Rest]) -> None:
    fake, rest = dkron
    jobs = await rest.jobs()
    for every in (False, True, True):
        assert await rest.with_details(jobs, every=every) == jobs
    assert fake.lists == 2
    fake.ours = True
    ours = Rest(rest._server, "")
    for every in (False, True):
        (shown,) = await ours.with_details(jobs, every=every)
        assert (shown.paused, shown.state) == (PAUSED, "Paused")
    await ours.close()


async def test_ours_names_the_pools_and_the_queue_of_a_job(dkron: tuple[Dkron, Rest]) -> None:
    fake, rest = dkron
    job = await rest.job("a")
    for fake.ours, pools, queue in ((False, None, None), (True, "db, web, with priority 10", "reports")):
        told = dict(description(await rest.described(job), now=NOON))
        assert (told.get("Pools"), told.get("LocalQueue")) == (pools, queue)


async def test_ours_tells_why_a_job_is_not_ready(dkron: tuple[Dkron, Rest]) -> None:
    fake, rest = dkron
    broken = replace(await rest.job("a"), state="NotReady", problem="the job cannot run: no command")
    for fake.ours, state in ((False, "NotReady"), (True, "InvalidExecutorConfig")):
        (shown,) = await rest.with_details([broken], every=False)
        assert shown.state == state


async def test_label_selectors_are_checked_for_servers_without_them(dkron: tuple[Dkron, Rest]) -> None:
    fake, rest = dkron
    fake.ours = True
    for team, names in (("a", ["a"]), ("b", [])):
        chosen = Selection(labels=(("team", team),))
        assert [each.name for each in await rest.jobs(chosen)] == names
        assert fake.query == f"metadata[team]={team}"
        assert rest.none_of(chosen).startswith(f"there are no jobs with team={team} in their metadata at http")
        failing = await rest.failing("1d", most=5, chosen=chosen)
        assert ([each["job"] for each in failing["jobs"]], failing["total"]) == (names, len(names))


async def test_only_ours_can_give_a_run_values(dkron: tuple[Dkron, Rest]) -> None:
    fake, rest = dkron
    job = await rest.job("a")
    order = read_order(["day=3", "to=a=b"], "2026-01-31T10:00:00+01:00", "")
    with pytest.raises(CliError, match="cannot give a run values, a slot or a reason; use a kubeconfig"):
        await rest.run(job, force=False, wait=None, order=order)
    assert fake.executions == [OLD]
    fake.ours = True
    await rest.run(job, force=False, wait=None, order=order)
    assert json.loads(fake.body) == {
        "parameters": {"day": "3", "to": "a=b"},
        "scheduled_time": "2026-01-31T09:00:00Z",
    }
    await rest.run(job, force=False, wait=None)
    assert (fake.body, fake.key) == ("", "")


async def test_only_ours_runs_a_disabled_job_by_force(dkron: tuple[Dkron, Rest]) -> None:
    fake, rest = dkron
    fake.disabled = True
    job = await rest.job("a")
    for fake.ours, advice in (
        (True, "dkronctl enable a, or add --force to run it anyway"),
        (False, "dkronctl enable a"),
    ):
        with pytest.raises(CliError, match=rf"is disabled .* refuses runs; {advice}$"):
            await rest.run(job, force=False, wait=None)
    with pytest.raises(CliError, match="this server cannot run a disabled job; use a kubeconfig"):
        await rest.run(job, force=True, wait=None)
    assert fake.executions == [OLD]
    fake.ours, keys = True, set()
    for _ in range(2):
        await rest.run(job, force=True, wait=None)
        keys.add(fake.key)
    assert (len(keys), "" in keys) == (2, False)


async def test_run_needs_no_right_to_read_the_job(dkron: tuple[Dkron, Rest]) -> None:
    fake, rest = dkron
    fake.reads = False
    job = await job_to_run(rest, "a")
    await rest.run(job, force=False, wait=None, order=read_order(["day=3"], "", ""))
    assert json.loads(fake.body) == {"parameters": {"day": "3"}}


async def test_only_ours_repeats_an_execution(dkron: tuple[Dkron, Rest]) -> None:
    fake, rest = dkron
    job = await rest.job("a")
    fake.executions.append(ASKED)
    start = NOON.replace(year=2025)
    assert await rest.latest_failure(job, start) is None, "it has never failed"
    failed = replace(job, failed=1, last=NOON)
    failure = await rest.latest_failure(failed, start)
    assert failure is not None
    with pytest.raises(CliError, match="this server cannot repeat an execution; use a kubeconfig"):
        await rest.repeat(job, failure.attempts[-1], dry_run=False)
    assert fake.body == ""
    fake.ours = True
    for dry_run, body in ((True, ""), (False, '{"repeat": "3-n", "force": false}')):
        assert await rest.repeat(job, failure.attempts[-1], dry_run=dry_run) == " that repeats 3-n"
        assert fake.body == body


async def test_our_server_adds_the_slot_and_the_reason(dkron: tuple[Dkron, Rest]) -> None:
    fake, rest = dkron
    job = await rest.job("a")
    fake.executions = [ASKED]
    for fake.ours, slot, trigger, why in ((False, None, "", ""), (True, "2025-12-31", "backfill", "exit 3")):
        (run,) = runs_of(await rest.attempts(job))
        assert (run.stands_for and f"{run.stands_for:%Y-%m-%d}", run.trigger, run.why) == (slot, trigger, why)


async def test_features_missing_in_dkron_are_replaced_or_refused(dkron: tuple[Dkron, Rest]) -> None:
    fake, rest = dkron
    job = await rest.job("a")
    fake.executions.append(ASKED)
    attempt = (await rest.attempts(job))[-1]
    assert b"".join([piece async for piece in rest.log(job, attempt, follow=False)]) == b"new"
    assert [(slot.month, slot.day) for slot in await rest.slots(job, 2)] == [(1, 1), (1, 1)]
    with pytest.raises(CliError, match="cannot stop executions; use a kubeconfig") as stopped:
        await rest.stop(job, attempt)
    assert stopped.value.code is Code.USAGE


async def test_reports_are_fetched_and_a_dkron_has_none(dkron: tuple[Dkron, Rest]) -> None:
    fake, rest = dkron
    asked = Question(NOON, NOON)
    for report in (
        rest.explain("a", asked),
        rest.agenda("1h", most=5, least=2),
        rest.failing("1d", most=5),
        rest.summary(),
    ):
        with pytest.raises(CliError, match=r"this server cannot .*; use a kubeconfig") as refused:
            await report
        assert refused.value.code is Code.USAGE
    fake.reports = True
    assert (await rest.explain("ñ/a", asked))["asked"] == [
        "/v1/jobs/%C3%B1%2Fa/explain", {"from": "2026-03-01T12:00:00Z", "to": "2026-03-01T12:00:00Z"},
    ]  # fmt: skip
    assert (await rest.agenda("2d", most=5, least=2))["asked"][1] == {"within": "2d", "count": "5", "crowded": "2"}
    with pytest.raises(CliError, match='there is no job "b"') as missing:
        await rest.explain("b", asked)
    assert missing.value.code is Code.NOT_FOUND


async def test_concurrent_toggle_is_undone(dkron: tuple[Dkron, Rest]) -> None:
    fake, rest = dkron
    job = await rest.job("a")
    fake.disabled = True
    assert await rest.disable(job, disabled=True)
    assert fake.disabled


async def test_an_import_sends_jobs_as_they_are_and_parents_first(
    dkron: tuple[Dkron, Rest], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake, rest = dkron
    child: dict[str, Any] = {"name": "b", "parent_job": "c", "executor_config": {"command": "a"}, "extra": 1}
    jobs = [child, {"name": "c", "schedule": "@daily", "executor": "none"}]
    (file := tmp_path / "jobs.json").write_text(json.dumps(jobs), encoding="utf-8")
    options = Options(server=rest._server)
    for dry_run, posted, words in ((True, [], "would be written"), (False, [jobs[1], child], "written")):
        await import_._import(options, str(file), Wanted(disabled=True), dry_run=dry_run, skip_broken=False)
        said = capsys.readouterr()
        assert said.out.splitlines() == [f"c {words}", f"b {words}"]
        assert "c: the operator would not run it: executor" in said.err
        assert fake.posted == [{**job, "disabled": True} for job in posted]
    file.write_text("apiVersion: dkron.io/v1alpha1\nkind: DkronJob\nmetadata: {name: a}\n", encoding="utf-8")
    with pytest.raises(CliError, match="the source is the JSON of Dkron's /v1/jobs") as refused:
        await import_._import(options, str(file), Wanted(), dry_run=False, skip_broken=False)
    assert refused.value.code is Code.USAGE


@pytest.mark.parametrize(
    ("name", "code", "sentence"),
    [
        pytest.param("b", Code.NOT_FOUND, 'there is no job "b" at http', id="no such job"),
        pytest.param("status-404", Code.NOT_FOUND, "there is no job", id="no such job, without a text"),
        pytest.param("status-401", Code.FORBIDDEN, "set DKRON_TOKEN", id="no token"),
        pytest.param("status-403", Code.FORBIDDEN, "does not allow", id="no right"),
        pytest.param("status-409", Code.CONFLICT, "busy", id="a conflict"),
        pytest.param("status-503", Code.UNREACHABLE, "try again", id="not ready"),
        pytest.param("html", Code.UNREACHABLE, "does not answer like Dkron's REST API", id="another server"),
        pytest.param("evil", Code.FAILED, "b", id="a text that is long and garbles the terminal"),
        pytest.param("../../x", Code.NOT_FOUND, "there is no job", id="a name that would change the path"),
    ],
)
async def test_refusals(dkron: tuple[Dkron, Rest], name: str, code: Code, sentence: str) -> None:
    with pytest.raises(CliError, match=sentence) as refused:
        await dkron[1].job(name)
    assert refused.value.code is code
    assert len(str(refused.value)) < 500
