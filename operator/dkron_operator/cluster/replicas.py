"""Counts the running replicas of this installation by their pods, which share a name, an instance and a component (the
labels that Kubernetes recommends). No other object has to be read for that."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from dkron_kube.client import KubeClient
from dkron_kube.errors import KubeError
from dkron_kube.paths import PODS
from dkron_operator.kit.log_once import LogOnce

Object = Mapping[str, Any]
log = logging.getLogger(__name__)

SHARED = ("app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component")


class ReplicaCount:
    """Counts the ready pods of the installation that `pod` belongs to. A process that is not a pod there counts as one
    replica."""

    def __init__(self, client: KubeClient, *, namespace: str, pod: str) -> None:
        self._client = client
        self._namespace = namespace
        self._pod = pod
        self._selector: str | None = None
        self._log_once = LogOnce(log, f"counting replicas in namespace {namespace}")

    async def count(self) -> int:
        """The number of running replicas, including this one; 1 if the API server refuses or does not answer."""
        try:
            if self._selector is None:
                self._selector = selector(await self._list(fields=f"metadata.name={self._pod}"))
            found = running(await self._list(labels=self._selector)) if self._selector else 1
        except KubeError as exc:
            self._log_once.goes_on(exc)
            return 1
        self._log_once.is_over()
        return max(found, 1)

    async def _list(self, *, labels: str | None = None, fields: str | None = None) -> list[Object]:
        found = self._client.list(PODS, self._namespace, label_selector=labels, field_selector=fields)
        return [pod async for pod in found]


def selector(own: Iterable[Object]) -> str:
    """The label selector for the pods of all replicas, from our own pod; empty if it lacks these labels or does not
    exist. Pure."""
    labels = next((pod["metadata"].get("labels") or {} for pod in own), {})
    shared = {key: labels[key] for key in SHARED if key in labels}
    return ",".join(f"{key}={value}" for key, value in shared.items()) if len(shared) == len(SHARED) else ""


def running(pods: Iterable[Object]) -> int:
    """How many of these pods are ready and not being deleted. Pure."""
    return sum(
        each["type"] == "Ready" and each["status"] == "True"
        for pod in pods
        if "deletionTimestamp" not in pod["metadata"]
        for each in (pod.get("status") or {}).get("conditions") or ()
    )
