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


def backfill(name: str = "again", /, **spec: Any) -> dict[str, Any]:
    """Return a DkronBackfill of a day, with these fields of the spec beside job; None leaves one out."""
    day = {"job": "nightly", "from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}
    given = {key: value for key, value in {**day, **spec}.items() if value is not None}
    return {"apiVersion": "dkron.io/v1alpha1", "kind": "DkronBackfill", "metadata": {"name": name}, "spec": given}
