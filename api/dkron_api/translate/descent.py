"""Follows the runs caused by a run: its progress in one job, and the group of the dependent runs in other jobs.
Pure."""

from datetime import datetime
from typing import Any

from dkron_api.translate.record import Job
from dkron_crds.depends import dependent_group

Object = dict[str, Any]


def goes_on(job: Job, group: int) -> bool:
    """Whether the run has not ended yet, or some dependent jobs have not recorded its end."""
    status = job.raw_status
    return _has(status.get("active"), group) or _has(status.get("ended"), group)


def has_begun(job: Job, group: int) -> bool:
    """Whether there is a trace of the run."""
    return goes_on(job, group) or _has(job.raw_status.get("executions"), group)


def following(job: Job, group: int) -> int | None:
    """Return the group of the runs that other jobs start after this run; None if it has not ended, or if its end is
    no longer known. The end is exact while `ended` still shows it; executions may be trimmed."""
    status = job.raw_status
    if _has(status.get("active"), group):
        return None
    shown = _times(status.get("ended"), group, "at") or _times(status.get("executions"), group, "finishedAt")
    return dependent_group(job.uid, group, max(shown)) if shown else None


def _times(entries: list[Object] | None, group: int, key: str) -> list[datetime]:
    return [datetime.fromisoformat(each[key]) for each in entries or () if each.get("group") == group and key in each]


def _has(entries: list[Object] | None, group: int) -> bool:
    return any(entry.get("group") == group for entry in entries or ())
