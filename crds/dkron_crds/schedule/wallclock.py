"""Finds matching seconds of a wall clock by arithmetic on bit sets, without zones, datetimes or iteration over
seconds.

A wall clock second is an int: seconds since 1970-01-01T00:00:00 in local time.
"""

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import NamedTuple

_DAY = 86_400
_ORDINAL_1970 = date(1970, 1, 1).toordinal()
_FEBRUARY, _DECEMBER = 2, 12
_LENGTHS = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
# Seven bits repeated: bit n of the product stands for weekday n % 7.
_EVERY_WEEK = sum(1 << week * 7 for week in range(6))


class _Month(NamedTuple):
    first: int
    """Days from 1970-01-01 to its first day."""
    weekday: int
    """Weekday of its first day, 0 is Sunday."""
    days: int
    """Bits 1 to 28, 29, 30 or 31."""


@lru_cache(maxsize=2048)
def _month(year: int, month: int) -> _Month:
    ordinal = date(year, month, 1).toordinal()
    leap = month == _FEBRUARY and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return _Month(ordinal - _ORDINAL_1970, ordinal % 7, (2 << _LENGTHS[month] + leap) - 2)


@dataclass(frozen=True, slots=True)
class Pattern:
    """The values that each part of date and time may have, as bit sets."""

    seconds: int
    minutes: int
    hours: int
    days: int
    months: int
    weekdays: int
    both: bool
    """Whether both day of month and day of week must match; otherwise either is enough."""

    def ever(self) -> bool:
        """Whether any date and time matches at all."""
        lengths = (29 if m == _FEBRUARY else _LENGTHS[m] for m in range(1, 13) if self.months >> m & 1)
        dated = self.days & ((2 << max(lengths, default=0)) - 2) != 0
        day = dated and self.weekdays != 0 if self.both else dated or self.weekdays != 0
        return bool(self.seconds and self.minutes and self.hours and self.months and day)

    def first(self, start: int, end: int) -> int | None:
        """Return the first matching second in [start, end)."""
        day, clock = divmod(start, _DAY)
        found = self._clock_from(clock) if self._matches(day) else None
        if found is None:
            later = self._day_from(day + 1, (end - 1) // _DAY + 1)
            if later is None:
                return None
            day, found = later, self._earliest()
        second = day * _DAY + found
        return second if second < end else None

    def last(self, start: int, end: int) -> int | None:
        """Return the last matching second in [start, end)."""
        day, clock = divmod(end - 1, _DAY)
        found = self._clock_until(clock) if self._matches(day) else None
        if found is None:
            earlier = self._day_until(day - 1, start // _DAY)
            if earlier is None:
                return None
            day, found = earlier, self._latest()
        second = day * _DAY + found
        return second if second >= start else None

    def count(self, start: int, end: int) -> int:
        """Count the matching seconds in [start, end)."""
        first_day, first_clock = divmod(start, _DAY)
        last_day, last_clock = divmod(end, _DAY)
        a_day = self.seconds.bit_count() * self.minutes.bit_count() * self.hours.bit_count()
        whole = self._count_days(first_day, last_day) * a_day
        head = self._clocks_before(first_clock) if self._matches(first_day) else 0
        tail = self._clocks_before(last_clock) if self._matches(last_day) else 0
        return whole - head + tail

    def _days(self, year: int, month: int) -> int:
        """Return the matching days of a month as bits 1 to 31."""
        if not self.months >> month & 1:
            return 0
        facts = _month(year, month)
        by_weekday = (self.weekdays * _EVERY_WEEK >> facts.weekday) << 1
        return facts.days & (self.days & by_weekday if self.both else self.days | by_weekday)

    def _matches(self, day: int) -> bool:
        when = date.fromordinal(day + _ORDINAL_1970)
        return bool(self._days(when.year, when.month) >> when.day & 1)

    def _day_from(self, day: int, end: int) -> int | None:
        """Return the first matching day from `day` on. The search ends with the month that contains `end`."""
        when = date.fromordinal(day + _ORDINAL_1970)
        year, month = when.year, when.month
        left = self._days(year, month) >> when.day << when.day
        while not left:
            year, month = (year + 1, 1) if month == _DECEMBER else (year, month + 1)
            if _month(year, month).first >= end:
                return None
            left = self._days(year, month)
        return _month(year, month).first + _lowest(left) - 1

    def _day_until(self, day: int, start: int) -> int | None:
        """Return the last matching day up to `day`. The search ends with the month that contains `start`."""
        when = date.fromordinal(day + _ORDINAL_1970)
        year, month = when.year, when.month
        left = self._days(year, month) & (2 << when.day) - 1
        while not left:
            if _month(year, month).first <= start:
                return None
            year, month = (year - 1, _DECEMBER) if month == 1 else (year, month - 1)
            left = self._days(year, month)
        return _month(year, month).first + _highest(left) - 1

    def _count_days(self, start: int, end: int) -> int:
        """Count the matching days in [start, end), month by month."""
        when, until = (date.fromordinal(day + _ORDINAL_1970) for day in (start, end))
        year, month = when.year, when.month
        total = -(self._days(year, month) & (1 << when.day) - 1).bit_count()
        while (year, month) != (until.year, until.month):
            total += self._days(year, month).bit_count()
            year, month = (year + 1, 1) if month == _DECEMBER else (year, month + 1)
        return total + (self._days(year, month) & (1 << until.day) - 1).bit_count()

    def _earliest(self) -> int:
        return _lowest(self.hours) * 3_600 + _lowest(self.minutes) * 60 + _lowest(self.seconds)

    def _latest(self) -> int:
        return _highest(self.hours) * 3_600 + _highest(self.minutes) * 60 + _highest(self.seconds)

    def _clock_from(self, clock: int) -> int | None:
        """Return the first matching second of a day at or after `clock`."""
        hour, minute, second = clock // 3_600, clock // 60 % 60, clock % 60
        if self.hours >> hour & 1:
            if self.minutes >> minute & 1 and (left := self.seconds >> second):
                return clock + _lowest(left)
            if left := self.minutes >> minute + 1:
                return hour * 3_600 + (minute + 1 + _lowest(left)) * 60 + _lowest(self.seconds)
        if left := self.hours >> hour + 1:
            return (hour + 1 + _lowest(left)) * 3_600 + _lowest(self.minutes) * 60 + _lowest(self.seconds)
        return None

    def _clock_until(self, clock: int) -> int | None:
        """Return the last matching second of a day at or before `clock`."""
        hour, minute, second = clock // 3_600, clock // 60 % 60, clock % 60
        if self.hours >> hour & 1:
            if self.minutes >> minute & 1 and (left := _below(self.seconds, second + 1)):
                return clock - second + _highest(left)
            if left := _below(self.minutes, minute):
                return hour * 3_600 + _highest(left) * 60 + _highest(self.seconds)
        if left := _below(self.hours, hour):
            return _highest(left) * 3_600 + _highest(self.minutes) * 60 + _highest(self.seconds)
        return None

    def _clocks_before(self, clock: int) -> int:
        """Count the matching seconds of a day before `clock`."""
        hour, minute, second = clock // 3_600, clock // 60 % 60, clock % 60
        a_minute, minutes = self.seconds.bit_count(), self.minutes.bit_count()
        total = _below(self.hours, hour).bit_count() * minutes * a_minute
        if self.hours >> hour & 1:
            total += _below(self.minutes, minute).bit_count() * a_minute
            if self.minutes >> minute & 1:
                total += _below(self.seconds, second).bit_count()
        return total


def _lowest(bits: int) -> int:
    return (bits & -bits).bit_length() - 1


def _highest(bits: int) -> int:
    return bits.bit_length() - 1


def _below(bits: int, n: int) -> int:
    return bits & (1 << n) - 1
