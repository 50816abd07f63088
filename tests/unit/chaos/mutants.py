"""One thing made wrong in a history that is right, and what the checker has to call it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from dkron_crds.job import AttemptState, GroupStatus, JobStatus, Skipped, SkipReason, Trigger
from tests.chaos.history import History, Run
from tests.chaos.objections import Kind
from tests.unit.chaos import places
from tests.unit.chaos.model import TERMS, active
from tests.unit.chaos.places import SECOND, later


@dataclass(frozen=True)
class Mutant:
    """`places` are the runs that it can be done to, `change` does it, and one of the `kinds` is due."""

    places: Callable[[History], list[Run]]
    change: Callable[[History, Run], History]
    kinds: frozenset[Kind]


def without(history: History, run: Run) -> History:
    """The witness never saw it."""
    return history.with_runs(*(other for other in history.runs if other is not run))


def lost(history: History, run: Run) -> History:
    """It never was, and no record says that it was."""
    return without(rewritten(history, run, _unrecorded), run)


def hushed(history: History, run: Run) -> History:
    """It never was, and the status says that another run stood in its way."""
    return rewritten(lost(history, run), run, lambda status, run: _skipped(status, run, 1))


def doubled(history: History, run: Run) -> History:
    """A second Job for the same attempt."""
    return history.with_runs(*history.runs, replace(run, name=f"{run.name}-again"))


def belated(history: History, run: Run) -> History:
    """It ran later than it may."""
    return moved(history, run, TERMS.lateness + TERMS.start + 2 * SECOND)


def hasty(history: History, run: Run) -> History:
    """It ran before its slot."""
    return moved(history, run, -3 * SECOND)


def moved(history: History, run: Run, by: timedelta) -> History:
    """It ran at another time."""
    assert run.start is not None
    assert run.end is not None
    return changed(history, run, replace(run, start=run.start + by, end=run.end + by))


def shifted(history: History, run: Run) -> History:
    """It ran for a slot that is none, and all agree on it."""
    slot = run.slot + timedelta(milliseconds=500)
    told = rewritten(history, run, lambda status, run: _retold(status, run, slot=slot))
    return changed(told, run, replace(run, slot=slot))


def cut(history: History, run: Run) -> History:
    """The witness never saw its end."""
    return changed(history, run, replace(run, end=None, success=None))


def swapped(history: History, run: Run) -> History:
    """It and another one have each other's slot, and there is no record to tell."""
    other = later(history, run)
    assert other is not None
    swapped = changed(history, run, replace(run, slot=other.slot))
    return replace(changed(swapped, other, replace(other, slot=run.slot)), records=())


def exchanged(history: History, run: Run) -> History:
    """It belongs to another job."""
    other = next(other for other in history.runs if other.uid != run.uid)
    return changed(history, run, replace(run, job=other.job, uid=other.uid))


def overlapping(history: History, run: Run) -> History:
    """It ends two seconds after the next one of its job began."""
    other = later(history, run)
    assert other is not None
    return changed(history, run, replace(run, end=other.began + 2 * SECOND))


def repeated(history: History, run: Run) -> History:
    """Its last attempt succeeded, and there is one more."""
    return _tried_again(history, run, run.attempt + 1)


def insisted(history: History, run: Run) -> History:
    """It failed, and so did as many attempts more as are allowed, and another one."""
    return _tried_again(history, run, 9)


def uncalled(history: History, run: Run) -> History:
    """A client seems to have asked for it."""
    return history.with_runs(*history.runs, replace(run, name=f"{run.name}-x", trigger=Trigger.MANUAL, group=1))


def rewritten(history: History, run: Run, change: Callable[[JobStatus, Run], JobStatus]) -> History:
    """Its job's record is another one."""
    records = (
        replace(record, status=change(record.status, run)) if record.uid == run.uid else record
        for record in history.records
    )
    return replace(history, records=tuple(records))


def changed(history: History, run: Run, into: Run) -> History:
    """It was another run."""
    return history.with_runs(*(into if other is run else other for other in history.runs))


def _with(status: JobStatus, /, **fields: object) -> JobStatus:
    return status.model_copy(update=fields)


def _tried_again(history: History, run: Run, attempt: int) -> History:
    assert run.end is not None
    begin = run.end + SECOND
    again = replace(run, name=f"{run.name}-more", attempt=attempt, start=begin, end=begin + SECOND)
    return history.with_runs(*history.runs, again)


