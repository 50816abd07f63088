"""Durations as users write them: Go's `1h30m` for `@every`, ISO 8601's `P1DT2H` for `@after`."""

import re
from datetime import timedelta

from dkron_crds.schedule.errors import ScheduleError, refusal

_LIMIT = 1 << 63
_UNITS = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,
    "\u03bcs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^0-9.]+)")
_ISO = re.compile(
    r"P(?:([0-9]+)Y)?(?:([0-9]+)M)?(?:([0-9]+)D)?(?:T(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+(?:\.[0-9]+)?)S)?)?"
)
_ISO_SECONDS = (365 * 86_400, 30 * 86_400, 86_400, 3_600, 60)


def go_duration(text: str) -> int:
    """Return the nanoseconds of a Go duration, by Go's own rules including its rounding of fractions.

    Raises ScheduleError for durations that Go rejects: no unit, an unknown unit, more than 292 years.
    """
    sign, rest = (text[0], text[1:]) if text[:1] in {"+", "-"} else ("+", text)
    if rest == "0":
        return 0
    total = at = 0
    while not at or at < len(rest):
        part = _PART.match(rest, at)
        whole, fraction, unit = part.groups("") if part else ("", "", "")
        if part is None or unit not in _UNITS or not whole + fraction:
            raise _no_duration(text)
        total += _nanoseconds(whole, fraction, _UNITS[unit])
        at = part.end()
    if total > _LIMIT - (sign == "+"):
        raise _no_duration(text)
    return -total if sign == "-" else total


def _nanoseconds(whole: str, fraction: str, unit: int) -> int:
    """Go scales a fraction as a float; doing the same gives the same last nanosecond."""
    digits, scale = 0, 1.0
    for digit in fraction:
        if digits > (_LIMIT - 1) // 10 or digits * 10 + int(digit) > _LIMIT:
            break
        digits = digits * 10 + int(digit)
        scale *= 10
    return int(whole or 0) * unit + int(digits * (unit / scale))


def iso_duration(text: str) -> timedelta:
    """Return a duration such as `P1DT2H30M`. A year is 365 days and a month 30; only seconds may have decimals.

    Raises ScheduleError if the text is not a duration, or if it is zero or longer than 292 years.
    """
    match = _ISO.fullmatch(text)
    if match is None:
        raise _no_grace(text)
    *counts, fraction = match.groups()
    whole = sum(int(count or 0) * each for count, each in zip(counts, _ISO_SECONDS, strict=True))
    seconds, _, decimals = (fraction or "0").partition(".")
    micros = (whole + int(seconds)) * 1_000_000 + int(f"{decimals:0<6.6}")
    if not 0 < micros <= _LIMIT // 1_000:
        raise _no_grace(text)
    return timedelta(microseconds=micros)


def _no_duration(text: str) -> ScheduleError:
    form = "numbers with units h, m, s, ms, us or ns, such as 1h30m, up to 292 years"
    return refusal("@every", text, "is not a duration", use=form)


def _no_grace(text: str) -> ScheduleError:
    form = "an ISO 8601 duration above zero such as PT2H or P1DT30M, up to 292 years"
    return refusal("@after", text, "is not a grace time", use=form)
