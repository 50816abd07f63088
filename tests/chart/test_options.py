"""Values that the chart hands to the programs as they are, each by the variable of an option."""

from pathlib import Path

import pytest
from pydantic_settings import BaseSettings, CliApp

from dkron_api.settings import Settings as ApiSettings
from dkron_operator.settings import Settings as OperatorSettings
from tests.support.charts import CASES, Object, of_kind, rendered

ISSUER = "https://login.example"
GIVEN: Object = {
    "operator": {"namespaceBudget": {"creates": 0.5}},
    "jobs": {"outputQuota": 1_000_000_000},
    "api": {
        "auth": ["oidc", "dkron"],
        "tokenNamespace": "tokens",
        "maxStreamsPerCaller": 2_000_000,
        "rate": 0,
        "trustedProxies": ["10.0.0.0/8", "fd00::/8"],
        "rootPath": "/cron",
        "traceUrl": "https://jaeger.example/trace/{trace_id}",
        "oidc": {
            "issuer": ISSUER,
            "audience": ["dkron", "account"],
            "jwks": f"{ISSUER}/keys",
            "usernameClaim": "email",
            "usernamePrefix": "-",
            "groupsClaim": "roles",
            "groupsPrefix": "oidc:",
            "rights": "dkron",
            "policiesClaim": "policies",
            "caSecret": {"name": "company", "key": "root.pem"},
        },
    },
}
WANTED = {
    "DKRON_NAMESPACE_CREATES": "0.5",
    "DKRON_OUTPUT_QUOTA": "1000000000",
    "DKRON_API_AUTH": "oidc,dkron",
    "DKRON_API_TOKEN_NAMESPACE": "tokens",
    "DKRON_API_MAX_STREAMS_PER_CALLER": "2000000",
    "DKRON_API_RATE": "0",
    "DKRON_API_TRUSTED_PROXIES": "10.0.0.0/8,fd00::/8",
    "DKRON_API_ROOT_PATH": "/cron",
    "DKRON_API_TRACE_URL": "https://jaeger.example/trace/{trace_id}",
    "DKRON_API_OIDC_ISSUER": ISSUER,
    "DKRON_API_OIDC_AUDIENCE": "dkron,account",
    "DKRON_API_OIDC_JWKS": f"{ISSUER}/keys",
    "DKRON_API_OIDC_USERNAME_CLAIM": "email",
    "DKRON_API_OIDC_USERNAME_PREFIX": "-",
    "DKRON_API_OIDC_GROUPS_CLAIM": "roles",
    "DKRON_API_OIDC_GROUPS_PREFIX": "oidc:",
    "DKRON_API_OIDC_RIGHTS": "dkron",
    "DKRON_API_OIDC_POLICIES_CLAIM": "policies",
    "DKRON_API_OIDC_CA": "/etc/dkron/issuer/root.pem",
}
PROGRAMS: dict[str, type[BaseSettings]] = {"operator": OperatorSettings, "api": ApiSettings}
LEFT_OUT = {"DKRON_OUTPUT_DIR"}
"""A folder, which has to be there when the program starts."""


def pod(objects: list[Object]) -> Object:
    """The operator's pod, with the API beside it."""
    (deployment,) = of_kind(objects, "Deployment")
    spec: Object = deployment["spec"]["template"]["spec"]
    return spec


def variables(spec: Object) -> dict[str, str]:
    """The variables of both containers, by program: the API's begin with `DKRON_API_`."""
    found = {
        (container["name"], each["name"]): each["value"]
        for container in spec["containers"]
        for each in container["env"]
        if each["name"].startswith("DKRON_") and "value" in each
    }
    wrong = [name for owner, name in found if (owner == "api") != name.startswith("DKRON_API_")]
    assert wrong == []
    return {name: value for (_, name), value in found.items()}


def test_a_value_that_is_set_is_an_option(tmp_path: Path) -> None:
    set_so = variables(pod(rendered(GIVEN, folder=tmp_path)))
    assert {name: set_so.get(name) for name in WANTED} == WANTED


def test_unset_value_leaves_the_default_to_the_program() -> None:
    assert variables(pod(rendered())).keys() & (WANTED.keys() - {"DKRON_API_AUTH"}) == set()


@pytest.mark.parametrize("kind", ["caConfigMap", "caSecret"])
def test_issuer_ca_bundle_is_mounted_into_the_api(kind: str, tmp_path: Path) -> None:
    oidc = {"issuer": ISSUER, "audience": ["dkron"], kind: {"name": "company"}}
    spec = pod(rendered({"api": {"auth": ["oidc"], "oidc": oidc}}, folder=tmp_path))
    (volume,) = [each for each in spec["volumes"] if each["name"] == "api-issuer"]
    assert volume.get("configMap", {}).get("name", volume.get("secret", {}).get("secretName")) == "company"
    has_it = [
        each["name"] for each in spec["containers"] for mount in each["volumeMounts"] if mount["name"] == "api-issuer"
    ]
    assert has_it == ["api"]
    assert variables(spec)["DKRON_API_OIDC_CA"] == "/etc/dkron/issuer/ca.crt"


@pytest.mark.parametrize(("rights", "asks"), [("kubernetes", True), ("dkron", False)])
def test_token_review_rights_follow_the_source_of_rights(rights: str, asks: bool, tmp_path: Path) -> None:
    oidc = {"issuer": ISSUER, "audience": ["dkron"], "rights": rights, "policiesClaim": "policies"}
    objects = rendered({"api": {"auth": ["oidc"], "oidc": oidc}}, folder=tmp_path)
    roles = [each["roleRef"]["name"] for each in of_kind(objects, "ClusterRoleBinding")]
    assert ("system:auth-delegator" in roles) is asks


@pytest.mark.parametrize("values", CASES, ids=lambda path: path.stem.removesuffix("-values"))
def test_programs_accept_every_chart_option(values: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pods = [each["spec"]["template"]["spec"] for each in of_kind(rendered(values), "Deployment")]
    ours = [each for spec in pods for each in spec["containers"] if each["name"] in PROGRAMS]
    assert ours
    for container in ours:
        with monkeypatch.context() as environment:
            for each in container["env"]:
                if "value" in each and each["name"] not in LEFT_OUT:
                    environment.setenv(each["name"], each["value"])
            CliApp.run(PROGRAMS[container["name"]], cli_args=container.get("args", []))
