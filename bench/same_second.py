"""How late is the last of many jobs that are due in the same second? Ours, stock CronJobs, and loops, in one run.

The bare loop creates small Jobs. The other one creates the Jobs of the operator, with their owners, variables and
annotations: what the API server needs for these is no delay of the operator's.

One cluster with simulated (KWOK) nodes. A watch on Jobs is the witness: it takes the time at which each new Job
arrives, the same for all, so none is judged by its own clock.

    python bench/same_second.py [--jobs 300]
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rig import Witness, dkron_job, many, namespace, operator, simulated

import localcluster
from dkron_kube import access
from dkron_kube.client import KubeClient
from dkron_kube.paths import DKRON_JOBS, JOBS, Resource
from dkron_operator.plan.job.build import build_job
from dkron_operator.plan.situation.cause import scheduled
from dkron_operator.plan.situation.read import read_job
from dkron_pods.images import Images

CRON_JOBS = Resource("batch", "v1", "cronjobs")
RAISED = "--kube-api-qps 1000 --kube-api-burst 2000 --concurrent-job-syncs 20 --concurrent-cron-job-syncs 20"
IMAGES = Images(default="docker.io/library/busybox:1.36", own="docker.io/library/busybox:1.36")

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """Seconds from the slot until the first, the median and the last Job was seen."""

    name: str
    first: float
    median: float
    last: float

    def __str__(self) -> str:
        return f"{self.name:<34} {self.first:8.3f} {self.median:8.3f} {self.last:8.3f}"


def row(name: str, slot: float, seen: Sequence[float]) -> Row:
    """The figures of one contender."""
    late = sorted(at - slot for at in seen)
    return Row(name, late[0], statistics.median(late), late[-1])


def pod_template() -> Object:
    """What every contender runs."""
    container = {"name": "job", "image": "docker.io/library/busybox:1.36", "command": ["true"]}
    return {"spec": {"restartPolicy": "Never", "containers": [container]}}


def bare_job(metadata: Object) -> Object:
    """A Job without an owner."""
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": pod_template()}}


def cron_job(name: str, schedule: str) -> Object:
    """A CronJob that runs the same."""
    spec = {"schedule": schedule, "jobTemplate": {"spec": {"template": pod_template()}}}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": name}, "spec": spec}


async def bare_loop(client: KubeClient, count: int) -> Row:
    """As fast as one client can create them."""
    async with namespace(client, "bare") as name, Witness(client, name).watching() as witness:
        begin = time.time()

        async def create(number: int) -> None:
            await client.create(JOBS, name, bare_job({"name": f"bare-{number}"}))

        await many(count, create)
        return row("bare loop, 32 connections", begin, await witness.all_of(count, 60))


async def loop_of_ours(client: KubeClient, count: int) -> Row:
    """As fast as one client can create the Jobs that the operator would create; their DkronJobs are there before."""
    async with namespace(client, "loop") as name, Witness(client, name).watching() as witness:
        slot, bodies = datetime.now(UTC).replace(microsecond=0), dict[int, Object]()

        async def prepare(number: int) -> None:
            job = read_job(await client.create(DKRON_JOBS, name, dkron_job(f"ours-{number}", "@yearly")))
            entry = scheduled(slot).entry(uid=job.uid, name=job.name, at=slot)
            bodies[number] = build_job(job, entry, images=IMAGES)

        async def create(number: int) -> None:
            await client.create(JOBS, name, bodies[number])

        await many(count, prepare)
        begin = time.time()
        await many(count, create)
        return row("loop, the operator's Jobs", begin, await witness.all_of(count, 60))


async def cron_jobs(client: KubeClient, count: int, *, title: str, name: str) -> Row:
    """CronJobs that are due in a full minute."""
    async with namespace(client, name), Witness(client, name).watching() as witness:
        slot = datetime.fromtimestamp((time.time() + 10) // 60 * 60 + 60, UTC)

        async def create(number: int) -> None:
            await client.create(CRON_JOBS, name, cron_job(f"cron-{number}", f"{slot.minute} * * * *"))

        await many(count, create)
        return row(title, slot.timestamp(), await witness.all_of(count, slot.timestamp() - time.time() + 300))


async def dkron_jobs(client: KubeClient, count: int, *, name: str, kubeconfig: Path) -> Row:
    """DkronJobs that are due in the same second."""
    async with namespace(client, name), Witness(client, name).watching() as witness:
        # The budget of a namespace is not what is measured.
        with operator(kubeconfig, name, "--namespace-creates", str(count)) as process:
            slot = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=15)
            schedule = f"{slot.second} {slot.minute} {slot.hour} * * *"

            async def create(number: int) -> None:
                await client.create(DKRON_JOBS, name, dkron_job(f"ours-{number}", schedule))

            await many(count, create)
            seen = await witness.all_of(count, 60)
            process.check()
        return row("dkron-operator", slot.timestamp(), seen)


async def compare(cluster: localcluster.Cluster, count: int) -> None:
    """Run all contenders, one after another, and print a row for each."""
    client = KubeClient(await access.load(cluster.kubeconfig))
    try:
        print(f"{count} jobs due in the same second; seconds until the Job was seen")
        print(f"{'':<34} {'first':>8} {'median':>8} {'last':>8}")
        print(await bare_loop(client, count), flush=True)
        print(await loop_of_ours(client, count), flush=True)
        for number in range(3):
            print(await dkron_jobs(client, count, name=f"ours-{number}", kubeconfig=cluster.kubeconfig), flush=True)
        print(await cron_jobs(client, count, title="CronJob, default flags", name="cron-default"), flush=True)
        cluster.restart("controller-manager", RAISED)
        print(await cron_jobs(client, count, title="CronJob, limits raised", name="cron-raised"), flush=True)
        print(await dkron_jobs(client, count, name="ours-raised", kubeconfig=cluster.kubeconfig), "(limits raised)")
    finally:
        await client.close()


def main() -> None:
    """Start the cluster, compare, and stop it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=300, help="how many jobs (default 300)")
    count = parser.parse_args().jobs
    with simulated() as cluster:
        asyncio.run(compare(cluster, count))


if __name__ == "__main__":
    main()
