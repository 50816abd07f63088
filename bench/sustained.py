"""How many executions a second can go on for minutes, from the slot to the removal of what it left? Ours and CronJob.

Each has a cluster of its own with simulated (KWOK) nodes and raised limits of the controller manager. For a rate of 20
there are 1,200 jobs, each due once a minute. CronJobs are all due in the first second of the minute, since they know
no other; DkronJobs are `spread` over its seconds, or due like CronJobs (`minutely`). The watch of a witness tells
by how much each Job came late.

    python bench/sustained.py [--rates 10 20 30] [--seconds 300] [--contenders spread minutely CronJob]
"""

import argparse
import asyncio
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rig import (
    Object,
    OperatorProcess,
    Witness,
    connected,
    cpu_of,
    dkron_job,
    many,
    operator,
    percentiles,
    recorded,
    simulated,
)
from same_second import CRON_JOBS, RAISED, cron_job

import localcluster
from dkron_kube.client import KubeClient
from dkron_kube.paths import DKRON_JOBS, JOBS
from localcluster.record import find

NAME = "sustained"
MINUTE = 60
LATE = 5
"""Seconds after the last slot that is measured, for Jobs that are late."""
COMPONENTS = {"apiserver": "apiserver", "etcd": "etcd", "controller-manager": "controllers", "kwok": "KWOK"}
CONTENDERS = ("spread", "minutely", "CronJob")


def dkron(number: int, *, spread: bool) -> Object:
    """A DkronJob that is due once a minute. Simulated nodes have no output to read, and say so with an error."""
    job = dkron_job(f"job-{number}", f"{number % MINUTE if spread else 0} * * * * *")
    job["spec"]["history"] = {"outputBytes": 0}
    return job


class Meter:
    """CPU of all that takes part, between two moments."""

    def __init__(self, cluster: localcluster.Cluster, process: OperatorProcess | None) -> None:
        record = find(cluster.name)
        running = record.components if record else ()
        self._pids = {COMPONENTS[each.name]: each.identity.pid for each in running if each.name in COMPONENTS}
        if process is not None:
            self._pids["operator"] = process.process.pid
        self._begin = self._read()

    def each(self, executions: int) -> str:
        """Milliseconds for each of so many executions."""
        used = {name: seconds - self._begin[name] for name, seconds in self._read().items()}
        return ", ".join(f"{name} {seconds / max(executions, 1) * 1000:.1f}" for name, seconds in used.items())

    def _read(self) -> dict[str, float]:
        return {name: cpu_of(pid) for name, pid in self._pids.items()}


@contextmanager
def contender(kubeconfig: Path, kind: str) -> Iterator[OperatorProcess | None]:
    """The operator, or nothing where the controller manager does the work."""
    if kind == "CronJob":
        yield None
        return
    with operator(kubeconfig, NAME) as process:
        yield process


async def until(moment: float, process: OperatorProcess | None) -> None:
    """Wait for a moment while the operator lives."""
    while (left := moment - time.time()) > 0:
        if process is not None:
            process.check()
        await asyncio.sleep(min(left, 1))


@dataclass(frozen=True, slots=True)
class Load:
    """Who has to run how many executions a second, and for how many seconds."""

    kind: str
    rate: int
    seconds: int

    @property
    def jobs(self) -> int:
        """So many jobs, each once a minute."""
        return self.rate * MINUTE

    @property
    def due(self) -> int:
        """So many executions while it is measured."""
        return self.rate * self.seconds

    async def create(self, client: KubeClient, number: int) -> None:
        """One of the jobs."""
        if self.kind == "CronJob":
            await client.create(CRON_JOBS, NAME, cron_job(f"job-{number}", "* * * * *"))
        else:
            await client.create(DKRON_JOBS, NAME, dkron(number, spread=self.kind == "spread"))


async def measure(cluster: localcluster.Cluster, load: Load) -> None:
    """Print what became of this load."""
    async with connected(cluster, NAME) as client, Witness(client, NAME).watching() as witness:
        with contender(cluster.kubeconfig, load.kind) as process:
            await many(load.jobs, lambda number: load.create(client, number))
            # The first minute is not measured: nothing is removed in it, and each job is new.
            begin = math.ceil(time.time() / MINUTE) * MINUTE + MINUTE
            await until(begin - 1, process)
            meter, (before, *_) = Meter(cluster, process), await recorded(client, NAME)
            await until(begin - 1 + load.seconds, process)
            used, (after, *_) = meter.each(load.due), await recorded(client, NAME)
            await until(begin + load.seconds + LATE, process)
            memory = 0.0 if process is None else process.memory()
        late = witness.between(begin, begin + load.seconds)
        print(f"{load.kind}, {load.rate}/s for {load.seconds} s: {len(late)} of {load.due} ran")
        print(f"  late by (s): {percentiles(late)}")
        left = len([0 async for _ in client.list(JOBS, NAME)])
        print(f"  CPU, ms for each: {used}; {left} Jobs at the end", flush=True)
        if process is not None:
            ran, _, skipped = await recorded(client, NAME)
            print(f"  {(after - before) / load.seconds:.1f}/s recorded, {skipped} slots skipped, {memory:.0f} MB")
            print(
                f"  {sum(process.calls.values()) / ran:.2f} API calls for each: {calls(process.calls, ran)}", flush=True
            )


def calls(made: dict[str, int], executions: int) -> str:
    """How many there are for each execution, and which count."""
    shares = sorted(((number / executions, call) for call, number in made.items()), reverse=True)
    told = ", ".join(f"{share:.2f} {call}" for share, call in shares if share >= 0.01)
    return f"{sum(share for share, _ in shares):.2f}: {told}"


def main() -> None:
    """Start the cluster, measure, and stop it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rates", type=int, nargs="+", default=[10, 20, 30], help="executions a second, in turn")
    parser.add_argument("--seconds", type=int, default=300, help="how long each is measured (default 300)")
    parser.add_argument("--contenders", nargs="+", default=CONTENDERS, choices=CONTENDERS)
    options = parser.parse_args()
    for kind in options.contenders:
        for rate in options.rates:
            with simulated(RAISED) as cluster:
                asyncio.run(measure(cluster, Load(kind, rate, options.seconds)))


if __name__ == "__main__":
    main()
