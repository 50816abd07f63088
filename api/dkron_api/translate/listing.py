"""Filters and sorts the list of jobs: the query of GET /v1/jobs (Dkron behaviour §1.4)."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from dkron_api.translate.readiness import failure, status_of
from dkron_api.translate.record import Job
from dkron_crds.base import rfc3339
from dkron_crds.packed import plain
from dkron_reports.slices import Steps
from dkron_reports.words import read_time

Pairs = Iterable[tuple[str, str]]
T = TypeVar("T")
Key = Callable[[Job], Any]
UNTRIGGERED = "untriggered"
_SEARCHED = ("displayName", "owner", "ownerEmail", "executor")
_COMMANDS = ("command", "url")
"""Settings of executors that say what a job does."""


@dataclass(frozen=True, slots=True)
class JobQuery:
    """The query of a list. None as `start` or `end` means no limit. Dkron has neither `text`, to search in any case,
    nor `state`, a word for how a job stands, nor `fields`, those to show; empty means any, and all."""

    search: str = ""
    status: str | None = None
    disabled: str | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    sort: str = "name"
    descending: bool = False
    start: int | None = None
    end: int | None = None
    text: str = ""
    state: str = ""
    fields: tuple[str, ...] = ()

    @property
    def plain(self) -> bool:
        """Whether the query asks for all jobs by name, or a slice of them."""
        filtered = (
            self.search or self.text or self.status is not None or self.disabled is not None or self.metadata
            or self.state
        )  # fmt: skip
        return not filtered and self.sort == "name" and not self.descending


def read_query(pairs: Pairs) -> JobQuery:
    """Parse the query as Dkron does: invalid values count as absent, and invalid numbers as zero."""
    wanted: dict[str, str] = {}
    metadata: dict[str, str] = {}
    for key, value in pairs:
        if key.startswith("metadata[") and key.endswith("]"):
            metadata[key[len("metadata[") : -1]] = value
        else:
            wanted.setdefault(key, value)
    sort = wanted.get("_sort", "")
    return JobQuery(
        search=wanted.get("q", ""),
        status=wanted.get("status") or None,
        disabled=wanted.get("disabled") or None,
        metadata=tuple(metadata.items()),
        sort=sort if sort in _SORTS or sort == "next" else "name",
        descending=wanted.get("_order", "").upper() == "DESC",
        start=_number(wanted.get("_start")),
        end=_number(wanted.get("_end")),
        text=wanted.get("text", "").casefold(),
        state=wanted.get("state", ""),
        fields=tuple(dict.fromkeys(filter(None, wanted.get("fields", "").split(",")))),
    )


def matching(jobs: Sequence[Job], query: JobQuery) -> Steps[list[Job]]:
    """Return the jobs that the query asks for, in their order. It reads each job, and some have long commands."""
    found = []
    for job in jobs:
        yield
        if _matches(job, query):
            found.append(job)
    return found


def in_order(jobs: Iterable[Job], query: JobQuery, *, due: Callable[[str], str]) -> list[Job]:
    """Return the jobs, which come sorted by name, in the requested order. `due` tells when a job is due next."""
    found = list(jobs)
    if query.sort == "next":
        found.sort(key=lambda job: _plain(due(job.name)))
    elif query.sort not in _BY_NAME:
        found.sort(key=_SORTS[query.sort])
    if query.descending:
        found.reverse()
    return found


def span_of(query: JobQuery) -> tuple[int, int | None]:
    """Return the positions from `start` to before `end`, None for the end of the list. A list may have fewer."""
    return max(query.start or 0, 0), None if query.end is None else max(query.end, 0)


def sliced(items: Sequence[T], query: JobQuery) -> Sequence[T]:
    """Return the items at these positions."""
    return items[slice(*span_of(query))]


def _matches(job: Job, query: JobQuery) -> bool:
    spec = job.raw["spec"]
    if query.search and query.search not in job.name and query.search not in (spec.get("displayName") or ""):
        return False
    if query.text and not any(query.text in each.casefold() for each in _searched(job, query.text)):
        return False
    if query.status is not None:
        wanted = "" if query.status == UNTRIGGERED else query.status
        if status_of(job) != wanted:
            return False
    if query.disabled is not None and query.disabled != ("true" if spec.get("disabled") else "false"):
        return False
    metadata = plain(spec.get("metadata")) or {} if query.metadata else {}
    return all(metadata.get(key) == value for key, value in query.metadata)


def _searched(job: Job, text: str) -> Iterator[str]:
    """Yield the texts that `text` is searched in. The key of a label counts only in a text like `team=data`: keys of
    tools are in all jobs."""
    spec = job.raw["spec"]
    yield job.name
    for field in _SEARCHED:
        yield str(spec.get(field) or "")
    for pairs in (spec.get("metadata"), job.raw["metadata"].get("labels")):
        for key, value in (plain(pairs) or {}).items():
            yield f"{key}={value}" if "=" in text else str(value)
    config = plain(spec.get("executorConfig")) or {}
    for key in _COMMANDS:
        yield str(config.get(key) or "")


def _number(text: str | None) -> int | None:
    return None if text is None else whole(text, otherwise=0)


def _took(job: Job) -> float:
    """Return the seconds of the newest execution that has ended. A job without one sorts first."""
    newest = next(iter(job.raw_status.get("executions") or ()), None)
    began, ended = (read_time((newest or {}).get(key)) for key in ("startedAt", "finishedAt"))
    return -1.0 if began is None or ended is None else (ended - began).total_seconds()


def _last_error(job: Job) -> tuple[bool, str]:
    stored, failed = job.raw_status.get("lastError"), failure(job)
    times = [time for time in (stored, failed and rfc3339(failed.ended_at)) if time]
    return _dated(max(times, key=_plain, default=None))


def _dated(time: str | None) -> tuple[bool, str]:
    """Sort jobs without a time last."""
    return time is None, _plain(time or "")


def _plain(time: str) -> str:
    """Return an RFC 3339 time in UTC as a text that sorts by time: without the Z, fewer digits sort before more."""
    return time.removesuffix("Z")


_BY_NAME = frozenset({"name", "id"})
_SORTS: dict[str, Key] = {
    "displayname": lambda job: job.raw["spec"].get("displayName") or "",
    "schedule": lambda job: job.raw["spec"].get("schedule") or "",
    "success_count": lambda job: job.raw_status.get("successCount") or 0,
    "error_count": lambda job: (job.raw_status.get("errorCount") or 0) + (failure(job) is not None),
    "took": _took,
    "last_success": lambda job: _dated(job.raw_status.get("lastSuccess")),
    "last_error": _last_error,
}
"""Every sort is stable, so jobs with equal keys stay sorted by name."""


_WHOLE = re.compile(r"[+-]?\d{1,18}", re.ASCII)


def whole(text: str, *, otherwise: int) -> int:
    """Return the number, or `otherwise` if the text is not one."""
    return int(text) if _WHOLE.fullmatch(text) else otherwise
