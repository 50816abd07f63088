"""From a DkronJob as the API server sends it to the view that is cached. Only what has changed is read again."""

import logging
from dataclasses import replace
from typing import Any

from dkron_crds.bounds import unreadable
from dkron_crds.job import JobStatus, ReadyReason
from dkron_crds.packed import packed
from dkron_operator.notifications.notices import read_notify
from dkron_operator.plan.situation.read import (
    is_accepted,
    read_job,
    read_labels,
    read_requests,
    read_stops,
    status_written,
    unreadable_job,
)
from dkron_operator.plan.situation.view import JobView
from dkron_pods.problem import Problem

Object = dict[str, Any]
log = logging.getLogger(__name__)


def view_of(body: Object, known: JobView | None = None) -> JobView:
    """Read the DkronJob. An object that cannot be read becomes a job with that problem, logged once for each
    generation. It does not affect other jobs, and nothing is retried before it changes."""
    try:
        job = read_job(body) if known is None or _is_other(body, known) else annotated(body, known)
    except Exception as exc:
        job = unreadable_job(body, f"the operator cannot read it ({type(exc).__name__})")
        if known is None or known.unread != job.unread or known.generation != job.generation:
            log.exception("DkronJob %s/%s cannot be read", job.namespace, job.name)
        return job
    if job.unread is not None and is_unreadable(job) and (known is None or job.generation != known.generation):
        log.warning("DkronJob %s/%s: %s", job.namespace, job.name, job.unread.message)
    return job


def is_unreadable(job: JobView) -> bool:
    """Whether the spec could not be read."""
    return job.unread is not None and job.unread.reason == ReadyReason.UNREADABLE


def _is_other(body: Object, known: JobView) -> bool:
    """Whether the spec differs from the known one, or could not be read so far."""
    return is_unreadable(known) or bool(unreadable(body)) or body["metadata"].get("generation", 0) != known.generation


def annotated(body: Object, known: JobView) -> JobView:
    """The known job with new metadata."""
    metadata = body["metadata"]
    return replace(
        known,
        requests=read_requests(metadata),
        stops=read_stops(metadata),
        notify=packed(read_notify(metadata)),
        labels=read_labels(metadata),
        deleting="deletionTimestamp" in metadata,
        accepted=is_accepted(metadata),
        status_written=known.status_written or status_written(metadata),
    )


def verdict(job: JobView, status: JobStatus) -> tuple[int, Problem | None]:
    """The generation that a dry run was made for and what it found, from the status that an earlier process wrote."""
    ready = next((condition for condition in status.conditions if condition.type == "Ready"), None)
    if ready is None or ready.observed_generation != job.generation:
        return -1, None
    if ready.status == "True":
        return job.generation, None
    refused = ready.status == "False" and ready.reason == "InvalidTemplate"
    # Refused before is refused now, until the API server is asked again: it may have changed its mind.
    return -1, Problem("InvalidTemplate", ready.message) if refused else None
