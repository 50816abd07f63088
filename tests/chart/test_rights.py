"""The chart gives the rights that the tests prove to be needed, and no others."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from dkron_api.auth.routes import TABLE
from tests.support.api_rights import (
    FOR_BEGINNINGS,
    FOR_HISTORY,
    FOR_LEAVE,
    FOR_PLACES,
    FOR_POLICIES,
    FOR_SHARED,
    FOR_TOKENS,
    LEAST_API,
)
from tests.support.charts import CLUSTER_WIDE, NAMESPACE, Object, key, of_kind, rendered
from tests.support.rights import (
    FOR_KUEUE,
    FOR_OTHER_NAMESPACES,
    FOR_REPLICAS,
    FOR_TAGS,
    FOR_THE_INSTALLATION,
    LEAST,
    Rules,
    for_rest_token,
)

Rights = set[tuple[str, ...]]

FOR_THE_HANDOVER: Rules = {("discovery.k8s.io", "endpointslices"): ("list",)}
"""The request of an API pod before it ends (charts/dkron-operator/files/hand_over.py)."""
ASK = "system:auth-delegator"
"""The ClusterRole of Kubernetes with which the API asks whose a token is, and what its owner may do."""
ELSEWHERE = "team-a"
OPERATOR, API = "dkron-operator", "dkron-api"
AT_HOME = {"watchNamespaces": [NAMESPACE], "jobs": {"inReleaseNamespace": True}}
"""Jobs and the release in one namespace."""
ISSUER = {"issuer": "https://issuer.example", "audience": ["dkron"]}
EACH_MODE = pytest.mark.parametrize("mode", ["sidecar", "deployment"])


def wanted(*rules: Rules, home: bool | None = None) -> Rights:
    """Group, resource and verb of each right, and the name of the object if it reaches only one; `home` picks those
    about the installation, or all others."""
    return {
        (group, resource, verb, *names)
        for each in rules
        for (group, resource, *names), verbs in each.items()
        for verb in verbs
        if home is None or home == (resource in FOR_THE_INSTALLATION)
    }


def wanted_at_home(mode: str, *, policies: bool) -> Rights:
    """The API's rights in the namespace of the release, in its two modes, and whether it follows DkronPolicies."""
    rights = wanted(LEAST_API, home=True) | wanted(FOR_SHARED)
    rights -= set() if policies else wanted(FOR_POLICIES)
    return rights - wanted(FOR_LEAVE) | wanted(FOR_THE_HANDOVER) if mode == "deployment" else rights


