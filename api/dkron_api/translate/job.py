"""Translates a DkronJob to Dkron's JSON: the job as GET shows it, and the echo of an upsert (Dkron behaviour §2.1)."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from dkron_api.translate.forecast import next_slots
from dkron_api.translate.gojson import decode
from dkron_api.translate.readiness import failure, obstacle, status_of
from dkron_api.translate.record import Job, Object
from dkron_crds.base import rfc3339
from dkron_crds.job import Attempt, Concurrency, JobSpec, JobStatus
from dkron_from_dkron.body import FIELDS, JobBody, read_object
from dkron_from_dkron.moments import ZERO, moment

_TEXTS = {
    "displayname": "displayName", "timezone": "timezone", "schedule": "schedule", "owner": "owner",
    "owner_email": "ownerEmail", "parent_job": "parentJob", "executor": "executor",
}  # fmt: skip
"""Fields that are shown unchanged."""


def shown(job: Job, *, children: Sequence[str], now: datetime) -> Object:
    """Return the stored job, in Dkron's order of fields. `children` are the names of the jobs that run after it."""
    spec, status = job.spec, job.summary
    return _fields(job, spec, status, due=next_slots(job, spec=spec, status=status, now=now), children=children)


def bare(job: Job, *, children: Sequence[str]) -> Object:
    """Return a job that `shown` fails on, for any reason: texts unchanged, defaults for all other fields."""
    spec = job.raw["spec"]
    texts = {field: spec[wire] for field, wire in _TEXTS.items() if isinstance(spec.get(wire), str)}
    named = Job({"metadata": job.raw["metadata"], "spec": {"name": job.name}})
    told = _fields(named, JobSpec(), JobStatus(), due=None, children=children)
    return {**told, **texts, "disabled": spec.get("disabled") is True}


def _fields(job: Job, spec: JobSpec, status: JobStatus, *, due: datetime | None, children: Sequence[str]) -> Object:
    failed = failure(job)
    return {
        "id": job.name,
        "name": job.name,
        "displayname": spec.display_name,
        "timezone": spec.timezone,
        "schedule": spec.schedule,
        "owner": spec.owner,
        "owner_email": spec.owner_email,
        "success_count": status.success_count,
        "error_count": status.error_count + (failed is not None),
        "last_success": _as_written(status.last_success, job.raw_status.get("lastSuccess")),
        "last_error": _last_error(job, status, failed),
        "disabled": spec.disabled,
        "tags": _sorted(spec.tags) or None,
        "metadata": _sorted(spec.metadata) or None,
        "retries": spec.retries,
        "dependent_jobs": list(children) or None,
        "parent_job": next((parent.job for parent in spec.parents), ""),
        "processors": {name: _sorted(config) for name, config in sorted(spec.processors.items())},
        "concurrency": _concurrency(job, spec),
        "executor": spec.executor,
        "executor_config": _sorted(spec.executor_config) or None,
        "status": status_of(job),
        "next": ZERO if due is None else rfc3339(due),
        "ephemeral": spec.ephemeral,
        "starts_at": _as_written(spec.starts_at, job.raw["spec"].get("startsAt")),
        "expires_at": _as_written(spec.expires_at, job.raw["spec"].get("expiresAt")),
        # Dkron does not have these fields, and its clients ignore them.
        **({"problem": why} if (why := obstacle(job)) else {}),
        **_queue(spec),
    }


def _queue(spec: JobSpec) -> Object:
    """Return how runs wait in line. A client sends `queue` to have them wait, so a job whose runs wait only for places
    in pools has a field of its own."""
    if spec.concurrency is Concurrency.QUEUE:
        return {"queue": spec.queue.model_dump(mode="json")}
    return {"pool_queue": spec.queue.model_dump(mode="json")} if spec.pools else {}


def _concurrency(job: Job, spec: JobSpec) -> str:
    """Return one of Dkron's words. The empty text means allow, and reads back as it was sent."""
    if job.raw["spec"].get("concurrency") == "":
        return ""
    return str(Concurrency.FORBID if spec.concurrency is Concurrency.QUEUE else spec.concurrency)


def _last_error(job: Job, status: JobStatus, failed: Attempt | None) -> str | None:
    if failed is not None and (status.last_error is None or status.last_error < failed.ended_at):
        return rfc3339(failed.ended_at)
    return _as_written(status.last_error, job.raw_status.get("lastError"))


def _sorted(mapping: Mapping[str, str]) -> dict[str, str]:
    return dict(sorted(mapping.items()))


def _as_written(instant: datetime | None, text: object) -> str | None:
    """Return a time with all its original digits: the instant has microseconds, Dkron has nanoseconds."""
    if instant is None:
        return None
    with suppress(ValueError):
        return moment(str(text)) or rfc3339(instant)
    return rfc3339(instant)


_ECHOED = tuple(name for name in FIELDS if name not in ("problem", "queue"))


def read_body(data: bytes) -> JobBody:
    """Return the job in the body of an upsert. Raises Unreadable where Dkron answers 400 before it checks the job."""
    return read_object(decode(data))


def echo(body: JobBody, stored: Job | None = None) -> dict[str, Any]:
    """Return the response to an upsert: the request as understood, in the order of Dkron behaviour §2.1, and the queue
    that the job has kept."""
    values = {name: getattr(body, name) for name in _ECHOED}
    in_order = {name: _by_key(value) for name, value in values.items() if isinstance(value, Mapping)}
    queue: Object = {}
    if body.queue is not None:
        queue = {"queue": body.queue or None}
    elif stored is not None and (stored.raw["spec"].get("pools") or stored.raw["spec"].get("concurrency") == "queue"):
        queue = _queue(stored.spec)
    return {**values, **in_order, "id": body.name, "next": ZERO, **queue}


def _by_key(texts: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _by_key(texts[key]) if isinstance(texts[key], Mapping) else texts[key] for key in sorted(texts)}
