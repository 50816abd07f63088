"""Pauses over REST: who pauses, what is shown of a pause, and what one namespace sees of a pause of all."""

import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from dkron_api.auth.guard import Guard
from dkron_api.routes import pauses
from dkron_kube.errors import Rejected
from dkron_kube.paths import DKRON_PAUSES, Resource
from tests.support.api_app import Api, object_of, running_api
from tests.support.api_callers import VALID, OneCaller
from tests.support.builders import wire_job
from tests.support.fake_kube import FakeKube

Object = dict[str, Any]
PATH = "/v1/pauses"
TEAM = {"team": "data"}


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with running_api(pauses.ROUTES) as running:
        know(running)
        yield running


def know(api: Api) -> None:
    labelled = wire_job(name="report")
    labelled["metadata"]["labels"] = TEAM
    api.know_jobs(labelled, wire_job(name="other", uid="uid-of-other"))


def pause(name: str, spec: Object, *, reason: str = "Paused", jobs: int = 1) -> Object:
    condition = {
        "type": "Active", "status": "True" if reason == "Paused" else "False", "reason": reason,
        "lastTransitionTime": "2026-03-01T11:00:00Z",
    }  # fmt: skip
    status = {"conditions": [condition], "jobs": jobs, "message": "of team-b, too"}
    return object_of(name, metadata={"creationTimestamp": "2026-03-01T11:00:00Z"}, spec=spec, status=status)


async def names(api: Api, query: str = "") -> list[str]:
    async with api.client.get(PATH + query) as answer:
        return [each["name"] for each in await answer.json()]


async def test_it_is_created_changed_and_ended(api: Api) -> None:
    body = {"name": "moves", "jobs": ["report", "other"], "reason": "a move", "paused_by": "ann", "enforce": True}
    async with api.client.post(PATH, json=body) as answer:
        made, tag = await answer.json(), answer.headers["ETag"]
        assert (answer.status, answer.headers["Location"]) == (201, f"{PATH}/moves")
    shown = {key: made[key] for key in ("paused_by", "state", "when_resumed", "until", "enforce")}
    assert shown == {
        "paused_by": "ann", "state": "unseen", "when_resumed": "missedRuns", "until": None, "enforce": True,
    }  # fmt: skip
    changed = await api.client.patch(f"{PATH}/moves", json={"jobs": ["other"]}, headers={"If-Match": tag})
    again = await api.client.patch(f"{PATH}/moves", json={"jobs": ["report"]}, headers={"If-Match": tag})
    assert (changed.status, (await changed.json())["jobs"], again.status) == (200, ["other"], 412)
    renamed = await api.client.patch(f"{PATH}/moves", json={"name": "else"})
    assert (renamed.status, "cannot change" in await renamed.text()) == (400, True)
    assert [(await api.client.delete(f"{PATH}/moves")).status for _ in range(2)] == [200, 404]


@pytest.mark.parametrize(
    ("stored", "change"),
    [
        pytest.param({"jobs": ["report"]}, {"jobs": []}, id="an empty list"),
        pytest.param({"jobs": ["report"]}, {"jobs": None}, id="no list"),
        pytest.param({"selector": {"a": "b"}}, {"selector": None}, id="no labels"),
        pytest.param({"reason": "why"}, {"selector": {}}, id="no labels for what is for all"),
    ],
)
async def test_empty_selection_creates_no_pause_of_all_jobs(api: Api, stored: Object, change: Object) -> None:
    assert (await api.client.post(PATH, json={"name": "p", **stored})).status == 201
    async with api.client.patch(f"{PATH}/p", json=change) as answer:
        assert (answer.status, "all jobs of the namespace" in await answer.text()) == (400, True)
    assert (await api.client.post(PATH, json={"name": "q", "jobs": []})).status == 400


@pytest.mark.parametrize(
    ("theirs", "status", "jobs"),
    [
        pytest.param({"reason": "theirs"}, 200, ["other"], id="which says why"),
        pytest.param({"allNamespaces": True}, 409, ["report"], id="which selects more than the caller was asked about"),
    ],
)
async def test_an_edit_meanwhile(api: Api, theirs: Object, status: int, jobs: list[str]) -> None:
    api.kube.put(DKRON_PAUSES, pause("p", {"jobs": ["report"]}))

    def edit() -> None:
        api.kube.edit(DKRON_PAUSES, "p", lambda it: it["spec"].update(theirs))

    api.kube.meanwhile("patch dkronpauses", edit)
    assert (await api.client.patch(f"{PATH}/p", json={"jobs": ["other"]})).status == status
    assert api.kube.has(DKRON_PAUSES, "p")["spec"] == {"jobs": jobs, **theirs}


