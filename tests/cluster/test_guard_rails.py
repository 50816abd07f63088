"""The chart's guard rails at a real API server: which jobs it takes, and in which words it refuses the others."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

import localcluster
from dkron_kube.paths import DKRON_JOBS, JOBS, Resource
from tests.support.charts import of_kind, rendered
from tests.support.documents import job
from tests.support.judge import Judge
from tests.support.kube import Kube, Object, Refused
from tests.support.sites import install, namespace
from tests.support.waiting import wait_for

pytestmark = pytest.mark.cluster(nodes="none")

CONFIG_MAPS = Resource("", "v1", "configmaps")
POLICY, BINDING = "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"
POLICIES = 5
"""Two of the guard rails, and the three admission policies, which the chart installs by default."""
PARAMETERS = "dkron-guard-rails"
RULES: Object = {
    "images": ["ok.example/", "own.example/tools:"],
    "serviceAccounts": ["default", "dkron-jobs"],
    "requiredLimits": ["memory"],
    "minimumInterval": "30s",
    "largestTemplate": 2000,
}
MEMORY: Object = {"resources": {"limits": {"memory": "64Mi"}}}
CONTAINER: Object = {"name": "main", "image": "ok.example/a:1", **MEMORY}
PRIVILEGED: Object = {"name": "job", "securityContext": {"privileged": True}}
CONFIG = {"command": "true", "mem_limit": "64mb"}
HTTP: Object = {"executor": "http", "executorConfig": {"method": "GET", "url": "http://a.example/"}}
SOON = 30.0

IMAGES = "images have to begin with ok.example/ or own.example/tools:"
ACCOUNTS = "serviceAccountName has to be default or dkron-jobs"
HOST_PATH = "volumes of the type hostPath are not allowed; use another type, such as emptyDir or persistentVolumeClaim"
HOST = "hostNetwork, hostPID and hostIPC are not allowed; a pod has to have namespaces of its own"
NO_PRIVILEGED = "privileged containers are not allowed; securityContext.privileged has to be false or missing"
LIMITS = "a limit of memory is missing; each container has to have it, in spec.jobTemplate"
OFTEN = (
    "spec.schedule is due too often, or is not read by the guard rails; between two slots there have to be at least 30 "
    "seconds"
)
LARGE = "spec.jobTemplate is too large: it has "


def limited(**spec: Any) -> Object:
    """A job that breaks no rule, with other fields."""
    return job(**{"executorConfig": CONFIG, **spec})


def with_pod(**pod: Any) -> Object:
    """A job with these fields of its pod."""
    return limited(jobTemplate={"spec": {"template": {"spec": pod}}})


def whole(**pod: Any) -> Object:
    """A job that is all template."""
    return job(executor="kubernetes", jobTemplate={"spec": {"template": {"spec": pod}}})


def without_mem_limit(**pod: Any) -> Object:
    """A command with these fields of its pod."""
    return job(executorConfig={"command": "true"}, jobTemplate={"spec": {"template": {"spec": pod}}})


def batch_job(labels: dict[str, str], **pod: Any) -> Object:
    """A Job as the operator makes it."""
    container = {"name": "job", "image": "ok.example/a:1", **MEMORY}
    spec = {"restartPolicy": "Never", "containers": [container], **pod}
    return {"metadata": {"name": "nightly-1", "labels": labels}, "spec": {"template": {"spec": spec}}}


OF_THE_OPERATOR = {"dkron.io/job": "nightly"}


@pytest.fixture(scope="module")
def ruled(cluster: localcluster.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kube]:
    """A namespace with rules, and a job that is older than they are. The policies go at the end, even if they stay."""
    install(cluster)
    with namespace(cluster.kubeconfig, "guard rails") as kube:
        kube.create(DKRON_JOBS, job("older", executorConfig={"command": "true", "image": "bad.example/a"}))
        values: Object = {
            "watchNamespaces": [kube.namespace],
            "jobs": {"inReleaseNamespace": True},
            "api": {"mode": "deployment"},
            "guardRails": {"enabled": True, "batchJobs": True, **RULES},
            "admissionPolicies": {"operators": ["admin"]},
        }
        objects = rendered(values, namespace=kube.namespace, folder=tmp_path_factory.mktemp("rails"))
        (parameters,) = [each for each in of_kind(objects, "ConfigMap") if each["metadata"]["name"] == PARAMETERS]
        rails = [*of_kind(objects, POLICY), *of_kind(objects, BINDING)]
        try:
            cluster.kubectl("apply", "-f", "-", input=_as_list([parameters, *rails]))
            wait_said(kube, with_pod(containers=[PRIVILEGED]), NO_PRIVILEGED)
            wait_for(
                "the policy for Jobs",
                lambda: said_of_job(kube, batch_job(OF_THE_OPERATOR, hostPID=True)),
                lambda said: HOST in said,
                seconds=SOON,
            )
            yield kube
        finally:
            cluster.kubectl("delete", "--ignore-not-found", "-f", "-", input=_as_list(rails))


def _as_list(objects: list[Object]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})


def said(kube: Kube, document: Object) -> str:
    """Why a DkronJob is refused; empty if it would be taken."""
    return _said(kube, DKRON_JOBS, document)


def said_of_job(kube: Kube, document: Object) -> str:
    """Why a Job is refused; empty if it would be taken."""
    return _said(kube, JOBS, document)


def _said(kube: Kube, resource: Resource, document: Object) -> str:
    try:
        kube.create(resource, document, dryRun="All")
    except Refused as refused:
        return str(refused)
    return ""


def wait_said(kube: Kube, document: Object, sentence: str) -> None:
    """Wait until a DkronJob is refused with this sentence; until it is taken, if that is empty."""

    def as_wanted(now: str) -> bool:
        return sentence in now if sentence else not now

    wait_for(f"{sentence!r} to be said", lambda: said(kube, document), as_wanted, seconds=SOON)


TAKEN: dict[str, Object] = {
    "a command with a limit": limited(),
    "an image that is allowed": limited(executorConfig={**CONFIG, "image": "ok.example/b@sha256:0"}),
    "an image that is allowed with any tag": limited(executorConfig={**CONFIG, "image": "own.example/tools:2"}),
    "an account that is allowed": with_pod(serviceAccountName="dkron-jobs"),
    "a volume that is not of the host": with_pod(volumes=[{"name": "a", "emptyDir": {}}]),
    "namespaces of the pod": with_pod(hostNetwork=False, hostPID=False),
    "a limit by the template": without_mem_limit(containers=[{"name": "job", **MEMORY}]),
    "a limit of the whole pod": without_mem_limit(**MEMORY),
    "a call without a pod": job(**{**HTTP, "executorConfig": {**HTTP["executorConfig"], "inline": "true"}}),
    "a job that is all template": whole(containers=[CONTAINER]),
    "each thirty seconds": limited(schedule="@every 30s"),
    "each thirty seconds by fields": limited(schedule="*/30 * * * * *"),
    "each minute, in a zone": limited(schedule="TZ=Europe/Madrid 7 * * * * *"),
    "a number that follows from the name": limited(schedule="~ ~ * * * *"),
    "each second, but after another job": limited(schedule="* * * * * *", parentJob="first"),
    "a schedule that only the operator can judge": limited(schedule="61 * * * * *"),
    "null in a template": with_pod(containers=None, volumes=None, serviceAccountName=None),
}

REFUSED: dict[str, tuple[Object, str]] = {
    "an image": (
        limited(executorConfig={**CONFIG, "image": "busybox:1.36"}),
        f"image busybox:1.36 is not allowed; {IMAGES}",
    ),
    "an image of docker": (
        job(executor="docker", executorConfig={"image": "bad.example/a", "mem_limit": "64mb"}),
        f"image bad.example/a is not allowed; {IMAGES}",
    ),
    "an image of the template": (whole(containers=[{**CONTAINER, "image": "ok.example.evil/a"}]), IMAGES),
    "an image of an init container": (with_pod(initContainers=[{**CONTAINER, "image": "bad.example/a"}]), IMAGES),
    "an image as a volume": (with_pod(volumes=[{"name": "a", "image": {"reference": "bad.example/a"}}]), IMAGES),
    "an account": (with_pod(serviceAccountName="root"), f"service account root is not allowed; {ACCOUNTS}"),
    "an account by its older field": (with_pod(serviceAccount="root"), ACCOUNTS),
    "a folder of the node": (with_pod(volumes=[{"name": "a", "hostPath": {"path": "/"}}]), HOST_PATH),
    "the network of the node": (with_pod(hostNetwork=True), HOST),
    "the processes of the node": (with_pod(hostPID=True), HOST),
    "a privileged container": (with_pod(containers=[PRIVILEGED]), NO_PRIVILEGED),
    "a privileged init container": (
        with_pod(initContainers=[{**CONTAINER, "securityContext": {"privileged": True}}]),
        NO_PRIVILEGED,
    ),
    "a command without a limit": (
        job(executorConfig={"command": "true"}),
        f"{LIMITS} or by mem_limit in spec.executorConfig",
    ),
    "a call without a limit": (job(**HTTP), LIMITS),
    "a second container without a limit": (with_pod(containers=[{"name": "b", "image": "ok.example/b"}]), LIMITS),
    "a job that is all template, without a limit": (whole(containers=[{"name": "b", "image": "ok.example/b"}]), LIMITS),
    "each second": (limited(schedule="* * * * * *"), OFTEN),
    "each ten seconds": (limited(schedule="*/10 * * * * *"), OFTEN),
    "each 45 seconds, and then after 15": (limited(schedule="*/45 * * * * *"), OFTEN),
    "a list": (limited(schedule="0,20 * * * * *"), OFTEN),
    "a range": (limited(schedule="0-59 * * * * *"), OFTEN),
    "each ten seconds in a zone": (limited(schedule="TZ=Europe/Madrid */10 * * * * *"), OFTEN),
    "a duration": (limited(schedule="@every 29.9s"), OFTEN),
    "a step that follows from the name": (limited(schedule="*/~ * * * * *"), OFTEN),
    "a large template": (limited(jobTemplate={"metadata": {"annotations": {"a": "x" * 2000}}}), LARGE),
}


@pytest.mark.parametrize("document", TAKEN.values(), ids=list(TAKEN))
def test_a_job_that_breaks_no_rule_is_taken(ruled: Kube, document: Object) -> None:
    assert said(ruled, document) == ""


@pytest.mark.parametrize(("document", "sentence"), REFUSED.values(), ids=list(REFUSED))
def test_job_that_breaks_a_rule_is_refused_with_what_is_allowed(ruled: Kube, document: Object, sentence: str) -> None:
    assert sentence in said(ruled, document)


@pytest.mark.usefixtures("ruled")
def test_other_namespaces_have_no_rules(judge: Judge) -> None:
    assert judge.refusal(with_pod(hostNetwork=True, containers=[PRIVILEGED])) == ""


def test_older_job_can_be_paused_and_run_but_not_changed(ruled: Kube) -> None:
    ruled.ask_run("older", "now", "2026-01-01T00:00:00Z")
    ruled.edit("older", disabled=True)
    with pytest.raises(Refused, match=r"image bad\.example/a is not allowed"):
        ruled.edit("older", schedule="@weekly")
    ruled.edit("older", executorConfig=CONFIG | {"image": "ok.example/a"}, schedule="@weekly")


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        pytest.param(batch_job(OF_THE_OPERATOR), "", id="one that breaks no rule"),
        pytest.param(
            batch_job(OF_THE_OPERATOR, containers=[{**CONTAINER, "image": "busybox"}]),
            f"image busybox is not allowed; {IMAGES}",
            id="an image by default",
        ),
        pytest.param(
            batch_job(OF_THE_OPERATOR, containers=[{"name": "a", "image": "ok.example/a"}]),
            "a limit of memory is missing; each container has to have it",
            id="no limit",
        ),
        pytest.param(batch_job(OF_THE_OPERATOR, serviceAccountName="root"), ACCOUNTS, id="an account"),
        pytest.param(batch_job(OF_THE_OPERATOR, hostNetwork=True), HOST, id="the network of the node"),
        pytest.param(batch_job({}, hostNetwork=True, serviceAccountName="root"), "", id="a Job of others"),
    ],
)
def test_jobs_of_the_operator_obey_the_pod_rules(ruled: Kube, document: Object, sentence: str) -> None:
    found = said_of_job(ruled, document)
    assert sentence in found if sentence else found == "", found


def test_changed_parameters_apply_soon_and_missing_ones_deny(ruled: Kube) -> None:
    privileged = with_pod(containers=[PRIVILEGED])
    before = ruled.get(CONFIG_MAPS, PARAMETERS)
    ruled.patch(CONFIG_MAPS, PARAMETERS, {"data": {"allowPrivileged": "true", "images": None}})
    wait_said(ruled, privileged, "")
    assert said(ruled, limited(executorConfig={**CONFIG, "image": "busybox"})) == ""
    ruled.delete(CONFIG_MAPS, PARAMETERS)
    wait_said(ruled, limited(), "no params found")
    metadata = {"name": PARAMETERS, "labels": before["metadata"]["labels"]}
    ruled.create(CONFIG_MAPS, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": before["data"]})
    wait_said(ruled, limited(), "")
    wait_said(ruled, privileged, NO_PRIVILEGED)


def test_api_server_type_checks_the_rules_without_warnings(cluster: localcluster.Cluster, ruled: Kube) -> None:
    """It checks types in the background, and tells what it doubts in the status."""

    def policies() -> list[Object]:
        found = json.loads(cluster.kubectl("get", POLICY, "-o", "json"))["items"]
        return [each for each in found if each["metadata"]["name"].startswith(ruled.namespace)]

    checked = wait_for(
        "the types to be checked",
        policies,
        lambda found: len(found) == POLICIES and all("observedGeneration" in each.get("status", {}) for each in found),
        seconds=SOON,
    )
    warnings = [each["status"].get("typeChecking", {}).get("expressionWarnings", []) for each in checked]
    assert warnings == [[]] * POLICIES
