"""An overview of many jobs: how they stand, which need a person, what runs, and the hours before and after now."""

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from dkron_crds.schedule.instants import rfc3339
from dkron_crds.status import Day
from dkron_crds.totals import Counts, as_days
from dkron_reports.agenda import Agenda, planning
from dkron_reports.health import JobHealth, Recent, State
from dkron_reports.job import Job
from dkron_reports.reading import mapping
from dkron_reports.run import GOING, Attempt, Result, usual
from dkron_reports.slices import Steps
from dkron_reports.troubles import RANK, Kind, Trouble

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
MOST_TROUBLED, MOST_RUNNING, MOST_SLOTS = 50, 50, 200
"""Entries of each list, which has its total beside it."""
COUNTED_AHEAD = 3000
"""Slots of the next hour that are counted by minute."""
COUNTED = (*(state.value for state in State), *(kind.value for kind in Kind if kind is not Kind.INVALID),
           "running", "waiting", "paused")  # fmt: skip
"""The words by which jobs are counted. A job has one state, and may have several of the other words."""
NOWHERE: Mapping[str, str] = {}
"""No known nodes."""
STEP = 0.01
"""Seconds to which lateness is told."""
QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}


@dataclass(frozen=True, slots=True)
class Summary:
    """The overview. Lists are cut; `troubled`, `attempts` and `results` count all. `late` counts runs by the time
    between slot and start, in steps. `days` are what the jobs still show, without those that are gone."""

    now: datetime
    jobs: int
    words: Counter[str]
    troubled: int
    attention: tuple[tuple[Job, Trouble], ...]
    attempts: int
    running: tuple[tuple[Job, Attempt, float | None], ...]
    """The oldest of them, each with the seconds that the job's attempts usually take, where that is known."""
    results: Counter[str]
    last: tuple[tuple[Recent, Job], ...]
    minutes: Counter[tuple[datetime, Result]]
    next: Agenda
    late: Counter[int]
    days: tuple[Day, ...]
    kept_since: datetime | None = None
    """From when on all runs of all jobs are kept, if older ones of the last hour may be gone."""

    @property
    def unplaced(self) -> list[str]:
        """The Kubernetes Jobs of `running` whose node the status does not show."""
        return [attempt.job for _, attempt, _ in self.running if attempt.job and not attempt.node]

    def as_json(self, nodes: Mapping[str, str] = NOWHERE) -> dict[str, Any]:
        """Return the overview for programs. `nodes` come from Kubernetes Jobs, where the status has none."""
        return {
            "now": rfc3339(self.now),
            "jobs": self.jobs,
            "counts": {word: self.words[word] for word in COUNTED},
            "attention": {"total": self.troubled, "jobs": [_troubled(*each) for each in self.attention]},
            "running": {"total": self.attempts, "executions": [_running(*each, nodes) for each in self.running]},
            "last_hour": {
                "runs": sum(self.results.values()),
                **{result.value: self.results[result.value] for result in Result if result not in GOING},
                "slots": [_ended(*each) for each in self.last],
                "minutes": _by_minute(self.minutes),
                **({} if self.kept_since is None else {"kept_since": rfc3339(self.kept_since)}),
            },
            "next_hour": _next_hour(self.next),
            "lateness_seconds": _quantiles(self.late),
        }


