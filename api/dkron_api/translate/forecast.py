"""The coming slots of a job, or of a schedule to try out, and what it means: GET …/next, POST /v1/schedule/preview.

Slots are computed lazily: a thousand slots of a yearly schedule take a tenth of a second.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dkron_api.translate.record import Job
from dkron_crds.base import rfc3339
from dkron_crds.job import JobSpec, JobStatus
from dkron_crds.schedule import Schedule, ScheduleError, TimezoneError, parse, timestamps
from dkron_crds.schedule.errors import quoted
from dkron_crds.schedule.instants import shifted
from dkron_crds.schedule.timeline import Timeline
from dkron_reports.schedule_words import in_words
from dkron_reports.slots import YEAR, after, clock_changes, following, past_the_last

SLOTS = 10
MOST_SLOTS = 1000
"""Number of slots returned: the default, and the maximum."""
ALLOWED = f"a whole number from 1 to {MOST_SLOTS}"
CHANGES = 3
"""Number of changes of the clocks that an answer tells of."""

Count = Annotated[int, Field(ge=1, le=MOST_SLOTS)]


class Unclear(ValueError):
    """The request is invalid. `str()` is one readable sentence."""


class Preview(BaseModel):
    """A schedule to try out, as a client sends it; null counts as absent."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    schedule: str
    timezone: str | None = None
    name: str | None = None
    after: str | None = None
    count: Count | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """Slots to come, as RFC 3339 in UTC; what the schedule means, in words, empty without one that can be read; and
    sentences about the changes of the clocks within a year that take slots away or repeat them."""

    slots: Iterator[str]
    words: str = ""
    clock_changes: tuple[str, ...] = ()


def forecast(job: Job, *, now: datetime, count: int) -> Forecast:
    """Return the next slots of a job from now on; none if it is disabled, has a parent, or runs only on request."""
    spec, status, words = job.spec, job.status, schedule_words(job)
    line = timeline(job, spec=spec, status=status, now=now)
    if line is None:
        return Forecast(iter(()), words)
    mark = max(now, status.last_schedule_time or now)
    return Forecast(_texts(after(line, mark), count), words, _clock_changes(line.schedule, now))


def schedule_words(job: Job) -> str:
    """Return the schedule of a job in words; empty for a job without one, or with one that cannot be read."""
    spec = job.raw["spec"]
    text = str(spec.get("schedule") or "")
    if not text or job.parents:
        return ""
    try:
        return in_words(parse(text, timezone=str(spec.get("timezone") or ""), name=job.name))
    except (ScheduleError, TimezoneError):
        return ""


def preview(body: bytes, *, now: datetime) -> Forecast:
    """Return the slots of a job that would be created with this schedule at `after`, by default now. Raises Unclear,
    with the grammar's sentence if the schedule is invalid."""
    try:
        asked = Preview.model_validate_json(body)
    except ValidationError as exc:
        raise Unclear(_sentence(exc)) from None
    try:
        since = now if asked.after is None else timestamps.rfc3339(asked.after, "after")
        schedule = parse(asked.schedule, timezone=asked.timezone or "", name=asked.name or "")
    except (ScheduleError, TimezoneError) as exc:
        raise Unclear(str(exc)) from None
    if why := past_the_last(schedule, since):
        raise Unclear(f"after: {why}; use an earlier time")
    line = Timeline(schedule, since, starts=None, expires=None)
    slots = _texts(after(line, None), SLOTS if asked.count is None else asked.count)
    return Forecast(slots, in_words(schedule), _clock_changes(schedule, since))


def _clock_changes(schedule: Schedule, now: datetime) -> tuple[str, ...]:
    return tuple(change.sentence for change in clock_changes(schedule, now, shifted(now, YEAR))[:CHANGES])


def _texts(slots: Iterator[datetime], count: int) -> Iterator[str]:
    return (rfc3339(slot) for slot in islice(slots, count))


def _sentence(error: ValidationError) -> str:
    first: dict[str, Any] = {**error.errors(include_url=False)[0]}
    field = str(first["loc"][0]) if first["loc"] else ""
    fields = ", ".join(Preview.model_fields)
    match first["type"]:
        case "json_invalid":
            return f"the body is not JSON: {first['ctx']['error']}; send an object with the fields {fields}"
        case "missing":
            return "schedule: missing; send the schedule to try, such as @every 1m"
        case "extra_forbidden":
            return f"{quoted(field)} is not known; the fields are {fields}"
        case _ if not field:
            return f"the body is not an object; send one with the fields {fields}"
        case _:
            return f"{field}: {_shown(first['input'])} is not allowed; use {ALLOWED if field == 'count' else 'a text'}"


def _shown(value: object) -> str:
    return quoted(value) if isinstance(value, str) else json.dumps(value)[:40]


def next_slots(job: Job, *, spec: JobSpec, status: JobStatus, now: datetime) -> datetime | None:
    """Return the next slot; None for never: a child, a disabled or expired job, `@manually`, a schedule that is over.

    It respects the job's zone, unlike Dkron (Dkron behaviour §2.5).
    """
    if status.observed_generation == job.generation:
        return status.next
    line = timeline(job, spec=spec, status=status, now=now)
    return None if line is None else following(line, max(now, status.last_schedule_time or now))


def timeline(job: Job, *, spec: JobSpec, status: JobStatus, now: datetime) -> Timeline | None:
    """Return the slots of the job's own schedule; None if it has none."""
    if spec.disabled or spec.parents or not spec.schedule:
        return None
    try:
        schedule = parse(spec.schedule, timezone=spec.timezone, name=job.name)
    except (ScheduleError, TimezoneError):
        return None
    return Timeline(schedule, _since(job, spec, status, now), spec.starts_at, spec.expires_at)


def _since(job: Job, spec: JobSpec, status: JobStatus, now: datetime) -> datetime:
    """Return when the schedule starts to count: an edit that the operator has not seen counts from now."""
    if status.since is None:
        return job.created
    return status.since if status.fingerprint == spec.fingerprint else now
