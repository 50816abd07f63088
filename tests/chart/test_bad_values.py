"""Values that are misspelt, or cannot be meant, are refused before anything is installed, with a sentence."""

from pathlib import Path
from typing import Any

import pytest

from generate import chart
from tests.support.charts import HELMS, NAMESPACE, refusal

Values = dict[str, Any]

MISSPELT: list[tuple[str, Values, str, str]] = [
    ("a key at the top", {"replicaCount": 2}, "", "replicaCount"),
    ("a key of the operator", {"operator": {"replica": 1}}, "/operator", "replica"),
    ("a key of the API", {"api": {"servce": {}}}, "/api", "servce"),
    ("a key in a key", {"image": {"pullPolcy": "Never"}}, "/image", "pullPolcy"),
    ("a key of a probe", {"operator": {"livenessProbe": {"period": 1}}}, "/operator/livenessProbe", "period"),
    ("a key of resources", {"operator": {"resources": {"limit": {}}}}, "/operator/resources", "limit"),
    ("a key of the DkronCluster", {"cluster": {"receivers": {"sislog": {}}}}, "/cluster/receivers", "sislog"),
    (
        "a key of a notification",
        {"cluster": {"notifications": [{"name": "a", "uri": ""}]}},
        "/cluster/notifications/0",
        "uri",
    ),
    ("a mode", {"api": {"mode": "Sidecar"}}, "/api/mode", "deployment"),
    ("a way to know callers", {"api": {"auth": ["Kubernetes"]}}, "/api/auth/0", "kubernetes"),
    ("namespaces in one text", {"api": {"namespaces": ["a,b"]}}, "/api/namespaces/0", "a,b"),
    ("a standard of pods", {"jobs": {"podSecurity": "baseline"}}, "/jobs/podSecurity", "restricted"),
    ("audiences in one text", {"api": {"audiences": ["dkron,other"]}}, "/api/audiences/0", "dkron,other"),
    ("hosts that are a text", {"api": {"allowedHosts": "a.example"}}, "/api/allowedHosts", "array"),
    ("a pull policy", {"image": {"pullPolicy": "Sometimes"}}, "/image/pullPolicy", "IfNotPresent"),
    ("a digest", {"image": {"digest": "sha256:abc"}}, "/image/digest", "sha256"),
    ("a namespace", {"watchNamespaces": ["Team A"]}, "/watchNamespaces/0", "Team A"),
    ("a list that is a text", {"rbac": {"secretNames": "slack"}}, "/rbac/secretNames", "array"),
    ("a switch that is a text", {"crds": {"enabled": "yes"}}, "/crds/enabled", "boolean"),
    ("too many operators", {"operator": {"replicas": 6}}, "/operator/replicas", "5"),
    ("a strategy", {"operator": {"strategy": {"type": "Rolling"}}}, "/operator/strategy/type", "RollingUpdate"),
    ("a duration", {"operator": {"lease": {"durationSeconds": "15s"}}}, "/operator/lease/durationSeconds", "integer"),
    ("a key of the Lease", {"operator": {"lease": {"duration": 15}}}, "/operator/lease", "duration"),
    ("a Service for the world", {"api": {"service": {"type": "LoadBalancer"}}}, "/api/service/type", "ClusterIP"),
    (
        "an interval",
        {"monitoring": {"serviceMonitor": {"interval": "soon"}}},
        "/monitoring/serviceMonitor/interval",
        "soon",
    ),
    ("an endpoint", {"tracing": {"endpoint": "collector:4318"}}, "/tracing/endpoint", "collector"),
    (
        "an alert",
        {"monitoring": {"prometheusRule": {"alerts": {"DkronSchedulelate": {"threshold": 1}}}}},
        "/monitoring/prometheusRule/alerts",
        "DkronSchedulelate",
    ),
    ("a folder", {"jobs": {"outputDir": "data"}}, "/jobs/outputDir", "data"),
    ("a switch that may be auto", {"openshift": "yes"}, "/openshift", "auto"),
    ("a key of TLS", {"api": {"tls": {"certmanager": {}}}}, "/api/tls", "certmanager"),
    ("a key of the issuer", {"api": {"oidc": {"userClaim": ""}}}, "/api/oidc", "userClaim"),
    ("what decides rights", {"api": {"oidc": {"rights": "rbac"}}}, "/api/oidc/rights", "kubernetes"),
    ("a root path", {"api": {"rootPath": "cron"}}, "/api/rootPath", "cron"),
    ("a family of addresses", {"api": {"service": {"ipFamilies": ["ipv4"]}}}, "/api/service/ipFamilies/0", "IPv4"),
    ("a key of a budget", {"operator": {"namespaceBudget": {"job": 1}}}, "/operator/namespaceBudget", "job"),
    ("a key of hooks", {"hooks": {"toleration": []}}, "/hooks", "toleration"),
]
CONTRADICTORY: list[tuple[Values, str]] = [
    (
        {"watchNamespaces": ["a"], "api": {"namespace": "b"}},
        'api.namespace: the operator does not watch "b"; watchNamespaces holds a',
    ),
    (
        {"watchNamespaces": [NAMESPACE]},
        'watchNamespaces: holds only "dkron-system", the release\'s own namespace, in which the operator runs no jobs',
    ),
    (
        {"watchNamespaces": ["a", NAMESPACE], "api": {"namespace": NAMESPACE}},
        'api.namespace: the operator runs no jobs in "dkron-system", the release\'s own namespace.',
    ),
    (
        {"watchNamespaces": ["a"], "api": {"namespaces": ["b"]}},
        'api.namespaces: the operator does not watch "b"; watchNamespaces holds a',
    ),
    (
        {"api": {"namespaces": [NAMESPACE]}},
        'api.namespaces: the operator runs no jobs in "dkron-system", the release\'s own namespace; leave it out',
    ),
    (
        {"jobs": {"inReleaseNamespace": True}},
        'jobs.inReleaseNamespace: set api.mode=deployment, too: authors of jobs run pods in "dkron-system"',
    ),
    (
        {"api": {"namespaces": ["*", "a"]}},
        "api.namespaces: use * without further names, and only if watchNamespaces is empty",
    ),
    (
        {"operator": {"lease": {"renewDeadlineSeconds": 20}}},
        "operator.lease: durationSeconds (5) has to be more than renewDeadlineSeconds (20)",
    ),
    ({"api": {"auth": ["none", "dkron"]}}, "api.auth: none lets in every caller, so it cannot stand beside others"),
    (
        {"api": {"tls": {"certManager": {"enabled": True}}}},
        "api.tls.certManager.issuerRef.name: name the Issuer that signs the certificate",
    ),
    ({"api": {"auth": ["oidc"]}}, "api.oidc: oidc in api.auth needs an issuer, and an audience"),
    (
        {"api": {"auth": ["dkron"], "oidc": {"issuer": "https://a.example"}}},
        "api.auth: add oidc, since api.oidc.issuer names an issuer",
    ),
    (
        {"api": {"auth": ["oidc"], "oidc": {"issuer": "https://a.example", "audience": ["a"], "rights": "dkron"}}},
        "api.oidc.policiesClaim: name the claim with a user's DkronPolicies",
    ),
    (
        {"api": {"oidc": {"caSecret": {"name": "a"}, "caConfigMap": {"name": "b"}}}},
        "api.oidc: name caConfigMap or caSecret, not both",
    ),
    ({"ingress": {"enabled": True}}, "ingress.hosts: name at least one host"),
    (
        {"ingress": {"enabled": True, "hosts": ["a.example"]}, "api": {"enabled": False}},
        "ingress.enabled: there is no REST API to route to; set api.enabled=true",
    ),
    ({"httpRoute": {"enabled": True}}, "httpRoute.parentRefs: name at least one Gateway"),
]


