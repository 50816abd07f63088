"""Operators with a mistake, which the simulation has to find: each breaks one rule of the protocol (docs/adr/0001)."""

import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from dkron_crds.job import Active, Dependency, Heard, JobStatus, Trigger
from dkron_crds.spec import History
from dkron_kube.paths import DKRON_JOBS
from dkron_operator.act import create
from dkron_operator.act.create import JobCreator
from dkron_operator.act.status_writer import StatusWriter
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.plan import advance, attempts, chain, fold
from dkron_operator.plan.actions import CreateJob
from dkron_operator.plan.cause import Cause
from dkron_operator.plan.changes import Change, Decided, Finished, Started
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.slots import plan_pause, plan_slots
from dkron_operator.plan.stop_requests import plan_stops, stop_of
from dkron_operator.plan.view import Outcome
from dkron_operator.reconcile.verify import CacheVerifier
from dkron_operator.watch.resync import Resync

Mutant = Callable[[], AbstractContextManager[Any]]


def _mark_before_effect() -> AbstractContextManager[Any]:
    """A slot is written down as decided, and its Job made after that."""
    create: Callable[..., Awaitable[None]] = JobCreator.__call__

    async def fire_late(self: JobCreator, entry: CachedJob, wanted: CreateJob) -> None:
        await self._writer.claim(entry, wanted.after)
        await create(self, entry, wanted)

    return patch.object(JobCreator, "__call__", fire_late)


def _name_without_slot() -> AbstractContextManager[Any]:
    """The name of a Job does not follow from its cause."""

    def job_name(_: Cause, *, uid: str, name: str) -> str:
        return f"{name}-{uid[-4:]}-{random.getrandbits(40):x}"

    return patch.object(Cause, "job_name", job_name)


def _any_owner() -> AbstractContextManager[Any]:
    """A Job of that name is taken for ours, whoever owns it."""
    return patch.object(create, "_same", lambda *_: True)


def _no_conflicts() -> AbstractContextManager[Any]:
    """A status is written over whatever is there."""

    async def send(self: StatusWriter, entry: CachedJob, body: dict[str, Any]) -> int:
        answer = await self._client.patch_status(DKRON_JOBS, entry.job.namespace, entry.job.name, {"status": body})
        self._store.metrics.wrote(entry.accounting.taken())
        return int(answer["metadata"]["resourceVersion"])

    return patch.object(StatusWriter, "_send", send)


def _count_twice() -> AbstractContextManager[Any]:
    """An outcome counts as often as it is folded."""
    right = fold.fold

    def fold_again(status: JobStatus, change: Change, history: History) -> JobStatus:
        if isinstance(change, Finished) and fold.is_recorded(status, change.execution.job):
            kept = tuple(each for each in status.executions if each.job != change.execution.job)
            counted = tuple(name for name in status.counted if name != change.execution.job)
            status = status.model_copy(update={"executions": kept, "counted": counted})
        return right(status, change, history)

    return patch.object(fold, "fold", fold_again)


def _forget_uncertain() -> AbstractContextManager[Any]:
    """A create without an answer is taken for none."""
    right: Callable[..., Awaitable[None]] = JobCreator._carry_out

    async def carry_out(self: JobCreator, entry: CachedJob, create: CreateJob, firing: Any) -> None:
        try:
            await right(self, entry, create, firing)
        finally:
            if entry.remembered.unconfirmed_create is not None:
                entry.remembered.unconfirmed_create = None
                entry.record(*create.after)

    return patch.object(JobCreator, "_carry_out", carry_out)


def _believe_lists() -> AbstractContextManager[Any]:
    """What a list shows of a job is so, however old it is."""
    return patch.object(Plan, "acts", False)


def _believe_sights() -> AbstractContextManager[Any]:
    """Whatever Job is seen is there."""

    async def trusts(*_: object) -> bool:
        return False

    return patch.object(CacheVerifier, "was_behind", trusts)


