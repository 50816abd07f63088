"""By the slot that each Job carries: every slot that had to run did, in time, and no other one did."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from dkron_crds.base import rfc3339
from dkron_crds.job import Concurrency, Trigger
from tests.chaos.case import Case, Group
from tests.chaos.history import FOREVER
from tests.chaos.holds import INSTEAD, PERHAPS
from tests.chaos.needs import Need
from tests.chaos.objections import Kind, Objection
from tests.chaos.targets import Target


def check(case: Case) -> Iterator[Objection]:
    """Compare slots with the groups that ran for them."""
    for target in case.unrun:
        if not case.excused(target):
            text = f"the slot {rfc3339(target.slot)} had to run by {rfc3339(target.due.by)}, and nothing ran for it"
            yield case.object_to(Kind.UNSATISFIED, target.slot, text)
            continue
        if (closes := _passed_over(case, target)) is not None:
            text = (
                f"neither the slot {rfc3339(target.slot)} ran after a pause, nor any later one until {rfc3339(closes)}"
            )
            yield case.object_to(Kind.UNSATISFIED, target.slot, text)
    known = {target.slot: target for target in case.targets}
    for group in case.of(Trigger.SCHEDULE):
        yield from _of_group(case, known.get(group.slot), group)


def _passed_over(case: Case, target: Target) -> datetime | None:
    """Until when one of these slots had to run, though each of them by itself need not; None if none had to."""
    allowed = all(spec.concurrency is Concurrency.ALLOW for spec in target.due.specs)
    if target.why != INSTEAD or not allowed or not case.is_settled(target):
        return None
    later = [each for each in case.targets if target.slot < each.slot <= target.due.by]
    unrun = {each.slot for each in case.unrun}
    # One that had to run is told by itself; one that was changed around may be either.
    sure = all(each.slot in unrun and each.why in (INSTEAD, PERHAPS) for each in later)
    return target.due.by if sure else None


def _of_group(case: Case, target: Target | None, group: Group) -> Iterator[Objection]:
    if target is None:
        yield case.object_to(Kind.EXTRA, group.began, f"{group} ran for a slot that was not due")
    elif target.need is Need.NEVER:
        yield case.object_to(Kind.EXTRA, group.began, f"{group} ran, though {target.why}")
    elif case.was_refused_in_time(target, group):
        text = f"{group} ran, though another run was active when it came due, and concurrency is forbid"
        yield case.object_to(Kind.EXTRA, group.began, text)
    elif group.first.attempt == 1 and (wrong := _untimely(case, target, group)):
        yield case.object_to(Kind.UNTIMELY, group.began, f"{group} began at {rfc3339(group.began)}, {wrong}")


def _untimely(case: Case, target: Target, group: Group) -> str:
    start = timedelta(0) if group.first.created else case.weather.terms.start
    latest, deadline = case.latest(target), _deadline(case, target)
    if group.began < target.due.opens - case.weather.early(target.slot):
        return "before its slot"
    if latest < FOREVER and group.began > latest + start:
        return f"and had to begin by {rfc3339(latest)}"
    if deadline < FOREVER and group.began > deadline + start:
        return f"{group.began - target.slot} after its slot, where its start deadline was over"
    return ""


def _deadline(case: Case, target: Target) -> datetime:
    """By when it may begin by its start deadline, whichever of its specs was in force: what was decided in time may
    still take a moment to appear, or as long as the API server stands still."""
    specs = case.wait_of(target).specs or target.due.specs
    seconds = [spec.starting_deadline_seconds for spec in specs]
    known = [each for each in seconds if each is not None]
    if not known or len(known) < len(seconds):
        return FOREVER
    terms = case.weather.terms
    slack = terms.recovery if case.weather.excuse(target.due.opens) else terms.lateness
    return case.weather.held(target.slot + timedelta(seconds=max(known)) + slack)
