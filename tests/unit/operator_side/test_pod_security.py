"""The pods of all executors beside the Pod Security Standard `restricted`, and whether they get a token."""

from typing import Any

import pytest

from dkron_operator.executors import EXECUTORS
from dkron_operator.plan.build import build_job
from tests.support.builders import IMAGES, claim, job_view
from tests.support.manifests import shown

Object = dict[str, Any]

COMMAND = {"command": "id", "su": "1000:1000"}
CONFIGS: dict[str, dict[str, str]] = {
    "shell": COMMAND,
    "docker": {**COMMAND, "image": "alpine:3"},
    "kubernetes": {},
    "http": {"method": "GET", "url": "http://a.example/"},
    "grpc": {"url": "a.example:443/x.Y/Z"},
    "kafka": {"brokerAddress": "a.example:9092", "topic": "a", "message": "b"},
    "nats": {"url": "nats://a.example", "subject": "a", "message": "b"},
    "rabbitmq": {"url": "amqp://a.example", "queue.name": "a", "text": "b"},
    "gcppubsub": {"project": "project", "topic": "orders", "data": "Yg=="},
}
TEMPLATED = {"kubernetes": {"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "b"}]}}}}}
HOST = ("hostNetwork", "hostPID", "hostIPC")
OF_THE_IMAGE = {"shell", "docker", "kubernetes"}
"""Executors that run an image of the user: whether that runs as root is up to the image, unless the job says so."""
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
CONFINED_JOB = "docs/security.md:confined"


def violations(pod: Object) -> set[str]:
    """What `restricted` forbids (https://kubernetes.io/docs/concepts/security/pod-security-standards/)."""
    of_pod = pod.get("securityContext") or {}
    found = {key for key in HOST if pod.get(key)}
    found |= {kind for volume in pod.get("volumes", ()) for kind in volume.keys() - VOLUMES - {"name"}}
    for container in (*pod.get("initContainers", ()), *pod["containers"]):
        own = container.get("securityContext") or {}
        both = of_pod | own
        capabilities = own.get("capabilities") or {}
        checks = {
            "privileged": not own.get("privileged"),
            "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is False,
            "capabilities": "ALL" in capabilities.get("drop", ())
            and set(capabilities.get("add", ())) <= {"NET_BIND_SERVICE"},
            "runAsNonRoot": both.get("runAsNonRoot") is True,
            "runAsUser": both.get("runAsUser") != 0,
            "seccompProfile": (both.get("seccompProfile") or {}).get("type") in {"RuntimeDefault", "Localhost"},
            "procMount": own.get("procMount", "Default") == "Default",
            "hostPort": not any(port.get("hostPort") for port in container.get("ports", ())),
        }
        found |= {name for name, met in checks.items() if not met}
    return found


def pod_of(executor: str, template: Object | None = None) -> Object:
    """The spec of the pod that a job with this executor gets."""
    given = TEMPLATED.get(executor, {}) if template is None else template
    job = job_view(executor=executor, executorConfig=CONFIGS[executor], jobTemplate=given)
    assert job.problem is None, job.problem
    pod: Object = build_job(job, claim(), images=IMAGES)["spec"]["template"]["spec"]
    return pod


def test_all_executors_are_here() -> None:
    assert CONFIGS.keys() == EXECUTORS.keys()


@pytest.mark.parametrize("executor", sorted(CONFIGS.keys() - OF_THE_IMAGE))
def test_a_pod_of_our_own_image_is_restricted(executor: str) -> None:
    pod = pod_of(executor)
    assert violations(pod) == set()
    assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True


@pytest.mark.parametrize("executor", sorted(OF_THE_IMAGE))
def test_a_pod_of_another_image_asks_for_nothing_and_leaves_the_rest_to_the_job(executor: str) -> None:
    """What the standard forbids is not there, and what it demands is for the template: an image may need root."""
    demands = {"allowPrivilegeEscalation", "capabilities", "runAsNonRoot", "seccompProfile"}
    assert violations(pod_of(executor)) == demands


@pytest.mark.parametrize("executor", ["shell", "docker"])
def test_the_template_of_the_documentation_restricts_it(executor: str) -> None:
    (document,) = (each.document for each in shown() if each.name == CONFINED_JOB)
    assert violations(pod_of(executor, document["spec"]["jobTemplate"])) == set()


@pytest.mark.parametrize("executor", sorted(CONFIGS))
def test_a_pod_gets_no_token_unless_its_template_says_so(executor: str) -> None:
    """In `kubernetes` the template is the whole pod."""
    wanted = None if executor == "kubernetes" else False
    assert pod_of(executor).get("automountServiceAccountToken") is wanted
    asked = {"spec": {"template": {"spec": {"automountServiceAccountToken": True}}}}
    if wanted is False:
        assert pod_of(executor, asked)["automountServiceAccountToken"] is True


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"hostNetwork": True}, "hostNetwork"),
        ({"volumes": [{"name": "a", "hostPath": {"path": "/"}}]}, "hostPath"),
        ({"containers": [{"name": "job", "securityContext": {"privileged": True}}]}, "privileged"),
        ({"containers": [{"name": "job", "securityContext": {"runAsUser": 0}}]}, "runAsUser"),
        (
            {"containers": [{"name": "job", "securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}]},
            "capabilities",
        ),
        ({"initContainers": [{"name": "first", "image": "a"}]}, "runAsNonRoot"),
    ],
)
def test_what_a_template_adds_is_seen(change: Object, what: str) -> None:
    assert what in violations(pod_of("http", {"spec": {"template": {"spec": change}}}))
