"""From a DkronJob to Dkron's JSON: the job as GET shows it (Dkron behaviour §2.1)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from dkron_api.translate.record import Job
from dkron_api.translate.times import in_utc
from dkron_api.translate.upcoming import upcoming

JSON = dict[str, Any]


def shown(job: Job, *, children: Sequence[str], now: datetime) -> JSON:
    """The stored job, in Dkron's order of fields. `children` are the names of the jobs that run after it."""
    spec, status = job.spec, job.summary
    return {
        "id": job.name,
        "name": job.name,
        "displayname": spec.display_name,
        "timezone": spec.timezone,
        "schedule": spec.schedule,
        "owner": spec.owner,
        "owner_email": spec.owner_email,
        "success_count": status.success_count,
        "error_count": status.error_count,
        "last_success": _or_null(status.last_success),
        "last_error": _or_null(status.last_error),
        "disabled": spec.disabled,
        "tags": _sorted(spec.tags) or None,
        "metadata": _sorted(spec.metadata) or None,
        "retries": spec.retries,
        "dependent_jobs": list(children) or None,
        "parent_job": next((parent.job for parent in spec.parents), ""),
        "processors": {name: _sorted(config) for name, config in sorted(spec.processors.items())},
        "concurrency": str(spec.concurrency),
        "executor": spec.executor,
        "executor_config": _sorted(spec.executor_config) or None,
        "status": str(status.status),
        "next": in_utc(upcoming(job, spec=spec, status=status, now=now)),
        "ephemeral": spec.ephemeral,
        "starts_at": _or_null(spec.starts_at),
        "expires_at": _or_null(spec.expires_at),
    }


def _sorted(mapping: dict[str, str]) -> dict[str, str]:
    return dict(sorted(mapping.items()))


def _or_null(instant: datetime | None) -> str | None:
    return None if instant is None else in_utc(instant)
