"""Does a job keep its time beside a tenant who creates Jobs in the operator's name?

The Jobs are suspended, so they cost no pods. They carry the labels, the annotations, the owner and the names that the
operator gives. The chart's admission policy refuses them; here there is none. A job in another namespace is due each
second, and a watch on its Jobs is the witness.

    python bench/forged_jobs.py [--jobs 2000] [--of 1] [--seconds 30]

`lag` is the longest time that the operator's event loop was blocked in the last minute. Memory is resident MiB: the
peak so far, and at that moment.
"""

import argparse
import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from big_specs import NOISY, QUIET, START, ask, free_port, lag, memory, prepare
from rig import Witness, dkron_job, installed, many, operator, percentiles

import localcluster
from dkron_crds.base import rfc3339
from dkron_crds.job_metadata import LABEL_JOB, LABEL_MANAGED_BY, MANAGED_BY
from dkron_kube import access
from dkron_kube.client import KubeClient
from dkron_kube.paths import DKRON_JOBS, JOBS
from dkron_operator.plan.situation.cause import scheduled

Object = dict[str, Any]
PORT = free_port()
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def forged(owner: Object, number: int) -> Object:
    """A suspended Job as the operator would make it for a slot of this DkronJob."""
    uid, name, slot = owner["metadata"]["uid"], owner["metadata"]["name"], EPOCH + timedelta(seconds=number)
    entry = scheduled(slot).entry(uid=uid, name=name, at=slot)
    reference = {"apiVersion": "dkron.io/v1alpha1", "kind": "DkronJob", "name": name, "uid": uid, "controller": True}
    container = {"name": "job", "image": "x", "command": ["true"]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": entry.job,
            "labels": {LABEL_MANAGED_BY: MANAGED_BY, LABEL_JOB: name},
            "annotations": {
                "dkron.io/execution": entry.id, "dkron.io/slot": rfc3339(slot), "dkron.io/trigger": "schedule",
                "dkron.io/group": str(entry.group), "dkron.io/attempt": "1",
            },
            "ownerReferences": [reference],
        },
        "spec": {"suspend": True, "template": {"spec": {"containers": [container], "restartPolicy": "Never"}}},
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Load:
    """How many Jobs there are, of how many DkronJobs, and for how many seconds each line looks."""

    jobs: int
    of: int
    seconds: float


async def measure(cluster: localcluster.Cluster, load: Load) -> None:
    """Create the Jobs while an operator runs, and start another operator beside them."""
    client = KubeClient(await access.load(cluster.kubeconfig))
    try:
        await prepare(client)
        owners = [await client.create(DKRON_JOBS, NOISY, dkron_job(f"owner-{n}", "@daily")) for n in range(load.of)]

        async def forge(number: int) -> None:
            await client.create(JOBS, NOISY, forged(owners[number % load.of], number))

        witness = Witness(client, QUIET)
        async with witness.watching():
            print(f"{'':<22} {'operator':>13} lag set aside")
            looks = {"created": many(load.jobs, forge, width=8), "started beside them": asyncio.sleep(0)}
            for title, meanwhile in looks.items():
                with operator(cluster.kubeconfig, f"{QUIET},{NOISY}", "--monitoring-port", str(PORT)) as process:
                    line = await look(witness, process.process.pid, meanwhile, load.seconds)
                    process.check()
                print(f"{title:<22} {line}", flush=True)
    finally:
        await client.close()


async def look(witness: Witness, pid: int, meanwhile: Awaitable[None], seconds: float) -> str:
    """How the operator with this pid and the canary fare."""
    began = time.time()
    await witness.sees(began, START)
    begun = time.time()
    await meanwhile
    await asyncio.sleep(seconds)
    metrics = (await asyncio.to_thread(ask, PORT, "/metrics")).splitlines()
    aside = next(line.split()[1] for line in metrics if line.startswith("dkron_operator_jobs_set_aside_total"))
    late = percentiles(witness.between(begun, time.time() - 2))
    return f"{memory(pid)} {await lag(PORT):.2f} {aside} canary late: {late}"


def main() -> None:
    """A cluster, and what the operator needs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2000, help="Jobs that a tenant creates (default 2000)")
    parser.add_argument("--of", type=int, default=1, help="DkronJobs that they name as their owners (default 1)")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long to look at each moment (default 30)")
    given = parser.parse_args()
    with installed("bench-forged-jobs", nodes="kwok:10") as cluster:
        asyncio.run(measure(cluster, Load(given.jobs, given.of, given.seconds)))


if __name__ == "__main__":
    main()
