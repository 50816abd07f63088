"""Which jobs fail, and how often: by runs, not by attempts."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from dkron_crds.attempt_state import AttemptState
from dkron_crds.schedule.instants import rfc3339, shifted
from dkron_reports.job import Job
from dkron_reports.reading import mapping, objects
from dkron_reports.run import GOING, Attempt, Result, Run, attempts_of, runs_of
from dkron_reports.slices import Steps
from dkron_reports.words import read_span

BAD = (Result.FAILED, Result.PARTIALLY_FAILED)
MOST = 2000
"""Jobs that are listed."""


def start_of(since: str, now: datetime, *, option: str) -> datetime:
    """Return the start of a period that a user wrote as its length. Raises ValueError with a sentence."""
    return shifted(now, -read_span(option, since))


def latest_failure(attempts: Iterable[Attempt], start: datetime) -> Run | None:
    """Return the newest finished run of the period if it failed."""
    runs = _finished_since(attempts, start)
    return runs[0] if runs and runs[0].result in BAD else None


def failing(jobs: Iterable[Job], *, start: datetime, now: datetime, most: int) -> Steps[dict[str, Any]]:
    """Return which jobs failed since then, those with the most failed runs first, at most so many of them, in steps.
    `total` counts those that are not listed, too."""
    found = []
    for job in jobs:
        yield
        tally = _tally(job, start)
        if tally is not None:
            found.append(tally)
    found.sort(key=lambda each: (-each["failed"], -each["failed"] / each["runs"], each["namespace"], each["job"]))
    return {"from": rfc3339(start), "to": rfc3339(now), "jobs": found[:most], "total": len(found)}


def _tally(job: Job, start: datetime) -> dict[str, Any] | None:
    """Count the finished runs of a job since then; None if none failed. `whole` is False if older ones of the period
    are not kept any more, `latest` is when the newest one that failed began."""
    kept = objects(mapping(job.raw, "status"), "executions")
    # As texts, in the form that executions have, to the second.
    begin = start.astimezone(UTC).isoformat()[: len("2026-03-01T12:00:00")]
    recent = [each for each in kept if str(each.get("startedAt")) >= begin]
    if all(each.get("state") == AttemptState.SUCCEEDED for each in recent):
        # Most jobs. To read executions takes long.
        return None
    runs = _finished_since(attempts_of(mapping(job.raw, "status")), start)
    failed = [run for run in runs if run.result in BAD]
    if not failed:
        return None
    began = failed[0].started
    return {
        "namespace": job.namespace,
        "job": job.name,
        "failed": len(failed),
        "runs": len(runs),
        "retried": sum(run.tries > 1 for run in runs),
        "whole": len(kept) >= job.succeeded + job.failed or len(recent) < len(kept),
        "latest": None if began is None else rfc3339(began),
        "why": failed[0].why,
    }


def _finished_since(attempts: Iterable[Attempt], start: datetime) -> list[Run]:
    """Return the runs that began since then and are over, newest first."""
    over = [run for run in runs_of(attempts) if run.result not in GOING]
    return [run for run in over if run.started is not None and run.started >= start]
