"""Writes that the cluster may refuse to one namespace for a while: Jobs (a quota, a policy), their pods (Pod Security),
and statuses. Each is told where people look, loses and doubles no slot, and heals by itself; a job in
another namespace keeps its time. All of them happen at once, so that the tests wait together.
"""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

import localcluster
from dkron_kube.paths import DKRON_JOBS, JOBS
from tests.support import ledger
from tests.support.jobs import KEEP_RECORDS, at, dkron_job, simulated
from tests.support.kept_time import assert_kept_time
from tests.support.kube import NAMESPACES, QUOTAS, Kube, Object, condition, finished, is_ready, marked_after
from tests.support.operator_process import OperatorProcess
from tests.support.sites import install, namespace
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.cluster(nodes="kwok"), pytest.mark.promise]


EVERY = 2
ENFORCE = "pod-security.kubernetes.io/enforce"
LEVEL = "restricted"
PASSED = timedelta(seconds=2 * EVERY)
"""For how long each is refused at least after it was told."""


def recurring(name: str, **spec: Any) -> Object:
    """A job that is due every two seconds."""
    defaults = {"schedule": f"@every {EVERY}s", "history": KEEP_RECORDS, "jobTemplate": simulated(run_for="10ms")}
    return dkron_job(name, **{**defaults, **spec})


# --- what refuses, and how one is rid of it -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """A namespace, and the cluster's kubectl."""

    kube: Kube
    cluster: localcluster.Cluster


def no_more_jobs(place: Place) -> None:
    """A quota that is used up already."""
    quota = {"metadata": {"name": "jobs"}, "spec": {"hard": {"count/jobs.batch": "1"}}}
    place.kube.create(QUOTAS, {"apiVersion": "v1", "kind": "ResourceQuota", **quota})


def any_number_of_jobs(place: Place) -> None:
    place.kube.delete(QUOTAS, "jobs")


def no_more_pods(place: Place) -> None:
    quota = {"metadata": {"name": "pods"}, "spec": {"hard": {"count/pods": "0"}}}
    place.kube.create(QUOTAS, {"apiVersion": "v1", "kind": "ResourceQuota", **quota})


def any_number_of_pods(place: Place) -> None:
    place.kube.delete(QUOTAS, "pods")


def no_such_pods(place: Place) -> None:
    """Pods of root are not allowed any more."""
    place.kube.patch(NAMESPACES, place.kube.namespace, {"metadata": {"labels": {ENFORCE: LEVEL}}})


def all_pods(place: Place) -> None:
    place.kube.patch(NAMESPACES, place.kube.namespace, {"metadata": {"labels": {ENFORCE: None}}})


def policy(place: Place, *, group: str, version: str, resource: str, operation: str) -> None:
    """Refuse these requests in the namespace, with words."""
    name = place.kube.namespace
    where = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}
    rule = {"apiGroups": [group], "apiVersions": [version], "operations": [operation], "resources": [resource]}
    api = "admissionregistration.k8s.io/v1"
    objects = [
        {
            "apiVersion": api,
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {**where, "resourceRules": [rule]},
                "validations": [{"expression": "false", "message": WORDS}],
            },
        },
        {
            "apiVersion": api,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": {"policyName": name, "validationActions": ["Deny"]},
        },
    ]
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    place.cluster.kubectl("apply", "-f", "-", input=manifest)


ACCOUNT = "dkron-operator"
WORDS = "not on Sundays, says the policy"


def no_jobs_by_policy(place: Place) -> None:
    policy(place, group="batch", version="v1", resource="jobs", operation="CREATE")


def no_status_by_policy(place: Place) -> None:
    policy(place, group="dkron.io", version="v1alpha1", resource="dkronjobs/status", operation="UPDATE")


def no_policy(place: Place) -> None:
    kinds = "validatingadmissionpolicybinding,validatingadmissionpolicy"
    place.cluster.kubectl("delete", kinds, place.kube.namespace)


def degraded(reason: str, words: str) -> Callable[[Kube, str], object]:
    """Whether the condition says so."""

    def told(kube: Kube, name: str) -> object:
        found = condition(kube.status(name), "Degraded")
        said = (found.get("status"), found.get("reason")) == ("True", reason)
        return said and words in found["message"]

    return told


