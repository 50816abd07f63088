"""Trimming: which finished executions stay in a status. The status keeps to its limit, and a group that still runs
keeps the results of its members."""

from collections.abc import Collection, Iterable, Sequence

from dkron_crds.job import Attempt
from dkron_crds.status import MAX_EXECUTIONS


def trimmed(
    executions: Sequence[Attempt], *, limit: int, active: Iterable[Attempt], owed: Collection[str] = ()
) -> tuple[Attempt, ...]:
    """The newest `limit` of these executions (newest first), and as many as a status may have of those that are `owed`
    to the archive, by the names of their Jobs. For each group that still runs, at least one member that succeeded and
    one that failed for good are kept, if there are any: they decide how the group ends."""
    if len(executions) <= limit:
        return tuple(executions)
    witnesses = {*_witnesses(executions, tuple(active)), *owed}
    room = min(max(limit, len(witnesses)), MAX_EXECUTIONS) - len(witnesses)
    kept = []
    for execution in executions:
        if execution.job not in witnesses:
            room -= 1
        if execution.job in witnesses or room >= 0:
            kept.append(execution)
    return tuple(kept[:MAX_EXECUTIONS])


def _witnesses(executions: Iterable[Attempt], active: Sequence[Attempt]) -> set[str]:
    running = {entry.group for entry in active}
    # A member with an active attempt has not ended, and of several attempts the newest counts.
    judged = {(entry.group, entry.member) for entry in active}
    found: dict[tuple[int, bool], str] = {}
    for execution in executions:
        member = (execution.group, execution.member)
        if execution.group in running and member not in judged:
            judged.add(member)
            found.setdefault((execution.group, execution.success), execution.job)
    return set(found.values())
