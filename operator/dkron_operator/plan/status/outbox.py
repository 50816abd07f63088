"""The outbox of a status: what has yet to be handed over, to the archive, and to processors and notifications.

The write that records an execution adds its entry, and the entry leaves once its receivers have got it (docs/adr/0016,
docs/adr/0046). So the process after a crash hands over again what still stands there. A status with `unarchived`
belongs to an operator with an archive, and owes it skipped slots as well.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from dkron_crds.attempts import MAX_OUTPUT
from dkron_crds.base import saturated
from dkron_crds.job import Attempt, JobStatus, OutboxEntry, Receiver, SkipReason, Unarchived, UnarchivedSlots
from dkron_crds.status import MAX_SKIPPED_RANGES
from dkron_operator.plan.status.changes import ArchiveTurned, Change, HandedOver, Lost

Entries = tuple[OutboxEntry, ...]


def owed_to(status: JobStatus, receiver: Receiver) -> tuple[str, ...]:
    """The executions that have yet to be handed over to this receiver, by the names of their Jobs."""
    return tuple(entry.job for entry in status.outbox if receiver in entry.to)


def is_owing(status: JobStatus) -> bool:
    """Whether records of this status have yet to be handed over."""
    return bool(status.outbox or (status.unarchived is not None and status.unarchived.skipped))


def turned(status: JobStatus, *, on: bool) -> JobStatus:
    """The status of an operator with an archive, or without one. With one, the archive is owed all that it shows."""
    if on == (status.unarchived is not None):
        return status
    outbox = _without(status.outbox, Receiver.ARCHIVE)
    if on:
        others = owed_to(status, Receiver.DELIVERY)
        outbox = tuple(_entry(each.job, archive=True, deliver=each.job in others) for each in status.executions)
    return status.model_copy(update={"outbox": outbox, "unarchived": Unarchived() if on else None})


def with_entry(status: JobStatus, job: str, *, deliver: bool) -> JobStatus:
    """The status that owes this execution to its receivers."""
    archive = status.unarchived is not None
    if not (archive or deliver):
        return status
    return status.model_copy(update={"outbox": (*status.outbox, _entry(job, archive=archive, deliver=deliver))})


def without_missing(status: JobStatus, before: Iterable[Attempt]) -> JobStatus:
    """The status without the entries whose executions it does not show. Of those that the archive lacks, the ones that
    were among the executions `before`, and found no room, are lost; others were cleared by a user."""
    shown = {execution.job for execution in status.executions}
    gone = set(owed_to(status, Receiver.ARCHIVE)) - shown
    status = status.model_copy(update={"outbox": tuple(entry for entry in status.outbox if entry.job in shown)})
    owed = status.unarchived
    lost = sum(execution.job in gone for execution in before) if gone else 0
    return status if owed is None or not lost else _with(status, lost=saturated(owed.lost + lost))


def owed_slots(
    status: JobStatus, began: datetime | None, last: datetime, *, count: int, reason: SkipReason
) -> JobStatus:
    """The status that owes these slots, too. If there is no room, they join the newest ones with the same reason; if
    there are none, the oldest are lost."""
    owed = status.unarchived
    if owed is None:
        return status
    slots = UnarchivedSlots(first=min(began or last, last), last=last, count=saturated(count), reason=reason)
    before = list(owed.skipped)
    if len(before) < MAX_SKIPPED_RANGES:
        return _with(status, skipped=(*before, slots))
    like = next((each for each in reversed(before) if each.reason == reason), None)
    if like is None:
        return _with(status, skipped=(*before[1:], slots), lost=saturated(owed.lost + before[0].count))
    before.remove(like)
    joined = {"first": min(like.first, slots.first), "last": max(like.last, last)}
    count = saturated(like.count + slots.count)
    return _with(status, skipped=(*before, slots.model_copy(update={**joined, "count": count})))


def handed_over(status: JobStatus, change: HandedOver) -> JobStatus:
    """The status without what a receiver has got."""
    executions = status.executions
    for lost in change.lost:
        executions = tuple(_without_note(each, lost) if each.job == lost.job else each for each in executions)
    outbox = _without(status.outbox, change.to, change.jobs)
    status = status.model_copy(update={"outbox": outbox, "executions": executions})
    if status.unarchived is None or not change.slots:
        return status
    known = {slots.first: slots for slots in change.slots}
    skipped = (_rest(each, known.get(each.first)) for each in status.unarchived.skipped)
    return _with(status, skipped=tuple(each for each in skipped if each is not None))


def without_dropped(status: dict[str, Any], dropped: Collection[str]) -> dict[str, Any]:
    """The status on the wire without the entries of these executions. Those that the archive lacks count as lost."""
    entries, owed = status.get("outbox", ()), status.get("unarchived")
    kept = [entry for entry in entries if entry["job"] not in dropped]
    if len(kept) == len(entries):
        return status
    status = {**status, "outbox": kept}
    if owed is None:
        return status
    lost = sum(Receiver.ARCHIVE in entry["to"] for entry in entries if entry["job"] in dropped)
    return {**status, "unarchived": {**owed, "lost": saturated(owed["lost"] + lost)}}


def is_rider(change: Change) -> bool:
    """Whether the change is written only together with others: after a crash it is found again."""
    return isinstance(change, ArchiveTurned) or (isinstance(change, HandedOver) and change.to is Receiver.ARCHIVE)


def only_riders(changes: Iterable[Change]) -> bool:
    """Whether none of the changes needs a write by itself."""
    return all(is_rider(change) for change in changes)


def _entry(job: str, *, archive: bool, deliver: bool) -> OutboxEntry:
    wanted = ((Receiver.ARCHIVE, archive), (Receiver.DELIVERY, deliver))
    return OutboxEntry(job=job, to=tuple(receiver for receiver, wants in wanted if wants))


def _without(outbox: Entries, receiver: Receiver, jobs: Collection[str] | None = None) -> Entries:
    """The entries once this receiver has got these executions; None: all of them."""
    left = []
    for entry in outbox:
        if receiver not in entry.to or not (jobs is None or entry.job in jobs):
            left.append(entry)
        elif others := tuple(each for each in entry.to if each is not receiver):
            left.append(entry.model_copy(update={"to": others}))
    return tuple(left)


def _without_note(execution: Attempt, lost: Lost) -> Attempt:
    lines = execution.output.split("\n")
    if lost.note not in lines:
        return execution
    lines[lines.index(lost.note)] = lost.why
    # A user with permission to write the status may have made it longer than an operator does.
    return execution.model_copy(update={"output": "\n".join(lines)[:MAX_OUTPUT]})


def _rest(owed: UnarchivedSlots, known: UnarchivedSlots | None) -> UnarchivedSlots | None:
    """The slots that joined these after the archive got them; None if none did."""
    if known is None:
        return owed
    if owed.count <= known.count:
        return None
    return owed.model_copy(update={"first": known.last, "count": owed.count - known.count})


def _with(status: JobStatus, **fields: object) -> JobStatus:
    owed = status.unarchived or Unarchived()
    return status.model_copy(update={"unarchived": owed.model_copy(update=fields)})
