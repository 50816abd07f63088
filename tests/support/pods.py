"""Pods of the project's own image, as an installation without trust would run them.

They are held to Kubernetes' `restricted` Pod Security Standard, and have a root file system that no process can
write to. Requests reach them through the API server, so that a test needs no route into the cluster's network.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dkron_kube.paths import PODS
from tests.support.kube import NAMESPACES, Kube, Object

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
CONFINED: Object = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""The security context of a container. It names no user: the image has to say one that is a number and not root."""

READY_SECONDS = 90.0
ENDED = {"Succeeded", "Failed"}


def restrict(kube: Kube) -> None:
    """Have the API server refuse pods in the namespace that ask for more than `restricted` allows."""
    kube.patch(NAMESPACES, kube.namespace, {"metadata": {"labels": RESTRICTED}})


def start(kube: Kube, name: str, image: str, command: Sequence[str], *, account: str = "", **container: Any) -> None:
    """Create a confined pod; without an account it has no token. `container` are further fields of its container."""
    main = {"name": "main", "image": image, "imagePullPolicy": "Never", "args": list(command)}
    spec = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 5,
        "automountServiceAccountToken": bool(account),
        "serviceAccountName": account or "default",
        "containers": [main | {"securityContext": CONFINED} | container],
    }
    kube.create(PODS, {"metadata": {"name": name}, "spec": spec})


def wait_ready(kube: Kube, name: str) -> None:
    """Wait until the pod is ready."""

    def ready(status: Object) -> bool:
        return any(row["type"] == "Ready" and row["status"] == "True" for row in status.get("conditions", ()))

    kube.wait_for(f"pod {name} to be ready", lambda: kube.get(PODS, name)["status"], ready, seconds=READY_SECONDS)


def check_running(kube: Kube, *names: str) -> None:
    """Raise AssertionError with the log of a pod that has ended."""
    for name in names:
        phase = kube.get(PODS, name)["status"]["phase"]
        assert phase not in ENDED, f"pod {name} has {phase}:\n{log(kube, name)}"


def run(kube: Kube, name: str, image: str, command: Sequence[str], **container: Any) -> tuple[int, str]:
    """Run a confined pod to its end: the exit code, and what it wrote."""
    start(kube, name, image, command, **container)
    kube.wait_for(
        f"pod {name} to end",
        lambda: kube.get(PODS, name)["status"],
        lambda status: status.get("phase") in ENDED,
        seconds=READY_SECONDS,
    )
    (container_status,) = kube.get(PODS, name)["status"]["containerStatuses"]
    return container_status["state"]["terminated"]["exitCode"], log(kube, name)


def log(kube: Kube, name: str) -> str:
    """The log of the pod."""
    return kube.text("GET", PODS.path(kube.namespace, name, "log"))


@dataclass(frozen=True, slots=True)
class PodRest:
    """What listens at a port of a pod, through the API server. Raises `Refused` for a status of 400 and above."""

    kube: Kube
    pod: str
    port: int

    def get(self, path: str) -> Any:
        """The JSON that is there."""
        return json.loads(self.kube.text("GET", self._at(path)))

    def post(self, path: str, body: Object) -> Any:
        """The JSON of the answer."""
        return json.loads(self.kube.text("POST", self._at(path), body=body))

    def _at(self, path: str) -> str:
        return PODS.path(self.kube.namespace, f"{self.pod}:{self.port}", "proxy") + path
