"""The slots of a job, computed from its object as the operator computes them, and what clock changes do to them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from dkron_crds.schedule import Schedule, ScheduleError, TimezoneError, parse
from dkron_crds.schedule.cron import Cron
from dkron_crds.schedule.instants import EPOCH, LATEST, moment, seconds
from dkron_crds.schedule.timeline import Timeline
from dkron_reports.job import Job, condition
from dkron_reports.reading import mapping
from dkron_reports.words import plural, read_time

EVERY_HOUR = (1 << 24) - 1
YEAR = timedelta(days=366)
TOGETHER = timedelta(seconds=5)
"""How far apart the operator may write two facts of one moment."""


@dataclass(frozen=True, slots=True)
class Timing:
    """What decides when a job is due. `seen` is False while the operator has not acted on the newest spec."""

    job: Job
    since: datetime
    starts: datetime | None
    expires: datetime | None
    mark: datetime | None
    seen: bool

    def line(self) -> Timeline | None:
        """Return the slots of the schedule between `startsAt` and `expiresAt`; None without a schedule that can be
        read."""
        job = self.job
        if not job.schedule or job.parents:
            return None
        try:
            schedule = parse(job.schedule, timezone=job.timezone, name=job.name)
        except (ScheduleError, TimezoneError):
            return None
        return Timeline(schedule, self.since, self.starts, self.expires)

    def resumed(self) -> datetime | None:
        """Return when the job was enabled after a time in which it was disabled, if slots count from then on; else
        None."""
        job, line = self.job, self.line()
        suspended, created = condition(job.raw, "Suspended"), job.created
        ended = read_time(suspended.get("lastTransitionTime")) if suspended.get("status") == "False" else None
        rebuilt = read_time(mapping(job.raw, "status").get("rebuiltAt")) == self.since
        if ended is None or created is None or line is None or not isinstance(line.schedule, Cron) or rebuilt:
            # Slots of an interval count from when the job was enabled: before, there are none.
            return None
        return self.since if created < self.since and abs(ended - self.since) <= TOGETHER else None


def read_timing(job: Job) -> Timing:
    """Return the timing of a DkronJob."""
    metadata, spec, status = (mapping(job.raw, key) for key in ("metadata", "spec", "status"))
    return Timing(
        job,
        since=read_time(status.get("since")) or job.created or EPOCH,
        starts=read_time(spec.get("startsAt")),
        expires=read_time(spec.get("expiresAt")),
        mark=read_time(status.get("lastScheduleTime")),
        seen=status.get("observedGeneration") == metadata.get("generation"),
    )


def coming(timing: Timing, *, now: datetime) -> Iterator[datetime]:
    """Yield the slots that are to come; none for a job that is disabled or runs after others."""
    line = None if timing.job.disabled else timing.line()
    return iter(()) if line is None else after(line, max(now, timing.mark or now))


def coming_by_expression(job: Job, *, now: datetime) -> Iterator[datetime]:
    """Yield the slots of a schedule that counts from `now`."""
    try:
        schedule = parse(job.schedule, timezone=job.timezone, name=job.name)
    except (ScheduleError, TimezoneError):
        return iter(())
    return after(Timeline(schedule, now, None, None), None)


def after(line: Timeline, mark: datetime | None) -> Iterator[datetime]:
    """Yield the slots after the mark."""
    while (slot := following(line, mark)) is not None:
        yield slot
        mark = slot


def following(line: Timeline, mark: datetime | None) -> datetime | None:
    """Return the first slot after the mark; None also at the end of the calendar."""
    try:
        return line.next(mark)
    except OverflowError:
        return None


def past_the_last(schedule: Schedule, at: datetime) -> str:
    """Return a sentence if this moment is later than the search for slots of this schedule goes; else empty."""
    if not isinstance(schedule, Cron) or seconds(at) < LATEST:
        return ""
    return f"slots are computed up to the end of the year {moment(LATEST).year - 1}"


class ClockChange(NamedTuple):
    """A change of the clocks, at an instant. `takes_away` is False for one that repeats slots."""

    at: datetime
    takes_away: bool
    sentence: str


def clock_changes(schedule: Schedule, start: datetime, end: datetime) -> list[ClockChange]:
    """Return each change of the clocks in (start, end] that takes a slot of the schedule away or repeats one."""
    if not isinstance(schedule, Cron) or schedule.pattern.hours == EVERY_HOUR:
        # In a schedule of each hour no slot is missing between two others.
        return []
    found, at, last = [], seconds(start), min(seconds(end), LATEST - 1)
    while at <= last:
        stretch = schedule.zone.stretch(at)
        if stretch.end > last:
            break
        before, now = stretch.offset, schedule.zone.stretch(stretch.end).offset
        if now > before:
            found += _skipped(schedule, stretch.end, before, now)
        elif now < before:
            found += _repeated(schedule, stretch.end, before, now)
        at = stretch.end
    return found


def _skipped(schedule: Cron, change: int, before: int, now: int) -> list[ClockChange]:
    count = schedule.pattern.count(change + before, change + now)
    first = schedule.pattern.first(change + before, change + now)
    if first is None:
        return []
    what = f"the slot at {_clock(first)} does" if count == 1 else f"the {plural(count, 'slot')} from {_clock(first)} do"
    text = (
        f"{_day(change + before)}: clocks go forward from {_clock(change + before)} to {_clock(change + now)} in "
        f"{schedule.zone.name}; {what} not exist and will not run"
    )
    return [ClockChange(moment(change), takes_away=True, sentence=text)]


def _repeated(schedule: Cron, change: int, before: int, now: int) -> list[ClockChange]:
    count = schedule.pattern.count(change + now, change + before)
    first = schedule.pattern.first(change + now, change + before)
    if first is None:
        return []
    twice = ", ".join(f"{moment(first - offset):%H:%M:%S}Z" for offset in (before, now))
    what = f"{_clock(first)} comes" if count == 1 else f"{plural(count, 'slot')} from {_clock(first)} come"
    text = (
        f"{_day(change + before)}: clocks go back from {_clock(change + before)} to {_clock(change + now)} in "
        f"{schedule.zone.name}; {what} twice and will run twice ({twice})"
    )
    return [ClockChange(moment(change), takes_away=False, sentence=text)]


def _day(local: int) -> str:
    return f"{moment(local):%Y-%m-%d}"


def _clock(local: int) -> str:
    at = moment(local)
    return f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"
