"""How a backfill goes on: from its spec, its status and the DkronRuns that exist to the slots that begin, and the next
status. Pure.

The slots have one order, and `status.begun` says how many of them have begun. The DkronRun of a slot is created first,
then `begun` moves. A process that begins in between finds the DkronRun by its name, and records it. So a slot begins
again neither when its DkronRun was deleted, nor when its job was edited.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import NamedTuple

from dkron_crds.backfill import (
    MAX_FAILED_RUNS,
    MAX_FAILURE,
    MAX_PARALLELISM,
    BackfillOrder,
    BackfillPlan,
    BackfillRun,
    BackfillSpec,
    BackfillStatus,
    BackfillTarget,
    OnFailure,
)
from dkron_crds.run import RunPhase
from dkron_operator.plan.situation.requested_runs import run_name

UNSUCCESSFUL = frozenset({RunPhase.FAILED, RunPhase.REFUSED})
RUN_DELETED = "its DkronRun was deleted"


class Slot(NamedTuple):
    """A slot of a backfill: when it was due, and the name and uid of its DkronJob."""

    at: datetime
    job: str
    uid: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A DkronRun of the backfill."""

    uid: str
    phase: RunPhase
    message: str = ""
    """Why it failed."""


@dataclass(frozen=True, slots=True)
class Situation:
    """The facts that decide a step."""

    uid: str
    """The uid of the DkronBackfill."""

    spec: BackfillSpec
    status: BackfillStatus
    slots: Sequence[Slot]
    """All slots, as `in_order` returns them."""

    runs: Mapping[str, Seen]
    """The DkronRuns of the backfill that exist, by name: all of `status.active_runs`, and the known ones of
    `expected`."""

    busy: AbstractSet[str]
    """The uids of jobs with an active run of another cause. Empty if that does not matter."""


@dataclass(frozen=True, slots=True)
class Step:
    """The slots that begin now, and the status before they have."""

    status: BackfillStatus
    begin: tuple[Slot, ...] = ()
    waits: bool = False
    """Whether the next slot waits for an active run of another cause."""


class Begun(NamedTuple):
    """A slot that has begun as the DkronRun with this uid; empty if it cannot run any more, and why not."""

    slot: Slot
    uid: str
    message: str = ""


def in_order(spec: BackfillSpec, targets: Sequence[BackfillTarget]) -> list[Slot]:
    """All slots of a backfill, in the order in which they begin."""
    slots = (Slot(slot, target.job, target.uid) for target in targets for slot in target.slots)
    return sorted(slots, reverse=spec.order is BackfillOrder.NEWEST_FIRST)


def expected(uid: str, slots: Sequence[Slot], begun: int) -> list[tuple[Slot, str]]:
    """The next slots that a process may have begun without recording it, with the names of their DkronRuns. `slots`
    are all, as `in_order` returns them, and `begun` of them are recorded."""
    coming = slots[begun : begun + MAX_PARALLELISM]
    return [(slot, run_name(uid, slot.job, slot.uid, slot.at)) for slot in coming]


def planned(targets: Sequence[BackfillTarget]) -> BackfillPlan:
    """The plan of these targets."""
    slots = [slot for target in targets for slot in (target.slots[0], target.slots[-1])]
    return BackfillPlan(
        count=sum(len(target.slots) for target in targets), jobs=len(targets),
        first=min(slots, default=None), last=max(slots, default=None),
    )  # fmt: skip


def is_stopped(spec: BackfillSpec, status: BackfillStatus) -> bool:
    """Whether a failure keeps the slots that have not begun from running."""
    return spec.on_failure is OnFailure.STOP and status.failed > 0


def advance(situation: Situation) -> Step:
    """What begins now."""
    spec, coming = situation.spec, expected(situation.uid, situation.slots, situation.status.begun)
    found = max((place for place, (_, name) in enumerate(coming, 1) if name in situation.runs), default=0)
    # Runs begin in order: if a later one exists, a missing one before it has begun and was deleted.
    adopted = [
        Begun(slot, situation.runs[name].uid) if name in situation.runs else Begun(slot, "", RUN_DELETED)
        for slot, name in coming[:found]
    ]
    status = settle(record(situation.uid, situation.status, adopted), situation.runs)
    if spec.suspend or is_stopped(spec, status):
        return Step(status)
    room = max(0, spec.parallelism - len(status.active_runs))
    wanted = tuple(slot for slot, _ in coming[found : found + room])
    begin = tuple(takewhile(lambda slot: slot.uid not in situation.busy, wanted))
    return Step(status, begin, waits=len(begin) < len(wanted))


def record(uid: str, status: BackfillStatus, begun: Sequence[Begun]) -> BackfillStatus:
    """The status after these slots have begun, the next ones of the order."""
    runs = [
        BackfillRun(
            run=run_name(uid, slot.job, slot.uid, slot.at), uid=run, job=slot.job, slot=slot.at,
            message=message[:MAX_FAILURE],
        )
        for slot, run, message in begun
    ]  # fmt: skip
    active = (*status.active_runs, *(run for run in runs if run.uid))
    changed = status.model_copy(update={"begun": status.begun + len(runs), "active_runs": active})
    return _failed(changed, [run for run in runs if not run.uid])


def settle(status: BackfillStatus, runs: Mapping[str, Seen]) -> BackfillStatus:
    """The status after the end of active runs. A run that is gone, or replaced, counts as failed."""
    active, failed, succeeded = [], [], 0
    for run in status.active_runs:
        seen = runs.get(run.run)
        if seen is None or seen.uid != run.uid:
            failed.append(run.model_copy(update={"message": RUN_DELETED}))
        elif seen.phase in UNSUCCESSFUL:
            failed.append(run.model_copy(update={"message": seen.message[:MAX_FAILURE]}))
        elif seen.phase is RunPhase.SUCCEEDED:
            succeeded += 1
        else:
            active.append(run)
    update = {"active_runs": tuple(active), "succeeded": status.succeeded + succeeded}
    return _failed(status.model_copy(update=update), failed)


def _failed(status: BackfillStatus, runs: Sequence[BackfillRun]) -> BackfillStatus:
    if not runs:
        return status
    newest = (*runs, *status.failed_runs)[:MAX_FAILED_RUNS]
    return status.model_copy(update={"failed": status.failed + len(runs), "failed_runs": newest})