def _unrecorded(status: JobStatus, run: Run) -> JobStatus:
    kept = tuple(execution for execution in status.executions if execution.job != run.name)
    return _counted(_with(status, executions=kept), run, -1)


def _retold(status: JobStatus, run: Run, **fields: object) -> JobStatus:
    """Its execution says something else."""
    told = (it.model_copy(update=fields) if it.job == run.name else it for it in status.executions)
    return _with(status, executions=tuple(told))


def _contrary(run: Run) -> AttemptState:
    return AttemptState.FAILED if run.success else AttemptState.SUCCEEDED


def _skipped(status: JobStatus, run: Run, count: int) -> JobStatus:
    before = status.skipped.count if status.skipped else 0
    skipped = Skipped(count=before + count, last_time=run.slot, last_reason=SkipReason.CONCURRENCY_FORBIDDEN)
    return _with(status, skipped=skipped)


def _counted(status: JobStatus, run: Run, by: int) -> JobStatus:
    count = "success_count" if run.success else "error_count"
    return _with(status, **{count: getattr(status, count) + by})


def _twice(status: JobStatus, run: Run) -> JobStatus:
    told = next(it for it in status.executions if it.job == run.name)
    return _with(status, executions=(*status.executions, told))


def _reversed(status: JobStatus, _: Run) -> JobStatus:
    good = status.status is GroupStatus.SUCCESS
    return _with(status, status=GroupStatus.FAILED if good else GroupStatus.SUCCESS)


def _told(change: Callable[[JobStatus, Run], JobStatus]) -> Callable[[History, Run], History]:
    """The record of its job says something else."""
    return lambda history, run: rewritten(history, run, change)


def _mutant(where: Callable[[History], list[Run]], change: Callable[[History, Run], History], *kinds: Kind) -> Mutant:
    return Mutant(where, change, frozenset(kinds))


MUTANTS = {
    "drop": _mutant(places.recorded, without, Kind.RECORD),
    "lose": _mutant(places.unasked, lost, Kind.UNSATISFIED, Kind.RECORD, Kind.ATTEMPTS),
    "hush up": _mutant(places.undisturbed, hushed, Kind.UNSATISFIED),
    "double": _mutant(places.recorded, doubled, Kind.DOUBLE),
    "run too late": _mutant(places.calm, belated, Kind.UNTIMELY),
    "run too soon": _mutant(places.calm, hasty, Kind.UNTIMELY),
    "shift the slot": _mutant(places.anchored, shifted, Kind.EXTRA),
    "cut": _mutant(places.recorded, cut, Kind.UNFINISHED),
    "swap two runs": _mutant(places.followed, swapped, Kind.UNTIMELY),
    "swap jobs": _mutant(places.of_two, exchanged, Kind.RECORD, Kind.EXTRA),
    "overlap": _mutant(places.exclusive, overlapping, Kind.OVERLAP),
    "attempt after a success": _mutant(places.successful, repeated, Kind.ATTEMPTS),
    "too many attempts": _mutant(places.recorded, insisted, Kind.ATTEMPTS),
    "run unasked": _mutant(places.recorded, uncalled, Kind.EXTRA),
    # Of the status.
    "double-count a success": _mutant(
        places.recorded, _told(lambda status, _: _with(status, success_count=status.success_count + 1)), Kind.RECORD
    ),
    "double-count a failure": _mutant(
        places.settled, _told(lambda status, _: _with(status, error_count=status.error_count + 1)), Kind.RECORD
    ),
    "forget to count": _mutant(places.settled, _told(lambda status, run: _counted(status, run, -1)), Kind.RECORD),
    "record twice": _mutant(places.recorded, _told(_twice), Kind.RECORD),
    "record the contrary": _mutant(
        places.settled, _told(lambda status, run: _retold(status, run, state=_contrary(run))), Kind.RECORD
    ),
    "leave it running": _mutant(
        places.settled,
        _told(lambda status, run: _with(status, active=(*status.active, active(run, run.began)))),
        Kind.RECORD,
    ),
    "misjudge the newest run": _mutant(places.quiet, _told(_reversed), Kind.RECORD),
    "count slots again": _mutant(
        places.calm, _told(lambda status, run: _with(status, since=run.slot)), Kind.RECORD, Kind.EXTRA
    ),
    "skip too much": _mutant(places.accountable, _told(lambda status, run: _skipped(status, run, 99)), Kind.RECORD),
}
