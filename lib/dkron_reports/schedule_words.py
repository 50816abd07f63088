"""A schedule in words, as a sentence without its end: `at 02:30 on Monday to Friday, Europe/Madrid`. Pure.

The words come from the numbers that each field matches, not from its text: two texts with the same slots read the same,
and `~` reads as the number that it stands for.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta

from dkron_crds.schedule import Schedule
from dkron_crds.schedule.cron import Cron
from dkron_crds.schedule.interval import Every
from dkron_crds.schedule.once import After, At, Never
from dkron_crds.schedule.wallclock import Pattern
from dkron_reports.slots import EVERY_HOUR
from dkron_reports.words import instant

MOST_TIMES = 4
"""Times of day that are named one by one."""
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
"""In the order in which people name them; in a pattern, 0 is Sunday."""
_MONTHS = (
    "", "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def in_words(schedule: Schedule) -> str:
    """Return when the schedule is due."""
    match schedule:
        case Cron(pattern, zone):
            return _cron(pattern, zone.name or "UTC")
        case Every(interval):
            return f"every {_length(interval)}, counted from when the schedule was set"
        case At(slot):
            return f"once, at {instant(slot)}"
        case After(slot, grace):
            return f"once, at {instant(slot)}, or up to {_length(grace)} later if the job is created by then"
        case Never(impossible=True):
            return "never: no date matches"
        case _:
            return "only on request"


def _cron(pattern: Pattern, zone: str) -> str:
    times, days, months = _times(pattern), _days(pattern), _months(pattern)
    all_day = pattern.hours == EVERY_HOUR
    if all_day and not days and not months:
        return times
    every_day = "" if all_day or days or times.startswith("every ") else "every day"
    return f"{' '.join(filter(None, (times, days or every_day, months)))}, {zone}"


def _times(pattern: Pattern) -> str:
    seconds, minutes, hours = (
        _numbers(bits, high) for bits, high in ((pattern.seconds, 59), (pattern.minutes, 59), (pattern.hours, 23))
    )
    if len(seconds) * len(minutes) * len(hours) <= MOST_TIMES:
        return (
            f"at {_and([_clock(hour, minute, second) for hour in hours for minute in minutes for second in seconds])}"
        )
    if minutes == [0] and seconds == [0]:
        return f"every {_hour(hours)}" if _hour(hours) else f"at {_and([_clock(hour, 0, 0) for hour in hours])}"
    parts = [_every(seconds, 60, "second"), _every(minutes, 60, "minute"), _within(hours)]
    step = _step(minutes, 60)
    if len(seconds) == 1 and step > 1 and (minutes[0] or seconds[0]):
        begin = f":{minutes[0]:02}:{seconds[0]:02}".removesuffix(":00" if minutes[0] else "")
        return " ".join(filter(None, (f"every {step} minutes from {begin}", parts[2])))
    if len(minutes) == 1 and not parts[2]:
        parts[2] = "of every hour"
    if seconds == [0]:
        parts = parts[1:]
    elif len(minutes) == 60:  # noqa: PLR2004 - each minute of the hour
        parts[1] = "" if _is_each(seconds, 60) else "of every minute"
    return " ".join(filter(None, parts))


def _hour(hours: list[int]) -> str:
    """Return `hour`, or `2 hours, from 00:00`, for hours that are as far apart at midnight as at noon; else empty."""
    step = hours[1] - hours[0]
    if hours[0] >= step or 24 % step or hours != list(range(hours[0], 24, step)):
        return ""
    return "hour" if step == 1 else f"{step} hours from {_clock(hours[0], 0, 0)}"


def _step(numbers: Sequence[int], size: int) -> int:
    """Return how far apart the numbers are, if they are evenly spread over all of it and several; else 0."""
    step = numbers[1] - numbers[0] if len(numbers) > 1 else 0
    even = step and not size % step and numbers[0] < step and list(numbers) == list(range(numbers[0], size, step))
    return step if even else 0


def _is_each(numbers: Sequence[int], size: int) -> bool:
    """Whether the numbers are evenly spread over all of it from its start, and several."""
    return bool(_step(numbers, size)) and numbers[0] == 0


def _every(numbers: list[int], size: int, unit: str) -> str:
    if _is_each(numbers, size):
        step = numbers[1] - numbers[0]
        return f"every {unit}" if step == 1 else f"every {step} {unit}s"
    return f"at {unit} {numbers[0]}" if len(numbers) == 1 else f"at {unit}s {_ranges(numbers, str)}"


def _within(hours: list[int]) -> str:
    if len(hours) == 24:  # noqa: PLR2004 - each hour of the day
        return ""
    if len(hours) > 1 and hours[-1] - hours[0] == len(hours) - 1:
        return f"from {hours[0]:02}:00 to {hours[-1]:02}:59"
    return f"in the hour{'s' * (len(hours) > 1)} of {_ranges(hours, '{:02}:00'.format)}"


def _days(pattern: Pattern) -> str:
    days, weekdays = _numbers(pattern.days, 31), _numbers(pattern.weekdays, 6)
    of_month = "" if len(days) == 31 else f"on day{'s' * (len(days) > 1)} {_ranges(days, str)} of the month"  # noqa: PLR2004
    of_week = "" if len(weekdays) == 7 else f"on {_ranges([(day - 1) % 7 for day in weekdays], _DAYS.__getitem__)}"  # noqa: PLR2004
    if pattern.both:
        return " ".join(filter(None, (of_month, of_week)))
    if not days or not weekdays:
        return of_month if days else of_week
    return f"{of_month} and {of_week}" if of_month and of_week else ""


def _months(pattern: Pattern) -> str:
    months = _numbers(pattern.months, 12)
    return "" if len(months) == 12 else f"in {_ranges(months, _MONTHS.__getitem__)}"  # noqa: PLR2004 - all of them


def _numbers(bits: int, high: int) -> list[int]:
    return [number for number in range(high + 1) if bits >> number & 1]


def _ranges(numbers: Sequence[int], shown: Callable[[int], str]) -> str:
    """Return numbers as a list in words, three or more in a row as `1 to 5`."""
    rows: list[list[int]] = []
    for number in sorted(numbers):
        if rows and rows[-1][-1] == number - 1:
            rows[-1].append(number)
        else:
            rows.append([number])
    texts: list[str] = []
    for row in rows:
        texts += [f"{shown(row[0])} to {shown(row[-1])}"] if len(row) > 2 else map(shown, row)  # noqa: PLR2004
    return _and(texts)


def _and(texts: Sequence[str]) -> str:
    return f"{', '.join(texts[:-1])} and {texts[-1]}" if len(texts) > 1 else "".join(texts)


def _clock(hour: int, minute: int, second: int) -> str:
    return f"{hour:02}:{minute:02}:{second:02}" if second else f"{hour:02}:{minute:02}"


def _length(length: timedelta) -> str:
    """Return a length of time in full: `1h30m`, `2d`."""
    left, text = round(length.total_seconds()), ""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        whole, left = divmod(left, size)
        text += f"{whole}{unit}" if whole else ""
    return text or "0s"
