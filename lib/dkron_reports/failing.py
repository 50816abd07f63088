"""Which jobs fail, and how often: by runs, not by attempts."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dkron_crds.schedule.instants import rfc3339, shifted
from dkron_reports.job import Job
from dkron_reports.reading import mapping, objects
from dkron_reports.run import Attempt, Result, Run, attempts_of, runs_of
from dkron_reports.slices import Steps
from dkron_reports.words import read_span

BAD = (Result.FAILED, Result.PARTIALLY_FAILED)
MOST = 2000
"""Jobs that are listed."""


@dataclass(frozen=True, slots=True)
class Tally:
    """The finished runs of a job in a period. `whole` is False if older ones of it are not kept any more."""

    job: Job
    runs: int
    failed: int
    retried: int
    latest: Run
    """The newest run that failed."""

    whole: bool

    @property
    def share(self) -> float:
        """The part of its runs that failed."""
        return self.failed / self.runs

    def as_json(self) -> dict[str, Any]:
        """Return the job for programs."""
        began = self.latest.started
        return {
            "namespace": self.job.namespace,
            "job": self.job.name,
            "failed": self.failed,
            "runs": self.runs,
            "retried": self.retried,
            "whole": self.whole,
            "latest": None if began is None else rfc3339(began),
            "why": self.latest.why,
        }


@dataclass(frozen=True, slots=True)
class Failing:
    """The jobs that failed in a period, those with the most failed runs first. `total` counts those that are not
    listed, too."""

    start: datetime
    end: datetime
    jobs: tuple[Tally, ...]
    total: int

    def as_json(self) -> dict[str, Any]:
        """Return the report for programs."""
        jobs = [each.as_json() for each in self.jobs]
        return {"from": rfc3339(self.start), "to": rfc3339(self.end), "jobs": jobs, "total": self.total}


def start_of(since: str, now: datetime, *, option: str) -> datetime:
    """Return the start of a period that a user wrote as its length. Raises ValueError with a sentence."""
    return shifted(now, -read_span(option, since))


def latest_failure(attempts: Iterable[Attempt], start: datetime) -> Run | None:
    """Return the newest finished run of the period if it failed."""
    runs = _finished_since(attempts, start)
    return runs[0] if runs and runs[0].result in BAD else None


def failing(jobs: Iterable[Job], *, start: datetime, now: datetime, most: int) -> Steps[Failing]:
    """Return which jobs failed since then, at most so many of them, in steps."""
    found = []
    for job in jobs:
        yield
        tally = _tally(job, start)
        if tally is not None:
            found.append(tally)
    found.sort(key=lambda each: (-each.failed, -each.share, each.job.namespace, each.job.name))
    return Failing(start, now, tuple(found[:most]), len(found))


def _tally(job: Job, start: datetime) -> Tally | None:
    """Count the runs of a job; None if none failed."""
    kept = objects(mapping(job.raw, "status"), "executions")
    # As texts, in the form that executions have, to the second.
    begin = start.astimezone(UTC).isoformat()[: len("2026-03-01T12:00:00")]
    recent = [each for each in kept if str(each.get("startedAt")) >= begin]
    if all(each.get("success") is True for each in recent):
        # Most jobs. To read executions takes long.
        return None
    runs = _finished_since(attempts_of(mapping(job.raw, "status")), start)
    failed = [run for run in runs if run.result in BAD]
    if not failed:
        return None
    whole = len(kept) >= job.succeeded + job.failed or len(recent) < len(kept)
    return Tally(job, len(runs), len(failed), sum(run.tries > 1 for run in runs), failed[0], whole)


def _finished_since(attempts: Iterable[Attempt], start: datetime) -> list[Run]:
    """Return the runs that began since then and are over, newest first."""
    over = [run for run in runs_of(attempts) if run.result is not Result.RUNNING]
    return [run for run in over if run.started is not None and run.started >= start]