def event(reason: str, words: str) -> Callable[[Kube, str], object]:
    """Whether an Event says so."""

    def told(kube: Kube, name: str) -> object:
        return any(words in note for note in kube.events_of(name, reason))

    return told


@dataclass(frozen=True, slots=True)
class Refusal:
    """`told`: where people find the words. `told_of` are the jobs that say it, all by default."""

    name: str
    impose: Callable[[Place], None]
    lift: Callable[[Place], None]
    told: Callable[[Kube, str], object]
    jobs: tuple[Object, ...]
    told_of: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        return [job["metadata"]["name"] for job in self.jobs]


OF_EACH_KIND = (recurring("all", missedRuns="all"), recurring("single", concurrency="forbid"))
AS_ROOT = {"command": "true", "su": "0"}
OF_ROOT = (
    recurring("all", missedRuns="all", executorConfig=AS_ROOT),
    recurring("single", concurrency="forbid", executorConfig=AS_ROOT),
)

REFUSALS = (
    Refusal(
        "quota", no_more_jobs, any_number_of_jobs, degraded("QuotaExceeded", "exceeded quota: jobs"),
        (*OF_EACH_KIND, recurring("retried", retries=1, retryBackoff={"initial": "500ms"})),
    ),
    Refusal(
        "crowded", no_more_pods, any_number_of_pods, degraded("FailedCreate", "exceeded quota: pods"), OF_EACH_KIND
    ),
    Refusal("policy", no_jobs_by_policy, no_policy, degraded("JobRejected", WORDS), OF_EACH_KIND),
    Refusal("pods", no_such_pods, all_pods, degraded("FailedCreate", f'violates PodSecurity "{LEVEL}'), OF_ROOT),
    Refusal("status", no_status_by_policy, no_policy, event("StatusRefused", WORDS),
            (*OF_EACH_KIND, recurring("latest", concurrency="replace", missedRuns="latest"))),
)  # fmt: skip


# --- the scene ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scene:
    """An operator, its namespaces by name, and what became of their jobs."""

    operator: OperatorProcess
    cluster: localcluster.Cluster
    places: dict[str, Place]


