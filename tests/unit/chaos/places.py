"""To which runs of a right history something can be done so that what comes out is wrong, whatever else is going on."""

from datetime import timedelta

from dkron_crds.job import Concurrency, MissedRuns, Trigger
from tests.chaos.history import Act, History, Run
from tests.unit.chaos.model import TERMS

SECOND = timedelta(seconds=1)
MARGIN = TERMS.lateness + TERMS.recovery + TERMS.start + 2 * SECOND


def recorded(history: History) -> list[Run]:
    """Runs that were seen to end, and that stand in a record."""
    told = {execution.job for record in history.records for execution in record.status.executions}
    return [run for run in history.runs if run.end is not None and run.name in told]


def scheduled(history: History) -> list[Run]:
    """Of those, the first attempts by schedule."""
    return [run for run in recorded(history) if run.trigger is Trigger.SCHEDULE and run.attempt == 1]


def settled(history: History) -> list[Run]:
    """Of those with a record, whose record must have been written, and that nothing may have replaced."""
    return [
        run
        for run in recorded(history)
        if run.end and run.end < TERMS.read - MARGIN and Concurrency.REPLACE not in _concurrencies(history, run)
    ]


def successful(history: History) -> list[Run]:
    """Of those with a record, those that succeeded."""
    return [run for run in recorded(history) if run.success]


def calm(history: History) -> list[Run]:
    """First attempts by schedule that nothing was near: no change of the job, no outage, not the end."""
    return [run for run in scheduled(history) if _is_calm(history, run)]


def anchored(history: History) -> list[Run]:
    """Calm ones of a job of which it is known where each grid of `@every` begins."""
    return [run for run in calm(history) if _is_anchored(history, run)]


def accountable(history: History) -> list[Run]:
    """Recorded ones of a job that no client changed, so that all of its slots are known."""
    return [run for run in recorded(history) if not _is_edited(history, run)]


def unasked(history: History) -> list[Run]:
    """Calm ones of a job that no client asked to run: a refused request is not always counted as skipped."""
    asked = {op.job for op in history.operations if op.act is Act.RUN}
    return [run for run in calm(history) if run.job not in asked]


def undisturbed(history: History) -> list[Run]:
    """Calm ones with nothing else of their job around them."""
    return [run for run in calm(history) if not any(_meet(run, other) for other in history.runs)]


def quiet(history: History) -> list[Run]:
    """Runs of a job whose record had time to be written: nothing of it ended lately, or goes on; and none may have been
    replaced in an outage."""
    recent = TERMS.read - MARGIN
    busy = {run.uid for run in history.runs if run.end is None or run.end > recent}
    claims = {record.uid for record in history.records if record.status.active}
    quiet = [run for run in recorded(history) if run.uid not in busy | claims]
    return [run for run in quiet if not (history.faults and Concurrency.REPLACE in _concurrencies(history, run))]


def followed(history: History) -> list[Run]:
    """First attempts by schedule that began well before the slot of a later one."""
    return [run for run in scheduled(history) if later(history, run) is not None]


def later(history: History, run: Run) -> Run | None:
    """A first attempt by schedule whose slot had not come when this one began."""
    others = (other for other in scheduled(history) if other.uid == run.uid)
    return next((other for other in others if run.began < other.slot - SECOND), None)


def exclusive(history: History) -> list[Run]:
    """Runs of a job that never was but forbid, with a later run by schedule."""
    return [
        run
        for run in scheduled(history)
        if _concurrencies(history, run) == {Concurrency.FORBID} and later(history, run) is not None
    ]


def of_two(history: History) -> list[Run]:
    """Runs, if several jobs have some."""
    return recorded(history) if len({run.uid for run in history.runs}) > 1 else []


def _is_anchored(history: History, run: Run) -> bool:
    return not _is_edited(history, run) or run.job in {since.job for since in history.sinces}


def _is_edited(history: History, run: Run) -> bool:
    return run.job in {op.job for op in history.operations if op.act in (Act.EDIT, Act.DISABLE, Act.ENABLE)}


def _is_calm(history: History, run: Run) -> bool:
    changes = (op.invoked for op in history.operations if op.act is not Act.RUN and op.job == run.job)
    return (
        not any(abs(run.slot - moment) < MARGIN for moment in changes)
        and not any(f.begin - MARGIN < run.slot < (f.end or TERMS.read) + MARGIN for f in history.faults)
        and run.slot < TERMS.read - MARGIN
        and not (history.faults and _in_a_row(history, run))
    )


def _in_a_row(history: History, run: Run) -> bool:
    """Whether it may have had to wait for missed runs before it."""
    specs = (op.spec for op in history.operations if op.job == run.job and op.spec)
    return any(spec.concurrency is Concurrency.FORBID and spec.missed_runs is MissedRuns.ALL for spec in specs)


def _concurrencies(history: History, run: Run) -> set[Concurrency]:
    return {op.spec.concurrency for op in history.operations if op.job == run.job and op.spec}


def _meet(run: Run, other: Run) -> bool:
    begin, end = run.slot - MARGIN, run.slot + MARGIN
    return (
        other is not run
        and other.uid == run.uid
        and min(other.slot, other.began) <= end
        and begin <= (other.end or TERMS.read)
    )
