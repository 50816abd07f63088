"""The smallest custom resources of each kind, as a person would write them."""

from typing import Any


def job(object_name: str = "nightly", /, **spec: Any) -> dict[str, Any]:
    """Return a daily DkronJob that runs a command, with these further fields of the spec."""
    return {
        "apiVersion": "dkron.io/v1alpha1",
        "kind": "DkronJob",
        "metadata": {"name": object_name},
        "spec": {"schedule": "@daily", "executorConfig": {"command": "date"}} | spec,
    }


def policy(path: Any) -> dict[str, Any]:
    """Return a DkronPolicy with these paths."""
    return {
        "apiVersion": "dkron.io/v1alpha1",
        "kind": "DkronPolicy",
        "metadata": {"name": "readonly"},
        "spec": {"path": path},
    }


def installation(name: str = "dkron", /, **spec: Any) -> dict[str, Any]:
    """Return a DkronCluster with these fields of the spec."""
    return {"apiVersion": "dkron.io/v1alpha1", "kind": "DkronCluster", "metadata": {"name": name}, "spec": spec}
