"""Counts by steps of time, durations by day and skipped slots: from the archive, and from the statuses where there is
none. Additions to Dkron's API. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from dkron_api.translate.execution_filter import EPOCH, Ended
from dkron_api.translate.record import Job, Object
from dkron_archive.records import Bucket, Durations, SkippedSlots
from dkron_crds.base import rfc3339
from dkron_crds.schedule.errors import quoted
from dkron_crds.schedule.instants import shifted
from dkron_reports.reading import mapping
from dkron_reports.skipping import because
from dkron_reports.words import read_moment, read_time

DAY = timedelta(days=1)
STEPS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": DAY}
LONGEST = {"minute": timedelta(days=2), "hour": timedelta(days=62), "day": timedelta(days=3660)}
"""The longest period that is told by each step."""
SHARES = (0.5, 0.9, 0.99)


@dataclass(frozen=True, slots=True)
class Period:
    """A time from `begin`, inclusive, to `end`."""

    begin: datetime
    end: datetime


def read_period(query: Mapping[str, str], now: datetime, *, back: timedelta) -> Period:
    """Return `from` and `to`; by default, the time `back` from now. Raises ValueError with a sentence."""
    end = read_moment("to", query["to"], now) if "to" in query else now
    begin = read_moment("from", query["from"], now) if "from" in query else shifted(end, -back)
    if begin > end:
        raise ValueError("from is later than to; swap them")
    if end - begin > LONGEST["day"]:
        raise ValueError(f"from and to are more than {LONGEST['day'].days} days apart; use a shorter period")
    return Period(begin, end)


def read_step(text: str | None, period: Period) -> timedelta:
    """Return the step of a timeline, by default the shortest one that the period allows. Raises ValueError with a
    sentence."""
    length = period.end - period.begin
    if not text:
        return next(STEPS[name] for name, longest in LONGEST.items() if length <= longest)
    if text not in STEPS:
        raise ValueError(f"step: {quoted(text)} is not known; use {', '.join(STEPS)}")
    if length > LONGEST[text]:
        raise ValueError(
            f"step: {text} is for {LONGEST[text].days} days at most; use a longer step or a shorter period"
        )
    return STEPS[text]


def floor(at: datetime, step: timedelta) -> datetime:
    """Return the beginning of the step, in UTC, that a time lies in."""
    return EPOCH + (at - EPOCH) // step * step


def timeline(buckets: Iterable[Bucket], ended: Iterable[Ended], step: timedelta) -> list[Object]:
    """Return the counts, the earliest first, without empty steps. `ended` are executions beside those that the buckets
    count."""
    counts: dict[datetime, Counter[str]] = {}
    for bucket in buckets:
        counts[bucket.begin] = Counter(success=bucket.success, failed=bucket.failed, skipped=bucket.skipped)
    for run in ended:
        counts.setdefault(floor(run.finished, step), Counter())["success" if run.success else "failed"] += 1
    return [
        {"begin": rfc3339(begin), **{name: found[name] for name in ("success", "failed", "skipped")}}
        for begin, found in sorted(counts.items())
        if found.total()
    ]


def durations(found: Iterable[Durations]) -> list[Object]:
    """Return the percentiles in seconds, the earliest day first."""
    return [
        {
            "day": f"{each.day.date().isoformat()}T00:00:00Z", "count": each.count, "p50": each.p50, "p90": each.p90,
            "p99": each.p99, "longest": each.longest,
        }
        for each in found
    ]  # fmt: skip


def durations_of(ended: Iterable[Ended]) -> list[Durations]:
    """Return the percentiles of the successful ones among these executions, the earliest day first."""
    days: dict[datetime, list[float]] = {}
    for run in ended:
        if run.success:
            took = max(0.0, (run.finished - run.started).total_seconds())
            days.setdefault(floor(run.finished, DAY), []).append(took)
    return [_percentiles(day, sorted(took)) for day, took in sorted(days.items())]


def _percentiles(day: datetime, took: Sequence[float]) -> Durations:
    """Return nearest-rank percentiles."""
    p50, p90, p99 = (took[ceil(share * len(took)) - 1] for share in SHARES)
    return Durations(day, len(took), p50, p90, p99, took[-1])


def skipped(found: Iterable[SkippedSlots]) -> list[Object]:
    """Return slots that did not run, newest first."""
    return [
        {
            "job_name": each.job.name, "first": rfc3339(each.first), "last": rfc3339(each.last), "count": each.count,
            "reason": each.reason, "message": each.message or because(each.reason),
        }
        for each in found
    ]  # fmt: skip


def newest_skips(jobs: Iterable[Job], period: Period) -> list[Object]:
    """Return the newest slot or request of each job that did not run, which is all that a status keeps of them."""
    found = []
    for job in jobs:
        status = mapping(job.raw_status, "skipped")
        at, reason = read_time(status.get("lastTime")), str(status.get("lastReason") or "")
        if at is not None and period.begin <= at < period.end:
            entry = {"job_name": job.name, "first": rfc3339(at), "last": rfc3339(at), "count": 1}
            found.append((at, entry | {"reason": reason, "message": because(reason)}))
    return [entry for _, entry in sorted(found, key=lambda each: each[0], reverse=True)]
