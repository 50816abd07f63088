"""Short facts for tables: seconds after the beginning, and a job called "a"."""

from datetime import timedelta
from typing import Any

from dkron_crds.job import Attempt, GroupStatus, JobSpec, JobStatus, Skipped, SkipReason, Trigger
from tests.chaos.history import Act, Fault, History, Operation, Record, Run, Since, Terms
from tests.chaos.reading import Fact, gathered
from tests.unit.chaos.model import TERMS, at, execution

UID = "uid-a"


def spec(schedule: str = "*/10 * * * * *", **more: Any) -> JobSpec:
    """A spec in the words of the API."""
    return JobSpec.from_wire({"schedule": schedule, "history": {"executions": 100}, **more})


def made(of: JobSpec, *, when: float = 0.5, answered: bool = True) -> Operation:
    """The job is created, a little after the beginning."""
    known: dict[str, Any] = {"uid": UID, "created": at(int(when)), "answered": at(when + 0.1)} if answered else {}
    return Operation(act=Act.CREATE, job="a", invoked=at(when), spec=of, **known)


def asked(act: Act, when: float, *, answered: bool = True, **more: Any) -> Operation:
    """Something is asked for, and answered at once."""
    return Operation(act=act, job="a", invoked=at(when), answered=at(when + 0.1) if answered else None, **more)


def ran(slot: float, *, late: float = 0.5, lasts: float | None = 2, success: bool = True, **more: Any) -> Run:
    """A run of that slot; one that lasts None has no end."""
    attempt, trigger = more.get("attempt", 1), more.get("trigger", Trigger.SCHEDULE)
    begin = slot + late
    end = None if lasts is None else at(begin + lasts)
    fields = {"name": f"a-{slot}-{trigger}-{attempt}", "job": "a", "uid": UID, **more}
    return Run(slot=at(slot), start=at(begin), end=end, success=success if end else None, **fields)


def broke(begin: float, end: float | None, *, down: bool = True, **more: Any) -> Fault:
    """Something is broken."""
    return Fault(what="it broke", begin=at(begin), end=None if end is None else at(end), down=down, **more)


def told(*runs: Run, skipped: int = 0, **more: Any) -> Record:
    """The record that these runs and so many skipped slots leave."""
    executions = tuple(_execution(run) for run in runs if run.end is not None)
    status = JobStatus(
        executions=executions,
        success_count=sum(it.success for it in executions),
        error_count=sum(not it.success for it in executions),
        skipped=Skipped(count=skipped, last_time=at(0), last_reason=SkipReason.MISSED) if skipped else None,
        status=_outcome(runs[-1]) if runs else GroupStatus.NEVER,
        last_schedule_time=max((run.slot for run in runs), default=None),
    )
    return Record(job="a", uid=UID, read=TERMS.read, status=status.model_copy(update=more))


def noticed(since: float) -> Since:
    """The status said that slots count from then."""
    return Since(job="a", uid=UID, since=at(since))


def history(*facts: Fact, read: float = 40) -> History:
    """All of them, read after so many seconds."""
    terms = Terms(
        read=at(read), lateness=TERMS.lateness, recovery=TERMS.recovery, start=TERMS.start, grain=timedelta(seconds=0.5)
    )
    return gathered([terms, *facts])


def _outcome(run: Run) -> GroupStatus:
    return GroupStatus.SUCCESS if run.success else GroupStatus.FAILED


def _execution(run: Run) -> Attempt:
    assert run.end is not None
    return execution(run, run.end, success=bool(run.success), reason="" if run.success else "Error")