def _lost_without_job() -> AbstractContextManager[Any]:
    """Of some slots no Job is made, and the record says that somebody has deleted it."""
    right: Callable[..., Awaitable[None]] = JobCreator._carry_out

    async def carry_out(self: JobCreator, entry: CachedJob, create: CreateJob, firing: Any) -> None:
        wanted = create.entry
        if wanted.trigger is not Trigger.SCHEDULE or wanted.attempt > 1 or wanted.slot.second % 3:
            await right(self, entry, create, firing)
            return
        lost = Outcome(success=False, finished_at=self._clock.now(), lost=True)
        entry.observed.outcomes[wanted.job] = lost
        entry.record(*create.after, Started(wanted))

    return patch.object(JobCreator, "_carry_out", carry_out)


def _never_sweep() -> AbstractContextManager[Any]:
    """When a watch lists anew, nobody looks for what vanished before."""
    return patch.object(Resync, "want", lambda _: None)


def _late_stops() -> AbstractContextManager[Any]:
    """What has a wish to be stopped was stopped, however it has ended."""
    right = attempts._ended

    def ended(plan: Plan, entry: Active, outcome: Outcome, retry: Active | None = None) -> Finished:
        if stop_of(plan.situation.job, entry) is not None:
            outcome = replace(outcome, success=False, reason="Stopped")
        return right(plan, entry, outcome, retry)

    return patch.object(attempts, "_ended", ended)


def _deaf_to_stops() -> AbstractContextManager[Any]:
    """Nobody stops anything."""
    return patch.object(advance, "STEPS", tuple(step for step in advance.STEPS if step is not plan_stops))


def _deaf_to_parents() -> AbstractContextManager[Any]:
    """Of the runs of a parent, those of dependents are not heard of."""
    right = chain._shown

    def shown(plan: Plan, link: Dependency) -> list[Heard]:
        return [run for run in right(plan, link) if not link.job.startswith("c")]

    return patch.object(chain, "_shown", shown)


def _lost_when_gone() -> AbstractContextManager[Any]:
    """A Job that is gone was lost, also if it had said how it ended."""
    right = attempts._ended

    def ended(plan: Plan, entry: Active, outcome: Outcome, retry: Active | None = None) -> Finished:
        run = plan.situation.attempts.get(entry.job)
        if run is None or run.gone:
            outcome = replace(outcome, success=False, reason="JobLost")
        return right(plan, entry, outcome, retry)

    return patch.object(attempts, "_ended", ended)


def _deaf_to_pauses() -> AbstractContextManager[Any]:
    """Slots come due in a pause as ever."""

    def unheld(plan: Plan) -> None:
        held, plan.hold = plan.hold, None
        plan_slots(plan)
        plan.hold = held

    steps = (unheld if step is plan_slots else step for step in advance.STEPS)
    return patch.object(advance, "STEPS", tuple(steps))


def _forget_paused() -> AbstractContextManager[Any]:
    """What came due in a pause is decided when it ends, and neither runs nor is counted."""

    def forget(plan: Plan) -> None:
        if plan.status.paused is not None and plan.hold is None:
            plan.create = None
            plan.record(Decided(plan.situation.now))

    before = advance.STEPS.index(plan_pause)
    return patch.object(advance, "STEPS", (*advance.STEPS[:before], forget, *advance.STEPS[before:]))


MUTANTS: dict[str, Mutant] = {
    "mark-before-effect": _mark_before_effect,
    "name-without-slot": _name_without_slot,
    "any-owner": _any_owner,
    "no-conflicts": _no_conflicts,
    "count-twice": _count_twice,
    "forget-uncertain": _forget_uncertain,
    "believe-lists": _believe_lists,
    "believe-sights": _believe_sights,
    "lost-without-job": _lost_without_job,
    "never-sweep": _never_sweep,
    "late-stops": _late_stops,
    "deaf-to-stops": _deaf_to_stops,
    "lost-when-gone": _lost_when_gone,
    "deaf-to-parents": _deaf_to_parents,
    "deaf-to-pauses": _deaf_to_pauses,
    "forget-paused": _forget_paused,
}


@contextmanager
def broken(name: str | None) -> Iterator[None]:
    """Break the operator in this way; None leaves it as it is. Raises KeyError."""
    with nullcontext() if name is None else MUTANTS[name]():
        yield
