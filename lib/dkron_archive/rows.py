"""Records as rows and back. Pure.

Texts come from users, by way of the cluster: a character that PostgreSQL cannot store must not keep the other records
of a batch out.
"""

import json
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row

from dkron_archive.records import ArchivedExecution, JobKey, PauseRecord, Revision, SkippedSlots
from dkron_archive.tables import EPOCH, Step

Record = Row[*tuple[Any, ...]]

LONGEST_KEY = 512
"""Characters of a name. PostgreSQL refuses longer ones in an index."""
LONGEST_TEXT = 16_384
"""Characters of a message."""
LARGEST = 2**63 - 1
ROW = 600
"""Bytes that a record takes without its output, with its share of the indexes: a mean, see bench/README.md."""


def plain(text: str, longest: int = LONGEST_TEXT) -> str:
    """A text that every database stores."""
    return text[:longest].replace("\0", "\ufffd").encode(errors="replace").decode()


def bounded(number: int | None) -> int | None:
    """A number that fits 64 bits."""
    return None if number is None else max(-LARGEST, min(number, LARGEST))


def step_of(at: datetime, step: Step) -> datetime:
    """The beginning of the step that a time lies in."""
    return at - (at - EPOCH) % timedelta(seconds=step)


def execution_row(execution: ArchivedExecution, job: int, output: int) -> dict[str, Any]:
    """The columns of an execution whose output takes so many bytes."""
    texts = {
        name: plain(getattr(execution, name))
        for name in ("trigger", "member", "reason", "node_name", "cause", "revision", "message")
    }
    parameters = json.dumps(dict(execution.parameters), separators=(",", ":")) if execution.parameters else ""
    return {
        **texts,
        "job": job,
        "namespace": plain(execution.job.namespace, LONGEST_KEY),
        "attempt_job": plain(execution.attempt_job, LONGEST_KEY),
        "id": plain(execution.id, LONGEST_KEY),
        "started_at": execution.started_at,
        "finished_at": execution.finished_at,
        "slot": execution.slot,
        "created_at": execution.created_at,
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
        row.slot, row.started_at, row.finished_at, row.success, row.created_at, row.member, row.exit_code, row.reason,
        row.message, row.node_name, row.cause, row.revision, json.loads(row.parameters) if row.parameters else {},
    )  # fmt: skip


def skipped_row(slots: SkippedSlots, job: int) -> dict[str, Any]:
    """The columns of slots that did not run."""
    return {
        "job": job,
        "namespace": plain(slots.job.namespace, LONGEST_KEY),
        "first": slots.first,
        "last": slots.last,
        "count": bounded(slots.count),
        "reason": plain(slots.reason),
        "message": plain(slots.message),
        "at": slots.at,
    }


def skipped_of(row: Record) -> SkippedSlots:
    """The record in a row of `skipped`, joined with its job."""
    key = JobKey(row.namespace, row.job_name, row.job_uid)
    number: int = row._mapping["count"]  # `row.count` is a method
    return SkippedSlots(key, row.first, row.last, number, row.reason, row.message, row.at)


def pause_row(pause: PauseRecord) -> dict[str, Any]:
    """The columns of a pause."""
    return {
        "namespace": plain(pause.namespace, LONGEST_KEY),
        "name": plain(pause.name, LONGEST_KEY),
        "begin": pause.begin,
        "end": pause.end,
        "reason": plain(pause.reason),
        "by": plain(pause.by),
    }


def revision_row(revision: Revision, job: int) -> dict[str, Any]:
    """The columns of a revision, without the spec."""
    return {
        "job": job,
        "generation": bounded(revision.generation),
        "hash": plain(revision.hash, LONGEST_KEY),
        "at": revision.at,
        "by": plain(revision.by),
    }


def revision_of(row: Record) -> Revision:
    """The record in a row of `revision`, joined with its job."""
    key = JobKey(row.namespace, row.job_name, row.job_uid)
    return Revision(key, row.hash, row.generation, row.at, row.by)
