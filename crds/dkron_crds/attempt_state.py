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
WAITS = frozenset({AttemptState.WAITING, AttemptState.QUEUED})
"""States in which it waits for its turn: in line, or in a queue of Kueue."""
ENDS = frozenset({AttemptState.SUCCEEDED, AttemptState.FAILED, AttemptState.CANCELLED})
"""States that do not change any more."""


def leaves_line(state: object, *, queued: bool, attempt: int) -> bool:
    """Whether the run has left the line, and its first Job is still to be created: a ResourceQuota may refuse it."""
    return state == AttemptState.CLAIMED and queued and attempt == 1
