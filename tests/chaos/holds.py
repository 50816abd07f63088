"""How a pause affects a slot, a request and the end of a parent's run: held for sure, perhaps, or not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from dkron_crds.job import MissedRuns
from tests.chaos.fault_windows import Weather
from tests.chaos.history import Paused
from tests.chaos.job_lifetimes import Life
from tests.chaos.needs import Due, Need

PERHAPS = "a pause may have held it"
INSTEAD = "a later slot may have run instead of it, after a pause"


@dataclass(frozen=True, slots=True)
class ActivePause:
    """A pause in the weather of its time: it must have been seen by `seen`, and its end by `noticed`; before `opens`
    no operator could take it for over. What came due by `closes` was held even by an operator whose clock is behind."""

    pause: Paused
    seen: datetime
    opens: datetime
    closes: datetime
    noticed: datetime

    def covers(self, moment: datetime) -> bool:
        """Whether it surely held what came due then."""
        return self.seen <= moment < self.closes

    def touches(self, begin: datetime, end: datetime) -> bool:
        """Whether it may have held something in this time."""
        return self.pause.begin <= end and begin <= self.noticed


def holds(life: Life, weather: Weather) -> list[ActivePause]:
    """The pauses of a job."""
    return [_hold(pause, weather) for pause in life.pauses]


def touching_holds(among: Sequence[ActivePause], begin: datetime, end: datetime) -> list[ActivePause]:
    """Those that may have held something in this time; what one of them holds, the next one may hold as well."""
    found: list[ActivePause] = []
    for hold in sorted(among, key=lambda hold: hold.pause.begin):
        if hold.touches(begin, end):
            found.append(hold)
            end = max(end, hold.noticed)
    return found


def held_by(due: Due, touching: Sequence[ActivePause]) -> tuple[Due, tuple[Need, str]]:
    """The need of a slot that some of these pauses may have held, and why. Between two of them it may have run;
    a slot that one of them keeps from running never does."""
    if len(touching) == 1:
        return held(due, touching[0])
    each = [held(due, hold) for hold in touching]
    by = max(late.by for late, _ in each)
    never = next((found for found in each if found[1][0] is Need.NEVER), None)
    wanted = (Need.MAY, "several pauses may have held it") if never is None else never[1]
    return replace(due, by=by), wanted


def held(due: Due, hold: ActivePause) -> tuple[Due, tuple[Need, str]]:
    """The need of a slot that a pause may have held, and why."""
    by = max(due.by, hold.noticed)
    if not hold.covers(due.opens):
        return replace(due, by=by), (Need.MAY, PERHAPS)
    due = replace(due, opens=hold.opens, by=by)
    policies = {spec.missed_runs for spec in due.specs}
    latest = MissedRuns.LATEST in policies
    if hold.pause.drop:
        return due, (Need.NEVER, "it was due in a pause that drops slots")
    if policies == {MissedRuns.SKIP} or (policies == {MissedRuns.LATEST} and hold.covers(due.following)):
        return due, (Need.NEVER, "it was missed because of a pause")
    limits = [spec.starting_deadline_seconds for spec in due.specs]
    late = any(limit is not None and (by - due.slot).total_seconds() > limit for limit in limits)
    if late or MissedRuns.SKIP in policies:
        return due, (Need.MAY, "it may have been missed because of a pause, or too late after it")
    if latest and due.following <= by:
        return due, (Need.MAY, INSTEAD)
    return due, (Need.MUST, "")


def _hold(pause: Paused, weather: Weather) -> ActivePause:
    opens = pause.end - weather.early(pause.end) if pause.by_itself else pause.end
    made, gone = pause.made or pause.begin, pause.gone or pause.end
    # One clock tells an operator of the slot and of `until`; but a pause is deleted by the time of the API server.
    closes = opens if pause.by_itself else pause.end - weather.behind(pause.end) - weather.terms.grain
    return ActivePause(pause, weather.decided(made), opens, closes, weather.decided(gone) + weather.behind(gone))
