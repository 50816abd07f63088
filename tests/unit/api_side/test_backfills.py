"""Backfills over REST: what is taken, what is shown of them, and what became of each slot."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from dkron_api.auth.guard import Guard
from dkron_api.auth.routes import MOST_JOBS
from dkron_api.jobs.objects import BACKFILL, Objects
from dkron_api.routes import backfills
from dkron_crds.run import OF_BACKFILL
from dkron_kube.client import KubeClient
from dkron_kube.errors import Cause, NotFound, Rejected
from dkron_kube.paths import DKRON_BACKFILLS, DKRON_RUNS, Resource
from tests.support.api_app import Api, object_of, running_api
from tests.support.api_callers import VALID, OneCaller
from tests.support.builders import NAMESPACE, wire_job
from tests.support.fake_kube import FakeKube

Object = dict[str, Any]
PATH = "/v1/backfills"
BODY: Object = {"name": "again", "job": "report", "from": "2026-03-01T00:00:00Z", "to": "2026-03-01T00:05:00Z"}
SPEC: Object = {key: BODY[key] for key in ("job", "from", "to")}
SLOTS = [f"2026-03-01T00:0{minute}:00Z" for minute in range(4)]


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with running_api(backfills.ROUTES) as running:
        running.know_jobs()
        yield running


def stored(name: str = "again", *, spec: Object | None = None, created: str = "", **status: Any) -> Object:
    metadata = {"creationTimestamp": created or "2026-03-01T11:00:00Z"}
    return object_of(name, metadata=metadata, spec=SPEC | (spec or {}), status=status)


def ended(kind: str, reason: str) -> list[Object]:
    return [{"type": kind, "status": "True", "reason": reason, "lastTransitionTime": SLOTS[0]}]


async def test_it_is_created_changed_and_cancelled(api: Api) -> None:
    async with api.client.post(PATH, json=BODY | {"max_runs": 10, "reason": None, "selector": None}) as answer:
        made = await answer.json()
        assert (answer.status, answer.headers["Location"]) == (201, f"{PATH}/again")
    assert api.kube.has(DKRON_BACKFILLS, "again")["spec"] == SPEC | {"maxRuns": 10}
    assert (made["state"], made["max_runs"], made["from"], made["status"]["plan"]) == (
        "planning",
        10,
        BODY["from"],
        None,
    )
    async with api.client.patch(f"{PATH}/again", json={"suspend": True, "reason": "why"}) as answer:
        assert (await answer.json())["state"] == "suspended"
    async with api.client.patch(f"{PATH}/again", json={"reason": None, "suspend": False}) as answer:
        tag = answer.headers["ETag"]
    assert api.kube.has(DKRON_BACKFILLS, "again")["spec"] == SPEC | {"maxRuns": 10, "suspend": False}
    old = await api.client.delete(f"{PATH}/again", headers={"If-Match": '"1"'})
    new = await api.client.delete(f"{PATH}/again", headers={"If-Match": tag})
    gone = await api.client.delete(f"{PATH}/again")
    assert [each.status for each in (old, new, gone)] == [412, 200, 404]
    assert await gone.text() == 'there is no backfill "again"'


async def test_a_backfill_without_a_name_is_given_one(api: Api) -> None:
    async with api.client.post(PATH, json=SPEC) as answer:
        assert (await answer.json())["name"].startswith("report-")


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        pytest.param("[1]", "it is not an object", id="no object"),
        pytest.param('{"maxRuns": 3}', '"maxRuns" is not a field of it; it has name, job,', id="the name in the spec"),
        pytest.param('{"max_runs": "3"}', 'max_runs: it is the string "3"; send a whole number', id="a text"),
        pytest.param('{"max_runs": true}', "max_runs: it is true; send a whole number", id="a flag"),
        pytest.param('{"name": ""}', "name: it is not a name", id="no name"),
        pytest.param('{"suspend": 1}', "suspend: it is the number 1; send true or false", id="a number for a flag"),
        pytest.param('{"selector": ["a"]}', "selector: it is not an object", id="a list for labels"),
        pytest.param('{"parameters": {"a": 1}}', 'the value of "a" is not a string', id="no text"),
        pytest.param('{"job": "a", "job": "b"}', '"job" is in it twice', id="twice"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_unusable_body_is_refused_in_one_sentence(api: Api, method: str, body: str, sentence: str) -> None:
    api.kube.put(DKRON_BACKFILLS, stored())
    async with api.client.request(method, PATH if method == "POST" else f"{PATH}/again", data=body) as answer:
        text = await answer.text()
    assert (answer.status, sentence in text) == (400, True), text
    assert not [call for call in api.kube.calls if call.startswith(("create", "patch"))]


async def test_refusal_has_the_sentence_that_kubectl_shows(api: Api) -> None:
    rule = Cause("spec.maxRuns", "must be at most 10000")
    api.kube.fail("create dkronbackfills", Rejected("invalid", status=422, causes=(rule,)))
    async with api.client.post(PATH, json=BODY) as answer:
        assert (answer.status, await answer.text()) == (422, "max_runs: must be at most 10000")


@pytest.mark.parametrize(
    ("found", "state"),
    [
        pytest.param(stored(), "planning", id="not seen yet"),
        pytest.param(stored(plan={"count": 4, "jobs": 1}), "running", id="planned"),
        pytest.param(stored(spec={"suspend": True}, plan={"count": 4, "jobs": 1}), "suspended", id="suspended"),
        pytest.param(stored(spec={"suspend": True}, conditions=ended("Complete", "Finished")), "succeeded", id="done"),
        pytest.param(stored(conditions=ended("Complete", "Planned")), "planned", id="a dry run"),
        pytest.param(stored(conditions=ended("Failed", "RunsFailed")), "failed", id="failed"),
        pytest.param(stored(conditions=ended("Failed", "Stopped")), "stopped", id="stopped"),
        pytest.param(stored(conditions=ended("Failed", "Refused")), "refused", id="refused"),
    ],
)
async def test_backfill_state_is_one_word(api: Api, found: Object, state: str) -> None:
    api.kube.put(DKRON_BACKFILLS, found)
    async with api.client.get(f"{PATH}/again") as answer:
        assert (await answer.json())["state"] == state


async def test_list_is_newest_first_paged_and_skips_unreadable_items(api: Api) -> None:
    for day in (1, 3, 2):
        spec = {"job": "other"} if day == 3 else {}
        api.kube.put(DKRON_BACKFILLS, stored(f"b{day}", created=f"2026-03-0{day}T00:00:00Z", spec=spec))
    api.kube.put(DKRON_BACKFILLS, stored("b0", spec={"from": "yesterday"}, created="2026-02-01T00:00:00Z"))

    async def names(query: str) -> tuple[list[str], str]:
        async with api.client.get(f"{PATH}?{query}") as answer:
            return [each["name"] for each in await answer.json()], answer.headers["X-Total-Count"]

    assert await names("") == (["b3", "b2", "b1"], "4")
    assert await names("_start=1&_end=2") == (["b2"], "4")
    assert await names("job=other") == (["b3"], "1")
    assert api.kube.calls == ["list dkronbackfills"], "requests within a second share one list"
    await api.client.delete(f"{PATH}/b3")
    assert (await names("_end=1"))[0] == ["b2"], "a client reads its own writes"


class Slow(FakeKube):
    """Answers a list once it may."""

    may_answer: asyncio.Event

    async def list(self, resource: Resource, namespace: str | None, **selectors: Any) -> AsyncIterator[Object]:  # type: ignore[override]
        async for each in super().list(resource, namespace, **selectors):
            await self.may_answer.wait()
            yield each


async def test_many_clients_at_once_are_one_request() -> None:
    kube = Slow()
    kube.may_answer = asyncio.Event()
    kube.put(DKRON_BACKFILLS, stored())
    objects = Objects(cast("KubeClient", kube), lambda: 0.0)
    asking = [asyncio.create_task(objects.list(BACKFILL, NAMESPACE)) for _ in range(5)]
    await asyncio.sleep(0)
    kube.may_answer.set()
    assert {found[0]["metadata"]["name"] for found in await asyncio.gather(*asking)} == {"again"}
    assert kube.calls == ["list dkronbackfills"]


async def test_cluster_without_the_crd_is_reported(api: Api) -> None:
    api.kube.fail("list dkronbackfills", NotFound("the server could not find the requested resource", status=404))
    async with api.client.get(PATH) as answer:
        assert (answer.status, "does not have the kind DkronBackfill" in await answer.text()) == (503, True)


def run_of(slot: str, phase: str, *, owner: str = "uid-of-again", **status: Any) -> Object:
    metadata = {"labels": {OF_BACKFILL: "again"}, "ownerReferences": [{"uid": owner}]}
    spec = {"job": "report", "scheduledTime": slot}
    return object_of(f"run-{slot[15]}-{owner}", metadata=metadata, spec=spec, status={"phase": phase, **status})


async def test_each_slot_shows_its_state(api: Api) -> None:
    job = wire_job(name="report")
    execution = {
        "id": "1-x", "job": "x", "slot": SLOTS[0], "group": 7, "trigger": "backfill", "attempt": 1,
        "startedAt": SLOTS[0], "finishedAt": SLOTS[1], "state": "Succeeded",
    }  # fmt: skip
    api.know_jobs(job | {"status": {"executions": [execution]}})
    targets = [{"job": "report", "uid": job["metadata"]["uid"], "slots": SLOTS}]
    api.kube.put(DKRON_BACKFILLS, stored(plan={"count": 4, "jobs": 1}, targets=targets, begun=3))
    api.kube.put(DKRON_RUNS, run_of(SLOTS[0], "Succeeded", group=7, attemptCount=1))
    api.kube.put(DKRON_RUNS, run_of(SLOTS[2], "Running"))
    api.kube.put(DKRON_RUNS, run_of(SLOTS[2], "Failed", owner="another backfill of this name"))
    async with api.client.get(f"{PATH}/again/slots") as answer:
        found = [(each["slot"], each["job"], each["state"], each["execution"]) for each in await answer.json()]
    assert found == [
        (SLOTS[0], "report", "succeeded", "1-x"),
        (SLOTS[1], "report", "gone", ""),
        (SLOTS[2], "report", "running", ""),
        (SLOTS[3], "report", "waiting", ""),
    ]
    assert answer.headers["X-Total-Count"] == "4"


async def test_values_naming_a_secret_need_the_right_to_read_it() -> None:
    scheme = OneCaller()
    async with running_api(backfills.ROUTES, guard=Guard([scheme])) as api:
        api.know_jobs()
        body = BODY | {"parameters": {"password": "secretRef:db/pw"}}
        scheme.lacking = 'get secrets "db" in namespace default'
        refused = await api.client.post(PATH, json=body, headers=VALID)
        assert (refused.status, api.kube.calls) == (403, [])
        scheme.lacking = ""
        assert (await api.client.post(PATH, json=body, headers=VALID)).status == 201
    assert scheme.asked[0] == "create dkronbackfills in namespace default"


PAUSED: Object = {
    "status": {"conditions": [{"type": "Suspended", "status": "True", "reason": "Paused", "message": "paused"}]}
}
SOME = {"selector": {"team": "data"}}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A body, the jobs with the label `team`, and the rights to jobs that they take."""

    body: Object = field(default_factory=dict)
    jobs: dict[str, Object] = field(default_factory=lambda: {"report": {}})
    needs: tuple[str, ...] = ()


