"""What many jobs cost: until the operator is ready, its memory, how late they run, and how soon it is back.

Each measurement has a cluster of its own with simulated (KWOK) nodes: what is left of it goes with the cluster.

    python bench/many_jobs.py [--jobs 1000 10000] [--spread 10000] [--limits raised]

For `--spread`: all of them are due once within one minute, and a watch on Jobs is the witness of how late each was; and
beside that a bare loop that creates as many Jobs at the same times. For each number of `--jobs`: idle jobs, and one
that is due each second.
"""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rig import OperatorProcess, Witness, connected, dkron_job, many, operator, percentiles, simulated
from same_second import RAISED, bare_job

import localcluster
from dkron_kube.client import KubeClient
from dkron_kube.paths import DKRON_JOBS, JOBS

YEARLY = "0 0 0 1 1 *"
MINUTE = 60
NAME = "many"
LIMITS = {"raised": RAISED, "default": ""}
Part = Callable[[KubeClient, Path, int], Awaitable[object]]
AHEAD = 60
"""Seconds between the operator's start and the minute that is measured: with 10,000 jobs it is ready long before."""


async def create(client: KubeClient, schedules: Iterable[str]) -> None:
    """One job for each schedule."""
    bodies = [dkron_job(f"job-{number}", schedule) for number, schedule in enumerate(schedules)]
    begin = time.monotonic()

    async def one(number: int) -> None:
        await client.create(DKRON_JOBS, NAME, bodies[number])

    await many(len(bodies), one)
    took = time.monotonic() - begin
    print(f"  created {len(bodies)} jobs, {len(bodies) / took:.0f}/s", flush=True)


async def until_it_fires(client: KubeClient, process: OperatorProcess) -> float:
    """Seconds from the operator's start until a Job of this process appears."""
    begin = time.monotonic()
    before = {body["metadata"]["name"] async for body in client.list(JOBS, NAME)}
    while True:
        process.check()
        if {body["metadata"]["name"] async for body in client.list(JOBS, NAME)} - before:
            return time.monotonic() - begin
        await asyncio.sleep(0.05)


@dataclass(frozen=True, slots=True)
class Start:
    """How soon an operator fired, in seconds, and what it took until it rested: seconds of CPU, and MB."""

    seconds: float
    cpu: float
    memory: float


async def idle(client: KubeClient, kubeconfig: Path, count: int) -> list[Start]:
    """Many jobs that wait, and one that runs each second: a first start, which writes each status, and a second."""
    print(f"{count} idle jobs", flush=True)
    await create(client, [YEARLY] * count)
    await client.create(DKRON_JOBS, NAME, dkron_job("tick", "@every 1s"))
    starts = []
    for title in ("first start", "second start"):
        with operator(kubeconfig, NAME) as process:
            seconds = await until_it_fires(client, process)
            await settled(process)
            start = Start(seconds, process.cpu(), process.memory())
            print(
                f"  {title:<13} fires after {seconds:5.1f} s, {start.cpu:6.1f} s of CPU until it rests, "
                f"{start.memory:5.0f} MB",
                flush=True,
            )
            starts.append(start)
    return starts


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


async def spread(client: KubeClient, kubeconfig: Path, count: int) -> None:
    """Jobs that are due once within one minute, created while no operator runs."""
    print(f"{count} jobs due within one minute", flush=True)
    begin = full_minute(timedelta(seconds=count / 300 + AHEAD))
    await create(client, over_a_minute(count, begin))
    witness = Witness(client, NAME)
    async with witness.watching():
        with operator(kubeconfig, NAME) as process:
            await witness.all_of(count, (begin - datetime.now(UTC)).total_seconds() + 2 * MINUTE)
            process.check()
            memory, cpu = process.memory(), process.cpu()
    late = sorted(seconds for _, seconds in witness.late)
    print(f"  the operator: {len(late)} of {count} ran, late by (s): {percentiles(late)}")
    print(f"  {memory:.0f} MB, {cpu:.0f} s of CPU from its start on", flush=True)


async def bare(client: KubeClient, _: Path, count: int) -> None:
    """As many Jobs at the same times by a loop that does nothing else, over as many connections."""
    print(f"{count} Jobs created within one minute by a bare loop", flush=True)
    begin, witness = full_minute(timedelta(seconds=5)), Witness(client, NAME)
    async with witness.watching():

        async def one(number: int) -> None:
            slot = begin + timedelta(seconds=number * MINUTE // count)
            await asyncio.sleep((slot - datetime.now(UTC)).total_seconds())
            metadata = {"name": f"bare-{number}", "annotations": {"dkron.io/slot": slot.isoformat()}}
            await client.create(JOBS, NAME, bare_job(metadata))

        await many(count, one)
        await witness.all_of(count, 2 * MINUTE)
    print(f"  late by (s): {percentiles(sorted(seconds for _, seconds in witness.late))}", flush=True)


def full_minute(ahead: timedelta) -> datetime:
    """The beginning of the first minute that is so far ahead."""
    return (datetime.now(UTC) + ahead).replace(second=0, microsecond=0) + timedelta(seconds=MINUTE)


async def run(cluster: localcluster.Cluster, part: Part, count: int) -> None:
    """One measurement."""
    async with connected(cluster, NAME) as client:
        await part(client, cluster.kubeconfig, count)


def main() -> None:
    """Start the cluster, measure, and stop it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, nargs="*", default=[1000, 10000], help="idle jobs (default 1000 10000)")
    parser.add_argument(
        "--spread", type=int, default=10000, help="jobs due within a minute, 0 for none (default 10000)"
    )
    parser.add_argument("--limits", choices=LIMITS, default="raised", help="of the controller manager (default raised)")
    options = parser.parse_args()
    parts: list[tuple[Part, int]] = [(bare, options.spread), (spread, options.spread)] if options.spread else []
    parts += [(idle, count) for count in options.jobs]
    for part, count in parts:
        with simulated(LIMITS[options.limits]) as cluster:
            asyncio.run(run(cluster, part, count))


if __name__ == "__main__":
    main()
