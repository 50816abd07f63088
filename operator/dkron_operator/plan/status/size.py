"""The size guard: keeps a status small enough that writing it cannot fail.

Active entries, and ended runs that may still start other jobs, have limits on their number. They are never cut, because
they say what is still to be done.
"""

from typing import Any, NamedTuple

from pydantic_core import to_json

from dkron_operator.plan.status.outbox import without_dropped

OUTPUT_BYTES = 16 * 1024
"""The limit for all outputs of a status together."""
TOTAL_BYTES = 64 * 1024
"""The limit for the status on the wire, without the fields that have a limit of their own."""
BOUNDED = frozenset({"active", "counted", "ended", "heard", "outbox", "refused", "unarchived"})


class Fitted(NamedTuple):
    """A status that fits."""

    status: dict[str, Any]
    size: int
    """Its size in bytes, without the fields that have a limit of their own."""

    dropped: int
    """How many executions were dropped."""


def fit(status: dict[str, Any]) -> Fitted:
    """The status on the wire, cut to size: first outputs, oldest first, then whole executions."""
    executions = [dict(execution) for execution in status.get("executions", ())]
    _drop_outputs(executions)
    status = {**status, "executions": executions} if executions else status
    rest = {key: value for key, value in status.items() if key not in BOUNDED}
    size, dropped = _size(rest), set[str]()
    while executions and size > TOTAL_BYTES:
        dropped.add(executions.pop()["job"])
        size = _size(rest)
    return Fitted(without_dropped(status, dropped), size, len(dropped))


def _drop_outputs(executions: list[dict[str, Any]]) -> None:
    room = OUTPUT_BYTES
    for execution in executions:
        room -= len(execution.get("output", "").encode())
        if room < 0 and execution.pop("output", ""):
            execution["outputTruncated"] = True


def _size(status: dict[str, Any]) -> int:
    return len(to_json(status))
