"""What overviews of many jobs cost the REST API: CPU of each, and for how long other requests may have to wait for it.

No cluster: an index full of jobs, and the same code that answers `/v1/summary`, `/v1/agenda` and `/v1/jobs`.

    python bench/summary.py [--jobs 10000] [--every minute]
"""

import argparse
import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from dkron_api.cache.health_index import HealthIndex, Slices
from dkron_api.cache.job_index import JobIndex
from dkron_api.translate.listing import in_order, matching, read_query
from dkron_crds.base import rfc3339
from dkron_reports.agenda import planning
from dkron_reports.explain import explaining, read_question
from dkron_reports.job import from_object
from dkron_reports.summary import summarizing
from dkron_runtime import loop

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVERY = {"minute": (timedelta(minutes=1), "~ * * * * *"), "hour": (timedelta(hours=1), "~ ~ * * * *")}
KEPT = 20
"""Executions of each job."""


class ActivePause:
    """The longest time that the event loop was not free."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def watch(self) -> None:
        """Measure until cancelled."""
        while True:
            began = time.process_time()
            await asyncio.sleep(0)
            self.longest = max(self.longest, time.process_time() - began)


def job(number: int, every: str, *, version: int = 1) -> dict[str, Any]:
    """A job that has run, and is due within its interval."""
    step, schedule = EVERY[every]
    starts = [NOW - step * (number % 100) / 100 - step * back for back in range(KEPT)]
    executions = [
        {"id": f"{number}-{at.timestamp():.0f}", "job": f"job-{number}", "slot": rfc3339(at.replace(microsecond=0)),
         "trigger": "schedule", "group": int(at.timestamp()) * 10**9, "attempt": 1, "startedAt": rfc3339(at),
         "finishedAt": rfc3339(at + timedelta(seconds=5)), "state": "Succeeded", "exitCode": 0}
        for at in starts
    ]  # fmt: skip
    status = {
        "observedGeneration": 1, "since": rfc3339(NOW - timedelta(days=30)), "lastScheduleTime": executions[0]["slot"],
        "next": rfc3339(starts[0] + step), "executions": executions, "successCount": 100, "status": "success",
        "lastSuccess": executions[0]["finishedAt"], "days": [{"date": "2026-03-01", "success": 20, "failed": 0}],
        "conditions": [{"type": "Ready", "status": "True", "reason": "Scheduled"}],
    }  # fmt: skip
    metadata = {
        "name": f"job-{number}", "namespace": "default", "uid": f"uid-{number}", "resourceVersion": str(version),
        "generation": 1, "creationTimestamp": rfc3339(NOW - timedelta(days=30)),
    }  # fmt: skip
    return {"metadata": metadata, "spec": {"schedule": schedule}, "status": status}


async def asked(what: str, work: Callable[[], Awaitable[object]]) -> None:
    """Do it, and print what that took."""
    hold = ActivePause()
    watching = asyncio.create_task(hold.watch())
    await asyncio.sleep(0)
    hold.longest, began = 0.0, time.process_time()
    await work()
    spent = time.process_time() - began
    await asyncio.sleep(0)
    print(f"{what:<52} {spent * 1e3:8.1f} {hold.longest * 1e3:8.1f}")
    watching.cancel()


async def run(jobs: int, every: str) -> None:
    """All of it."""
    index, slices = JobIndex(lambda: NOW), Slices()
    health_index = HealthIndex(index, lambda: NOW, slices)
    index.object_cache.replace([job(number, every) for number in range(jobs)], version=1)
    # As the program does when it has read all jobs.
    gc.collect()
    gc.freeze()
    print(f"{f'{jobs} jobs, each every {every}; milliseconds of CPU':<52} {'in all':>8} {'at once':>8}")

    async def again() -> None:
        await slices.run(summarizing(await health_index.all(), now=NOW))

    async def agenda() -> None:
        first = ((each.job, each.first(NOW)) for each in await health_index.all())
        await slices.run(planning(first, now=NOW, end=NOW + timedelta(hours=1), most=100))

    async def explained() -> None:
        question = read_question(start="2h", end="2026-03-01T13:00:00Z", now=NOW)
        each_second = {**job(0, every), "spec": {"schedule": "* * * * * *"}}
        await slices.run(explaining(from_object(each_second), question, now=NOW))

    async def listed() -> None:
        query = read_query([("q", "job-"), ("_sort", "last_success"), ("_order", "DESC"), ("_end", "25")])
        in_order(await slices.run(matching(list(index), query)), query, due=index.due)

    await asked("the first summary, which reads each job", health_index.summary)
    await asked("a summary when nothing has changed", again)
    for number in range(min(jobs, 1000)):
        index.upsert(job(number, every, version=2))
    await asked("a summary when 1000 jobs have changed", again)
    await asked("an agenda of one hour", agenda)
    await asked("2000 slots of one job explained", explained)
    await asked("a list filtered and sorted", listed)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--every", choices=EVERY, default="hour")
    options = parser.parse_args()
    loop.run(run(options.jobs, options.every))


if __name__ == "__main__":
    main()
