"""GET /v1/whoami: the caller and their rights, as the routes themselves would judge."""

import json
from typing import Any

import pytest

from dkron_api.app import routes
from dkron_api.auth.caller import Caller, Need
from dkron_api.auth.dkron import Rules, policies_allow
from dkron_api.auth.guard import Guard
from dkron_api.auth.routes import Namespaces, rights_to_explain
from dkron_api.routes.openapi import document
from dkron_api.settings import AuthMode, Settings
from dkron_crds.policy import Capability
from tests.support.api_app import Api, running_api
from tests.support.api_callers import VALID, OneCaller
from tests.support.builders import NAMESPACE

WHERE = Namespaces(jobs="team", home="home")
ALL = list(rights_to_explain(WHERE))


async def told(api: Api, path: str = "/v1/whoami", **headers: str) -> Any:
    answer = await api.client.get(path, headers=headers)
    return json.loads(await answer.text()) if answer.status == 200 else answer.status


async def test_disabled_authentication_allows_every_caller_everything() -> None:
    async with running_api(routes(Settings())) as api:
        assert await told(api) == {"name": "", "how": "none", "namespace": NAMESPACE, "rights": ALL}


async def test_caller_learns_its_rights() -> None:
    scheme = OneCaller(lacking=f"create dkronjobs/run in namespace {NAMESPACE}")
    async with running_api(routes(Settings()), guard=Guard([scheme])) as api:
        assert await told(api) == 401
        found = await told(api, **VALID)
        assert (found["name"], found["how"]) == ("ci", "kubernetes")
        assert set(ALL) - set(found["rights"]) == {"create dkronjobs/run"}
        of_one = await told(api, "/v1/whoami?job=nightly", **VALID)
        assert "create dkronjobs/run" in of_one["rights"]
        assert 'create dkronjobs/run "nightly" in namespace ' + NAMESPACE in scheme.asked


async def test_followers_learn_the_last_event_id() -> None:
    scheme = OneCaller()
    async with running_api(routes(Settings()), guard=Guard([scheme])) as api:
        assert "last_event_id" not in await told(api, **VALID), "nothing has been read"
        api.own.event_log.begin(7)
        assert (await told(api, **VALID))["last_event_id"] == "7-0"
        scheme.lacking = f"watch dkronjobs in namespace {NAMESPACE}"
        assert "last_event_id" not in await told(api, "/v1/whoami?job=", **VALID)


async def test_unauthorized_caller_does_not_learn_served_namespaces() -> None:
    scheme = OneCaller(allowed="nothing")
    async with running_api(routes(Settings(namespaces=["team-b"])), guard=Guard([scheme])) as api:
        assert (await told(api, "/ns/team-z/v1/whoami", **VALID))["rights"] == []
        scheme.allowed = None
        assert await told(api, "/ns/team-z/v1/whoami", **VALID) == 404


async def test_caller_sees_only_namespaces_whose_jobs_it_may_list() -> None:
    scheme = OneCaller(lacking="list dkronjobs in namespace team-b")
    async with running_api(routes(Settings()), namespaces=["team-b", "team-c"], guard=Guard([scheme])) as api:
        found = await told(api, "/v1/whoami?namespaces=all", **VALID)
        assert found["namespaces"] == sorted([NAMESPACE, "team-c"])
        assert "namespaces" not in await told(api, **VALID)


@pytest.mark.parametrize(
    ("pattern", "job", "granted"),
    [
        pytest.param("/v1/jobs/*/run", "", True, id="any job, by a pattern"),
        pytest.param("/v1/jobs/nightly/run", "", False, id="one job is not any"),
        pytest.param("/v1/jobs/nightly/run", "nightly", True, id="one job"),
        pytest.param("/v1/jobs/nightly/run", "weekly", False, id="another job"),
    ],
)
def test_policy_naming_a_job_grants_rights_to_that_job(pattern: str, job: str, granted: bool) -> None:
    rules = Rules({pattern: Capability})
    caller = Caller("ci", AuthMode.DKRON, policies=("p",))

    def allows(need: Need) -> bool:
        return policies_allow(caller.policies, need, {"p": rules}.get)

    assert allows(rights_to_explain(WHERE, job)["create dkronjobs/run"]) is granted


def test_the_description_names_each_right() -> None:
    described = document()["components"]["schemas"]["whoami"]["properties"]["rights"]["items"]["enum"]
    assert sorted(described) == sorted(ALL)