async def test_token_caller_pauses_in_its_own_name(capfd: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("dkron_api.audit").setLevel(logging.INFO)
    async with running_api(pauses.ROUTES, guard=Guard([OneCaller()])) as api:
        know(api)
        await api.client.post(PATH, json={"name": "p", "paused_by": "ann"}, headers=VALID)
        assert api.kube.has(DKRON_PAUSES, "p")["spec"]["pausedBy"] == "ci"
        await api.client.patch(f"{PATH}/p", json={"paused_by": "ann"}, headers=VALID)
        assert api.kube.has(DKRON_PAUSES, "p")["spec"]["pausedBy"] == "ci"
    (line, _) = [json.loads(line) for line in capfd.readouterr().err.splitlines() if "dkron_api.audit" in line]
    assert {line[key] for key in ("verb", "resource", "object")} == {"create", "dkronpauses", "p"}


@pytest.mark.parametrize(
    ("spec", "selected"),
    [
        pytest.param({"jobs": ["report"]}, True, id="by name"),
        pytest.param({"jobs": ["other"]}, False, id="another one"),
        pytest.param({"selector": TEAM}, True, id="by label"),
        pytest.param({"selector": TEAM | {"tier": "1"}}, False, id="by one label of two"),
        pytest.param({}, True, id="all"),
    ],
)
async def test_pauses_of_a_job_are_found(api: Api, spec: Object, *, selected: bool) -> None:
    api.kube.put(DKRON_PAUSES, pause("p", spec))
    assert await names(api, "?job=report") == (["p"] if selected else [])
    assert (await api.client.get(f"{PATH}?job=none")).status == 404


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        ("Paused", "holds"),
        ("Expired", "expired"),
        ("NotAllowed", "not_allowed"),
        ("TooMany", "too_many"),
        ("Invalid", "invalid"),
        ("Later", "invalid"),
    ],
)
async def test_pause_state_is_one_word(api: Api, reason: str, state: str) -> None:
    api.kube.put(DKRON_PAUSES, pause("p", {}, reason=reason))
    async with api.client.get(f"{PATH}/p") as answer:
        assert (await answer.json())["state"] == state


@dataclass
class TwoNamespaces(FakeKube):
    """It also has the pauses of the namespace `home`, or refuses to list them."""

    at_home: list[Object] = field(default_factory=list)
    refuses: bool = False

    async def list(  # type: ignore[override]
        self, resource: Resource, namespace: str | None, **selectors: Any
    ) -> AsyncIterator[Object]:
        if namespace == "home" and self.refuses:
            raise Rejected("forbidden", status=403)
        if namespace == "home":
            for each in self.at_home:
                yield each
            return
        async for each in super().list(resource, namespace, **selectors):
            yield each


def of_all(name: str, **spec: Any) -> Object:
    found = pause(name, {"allNamespaces": True, "reason": "moves", **spec}, jobs=12)
    found["metadata"]["namespace"] = "home"
    return found


async def test_namespace_sees_its_part_of_a_cluster_wide_pause() -> None:
    hidden = of_all("hidden", jobs=["salaries-of-team-b"]), of_all("labels", selector={"customer": "acme"})
    seen, only_there = (of_all("everything"), of_all("one", jobs=["report", "salaries"])), pause("there", {})
    kube = TwoNamespaces(at_home=[*seen, *hidden, only_there])
    async with running_api(pauses.ROUTES, kube=kube, cluster_namespace="home") as api:
        know(api)
        async with api.client.get(PATH) as answer:
            found, text = await answer.json(), await answer.text()
        assert [(each["name"], each["namespace"], each["status"]["jobs"], each["jobs"]) for each in found] == [
            ("everything", "home", 2, []), ("one", "home", 1, ["report"]),
        ]  # fmt: skip
        assert not any(word in text for word in ("salaries", "acme", "team-b"))
        for field in ("all_namespaces", "enforce"):
            refused = await api.client.post(PATH, json={field: True})
            assert (refused.status, "in the operator's namespace" in await refused.text()) == (400, True)


async def test_pauses_are_shown_without_rights_to_cluster_wide_ones() -> None:
    async with running_api(pauses.ROUTES, kube=TwoNamespaces(refuses=True), cluster_namespace="home") as api:
        know(api)
        api.kube.put(DKRON_PAUSES, pause("own", {}))
        assert await names(api) == ["own"]
