"""Who keeps which field of a job, and jobs that an older schema let in."""

import json
from typing import Any

import pytest

from dkron_api.translate.record import LAST_APPLIED, Job, kept, owners
from tests.support.builders import wire_job

KUBECTL = "kubectl-client-side-apply"
SPEC: dict[str, Any] = {"f:spec": {".": {}, "f:schedule": {}, "f:disabled": {}}}


def entry(manager: str, operation: str = "Apply", **fields: Any) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "fieldsV1": SPEC, **fields}


def both(manager: str) -> dict[str, str]:
    """It owns both fields."""
    return {"schedule": manager, "disabled": manager}


@pytest.mark.parametrize(
    ("entries", "applied", "expected"),
    [
        pytest.param([], None, {}, id="no manager"),
        pytest.param([entry("argocd-controller")], None, both("argocd-controller"), id="who applies owns all it names"),
        pytest.param([entry("helm", "Update")], None, both("helm"), id="an updater owns what it wrote"),
        pytest.param([entry("dkron-api", "Update")], None, {}, id="we ourselves do not count"),
        pytest.param([entry("kubectl-edit", "Update")], None, {}, id="a person who edits once does not count"),
        pytest.param([entry("dkronctl", "Update")], None, {}, id="nor does one with our command line"),
        pytest.param([entry(KUBECTL, "Update")], {"schedule": "@daily"}, {"schedule": KUBECTL}, id="as the manifest"),
        pytest.param([entry(KUBECTL, "Update")], "nonsense", both(KUBECTL), id="a broken note of it is no note"),
        pytest.param([entry("operator", "Update", subresource="status")], None, {}, id="the status is not the spec"),
        pytest.param([entry("x", "Update", fieldsV1={"f:metadata": {}})], None, {}, id="metadata is not the spec"),
    ],
)
def test_owners(entries: list[dict[str, Any]], applied: Any, expected: dict[str, str]) -> None:
    metadata: dict[str, Any] = {"managedFields": entries}
    if applied is not None:
        text = applied if isinstance(applied, str) else json.dumps({"spec": applied})
        metadata["annotations"] = {LAST_APPLIED: text}
    assert owners({"metadata": metadata, "spec": {"schedule": "@daily", "disabled": True}}) == expected


def test_kept_job_drops_managed_fields_and_keeps_owners() -> None:
    raw = wire_job()
    raw["metadata"]["managedFields"] = [entry("argocd-controller")]
    job = kept(raw)
    assert job.owners["schedule"] == "argocd-controller"
    assert "managedFields" not in job.raw["metadata"]


def test_unreadable_field_does_not_hide_the_others() -> None:
    raw = wire_job(retryBackoff={"initial": "9999999h"}, displayName="shown")
    raw["status"] = {"successCount": 3, "days": "nonsense", "lastSuccess": "never"}
    job = Job(raw)
    assert job.spec.display_name == "shown"
    assert job.status.success_count == 3
    assert job.status.last_success is None
    assert job.days == ()


def test_default_recorded_for_its_creator_has_no_owner() -> None:
    raw = {"metadata": {"managedFields": [entry("helm", "Update")]}, "spec": {"schedule": "@daily", "disabled": False}}
    assert owners(raw) == {"schedule": "helm"}
