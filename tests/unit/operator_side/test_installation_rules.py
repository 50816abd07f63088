"""Jobs that an installation refuses to run: by namespaces, and service accounts, however a job names them."""

import base64
import json
from typing import Any

import pytest
from pydantic_settings import CliApp

from dkron_kube.access import Account, account_name
from dkron_kube.paths import EVENTS, JOBS
from dkron_operator.plan.actions import CreateJob
from dkron_operator.plan.job.build import built_pod
from dkron_operator.plan.job.rules import NO_RULES, InstallationRules
from dkron_operator.plan.situation.view import JobView
from dkron_operator.plan.status.changes import Decided, Started
from dkron_operator.settings import Settings
from dkron_pods.images import Images
from tests.support.builders import IMAGES, NAMESPACE, NOON, Object, claim, ended, job_view, seen, wire_job, wire_run
from tests.support.edges import Edges, begin, until, wall
from tests.support.fake_kube import FakeKube

OWN = InstallationRules(own_namespace=NAMESPACE)
LISTED = InstallationRules(namespaces=frozenset({"kube-system", NAMESPACE}))
ACCOUNTS = InstallationRules(accounts=frozenset({(NAMESPACE, "dkron"), ("other", "ci")}))
NO_DEFAULT = InstallationRules(accounts=frozenset({(NAMESPACE, "default")}))
CALL = {"executor": "http", "executorConfig": {"method": "GET", "url": "http://example.com/"}}
INLINE = {"executor": "http", "executorConfig": {**CALL["executorConfig"], "inline": "true"}}  # type: ignore[dict-item]
OF_DOCKER = {"executor": "docker", "executorConfig": {"image": "x"}}
OF_KUBERNETES = {"executor": "kubernetes", "executorConfig": {}}
CONTAINERS = [{"name": "main", "image": "x"}]


def of_pod(**spec: Any) -> Object:
    return {"jobTemplate": {"spec": {"template": {"spec": spec}}}}


@pytest.mark.parametrize(
    ("rules", "spec", "reason", "says"),
    [
        pytest.param(NO_RULES, {}, "", "", id="nothing"),
        pytest.param(OWN, {}, "NamespaceRefused", "--run-in-own-namespace", id="the operator's own namespace"),
        pytest.param(LISTED, {}, "NamespaceRefused", "--refused-namespaces", id="a namespace of the list"),
        pytest.param(OWN, {"executor": "perl"}, "NamespaceRefused", NAMESPACE, id="also what is broken there"),
        pytest.param(OWN, INLINE, "NamespaceRefused", NAMESPACE, id="and calls without a pod"),
        pytest.param(ACCOUNTS, {}, "", "", id="no account where default may be used"),
        pytest.param(ACCOUNTS, of_pod(serviceAccountName="ci"), "", "", id="an account of that name elsewhere"),
        pytest.param(
            ACCOUNTS, of_pod(serviceAccountName="dkron"), "AccountRefused", "account dkron", id="the account of a shell"
        ),
        pytest.param(ACCOUNTS, of_pod(serviceAccount="dkron"), "AccountRefused", "dkron", id="by the older field"),
        pytest.param(
            ACCOUNTS, of_pod(serviceAccount="dkron", serviceAccountName=""), "AccountRefused", "dkron",
            id="by the older field, beside an empty one",
        ),
        pytest.param(
            ACCOUNTS, of_pod(serviceAccount="dkron", serviceAccountName="own"), "", "", id="the other field decides"
        ),
        pytest.param(ACCOUNTS, CALL | of_pod(serviceAccountName="dkron"), "AccountRefused", "dkron", id="of a call"),
        pytest.param(
            ACCOUNTS, OF_DOCKER | of_pod(serviceAccountName="dkron"), "AccountRefused", "dkron", id="of docker"
        ),
        pytest.param(
            ACCOUNTS,
            OF_KUBERNETES | of_pod(serviceAccountName="dkron", containers=CONTAINERS),
            "AccountRefused", "dkron", id="of kubernetes",
        ),
        pytest.param(NO_DEFAULT, {}, "AccountRefused", "account default", id="default, of a pod that names none"),
        pytest.param(NO_DEFAULT, of_pod(serviceAccountName=None), "AccountRefused", "default", id="or takes it away"),
        pytest.param(NO_DEFAULT, {"jobTemplate": {"spec": {"template": None}}}, "AccountRefused", "", id="or the pod"),
        pytest.param(NO_DEFAULT, INLINE, "", "", id="no account of a call without a pod"),
        pytest.param(ACCOUNTS, {"executor": "perl"}, "", "", id="nothing of what cannot be built"),
    ],
)  # fmt: skip
def test_an_installation_refuses(rules: InstallationRules, spec: Object, reason: str, says: str) -> None:
    problem = rules.of_job(job_view(**spec), images=IMAGES)
    assert (problem.reason if problem else "") == reason
    assert problem is None or says in problem.message


