"""What many jobs cost: until the operator is ready, its memory, how late they run, and how soon it is back.

One cluster with simulated (KWOK) nodes and raised limits of the controller manager, so that it does not hold us up.

    python bench/many_jobs.py [--jobs 1000 10000] [--spread 10000]

For `--spread`: all of them are due once within one minute, and a watch on Jobs is the witness of how late each was. For
each number of `--jobs`: idle jobs, and one that is due each second.
"""

import argparse
import asyncio
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rig import OperatorProcess, Witness, dkron_job, many, namespace, operator, percentiles, simulated
from same_second import RAISED

import localcluster
from dkron_crds.kube import access
from dkron_crds.kube.client import KubeClient
from dkron_crds.kube.paths import DKRON_JOBS, JOBS

YEARLY = "0 0 0 1 1 *"
MINUTE = 60
AHEAD = 60
"""Seconds between the operator's start and the minute that is measured: with 10,000 jobs it is ready long before."""


async def create(client: KubeClient, name: str, schedules: Iterable[str]) -> None:
    """One job for each schedule."""
    bodies = [dkron_job(f"job-{number}", schedule) for number, schedule in enumerate(schedules)]
    begin = time.monotonic()

    async def one(number: int) -> None:
        await client.create(DKRON_JOBS, name, bodies[number])

    await many(len(bodies), one)
    took = time.monotonic() - begin
    print(f"  created {len(bodies)} jobs, {len(bodies) / took:.0f}/s", flush=True)


async def until_it_fires(client: KubeClient, name: str, process: OperatorProcess) -> float:
    """Seconds from the operator's start until a Job of this process appears."""
    begin = time.monotonic()
    before = {body["metadata"]["name"] async for body in client.list(JOBS, name)}
    while True:
        process.check()
        if {body["metadata"]["name"] async for body in client.list(JOBS, name)} - before:
            return time.monotonic() - begin
        await asyncio.sleep(0.05)


async def idle(client: KubeClient, kubeconfig: Path, count: int, *, tidy: bool) -> None:
    """Many jobs that wait, and one that runs each second: a first start, which writes each status, and a second."""
    print(f"{count} idle jobs", flush=True)
    async with namespace(client, f"idle-{count}", tidy=tidy) as name:
        await create(client, name, [YEARLY] * count)
        await client.create(DKRON_JOBS, name, dkron_job("tick", "@every 1s"))
        for title in ("first start", "second start"):
            with operator(kubeconfig, name) as process:
                seconds = await until_it_fires(client, name, process)
                await settled(process)
                print(
                    f"  {title:<13} fires after {seconds:5.1f} s, then {process.cpu():6.1f} s of CPU until it rests, "
                    f"{process.memory():5.0f} MB",
                    flush=True,
                )


async def settled(process: OperatorProcess) -> None:
    """Until it uses less than a fifth of a core over three seconds."""
    while True:
        before = process.cpu()
        await asyncio.sleep(3)
        process.check()
        if process.cpu() - before < 0.6:
            return


def over_a_minute(count: int, begin: datetime) -> list[str]:
    """Schedules of which the same number is due in each second of the minute from `begin` on."""
    slots = [begin + timedelta(seconds=number % MINUTE) for number in range(count)]
    return [f"{slot.second} {slot.minute} {slot.hour} {slot.day} {slot.month} *" for slot in slots]


async def spread(client: KubeClient, kubeconfig: Path, count: int, *, tidy: bool) -> None:
    """Jobs that are due once within one minute, created while nobody looks."""
    print(f"{count} jobs due within one minute", flush=True)
    creating = timedelta(seconds=count / 100)
    begin = (datetime.now(UTC) + creating + timedelta(seconds=AHEAD)).replace(second=0, microsecond=0)
    begin += timedelta(seconds=MINUTE)
    async with namespace(client, "spread", tidy=tidy) as name:
        await create(client, name, over_a_minute(count, begin))
        witness = Witness(client, name)
        async with witness.watching():
            with operator(kubeconfig, name) as process:
                await witness.all_of(count, (begin - datetime.now(UTC)).total_seconds() + 2 * MINUTE)
                process.check()
                memory, cpu = process.memory(), process.cpu()
        late = sorted(seconds for _, seconds in witness.late)
        print(f"  {len(late)} of {count} ran; late by (s): {percentiles(late)}")
        print(f"  the operator: {memory:.0f} MB, {cpu:.0f} s of CPU", flush=True)


async def run(cluster: localcluster.Cluster, options: argparse.Namespace) -> None:
    """All that was asked for, one after another."""
    client = KubeClient(await access.load(cluster.kubeconfig))
    try:
        parts = [(spread, options.spread)] if options.spread else []
        parts += [(idle, count) for count in options.jobs]
        for part, count in parts:
            # What is left of the last one goes with the cluster.
            await part(client, cluster.kubeconfig, count, tidy=(part, count) != parts[-1])
    finally:
        await client.close()


def main() -> None:
    """Start the cluster, measure, and stop it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, nargs="*", default=[1000, 10000], help="idle jobs (default 1000 10000)")
    parser.add_argument(
        "--spread", type=int, default=10000, help="jobs due within a minute, 0 for none (default 10000)"
    )
    options = parser.parse_args()
    with simulated(RAISED) as cluster:
        asyncio.run(run(cluster, options))


if __name__ == "__main__":
    main()
