"""Policies over REST at a real API server: what we take it takes, and a version that has passed is noticed."""

import json
from typing import Any

import pytest

from dkron_kube.paths import DKRON_POLICIES
from tests.support.api_sites import ApiSite

pytestmark = pytest.mark.cluster(nodes="kwok")

ANYTHING = ["create", "read", "update", "delete", "list"]


def body(paths: dict[str, list[str]]) -> dict[str, Any]:
    return {"Rules": json.dumps({"path": {path: {"capabilities": listed} for path, listed in paths.items()}})}


@pytest.mark.parametrize(
    "paths",
    [
        pytest.param({}, id="no path"),
        pytest.param({"/v1/jobs": []}, id="no capability"),
        pytest.param({"/v1/jobs": ["read", "read"]}, id="a capability twice"),
        pytest.param({f"/{n}": ANYTHING for n in range(256)}, id="as many paths as are allowed"),
        pytest.param({"/" + "ñ" * 1023: ANYTHING}, id="a path as long as is allowed"),
        pytest.param({"/v1/**": ["read"], "/v1/jobs/*/executions*": ["read"], "/a b.c?": []}, id="patterns"),
    ],
)
def test_the_api_server_takes_a_policy_with(shared_api: ApiSite, paths: dict[str, list[str]]) -> None:
    made = shared_api.rest.post("/v1/acl/policies/taken", body(paths))
    assert made.status == 202, made
    shown = json.loads(shared_api.rest.get("/v1/acl/policies/taken").json()["Rules"])
    assert shown == {"path": {path: {"capabilities": list(dict.fromkeys(listed))} for path, listed in paths.items()}}


def test_a_name_as_long_as_is_allowed_can_be_stored(shared_api: ApiSite) -> None:
    name = ".".join(["a" * 63] * 3 + ["b" * 61])
    assert len(name) == 253
    assert shared_api.rest.post(f"/v1/acl/policies/{name}", body({})).status == 202
    assert shared_api.rest.delete(f"/v1/acl/policies/{name}").status == 200


def test_stale_version_is_refused_by_the_api_server(shared_api: ApiSite) -> None:
    first = shared_api.rest.post("/v1/acl/policies/versions", body({"/1": []}))
    second = shared_api.rest.post("/v1/acl/policies/versions", body({"/2": []}))
    old, new = {"If-Match": first.header("ETag") or ""}, {"If-Match": second.header("ETag") or ""}
    assert shared_api.rest.post("/v1/acl/policies/versions", body({"/3": []}), headers=old).status == 412
    assert shared_api.rest.delete("/v1/acl/policies/versions", headers=old).status == 412
    stored = shared_api.kube.get(DKRON_POLICIES, "versions")
    assert list(stored["spec"]["path"]) == ["/2"]
    assert shared_api.rest.post("/v1/acl/policies/versions", body({"/4": []}), headers=new).status == 202
    assert shared_api.rest.delete("/v1/acl/policies/versions").status == 200