@pytest.fixture(scope="module", params=HELMS)
def said(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What Helm says about all that is misspelt, at once."""
    everything: Values = {}
    for _, values, _, _ in MISSPELT:
        _merge(everything, values)
    return refusal(everything, tmp_path_factory.mktemp("values"), tool=HELMS[request.param])


def _merge(target: Values, more: Values) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and value:
            _merge(target.setdefault(key, {}), value)
        else:
            assert key not in target, f"{key} is misspelt twice"
            target[key] = value


@pytest.mark.parametrize("row", MISSPELT, ids=lambda row: row[0])
def test_a_misspelt_value_is_named(said: str, row: tuple[str, Values, str, str]) -> None:
    _, _, where, what = row
    assert [line for line in said.splitlines() if f"'{where}'" in line and what in line], said


def test_one_misspelt_value_is_enough(tmp_path: Path) -> None:
    assert "additional properties 'servce' not allowed" in refusal({"api": {"servce": {}}}, tmp_path)


@pytest.mark.parametrize(
    ("values", "sentence"), CONTRADICTORY, ids=lambda value: value[:30] if isinstance(value, str) else ""
)
def test_a_contradiction_is_explained(values: Values, sentence: str, tmp_path: Path) -> None:
    assert sentence in refusal(values, tmp_path)


@pytest.mark.parametrize("auth", [[], ["dkron", "dkron"]], ids=["none is named", "one is named twice"])
def test_callers_are_known_in_one_way_at_least(auth: list[str], tmp_path: Path) -> None:
    assert "'/api/auth'" in refusal({"api": {"auth": auth}}, tmp_path)


def test_every_value_has_a_description() -> None:
    whole = chart.schema()
    inside = [each for name, schema in whole["definitions"].items() for each in _silent(schema, f"{name}.")]
    assert [*_silent(whole, ""), *inside] == []


def _silent(schema: Values, where: str) -> list[str]:
    """The values without a description, at any depth."""
    inside = {f"{where}{name}": each for name, each in schema.get("properties", {}).items()}
    silent = [path for path, each in inside.items() if not each.get("description")]
    items = schema.get("items", {})
    if "properties" in items:
        inside[f"{where}[]"] = items
    return silent + [found for path, each in inside.items() for found in _silent(each, f"{path}.")]
