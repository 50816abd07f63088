"""How much a verdict has required of lines, of pools, of DkronRuns, of pauses and of backfills, in one row. Pure."""

from collections.abc import Collection, Iterator, Sequence

from dkron_crds.job import Attempt
from dkron_crds.run import RunPhase
from tests.chaos.asked import Asked
from tests.chaos.backfilled import Backfill
from tests.chaos.case import Case
from tests.chaos.history import Paused
from tests.chaos.needs import Need


def required(
    pauses: Collection[Paused], cases: Sequence[Case], runs: Sequence[Asked], backfills: Sequence[Backfill]
) -> str:
    """What had to run, and what must not; empty if a history has none of these."""
    return "; ".join(
        [*_of_lines(cases), *_of_pools(cases), *_of_runs(runs), *_of_pauses(pauses, cases), *_of_backfills(backfills)]
    )


def _of_lines(cases: Sequence[Case]) -> Iterator[str]:
    waited = sum(len(_waited(case)) for case in cases)
    held = [(case, target) for case in cases for target in case.targets if case.has_line(target.due.specs)]
    must = sum(target.need is Need.MUST and not case.may_have_left(target) for case, target in held)
    if held:
        yield f"of {len(held)} slots of jobs with a line {must} had to run in their turn, and {waited} runs have waited"


def _of_pools(cases: Sequence[Case]) -> Iterator[str]:
    pooled = [case for case in cases if case.crowd is not None]
    ran, waited = (sum(len(of) for of in each) for each in ([case.groups for case in pooled], map(_waited, pooled)))
    if pooled:
        yield f"of {ran} runs of jobs with a pool {waited} have waited"


def _waited(case: Case) -> list[Attempt]:
    return [execution for execution in case.executions.values() if execution.queued_at is not None]


def _of_runs(runs: Sequence[Asked]) -> Iterator[str]:
    asked = [run for run in runs if not run.backfill]
    must = sum(run.need is Need.MUST for run in asked)
    refused = sum(run.phase is RunPhase.REFUSED for run in asked)
    if asked:
        yield f"of {len(asked)} DkronRuns {must} had to run, {refused} were refused"


def _of_pauses(pauses: Collection[Paused], cases: Sequence[Case]) -> Iterator[str]:
    held = [target for case in cases for target in case.targets if target.held]
    must, never = (sum(target.need is need for target in held) for need in (Need.MUST, Need.NEVER))
    if pauses:
        times = len({(pause.begin, pause.end) for pause in pauses})
        yield f"of {len(held)} slots near {times} pauses {must} had to run after them, {never} must not run"


def _of_backfills(backfills: Sequence[Backfill]) -> Iterator[str]:
    slots, must = (sum(len(part) for part in of) for of in _slots(backfills))
    ran = sum(len(each.groups) for each in backfills)
    if backfills:
        yield f"of {slots} slots of {len(backfills)} backfills {must} had to run, {ran} ran"


def _slots(backfills: Sequence[Backfill]) -> Iterator[Sequence[Sequence[object]]]:
    yield [each.slots for each in backfills]
    yield [each.began for each in backfills]
