"""How much of a history is judged without an excuse: the calm share of the time in which slots came due. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dkron_crds.base import rfc3339
from dkron_crds.job import Trigger
from tests.chaos.case import Case
from tests.chaos.fault_windows import Weather
from tests.chaos.history import FOREVER

ZERO = timedelta(0)


@dataclass(frozen=True, slots=True)
class Calm:
    """Slots came due from `begin` to `end`; `share` of that time is calm.

    `latest` is how late the latest slot ran that came due in calm times and had to wait for no other run and for no
    pause, `where` names it. `longest` is how late a slot may have run at most, whatever was broken.
    """

    begin: datetime
    end: datetime
    share: float
    latest: timedelta
    where: str
    longest: timedelta

    def __str__(self) -> str:
        late = (
            f"the latest slot in it ran {_seconds(self.latest)} late ({self.where})" if self.where else "no slot in it"
        )
        return (
            f"calm for {100 * self.share:.1f} % of {_seconds(self.end - self.begin)}; {late}; "
            f"no slot had more than {_seconds(self.longest)}"
        )


def calm(cases: Sequence[Case]) -> Calm | None:
    """The calm time; None if no slot came due."""
    targets = [target for case in cases for target in case.targets]
    if not targets:
        return None
    begin, end = min(target.slot for target in targets), max(target.slot for target in targets)
    late = max(_calm_slots(cases), default=(ZERO, ""))
    known = [target.due for target in targets if target.due.by < FOREVER and not target.held]
    longest = max((due.by - due.opens for due in known), default=ZERO)
    stormy = sum((last - first for first, last in _excused(cases[0].weather, begin, end)), ZERO)
    share = 1 - stormy / (end - begin) if end > begin else float(not stormy)
    return Calm(begin, end, share, *late, longest)


def _excused(weather: Weather, begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The times within these in which a slot may be excused, apart."""
    known = begin
    for first, last in weather.storms:
        # What comes due a moment before a fault may be caught by it.
        first, last = max(first - weather.terms.lateness, known), min(last, end)  # noqa: PLW2901
        if first < last:
            yield first, last
            known = last


def _calm_slots(cases: Iterable[Case]) -> Iterator[tuple[timedelta, str]]:
    for case in cases:
        ran = {group.slot: group.began for group in case.of(Trigger.SCHEDULE)}
        for target in case.targets:
            due = target.due
            waited = case.latest(target) > due.by
            if due.slot in ran and case.weather.excuse(due.opens) is None and not (waited or target.held):
                yield max(ran[due.slot] - due.opens, ZERO), f"{case.life.job} at {rfc3339(due.slot)}"


def _seconds(of: timedelta) -> str:
    return f"{of.total_seconds():.1f} s"
