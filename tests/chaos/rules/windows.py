"""By nothing but the time at which runs began, whatever slot they carry: each slot that had to run gets a run of its
own, and each run a slot. It must come to the same as the rule that believes the slots.
"""

from collections.abc import Iterator

from dkron_crds.base import rfc3339
from dkron_crds.job import Trigger
from tests.chaos.case import Case
from tests.chaos.history import FOREVER
from tests.chaos.matching import Point, Window, match
from tests.chaos.needs import Need
from tests.chaos.objections import Kind, Objection
from tests.chaos.targets import Target


def check(case: Case) -> Iterator[Objection]:
    """Match targets with first attempts. Jobs on several nodes are left to the other rule: their members differ."""
    runs = [run for run in case.life.runs if run.trigger is Trigger.SCHEDULE and run.attempt == 1]
    if any(run.member for run in runs):
        return
    points = [Point(run.began, run) for run in runs]
    forbidden = {target.slot for target in case.unrun if case.excused(target)}
    forbidden |= {target.slot for target in case.targets if case.is_refused(target.slot)}
    must = [target for target in case.targets if target.need is Need.MUST and target.slot not in forbidden]
    for window in match((_window(case, target) for target in must), points).empty:
        when = f"between {rfc3339(window.opens)} and {rfc3339(window.closes)}"
        text = f"no run began {when} that is not needed for another slot"
        yield case.object_to(Kind.UNSATISFIED, window.what.slot, text)
    able = [target for target in case.targets if target.need is not Need.NEVER]
    for point in match((_window(case, target) for target in able), points).over:
        text = f"{point.what} began at {rfc3339(point.at)}, and every slot that was due then has another run"
        yield case.object_to(Kind.EXTRA, point.at, text)


def _window(case: Case, target: Target) -> Window[Target]:
    latest = case.latest(target)
    closes = FOREVER if latest >= FOREVER else latest + case.weather.terms.start
    return Window(target.due.opens - case.weather.early(target.slot), closes, target)
