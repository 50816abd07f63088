"""Who may do what by which route: no route without a rule, no caller without a decision."""

import json
import logging
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

import pytest
from aiohttp import web

from dkron_api.app import routes
from dkron_api.auth.guard import Guard
from dkron_api.auth.routes import IDENTIFIED, MOST_SECRETS, NO_RESOURCE, PUBLIC, TABLE, route_right
from dkron_api.edge.keys import CLUSTERS, LEASES, NODES, POLICIES
from dkron_api.settings import Settings
from dkron_crds.names import MODIFIED_BY
from dkron_kube.errors import Unavailable
from dkron_kube.paths import DKRON_JOBS
from tests.support.api_app import Api, running_api
from tests.support.api_callers import JOB, VALID, OneCaller, backup, send
from tests.support.builders import wire_job

ROUTES = [
    (route.method, route.path.replace(":.*", "")) for route in routes(Settings()) if isinstance(route, web.RouteDef)
]
GUARDED = sorted(
    ((method, path) for method, path in ROUTES if path not in PUBLIC),
    key=lambda each: (each[0] == "DELETE", "pause" in each[1], -len(each[1])),
)
"""What takes the job away, or stops changes, comes last."""


@pytest.fixture
def scheme() -> OneCaller:
    return OneCaller()


@pytest.fixture
async def api(scheme: OneCaller) -> AsyncIterator[Api]:
    async with running_api(routes(Settings()), guard=Guard([scheme])) as running:
        know(running)
        yield running


def know(api: Api) -> None:
    """The caches are complete, and there is one job."""
    api.know_jobs(api.kube.put(DKRON_JOBS, wire_job(name="backup")))
    for key in (CLUSTERS, LEASES, NODES, POLICIES):
        api.know(key)


def test_each_route_has_exactly_one_rule() -> None:
    for method, path in ROUTES:
        rules = (path in PUBLIC, path in IDENTIFIED, path in NO_RESOURCE, route_right(method, path) is not None)
        assert sum(rules) == 1, f"{method} {path}"
    assert {(each.method, each.path) for each in TABLE} <= set(ROUTES), "a rule without a route"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="none"),
        pytest.param({"Authorization": "Bearer wrong"}, id="wrong"),
        pytest.param({"X-Dkron-Token": "wrong"}, id="wrong in Dkron's header"),
        pytest.param({"Authorization": "Bearer other"}, id="of no scheme"),
        pytest.param({"Authorization": "Basic dmFsaWQ6"}, id="a password"),
    ],
)
async def test_caller_without_a_valid_token_gets_401(api: Api, headers: dict[str, str]) -> None:
    for method, template in GUARDED:
        status, _ = await send(api, method, template, headers)
        assert (status, api.kube.calls) == (401, []), f"{method} {template}"


async def test_caller_without_the_right_learns_which_one(api: Api, scheme: OneCaller) -> None:
    scheme.allowed = "nothing"
    for method, template in GUARDED:
        scheme.asked.clear()
        status, text = await send(api, method, template, VALID)
        if template in IDENTIFIED:
            assert status not in (401, 403), f"{method} {template}"
            continue
        assert (status, scheme.asked[:1], api.kube.calls) == (403, scheme.asked, []), f"{method} {template}"
        # Which of the two it is would tell whether the job exists.
        lacking = re.sub(r"^(create|update) dkronjobs ", "create or update dkronjobs ", scheme.asked[0])
        assert f"ci may not {lacking}" in text.replace('\\"', '"')


async def test_no_caller_is_admitted_while_tokens_cannot_be_checked(api: Api, scheme: OneCaller) -> None:
    scheme.trouble = Unavailable("no answer")
    for method, template in GUARDED:
        status, _ = await send(api, method, template, VALID)
        assert (status, api.kube.calls) == (503, []), f"{method} {template}"


@dataclass(frozen=True, slots=True)
class Save:
    """A request that takes more than one right."""

    path: str
    needs: str
    config: dict[str, str] = field(default_factory=dict)
    executor: str = "shell"


