"""Write by write: the slots that the mark of a status has passed have run, are claimed, or are counted by that write;
and so are slots of the schedule before an edit that were due when it was noticed. The mark of one schedule does not
move back, and a write that decides nothing counts nothing.

This asks nothing of the weather. It needs a witness whom no status escapes.
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from itertools import pairwise

from dkron_crds.base import rfc3339
from dkron_crds.job import Concurrency, JobSpec, Trigger
from tests.chaos import oracle
from tests.chaos.case import Case
from tests.chaos.history import Act, Seen
from tests.chaos.objections import Kind, Objection

TICK = timedelta(microseconds=1)


def check(case: Case) -> Iterator[Objection]:
    """Look at each status beside the one before it."""
    ran = {run.slot for run in case.life.runs if run.trigger is Trigger.SCHEDULE}
    begin = Seen(job=case.life.job, uid=case.life.uid, at=case.life.created)
    known: datetime | None = None
    for before, after in pairwise([begin, *case.life.statuses]):
        if before.mark is not None:
            known = max(before.mark, known or before.mark)
        if after.since is None:
            continue
        if _is_steady(case, before, after):
            yield from _of_steady(case, before, after)
        counted = after.skipped - before.skipped if before.since is not None else after.skipped
        lost = [slot for slot in _passed(case, before, after) if slot not in ran and not case.is_refused(slot)]
        if before.since is None and known is not None:
            # A wipe takes the counts of slots with it that were decided, and these are not decided again.
            lost = [slot for slot in lost if slot > known]
        if lost and len(lost) > counted:
            some = ", ".join(map(rfc3339, lost[:3]))
            text = f"the status of {rfc3339(after.at)} has passed {len(lost)} slots without a run ({some}), and counts"
            yield case.object_to(Kind.UNSATISFIED, lost[0], f"{text} {max(counted, 0)} of them")


def _is_steady(case: Case, before: Seen, after: Seen) -> bool:
    """Whether slots count as before. The mark of a clock that was ahead is taken back."""
    same = (before.since, before.fingerprint) == (after.since, after.fingerprint)
    return same and not case.is_wiped and case.weather.ahead <= case.weather.terms.grain


def _of_steady(case: Case, before: Seen, after: Seen) -> Iterator[Objection]:
    if before.mark is not None and (after.mark is None or after.mark < before.mark):
        text = f"the status of {rfc3339(after.at)} takes the mark back from {rfc3339(before.mark)}"
        yield case.object_to(Kind.RECORD, after.at, text)
    slots = (before.mark, before.deferred) != (after.mark, after.deferred)
    decided = slots or set(before.claims) - set(after.claims)
    if after.skipped > before.skipped and not decided and not _counts_others(case):
        count = after.skipped - before.skipped
        text = f"the status of {rfc3339(after.at)} counts {count} more as skipped, and has decided about no slot"
        yield case.object_to(Kind.RECORD, after.at, text)


def _counts_others(case: Case) -> bool:
    """Whether runs that were asked for, that follow others, or that the API server refused, may count as skipped."""
    asked = case.life.asked_by_name or any(op.act is Act.RUN for op in case.life.operations)
    return bool(asked or case.refused or any(spec.parents for spec in _all(case)))


def _passed(case: Case, before: Seen, after: Seen) -> Iterator[datetime]:
    """The slots that were decided by this write, and are not claimed."""
    found = set(_dropped(case, before, after))
    if after.since is not None and after.mark is not None:
        found |= _due(case, after, before.mark, after.mark)
    if None not in (before.since, after.since) and before.since != after.since:
        old = _due(case, before, before.mark, after.since) | _deferred(case, before)
        found |= {slot for slot in old if not _was_suspended(case, before, after, slot)}
    elif after.since is not None:
        # A wipe takes them along. If a clock was ahead, those after the mark that is taken back are to come again.
        found |= {slot for slot in _deferred(case, before) if after.mark is None or slot <= after.mark}
    yield from sorted(found - _deferred(case, after) - set(after.claims))


def _deferred(case: Case, seen: Seen) -> set[datetime]:
    """The slots that wait for their turn."""
    return {slot for after, until in seen.deferred for slot in _due(case, seen, after, until)}


def _due(case: Case, seen: Seen, mark: datetime | None, until: datetime | None) -> AbstractSet[datetime]:
    """The slots of the schedule that this status has accepted, from a mark on."""
    specs = [
        spec for spec in _all(case) if spec.fingerprint == seen.fingerprint and not (spec.disabled or spec.parents)
    ]
    if not specs or seen.since is None or until is None:
        return set()
    begin = max(seen.since, mark or seen.since)
    # When a job expires, may be edited without its slots counting again: only what is due by all of them is.
    due = [set(oracle.due(spec, begin, until, since=seen.since)) for spec in specs]
    return set.intersection(*due) if until > begin else set()


def _was_suspended(case: Case, before: Seen, after: Seen, slot: datetime) -> bool:
    """Whether two edits in a row, of the first of which no status tells, may have had another schedule or none at that
    slot."""
    begin, end = slot - case.weather.early(slot), slot + case.weather.terms.grain + case.weather.behind(slot)
    specs = case.life.specs(begin, end)
    if any(spec.disabled or spec.parents for spec in specs):
        return True
    return any(spec.fingerprint not in (before.fingerprint, after.fingerprint) for spec in specs)


def _dropped(case: Case, before: Seen, after: Seen) -> AbstractSet[datetime]:
    """Claims that were given up. One that a newer run has replaced is not counted."""
    replaces = any(spec.concurrency is Concurrency.REPLACE for spec in _all(case))
    newer = set(after.claims) - set(before.claims) or any(op.act is Act.RUN for op in case.life.operations)
    return set() if replaces and newer else set(before.claims) - set(after.claims)


def _all(case: Case) -> list[JobSpec]:
    return [span.value for span in case.life.settings if span.value is not None]