@pytest.mark.looptime
async def test_refused_job_runs_and_misses_nothing_and_active_runs_end() -> None:
    kube = FakeKube()
    running = seen(claim(NOON))
    kube.put(JOBS, wire_run(running))
    edges = begin(kube, rules=OWN, requests={"a": "2026-03-01T12:00:00Z"})
    async with edges.running():
        await until(150)
        assert kube.names(JOBS) == [running.job]
        kube.edit(JOBS, running.job, lambda body: body.update(status=ended("Complete", at=wall())))
        edges.watch()
        await until(170)
    status = edges.status()
    assert (status.success_count, status.active, status.next) == (1, (), None)
    assert status.skipped is not None
    assert (status.skipped.count, status.skipped.last_reason) == (1, "NotReady"), "only the requested run"
    assert [(each.status, each.reason) for each in status.conditions[:1]] == [("False", "NamespaceRefused")]
    notes = [kube.has(EVENTS, name) for name in kube.names(EVENTS)]
    assert sum(note["reason"] == "NamespaceRefused" for note in notes) == 1


@pytest.mark.looptime
async def test_pod_is_built_for_the_rules_once_per_generation(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[int] = []

    def build(job: JobView, *, images: Images) -> Object:
        built.append(job.generation)
        return built_pod(job, images=images)

    monkeypatch.setattr("dkron_operator.plan.job.rules.built_pod", build)
    edges = begin(rules=ACCOUNTS)
    async with edges.running():
        await until(250)
        assert (len(edges.kube.names(JOBS)), built) == (4, [1]), "each minute has a plan"
        edges.edit_job(lambda body: body.update(wire_job(generation=2, version=99, **of_pod(serviceAccount="dkron"))))
        edges.watch()
        await until(320)
    assert built == [1, 2]
    assert edges.status().conditions[0].reason == "AccountRefused"


async def fire(edges: Edges) -> None:
    await edges.parts.effects._create(edges.entry(), CreateJob(claim(), after=(Decided(NOON),)))


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("rules", "spec"),
    [
        pytest.param(OWN, {}, id="a namespace"),
        pytest.param(ACCOUNTS, of_pod(serviceAccountName="dkron"), id="an account"),
    ],
)
async def test_job_refused_since_its_plan_is_not_created(rules: InstallationRules, spec: Object) -> None:
    """The job was edited after the plan, or its run was claimed before the operator had these rules."""
    edges = begin(rules=rules, **spec)
    await fire(edges)
    assert edges.kube.names(JOBS) == []
    assert edges.entry().observed.outcomes[claim().job].reason == "JobRejected"
    existing = begin(rules=rules, **spec)
    existing.kube.put(JOBS, wire_run(claim()))
    await fire(existing)
    assert existing.entry().pending == [Decided(NOON), Started(seen(claim()))], "it was created before: it is adopted"
    assert not existing.asked("create jobs")


# --- from the options ---------------------------------------------------------------------------------------------

POD = Account("dkron-system", "dkron")
SYSTEM = frozenset({"kube-system", "kube-public", "kube-node-lease"})


@pytest.mark.parametrize(
    ("words", "account", "expected"),
    [
        pytest.param((), None, InstallationRules(namespaces=SYSTEM), id="outside of a pod"),
        pytest.param(
            (), POD, InstallationRules("dkron-system", SYSTEM, frozenset({("dkron-system", "dkron")})), id="in a pod"
        ),
        pytest.param((), Account("a"), InstallationRules("a", SYSTEM), id="in a pod with an unknown account"),
        pytest.param(
            ("--run-in-own-namespace", "--refused-namespaces", "vault,a", "--refused-accounts", "a/b, c/d"), POD,
            InstallationRules(
                namespaces=SYSTEM | {"vault", "a"},
                accounts=frozenset({("dkron-system", "dkron"), ("a", "b"), ("c", "d")}),
            ), id="what is told is added",
        ),
        pytest.param(
            ("--refused-namespaces", ""), None, InstallationRules(namespaces=SYSTEM), id="an empty list drops none"
        ),
    ],
)  # fmt: skip
def test_rules_follow_from_options(
    words: tuple[str, ...], account: Account | None, expected: InstallationRules
) -> None:
    assert CliApp.run(Settings, cli_args=list(words)).rules(account) == expected


@pytest.mark.parametrize("text", ["dkron", "/dkron", "a/", "a/b/c", "a b/c"])
def test_an_account_has_a_namespace_and_a_name(text: str) -> None:
    with pytest.raises(ValueError, match="is not NAMESPACE/NAME"):
        CliApp.run(Settings, cli_args=["--refused-accounts", text])


def token(claims: object) -> str:
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.x"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param(token({"sub": "system:serviceaccount:dkron-system:dkron"}), "dkron", id="of an account"),
        pytest.param(token({"sub": "jane"}), "", id="of a user"),
        pytest.param(token({"sub": "system:node:a:b"}), "", id="of a node"),
        pytest.param(token({"iss": "x"}), "", id="without a subject"),
        pytest.param(token([1]), "", id="of another shape"),
        pytest.param("opaque", "", id="that is no JWT"),
        pytest.param("a.b.c", "", id="that is not base64"),
    ],
)
def test_the_own_account_is_read_from_a_token(text: str, name: str) -> None:
    assert account_name(text) == name
