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


def job(**changed: str) -> dict[str, Any]:
    """Return the status of a job that is in order, but for these conditions."""
    return {"conditions": conditions(**FINE | changed)}


def pause(generation: int = 2, /, *, active: str, ready: str = "", message: str = "") -> dict[str, Any]:
    """Return the status of a pause; it is ready as it is active, unless `ready` says otherwise."""
    found = conditions(generation, Active=active, Ready=ready or active)
    return {"observedGeneration": generation, "conditions": found, "message": message}


def pool(generation: int = 2, /, *, ready: str, message: str = "") -> dict[str, Any]:
    """Return the status of a pool."""
    return {"observedGeneration": generation, "conditions": conditions(generation, Ready=ready), "message": message}


TABLE: dict[str, dict[str, tuple[Any, str, str]]] = {
    "DkronJob": {
        "without a status": (None, "Progressing", "not looked"),
        "before its edit was seen": ({"conditions": conditions(1, **FINE)}, "Progressing", "not looked"),
        "that waits for its parent": (job(Ready="Unknown Pending"), "Progressing", "not looked"),
        "new": (job(), "Healthy", "has not run"),
        "that succeeded": (job() | {"status": "success"}, "Healthy", "success"),
        "that failed": (job() | {"status": "failed"}, "Healthy", "failed"),
        "that cannot run": (job(Ready="False InvalidTemplate"), "Degraded", "InvalidTemplate: why"),
        "whose image is missing": (job(Degraded="True ImagePullBackOff"), "Degraded", "ImagePullBackOff: why"),
        "disabled": (job(Suspended="True Disabled"), "Suspended", "Disabled: why"),
    },
    "DkronCluster": {
        "new": (None, "Progressing", "no operator leads"),
        "that waits": ({"conditions": conditions(Ready="False Waiting")}, "Progressing", "no operator leads"),
        "that is led": ({"conditions": conditions(**LED), "leader": "pod-1"}, "Healthy", "led by pod-1"),
        "that was stopped": ({"conditions": conditions(Ready="False Stopped")}, "Degraded", "Stopped: why"),
        "with a wrong receiver": (
            {"conditions": conditions(**LED, Delivers="False InvalidReceiver")}, "Degraded", "InvalidReceiver: why"
        ),
        "beside another": (
            {"conditions": conditions(**LED, Conflicted="True SharedNamespace")}, "Degraded", "SharedNamespace: why"
        ),
    },
    "DkronRun": {
        "that was not decided": (None, "Progressing", ""),
        "that is active": ({"phase": "Running", "message": "attempt 1"}, "Progressing", "attempt 1"),
        "that succeeded": ({"phase": "Succeeded"}, "Healthy", ""),
        "that failed": ({"phase": "Failed"}, "Degraded", ""),
        "that was refused": ({"phase": "Refused", "message": "why"}, "Degraded", "why"),
    },
    "DkronBackfill": {
        "that runs": (
            {"conditions": conditions(Complete="False Active"), "message": "1 of 3"}, "Progressing", "1 of 3"
        ),
        "that waits": ({"conditions": conditions(Suspended="True Suspended")}, "Suspended", ""),
        "that is done": ({"conditions": conditions(Complete="True Done")}, "Healthy", ""),
        "with failed runs": (
            {"conditions": conditions(Complete="False Failed", Failed="True RunFailed")}, "Degraded", ""
        ),
    },
    "DkronPause": {
        "that is not seen": (None, "Progressing", ""),
        "that holds": (pause(active="True Paused", message="3 jobs"), "Suspended", "3 jobs"),
        "that is over": (pause(active="False Expired", ready="True Expired"), "Healthy", ""),
        "without an effect": (pause(active="False TooMany", message="why"), "Degraded", "why"),
        "whose edit was not seen": (pause(1, active="False Expired"), "Progressing", "not looked"),
    },
    "DkronPool": {
        "that is not seen": (None, "Progressing", "not looked"),
        "that serves jobs": (pool(ready="True Serving", message="0 of 3"), "Healthy", "0 of 3"),
        "without an effect": (pool(ready="False TooMany", message="why"), "Degraded", "why"),
        "whose edit was not seen": (pool(1, ready="True Serving"), "Progressing", "not looked"),
    },
}  # fmt: skip
"""By kind: status, and what Argo CD shows: the health, and the beginning of a sentence or all of it."""


@pytest.mark.parametrize(
    ("kind", "status", "wanted", "sentence"),
    [pytest.param(kind, *row, id=f"{kind} {name}") for kind, rows in TABLE.items() for name, row in rows.items()],
)
def test_health(kind: str, status: Any, wanted: str, sentence: str) -> None:
    found, message = health(kind, status)
    assert found == wanted
    assert sentence in message


def test_backfill_is_suspended_as_soon_as_its_spec_says_so() -> None:
    assert health("DkronBackfill", None, suspend=True)[0] == "Suspended"


def test_each_kind_with_a_status_has_a_script() -> None:
    assert SCRIPTS.keys() == {kind.name for kind in KINDS if "status" in kind.model.model_fields}
