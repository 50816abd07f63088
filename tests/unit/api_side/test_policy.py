"""ACL policies over REST: what is taken, what is refused in which words, what is read back (Dkron behaviour §7)."""

import json
import re
from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_api.edge.keys import POLICIES
from dkron_api.routes import policies
from dkron_api.translate.policy import PolicyError, read_policy, read_rules, show_policy
from dkron_crds.policy import Capability
from dkron_kube.paths import DKRON_POLICIES
from tests.support.api_app import Api, object_of

ROUTES = (policies.ROUTES,)

Object = dict[str, Any]
READ_JOBS: Object = {"path": {"/v1/jobs": {"capabilities": ["list"]}, "/v1/jobs/*": {"capabilities": ["read"]}}}
PATH = "/v1/acl/policies/readers"

paths = st.text(st.characters(categories=["L", "N", "P"]), max_size=20).map(lambda rest: f"/{rest}")
capabilities = st.lists(st.sampled_from([str(each) for each in Capability]), max_size=5, unique=True)
specs = st.dictionaries(paths, st.fixed_dictionaries({"capabilities": capabilities}), max_size=10)


def body(rules: object, **more: Any) -> bytes:
    return json.dumps({"Rules": rules if isinstance(rules, str) else json.dumps(rules), **more}).encode()


def stored(name: str = "readers", *, version: int = 1, spec: Object | None = None) -> Object:
    return object_of(name, version=version, spec=READ_JOBS if spec is None else spec)


# --- pure ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["readers", "a", "0", "a.b", "team-1.readers", "a" * 253])
def test_a_policy_becomes_an_object_of_its_name(name: str) -> None:
    assert read_policy(body(READ_JOBS), name) == {
        "apiVersion": "dkron.io/v1alpha1",
        "kind": "DkronPolicy",
        "metadata": {"name": name},
        "spec": READ_JOBS,
    }


@pytest.mark.parametrize(
    "name", ["", "Readers", "a_b", "-a", "a-", "a..b", "a.-b", ".a", "a.", "ñ", "a b", "a" * 254, "a\n"]
)
def test_illegal_policy_name_is_refused_with_the_rule(name: str) -> None:
    with pytest.raises(PolicyError, match=r"use at most 253 lower-case letters a-z, digits"):
        read_policy(body(READ_JOBS), name)


@given(spec=specs)
def test_stored_policy_reads_back(spec: Object) -> None:
    shown = show_policy(stored(spec={"path": spec}))
    assert shown["Name"] == "readers"
    assert read_rules(shown["Rules"]).to_wire() == {"path": spec}


def test_rules_are_shown_compact_and_sorted() -> None:
    unsorted = dict(reversed(READ_JOBS["path"].items()))
    assert show_policy(stored(spec={"path": unsorted}))["Rules"] == (
        '{"path":{"/v1/jobs":{"capabilities":["list"]},"/v1/jobs/*":{"capabilities":["read"]}}}'
    )


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        pytest.param(body(READ_JOBS, Name="readers"), "", id="the name of the path"),
        pytest.param(body(READ_JOBS, Name=""), "", id="an empty name"),
        pytest.param(body(READ_JOBS, Name=None), "", id="null for a name"),
        pytest.param(body(READ_JOBS, Name="readers", id=7), "", id="unknown fields beside it"),
        pytest.param(body(READ_JOBS).replace(b"Rules", b"rULES"), "", id="its field in another case, as Go takes it"),
        pytest.param(body(f" {json.dumps(READ_JOBS, indent=2)}\n"), "", id="rules with line breaks"),
        pytest.param(b"", "the body cannot be read: it is empty", id="empty"),
        pytest.param(b"{", "the body cannot be read: it is not JSON", id="cut off"),
        pytest.param(b"[]", 'must be a JSON object with "Name" and "Rules", not a list', id="a list"),
        pytest.param(b"null", 'must be a JSON object with "Name" and "Rules", not null', id="null"),
        pytest.param(b"{}", "Rules must be a string that holds JSON", id="without rules"),
        pytest.param(b'{"Rules": {"path": {}}}', "Rules must be a string that holds JSON", id="rules as an object"),
        pytest.param(
            body(READ_JOBS, Name="writers"), 'names the policy "writers", but the path names "readers"', id="renamed"
        ),
        pytest.param(body(READ_JOBS, Name=7), "names the policy 7", id="with a number for a name"),
    ],
)
def test_a_body_is_taken_or_refused(sent: bytes, sentence: str) -> None:
    with pytest.raises(PolicyError, match=re.escape(sentence)) if sentence else nullcontext():
        assert read_policy(sent, "readers")["spec"] == READ_JOBS


def of(path: str, rule: object) -> Object:
    """Rules of one path."""
    return {"path": {path: rule}}


def capable(*listed: object) -> Object:
    return of("/v1/jobs", {"capabilities": list(listed)})


