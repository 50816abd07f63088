"""Slots that are claimed ahead: the window of a job that is called about once a second (docs/adr/0030).

One write claims several coming slots, and the process that made it calls each one at its time without another write.
The mark moves on when a slot is called, so the slots of a window always lie after the mark.
"""

from dataclasses import dataclass
from datetime import datetime

from dkron_crds.job import JobStatus, Window


@dataclass(frozen=True, slots=True)
class Reserved:
    """A process claims these coming slots; none if it calls no more of those that it has claimed."""

    caller: str
    slots: tuple[datetime, ...] = ()


def fold_window(status: JobStatus, change: Reserved) -> JobStatus:
    """The status after one change. A change never replaces or removes the window of another process."""
    if status.window is not None and status.window.caller != change.caller:
        return status
    if not change.slots:
        return status if status.window is None else status.model_copy(update={"window": None})
    status = status.model_copy(update={"window": Window(caller=change.caller, slots=change.slots)})
    return status if status.last_schedule_time is None else settled(status, status.last_schedule_time)


def settled(status: JobStatus, mark: datetime) -> JobStatus:
    """The status once all slots up to `mark` are decided: they leave the window."""
    window = status.window
    if window is None or window.slots[0] > mark:
        return status
    slots = tuple(slot for slot in window.slots if slot > mark)
    return status.model_copy(update={"window": window.model_copy(update={"slots": slots}) if slots else None})
