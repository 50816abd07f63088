"""Which jobs fail, and how often: by runs, not by attempts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dkron_reports.job import Job
from dkron_reports.run import Result, Run, attempts_of, runs_of

BAD = (Result.FAILED, Result.PARTIALLY_FAILED)


@dataclass(frozen=True, slots=True)
class Tally:
    """The finished runs of a job in a period. `whole` is False if older ones of it are not kept any more."""

    job: Job
    runs: int
    failed: int
    retried: int
    latest: Run | None
    whole: bool

    @property
    def share(self) -> float:
        """The part of its runs that failed."""
        return self.failed / self.runs if self.runs else 0.0


def finished_since(job: Job, start: datetime) -> list[Run]:
    """Return the runs that began since then and are over, newest first."""
    runs = runs_of(attempts_of(job.raw.get("status") or {}))
    over = [run for run in runs if run.result is not Result.RUNNING]
    return [run for run in over if run.started is not None and run.started >= start]


def latest_failure(job: Job, start: datetime) -> Run | None:
    """Return the newest finished run of the period if it failed."""
    runs = finished_since(job, start)
    return runs[0] if runs and runs[0].result in BAD else None


def tally(job: Job, start: datetime) -> Tally:
    """Count the runs of a job."""
    runs = finished_since(job, start)
    failed = [run for run in runs if run.result in BAD]
    kept = (job.raw.get("status") or {}).get("executions") or ()
    whole = len(kept) >= job.succeeded + job.failed or len(runs) < len(runs_of(attempts_of(job.raw["status"])))
    return Tally(job, len(runs), len(failed), sum(run.tries > 1 for run in runs), failed[0] if failed else None, whole)


def worst(jobs: Sequence[Job], start: datetime) -> list[Tally]:
    """Return the jobs that failed, those with the most failed runs first."""
    found = [tally(job, start) for job in jobs]
    return sorted((each for each in found if each.failed), key=lambda each: (-each.failed, -each.share, each.job.name))
