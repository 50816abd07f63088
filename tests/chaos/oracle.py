"""When a job is due, without the code under test: the arbiter of the golden tables walks the clock on the wall, and the
rest is arithmetic. croniter would know neither the zones nor the either-day rule of Dkron's grammar.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from dkron_crds.job import JobSpec
from dkron_crds.schedule import ScheduleError, parse
from tests.conformance.schedules_brute import fields, pinned_zone
from tests.conformance.schedules_brute import slots as walk

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"([0-9.]+)(ms|us|µs|ns|h|m|s)")
_ISO = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?")
_TICK = timedelta(microseconds=1)
_ZONED = ("TZ=", "CRON_TZ=")


def due(spec: JobSpec, begin: datetime, end: datetime, *, since: datetime | None) -> list[datetime]:
    """The slots after `begin` and not after `end`, by schedule, `startsAt` and `expiresAt`. `since` is where `@every`
    begins to count. Raises ValueError for `~`, whose numbers only the code under test knows."""
    begin = _reach(spec.schedule, begin)
    first = begin if spec.starts_at is None else max(begin, spec.starts_at - _TICK)
    last = end if spec.expires_at is None else min(end, spec.expires_at)
    return [slot for slot in _slots(spec, begin, last, since) if first < slot <= last]


def interval(schedule: str) -> timedelta | None:
    """The step of an `@every`."""
    word, _, argument = schedule.partition(" ")
    if word != "@every":
        return None
    return timedelta(seconds=max(1, int(sum(float(n) * _UNITS[unit] for n, unit in _PART.findall(argument)))))


def _slots(spec: JobSpec, begin: datetime, end: datetime, since: datetime | None) -> list[datetime]:
    if "~" in spec.schedule:
        raise ValueError(f'the checker cannot tell when "{spec.schedule}" is due; use a schedule without "~"')
    if not _is_legal(spec.schedule, spec.timezone):
        return []
    word, _, argument = spec.schedule.partition(" ")
    match word:
        case "@manually":
            return []
        case "@every":
            return _grid(interval(spec.schedule), begin, end, since or begin)
        case "@at" | "@after":
            return [_instant(argument)]
        case "@minutely":
            return list(_walked("0 * * * * *", spec.timezone, begin, end))
        case _:
            return list(_walked(spec.schedule, spec.timezone, begin, end))


@lru_cache(maxsize=1024)
def _is_legal(schedule: str, timezone: str) -> bool:
    # Broken schedules have tables of their own; here it only matters that nothing is due.
    try:
        parse(schedule, timezone=timezone)
    except ScheduleError:
        return False
    return True


def _grid(step: timedelta | None, begin: datetime, end: datetime, since: datetime) -> list[datetime]:
    if step is None:
        return []
    # Whole seconds, as in Dkron: the first slot after an edit comes up to a second early.
    since = since.replace(microsecond=0)
    first = max(1, (begin - since) // step + 1)
    return [since + k * step for k in range(first, (end - since) // step + 1)]


def _instant(argument: str) -> datetime:
    return datetime.fromisoformat(argument.split(maxsplit=1)[0]).astimezone(UTC)


def grace(schedule: str) -> timedelta | None:
    """How long after its instant an `@after` still runs."""
    word, _, argument = schedule.partition(" ")
    parts = _ISO.fullmatch(argument.partition("<")[2])
    if word != "@after" or parts is None:
        return None
    years, months, days, hours, minutes, seconds = (float(part or 0) for part in parts.groups())
    return timedelta(days=365 * years + 30 * months + days, hours=hours, minutes=minutes, seconds=seconds)


def _reach(schedule: str, begin: datetime) -> datetime:
    """From when on slots count: the grace of an `@after` reaches back before the job was made."""
    allowed = grace(schedule)
    if allowed is None:
        return begin
    at = _instant(schedule.partition(" ")[2])
    return min(begin, at - _TICK) if begin <= at + allowed else begin


@lru_cache(maxsize=4096)
def _walked(text: str, timezone: str, begin: datetime, end: datetime) -> tuple[datetime, ...]:
    if text.startswith(_ZONED):
        prefix, _, text = text.partition(" ")
        timezone = prefix.partition("=")[2]
    rules = fields(text.strip())
    if not all((rules.seconds, rules.minutes, rules.hours, rules.months)):
        return ()
    zone = pinned_zone("UTC" if timezone in ("", "Local") else timezone)
    return tuple(slot for slot in walk(rules, zone, begin.astimezone(UTC), end) if slot <= end)
