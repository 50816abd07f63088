"""Times and texts as people read them, and as they write them in options."""

from datetime import UTC, datetime, timedelta

from dkron_crds.schedule.durations import go_duration
from dkron_crds.schedule.errors import ScheduleError
from dkron_crds.schedule.instants import shifted
from dkron_crds.schedule.timestamps import rfc3339 as read_rfc3339

MINUTE, HOUR, DAY = 60, 3600, 86400
LONGEST_NUMBER = 9
"""Digits of a number of days."""


def span(length: timedelta) -> str:
    """Return a length of time in its two largest units at most: `45s`, `3m20s`, `5h`, `12d`."""
    seconds = max(0, round(length.total_seconds()))
    if seconds < 2 * MINUTE:
        return f"{seconds}s"
    for unit, name, rest, small in ((DAY, "d", HOUR, "h"), (HOUR, "h", MINUTE, "m"), (MINUTE, "m", 1, "s")):
        if seconds >= unit:
            whole, left = seconds // unit, seconds % unit // rest
            return f"{whole}{name}{left}{small}" if left and whole < 10 else f"{whole}{name}"  # noqa: PLR2004 - two digits
    return f"{seconds}s"


def exact_span(length: timedelta) -> str:
    """Return a length of time of a run: with tenths below ten seconds."""
    seconds = max(0.0, length.total_seconds())
    return f"{seconds:.1f}s" if seconds < 10 else span(length)  # noqa: PLR2004 - two digits


def instant(at: datetime | None) -> str:
    """Return an aware time in UTC to the second; `-` for none."""
    return "-" if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def ago(at: datetime | None, now: datetime) -> str:
    """Return how long ago it was, or in how long it will be."""
    if at is None:
        return "-"
    return f"in {span(at - now)}" if at > now else span(now - at)


def plural(count: int, word: str) -> str:
    """Return a number with its noun."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def one_line(text: str) -> str:
    """Return a text that cannot garble a terminal: unprintable characters become spaces."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def read_time(text: object) -> datetime | None:
    """Return a time of a status or of Dkron's JSON; None for none, for Dkron's zero time, or what is no time."""
    try:
        at = datetime.fromisoformat(str(text))
        if at.tzinfo is None or at.year <= 1:
            return None
        return at if at.tzinfo is UTC else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def read_span(option: str, text: str) -> timedelta:
    """Return a duration that a user wrote: Go's, and whole days as `7d`. Raises ValueError with a sentence."""
    days = text.removesuffix("d")
    try:
        length = (
            timedelta(days=int(days))
            if days != text and days.isascii() and days.isdecimal() and len(days) <= LONGEST_NUMBER
            else timedelta(microseconds=go_duration(text) // 1000)
        )
    except (ScheduleError, OverflowError):
        raise ValueError(
            f'{option}: "{text}" is not a duration; use numbers with units, such as 90s, 1h30m or 7d'
        ) from None
    if length <= timedelta():
        raise ValueError(f'{option}: "{text}" is too short; use a duration above zero, such as 90s, 1h30m or 7d')
    return length


def read_moment(option: str, text: str, now: datetime) -> datetime:
    """Return a time that a user wrote: RFC 3339 with a zone, a length of time ago such as `2h`, or `now`. Raises
    ValueError with a sentence."""
    if text == "now":
        return now
    try:
        return shifted(now, -read_span(option, text))
    except ValueError:
        pass
    try:
        return read_rfc3339(text.replace(" ", "T", 1), option)
    except ScheduleError:
        raise ValueError(
            f'{option}: "{text}" is not a time; use RFC 3339 with a zone such as 2026-03-01T09:30:00Z, a length of '
            "time ago such as 2h, or now"
        ) from None
