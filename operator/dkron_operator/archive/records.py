"""From a DkronJob and its status to the records of the archive. Plain data."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from dkron_archive.records import ArchivedExecution, ArchivedOutput, JobKey, SkippedSlots
from dkron_crds.attempt_names import started_at
from dkron_crds.job import Attempt, History, JobSpec, Trigger, UnarchivedSlots
from dkron_operator.plan.situation.packed_spec import plain_spec
from dkron_operator.plan.situation.view import JobView

LEAVING = 1024 * 1024
"""The bytes that are read at most of an output whose pod goes: many may go at once."""
HASH = 16
"""Hexadecimal digits of the hash of a spec."""


@dataclass(frozen=True, slots=True)
class Request:
    """The object that asked for a run."""

    cause: str = ""
    """Its requester, or the backfill that made it."""

    parameters: Mapping[str, str] = field(default_factory=dict)


NO_REQUEST = Request()


def job_key(job: JobView) -> JobKey:
    """The DkronJob as the archive names it."""
    return JobKey(namespace=job.namespace, name=job.dkron_name, uid=job.uid, created=job.created)


def execution_of(
    job: JobView, execution: Attempt, *, created: datetime | None, revision: str, request: Request = NO_REQUEST
) -> ArchivedExecution:
    """The record of an attempt. `created` is the creation of its Job, if that is known."""
    cause = request.cause
    if execution.trigger is Trigger.DEPENDENT:
        cause = ", ".join(link.job for link in job.spec.parents)
    return ArchivedExecution(
        job=job_key(job),
        id=execution.id,
        attempt_job=execution.job,
        group=execution.group,
        attempt=execution.attempt,
        trigger=str(execution.trigger),
        slot=execution.slot,
        started_at=execution.started_at,
        finished_at=execution.ended_at,
        success=execution.success,
        created_at=created or began(execution),
        queued_at=execution.queued_at,
        member=_text(execution.member),
        exit_code=execution.exit_code,
        reason=_text(execution.reason),
        message=_text(execution.message),
        node_name=_text(execution.node_name),
        cause=_text(cause),
        revision=revision,
        parameters={name: _text(value) for name, value in request.parameters.items()},
    )


def began(execution: Attempt) -> datetime | None:
    """When its Job was asked for; None if a user has edited the id."""
    try:
        return started_at(execution.id)
    except (ValueError, OverflowError):
        return None


def output_of(execution: Attempt, kept: bytes | None, history: History) -> ArchivedOutput | None:
    """The output of an attempt: what was `kept` of it, with one byte more if there was more, else what its record
    shows."""
    size = history.archived_output_bytes
    if not size:
        return None
    if kept is not None:
        return end_of(kept, size)
    shown = execution.output.encode()
    if not shown:
        return None
    return ArchivedOutput(shown[-size:], truncated=execution.output_truncated or len(shown) > size)


def end_of(kept: bytes, size: int) -> ArchivedOutput:
    """The last `size` bytes of what was kept of an output."""
    return ArchivedOutput(kept[-size:], truncated=len(kept) > size or len(kept) == LEAVING + 1)


def is_whole(execution: Attempt, history: History, note: str) -> bool:
    """Whether the record shows the whole output as it was written. `note` says where else it is, if it is."""
    return not (note or execution.output_truncated or "\ufffd" in execution.output or not history.output_bytes)


def slots_of(job: JobView, slots: UnarchivedSlots, *, at: datetime) -> SkippedSlots:
    """Slots that did not run."""
    return SkippedSlots(
        job=job_key(job), first=slots.first, last=slots.last, count=slots.count, reason=str(slots.reason), at=at
    )


def spec_on_the_wire(spec: JobSpec) -> dict[str, Any]:
    """The spec without what has its default, as a manifest has it."""
    return plain_spec(spec).to_wire()


def hash_of(spec: Mapping[str, Any]) -> str:
    """The hash of a spec: of its JSON with sorted keys."""
    canonical = json.dumps(spec, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:HASH]


def _text(value: str) -> str:
    """The text without the one character that PostgreSQL does not store."""
    return value.replace("\0", "\ufffd")