RIGHTS = {
    "of a job": Asked(needs=('run "report"',)),
    "that is not there": Asked(jobs={}, needs=('run "report"',)),
    "that is disabled": Asked(jobs={"report": {"disabled": True}}, needs=('run "report"', 'force "report"')),
    "that is paused": Asked(jobs={"report": PAUSED}, needs=('run "report"', 'force "report"')),
    "beside others": Asked(jobs={"report": {}, "other": {"disabled": True}}, needs=('run "report"',)),
    "that only plans": Asked(body={"dry_run": True}, needs=('run "report"',)),
    "of all with a label": Asked(
        body=SOME, jobs={"a": {}, "b": {"disabled": True}}, needs=('run "a"', 'run "b"', 'force "b"')
    ),
    "of none": Asked(body={"selector": {"team": "none"}}),
    "of many": Asked(body=SOME, jobs={f"j{n}": {} for n in range(MOST_JOBS + 1)}, needs=("run in",)),
}


@pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in RIGHTS.items()])
async def test_backfill_needs_the_rights_of_its_runs(row: Asked) -> None:
    scheme = OneCaller()
    by_label = "selector" in row.body
    body = {key: each for key, each in BODY.items() if not (by_label and key == "job")} | row.body
    async with running_api(backfills.ROUTES, guard=Guard([scheme])) as api:
        api.know_jobs(*(labelled(name, **each) for name, each in row.jobs.items()))
        assert (await api.client.post(PATH, json=body, headers=VALID)).status == 201
        asked = dict.fromkeys(each for each in scheme.asked if " dkronjobs/" in each)
        assert tuple(each.partition("dkronjobs/")[2].split(" namespace")[0] for each in asked) == tuple(
            need if need.endswith(" in") else f"{need} in" for need in row.needs
        )
        for scheme.lacking in asked:
            for method, path, sent in (("POST", PATH, body | {"name": "more"}), ("PATCH", f"{PATH}/again", GOES_ON)):
                async with api.client.request(method, path, json=sent, headers=VALID) as answer:
                    text = await answer.text()
                    assert (answer.status, by_label and '"' in text) == (403, False), "its jobs are not told"
        assert api.kube.names(DKRON_BACKFILLS) == ["again"]


GOES_ON = {"suspend": False}


async def test_to_hold_a_backfill_takes_no_right_to_its_jobs() -> None:
    scheme = OneCaller(allowed="update dkronbackfills")
    async with running_api(backfills.ROUTES, guard=Guard([scheme])) as api:
        api.know_jobs(labelled("report"))
        api.kube.put(DKRON_BACKFILLS, stored())
        for body, status in (({"suspend": True, "reason": "why"}, 200), (GOES_ON, 403), ({"parallelism": 2}, 403)):
            assert (await api.client.patch(f"{PATH}/again", json=body, headers=VALID)).status == status


def labelled(name: str, **fields: Any) -> Object:
    status = fields.pop("status", {})
    job = wire_job(name=name, uid=f"uid-of-{name}", **fields)
    job["metadata"]["labels"] = {"team": "data"}
    return job | {"status": status}