@pytest.fixture(scope="module")
def scene(cluster: localcluster.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A canary sings each second, and the jobs of all others have run once."""
    install(cluster)
    with contextlib.ExitStack() as stack:
        names = ("canary", "doomed", "closed", "guarded", *(refusal.name for refusal in REFUSALS))
        kubes = {name: stack.enter_context(namespace(cluster.kubeconfig, f"refused {name}")) for name in names}
        where = [option for kube in kubes.values() for option in ("--namespace", kube.namespace)]
        log = tmp_path_factory.mktemp("refused") / "operator.log"
        rules = ("--refused-namespaces", kubes["closed"].namespace,
                 "--refused-accounts", f"{kubes['guarded'].namespace}/{ACCOUNT}")  # fmt: skip
        operator = OperatorProcess(log, "--kubeconfig", str(cluster.kubeconfig), *where, *rules)
        for kube in kubes.values():
            kube.guard, kube.appendix = operator.check, operator.tail
        operator.start()
        try:
            # What refuses pods of root takes those that say nothing.
            no_such_pods(Place(kubes["canary"], cluster))
            kubes["canary"].apply(recurring("canary", schedule="@every 1s"))
            for refusal in REFUSALS:
                kubes[refusal.name].apply(*refusal.jobs)
            kubes["canary"].wait_status("canary", "to sing", finished(2))
            yield Scene(operator, cluster, {name: Place(kube, cluster) for name, kube in kubes.items()})
            operator.stop()
        finally:
            if operator.running:
                operator.kill()


@pytest.fixture(scope="module")
def refused(scene: Scene) -> dict[str, datetime]:
    """All are imposed, told, and lifted again; when each was lifted."""
    for refusal in REFUSALS:
        for name in refusal.names:
            scene.places[refusal.name].kube.wait_status(name, "a run", finished(1))
        refusal.impose(scene.places[refusal.name])
    imposed = datetime.now(UTC)
    for refusal in REFUSALS:
        kube = scene.places[refusal.name].kube
        for name in refusal.told_of or refusal.names:
            kube.wait_for(f"{refusal.name}/{name} to be told", partial(refusal.told, kube, name), bool)
    until = max(datetime.now(UTC), imposed) + PASSED
    wait_for(
        "slots to pass", lambda: datetime.now(UTC), lambda now: now > until, seconds=30, guard=scene.operator.check
    )
    lifted = {}
    for refusal in REFUSALS:
        refusal.lift(scene.places[refusal.name])
        lifted[refusal.name] = datetime.now(UTC)
    return lifted


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.name)
def test_temporary_refusals_lose_and_double_no_slot(
    scene: Scene, refused: dict[str, datetime], refusal: Refusal
) -> None:
    kube, lifted = scene.places[refusal.name].kube, refused[refusal.name]

    def well(status: Object) -> bool:
        runs = [
            run for run in status.get("executions", ()) if run["state"] == "Succeeded" and at(run["startedAt"]) > lifted
        ]
        return bool(runs) and condition(status, "Degraded").get("status") == "False" and is_ready(status)

    for name in refusal.names:
        kube.wait_status(name, "to be well again", well, seconds=90)
    accounts = ledger.close_all(kube, refusal.names, every=EVERY)
    for account in accounts.values():
        account.assert_balanced()


def test_a_job_in_another_namespace_keeps_its_time(scene: Scene, refused: dict[str, datetime]) -> None:
    kube = scene.places["canary"].kube
    kube.wait_status("canary", "to sing on", marked_after(max(refused.values())))
    assert_kept_time(kube)
    assert "skipped" not in kube.status("canary")


@pytest.mark.usefixtures("refused")
def test_a_new_job_beside_a_new_quota_is_ready(scene: Scene) -> None:
    """As one file creates both: the quota is not counted yet, and the API server refuses only for that."""
    place = scene.places["quota"]
    quota = {"metadata": {"name": "plenty"}, "spec": {"hard": {"count/jobs.batch": "1000"}}}
    place.kube.create(QUOTAS, {"apiVersion": "v1", "kind": "ResourceQuota", **quota})
    place.kube.apply(recurring("beside"))
    place.kube.wait_status("beside", "a run", lambda status: status.get("successCount") and is_ready(status))


# --- a namespace that goes -------------------------------------------------------------------------------------------

HOLD = "example.com/hold"
NOISE = 5
"""Lines of warnings that the end of a namespace may cost beside a refusal for each slot until its jobs are gone."""


def complaints(operator: OperatorProcess, since: int) -> list[Object]:
    """Lines that a person reads."""
    return [line for line in operator.lines()[since:] if line.get("level") not in ("INFO", "DEBUG")]


def test_a_namespace_that_goes_is_let_go(scene: Scene) -> None:
    """With slots that are due, Jobs that run, and a job that a foreign finalizer holds for a while."""
    place, operator = scene.places["doomed"], scene.operator
    kube = place.kube
    held = recurring("held")
    held["metadata"]["finalizers"] = [HOLD]
    kube.apply(*(recurring(f"each-{n}", jobTemplate=simulated(run_for="60s")) for n in range(3)), held)
    for name in kube.applied:
        kube.wait_for(f"a Job of {name}", partial(kube.jobs_of, name), bool)
    before, begun = len(operator.lines()), datetime.now(UTC)
    place.kube.delete(NAMESPACES, kube.namespace)
    kube.wait_for("all but the held job to go", partial(_left, kube), lambda left: left == ["held"])
    # The operator hears of it a moment later.
    _sings_on(scene)
    calm, now = len(operator.lines()), datetime.now(UTC)
    slots = len(kube.applied) * ((now - begun).total_seconds() / EVERY + 1)
    _sings_on(scene)
    assert len(complaints(operator, calm)) <= 1, operator.tail()
    kube.patch(DKRON_JOBS, "held", {"metadata": {"finalizers": None}})
    kube.wait_for("the namespace to go", partial(kube.find, NAMESPACES, kube.namespace), lambda found: not found)
    gone = len(operator.lines())
    _sings_on(scene)
    told = complaints(operator, before)
    assert len(told) <= slots + NOISE, operator.tail()
    assert complaints(operator, gone) == []
    assert [line for line in told if "exc_info" in line] == []


def _sings_on(scene: Scene) -> None:
    """The canary runs for three more seconds."""
    until = datetime.now(UTC) + timedelta(seconds=3)
    scene.places["canary"].kube.wait_status("canary", "to sing on", marked_after(until))


def _left(kube: Kube) -> list[str]:
    return [job["metadata"]["name"] for job in kube.all(DKRON_JOBS)] + [
        job["metadata"]["name"] for job in kube.all(JOBS)
    ]
