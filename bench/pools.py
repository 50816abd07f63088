"""How soon is a place of a pool taken again, and what does the wait in line cost? 1,000 jobs are due in one second and
share 10 places; the same jobs without a pool, due one after another at that pace, are the measure of the cost.

One cluster with simulated (KWOK) nodes, on which a run takes a second. A watch on Jobs shows when each is there, and
when it is complete.

    python bench/pools.py [--jobs 1000] [--size 10]
"""

import argparse
import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from rig import ENDLESS, Object, dkron_job, many, namespace, operator, percentiles, recorded, simulated
from same_second import RAISED
from sustained import Meter

import localcluster
from dkron_crds.names import API_VERSION
from dkron_kube import access
from dkron_kube.client import KubeClient
from dkron_kube.paths import DKRON_JOBS, DKRON_POOLS, JOBS

POOL = "places"
ONE_SECOND = {"kwok.dkron.io/run-for": "1s"}


@dataclass(slots=True)
class Jobs:
    """When each Job appeared and when it was complete, in seconds since the epoch, by name."""

    born: dict[str, float] = field(default_factory=dict)
    complete: dict[str, float] = field(default_factory=dict)

    def observe(self, job: Object) -> None:
        """Take in an event."""
        name, now = job["metadata"]["name"], time.time()
        self.born.setdefault(name, now)
        conditions = (job.get("status") or {}).get("conditions") or ()
        if any(each["type"] == "Complete" and each["status"] == "True" for each in conditions):
            self.complete.setdefault(name, now)

    def refills(self, size: int) -> list[float]:
        """Seconds from the end of a run to the Job that got its place, sorted: places are alike, so the n-th end makes
        room for the n-th run beyond the first `size`."""
        ends = sorted(self.complete.values())
        return sorted(max(born - end, 0.0) for born, end in zip(sorted(self.born.values())[size:], ends, strict=False))


@contextlib.asynccontextmanager
async def watching(client: KubeClient, name: str) -> AsyncIterator[Jobs]:
    """The Jobs of a namespace from now on."""
    jobs = Jobs()

    async def read() -> None:
        everything = {"watch": "true"}
        session = await stack.enter_async_context(client.access.open_session())
        got = await stack.enter_async_context(session.get(JOBS.path(name), params=everything, timeout=ENDLESS))
        while line := await got.content.readline():
            jobs.observe(json.loads(line)["object"])

    async with contextlib.AsyncExitStack() as stack:
        task = asyncio.create_task(read())
        stack.callback(task.cancel)
        yield jobs


def job(number: int, due: datetime, *, pooled: bool) -> Object:
    """A job that runs once, for a second."""
    body = dkron_job(f"job-{number}", f"@at {due:%Y-%m-%dT%H:%M:%SZ}")
    body["spec"]["jobTemplate"] = {"spec": {"template": {"metadata": {"annotations": ONE_SECOND}}}}
    if pooled:
        body["spec"]["pools"] = [POOL]
    return body


async def measure(
    client: KubeClient, cluster: localcluster.Cluster, name: str, options: argparse.Namespace, *, pooled: bool
) -> None:
    """Let all jobs run once, and print what that took."""
    async with namespace(client, name), watching(client, name) as jobs:
        spec = {"size": options.size}
        pool = {"apiVersion": API_VERSION, "kind": "DkronPool", "metadata": {"name": POOL}, "spec": spec}
        await client.create(DKRON_POOLS, name, pool)
        with operator(cluster.kubeconfig, name, "--namespace-creates", "1000") as process:
            begin = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=30)

            async def create(number: int) -> None:
                turn = timedelta(seconds=0 if pooled else number // options.size)
                await client.create(DKRON_JOBS, name, job(number, begin + turn, pooled=pooled))

            await many(options.jobs, create)
            await asyncio.sleep(max(0.0, (begin - datetime.now(UTC)).total_seconds() - 2))
            meter = Meter(cluster, process)
            while (await recorded(client, name))[0] < options.jobs:
                process.check()
                await asyncio.sleep(1)
            each = {part: used / options.jobs for part, used in meter.used().items() if part != "KWOK"}
            parts = ", ".join(f"{part} {used:.1f}" for part, used in each.items())
            kind = "in line for a pool" if pooled else "without a pool"
            print(f"{kind:<20} CPU, ms for each: {parts}, in all {sum(each.values()):.1f}", end="")
        total = max(jobs.complete.values()) - begin.timestamp()
        print(f", all complete after {total:.0f} s, {sum(process.calls.values()) / options.jobs:.1f} calls each")
        if pooled:
            print(f"{'':<20} places taken again after {percentiles(jobs.refills(options.size))} s", flush=True)


async def run(cluster: localcluster.Cluster, options: argparse.Namespace) -> None:
    """Both, one after the other."""
    client = KubeClient(await access.load(cluster.kubeconfig))
    try:
        print(f"{options.jobs} jobs, {options.size} at once")
        for name, pooled in (("unpooled", False), ("pooled", True)):
            await measure(client, cluster, name, options, pooled=pooled)
    finally:
        await client.close()


def main() -> None:
    """Start the cluster, measure, and stop it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1000, help="how many jobs (default 1000)")
    parser.add_argument("--size", type=int, default=10, help="how many places the pool has (default 10)")
    options = parser.parse_args()
    with simulated(RAISED) as cluster:
        asyncio.run(run(cluster, options))


if __name__ == "__main__":
    main()
