"""Executions by time, by state and by text, of one job or of all: what a command asks for, and how they are shown.
Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from dkron_cli.core.moments import EVER, MINUTE, Period, Range
from dkron_cli.core.run import (
    attempt_json,
    attempts_of_dkron,
    result_of,
    started_of,
    time_json,
    took_of,
    waited_of,
    why_of,
)
from dkron_cli.core.table import Table, table
from dkron_crds.schedule.instants import rfc3339
from dkron_reports.job import Job
from dkron_reports.reading import Object
from dkron_reports.run import Attempt, Result, Run

MOST = 1000
"""Executions in one answer of the REST API."""
FEWEST = 100
RETRIES = timedelta(hours=1)
"""How far beyond a range attempts are read that belong to a run in it."""
TICK = timedelta(milliseconds=1)


class State(StrEnum):
    """How an execution or a run stands; a run that failed for some members has failed."""

    SUCCESS = "success"
    FAILED = "failed"
    RUNNING = "running"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Filter:
    """The executions that a command asks for: those that ended in a range, or ran at a moment; with this state, and
    with this text in their output. Empty fields ask for all. `limit` is for one answer."""

    ended: Range = EVER
    at: datetime | None = None
    state: str = ""
    text: str = ""
    limit: int = MOST

    def query(self) -> list[tuple[str, str]]:
        """Return the query of the REST API."""
        times = {"from": self.ended.begin, "to": self.ended.end, "at": self.at}
        found = [(key, rfc3339(at)) for key, at in times.items() if at is not None]
        found += [(key, text) for key, text in (("state", self.state), ("q", self.text)) if text]
        return [*found, ("limit", str(self.limit))]

    def takes(self, attempt: Attempt, now: datetime) -> bool:
        """Whether an attempt is one of them, as far as its fields say: a server may know none of these filters."""
        if self.at is not None and not _ran_at(attempt, self.at):
            return False
        if self.state and state_of(attempt) != self.state:
            return False
        return self.ended.has(now if attempt.finished is None else attempt.finished)


@dataclass(frozen=True, slots=True)
class Listed:
    """An execution, and the job that it is of. The namespace is empty if the server does not tell."""

    namespace: str
    job: str
    attempt: Attempt


def listed_of_dkron(executions: Iterable[Object], *, problem: str = "") -> list[Listed]:
    """Return the executions of a list in Dkron's JSON. `problem` is the one of their job, as in `attempts_of_dkron`."""
    known = list(executions)
    return [
        Listed("", str(raw.get("job_name") or ""), attempt)
        for raw, attempt in zip(known, attempts_of_dkron(known, problem=problem), strict=True)
    ]


def of_statuses(known: Iterable[tuple[Job, Attempt]], wanted: Filter, now: datetime) -> list[Listed]:
    """Return the wanted executions of those that statuses show, with the text in the end of the output that they
    keep."""
    taken = ((job, each) for job, each in known if wanted.takes(each, now) and wanted.text in each.output)
    return newest_first(Listed(job.namespace, job.name, each) for job, each in taken)


def newest_first(found: Iterable[Listed]) -> list[Listed]:
    """Return the executions: those that run, and the others by their ends."""

    def place(each: Listed) -> tuple[bool, float]:
        end = each.attempt.finished
        return end is not None, 0.0 if end is None else -end.timestamp()

    return sorted(found, key=place)


def state_of(attempt: Attempt) -> State:
    """Return the state of an attempt."""
    if attempt.finished is None:
        return State.WAITING if attempt.waits else State.RUNNING
    return State.SUCCESS if attempt.success else State.FAILED


def of_runs(ended: Range, state: str, count: int) -> Filter:
    """Return the filter that finds the newest runs of a job. All attempts decide how a run stands, so the server must
    not choose among them."""
    limit = MOST if state else min(max(FEWEST, 2 * count), MOST)
    return Filter(ended.widened(RETRIES), limit=limit)


def is_run(run: Run, ended: Range, state: str, now: datetime) -> bool:
    """Whether a run ended in a range, and has a state."""
    result = State.FAILED if run.result is Result.PARTIALLY_FAILED else run.result
    return ended.has(run.finished or now) and state in ("", result)


def during(period: Period, now: datetime) -> tuple[Filter, Filter]:
    """Return the filters that find all that ran in a period: those that ran at its last moment, and those that ended in
    it or near it, since the clock of the server may differ."""
    ended = Range(period.begin, period.end).widened(MINUTE)
    return Filter(at=min(period.end - TICK, now)), Filter(ended)


def ran_in(attempt: Attempt, period: Period) -> bool:
    """Whether an attempt ran in a period."""
    begun = attempt.begun and not attempt.never_began and attempt.started is not None and attempt.started < period.end
    return begun and (attempt.finished is None or attempt.finished >= period.begin)


def distinct(found: Iterable[Listed]) -> list[Listed]:
    """Return the executions, each once."""
    return list({(each.namespace, each.job, each.attempt.id): each for each in found}.values())


def execution_json(each: Listed) -> Object:
    """Return an execution as `runs --at` and `export --executions` have it. docs/cli.md says that it does not
    change."""
    attempt = each.attempt
    return {
        "namespace": each.namespace, "job": each.job, "group": str(attempt.group), "slot": time_json(attempt.slot),
        "trigger": attempt.trigger, **attempt_json(attempt),
    }  # fmt: skip


def execution_table(found: Sequence[Listed], *, now: datetime, namespaces: bool, jobs: bool = True) -> Table:
    """Return the table of executions; `jobs` is whether it has their names."""
    rows = [
        (
            each.namespace if namespaces else "", each.job if jobs else "", started_of(one), one.trigger,
            str(one.number), one.member, result_of(one), took_of(one, now), waited_of(one, now), why_of(one, now),
            one.id,
        )
        for each in found
        for one in (each.attempt,)
    ]  # fmt: skip
    columns = (
        "NAMESPACE", "JOB", "STARTED", "TRIGGER", "ATTEMPT", "MEMBER", "RESULT", "TOOK", "WAITED", "WHY", "EXECUTION",
    )  # fmt: skip
    return table(columns, rows, spare=("ATTEMPT", "MEMBER", "WAITED", "TRIGGER", "TOOK"))


def _ran_at(attempt: Attempt, at: datetime) -> bool:
    begun = attempt.begun and attempt.started is not None and attempt.started <= at
    return begun and (attempt.finished is None or at < attempt.finished)
