"""What one execution costs the operator: CPU, API calls by verb, memory, and bytes of status.

One cluster with simulated (KWOK) nodes and raised limits of the controller manager, so that it does not hold us up.

    python bench/per_execution.py [--jobs 30] [--every 3] [--seconds 60]
"""

import argparse
import asyncio
import json
import time

from rig import Object, OperatorProcess, dkron_job, many, namespace, operator, recorded, simulated
from same_second import RAISED

import localcluster
from dkron_kube import access
from dkron_kube.client import KubeClient
from dkron_kube.paths import DKRON_JOBS


async def statuses(client: KubeClient, name: str) -> list[Object]:
    """The status of each job."""
    return [body.get("status") or {} async for body in client.list(DKRON_JOBS, name)]


async def measure(client: KubeClient, process: OperatorProcess, name: str, options: argparse.Namespace) -> int:
    """Let the jobs run, and print what that cost. Returns the number of executions in all."""
    schedule = f"@every {options.every}s"

    async def create(number: int) -> None:
        await client.create(DKRON_JOBS, name, dkron_job(f"job-{number}", schedule))

    await many(options.jobs, create)
    while (await recorded(client, name))[0] < options.jobs:
        process.check()
        await asyncio.sleep(0.5)
    before, cpu, begin = (await recorded(client, name))[0], process.cpu(), time.monotonic()
    await asyncio.sleep(options.seconds)
    count, cpu, seconds = (await recorded(client, name))[0] - before, process.cpu() - cpu, time.monotonic() - begin
    full = max(await statuses(client, name), key=lambda status: len(status.get("executions", ())))
    size = len(json.dumps(full, separators=(",", ":")))
    print(f"executions                {count} in {seconds:.0f} s, {count / seconds:.1f}/s")
    print(f"CPU of the operator       {cpu / count * 1000:.2f} ms each, {cpu / seconds * 100:.0f} % of a core")
    print(f"memory of the operator    {process.memory():.0f} MB")
    print(f"status                    {size} bytes with {len(full['executions'])} executions")
    return (await recorded(client, name))[0]


async def run(cluster: localcluster.Cluster, options: argparse.Namespace) -> None:
    """Measure in a namespace of its own."""
    client = KubeClient(await access.load(cluster.kubeconfig))
    try:
        async with namespace(client, "cost") as name:
            with operator(cluster.kubeconfig, name) as process:
                total = await measure(client, process, name, options)
            print("API calls per execution, from start to stop, by verb, resource and answer")
            for call, number in process.calls.items():
                print(f"  {call:<28} {number / total:6.2f}")
    finally:
        await client.close()


def main() -> None:
    """Start the cluster, measure, and stop it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=30, help="how many jobs (default 30)")
    parser.add_argument("--every", type=int, default=3, help="seconds between two runs of one (default 3)")
    parser.add_argument("--seconds", type=int, default=75, help="how long to measure (default 75)")
    options = parser.parse_args()
    with simulated(RAISED) as cluster:
        asyncio.run(run(cluster, options))


if __name__ == "__main__":
    main()
