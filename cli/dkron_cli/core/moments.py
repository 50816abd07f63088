"""Times as people say them: `05:41`, `yesterday 02:30`, `last tuesday`. Each means a second, a minute or a day, on the
clock of the caller. Pure.

A time that the clocks skip is refused with a day, and without one it is the newest that they did show. Of a time that
they show twice, it is the first.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from dkron_crds.schedule.instants import shifted
from dkron_reports.words import read_moment

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
FORMS = "05:41, yesterday 02:30, last tuesday, 2026-03-01, RFC 3339 with a zone, or a length of time ago such as 2h"
SHORTEST_NAME = 3
"""Letters of a weekday."""
TRIES = 3
"""Days on which a time is looked for: today's may be to come, and yesterday's skipped by the clocks."""
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?", re.ASCII)
_T = re.compile(r"(?<=-\d\d)t(?=\d?\d:)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class Period:
    """A time with a length, in UTC: `end` is exclusive."""

    begin: datetime
    end: datetime

    @property
    def until(self) -> datetime:
        """The end of what lasts until this: a day counts, a time does not."""
        return self.end if self.end - self.begin > MINUTE else self.begin


@dataclass(frozen=True, slots=True)
class Range:
    """From when on, and until when; None for no limit. The end is exclusive."""

    begin: datetime | None = None
    end: datetime | None = None

    def has(self, at: datetime) -> bool:
        """Whether a time is in it."""
        return (self.begin is None or self.begin <= at) and (self.end is None or at < self.end)

    def widened(self, by: timedelta) -> "Range":
        """Return the range with so much more at its ends."""
        return Range(self.begin and shifted(self.begin, -by), self.end and shifted(self.end, by))


EVER = Range()


def read_period(option: str, text: str, now: datetime, zone: tzinfo) -> Period:
    """Return the time that a user wrote. Raises ValueError with a sentence."""
    words = _T.sub(" ", text.lower()).split()
    if len(words) == 1 and (clock := _CLOCK.fullmatch(words[0])):
        return _newest(clock, now, zone)
    clock = _CLOCK.fullmatch(words[-1]) if words else None
    day = _day(words[:-1] if clock else words, now.astimezone(zone).date())
    try:
        if day is None:
            begin = read_moment(option, text, now).astimezone(UTC)
            return Period(begin, begin + SECOND)
        if clock is None:
            return Period(_instant(day, time(), zone), _instant(day + DAY, time(), zone))
        found = _on(day, clock, zone)
    except (ValueError, OverflowError, OSError):
        # The machine's zone may know fewer years than the calendar has.
        raise ValueError(f'{option}: "{text}" is not a time; use {FORMS}') from None
    if found is None:
        raise ValueError(f'{option}: "{text}" did not exist: the clocks went forward; use an earlier or a later time')
    return found


def read_past(option: str, text: str, now: datetime, zone: tzinfo) -> Period:
    """Return the time that a user wrote, which has to have begun. Raises ValueError with a sentence."""
    found = read_period(option, text, now, zone)
    if found.begin > now:
        raise ValueError(f'{option}: "{text}" is in the future; use a time that has passed')
    return found


def read_range(start: str, end: str, now: datetime, zone: tzinfo) -> Range:
    """Return the range of --from and --to, which may be empty. Raises ValueError with a sentence."""
    begin = read_period("--from", start, now, zone).begin if start else None
    until = read_period("--to", end, now, zone).until if end else None
    if begin is not None and begin >= (now if until is None else until):
        raise ValueError("--from must be before --to" if until else "--from is in the future; use an earlier time")
    return Range(begin, until)


def _newest(clock: re.Match[str], now: datetime, zone: tzinfo) -> Period:
    today = now.astimezone(zone).date()
    tries = (_on(today - back * DAY, clock, zone) for back in range(TRIES))
    return next(found for found in tries if found is not None and found.begin <= now)


def _on(day: date, clock: re.Match[str], zone: tzinfo) -> Period | None:
    """Return the minute or the second of a day; None if the clocks skip it."""
    hour, minute, second = clock.groups()
    at = time(int(hour), int(minute), int(second or 0))
    begin = _instant(day, at, zone)
    if begin.astimezone(zone).replace(tzinfo=None, fold=0) != datetime.combine(day, at):
        return None
    return Period(begin, begin + (SECOND if second else MINUTE))


def _day(words: list[str], today: date) -> date | None:
    """Return the day that the words name; None if they name none."""
    if words in (["today"], ["yesterday"]):
        return today if words == ["today"] else today - DAY
    if len(words) == 1 and _DATE.fullmatch(words[0]):
        try:
            return date.fromisoformat(words[0])
        except ValueError:
            return None
    name = words[-1] if words and words[:-1] in ([], ["last"]) else ""
    number = next((at for at, each in enumerate(DAYS) if len(name) >= SHORTEST_NAME and each.startswith(name)), None)
    if number is None:
        return None
    back = (today.weekday() - number) % len(DAYS)
    # On a tuesday, the last one was a week ago.
    return today - (back or (len(DAYS) if len(words) > 1 else 0)) * DAY


def _instant(day: date, at: time, zone: tzinfo) -> datetime:
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)
