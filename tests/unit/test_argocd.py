"""What Argo CD makes of our objects: the Lua of examples/argocd, on statuses as the operator writes them."""

from pathlib import Path
from typing import Any

import lupa
import pytest
import yaml

from dkron_crds.kinds import KINDS

FILE = Path(__file__).parents[2] / "examples" / "argocd" / "health.yaml"
PREFIX = "resource.customizations.health.dkron.io_"
SCRIPTS: dict[str, str] = {
    key.removeprefix(PREFIX): text for key, text in yaml.safe_load(FILE.read_text(encoding="utf-8"))["data"].items()
}


def health(kind: str, status: Any, **spec: Any) -> tuple[str, str]:
    """Return the status and the message for an object of the second generation."""
    lua = lupa.LuaRuntime()
    obj = {"metadata": {"generation": 2}, "spec": spec} | ({} if status is None else {"status": status})
    lua.globals().obj = lua.table_from(obj, recursive=True)
    found = dict(lua.execute(SCRIPTS[kind]))
    assert found.keys() == {"status", "message"}
    return found["status"], found["message"]


def conditions(generation: int = 2, /, **found: str) -> list[dict[str, Any]]:
    """Return conditions from `Ready="True Scheduled"`: their status and their reason."""
    words = {kind: text.split() for kind, text in found.items()}
    return [
        {"type": kind, "status": status, "reason": reason, "message": "why", "observedGeneration": generation}
        for kind, (status, reason) in words.items()
    ]


FINE = {"Ready": "True Scheduled", "Suspended": "False Active", "Degraded": "False AsExpected"}
LED = {"Ready": "True Leading"}
SEEN: dict[str, Any] = {"observedGeneration": 2}

TABLE: dict[str, tuple[str, Any, str, str]] = {
    "a job without a status": ("DkronJob", None, "Progressing", "not looked"),
    "a job before its edit was seen": ("DkronJob", {"conditions": conditions(1, **FINE)}, "Progressing", "not looked"),
    "a job that waits for its parent": (
        "DkronJob", {"conditions": conditions(**FINE | {"Ready": "Unknown Pending"})}, "Progressing", "not looked",
    ),
    "a new job": ("DkronJob", {"conditions": conditions(**FINE)}, "Healthy", "has not run"),
    "a job that succeeded": (
        "DkronJob", {"conditions": conditions(**FINE), "status": "success"}, "Healthy", "success",
    ),
    "a job that failed": ("DkronJob", {"conditions": conditions(**FINE), "status": "failed"}, "Healthy", "failed"),
    "a job that cannot run": (
        "DkronJob", {"conditions": conditions(**FINE | {"Ready": "False InvalidTemplate"})}, "Degraded",
        "InvalidTemplate: why",
    ),
    "a job whose image is missing": (
        "DkronJob", {"conditions": conditions(**FINE | {"Degraded": "True ImagePullBackOff"})}, "Degraded",
        "ImagePullBackOff: why",
    ),
    "a disabled job": (
        "DkronJob", {"conditions": conditions(**FINE | {"Suspended": "True Disabled"})}, "Suspended", "Disabled: why",
    ),
    "a new installation": ("DkronCluster", None, "Progressing", "no operator leads"),
    "an installation that waits": (
        "DkronCluster", {"conditions": conditions(Ready="False Waiting")}, "Progressing", "no operator leads",
    ),
    "an installation that is led": (
        "DkronCluster", {"conditions": conditions(**LED), "leader": "pod-1"}, "Healthy", "led by pod-1",
    ),
    "an installation that was stopped": (
        "DkronCluster", {"conditions": conditions(Ready="False Stopped")}, "Degraded", "Stopped: why",
    ),
    "an installation with a wrong receiver": (
        "DkronCluster", {"conditions": conditions(**LED, Delivers="False InvalidReceiver")}, "Degraded",
        "InvalidReceiver: why",
    ),
    "an installation beside another": (
        "DkronCluster", {"conditions": conditions(**LED, Conflicted="True SharedNamespace")}, "Degraded",
        "SharedNamespace: why",
    ),
    "a run that was not decided": ("DkronRun", None, "Progressing", ""),
    "a run that is active": ("DkronRun", {"phase": "Running", "message": "attempt 1"}, "Progressing", "attempt 1"),
    "a run that succeeded": ("DkronRun", {"phase": "Succeeded"}, "Healthy", ""),
    "a run that failed": ("DkronRun", {"phase": "Failed"}, "Degraded", ""),
    "a run that was refused": ("DkronRun", {"phase": "Refused", "message": "why"}, "Degraded", "why"),
    "a backfill that runs": (
        "DkronBackfill", {"conditions": conditions(Complete="False Active"), "message": "1 of 3"}, "Progressing",
        "1 of 3",
    ),
    "a backfill that waits": (
        "DkronBackfill", {"conditions": conditions(Suspended="True Suspended")}, "Suspended", "",
    ),
    "a backfill that is done": ("DkronBackfill", {"conditions": conditions(Complete="True Done")}, "Healthy", ""),
    "a backfill with failed runs": (
        "DkronBackfill", {"conditions": conditions(Complete="False Failed", Failed="True RunFailed")}, "Degraded", "",
    ),
    "a pause that is not seen": ("DkronPause", None, "Progressing", ""),
    "a pause that holds": (
        "DkronPause",
        SEEN | {"conditions": conditions(Active="True Paused", Ready="True Paused"), "message": "3 jobs"}, "Suspended",
        "3 jobs",
    ),
    "a pause that is over": (
        "DkronPause", SEEN | {"conditions": conditions(Active="False Expired", Ready="True Expired")}, "Healthy", "",
    ),
    "a pause without an effect": (
        "DkronPause",
        SEEN | {"conditions": conditions(Active="False TooMany", Ready="False TooMany"), "message": "why"}, "Degraded",
        "why",
    ),
    "a pause whose edit was not seen": (
        "DkronPause",
        {"observedGeneration": 1, "conditions": conditions(1, Active="False Expired", Ready="True Expired")},
        "Progressing", "not looked",
    ),
}  # fmt: skip
"""Kind, status, and what Argo CD shows: the health, and the beginning of a sentence or all of it."""


@pytest.mark.parametrize("name", TABLE)
def test_health(name: str) -> None:
    kind, status, wanted, sentence = TABLE[name]
    found, message = health(kind, status)
    assert found == wanted
    assert sentence in message


def test_backfill_is_suspended_as_soon_as_its_spec_says_so() -> None:
    assert health("DkronBackfill", None, suspend=True)[0] == "Suspended"


def test_each_kind_with_a_status_has_a_script() -> None:
    assert SCRIPTS.keys() == {kind.name for kind in KINDS if "status" in kind.model.model_fields}
