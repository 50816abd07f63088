"""Schedules that can be read, and do not mean what they seem to say. Pure."""

from datetime import datetime, timedelta

from dkron_crds.schedule import Schedule, ScheduleError
from dkron_crds.schedule.durations import go_duration
from dkron_crds.schedule.errors import quoted
from dkron_crds.schedule.interval import Every
from dkron_crds.schedule.once import After, At, Never

_EVERY = "@every "


def schedule_remark(text: str, schedule: Schedule | None) -> str:
    """Return a sentence about a schedule that never comes, or comes otherwise than it is written; empty without one."""
    match schedule:
        case Never(impossible=True):
            return f"schedule: no date matches {quoted(text)}"
        case Every(interval) if _nanoseconds(text) not in (None, interval // timedelta(microseconds=1) * 1000):
            seconds = interval // timedelta(seconds=1)
            each = "each second" if seconds == 1 else f"every {seconds} seconds"
            return f"schedule: {quoted(text)} runs {each}; an interval has whole seconds, at least one"
        case _:
            return ""


def passed_remark(schedule: Schedule | None, now: datetime) -> str:
    """Return the sentence that the only slot of a schedule has passed, for a job that is still to be created; empty if
    it has not."""
    if isinstance(schedule, At | After) and schedule.next(now) is None:
        return f"schedule: its only slot, {schedule.slot:%Y-%m-%dT%H:%M:%SZ}, is in the past"
    return ""


def _nanoseconds(text: str) -> int | None:
    """Return the interval as it is written; None if a part of it is derived from the name of the job."""
    try:
        return go_duration(text.rpartition(_EVERY)[2])
    except ScheduleError:
        return None