@pytest.mark.parametrize(
    "save",
    [
        pytest.param(Save("/v1/jobs", "update dkronjobs"), id="a job that exists"),
        pytest.param(Save("/v1/jobs?force=true", "update dkronjobs/force"), id="by force"),
        pytest.param(Save("/v1/jobs?runoncreate", "create dkronjobs/run"), id="and run it"),
        pytest.param(Save("/v1/jobs", 'get secrets "db"', {"env": "P=secretRef:db/pw"}), id="with a Secret"),
        pytest.param(Save("/v1/jobs", 'get secrets "db"', {"env": "P=\\u0073ecretRef:db/pw"}), id="that is hidden"),
        pytest.param(Save("/v1/jobs", "create jobs", executor="kubernetes"), id="with a pod of its own"),
    ],
)
async def test_each_part_of_a_request_takes_its_own_right(api: Api, scheme: OneCaller, save: Save) -> None:
    body = JOB | {"executor": save.executor, "executor_config": {"command": "true", **save.config}}
    await api.client.post(save.path, json=body, headers=VALID)
    needed = list(dict.fromkeys(scheme.asked))
    assert [right for right in needed if right.startswith(save.needs)]
    written = list(api.kube.calls)
    for scheme.lacking in needed:
        async with api.client.post(save.path, json=body, headers=VALID) as answer:
            assert (answer.status, api.kube.calls) == (403, written), scheme.lacking


async def test_rate_limit_applies_to_a_known_caller(scheme: OneCaller) -> None:
    async with running_api(routes(Settings()), guard=Guard([scheme]), rate=1.0) as api:
        know(api)

        async def statuses(count: int, token: str) -> list[int]:
            headers = {"Authorization": f"Bearer {token}"}
            return [(await send(api, "GET", "/v1/jobs", headers))[0] for _ in range(count)]

        assert await statuses(3, "wrong") == [401, 401, 429], "of the address"
        assert (await send(api, "GET", "/v1/jobs", {}))[0] == 429, "without a token, too"
        assert await statuses(3, "valid") == [200, 200, 429], "of the caller, not of its address"
        assert (await send(api, "GET", "/openapi.json", {}))[0] == 429, "the address has used its own"


async def test_one_caller_does_not_take_all_open_answers(scheme: OneCaller) -> None:
    async with running_api(routes(Settings()), guard=Guard([scheme]), max_streams_per_caller=1) as api:
        know(api)
        async with api.client.get("/v1/events", headers=VALID) as first:
            status, text = await send(api, "GET", "/v1/events", VALID)
            assert (first.status, status, "this caller already has 1 open responses" in text) == (200, 503, True)


async def test_text_audit_log_shows_the_address_behind_a_proxy(
    scheme: OneCaller, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "dkron_api.audit")
    scheme.address = "192.0.2.7"
    headers = VALID | {"X-Forwarded-For": "10.0.0.9, 192.0.2.7"}
    trusted = [ip_network("127.0.0.0/8")]
    async with running_api(
        routes(Settings()), guard=Guard([scheme]), log_format="text", trusted_proxies=trusted
    ) as api:
        know(api)
        async with api.client.post("/v1/jobs/backup/toggle", headers=headers) as answer:
            assert answer.status == 200
    (record,) = (record for record in caplog.records if record.name == "dkron_api.audit")
    assert (record.getMessage(), vars(record)["remote"]) == ("POST /v1/jobs/backup/toggle allowed", "192.0.2.7")


def with_secret(name: str, secret: str) -> dict[str, object]:
    return JOB | {"name": name, "executor_config": {"command": "true", "env": f"P=secretRef:{secret}/pw"}}


@pytest.mark.parametrize(
    ("jobs", "lacking"),
    [
        pytest.param([with_secret("a", "db")], 'get secrets "db"', id="a Secret"),
        pytest.param([JOB | {"executor": "kubernetes"}], "create jobs", id="a pod of its own"),
        pytest.param([with_secret(f"j{n}", f"s{n}") for n in range(101)], "get secrets in", id="many Secrets"),
    ],
)
async def test_a_restore_takes_the_rights_that_its_jobs_take(
    api: Api, scheme: OneCaller, jobs: list[dict[str, object]], lacking: str
) -> None:
    await api.client.post("/v1/restore", data=backup(jobs), headers=VALID)
    (scheme.lacking,) = (right for right in scheme.asked if right.startswith(lacking))
    written = list(api.kube.calls)
    async with api.client.post("/v1/restore", data=backup(jobs), headers=VALID) as answer:
        assert (answer.status, api.kube.calls) == (403, written)


