"""Which attempts become inline calls, and which slots are claimed ahead for them (docs/adr/0018, docs/adr/0030).

The operator makes an inline call itself, without a Job, so a call leaves nothing that could be found by name. The
operator claims each call first: an entry in `status.active`, accepted by the API server, that names the process that
makes the call. Only that process knows how the call goes. If the process is gone, the call is undecided: it may have
been made or not, and it is not repeated.

One claim per call costs one write per call. If a job is called about once a second, the same write claims its next
slots too: its window. Within the window, the process that holds the claim calls each slot at its time, and writes the
results with the next claim.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from zlib import crc32

from dkron_crds.attempt_names import EPOCH
from dkron_crds.job import Attempt, AttemptState, Concurrency, Trigger, Window
from dkron_crds.status import MAX_AHEAD
from dkron_operator.plan.actions import CreateJob, WriteStatus
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.cause import is_call, scheduled
from dkron_operator.plan.status.changes import Decided, Started
from dkron_operator.plan.status.window import Reserved
from dkron_operator.plan.steps.slots import timeline
from dkron_pods.inline import is_inline

SPAN = timedelta(seconds=3)
"""How far ahead slots are claimed. The record of a call waits at most this long, and a crash leaves undecided only the
slots of one span and the calls still under way."""
SOON = timedelta(seconds=1)
"""If the claim of a single call is due within this time, other pending changes wait for its write."""
CLOSEST = SPAN / 2
"""Slots further apart are claimed one by one: a window would not hold two of them."""


def plan_window(plan: Plan) -> None:
    """Keep, release or give up what is left of a window. Runs before every step that moves the mark."""
    window, situation = plan.status.window, plan.situation
    if window is None:
        return
    if window.caller == situation.signature:
        if not _holds(plan):
            plan.record(Reserved(window.caller))
            # Write the release first: after a crash, no process may find these slots claimed.
            plan.do(WriteStatus())
    elif situation.caller or situation.policy_violation is not None or not is_inline(situation.job.spec):
        _give_up(plan, window)


def _holds(plan: Plan) -> bool:
    """Whether the claim is valid: this process makes calls, the spec is unchanged, no pause holds the job."""
    situation = plan.situation
    untouched = plan.status.observed_generation == situation.job.generation
    runs = timeline(plan) is not None and plan.hold is None
    return bool(situation.caller) and untouched and is_inline(situation.job.spec) and runs


def _give_up(plan: Plan, window: Window) -> None:
    """The process that claimed the slots is gone. Slots that were due may have been called and become undecided. Slots
    still to come may yet be called, if that process is only disconnected."""
    job, now = plan.situation.job, plan.situation.now
    for slot in window.slots:
        if slot > now:
            plan.wake_at(slot)
            return
        entry = scheduled(slot).entry(uid=job.uid, name=job.name, at=slot)
        plan.record(Started(_called_by(window.caller, entry)))
        plan.record(Decided(slot))


def plan_calls(plan: Plan) -> None:
    """If the job runs without pods, turn the Job to create into an inline call."""
    create, caller = plan.create, plan.situation.caller
    if create is None or create.late or not is_inline(plan.situation.job.spec):
        return
    # Without a caller, another process makes the calls, or none does yet. A change of that plans the job again.
    plan.create = _as_call(plan, create, _called_by(caller, create.entry)) if caller else None


def next_claim(plan: Plan) -> datetime | None:
    """When the next claim writes the status, if other changes may wait for it; None otherwise."""
    status, job = plan.status, plan.situation.job
    if not is_inline(job.spec) or job.stops or status.next is None:
        return None
    if status.window is not None:
        return status.window.slots[-1] + CLOSEST
    return status.next if status.next - plan.situation.now <= SOON else None


def _called_by(caller: str, entry: Attempt) -> Attempt:
    return entry.model_copy(update={"uid": caller, "state": AttemptState.RUNNING})


def _as_call(plan: Plan, create: CreateJob, entry: Attempt) -> CreateJob:
    window = plan.status.window
    if window is not None and window.caller == entry.uid and _is_slot(entry) and entry.slot in window.slots:
        return replace(create, entry=entry, after=(*create.after, Started(entry)), call=True)
    others = tuple(c for c in create.before if not (isinstance(c, Started) and c.entry.job == entry.job))
    older = tuple(e.job for e in plan.status.active if is_call(e) and e.group < entry.group)
    return replace(
        create,
        entry=entry,
        before=(*others, *create.after, Started(entry), *_reserved(plan, entry)),
        after=(),
        otherwise=(),
        call=True,
        cancels=older if plan.situation.job.spec.concurrency is Concurrency.REPLACE else (),
    )


def _is_slot(entry: Attempt) -> bool:
    return entry.trigger is Trigger.SCHEDULE and entry.attempt == 1


def _reserved(plan: Plan, entry: Attempt) -> tuple[Reserved, ...]:
    """The slots that are claimed together with this one."""
    if not _is_slot(entry) or plan.status.window is not None or not _may_wait(plan):
        return ()
    kept = plan.situation.job.spec.history.executions
    # All that is written at once has to find a place in the history, where others look for it.
    slots = tuple(islice(_slots_of_span(plan, entry.slot), max(0, min(kept - 1, MAX_AHEAD))))
    close = bool(slots) and slots[0] - entry.slot <= CLOSEST
    return (Reserved(entry.uid, slots),) if close else ()


def _may_wait(plan: Plan) -> bool:
    """Whether the run does not depend on others, and no other job waits for its record."""
    spec, dependencies = plan.situation.job.spec, plan.situation.dependencies
    return spec.concurrency is Concurrency.ALLOW and not (spec.ephemeral or spec.pools or dependencies.children)


def _slots_of_span(plan: Plan, slot: datetime) -> Iterator[datetime]:
    line, end = timeline(plan), _end_of_span(plan.situation.job.uid, slot)
    following = None if line is None else line.next(slot)
    while line is not None and following is not None and following < end:
        yield following
        following = line.next(following)


def _end_of_span(uid: str, slot: datetime) -> datetime:
    """The end of the slot's span. Each job has its own borders, so that not all write in the same second."""
    shift = timedelta(milliseconds=crc32(uid.encode()) % (SPAN // timedelta(milliseconds=1)))
    return slot + SPAN - (slot - EPOCH + shift) % SPAN
