"""Runs that waited in line, by the times at which the records say that they came there: they began in the order of the
job, none after it had expired, and none waits while it is its turn.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import combinations

from dkron_crds.base import rfc3339
from dkron_crds.job import Attempt, Concurrency, QueueOrder, Trigger
from tests.chaos.case import Case, Group
from tests.chaos.history import FOREVER
from tests.chaos.objections import Kind, Objection

Queued = tuple[datetime, datetime, str, Group]
"""When it came into line, its slot, its Job, and all of its runs."""


def check(case: Case) -> Iterator[Objection]:
    """Look at what has waited, and at what waits in the end."""
    waited = sorted(queued(case), key=lambda each: each[:3])
    for older, newer in combinations(waited, 2):
        yield from _order(case, older, newer)
    for since, _, _, group in waited:
        # Its Job is made a moment after it has left the line.
        if case.is_paused(group.began - case.weather.terms.lateness, group.began):
            yield case.object_to(Kind.EXTRA, group.began, f"{group} waited in line, and began in a pause")
        if (end := _expiry(case, since, group)) < group.began:
            text = f"{group} began at {rfc3339(group.began)}, and had to leave the line by {rfc3339(end)}"
            yield case.object_to(Kind.UNTIMELY, group.began, text)
    if case.life.record is not None:
        for entry in case.life.record.status.active:
            yield from _waits(case, entry)


def queued(case: Case) -> Iterator[Queued]:
    """The runs that have waited, as the records say, but for backfills, in whose order another rule holds."""
    for group, entry in recorded(case):
        if entry.queued_at is not None and group.trigger is not Trigger.BACKFILL:
            yield entry.queued_at, group.first.slot, entry.job, group


def recorded(case: Case) -> Iterator[tuple[Group, Attempt]]:
    """The runs whose first attempt the record still has, with what it says of that."""
    status = None if case.life.record is None else case.life.record.status
    known: tuple[Attempt, ...] = () if status is None else (*status.executions, *status.active)
    entries = {each.job: each for each in known if each.attempt == 1}
    for group in case.groups:
        if group.first.attempt == 1 and group.first.name in entries:
            yield group, entries[group.first.name]


def _order(case: Case, older: Queued, newer: Queued) -> Iterator[Objection]:
    begin, end = older[0], max(older[3].began, newer[3].began)
    specs = case.life.specs(begin - case.weather.wrong, end)
    orders = {spec.queue.order for spec in specs if spec.concurrency is Concurrency.QUEUE}
    if len(orders) != 1 or any(spec.concurrency is not Concurrency.QUEUE for spec in specs):
        return
    first, second = (older, newer) if orders == {QueueOrder.OLDEST} else (newer, older)
    # It was surely in line when the other one began.
    there = case.weather.decided(first[0]) + case.weather.wrong + case.weather.terms.grain
    if there < second[3].began < first[3].began:
        text = f"{second[3]} began at {rfc3339(second[3].began)}, and it was the turn of {first[3]}, which waited"
        yield case.object_to(Kind.UNTIMELY, second[3].began, text)


def _expiry(case: Case, since: datetime, group: Group) -> datetime:
    """By when it had to begin, whichever spec was in force: what began in time may take a moment to appear."""
    known = [spec.queue.patience for spec in case.life.specs(since - case.weather.wrong, group.began)]
    limits = [limit for limit in known if limit is not None]
    if len(limits) < len(known) or not limits:
        return FOREVER
    end, terms = since + max(limits), case.weather.terms
    slack = terms.recovery if case.weather.excuse(end) is not None else terms.lateness
    start = timedelta(0) if group.first.created else terms.start
    return case.weather.held(end + slack + start + case.weather.wrong + terms.grain)


def _waits(case: Case, entry: Attempt) -> Iterator[Objection]:
    if entry.queued_at is None or entry.uid or entry.attempt > 1:
        return
    begun = (group for group in case.groups if (group.trigger, group.first.group) == (entry.trigger, entry.group))
    if next(begun, None) is not None:
        return
    # The clock that it has this time from may have been set back: the run ahead of it then begins later than that.
    wait = case.wait(entry.queued_at, case.weather.decided(entry.queued_at) + case.weather.wrong, entry.slot)
    if wait.turn + case.weather.terms.shown < case.weather.terms.read:
        text = f"Job {entry.job} waits in line, and had to begin by {rfc3339(wait.turn)}"
        yield case.object_to(Kind.RECORD, wait.turn, text)