KEPT = {"spec": {"template": {"spec": {"serviceAccountName": "viewer"}}}}


@pytest.mark.parametrize(
    ("change", "template", "asked"),
    [
        pytest.param({"executor_config": {"command": "printenv PW"}}, KEPT, True, id="another command in it"),
        pytest.param({"executor": "http"}, KEPT, True, id="another executor in it"),
        pytest.param({"schedule": "@every 2h"}, KEPT, False, id="what does not run in it"),
        pytest.param({"executor_config": {"command": "printenv PW"}}, None, False, id="none"),
    ],
)
@pytest.mark.parametrize("route", ["/v1/jobs", "/v1/restore"])
async def test_command_in_a_kept_template_needs_job_creation_rights(
    api: Api, scheme: OneCaller, *, change: dict[str, object], template: object, asked: bool, route: str
) -> None:
    more: dict[str, Any] = {} if template is None else {"jobTemplate": template}
    api.know_jobs(api.kube.put(DKRON_JOBS, wire_job(name="backup", schedule="@every 1h", **more)))
    job = JOB | change
    await api.client.post(route, headers=VALID, data=json.dumps(job) if route == "/v1/jobs" else backup([job]))
    assert any(right.startswith("create jobs ") for right in scheme.asked) is asked


async def test_job_naming_many_secrets_is_checked_once(api: Api, scheme: OneCaller) -> None:
    env = ",".join(f"P{n}=secretRef:s{n}/pw" for n in range(MOST_SECRETS + 1))
    await api.client.post("/v1/jobs", json=JOB | {"executor_config": {"command": "true", "env": env}}, headers=VALID)
    assert {asked for asked in scheme.asked if asked.startswith("get secrets")} == {"get secrets in namespace default"}


async def test_change_is_audited_with_its_author(api: Api, capfd: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("dkron_api.audit").setLevel(logging.INFO)
    await api.client.post("/v1/jobs", json=JOB, headers=VALID)
    await api.client.post("/v1/jobs/backup/toggle", headers=VALID)
    await api.client.get("/v1/jobs", headers=VALID)
    await api.client.get("/v1/jobs?token=secret", headers={"Authorization": "Bearer wrong"})
    assert api.kube.has(DKRON_JOBS, "backup")["metadata"]["annotations"][MODIFIED_BY] == "ci"
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines() if "dkron_api.audit" in line]
    assert [(line["msg"], line["caller"], line["status"]) for line in lines] == [
        ("POST /v1/jobs allowed", "ci", 201),
        ("POST /v1/jobs/backup/toggle allowed", "ci", 200),
        ("GET /v1/jobs refused", "", 401),
    ]
    assert (lines[1]["verb"], lines[1]["resource"], lines[1]["object"]) == ("update", "dkronjobs/toggle", "backup")


@pytest.mark.parametrize(
    ("path", "right"),
    [
        pytest.param("/v1/jobs/backup/toggle?force", 'update dkronjobs/force "backup"', id="a job"),
        pytest.param("/v1/restore?force=true", "update dkronjobs/force in", id="all jobs"),
    ],
)
async def test_force_is_a_right_of_its_own_on_routes_to_jobs(
    api: Api, scheme: OneCaller, path: str, right: str
) -> None:
    await api.client.post(path, data=backup([JOB]), headers=VALID)
    assert [asked for asked in scheme.asked if asked.startswith(right)]


async def test_the_right_to_leave_includes_force(api: Api, scheme: OneCaller) -> None:
    scheme.allowed = "update dkronclusters/leave"
    answer = await api.client.post("/v1/leave?force", headers=VALID)
    assert (answer.status, len(scheme.asked)) == (200, 1)
