"""The guard rails of the chart: what is rendered. Whether the API server understands it is tried in tests/cluster."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.charts import NAMESPACE, Object, of_kind, refusal, rendered

POLICY, BINDING = "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"
NAME = f"{NAMESPACE}-dkron-guard-rails"


def rails(folder: Path, values: Object | None = None, **given: Any) -> list[Object]:
    """The objects of the chart with guard rails of these values, and without other policies."""
    others = {"admissionPolicies": {"jobs": False, "api": False, "secrets": False}}
    return rendered({"guardRails": {"enabled": True, **given}, **others, **(values or {})}, folder=folder)


def parameters(objects: list[Object]) -> dict[str, str]:
    """The parameters of the policy."""
    (found,) = [each for each in of_kind(objects, "ConfigMap") if each["metadata"]["name"] == "dkron-guard-rails"]
    assert found["metadata"]["namespace"] == NAMESPACE
    data: dict[str, str] = found["data"]
    return data


def test_there_are_none_by_default() -> None:
    assert [each for each in rendered() if "guard-rails" in each["metadata"]["name"]] == []


def test_a_policy_for_dkronjobs_fails_closed(tmp_path: Path) -> None:
    (policy,) = of_kind(rails(tmp_path), POLICY)
    spec = policy["spec"]
    assert (policy["metadata"]["name"], spec["failurePolicy"]) == (NAME, "Fail")
    assert spec["paramKind"] == {"apiVersion": "v1", "kind": "ConfigMap"}
    (rule,) = spec["matchConstraints"]["resourceRules"]
    assert (rule["apiGroups"], rule["resources"], rule["operations"]) == (
        ["dkron.io"],
        ["dkronjobs"],
        ["CREATE", "UPDATE"],
    )


def test_binding_denies_without_its_parameters(tmp_path: Path) -> None:
    (binding,) = of_kind(rails(tmp_path), BINDING)
    assert binding["spec"] == {
        "policyName": NAME,
        "validationActions": ["Deny"],
        "paramRef": {"name": "dkron-guard-rails", "namespace": NAMESPACE, "parameterNotFoundAction": "Deny"},
    }


def test_guard_rails_warn_on_demand(tmp_path: Path) -> None:
    for binding in of_kind(rails(tmp_path, action="Warn", batchJobs=True), BINDING):
        assert binding["spec"]["validationActions"] == ["Warn", "Audit"]


def test_it_is_about_the_watched_namespaces(tmp_path: Path) -> None:
    watched = {"watchNamespaces": ["team-a", "team-b", "team-a"], "api": {"namespace": "team-a"}}
    for binding in of_kind(rails(tmp_path, watched, batchJobs=True), BINDING):
        (expression,) = binding["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"]
        assert expression == {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["team-a", "team-b"]}


def test_jobs_are_checked_by_a_policy_of_their_own(tmp_path: Path) -> None:
    objects = rails(tmp_path, batchJobs=True)
    policies = {each["metadata"]["name"]: each["spec"] for each in of_kind(objects, POLICY)}
    assert policies.keys() == {NAME, f"{NAME}-jobs"}
    assert {each["spec"]["policyName"] for each in of_kind(objects, BINDING)} == policies.keys()
    constraints = policies[f"{NAME}-jobs"]["matchConstraints"]
    assert constraints["objectSelector"]["matchExpressions"] == [{"key": "dkron.io/job", "operator": "Exists"}]
    (rule,) = constraints["resourceRules"]
    assert (rule["apiGroups"], rule["resources"]) == (["batch"], ["jobs"])


def test_default_rules_refuse_only_access_to_the_node(tmp_path: Path) -> None:
    assert parameters(rails(tmp_path)) == {
        "images": "",
        "serviceAccounts": "",
        "allowHostPath": "false",
        "allowHostNamespaces": "false",
        "allowPrivileged": "false",
        "requiredLimits": "",
        "minimumInterval": "",
        "largestTemplate": "0",
    }


def test_all_parameters_are_texts(tmp_path: Path) -> None:
    lists: Object = {
        "images": ["a.example/", "b.example/"],
        "serviceAccounts": ["a", "b"],
        "requiredLimits": ["memory", "cpu"],
    }
    objects = rails(tmp_path, **lists, allowPrivileged=True, minimumInterval="1m30s", largestTemplate=1048576)
    assert parameters(objects) == {
        "images": "a.example/,b.example/",
        "serviceAccounts": "a,b",
        "allowHostPath": "false",
        "allowHostNamespaces": "false",
        "allowPrivileged": "true",
        "requiredLimits": "memory,cpu",
        "minimumInterval": "1m30s",
        "largestTemplate": "1048576",
    }


def test_an_expression_is_one_line_and_has_a_sentence(tmp_path: Path) -> None:
    """Without a message, and with a line break in the expression, the API server refuses the policy."""
    for policy in of_kind(rails(tmp_path, batchJobs=True), POLICY):
        spec = policy["spec"]
        expressions = [
            each["expression"] for key in ("matchConditions", "variables", "validations") for each in spec[key]
        ]
        expressions += [each["messageExpression"] for each in spec["validations"] if "messageExpression" in each]
        assert [each for each in expressions if "\n" in each or "{{" in each] == []
        assert all(each["message"] for each in spec["validations"])


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"action": "Refuse"}, "/guardRails/action"),
        ({"images": ["a.example/,b.example/"]}, "/guardRails/images/0"),
        ({"images": "a.example/"}, "/guardRails/images"),
        ({"minimumInterval": "30"}, "/guardRails/minimumInterval"),
        ({"minimumInterval": "25h"}, "/guardRails/minimumInterval"),
        ({"minimumInterval": "-5s"}, "/guardRails/minimumInterval"),
        ({"largestTemplate": -1}, "/guardRails/largestTemplate"),
        ({"allowPrivileged": "no"}, "/guardRails/allowPrivileged"),
        ({"image": ["a.example/"]}, "/guardRails"),
    ],
)
def test_a_value_that_is_none_is_refused(given: Object, where: str, tmp_path: Path) -> None:
    assert f"'{where}'" in refusal({"guardRails": given}, tmp_path)
