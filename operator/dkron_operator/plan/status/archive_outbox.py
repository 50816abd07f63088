"""The outbox of the archive in a status: executions and skipped slots that it has yet to get (docs/adr/0046).

A status with `unarchived` belongs to an operator with an archive. A record leaves it once the archive has it, so the
process after a crash hands over again what still stands there.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from dkron_crds.base import saturated
from dkron_crds.job import Execution, JobStatus, SkipReason, Unarchived, UnarchivedSlots
from dkron_crds.status import MAX_SKIPPED_RANGES
from dkron_operator.plan.status.changes import Archived, ArchiveTurned, Change


def turned(status: JobStatus, *, on: bool) -> JobStatus:
    """The status of an operator with an archive, or without one. With one, all that it shows is owed."""
    if on == (status.unarchived is not None):
        return status
    owed = Unarchived(executions=tuple(execution.job for execution in status.executions)) if on else None
    return status.model_copy(update={"unarchived": owed})


def with_owed(status: JobStatus, names: Sequence[str], before: Iterable[Execution]) -> JobStatus:
    """The status that owes these executions. Those that were among the executions `before`, and found no room, are
    lost; others were cleared by a user."""
    owed = status.unarchived
    if owed is None:
        return status
    shown = {execution.job for execution in status.executions}
    lost = sum(execution.job in names and execution.job not in shown for execution in before)
    return _with(status, executions=tuple(name for name in names if name in shown), lost=saturated(owed.lost + lost))


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


def owes_archive(status: JobStatus) -> bool:
    """Whether the archive has yet to get records of this status."""
    owed = status.unarchived
    return owed is not None and bool(owed.executions or owed.skipped)


def archived(status: JobStatus, change: Archived) -> JobStatus:
    """The status without what the archive has."""
    owed = status.unarchived
    if owed is None:
        return status
    left = tuple(name for name in owed.executions if name not in change.jobs)
    known = {slots.first: slots for slots in change.slots}
    skipped = (_rest(each, known.get(each.first)) for each in owed.skipped)
    return _with(status, executions=left, skipped=tuple(each for each in skipped if each is not None))


def _rest(owed: UnarchivedSlots, known: UnarchivedSlots | None) -> UnarchivedSlots | None:
    """The slots that joined these after the archive got them; None if none did."""
    if known is None:
        return owed
    if owed.count <= known.count:
        return None
    return owed.model_copy(update={"first": known.last, "count": owed.count - known.count})


def without_dropped(status: dict[str, Any], dropped: Collection[str]) -> dict[str, Any]:
    """The status on the wire, in which these executions of those that it owes are counted as lost."""
    owed = status.get("unarchived")
    if not (owed and dropped):
        return status
    kept = [name for name in owed["executions"] if name not in dropped]
    lost = saturated(owed["lost"] + len(owed["executions"]) - len(kept))
    return {**status, "unarchived": {**owed, "executions": kept, "lost": lost}}


def is_rider(change: Change) -> bool:
    """Whether the change is written only together with others: after a crash it is found again."""
    return isinstance(change, (Archived, ArchiveTurned))


def only_riders(changes: Iterable[Change]) -> bool:
    """Whether none of the changes needs a write by itself."""
    return all(is_rider(change) for change in changes)


def _with(status: JobStatus, **fields: object) -> JobStatus:
    owed = status.unarchived or Unarchived()
    return status.model_copy(update={"unarchived": owed.model_copy(update=fields)})
