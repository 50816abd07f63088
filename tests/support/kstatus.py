"""How far an object is for Flux, for Helm 4 and for other tools that go by kstatus."""

from typing import Any


def kstatus(status: dict[str, Any] | None, *, generation: int = 1) -> str:
    """Return the verdict of `status.Compute` of sigs.k8s.io/cli-utils on an object with this status, of a kind that
    it has no rules for."""
    given = status or {}
    if given.get("observedGeneration", generation) != generation:
        return "InProgress"
    found = {each["type"]: each["status"] for each in given.get("conditions", ())}
    if found.get("Stalled") == "True":
        return "Failed"
    return "Current" if found.get("Ready", "True") == "True" else "InProgress"
