"""Translates a change of a job into the events of GET /v1/events, independent of their transport.

A job event means that the job as GET shows it has changed; an execution event, that an execution has begun or ended.
Data that only the operator needs (claims, marks) creates no event.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dkron_api.translate.execution import line_of, listed
from dkron_api.translate.readiness import obstacle
from dkron_api.translate.record import Job, Object
from dkron_crds.attempt_state import AttemptState
from dkron_reports.line import is_waiting

_SHOWN = ("successCount", "errorCount", "lastSuccess", "lastError", "status", "next")
"""Fields of the status that GET shows."""


class Topic(StrEnum):
    """The type of an event on the wire."""

    JOB = "job"
    EXECUTION = "execution"
    LEADER = "leader"
    RESYNC = "resync"


class Action(StrEnum):
    """The kind of change."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    QUEUED = "queued"
    STARTED = "started"
    FINISHED = "finished"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Event:
    """A change of the job with this Dkron name. An execution has the form of the list of executions."""

    topic: Topic
    action: Action
    job: str
    execution: Object | None = None


def differences(before: Job | None, after: Job | None) -> tuple[Event, ...]:
    """Return the events between two versions of the job of one name; None means that there is no job.

    The job's event comes first, then executions in the order in which they began or ended.
    """
    if after is None:
        return () if before is None else (_job(Action.DELETED, before),)
    if before is None:
        return (_job(Action.CREATED, after), *_executions(None, after))
    if before.uid != after.uid:
        return (*differences(before, None), *differences(None, after))
    updated = (_job(Action.UPDATED, after),) if _visible(before) != _visible(after) else ()
    return (*updated, *_executions(before, after))


def job_body(event: Event, rendered: bytes) -> bytes:
    """Return the JSON of a job event; `rendered` is the job as GET shows it."""
    return b'{"action":"%b","job":%b}' % (event.action.encode(), rendered)


def _job(action: Action, job: Job) -> Event:
    return Event(Topic.JOB, action, job.name)


def _visible(job: Job) -> tuple[Any, ...]:
    status = job.raw_status
    return (job.raw["spec"], obstacle(job), *(status.get(key) or None for key in _SHOWN))


def _executions(before: Job | None, after: Job) -> list[Event]:
    # An execution that ended before its start was seen has no start event.
    queued, started, ended = (_new(before, after, ids) for ids in (_waiting, _running, _ended))
    dropped = _dropped(before, after)
    if not (queued or started or ended or dropped):
        return []
    items = {item["id"]: item for item in _listed(after, {*queued, *started, *ended})}
    if before is not None and dropped:
        items |= {item["id"]: item for item in _listed(before, {*dropped})}
    news = [(Action.QUEUED, key) for key in queued] + [(Action.STARTED, key) for key in started]
    news += [(Action.FINISHED, key) for key in reversed(ended)] + [(Action.DROPPED, key) for key in dropped]
    return [Event(Topic.EXECUTION, action, after.name, items[key]) for action, key in news if key in items]


def _dropped(before: Job | None, after: Job) -> list[str]:
    """Return the ids of attempts that waited in line and never began: they leave no record. Of one that began, only the
    name of the Job stays the same."""
    if before is None or not (waited := _claims_in_line(before)):
        return []
    status = after.raw_status
    there = {entry["job"] for field in ("active", "executions") for entry in status.get(field) or ()}
    return [entry["id"] for entry in waited if entry["job"] not in there]


def _listed(job: Job, ids: set[str]) -> list[Object]:
    return listed(_excerpt(job, ids), {}, line=line_of(job))


def _excerpt(job: Job, ids: set[str]) -> Job:
    """Return the job with only these executions: parsing all of them, for one, would dominate the cost."""
    kept = {
        field: [entry for entry in job.raw_status.get(field) or () if entry["id"] in ids]
        for field in ("active", "executions")
    }
    return Job({**job.raw, "status": kept})


def _new(before: Job | None, after: Job, ids: Callable[[Job], list[str]]) -> list[str]:
    known = set() if before is None else set(ids(before))
    return [key for key in ids(after) if key not in known]


def _running(job: Job) -> list[str]:
    """Return the ids of attempts that have begun."""
    active = job.raw_status.get("active") or ()
    return [entry["id"] for entry in active if entry.get("state") == AttemptState.RUNNING]


def _waiting(job: Job) -> list[str]:
    """Return the ids of attempts that wait in line or in a queue."""
    return [entry["id"] for entry in _claims_in_line(job)]


def _claims_in_line(job: Job) -> list[Object]:
    return [entry for entry in job.raw_status.get("active") or () if is_waiting(entry)]


def _ended(job: Job) -> list[str]:
    return [entry["id"] for entry in job.raw_status.get("executions") or ()]
