"""Parses a text into a `Schedule`: Dkron's own descriptors, then the zone prefix, then robfig/cron's grammar.

The order is Dkron's and matters (behaviour §3): its own descriptors take no `TZ=` prefix and no extra space.
"""

import re
from datetime import timedelta
from functools import lru_cache
from types import MappingProxyType

from dkron_crds.schedule.cron import Cron
from dkron_crds.schedule.durations import go_duration, iso_duration
from dkron_crds.schedule.errors import ScheduleError, quoted, refusal
from dkron_crds.schedule.fields import FIELDS, parse_field
from dkron_crds.schedule.instants import EPOCH
from dkron_crds.schedule.interval import Every
from dkron_crds.schedule.once import After, At, Never
from dkron_crds.schedule.timeline import Schedule
from dkron_crds.schedule.timestamps import rfc3339
from dkron_crds.schedule.wallclock import Pattern
from dkron_crds.schedule.zones import Zone, load_zone

_LONGEST = 1024
_NANOSECONDS = 1_000_000_000
# The white space of Go's unicode.IsSpace; Python's str.split() would also split at \x1c to \x1f.
_SPACE = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
_WORD = re.compile(f"[^{_SPACE}]+")
_ZONE_PREFIXES = ("TZ=", "CRON_TZ=")
_UNZONED = ("@manually", "@minutely", "@at", "@after")
_DESCRIPTORS = MappingProxyType(
    {
        "@yearly": "0 0 0 1 1 *",
        "@annually": "0 0 0 1 1 *",
        "@monthly": "0 0 0 1 * *",
        "@weekly": "0 0 0 * * 0",
        "@daily": "0 0 0 * * *",
        "@midnight": "0 0 0 * * *",
        "@hourly": "0 0 * * * *",
        "@minutely": "0 * * * * *",
    }
)
_KNOWN = f"{', '.join(_DESCRIPTORS)}, @manually, @every <duration>, @at <instant> or @after <instant> <<duration>"
_SPREAD = (60, 60, 24, 28, 12, 7)
_ORDER = "second minute hour day-of-month month day-of-week"


def parse(text: str, *, timezone: str = "", name: str = "") -> Schedule:
    """Parse `text` into a schedule.

    `timezone` is the zone of cron and descriptor schedules without a `TZ=` prefix; "" is UTC. `name` is the Dkron
    name of the job, from which `~` derives its numbers. Equal arguments may return the same object. Raises
    ScheduleError if the text is not a schedule and TimezoneError if a zone is unknown.
    """
    if len(text) > _LONGEST:
        raise refusal("schedule", text, "is too long", use=f"at most {_LONGEST} characters")
    return _parse(text, timezone, name if "~" in text else "")


@lru_cache(maxsize=8192)
def _parse(text: str, timezone: str, name: str) -> Schedule:
    zone = load_zone(timezone)
    text = _substitute(text, name)
    if text.startswith("@"):
        return _descriptor(text, zone)
    if text.startswith(_ZONE_PREFIXES):
        return _prefixed(text)
    return _cron(text, zone)


def _substitute(text: str, name: str) -> str:
    """Return `text` with every `~` in its fields replaced by a number derived from the job's name, which spreads jobs
    over time. Descriptors stay unchanged.

    It works on the text before parsing, with the same bugs as in Dkron (behaviour §3.2): it splits words at single
    spaces, so a double space shifts every later field by one."""
    words = text.split(" ")
    if "~" not in text or any(word.startswith("@") for word in words):
        return text
    first = 1 if words[0].startswith(_ZONE_PREFIXES) else 0
    total = sum(map(ord, name))
    for i, (rules, spread) in enumerate(zip(FIELDS, _SPREAD, strict=True), first):
        if i < len(words):
            words[i] = words[i].replace("~", str(total % spread + rules.low))
    return " ".join(words)


def _prefixed(text: str) -> Schedule:
    prefix, space, rest = text.partition(" ")
    rest = rest.strip(_SPACE)
    if not space or not rest:
        raise refusal("schedule", text, "is only a zone", use="it before six fields or @daily, with a space between")
    zone = load_zone(prefix.partition("=")[2])
    if rest.startswith(_UNZONED):
        raise refusal("schedule", prefix, "is not allowed here", use=f"{quoted(rest)} without it")
    if rest.startswith("@"):
        return _descriptor(rest, zone)
    return _cron(rest, zone, prefix=prefix + space)


def _descriptor(text: str, zone: Zone) -> Schedule:
    if text in _DESCRIPTORS:
        return _cron(_DESCRIPTORS[text], zone)
    if text == "@manually":
        return Never()
    kind, _, argument = text.partition(" ")
    match kind if argument else "":
        case "@every":
            return Every(timedelta(seconds=max(1, go_duration(argument) // _NANOSECONDS)))
        case "@at":
            return At(rfc3339(argument, kind))
        case "@after":
            return _after(argument)
        case _:
            raise refusal("schedule", text, "is not known", use=_KNOWN)


def _after(argument: str) -> After:
    match _WORD.findall(argument):
        case [instant, grace] if grace.startswith("<"):
            slot = rfc3339(instant, "@after")
            if slot < EPOCH:
                raise refusal("@after", instant, "is before 1970", use="an instant from 1970-01-01T00:00:00Z on")
            return After(slot, iso_duration(grace[1:]))
        case _:
            form = "an instant and a grace time, such as 2026-03-01T09:30:00Z <PT2H"
            raise refusal("@after", argument, "is not complete", use=form)


def _cron(text: str, zone: Zone, *, prefix: str = "") -> Schedule:
    words = _WORD.findall(text)
    if len(words) != len(FIELDS):
        raise _miscounted(prefix + text, words, six=f"{prefix}0 {text}")
    second, minute, hour, day, month, weekday = map(parse_field, words, FIELDS)
    pattern = Pattern(
        seconds=second.bits,
        minutes=minute.bits,
        hours=hour.bits,
        days=day.bits,
        months=month.bits,
        weekdays=weekday.bits,
        both=day.star or weekday.star,
    )
    return Cron(pattern, zone) if pattern.ever() else Never(impossible=True)


def _miscounted(text: str, words: list[str], *, six: str) -> ScheduleError:
    if len(words) == len(FIELDS) - 1:
        problem = "has five fields, but six are needed, seconds first"
        return refusal("schedule", text, problem, use=quoted(six, _LONGEST))
    return refusal("schedule", text, f"has {len(words)} fields", use=f"six ({_ORDER}) or a descriptor like @daily")
