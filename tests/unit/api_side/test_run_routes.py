"""POST /v1/jobs/{job}/run: when it is answered, and that the run is seen from then on."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest

from dkron_api.auth.guard import Guard
from dkron_api.edge.keys import NODES
from dkron_api.routes import executions, runs
from dkron_crds.attempt_names import execution_id, job_name
from dkron_crds.job import AttemptState, JobStatus, Trigger
from dkron_crds.requests import group_of
from dkron_kube.paths import DKRON_JOBS, DKRON_RUNS
from dkron_operator.plan.situation.cause import Cause
from tests.support.api_app import Api, object_of, running_api
from tests.support.api_callers import VALID, OneCaller
from tests.support.builders import NAME, NOON, execution, request_claim, seen, wire_job

RUN = f"/v1/jobs/{NAME}/run"
ROUTES = (runs.ROUTES, executions.ROUTES)
Spec = dict[str, Any]
READY = {"conditions": [{"type": "Ready", "status": "True"}]}


@asynccontextmanager
async def with_a_job(guard: Guard | None = None, *, spec: Spec | None = None, **settings: Any) -> AsyncIterator[Api]:
    async with running_api(*ROUTES, guard=guard, **settings) as running:
        running.know_jobs(running.kube.put(DKRON_JOBS, wire_job(**(spec or {}))))
        yield running


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with with_a_job() as running:
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
    api.own.job_index.upsert(wire_job(version=version, status=status, **fields))


def skipped(why: str) -> JobStatus:
    return JobStatus.from_wire({"skipped": {"count": 1, "lastTime": "2026-03-01T12:00:00Z", "lastReason": why}})


SHORT = {"max_wait": 0.01}


class TestWhenItIsAnswered:
    @pytest.mark.parametrize(
        ("run_waits", "path", "headers", "applied"),
        [
            pytest.param(True, RUN, {}, "", id="by the installation"),
            pytest.param(False, RUN + "?wait=true", {}, "", id="by the query"),
            pytest.param(False, RUN, {"Prefer": "wait"}, "wait", id="by the header"),
            pytest.param(False, RUN, {"Prefer": "wait=60"}, "wait=60", id="by the header, for a while"),
        ],
    )
    async def test_when_it_is_over(self, *, run_waits: bool, path: str, headers: dict[str, str], applied: str) -> None:
        async with with_a_job(run_waits=run_waits) as api:
            waiting = asyncio.ensure_future(api.client.post(path, headers=headers))
            request = await asked(api)
            assert not waiting.done()
            tell(api, 1000, JobStatus(executions=(execution(request_claim(request, NOON)),)))
            answer = await waiting
            assert (answer.status, answer.headers.get("Preference-Applied", "")) == (200, applied)

    @pytest.mark.parametrize(
        ("settings", "path", "prefer", "applied"),
        [
            pytest.param({"run_waits": True}, f"{RUN}?wait=false", "", None, id="asked for"),
            pytest.param({"run_waits": True}, f"{RUN}?wait=false", "wait", None, id="rather than by the header"),
            pytest.param({}, RUN, "wait=0", "wait=0", id="after no wait"),
            pytest.param({"run_waits": True} | SHORT, RUN, "", None, id="after the wait of the installation"),
            pytest.param(SHORT, f"{RUN}?wait=true", "", None, id="after the wait of the query"),
            pytest.param(SHORT, RUN, "wait=3600", "wait=3600", id="after the wait of the header, for longer"),
        ],
    )
    async def test_before_it_is_over(self, settings: Spec, path: str, prefer: str, applied: str | None) -> None:
        async with with_a_job(**settings) as api:
            answer = await api.client.post(path, headers={"Prefer": prefer} if prefer else {})
            assert (answer.status, (await answer.json())["name"]) == (202, NAME)
            assert answer.headers.get("Preference-Applied") == applied
            assert len(requests(api)) == 1, "it runs on"


class TestThatItIsSeen:
    async def test_the_list_shows_it_right_after_the_answer(self, api: Api) -> None:
        answer = await api.client.post(RUN)
        [shown] = await (await api.client.get(f"/v1/jobs/{NAME}/executions")).json()
        entry = request_claim(await asked(api), NOON)
        assert (answer.status, answer.headers["X-Execution-Id"]) == (202, entry.id)
        assert (shown["id"], shown["group"], shown["success"]) == (entry.id, entry.group, False)
        assert shown["finished_at"] == "0001-01-01T00:00:00Z"
        one = await api.client.get(f"/v1/jobs/{NAME}/executions/{entry.id}")
        assert (await one.json())["id"] == entry.id

    async def test_run_is_listed_between_its_request_and_its_record(self, api: Api) -> None:
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

    async def test_stop_waits_until_the_run_has_started(self, api: Api) -> None:
        assert (await api.client.post(RUN)).status == 202
        entry = request_claim(await asked(api), NOON)
        stopping = asyncio.ensure_future(api.client.post(f"/v1/jobs/{NAME}/executions/{entry.id}/stop"))
        tell(api, 1001, JobStatus())
        tell(api, 1002, JobStatus(active=(seen(entry),)))
        answer = await stopping
        assert (answer.status, (await answer.json())["id"]) == (202, entry.id)

    async def test_but_not_for_ever(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(executions, "PATIENCE", 0.0)
        assert (await api.client.post(RUN)).status == 202
        entry = request_claim(await asked(api), NOON)
        answer = await api.client.post(f"/v1/jobs/{NAME}/executions/{entry.id}/stop")
        assert (answer.status, answer.headers["Retry-After"]) == (409, "1")

    async def _ids(self, api: Api) -> list[str]:
        return [each["id"] for each in await (await api.client.get(f"/v1/jobs/{NAME}/executions")).json()]


@pytest.mark.parametrize(
    ("path", "body", "enforce", "code"),
    [
        pytest.param(RUN, None, False, 409, id="no"),
        pytest.param(RUN, None, True, 409, id="no, and it is enforced"),
        pytest.param(f"{RUN}?force=true", None, False, 202, id="force"),
        pytest.param(f"{RUN}?force=true", None, True, 409, id="unless the pause is enforced"),
        pytest.param(RUN, {"force": True}, True, 409, id="nor by the body"),
    ],
)
async def test_a_paused_job_runs_only_if_that_is_forced(
    api: Api, path: str, body: dict[str, bool] | None, *, enforce: bool, code: int
) -> None:
    now = "2026-03-01T12:00:00Z"
    paused = {
        "type": "Suspended",
        "status": "True",
        "reason": "Paused",
        "message": "paused by ann",
        "lastTransitionTime": now,
    }
    status = {"conditions": [paused], "paused": {"name": "p", "since": now, "enforce": enforce}}
    api.own.job_index.upsert(wire_job(version=1000, status=JobStatus.from_wire(status)))
    answer = await api.client.post(path, json=body)
    text = await answer.text()
    assert (answer.status, "the job is paused by ann" in text) == (code, code == 409)
    assert ("force does not override this pause" in text) is enforce
    assert ("; add ?force=true to run it anyway" in text) is (code == 409 and not enforce)


class TestWithoutANode:
    @pytest.mark.parametrize(
        ("tag", "nodes"),
        [
            pytest.param({"gpu": "a100:1"}, None, id="the nodes are not known"),
            pytest.param({"server": "true:1"}, 1, id="it is a tag of every server of Dkron"),
        ],
    )
    async def test_run_is_requested_where(self, api: Api, tag: dict[str, str], nodes: int | None) -> None:
        api.own.job_index.upsert(wire_job(version=1000, tags=tag))
        if nodes:
            api.know(NODES, node())
        assert (await api.client.post(RUN)).status == 202

    @pytest.mark.parametrize(
        ("waiting", "query", "status"),
        [
            pytest.param(1, "", 202, id="there is room in line"),
            pytest.param(2, "", 409, id="the line is full"),
            pytest.param(2, "?force=true", 202, id="forced"),
        ],
    )
    async def test_busy_job_with_a_queue_takes_runs(self, waiting: int, query: str, status: int) -> None:
        line = (
            request_claim(str(number)).model_copy(update={"state": AttemptState.WAITING, "queued_at": NOON})
            for number in range(waiting)
        )
        queued: Spec = {"concurrency": "queue", "queue": {"max": 2}}
        async with with_a_job(spec=queued) as api:
            tell(api, 1000, JobStatus(active=(seen(request_claim("running")), *line)), **queued)
            answer = await api.client.post(RUN + query)
            assert answer.status == status, await answer.text()

    @pytest.mark.parametrize(
        ("begun", "said"),
        [
            pytest.param(0, "has a run that waits", id="all wait"),
            pytest.param(1, "is running", id="one runs"),
        ],
    )
    async def test_job_with_forbid_says_how_it_is_busy(self, begun: int, said: str) -> None:
        waiting = request_claim("waiting").model_copy(update={"state": AttemptState.WAITING, "queued_at": NOON})
        in_queue = seen(request_claim("kueue")).model_copy(
            update={"state": AttemptState.QUEUED, "queued_at": NOON, "queue": "team-a"}
        )
        running = [seen(request_claim("running"))] * begun
        forbid: Spec = {"concurrency": "forbid"}
        async with with_a_job(spec=forbid) as api:
            tell(api, 1000, JobStatus(active=(*running, waiting, in_queue)), **forbid)
            answer = await api.client.post(RUN)
            text = f'the job "{NAME}" {said}, and its concurrency is forbid; add ?force=true to run it anyway'
            assert (answer.status, await answer.text()) == (409, text)

    async def test_refusal_is_the_same_for_every_waiting_client(self, api: Api) -> None:
        waiting = asyncio.ensure_future(api.client.post(RUN + "?wait=true"))
        await asked(api)
        tell(api, 1000, skipped("NoMatchingNode"))
        assert (await waiting).status == 404


def node() -> dict[str, Any]:
    return object_of("n1", status=READY)


DECLARED = [
    {"name": "day", "type": "integer", "minimum": "1", "maximum": "31", "required": True},
    {"name": "token", "secret": True},
]
TAKES_VALUES = {"parameters": DECLARED}
KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}


@pytest.fixture
async def with_parameters() -> AsyncIterator[Api]:
    async with with_a_job(spec=TAKES_VALUES) as running:
        yield running


def run_objects(api: Api) -> list[dict[str, Any]]:
    return [api.kube.has(DKRON_RUNS, name) for name in api.kube.names(DKRON_RUNS)]


async def post(api: Api, body: object, path: str = RUN, **headers: str) -> tuple[int, str]:
    answer = await api.client.post(path, json=body, headers=headers)
    return answer.status, await answer.text()


class TestWithABody:
    async def test_body_creates_a_dkronrun_visible_under_its_final_id(self, with_parameters: Api) -> None:
        api = with_parameters
        body = {"parameters": {"day": "3"}, "scheduled_time": "2026-02-28T23:00:00+01:00", "reason": "late data"}
        assert (await post(api, body))[0] == 202
        [run] = run_objects(api)
        assert run["spec"] == {
            "job": NAME, "parameters": {"day": "3"}, "scheduledTime": "2026-02-28T22:00:00Z", "reason": "late data",
            "requestedBy": "rest from 127.0.0.1",
        }  # fmt: skip
        assert requests(api) == {}
        [shown] = await (await api.client.get(f"/v1/jobs/{NAME}/executions")).json()
        uid, group = api.kube.has(DKRON_JOBS, NAME)["metadata"]["uid"], group_of(run["metadata"]["uid"], NOON)
        name = job_name(uid=uid, name=NAME, trigger="manual", slot=NOON, group=group)
        assert (shown["id"], shown["group"]) == (execution_id(NOON, name), group)

    @pytest.mark.parametrize("body", [b"", b" ", b"{}", b"null", b'{"name": "backup"}', b"a=b"])
    async def test_body_without_known_fields_is_ignored_as_in_dkron(self, api: Api, body: bytes) -> None:
        assert (await api.client.post(RUN, data=body)).status == 202
        assert (len(requests(api)), run_objects(api)) == (1, [])

    @pytest.mark.parametrize(
        ("body", "sentence"),
        [
            pytest.param(
                {"parameters": {"day": "32"}}, 'parameter "day": 32 is greater than its maximum 31', id="range"
            ),
            pytest.param({"parameters": {"days": "3"}}, 'parameter "days": it is not declared', id="unknown"),
            pytest.param({"reason": "why"}, 'parameter "day": it is required', id="required"),
            pytest.param(
                {"parameters": {"day": "3", "token": "hunter2"}}, 'parameter "token": it is secret', id="clear"
            ),
            pytest.param({"parameters": {"day": 3}}, 'the value of "day" is not a string', id="a number"),
            pytest.param({"parameters": ["day"]}, "parameters: it is not an object", id="a list"),
            pytest.param({"force": True, "paramters": {}}, '"paramters" is not a field of it', id="a typo"),
            pytest.param({"scheduled_time": "yesterday"}, "scheduled_time: it is not a time", id="time"),
            pytest.param({"force": "yes"}, 'force: it is the string "yes"; send true or false', id="force"),
            pytest.param(["parameters"], "it is not an object", id="an array"),
            pytest.param({"reason": "\ud800"}, "half of a surrogate pair", id="half a pair"),
        ],
    )
    async def test_refused_with_a_sentence(self, with_parameters: Api, body: object, sentence: str) -> None:
        status, text = await post(with_parameters, body)
        assert (status, sentence in text, "hunter2" in text) == (400, True, False), text
        assert run_objects(with_parameters) == []

    async def test_run_without_a_body_needs_required_values(self, with_parameters: Api) -> None:
        answer = await with_parameters.client.post(RUN)
        assert (answer.status, 'parameter "day": it is required' in await answer.text()) == (400, True)
        assert requests(with_parameters) == {}

    async def test_waiting_ends_with_the_run_or_with_its_refusal(self, with_parameters: Api) -> None:
        api = with_parameters
        waiting = asyncio.ensure_future(post(api, {"parameters": {"day": "3"}}, f"{RUN}?wait=true"))
        async with asyncio.timeout(5):
            for _ in iter(lambda: bool(run_objects(api)), True):
                await asyncio.sleep(0)
        [run] = run_objects(api)
        cause = Cause(Trigger.MANUAL, NOON, group_of(run["metadata"]["uid"], NOON))
        entry = cause.entry(uid=run["metadata"]["uid"], name=NAME, at=NOON)
        tell(api, 1000, JobStatus(executions=(execution(entry),)), parameters=DECLARED)
        assert (await waiting)[0] == 200
        run["status"] = {"phase": "Refused", "message": "the job is paused"}
        body = {"parameters": {"day": "3"}, "reason": "again"}
        api.kube.before["get dkronruns"] = [lambda: run_objects(api)[-1].update(status=run["status"])]
        assert await post(api, body, f"{RUN}?wait=true") == (409, "the operator refused the run: the job is paused")


class TestWithAKey:
    async def test_the_same_key_is_the_same_run(self, api: Api) -> None:
        first, second = [await api.client.post(RUN, headers=KEY) for _ in range(2)]
        assert (first.status, second.status, await first.text()) == (202, 202, await second.text())
        assert first.headers["X-Execution-Id"] == second.headers["X-Execution-Id"]
        [run] = run_objects(api)
        assert (await api.client.post(RUN, headers={"Idempotency-Key": "another"})).status == 202
        assert len(run_objects(api)) == 2
        assert run["spec"] == {"job": NAME, "requestedBy": "rest from 127.0.0.1"}

    async def test_also_while_the_job_is_busy_with_it(self) -> None:
        async with with_a_job(spec={"concurrency": "forbid"}) as api:
            assert (await api.client.post(RUN, headers=KEY)).status == 202
            busy = JobStatus(active=(request_claim("other", NOON),))
            tell(api, 1000, busy, concurrency="forbid")
            assert (await api.client.post(RUN, headers=KEY)).status == 202
            assert (await api.client.post(RUN, headers={"Idempotency-Key": "another"})).status == 409

    async def test_another_request_with_the_same_key_is_refused(self, api: Api) -> None:
        assert (await api.client.post(RUN, headers=KEY)).status == 202
        status, text = await post(api, {"reason": "other"}, **KEY)
        assert (status, "an earlier, different request has this Idempotency-Key" in text) == (422, True)
        assert len(run_objects(api)) == 1

    async def test_two_at_once_are_one_run(self, api: Api) -> None:
        answers = await asyncio.gather(*(post(api, {"reason": "r"}, **KEY) for _ in range(5)))
        assert {status for status, _ in answers} == {202}
        assert len(run_objects(api)) == 1

    @pytest.mark.parametrize("key", ["", "a b", "ä", "a" * 256])
    async def test_a_key_is_short_and_visible(self, api: Api, key: str) -> None:
        status, text = await post(api, {}, **{"Idempotency-Key": key})
        assert (status, text.startswith("Idempotency-Key: ")) == (400, True)


SLOT = "2026-02-28T22:00:00Z"


async def ran(api: Api, body: dict[str, Any], **headers: str) -> str:
    """The id of the execution of a run with this body, which has failed."""
    assert (await post(api, body, **headers))[0] == 202
    run = run_objects(api)[-1]
    slot = datetime.fromisoformat(body.get("scheduled_time") or NOON.isoformat())
    cause = Cause(Trigger.MANUAL, slot, group_of(run["metadata"]["uid"], NOON))
    entry = cause.entry(uid=run["metadata"]["uid"], name=NAME, at=NOON)
    tell(api, 1000, JobStatus(executions=(execution(entry, success=False),)), parameters=DECLARED)
    return entry.id


class TestThatRepeats:
    async def test_repeat_has_the_values_and_slot_of_its_execution(self, with_parameters: Api) -> None:
        api = with_parameters
        values = {"day": "3", "token": "secretRef:own/a"}
        before = await ran(api, {"parameters": values, "scheduled_time": SLOT, "reason": "late data"})
        answers = [await post(api, {"repeat": before, "reason": "again"}, **KEY) for _ in range(2)]
        assert answers[0] == answers[1]
        assert [status for status, _ in answers] == [202, 202]
        first, second = run_objects(api)
        assert {**first["spec"], "reason": "again"} == second["spec"]
        assert second["metadata"]["annotations"]["dkron.io/repeats"].startswith(f"{before} ")
        api.kube.remove(DKRON_RUNS, first["metadata"]["name"])
        assert (await post(api, {"repeat": before, "reason": "again"}, **KEY))[0] == 202, "the key has its run"
        # Who guesses what the run got gets the same answer, right or wrong.
        for guess in ({"parameters": values}, {"parameters": {"day": "4"}}, {"scheduled_time": SLOT}):
            assert (await post(api, {"repeat": before, "reason": "again", **guess}, **KEY))[0] == 422
        status, _ = await post(api, {"parameters": values, "scheduled_time": SLOT, "reason": "again"}, **KEY)
        assert (status, len(run_objects(api))) == (422, 1)

    @pytest.mark.parametrize(
        ("given", "spec"),
        [
            pytest.param(
                {"parameters": {"day": "4"}},
                {"parameters": {"day": "4"}, "scheduledTime": SLOT}, id="values",
            ),
            pytest.param(
                {"scheduled_time": "2026-01-01T00:00:00Z"},
                {"parameters": {"day": "3"}, "scheduledTime": "2026-01-01T00:00:00Z"}, id="a slot",
            ),
        ],
    )  # fmt: skip
    async def test_body_overrides_the_repeated_execution(self, with_parameters: Api, given: Any, spec: Any) -> None:
        before = await ran(with_parameters, {"parameters": {"day": "3"}, "scheduled_time": SLOT})
        assert (await post(with_parameters, {"repeat": before, **given}))[0] == 202
        made = run_objects(with_parameters)[-1]["spec"]
        assert {key: made[key] for key in spec} == spec

    @pytest.mark.parametrize(
        ("trouble", "body", "answer"),
        [
            pytest.param("", {"repeat": "1-x"}, (404, 'has no execution "1-x" (any more)'), id="no such execution"),
            pytest.param("", {"repeat": ""}, (400, "repeat: it is not the id of an execution"), id="no id"),
            pytest.param("gone", {}, (422, "it has no DkronRun, or no longer has one; add "), id="values are gone"),
            pytest.param("changed", {}, (422, f'no longer fit the job "{NAME}"; add '), id="the job takes others"),
        ],
    )
    async def test_it_is_refused_without_telling_a_value(
        self, with_parameters: Api, trouble: str, body: dict[str, Any], answer: tuple[int, str]
    ) -> None:
        api = with_parameters
        before = await ran(api, {"parameters": {"day": "31"}})
        [run] = run_objects(api)
        if trouble == "gone":
            api.kube.world.objects.clear()
        elif trouble == "changed":
            run["spec"]["parameters"]["day"] = "hunter2"
        status, text = await post(api, {"repeat": before} | body)
        assert (status, answer[1] in text, "hunter2" in text) == (answer[0], True, False), text
        assert len(run_objects(api)) == (trouble != "gone")

    async def test_repeat_with_a_secret_needs_its_right_and_hides_its_name(self) -> None:
        caller = OneCaller(lacking='get secrets "own" in namespace default')
        async with with_a_job(Guard([caller]), spec=TAKES_VALUES) as api:
            before = await ran(api, {"parameters": {"day": "3"}}, **VALID)
            run_objects(api)[0]["spec"]["parameters"]["token"] = "secretRef:own/a"  # noqa: S105 - a reference
            answer = await post(api, {"repeat": before}, **VALID)
            assert answer == (403, "ci may not use the Secrets that the values of this run name")


@pytest.mark.parametrize(
    ("more", "lacking"),
    [
        pytest.param({"parameters": {"day": "3", "token": "secretRef:own/a"}}, "get secrets", id="a Secret"),
        pytest.param({"parameters": {"day": "3"}, "force": True}, "update dkronjobs/force", id="force"),
    ],
)
async def test_values_of_a_run_need_further_rights(more: dict[str, Any], lacking: str) -> None:
    right = (
        'get secrets "own" in namespace default' if "secrets" in lacking else f'{lacking} "{NAME}" in namespace default'
    )
    for caller, expected in ((OneCaller(), 202), (OneCaller(lacking=right), 403)):
        async with with_a_job(Guard([caller]), spec=TAKES_VALUES) as api:
            status, text = await post(api, more, **VALID)
            assert (status, len(run_objects(api))) == (expected, expected == 202)
            assert expected == 202 or text == f"ci may not {right}"


async def test_right_to_run_reveals_nothing_of_the_job() -> None:
    caller = OneCaller(lacking=f'get dkronjobs "{NAME}" in namespace default')
    async with with_a_job(Guard([caller]), spec=TAKES_VALUES) as api:
        status, text = await post(api, {"parameters": {"day": "3"}}, **VALID)
        assert (status, json.loads(text)) == (202, {"name": NAME})
