"""Pods that do not start: each is told in a condition and an Event, while every other job keeps its time."""

from typing import Any

import pytest

from dkron_operator.plan.situation.permissions import CHOOSE_USER
from tests.support import ledger
from tests.support.jobs import KEEP_ALL, dkron_job, pod_template
from tests.support.kube import SECRETS, condition, finished, is_degraded
from tests.support.printed import MARK
from tests.support.sites import Site

pytestmark = pytest.mark.cluster(nodes="real")

NEVER = pod_template(containers=[{"name": "job", "imagePullPolicy": "Never"}])
MISSING_IMAGE = {"image": "registry.invalid/missing:1"}
HUGE = pod_template(containers=[{"name": "job", "resources": {"requests": {"cpu": "9000"}}}])
READ_ONLY = pod_template(containers=[{"name": "job", "securityContext": {"readOnlyRootFilesystem": True}}])
NOT_ROOT = pod_template(securityContext={"runAsNonRoot": True})
MOUNTED = [{"name": "job", "volumeMounts": [{"name": "files", "mountPath": "/files"}]}]
NO_SECRET = pod_template(containers=MOUNTED, volumes=[{"name": "files", "secret": {"secretName": "nothing"}}])
NO_FILES = pod_template(containers=MOUNTED, volumes=[{"name": "files", "configMap": {"name": "nothing"}}])

STUCK = (
    pytest.param("never-pulled", {"ErrImageNeverPull"}, id="an image that is not there and may not be pulled"),
    pytest.param("not-pulled", {"ErrImagePull", "ImagePullBackOff"}, id="an image that no registry has"),
    pytest.param("misnamed", {"InvalidImageName"}, id="an image whose name no repository has"),
    pytest.param("no-secret", {"CreateContainerConfigError"}, id="a secret that does not exist"),
    pytest.param("refused-root", {"CreateContainerConfigError"}, id="an image of root that may not be root"),
    pytest.param("no-volume", {"FailedMount"}, id="a Secret of a volume that does not exist"),
    pytest.param("no-files", {"FailedMount"}, id="a ConfigMap of a volume that does not exist"),
    pytest.param("no-node", {"Unschedulable"}, id="a node that does not exist"),
    pytest.param("no-pod", {"FailedCreate"}, id="a service account that does not exist"),
    pytest.param("no-room", {"Unschedulable"}, id="no node that has room for it"),
)


def stuck_jobs() -> list[dict[str, Any]]:
    return [
        dkron_job("never-pulled", config=MISSING_IMAGE, jobTemplate=NEVER, run=["once"]),
        dkron_job("not-pulled", config=MISSING_IMAGE, run=["once"]),
        dkron_job("misnamed", config={"image": "0" * 64}, run=["once"]),
        dkron_job(
            "no-secret", "echo $TOKEN", config={"shell": "true", "env": "TOKEN=secretRef:late/token"}, run=["once"]
        ),
        dkron_job("no-pod", jobTemplate=pod_template(serviceAccountName="missing"), run=["once"]),
        dkron_job("refused-root", jobTemplate=NOT_ROOT, run=["once"]),
        dkron_job("no-volume", jobTemplate=NO_SECRET, run=["once"]),
        dkron_job("no-files", jobTemplate=NO_FILES, run=["once"]),
        dkron_job("no-node", jobTemplate=pod_template(nodeSelector={"moon": "dark"}), run=["once"]),
        dkron_job("no-room", jobTemplate=HUGE, run=["once"]),
        dkron_job("read-only", "echo kept > /kept", config={"shell": "true"}, jobTemplate=READ_ONLY, run=["once"]),
        dkron_job("no-end", config=MISSING_IMAGE | {"timeout": "35s"}, jobTemplate=NEVER, run=["once"]),
    ]


@pytest.fixture(scope="module", autouse=True)
def everything(module_site: Site) -> None:
    module_site.kube.apply(dkron_job("bystander", schedule="@every 2s", history=KEEP_ALL), *stuck_jobs())


@pytest.mark.parametrize(("name", "reasons"), STUCK)
def test_pod_that_does_not_start_is_reported(shared_site: Site, name: str, reasons: set[str]) -> None:
    kube = shared_site.kube
    # A kubelet may tell of a pod in several Events before it says what keeps the container from starting.
    status = kube.wait_status(name, f"one of {reasons}", lambda s: condition(s, "Degraded").get("reason") in reasons)
    degraded = condition(status, "Degraded")
    (active,) = status["active"]
    assert degraded["status"] == "True"
    assert active["job"] in degraded["message"], "the message says where to look"
    assert condition(status, "Ready")["status"] == "True", "the spec is in order"
    kube.wait_for("an Event", lambda: [kube.events_of(name, reason) for reason in reasons], any)


def test_full_cluster_is_reported_in_the_words_of_the_scheduler(shared_site: Site) -> None:
    status = shared_site.kube.wait_status("no-room", "Degraded", is_degraded)
    assert "Insufficient cpu" in condition(status, "Degraded")["message"]


def test_root_image_is_reported_with_its_remedy(shared_site: Site) -> None:
    status = shared_site.kube.wait_status("refused-root", "Degraded", is_degraded)
    message = condition(status, "Degraded")["message"]
    assert "image will run as root" in message
    assert message.endswith(CHOOSE_USER)


def test_output_shows_a_read_only_file_system(shared_site: Site) -> None:
    (execution,) = shared_site.kube.wait_status("read-only", "its run", finished(1))["executions"]
    assert (execution["state"], execution["exitCode"]) == ("Failed", 1)
    assert "Read-only file system" in execution["output"]


def test_late_start_of_a_pod_clears_the_degraded_condition(shared_site: Site) -> None:
    kube = shared_site.kube
    kube.wait_status("no-secret", "Degraded", is_degraded)
    kube.create(SECRETS, {"metadata": {"name": "late"}, "stringData": {"token": f"{MARK} at last"}})
    status = kube.wait_status("no-secret", "its run", finished(1), seconds=90)
    assert (status["executions"][0]["output"], status["status"]) == (f"{MARK} at last\n", "success")
    assert condition(status, "Degraded")["status"] == "False"


def test_a_timeout_ends_the_wait_for_an_image(shared_site: Site) -> None:
    status = shared_site.kube.wait_status("no-end", "its end", finished(1), seconds=90)
    (execution,) = status["executions"]
    assert (execution["state"], execution["reason"]) == ("Failed", "ErrImageNeverPull")
    assert condition(status, "Degraded")["status"] == "True"


@pytest.mark.promise
def test_every_other_job_keeps_its_time(shared_site: Site) -> None:
    shared_site.kube.wait_status("bystander", "five runs", finished(5))
    account = ledger.close(shared_site.kube, "bystander", every=2)
    account.assert_balanced()
    assert account.skipped == 0