def given(objects: Iterable[Object], account: str, namespace: str | None) -> Rights:
    """The account's rights in a namespace by Roles; with None in the whole cluster."""
    objects = list(objects)
    kind, binding = ("ClusterRole", "ClusterRoleBinding") if namespace is None else ("Role", "RoleBinding")
    roles = {key(item)[1:]: item for item in of_kind(objects, kind)}
    bound = [
        roles[key(item)[1], item["roleRef"]["name"]]
        for item in of_kind(objects, binding)
        if item["metadata"].get("namespace") == namespace
        and {"kind": "ServiceAccount", "name": account, "namespace": NAMESPACE} in item["subjects"]
        and item["roleRef"]["name"] != ASK
    ]
    return {
        (group, resource, verb, *rule.get("resourceNames", ()))
        for role in bound
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_operator_of_one_namespace_has_the_least_rights(tmp_path: Path) -> None:
    objects = rendered(AT_HOME | {"api": {"enabled": False}}, folder=tmp_path)
    assert given(objects, OPERATOR, NAMESPACE) == wanted(LEAST)
    assert given(objects, OPERATOR, None) == set()


def test_operator_has_roles_in_each_watched_namespace(tmp_path: Path) -> None:
    objects = rendered({"watchNamespaces": [ELSEWHERE, "team-b"], "api": {"enabled": False}}, folder=tmp_path)
    assert given(objects, OPERATOR, NAMESPACE) == wanted(LEAST, home=True) | wanted(FOR_REPLICAS, FOR_OTHER_NAMESPACES)
    for namespace in (ELSEWHERE, "team-b"):
        assert given(objects, OPERATOR, namespace) == wanted(LEAST, home=False)


def test_an_operator_of_all_namespaces_sees_nodes_too(tmp_path: Path) -> None:
    objects = rendered({"api": {"enabled": False}}, folder=tmp_path)
    assert given(objects, OPERATOR, NAMESPACE) == wanted(LEAST, home=True) | wanted(FOR_REPLICAS, FOR_OTHER_NAMESPACES)
    assert given(objects, OPERATOR, None) == wanted(LEAST, home=False) | wanted(FOR_TAGS)


def test_api_has_its_own_account_with_the_least_rights(tmp_path: Path) -> None:
    objects = rendered(AT_HOME | {"api": {"mode": "deployment"}}, folder=tmp_path)
    jobs = wanted(LEAST_API, home=False)
    assert given(objects, API, NAMESPACE) == jobs | wanted_at_home("deployment", policies=False)
    assert given(objects, OPERATOR, NAMESPACE) == wanted(LEAST)
    assert {"dkron-jobs", OPERATOR, API} <= {key(item)[2] for item in of_kind(objects, "ServiceAccount")}


@EACH_MODE
def test_api_has_roles_in_each_served_namespace(mode: str, tmp_path: Path) -> None:
    objects = rendered({"watchNamespaces": [ELSEWHERE, "team-b"], "api": {"mode": mode}}, folder=tmp_path)
    for namespace in (ELSEWHERE, "team-b"):
        assert given(objects, API, namespace) == wanted(LEAST_API, home=False)
    assert given(objects, API, NAMESPACE) == wanted_at_home(mode, policies=False)
    assert given(objects, API, None) == set()


@EACH_MODE
def test_operator_issues_tokens_for_the_sidecar_account(mode: str, tmp_path: Path) -> None:
    values = {"watchNamespaces": [ELSEWHERE], "api": {"mode": mode, "serviceAccount": {"name": "theirs"}}}
    objects = rendered(values, folder=tmp_path)
    extra = wanted(for_rest_token("theirs")) if mode == "sidecar" else set()
    at_home = wanted(LEAST, home=True) | wanted(FOR_REPLICAS, FOR_OTHER_NAMESPACES)
    assert given(objects, OPERATOR, NAMESPACE) == at_home | extra
    assert given(objects, OPERATOR, ELSEWHERE) == wanted(LEAST, home=False)
    assert [item for item in of_kind(objects, "Secret") if item["type"] != "Opaque"] == []


def test_api_has_no_rights_in_unserved_namespaces(tmp_path: Path) -> None:
    watched = {"watchNamespaces": [NAMESPACE, ELSEWHERE, "team-b"]}
    objects = rendered(watched | {"api": {"namespaces": ["team-b"], "namespace": "team-b"}}, folder=tmp_path)
    assert given(objects, API, "team-b") == wanted(LEAST_API, home=False)
    assert given(objects, API, ELSEWHERE) == set()
    assert given(objects, API, NAMESPACE) == wanted_at_home("sidecar", policies=False)


def test_the_api_of_all_namespaces_has_them_everywhere(tmp_path: Path) -> None:
    assert given(rendered(), API, None) == wanted(LEAST_API, home=False) | wanted(FOR_TAGS)
    objects = rendered({"api": {"auth": ["none"]}}, folder=tmp_path)
    assert given(objects, API, None) == wanted(FOR_TAGS)
    assert given(objects, API, "default") == wanted(LEAST_API, home=False)


@EACH_MODE
def test_api_that_watches_no_jobs_has_no_right_to_them(mode: str, tmp_path: Path) -> None:
    values = {"watchNamespaces": [ELSEWHERE], "api": {"mode": mode, "watchJobs": False}}
    objects = rendered(values, folder=tmp_path)
    assert given(objects, API, ELSEWHERE) == wanted(LEAST_API, home=False) - wanted(FOR_BEGINNINGS)
    assert '"DKRON_API_WATCH_JOBS"' in json.dumps(objects)


@EACH_MODE
def test_api_with_an_archive_reads_the_ages_of_namespaces(mode: str, tmp_path: Path) -> None:
    archive = {"archive": {"postgresql": {"secretName": "archive"}}, "api": {"mode": mode}}
    objects = rendered(archive | {"watchNamespaces": [ELSEWHERE]}, folder=tmp_path)
    assert given(objects, API, ELSEWHERE) == wanted(LEAST_API, FOR_HISTORY, home=False)
    assert given(objects, API, None) == set()
    everywhere = rendered(archive, folder=tmp_path)
    assert given(everywhere, API, None) == wanted(LEAST_API, FOR_HISTORY, home=False) | wanted(FOR_TAGS)


@pytest.mark.parametrize("watched", [[], [ELSEWHERE]], ids=["all namespaces", "one namespace"])
@pytest.mark.parametrize(
    ("enabled", "has_kueue", "wanted_rights"),
    [
        pytest.param("auto", True, True, id="auto with Kueue"),
        pytest.param("auto", False, False, id="auto without Kueue"),
        pytest.param(True, False, True, id="on without Kueue"),
        pytest.param(False, True, False, id="off with Kueue"),
    ],
)
def test_rights_about_kueue_follow_the_value(  # noqa: PLR0917
    enabled: object, has_kueue: bool, wanted_rights: bool, watched: list[str], tmp_path: Path
) -> None:
    values = {"watchNamespaces": watched, "api": {"mode": "deployment"}, "kueue": {"enabled": enabled}}
    objects = rendered(values, folder=tmp_path, served=["kueue.x-k8s.io/v1beta2"] if has_kueue else [])
    where = ELSEWHERE if watched else None
    about = {
        account: {right for right in given(objects, account, where) if "kueue" in right[0]}
        for account in (OPERATOR, API)
    }
    assert about == (
        {OPERATOR: wanted(FOR_KUEUE), API: wanted(FOR_PLACES)} if wanted_rights else {OPERATOR: set(), API: set()}
    )


@pytest.mark.parametrize(
    ("auth", "secrets", "asks", "policies"),
    [
        pytest.param({"auth": ["none"]}, False, False, False, id="no authentication"),
        pytest.param({"auth": ["dkron"]}, True, False, True, id="tokens of its own"),
        pytest.param({"auth": ["kubernetes"]}, False, True, False, id="tokens of the cluster"),
        pytest.param({"auth": ["kubernetes", "dkron"]}, True, True, True, id="both"),
        pytest.param({"auth": ["oidc"], "oidc": ISSUER}, False, True, False, id="an issuer, with the cluster's roles"),
        pytest.param(
            {"auth": ["oidc"], "oidc": ISSUER | {"rights": "dkron", "policiesClaim": "p"}},
            False,
            False,
            True,
            id="an issuer, with policies",
        ),
    ],
)
@EACH_MODE
def test_api_rights_follow_its_authentication(  # noqa: PLR0917
    auth: Object, secrets: bool, asks: bool, policies: bool, mode: str, tmp_path: Path
) -> None:
    values = {"watchNamespaces": [ELSEWHERE], "crds": {"enabled": False}, "api": {"mode": mode, **auth}}
    objects = rendered(values, folder=tmp_path)
    tokens = wanted(FOR_TOKENS) if secrets else set()
    assert given(objects, API, NAMESPACE) == wanted_at_home(mode, policies=policies) | tokens
    assert "secrets" not in {right[1] for right in given(objects, API, ELSEWHERE)}
    bindings = of_kind(objects, "ClusterRoleBinding")
    assert [(each["roleRef"]["name"], each["subjects"]) for each in bindings] == (
        [(ASK, [{"kind": "ServiceAccount", "name": API, "namespace": NAMESPACE}])] if asks else []
    )


def test_api_reads_tokens_only_where_they_are(tmp_path: Path) -> None:
    values = {"watchNamespaces": [ELSEWHERE], "api": {"auth": ["dkron"], "tokenNamespace": "tokens"}}
    objects = rendered(values, folder=tmp_path)
    about = {
        namespace: {right for right in given(objects, API, namespace) if right[1] == "secrets"}
        for namespace in (NAMESPACE, ELSEWHERE, "tokens", None)
    }
    assert about == {NAMESPACE: set(), ELSEWHERE: set(), "tokens": wanted(FOR_TOKENS), None: set()}


@pytest.mark.parametrize(
    ("namespaces", "watched", "auth", "served"),
    [
        pytest.param(None, [], "kubernetes", {None}, id="null is all"),
        pytest.param(None, ["a", "b"], "kubernetes", {"a", "b"}, id="null is the watched ones"),
        pytest.param(None, ["a", "b"], "none", {"a"}, id="null without tokens is one"),
        pytest.param([], [], "kubernetes", {"default"}, id="empty is one"),
        pytest.param([], ["a", "b"], "kubernetes", {"a"}, id="empty is one of the watched ones"),
        pytest.param(["b"], [], "kubernetes", {"default", "b"}, id="a further one"),
        pytest.param(["*"], [], "none", {None}, id="all without tokens"),
    ],
)
def test_api_writes_jobs_only_in_served_namespaces(  # noqa: PLR0917
    namespaces: list[str] | None, watched: list[str], auth: str, served: set[str | None], tmp_path: Path
) -> None:
    values: Object = {"watchNamespaces": watched, "api": {"auth": [auth]}}
    if namespaces is not None:
        values["api"]["namespaces"] = namespaces
    objects = rendered(values, folder=tmp_path)
    writes = ("dkron.io", "dkronjobs", "create")
    where = {None, NAMESPACE, "default", "a", "b"}
    assert {namespace for namespace in where if writes in given(objects, API, namespace)} == served


def rights_of_users(objects: Iterable[Object], role: str) -> Rights:
    """The rights of a ClusterRole for users, without the ClusterRoles that aggregate it."""
    (found,) = [item for item in of_kind(list(objects), "ClusterRole") if item["metadata"]["name"].endswith(role)]
    return {
        (group, resource, verb)
        for rule in found["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_users_can_get_each_right_that_a_route_needs() -> None:
    objects = rendered()
    roles = {name: rights_of_users(objects, f"-{name}") for name in ("view", "edit", "admin", "runner")}
    needed = {("dkron.io", each.resource, each.verb) for each in TABLE}
    needed |= {("dkron.io", "dkronjobs", "update"), ("dkron.io", "dkronjobs/force", "update")}
    assert needed - set().union(*roles.values()) == set()
    parts = {right for rights in roles.values() for right in rights if "/" in right[1]}
    assert parts - needed == set(), "rights to which no route leads"
    runs = {("dkron.io", "dkronruns", verb) for verb in ("create", "get", "list", "watch")}
    assert roles["runner"] == runs | {("dkron.io", f"dkronjobs/{part}", "create") for part in ("run", "stop")}
    assert {verb for *_, verb in roles["view"]} == {"get", "list", "watch"}
    whole = {name for name, rights in roles.items() if any(right[1] == "dkronclusters" for right in rights)}
    assert whole == {"admin"}, "the address of a receiver may be a password"


def test_the_role_of_runners_is_part_of_no_other(tmp_path: Path) -> None:
    objects = rendered()
    (runner,) = [each for each in of_kind(objects, "ClusterRole") if each["metadata"]["name"].endswith("-runner")]
    assert [label for label in runner["metadata"]["labels"] if "aggregate" in label] == []
    plain = rights_of_users(rendered({"api": {"auth": ["dkron"]}}, folder=tmp_path), "-runner")
    assert {resource for _, resource, _ in plain} == {"dkronruns"}, "the REST API does not ask the cluster"


def test_jobs_have_no_rights(tmp_path: Path) -> None:
    objects = rendered({"watchNamespaces": [ELSEWHERE], "cluster": {"paused": False}}, folder=tmp_path)
    accounts = {key(item)[1:] for item in of_kind(objects, "ServiceAccount") if key(item)[2] == "dkron-jobs"}
    assert accounts == {(ELSEWHERE, "dkron-jobs")}
    bound = {subject["name"] for item in of_kind(objects, "RoleBinding") for subject in item["subjects"]}
    assert bound == {OPERATOR, API, "dkron-cluster", "dkron-test"}


def test_secrets_are_read_only_by_name(tmp_path: Path) -> None:
    objects = rendered({"rbac": {"secretNames": ["slack"]}}, folder=tmp_path)
    rules = [rule for kind in ("Role", "ClusterRole") for item in of_kind(objects, kind) for rule in item["rules"]]
    (about,) = (rule for rule in rules if "secrets" in rule["resources"])
    assert (about["resourceNames"], about["verbs"]) == (["slack"], ["get"])


def test_with_namespaces_nothing_spans_the_cluster(tmp_path: Path) -> None:
    values = {"watchNamespaces": [ELSEWHERE], "crds": {"enabled": False}, "api": {"auth": ["dkron"]}}
    assert [item for item in rendered(values, folder=tmp_path) if item["kind"] in CLUSTER_WIDE] == []


def test_nodes_may_be_seen_all_the_same(tmp_path: Path) -> None:
    values = {"watchNamespaces": [ELSEWHERE], "rbac": {"nodes": True}, "api": {"mode": "deployment"}}
    objects = rendered(values, folder=tmp_path)
    assert given(objects, OPERATOR, None) == given(objects, API, None) == wanted(FOR_TAGS)


def test_no_rights_are_made_where_others_make_them(tmp_path: Path) -> None:
    objects = rendered({"rbac": {"create": False}, "cluster": {"paused": True}}, folder=tmp_path)
    kinds = {item["kind"] for item in objects}
    assert kinds & {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"} == set()
