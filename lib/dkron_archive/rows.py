"""Records as rows and back. Pure."""

import json
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row

from dkron_archive.records import ArchivedExecution, JobKey, PauseRecord, Revision, SkippedSlots
from dkron_archive.tables import EPOCH, Step, plain

Record = Row[*tuple[Any, ...]]

LONGEST_KEY = 512
"""Characters of a name. PostgreSQL refuses longer ones in an index."""
LONGEST_TEXT = 16_384
"""Characters of a message."""
LARGEST = 2**63 - 1
ROW = 600
"""Bytes that a record takes without its output, with its share of the indexes: a mean, see bench/README.md."""


def key(text: str) -> str:
    """A name as it stands in an index, and comes back."""
    return plain(text[:LONGEST_KEY])


def bounded(number: int | None) -> int | None:
    """A number that fits 64 bits."""
    return None if number is None else max(-LARGEST, min(number, LARGEST))


def step_of(at: datetime, step: Step) -> datetime:
    """The beginning of the step that a time lies in."""
    return at - (at - EPOCH) % timedelta(seconds=step)


def execution_row(execution: ArchivedExecution, job: int, output: int) -> dict[str, Any]:
    """The columns of an execution whose output takes so many bytes."""
    texts = {
        name: getattr(execution, name)[:LONGEST_TEXT]
        for name in ("trigger", "member", "reason", "node_name", "cause", "revision", "message")
    }
    parameters = json.dumps(dict(execution.parameters), separators=(",", ":")) if execution.parameters else ""
    return {
        **texts,
        "job": job,
        "namespace": key(execution.job.namespace),
        "attempt_job": key(execution.attempt_job),
        "id": key(execution.id),
        "started_at": execution.started_at,
        "finished_at": execution.finished_at,
        "slot": execution.slot,
        "created_at": execution.created_at,
        "queued_at": execution.queued_at,
        "group": bounded(execution.group),
        "attempt": min(execution.attempt, 2**31 - 1),
        "success": execution.success,
        "exit_code": bounded(execution.exit_code),
        "bytes": ROW + len(texts["message"]) + len(parameters) + output,
        "parameters": parameters,
    }


def execution_of(row: Record) -> ArchivedExecution:
    """The record in a row of `execution`, joined with the uid and the name of its job."""
    return ArchivedExecution(
        JobKey(row.namespace, row.job_name, row.job_uid), row.id, row.attempt_job, row.group, row.attempt, row.trigger,
        row.slot, row.started_at, row.finished_at, row.success, row.created_at, row.queued_at, row.member,
        row.exit_code, row.reason, row.message, row.node_name, row.cause, row.revision,
        json.loads(row.parameters) if row.parameters else {},
    )  # fmt: skip


def skipped_row(slots: SkippedSlots, job: int) -> dict[str, Any]:
    """The columns of slots that did not run."""
    return {
        "job": job,
        "namespace": key(slots.job.namespace),
        "first": slots.first,
        "last": slots.last,
        "count": bounded(slots.count),
        "reason": slots.reason[:LONGEST_TEXT],
        "message": slots.message[:LONGEST_TEXT],
        "at": slots.at,
    }


def skipped_of(row: Record) -> SkippedSlots:
    """The record in a row of `skipped`, joined with its job."""
    job = JobKey(row.namespace, row.job_name, row.job_uid)
    number: int = row._mapping["count"]  # `row.count` is a method
    return SkippedSlots(job, row.first, row.last, number, row.reason, row.message, row.at)


def pause_row(pause: PauseRecord) -> dict[str, Any]:
    """The columns of a pause."""
    return {
        "namespace": key(pause.namespace),
        "name": key(pause.name),
        "begin": pause.begin,
        "end": pause.end,
        "reason": pause.reason[:LONGEST_TEXT],
        "by": pause.by[:LONGEST_TEXT],
    }


def revision_row(revision: Revision, job: int) -> dict[str, Any]:
    """The columns of a revision, without the spec."""
    return {
        "job": job,
        "generation": bounded(revision.generation),
        "hash": key(revision.hash),
        "at": revision.at,
        "by": revision.by[:LONGEST_TEXT],
    }


def revision_of(row: Record) -> Revision:
    """The record in a row of `revision`, joined with its job."""
    job = JobKey(row.namespace, row.job_name, row.job_uid)
    return Revision(job, row.hash, row.generation, row.at, row.by)
