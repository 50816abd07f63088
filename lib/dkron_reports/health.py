"""How one job stands: what an overview of many jobs needs, read once for each version of the object."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from dkron_crds.attempt_state import AttemptState
from dkron_crds.status import Day
from dkron_reports.agenda import first_of
from dkron_reports.installation import days_in
from dkron_reports.job import Job, condition, from_object
from dkron_reports.reading import Object, mapping, number, objects, whole
from dkron_reports.run import Attempt, Result, attempts_of, runs_of
from dkron_reports.troubles import Kind, Trouble, Troubles
from dkron_reports.words import read_time

RECENT = timedelta(hours=1)
"""How far back runs are kept for an overview."""


class State(StrEnum):
    """Whether a job runs by its schedule."""

    READY = "ready"
    PENDING = "pending"
    """The operator has not acted on it yet, or a parent may still appear."""
    SUSPENDED = "suspended"
    INVALID = "invalid"


class Recent(NamedTuple):
    """A finished run, in little memory. `late` are seconds after its slot; None unless a schedule caused it. `took` are
    whole seconds."""

    group: int
    started: datetime
    trigger: str
    result: Result
    attempts: int
    late: float | None
    took: int


@dataclass(frozen=True, slots=True)
class JobHealth:
    """How a job stands. `recent` are its finished runs that began within an hour before it was read, newest first;
    `running` are attempts that have begun."""

    job: Job
    state: State
    paused: bool
    troubles: Troubles
    recent: tuple[Recent, ...]
    running: tuple[Attempt, ...]
    waits: bool
    """Whether a run of it waits in line."""
    days: tuple[Day, ...]
    kept_since: datetime | None = None
    """From when on all of its runs are kept, if older ones of the last hour may be gone."""

    def troubled(self, now: datetime) -> list[Trouble]:
        """Return the troubles that the job has at this time."""
        return self.troubles.at(now)

    def first(self, now: datetime) -> datetime | None:
        """Return the first slot after `now`."""
        known = self.job.next
        return known if known is not None and known > now and self.state is State.READY else first_of(self.job, now=now)

    def words(self, troubled: Sequence[Trouble]) -> list[str]:
        """Return the words by which jobs are counted and filtered: the state, kinds of trouble, running, waiting,
        paused. `troubled` are the troubles that count."""
        found: list[str] = [self.state]
        if troubled:
            found += dict.fromkeys(each.kind for each in troubled if each.kind is not Kind.INVALID)
        if self.running:
            found.append("running")
        if self.waits:
            found.append("waiting")
        if self.paused:
            found.append("paused")
        return found

    def words_at(self, now: datetime) -> list[str]:
        """Return these words by the troubles that the job has at this time."""
        return self.words(self.troubled(now))


def health_of(
    raw: Object, *, now: datetime, changed: datetime | None = None, before: JobHealth | None = None
) -> JobHealth:
    """Return how the job of a DkronJob stands. `changed` is when its spec was last written, if that is known. `before`
    is how it stood, by an earlier version of the object: runs that were read then are not read again."""
    job = from_object(raw)
    status = mapping(raw, "status")
    suspended = condition(raw, "Suspended")
    active = attempts_of({"active": objects(status, "active")})
    return JobHealth(
        job=job,
        state=_state(job, raw),
        paused=suspended.get("status") == "True" and suspended.get("reason") == "Paused",
        troubles=Troubles(job, changed=changed),
        recent=_recent(status, now - RECENT, () if before is None else before.recent),
        running=tuple(each for each in active if each.begun and each.started is not None),
        waits=any(each.waits for each in active),
        days=days_in(status, "days"),
        kept_since=_kept_since(status, now - RECENT),
    )


def _state(job: Job, raw: Object) -> State:
    ready = condition(raw, "Ready")
    if ready.get("status") == "False":
        return State.PENDING if ready.get("reason") == "Pending" else State.INVALID
    if job.disabled or condition(raw, "Suspended").get("status") == "True":
        return State.SUSPENDED
    return State.READY if ready.get("status") == "True" else State.PENDING


def _kept_since(status: Object, start: datetime) -> datetime | None:
    """Return when the oldest execution began that is kept, if older ones are gone and it began later than `start`. An
    execution of a run that is active is kept longer, and tells nothing about others."""
    executions = objects(status, "executions")
    if number(status, "successCount") + number(status, "errorCount") <= len(executions):
        return None
    active = {whole(each.get("group")) for each in objects(status, "active")}
    oldest = next((each for each in reversed(executions) if whole(each.get("group")) not in active), None)
    began = None if oldest is None else read_time(oldest.get("startedAt"))
    return began if began is not None and began > start else None


def _recent(status: Object, start: datetime, before: Sequence[Recent]) -> tuple[Recent, ...]:
    """Return the finished runs since then, newest first. The executions are sorted by their starts, the newest first.
    A run that has finished does not change any more."""
    begin = start.strftime("%Y-%m-%dT%H:%M:%S")
    known = {run.group: run for run in before}
    found: dict[int, Recent] = {}
    fresh: dict[int, list[Object]] = {}
    for each in objects(status, "executions"):
        if str(each.get("startedAt")) < begin:
            break
        group = whole(each.get("group"))
        if group in known:
            found[group] = known[group]
        else:
            fresh.setdefault(group, []).append(each)
    active: dict[int, list[Object]] = {}
    for each in objects(status, "active") if fresh else ():
        active.setdefault(whole(each.get("group")), []).append(each)
    for group, ended in fresh.items():
        run = _run(group, active.get(group, ()), ended)
        if run is not None:
            found[group] = run
    return tuple(sorted(found.values(), key=lambda run: (run.started, run.group), reverse=True))


def _run(group: int, active: Sequence[Object], ended: Sequence[Object]) -> Recent | None:
    """Return the run of these attempts; None if it has not finished, or nothing tells when it started or finished."""
    if not active and len(ended) == 1:
        return _single(group, ended[0])
    (run,) = runs_of(attempts_of({"active": list(active), "executions": list(ended)}))
    if run.started is None or run.finished is None:
        return None
    late = None if run.late is None else run.late.total_seconds()
    took = _seconds(run.finished - run.started)
    return Recent(group, run.started, sys.intern(run.trigger), run.result, run.tries, late, took)


def _single(group: int, ended: Object) -> Recent | None:
    """Return the run of one attempt. Nearly all runs are such, and making an `Attempt` and a `Run` of each takes
    three times as long."""
    started, finished = read_time(ended.get("startedAt")), read_time(ended.get("finishedAt"))
    if started is None or finished is None:
        return None
    trigger, late = sys.intern(str(ended.get("trigger") or "")), None
    if trigger == "schedule":
        slot, queued = read_time(ended.get("slot")), ended.get("queuedAt")
        began = (read_time(queued) if queued else None) or started
        late = None if slot is None else max((began - slot).total_seconds(), 0.0)
    result = Result.SUCCESS if ended.get("state") == AttemptState.SUCCEEDED else Result.FAILED
    return Recent(group, started, trigger, result, whole(ended.get("attempt")) or 1, late, _seconds(finished - started))


def _seconds(length: timedelta) -> int:
    return max(0, round(length.total_seconds()))
