"""The cost of asking the operator for its metrics: CPU of a scrape, and for how long slots may have to wait for it.

No cluster: a store full of jobs, and the same code that answers `/metrics`.

    python bench/scrape.py [--jobs 10000]
"""

import argparse
import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from dkron_crds.base import rfc3339
from dkron_operator.cache.store import Store
from dkron_operator.monitoring.gauges import MOST_JOBS, Gauges
from dkron_operator.monitoring.job_states import JobStates, Sums
from dkron_operator.monitoring.monitoring import page
from dkron_operator.telemetry.metrics import Metrics

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


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


def filled(jobs: int) -> tuple[Store, JobStates]:
    """A store with jobs that run every five minutes and have succeeded, and the roll of them."""
    store = Store()
    job_states = JobStates(store)
    created, success = rfc3339(NOW - timedelta(days=1)), rfc3339(NOW - timedelta(seconds=100))
    for number in range(jobs):
        metadata = {
            "name": f"job-{number}", "namespace": "default", "uid": f"uid-{number}", "resourceVersion": "1",
            "creationTimestamp": created,
        }  # fmt: skip
        spec = {"schedule": f"{number % 60} */5 * * * *", "executorConfig": {"command": "true"}}
        status = {"since": created, "lastSuccess": success, "status": "success", "next": rfc3339(NOW)}
        store.upsert_job({"metadata": metadata, "spec": spec, "status": status})
    return store, job_states


async def asked(what: str, job_states: JobStates) -> Sums:
    """Sum up, and print what that took."""
    hold = ActivePause()
    watching = asyncio.create_task(hold.watch())
    await asyncio.sleep(0)
    hold.longest, began = 0.0, time.process_time()
    sums = await job_states.call(NOW)
    spent = time.process_time() - began
    await asyncio.sleep(0)
    print(f"{what:<44} {spent * 1e3:8.1f} {hold.longest * 1e3:8.1f}")
    watching.cancel()
    return sums


def written(what: str, sums: Sums, *, per_job: bool) -> None:
    """Write the page, as a thread does, and print what that took."""
    gauges = Gauges(
        version="", leader=True, active=0, jobs=sums, waiting=0, queues={}, calls={}, seen={}, lag=0.0,
        per_job=per_job,
    )  # fmt: skip
    began = time.process_time()
    text = page(gauges, Metrics().registry)
    print(f"{what:<44} {(time.process_time() - began) * 1e3:8.1f} {'':8} {len(text) / 1024:8.0f} KiB")


async def run(jobs: int) -> None:
    """All of it."""
    _, job_states = filled(jobs)
    print(f"{f'{jobs} jobs; milliseconds of CPU':<44} {'in all':>8} {'at once':>8}")
    await asked("summing up for the first time", job_states)
    sums = await asked("the same, nothing has changed", job_states)
    for number in range(min(jobs, 1000)):
        job_states.mark_changed(f"uid-{number}")
    await asked("the same, 1000 jobs have changed", job_states)
    written("the page, in a thread", sums, per_job=False)
    written(f"the page with series for {MOST_JOBS} jobs", replace(sums, lines=sums.lines[:MOST_JOBS]), per_job=True)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=10_000)
    asyncio.run(run(parser.parse_args().jobs))


if __name__ == "__main__":
    main()
