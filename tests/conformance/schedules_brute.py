"""The arbiter: slots by walking through real time and looking at the wall clock, nothing clever.

It shares no code with the package: it has its own reading of the fields and asks `zoneinfo` what the clock shows.
Dates on which nothing can match are passed over by the day, and minutes within which the clock runs evenly are
looked at as a whole; everything else is looked at second by second.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

NAMES = {
    name: str(i)
    for names, first in (("jan feb mar apr may jun jul aug sep oct nov dec", 1), ("sun mon tue wed thu fri sat", 0))
    for i, name in enumerate(names.split(), first)
}
BOUNDS = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
DESCRIPTORS = {
    "@yearly": "0 0 0 1 1 *",
    "@annually": "0 0 0 1 1 *",
    "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * 0",
    "@daily": "0 0 0 * * *",
    "@midnight": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
}
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)


@dataclass(frozen=True)
class Fields:
    seconds: set[int]
    minutes: set[int]
    hours: set[int]
    days: set[int]
    months: set[int]
    weekdays: set[int]
    both: bool

    def on(self, day: date) -> bool:
        by_day, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return day.month in self.months and (by_day and by_weekday if self.both else by_day or by_weekday)

    def at(self, local: datetime) -> bool:
        return (
            local.second in self.seconds
            and local.minute in self.minutes
            and local.hour in self.hours
            and self.on(local.date())
        )


@cache
def pinned_zone(name: str) -> ZoneInfo:
    """The zone from the pinned tzdata, whatever the machine has."""
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def fields(text: str) -> Fields:
    """Read a text that is known to be legal."""
    words = DESCRIPTORS.get(text, text).lower().split()
    sets, stars = [], []
    for word, (low, high) in zip(words, BOUNDS, strict=True):
        numbers: set[int] = set()
        star = False
        for item in filter(None, word.split(",")):
            span, _, step = item.partition("/")
            ends = [NAMES.get(end, end) for end in span.split("-")]
            if ends[0] in ("*", "?"):
                star |= int(step or 1) == 1
                ends = [str(low), str(high)]
            last = ends[1] if len(ends) > 1 else str(high) if step else ends[0]
            numbers |= {n for n in range(int(ends[0]), int(last) + 1) if (n - int(ends[0])) % int(step or 1) == 0}
        sets.append(numbers)
        stars.append(star)
    seconds, minutes, hours, days, months, weekdays = sets
    return Fields(seconds, minutes, hours, days, months, weekdays, both=stars[3] or stars[5])


def slots(rules: Fields, zone: ZoneInfo, since: datetime, until: datetime | None = None) -> Iterator[datetime]:
    """Every slot after `since`, until none comes up to the end of the fifth calendar year after the last one; or those
    up to the minute of `until`."""
    at = since.replace(microsecond=0) + SECOND
    last_year = at.astimezone(zone).year + 5
    while (local := at.astimezone(zone)).year <= last_year and (until is None or at <= until):
        if at.time() == datetime.min.time() and not _near(rules, local.date()):
            at += DAY
        elif at.second == 0 and _even(at, zone):
            if local.minute in rules.minutes and local.hour in rules.hours and rules.on(local.date()):
                last_year = local.year + 5
                yield from (at + second * SECOND for second in sorted(rules.seconds))
            at += MINUTE
        else:
            if rules.at(local):
                last_year = local.year + 5
                yield at
            at += SECOND


def _near(rules: Fields, day: date) -> bool:
    """Whether a day that starts with this date can show a matching one, however far the clock jumps."""
    return any(rules.on(day + n * DAY) for n in range(-2, 4))


def _even(at: datetime, zone: ZoneInfo) -> bool:
    """Whether the clock goes from second 0 to second 59 in the minute that begins at `at`."""
    first, last = at.astimezone(zone), (at + 59 * SECOND).astimezone(zone)
    return first.second == 0 and first.utcoffset() == last.utcoffset()


def brute_force(text: str, zone: str, since: datetime, *, limit: int) -> list[datetime]:
    """The next `limit` slots of a legal text, with or without a zone prefix."""
    if text.startswith(("TZ=", "CRON_TZ=")):
        prefix, _, text = text.partition(" ")
        zone = prefix.partition("=")[2]
    rules = fields(text.strip())
    if not all((rules.seconds, rules.minutes, rules.hours, rules.months)):
        return []
    found = slots(rules, pinned_zone(zone or "UTC"), since.astimezone(UTC))
    return [slot for slot, _ in zip(found, range(limit), strict=False)]