NEEDED = "the path \"/v1/jobs\" in Rules needs 'capabilities', a list of create, read, update, delete, list"


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        pytest.param("", "Rules cannot be read: it is empty", id="empty"),
        pytest.param("{", "Rules cannot be read: it is not JSON", id="cut off"),
        pytest.param(
            '{"path": {}} {}', "more text follows the JSON, which ends after 12 characters", id="two policies"
        ),
        pytest.param([], "Rules must be an object, as in", id="a list"),
        pytest.param({}, "'path' in Rules must be an object, as in", id="without path"),
        pytest.param({"paths": {}}, "Rules has the unknown field \"paths\"; only 'path' is allowed", id="misspelt"),
        pytest.param(of("v1/jobs", {}), 'the path "v1/jobs" in Rules cannot be used', id="a relative path"),
        pytest.param(of("/" + "a" * 1024, {}), "at most 1024 characters", id="a path that is too long"),
        pytest.param(of("/a\n", {}), "no control characters", id="a path of two lines"),
        pytest.param(of("/\ud800", {}), "half of a surrogate pair", id="half a character"),
        pytest.param(of("/v1/jobs", {}), NEEDED, id="no capabilities"),
        pytest.param(of("/v1/jobs", {"capabilities": "list"}), NEEDED, id="a text for capabilities"),
        pytest.param(of("/v1/jobs", {"capabilities": [], "deny": []}), 'the unknown field "deny"', id="a field more"),
        pytest.param(
            capable("list", "run"),
            'the path "/v1/jobs" in Rules: "run" is not a capability; use create, read, update, delete, list',
            id="an unknown capability",
        ),
        pytest.param(capable("List"), '"List" is not a capability', id="a capability in capitals"),
        pytest.param(capable(1), "1 is not a capability", id="a number among the capabilities"),
        pytest.param(
            '{"path": {"/a": {"capabilities": []}, "/a": {"capabilities": ["read"]}}}',
            "'path' in Rules has \"/a\" twice",
            id="two rules for one path",
        ),
        pytest.param(
            {"path": {f"/{n}": {"capabilities": []} for n in range(257)}},
            "Rules has 257 paths; at most 256",
            id="many paths",
        ),
        pytest.param("[" * 100_000, "nested too deeply", id="deeper than anybody reads"),
        pytest.param('{"path": ' + "[" * 900 + "]" * 900 + "}", "must be an object", id="deep, where none is expected"),
        pytest.param("NaN", "it is not JSON", id="not a number"),
    ],
)
def test_rules_are_refused_that_are(rules: object, sentence: str) -> None:
    with pytest.raises(PolicyError) as refused:
        read_policy(body(rules), "readers")
    assert sentence in str(refused.value)
    assert str(refused.value).isprintable()


def test_duplicate_capability_counts_once() -> None:
    assert read_rules(json.dumps(capable("list", "read", "list"))).to_wire() == capable("list", "read")


# --- over HTTP -----------------------------------------------------------------------------------------------------


def in_cluster(api: Api, **fields: Any) -> Object:
    """A policy that both the API server and the cache have."""
    policy = api.kube.put(DKRON_POLICIES, stored(**fields))
    api.know(POLICIES, policy)
    return policy


async def test_policy_has_its_tag_from_the_first_answer_on(api: Api) -> None:
    assert (await api.client.get(PATH)).status == 503, "the policies are still being read"
    api.know(POLICIES)
    made = await api.client.post(PATH, data=body(READ_JOBS))
    assert made.headers["ETag"] == (await api.client.get(PATH)).headers["ETag"]


async def test_new_policy_keeps_foreign_labels(api: Api) -> None:
    api.kube.put(DKRON_POLICIES, object_of("readers", spec=READ_JOBS, metadata={"labels": {"team": "a"}}))
    assert (await api.client.post(PATH, data=body(capable()))).status == 202
    kept = api.kube.has(DKRON_POLICIES, "readers")
    assert (kept["metadata"]["labels"], kept["spec"]) == ({"team": "a"}, capable())


async def test_concurrent_create_of_a_policy_replaces_it(api: Api) -> None:
    def somebody_else() -> None:
        api.kube.put(DKRON_POLICIES, stored())

    api.kube.meanwhile("create dkronpolicies", somebody_else)
    assert (await api.client.post(PATH, data=body(capable("delete")))).status == 202
    assert api.kube.has(DKRON_POLICIES, "readers")["spec"] == capable("delete")


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize(
    ("headers", "taken"),
    [
        pytest.param({"If-Match": '"101"'}, True, id="its version"),
        pytest.param({"If-Match": "*"}, True, id="any version"),
        pytest.param({"If-Match": '"7"'}, False, id="another version"),
        pytest.param({"If-Match": "W/x"}, False, id="a version of another server"),
    ],
)
async def test_a_write_depends_on(api: Api, method: str, headers: dict[str, str], taken: bool) -> None:
    assert in_cluster(api)["metadata"]["resourceVersion"] == "101"
    answer = await api.client.request(method, PATH, data=body(capable()), headers=headers)
    assert (answer.status in (200, 202)) is taken
    assert taken or answer.status == 412


@pytest.mark.parametrize(
    ("there", "headers", "status"),
    [
        pytest.param(True, {"If-None-Match": "*"}, 412, id="new, and it exists"),
        pytest.param(False, {"If-None-Match": "*"}, 202, id="new, and it does not exist"),
        pytest.param(False, {"If-Match": "*"}, 412, id="there, and it does not exist"),
    ],
)
async def test_a_policy_that_must_be(api: Api, there: bool, headers: dict[str, str], status: int) -> None:
    if there:
        in_cluster(api)
    answer = await api.client.post(PATH, data=body(capable()), headers=headers)
    assert answer.status == status