class _LastHour:
    """The runs of all jobs that began within an hour before `now`."""

    def __init__(self, now: datetime) -> None:
        self.results: Counter[str] = Counter()
        self.late: Counter[int] = Counter()
        self._begin = now - HOUR
        self._since = self._begin.replace(second=0, microsecond=0)
        self._minutes: Counter[tuple[int, Result]] = Counter()
        self._last: list[tuple[datetime, str, str, int, Recent, Job]] = []
        self._numbers = count()

    def add(self, job: Job, runs: Iterable[Recent]) -> None:
        """Count the runs of a job, which come newest first."""
        last = self._last
        for run in runs:
            if run.started < self._begin:
                return
            self.results[run.result] += 1
            self._minutes[(run.started - self._since) // MINUTE, run.result] += 1
            if run.late is not None:
                self.late[round(run.late / STEP)] += 1
            if len(last) == MOST_SLOTS and run.started < last[0][0]:
                continue
            # Runs of the same moment have an order of their own: jobs come in any.
            placed = (run.started, job.namespace, job.name, next(self._numbers), run, job)
            if len(last) < MOST_SLOTS:
                heapq.heappush(last, placed)
            elif placed > last[0]:
                heapq.heapreplace(last, placed)

    @property
    def minutes(self) -> Counter[tuple[datetime, Result]]:
        """How many runs began in each minute, by result."""
        return Counter({(self._since + at * MINUTE, result): runs for (at, result), runs in self._minutes.items()})

    @property
    def last(self) -> tuple[tuple[Recent, Job], ...]:
        """The newest runs, newest first."""
        return tuple((run, job) for *_, run, job in sorted(self._last, reverse=True))


def summarizing(health_index: Iterable[JobHealth], *, now: datetime) -> Steps[Summary]:
    """Return the overview of these jobs, in steps."""
    all_of, last_hour = list(health_index), _LastHour(now)
    words: Counter[str] = Counter()
    days: Counts = Counter()
    troubled: list[tuple[int, str, str, Job, Trouble]] = []
    running: list[tuple[Job, Attempt]] = []
    for each in all_of:
        yield
        job, found = each.job, each.troubled(now)
        for word in each.words(found):
            words[word] += 1
        for day in each.days:
            days[day.date, True] += day.success
            days[day.date, False] += day.failed
        if found:
            worst = min(found, key=lambda trouble: RANK[trouble.kind])
            troubled.append((RANK[worst.kind], job.namespace, job.name, job, worst))
        running += [(job, attempt) for attempt in each.running]
        last_hour.add(job, each.recent)
    yield
    oldest = yield from _oldest(running, now)
    first = ((each.job, each.first(now)) for each in all_of)
    kept = [each.kept_since for each in all_of if each.kept_since is not None and each.kept_since > now - HOUR]
    coming = yield from planning(first, now=now, end=now + HOUR, most=MOST_SLOTS, looked=COUNTED_AHEAD)
    return Summary(
        now=now,
        jobs=len(all_of),
        words=words,
        troubled=len(troubled),
        attention=tuple(each[3:] for each in heapq.nsmallest(MOST_TROUBLED, troubled, key=lambda each: each[:3])),
        attempts=len(running),
        running=oldest,
        results=last_hour.results,
        last=last_hour.last,
        minutes=last_hour.minutes,
        next=coming,
        late=last_hour.late,
        days=as_days(days),
        kept_since=max(kept, default=None),
    )


def _oldest(running: list[tuple[Job, Attempt]], now: datetime) -> Steps[tuple[tuple[Job, Attempt, float | None], ...]]:
    """Return those that run longest, each with what its job usually takes, in steps."""

    def place(each: tuple[Job, Attempt]) -> tuple[datetime, str, str]:
        return each[1].started or now, each[0].namespace, each[0].name

    found = []
    for job, attempt in heapq.nsmallest(MOST_RUNNING, running, key=place):
        yield
        found.append((job, attempt, usual(mapping(job.raw, "status"))))
    return tuple(found)


def _troubled(job: Job, trouble: Trouble) -> dict[str, Any]:
    found = {
        "namespace": job.namespace,
        "job": job.name,
        "kind": trouble.kind.value,
        "why": trouble.sentence,
        "remedy": trouble.remedy.replace("JOB", job.name),
    }
    more = {"execution": trouble.execution, "output": trouble.output}
    return found | {key: text for key, text in more.items() if text}


def _by_minute(minutes: Counter[tuple[datetime, Result]]) -> list[dict[str, Any]]:
    """Return the minutes in which runs began, the earliest first, each with how they ended."""
    found: dict[datetime, dict[str, Any]] = {}
    for (minute, result), runs in sorted(minutes.items()):
        found.setdefault(minute, {"at": rfc3339(minute)})[result.value] = runs
    return list(found.values())


def _next_hour(agenda: Agenda) -> dict[str, Any]:
    found = agenda.as_json()
    minutes = [{"at": rfc3339(minute), "slots": slots} for minute, slots in agenda.minutes]
    more = {} if agenda.until is None else {"counted_until": rfc3339(agenda.until)}
    return {"slots": found["due"], "more": agenda.total > len(agenda.due), "minutes": minutes, **more}


def _running(job: Job, attempt: Attempt, usually: float | None, nodes: Mapping[str, str]) -> dict[str, Any]:
    found = {
        "namespace": job.namespace,
        "job": job.name,
        "id": attempt.id,
        "started_at": None if attempt.started is None else rfc3339(attempt.started),
        "attempt": attempt.number,
        "node_name": attempt.node or nodes.get(attempt.job, ""),
    }
    return found if usually is None else found | {"usual_seconds": usually}


def _ended(run: Recent, job: Job) -> dict[str, Any]:
    found = {
        "namespace": job.namespace,
        "job": job.name,
        "started_at": rfc3339(run.started),
        "trigger": run.trigger,
        "result": run.result.value,
        "attempts": run.attempts,
        "took_seconds": run.took,
    }
    return found if run.late is None else found | {"late_seconds": run.late}


def _quantiles(late: Counter[int]) -> dict[str, Any]:
    """Return the nearest-rank quantiles in seconds; none of nothing."""
    total = late.total()
    found: dict[str, Any] = {"runs": total}
    ahead = list(QUANTILES.items())
    below = 0
    for steps, runs in sorted(late.items()):
        below += runs
        while ahead and below >= ahead[0][1] * total:
            found[ahead.pop(0)[0]] = round(steps * STEP, 2)
    return found
