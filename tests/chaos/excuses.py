"""Why slots did not have to run: what a verdict without objections does not show."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from dkron_crds.base import rfc3339
from tests.chaos.case import Case
from tests.chaos.needs import Need
from tests.chaos.targets import Target
from tests.chaos.verdict import Verdict

FORBIDDEN = "another run stood in its way, so it had to be counted"
IN_LINE = "it was in line, so it had to run, to be counted, or to wait there"


@dataclass(frozen=True, slots=True)
class Excuse:
    """A slot of a job, and why it did not have to run; `why` is empty if it had to, FORBIDDEN if it had to be
    counted instead, and IN_LINE if it had to do one of these, or to wait."""

    job: str
    slot: datetime
    why: str


def excuses(verdict: Verdict) -> Iterator[Excuse]:
    """One for each slot of a history."""
    for case in verdict.cases:
        for target in case.targets:
            # A clock that is ahead may have run it already, and that is all.
            if target.slot <= case.weather.terms.read:
                yield Excuse(case.life.job, target.slot, _why(case, target))


def _why(case: Case, target: Target) -> str:
    if target.need is not Need.MUST:
        return target.why
    if case.is_surely_forbidden(target):
        return FORBIDDEN
    if case.is_forbidden(target):
        return "another run may have been in its way"
    settled = case.is_settled(target)
    if case.has_line(target.due.specs) and case.is_decided(target, marked=True):
        return "" if settled and not case.may_have_left(target) else IN_LINE
    return "" if settled else "its turn had not come when the last look was taken, or the job was changed"


def table(found: Sequence[Excuse], *, most: int) -> Iterator[str]:
    """A line for each slot that did not have to run, by time and job, but no more than `most`; then how many more."""
    excused = sorted((each for each in found if each.why), key=lambda each: (each.slot, each.job))
    yield f"{len(excused)} of {len(found)} slots did not have to run"
    width = max((len(each.job) for each in excused[:most]), default=0)
    for each in islice(excused, most):
        yield f"{rfc3339(each.slot)}  {each.job:{width}}  {each.why}"
    if len(excused) > most:
        yield f"and {len(excused) - most} more"
