"""How far an attempt has got. Without pydantic, which takes the command line long to load."""

from enum import StrEnum


class AttemptState(StrEnum):
    """How far an attempt has got."""

    WAITING = "Waiting"
    CLAIMED = "Claimed"
    QUEUED = "Queued"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLED = "Cancelled"


CLAIMS = frozenset({AttemptState.WAITING, AttemptState.CLAIMED})
"""States before there is a Job, or a process that makes the call."""
ENDS = frozenset({AttemptState.SUCCEEDED, AttemptState.FAILED, AttemptState.CANCELLED})
"""States that do not change any more."""
