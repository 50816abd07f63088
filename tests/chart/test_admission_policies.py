"""The admission policies of the chart, as rendered. tests/cluster tries them at an API server."""

import json
import re
from pathlib import Path

import pytest

from dkron_crds.job_metadata import GUARDED
from dkron_crds.names import GROUP
from dkron_operator.plan.job.build import build_job
from tests.support.builders import IMAGES, claim, job_view
from tests.support.charts import NAMESPACE, Object, of_kind, refusal, rendered

POLICY, BINDING = "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"
ALL = {"jobs", "api", "secrets"}
TEAM = {"watchNamespaces": ["team-a"], "crds": {"enabled": False}}
OWN_TOKENS = {"auth": ["dkron"]}
WANTED = {"admissionPolicies": dict.fromkeys(ALL, True)}


def policies(objects: list[Object], kind: str = POLICY) -> dict[str, Object]:
    """The specs of the policies, or of their bindings, by the name of the value that switches them."""
    beginning = f"{NAMESPACE}-dkron-policy-"
    assert all(each["metadata"]["name"].startswith(beginning) for each in of_kind(objects, kind))
    return {each["metadata"]["name"].removeprefix(beginning): each["spec"] for each in of_kind(objects, kind)}


def test_all_refuse_and_fail_closed() -> None:
    objects = rendered()
    assert {name: spec["failurePolicy"] for name, spec in policies(objects).items()} == dict.fromkeys(ALL, "Fail")
    assert policies(objects, BINDING) == {
        name: {"policyName": f"{NAMESPACE}-dkron-policy-{name}", "validationActions": ["Deny"]} for name in ALL
    }


@pytest.mark.parametrize(
    ("values", "left"),
    [
        pytest.param({"admissionPolicies": {"jobs": False}}, ALL - {"jobs"}, id="without the one of Jobs"),
        pytest.param({"admissionPolicies": {"api": False}}, ALL - {"api"}, id="without the one of the API"),
        pytest.param({"admissionPolicies": {"secrets": False}}, ALL - {"secrets"}, id="without the one of Secrets"),
        pytest.param({"api": {"enabled": False}}, ALL - {"api"}, id="without the API"),
        pytest.param(TEAM, ALL, id="some namespaces, with rights in the cluster"),
        pytest.param(TEAM | {"api": OWN_TOKENS}, set(), id="some namespaces, without rights in the cluster"),
        pytest.param(TEAM | {"rbac": {"create": False}}, set(), id="some namespaces, with rights of others"),
        pytest.param(TEAM | {"api": OWN_TOKENS} | WANTED, ALL, id="some namespaces, wanted all the same"),
        pytest.param({"rbac": {"create": False}}, ALL, id="all namespaces, with rights of others"),
    ],
)
def test_each_has_a_switch(values: Object, left: set[str], tmp_path: Path) -> None:
    objects = rendered(values, folder=tmp_path)
    assert policies(objects).keys() == policies(objects, BINDING).keys() == left


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_switch_is_auto_or_a_switch(name: str, tmp_path: Path) -> None:
    assert f"'/admissionPolicies/{name}'" in refusal({"admissionPolicies": {name: "yes"}}, tmp_path)


def test_watched_namespaces_limit_the_tenant_policies(tmp_path: Path) -> None:
    bindings = policies(rendered(TEAM, folder=tmp_path), BINDING)
    assert "matchResources" not in bindings.pop("api"), "the account of the API is watched everywhere"
    for binding in bindings.values():
        (expression,) = binding["matchResources"]["namespaceSelector"]["matchExpressions"]
        assert expression == {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["team-a"]}


def test_accounts_belong_to_the_release(tmp_path: Path) -> None:
    accounts = {part: {"serviceAccount": {"name": f"own-{part}"}} for part in ("operator", "api")}
    found = policies(rendered(accounts, folder=tmp_path))
    named = {name: set(re.findall(r"system:serviceaccount:[^']+", str(spec))) for name, spec in found.items()}
    operator, api = (f"system:serviceaccount:{NAMESPACE}:own-{part}" for part in accounts)
    assert named == {"jobs": {operator}, "api": {api}, "secrets": {operator, api}}


def test_operators_are_named_and_never_told_by_a_right(tmp_path: Path) -> None:
    values = {"admissionPolicies": {"operators": ["system:serviceaccount:two:dkron-operator", "ann@example.com"]}}
    found = policies(rendered(values, folder=tmp_path))
    assert {name for name, spec in found.items() if "subresource(" in str(spec)} == set()
    assert {name for name, spec in found.items() if "'ann@example.com'" in str(spec)} == {"jobs", "secrets"}
    assert "'/admissionPolicies/operators/0'" in refusal({"admissionPolicies": {"operators": ["o'brien"]}}, tmp_path)


def test_each_annotation_of_a_job_is_guarded() -> None:
    (condition,) = [
        each["expression"]
        for each in policies(rendered())["jobs"]["matchConditions"]
        if each["name"] == "changes-its-marks"
    ]
    (listed,) = re.findall(r'\["[^]]*\]', condition)
    assert json.loads(listed) == list(GUARDED)
    body = build_job(job_view(), claim(), images=IMAGES, traceparent="00-0-0-00")
    assert {name for name in body["metadata"]["annotations"] if name.startswith(f"{GROUP}/")} <= set(GUARDED)


def test_an_expression_is_one_line_and_has_a_sentence() -> None:
    for name, spec in policies(rendered()).items():
        expressions = [
            each["expression"]
            for part in ("matchConditions", "variables", "validations")
            for each in spec.get(part, ())
        ]
        assert [each for each in expressions if "\n" in each] == [], name
        assert all(each["message"] for each in spec["validations"])
