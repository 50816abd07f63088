"""The mark `lastScheduleTime`, and the slots after it that have run already, because a clock was ahead.

The execution of a slot like that may leave the history, and its Job the cluster, before the slot comes due. Until then
`ranAhead` shows that it has run.
"""

from collections.abc import Iterable
from datetime import datetime

from dkron_crds.job import Attempt, JobStatus, Trigger
from dkron_crds.schedule.instants import later
from dkron_crds.status import MAX_RAN_AHEAD
from dkron_operator.plan.status.deferred import not_after
from dkron_operator.plan.status.window import settled


def marked(status: JobStatus, slot: datetime) -> JobStatus:
    """The status once all slots up to this one are decided. The mark never moves back."""
    mark = later(status.last_schedule_time, slot)
    ahead = tuple(slot for slot in status.ran_ahead if slot > mark)
    return settled(status.model_copy(update={"last_schedule_time": mark, "ran_ahead": ahead}), mark)


def taken_back(status: JobStatus, to: datetime, begun: Iterable[datetime]) -> JobStatus:
    """The status with a mark that was ahead of the clock moved back to `to`. The slots `begun` have run, and so have
    those that another writer has recorded meanwhile."""
    run = {each.slot for each in status.executions if each.trigger is Trigger.SCHEDULE and each.slot > to}
    passed, ahead = fitting({*begun, *run, *status.ran_ahead})
    to = passed or to
    deferred = not_after(status.deferred, to)
    return status.model_copy(update={"last_schedule_time": to, "ran_ahead": ahead, "deferred": deferred})


def with_ran_ahead(status: JobStatus, execution: Attempt) -> JobStatus:
    """The status with the slot of an execution remembered, if the mark has not reached it."""
    mark, slot = status.last_schedule_time, execution.slot
    if execution.trigger is not Trigger.SCHEDULE or (mark is not None and slot <= mark):
        return status
    passed, ahead = fitting({*status.ran_ahead, slot})
    status = status.model_copy(update={"ran_ahead": ahead})
    return status if passed is None else marked(status, passed)


def fitting(slots: Iterable[datetime]) -> tuple[datetime | None, tuple[datetime, ...]]:
    """The newest of these slots that finds no room in `ranAhead`, which the mark has to pass, and those that fit."""
    ordered = sorted(slots)
    over, kept = ordered[:-MAX_RAN_AHEAD], ordered[-MAX_RAN_AHEAD:]
    return (over[-1] if over else None), tuple(kept)
