"""Simulated nodes of a cluster in the hands of a test: labelled, cordoned, tainted, added and removed.

A test labels them with a key of its own, so that tests in one cluster do not meet.
"""

import contextlib
import secrets
from collections.abc import Iterator
from typing import Any

from localcluster.components import kwok
from tests.support.kube import NODES, Kube, condition

Object = dict[str, Any]


class Fleet:
    """The nodes of a cluster. `restore` undoes a test's changes."""

    def __init__(self, kube: Kube) -> None:
        self.kube = kube
        self.key = f"k{secrets.token_hex(3)}"
        self.names = sorted(node["metadata"]["name"] for node in kube.all(NODES))
        self._added: set[str] = set()

    def label(self, *names: str, value: str | None = "eu", prefix: str = "") -> None:
        """Give these nodes the label of this test; None takes it away."""
        for name in names:
            self.kube.patch(NODES, name, {"metadata": {"labels": {prefix + self.key: value}}})

    def cordon(self, name: str, *, on: bool = True) -> None:
        """Let the node take no new pods, or take them again."""
        self.kube.patch(NODES, name, {"spec": {"unschedulable": on or None}})

    def taint(self, name: str, *, on: bool = True) -> None:
        """Keep pods without a toleration away from the node."""
        taint = {"key": f"dkron.io/{self.key}", "effect": "NoSchedule"}
        self.kube.patch(NODES, name, {"spec": {"taints": [taint] if on else None}})

    def add(self, *, value: str | None = None) -> str:
        """A new node that is ready, with the label of this test if a value is given."""
        body: Object = kwok.node(int(secrets.token_hex(3), 16))
        name = str(body["metadata"]["name"])
        if value is not None:
            body["metadata"]["labels"][self.key] = value
        self.kube.create(NODES, body)
        self._added.add(name)
        self.kube.wait_for(f"{name} to be ready", lambda: self.kube.get(NODES, name)["status"], _is_ready)
        return name

    def remove(self, name: str) -> None:
        """Remove a node that was added."""
        self.kube.delete(NODES, name)
        self._added.discard(name)

    def restore(self) -> None:
        """Undo what was changed."""
        for name in tuple(self._added):
            self.remove(name)
        for name in self.names:
            change = {"labels": {self.key: None, f"dkron.io/{self.key}": None}}
            self.kube.patch(NODES, name, {"metadata": change, "spec": {"unschedulable": None, "taints": None}})


@contextlib.contextmanager
def fleet_of(kube: Kube) -> Iterator[Fleet]:
    """The nodes of the cluster, for one test."""
    fleet = Fleet(kube)
    try:
        yield fleet
    finally:
        fleet.restore()


def _is_ready(status: Object) -> bool:
    return bool(condition(status, "Ready").get("status") == "True")
