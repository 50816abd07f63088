"""The size guard: a status never grows so big that a write of it could fail.

What is active, and what has ended and is still to start other jobs, is bounded by its number, and stays: it says what
is still to be done.
"""

import json
from typing import Any, NamedTuple

OUTPUT_BYTES = 16 * 1024
"""All outputs of a status together."""
TOTAL_BYTES = 64 * 1024
"""The status on the wire, but for what has a bound of its own."""
BOUNDED = frozenset({"active", "counted", "ended", "heard", "refused"})


class Fitted(NamedTuple):
    """A status that fits, its size but for what has a bound of its own, and how many executions had to go."""

    status: dict[str, Any]
    size: int
    dropped: int


def fit(status: dict[str, Any]) -> Fitted:
    """The status on the wire, cut to size: outputs go first, oldest first, then whole executions."""
    executions = [dict(execution) for execution in status.get("executions", ())]
    _drop_outputs(executions)
    status = {**status, "executions": executions} if executions else status
    rest = {key: value for key, value in status.items() if key not in BOUNDED}
    size, whole = _size(rest), len(executions)
    while executions and size > TOTAL_BYTES:
        executions.pop()
        size = _size(rest)
    return Fitted(status, size, whole - len(executions))


def _drop_outputs(executions: list[dict[str, Any]]) -> None:
    room = OUTPUT_BYTES
    for execution in executions:
        room -= len(execution.get("output", "").encode())
        if room < 0 and execution.pop("output", ""):
            execution["outputTruncated"] = True


def _size(status: dict[str, Any]) -> int:
    return len(json.dumps(status, separators=(",", ":"), ensure_ascii=False).encode())
