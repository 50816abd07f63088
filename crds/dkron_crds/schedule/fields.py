"""One field of a cron expression as a set of numbers, stored as the bits of an int (Dkron behaviour §3.1)."""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from dkron_crds.schedule.errors import ScheduleError, refusal

_NUMBER = re.compile(r"\+?[0-9]+")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


@dataclass(frozen=True, slots=True)
class Field:
    """The rules of one field: its range of numbers, and the three-letter names for some of them."""

    title: str
    low: int
    high: int
    names: dict[str, int] = field(default_factory=dict, hash=False)
    hint: str = ""

    def refuse(self, item: str, problem: str = "is not allowed") -> ScheduleError:
        """Return the error that names the field, the offending item and what is allowed there."""
        allowed = f"{self.low}-{self.high}{self.hint}, *, ?, lists (1,2), ranges (1-5) or steps (*/2)"
        return refusal(self.title, item, problem, use=allowed)


SECOND = Field("second", 0, 59)
MINUTE = Field("minute", 0, 59)
HOUR = Field("hour", 0, 23)
DAY = Field("day of month", 1, 31)
MONTH = Field("month", 1, 12, {name: i for i, name in enumerate(_MONTHS, 1)}, " or jan-dec")
WEEKDAY = Field("day of week", 0, 6, {name: i for i, name in enumerate(_WEEKDAYS)}, " (0 is Sunday) or sun-sat")

FIELDS = (SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY)


class Numbers(NamedTuple):
    """The numbers that a field matches: bit n of `bits` is set for n. `star` is True if the field leaves the value
    open."""

    bits: int
    star: bool


class _Range(NamedTuple):
    low: int
    high: int
    star: bool


@lru_cache(maxsize=4096)
def parse_field(text: str, rules: Field) -> Numbers:
    """Parse a comma-separated list. Empty items are ignored, so "," is a field that never matches."""
    bits, star = 0, False
    for item in filter(None, text.split(",")):
        found = _parse_item(item, rules)
        bits |= found.bits
        star |= found.star
    return Numbers(bits, star)


def _parse_item(item: str, rules: Field) -> Numbers:
    span, *steps = item.split("/")
    if len(steps) > 1:
        raise rules.refuse(item, "has more than one step")
    step = _number(steps[0], item, rules) if steps else 1
    low, high, star = _parse_span(span, item, rules, stepped=bool(steps))
    if not rules.low <= low or not high <= rules.high:
        raise rules.refuse(item)
    if low > high:
        raise rules.refuse(item, "runs backwards")
    if step == 0:
        raise rules.refuse(item, "has a step of 0")
    return Numbers(sum(1 << n for n in range(low, high + 1, step)), star and step == 1)


def _parse_span(span: str, item: str, rules: Field, *, stepped: bool) -> _Range:
    first, *rest = span.split("-")
    if first in {"*", "?"}:
        # robfig/cron ignores everything after a star, so `*-5` is `*`. Accept it, so that existing jobs keep working.
        return _Range(rules.low, rules.high, star=True)
    low = _number_or_name(first, item, rules)
    if not rest:
        return _Range(low, rules.high if stepped else low, star=False)
    if len(rest) > 1:
        raise rules.refuse(item, "has more than one hyphen")
    return _Range(low, _number_or_name(rest[0], item, rules), star=False)


def _number_or_name(word: str, item: str, rules: Field) -> int:
    number = rules.names.get(word.lower()) if word.isascii() else None
    return _number(word, item, rules) if number is None else number


def _number(word: str, item: str, rules: Field) -> int:
    if not _NUMBER.fullmatch(word):
        raise rules.refuse(item)
    number = int(word)
    if number >= 1 << 63:
        raise rules.refuse(item)
    return number
