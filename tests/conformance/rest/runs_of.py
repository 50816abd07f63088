"""Executions as the operator keeps them in the status of a DkronJob, for rows that read them."""

from typing import Any

NOON = "2026-01-02T12:00:00Z"


def ended(number: int, *, success: bool = True, **fields: Any) -> dict[str, Any]:
    """A finished execution, `number` minutes after noon: good, five seconds long, on the node n1."""
    at = f"2026-01-02T12:{number:02}:00"
    return {
        "id": f"17673696{number:02}000000000-run-{number}",
        "job": f"run-{number}",
        "slot": f"{at}Z",
        "trigger": "schedule",
        "group": 1767369600000000000 + number,
        "attempt": 1,
        "startedAt": f"{at}.123456Z",
        "finishedAt": f"{at.removesuffix(':00')}:05.2Z",
        "state": "Succeeded" if success else "Failed",
        "nodeName": "n1",
        **fields,
    }


def running(number: int, **fields: Any) -> dict[str, Any]:
    """An execution that runs since `number` minutes after noon; with `uid=""` it is only claimed."""
    state = "Running" if fields.get("uid", "there") else "Claimed"
    whole = {**ended(number), "uid": f"uid-{number}", "state": state, **fields}
    return {key: value for key, value in whole.items() if key != "finishedAt"}


def execution_id(number: int) -> str:
    """The id of either."""
    return f"17673696{number:02}000000000-run-{number}"
