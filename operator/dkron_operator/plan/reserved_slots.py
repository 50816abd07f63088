"""Slots that are claimed ahead: the window of a job that is called each second or so (docs/adr/0030).

One write claims several slots to come, and the process that has made it calls each at its time without another. The
mark moves on when a slot is called, so the slots of a window always lie after it.
"""

from dataclasses import dataclass
from datetime import datetime

from dkron_crds.job import JobStatus, Window


@dataclass(frozen=True, slots=True)
class Reserved:
    """These slots to come are claimed by a process."""

    caller: str
    slots: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class Released:
    """The process calls none of the slots that are left in its window."""

    caller: str


def fold_window(status: JobStatus, change: Reserved | Released) -> JobStatus:
    """The status after one change. The window of another process stays: it alone can give it back."""
    if status.window is not None and status.window.caller != change.caller:
        return status
    if isinstance(change, Released):
        return status if status.window is None else status.model_copy(update={"window": None})
    status = status.model_copy(update={"window": Window(caller=change.caller, slots=change.slots)})
    return status if status.last_schedule_time is None else settled(status, status.last_schedule_time)


def settled(status: JobStatus, mark: datetime) -> JobStatus:
    """The status when all slots up to `mark` are decided: none of them is in the window any more."""
    window = status.window
    if window is None or window.slots[0] > mark:
        return status
    slots = tuple(slot for slot in window.slots if slot > mark)
    return status.model_copy(update={"window": window.model_copy(update={"slots": slots}) if slots else None})
