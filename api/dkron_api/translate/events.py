"""Translates a change of a job into the events of GET /v1/events, independent of their transport.

A job event means that the job as GET shows it has changed; an execution event, that an execution has begun or ended.
Data that only the operator needs (claims, marks) creates no event.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dkron_api.translate.execution import listed
from dkron_api.translate.readiness import obstacle
from dkron_api.translate.record import Job, Object

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
    STARTED = "started"
    FINISHED = "finished"


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
    started, ended = _new(before, after, _running), _new(before, after, _ended)
    if not started and not ended:
        return []
    items = {item["id"]: item for item in listed(_excerpt(after, {*started, *ended}), {})}
    news = [(Action.STARTED, key) for key in started] + [(Action.FINISHED, key) for key in reversed(ended)]
    return [Event(Topic.EXECUTION, action, after.name, items[key]) for action, key in news if key in items]


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
    """Return the ids of attempts that have begun. A claim without a Job has not."""
    return [entry["id"] for entry in job.raw_status.get("active") or () if entry.get("uid")]


def _ended(job: Job) -> list[str]:
    return [entry["id"] for entry in job.raw_status.get("executions") or ()]
