"""The status of a DkronPause: whether it holds, how many jobs, and if not, why."""

from collections.abc import Mapping
from datetime import datetime

from dkron_crds.base import rfc3339
from dkron_crds.conditions import ConditionStatus, ConditionType, condition
from dkron_crds.pause import PauseReason, PauseStatus
from dkron_operator.pauses.index import PauseIndex, PauseView
from dkron_operator.watch.object_index import MOST, Key

STATUS = {True: ConditionStatus.TRUE, False: ConditionStatus.FALSE}
NEEDS_AN_EDIT = frozenset({PauseReason.NOT_ALLOWED, PauseReason.INVALID})
"""With TooMany, a pause gets its effect as soon as others are deleted."""


def pause_status(index: PauseIndex, view: PauseView, *, jobs: Mapping[Key, int], now: datetime) -> PauseStatus:
    """The status that the pause should have, with the `jobs` that each pause selects."""
    reason, message = _verdict(index, view, jobs.get(view.key, 0), now)
    holds = reason is PauseReason.PAUSED
    values = {ConditionType.ACTIVE: holds, ConditionType.READY: holds or reason is PauseReason.EXPIRED}
    values |= {ConditionType.STALLED: True} if reason in NEEDS_AN_EDIT else {}
    at, generation = now.replace(microsecond=0), view.generation
    before = () if view.status is None else view.status.conditions
    conditions = tuple(
        condition(before, kind, (STATUS[value], reason, message), now=at, generation=generation)
        for kind, value in values.items()
    )
    return PauseStatus(
        observed_generation=generation, conditions=conditions, jobs=jobs.get(view.key, 0) if holds else 0,
        message=message,
    )  # fmt: skip


def _verdict(index: PauseIndex, view: PauseView, jobs: int, now: datetime) -> tuple[PauseReason, str]:
    if view.problem:
        return PauseReason.INVALID, f"the pause has no effect: {view.problem}"
    if not index.is_allowed(view):
        why = f"allNamespaces is allowed only in the namespace of the operator, {index.home}"
        return PauseReason.NOT_ALLOWED, f"the pause has no effect: {why}"
    if view.pause.until is not None and view.pause.is_over(now):
        return PauseReason.EXPIRED, f"the pause ended at {rfc3339(view.pause.until)}"
    if not index.has_room(view):
        text = f"the pause has no effect: of a namespace, only the oldest {MOST} DkronPauses have one; delete some"
        return PauseReason.TOO_MANY, text
    held = "holds 1 job" if jobs == 1 else f"holds {jobs} jobs"
    until = "until it is deleted" if view.pause.until is None else f"until {rfc3339(view.pause.until)}"
    then = "what comes due is dropped" if view.pause.drop else "what comes due waits for missedRuns"
    force = ""
    if view.pause.enforce:
        force = "; forced runs are refused"
    elif view.enforce:
        force = f"; enforce has no effect here, only in the namespace of the operator, {index.home}"
    return PauseReason.PAUSED, f"the pause {held} {until}; {then}{force}"
