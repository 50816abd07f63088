"""What a change of a job means to somebody who watches: the events of GET /v1/events, without the way they travel.

A job's event tells that what GET shows of it has changed, an execution's that one has begun or ended. What only the
operator needs to remember (claims, marks, conditions) is no event.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dkron_api.translate import gojson
from dkron_api.translate.execution import listed
from dkron_api.translate.record import Job

JSON = dict[str, Any]

_SHOWN = ("successCount", "errorCount", "lastSuccess", "lastError", "status", "next")
"""Fields of the status that GET shows."""


class Topic(StrEnum):
    """The type of an event on the wire."""

    JOB = "job"
    EXECUTION = "execution"
    LEADER = "leader"
    RESYNC = "resync"


class Action(StrEnum):
    """What has happened."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    STARTED = "started"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to the job with this Dkron name. An execution comes as the list of executions shows it."""

    topic: Topic
    action: Action
    job: str
    execution: JSON | None = None


def differences(before: Job | None, after: Job | None) -> tuple[Event, ...]:
    """What has happened between two versions of the job of one name; None: there is none.

    The job comes first, then executions in the order in which they began or ended.
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
    """The JSON of a job's event; `rendered` is the job as GET shows it."""
    return b'{"action":"%b","job":%b}' % (event.action.encode(), rendered)


def deleted_body(event: Event) -> bytes:
    """The JSON of the event that a job is gone: its name alone is left."""
    return gojson.encode({"action": event.action, "job": {"name": event.job}})


def execution_body(event: Event) -> bytes:
    """The JSON of an execution's event."""
    return gojson.encode({"action": event.action, "execution": event.execution})


def leader_body(name: str) -> bytes:
    """The JSON of the event that tells who leads; an empty name: nobody."""
    return gojson.encode({"leader": name})


def resync_body(reason: str) -> bytes:
    """The JSON of the event that asks a client to read everything anew."""
    return gojson.encode({"reason": reason})


def _job(action: Action, job: Job) -> Event:
    return Event(Topic.JOB, action, job.name)


def _visible(job: Job) -> tuple[Any, ...]:
    status = job.raw_status
    return (job.raw["spec"], *(status.get(key) or None for key in _SHOWN))


def _executions(before: Job | None, after: Job) -> list[Event]:
    # An execution that ended before anybody saw it running has no beginning to tell.
    started, ended = _new(before, after, _running), _new(before, after, _ended)
    if not started and not ended:
        return []
    items = {item["id"]: item for item in listed(_excerpt(after, {*started, *ended}), {})}
    news = [(Action.STARTED, key) for key in started] + [(Action.FINISHED, key) for key in reversed(ended)]
    return [Event(Topic.EXECUTION, action, after.name, items[key]) for action, key in news if key in items]


def _excerpt(job: Job, ids: set[str]) -> Job:
    """The job with these executions alone: reading all that are kept, for one of them, would cost the most here."""
    kept = {
        field: [entry for entry in job.raw_status.get(field) or () if entry["id"] in ids]
        for field in ("active", "executions")
    }
    return Job({**job.raw, "status": kept})


def _new(before: Job | None, after: Job, ids: Callable[[Job], list[str]]) -> list[str]:
    known = set() if before is None else set(ids(before))
    return [key for key in ids(after) if key not in known]


def _running(job: Job) -> list[str]:
    """Ids of attempts that have begun: a claim without a Job has not."""
    return [entry["id"] for entry in job.raw_status.get("active") or () if entry.get("uid")]


def _ended(job: Job) -> list[str]:
    """Ids of attempts that have ended, the newest first."""
    return [entry["id"] for entry in job.raw_status.get("executions") or ()]
