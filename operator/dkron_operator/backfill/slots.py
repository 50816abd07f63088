"""The slots of a job in the range of a backfill: all, or only those whose newest run failed. Pure.

Nothing here iterates over the slots of a range before `count` of the slots has said how many there are.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from dkron_crds.job import Attempt, JobSpec, JobStatus, Trigger
from dkron_crds.schedule import Schedule
from dkron_crds.schedule.interval import Every
from dkron_crds.schedule.timeline import TICK, Timeline

OF_A_SLOT = frozenset({Trigger.SCHEDULE, Trigger.BACKFILL})
"""The triggers whose runs stand for a slot of the schedule."""


@dataclass(frozen=True, slots=True)
class Range:
    """From `start` to right before `end`."""

    start: datetime
    end: datetime

    def __contains__(self, at: datetime) -> bool:
        return self.start <= at < self.end


@dataclass(frozen=True, slots=True)
class JobSlots:
    """The slots that the present schedule of a job has in a range, also before the job was created.

    The slots of `@every` have the phase that the operator gives them, which begins at `since`: the creation of the
    job, or the latest change of when it is due.
    """

    line: Timeline
    range: Range

    def count(self) -> int:
        """How many there are."""
        return self.line.count(self.range.start - TICK, self.range.end - TICK)

    def newest_first(self) -> Iterator[datetime]:
        """Each of them. Searching backwards finds also what `Schedule.next` gives up on after five years."""
        mark, until = self.range.start - TICK, self.range.end - TICK
        while (slot := self.line.latest(mark, until)) is not None:
            yield slot
            until = slot - TICK


def job_slots(schedule: Schedule, spec: JobSpec, since: datetime, within: Range) -> JobSlots:
    """The slots of a job in a range. startsAt and expiresAt apply."""
    begin = _phase(schedule, since, within.start) if isinstance(schedule, Every) else within.start - TICK
    return JobSlots(Timeline(schedule, begin, spec.starts_at, spec.expires_at), within)


def failed_slots(status: JobStatus, within: Range) -> tuple[datetime, ...]:
    """The slots in a range of which the newest run failed, the oldest first; without those that run now.

    The last attempt of each member decides about a run. Only what the status still shows counts.
    """
    runs: dict[datetime, dict[int, list[Attempt]]] = defaultdict(lambda: defaultdict(list))
    for each in status.executions:
        if each.trigger in OF_A_SLOT and each.slot in within:
            runs[each.slot][each.group].append(each)
    active = {each.slot for each in status.active if each.trigger in OF_A_SLOT}
    return tuple(slot for slot in sorted(runs) if slot not in active and _newest_failed(runs[slot].values()))


def _newest_failed(runs: Iterable[list[Attempt]]) -> bool:
    newest = max(runs, key=lambda run: max(each.ended_at for each in run))
    last = {each.member: each for each in sorted(newest, key=lambda each: each.attempt)}
    return not all(each.success for each in last.values())


def _phase(schedule: Every, since: datetime, start: datetime) -> datetime:
    """The last point of the grid before `start`; `since` if that is later, or the calendar has none."""
    # The grid has whole seconds, whatever the fraction of `since`.
    anchor = since.replace(microsecond=0)
    steps = max(0, -((start - TICK - anchor) // schedule.interval))
    try:
        return anchor - steps * schedule.interval
    except OverflowError:
        return since
