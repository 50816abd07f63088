"""How many executions a second can go on for minutes, from the slot to the removal of what it left? Ours and CronJob.

Each has a cluster of its own with simulated (KWOK) nodes and raised limits of the controller manager. For a rate of 20
there are 1,200 jobs, each due once a minute. CronJobs are all due in the first second of the minute, since they know
no other; DkronJobs are `spread` over its seconds, or due like CronJobs (`minutely`). The watch of a witness tells
by how much each Job came late. The API server profiles itself meanwhile, which takes about a hundredth of its CPU.

    python bench/sustained.py [--rates 10 20 30] [--seconds 300] [--contenders spread minutely CronJob]
"""

import argparse
import asyncio
import math
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import apiserver_profile
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


def dkron(number: int, *, seconds: Iterable[int]) -> Object:
    """A DkronJob that is due in these seconds. Simulated nodes have no output to read, and say so with an error."""
    job = dkron_job(f"job-{number}", f"{','.join(map(str, seconds))} * * * * *")
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

    def used(self) -> dict[str, float]:
        """Milliseconds from then on."""
        return {name: (seconds - self._begin[name]) * 1000 for name, seconds in self._read().items()}

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
    """Who has to run how many executions a second, and for how many seconds. Each job is due every `period` seconds, a
    divisor of 60."""

    kind: str
    rate: int
    seconds: int
    period: int = MINUTE

    @property
    def jobs(self) -> int:
        """So many jobs."""
        return self.rate * self.period

    @property
    def due(self) -> int:
        """So many executions while it is measured."""
        return self.rate * self.seconds

    async def create(self, client: KubeClient, number: int) -> None:
        """One of the jobs."""
        if self.kind == "CronJob":
            await client.create(CRON_JOBS, NAME, cron_job(f"job-{number}", "* * * * *"))
        else:
            first = number % self.period if self.kind == "spread" else 0
            await client.create(DKRON_JOBS, NAME, dkron(number, seconds=range(first, MINUTE, self.period)))


@dataclass(frozen=True, slots=True)
class Sustained:
    """What became of a load. `cpu`, `parts` (of the API server) and `calls` (of all clients) are divided by the
    executions that ran, in ms and numbers."""

    load: Load
    late: list[float]
    cpu: dict[str, float]
    parts: dict[str, float]
    left: int
    recorded: float
    skipped: int
    memory: float
    calls: dict[str, float]

    def __str__(self) -> str:
        load, cpu = self.load, ", ".join(f"{name} {each:.1f}" for name, each in self.cpu.items())
        lines = [
            f"{load.kind}, {load.rate}/s for {load.seconds} s: {len(self.late)} of {load.due} ran",
            f"  late by (s): {percentiles(self.late)}",
            f"  CPU, ms for each: {cpu}; {self.left} Jobs at the end",
        ]
        if self.memory:
            lines.append(f"  {self.recorded:.1f}/s recorded, {self.skipped} slots skipped, {self.memory:.0f} MB")
        calls = ", ".join(f"{share:.2f} {call}" for call, share in self.calls.items() if share >= 0.05)
        lines.append(f"  {sum(self.calls.values()):.2f} requests of all clients for each: {calls}")
        lines += ["  the API server's part:", *(f"  {each:8.2f} ms {name}" for name, each in self.parts.items())]
        return "\n".join(lines)


async def measure(cluster: localcluster.Cluster, load: Load) -> Sustained:
    """Run this load, and see what becomes of it. The API server is profiled meanwhile."""
    async with connected(cluster, NAME) as client, Witness(client, NAME).watching() as witness:
        with contender(cluster.kubeconfig, load.kind) as process:
            await many(load.jobs, lambda number: load.create(client, number))
            await accepted(client, load, process)
            # The first period is not measured: nothing is removed in it.
            begin = math.ceil(time.time() / load.period) * load.period + load.period
            await until(begin - 1, process)
            meter, (before, *_), asked = Meter(cluster, process), await recorded(client, NAME), await requests(client)
            shares = asyncio.create_task(apiserver_profile.take(client, load.seconds))
            await until(begin - 1 + load.seconds, process)
            used, (after, *_), calls = meter.used(), await recorded(client, NAME), await requests(client)
            await until(begin + load.seconds + LATE, process)
            memory = 0.0 if process is None else process.memory()
        _, _, skipped = await recorded(client, NAME)
        # CronJobs are all due at the start of a minute: more of them than of a rate in less than a minute.
        ran = max(len(witness.between(begin - 1, begin - 1 + load.seconds)), 1)
        cpu = {name: each / ran for name, each in used.items()}
        return Sustained(
            load,
            late=witness.between(begin, begin + load.seconds),
            cpu=cpu,
            parts={part: share * cpu["apiserver"] for part, share in (await shares).items()},
            left=len([0 async for _ in client.list(JOBS, NAME)]),
            recorded=(after - before) / load.seconds,
            skipped=skipped,
            memory=memory,
            calls={call: number / ran for call, number in (calls - asked).most_common()},
        )


async def accepted(client: KubeClient, load: Load, process: OperatorProcess | None) -> None:
    """Wait until the operator has accepted each job: only then nothing but executions costs anything."""
    while process is not None:
        process.check()
        # Its last write for a new job is an annotation.
        if (await requests(client))["patch dkronjobs"] >= load.jobs:
            return
        await asyncio.sleep(1)


async def requests(client: KubeClient) -> Counter[str]:
    """How many requests of all clients the API server has answered, by verb and resource, without watches."""
    async with client.access.open_session() as session, session.get("/metrics") as response:
        response.raise_for_status()
        text = await response.text()
    counts: Counter[str] = Counter()
    for labels, number in re.findall(r"^apiserver_request_total\{(.*)\} (\S+)$", text, re.MULTILINE):
        of = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        if of["verb"] != "WATCH" and of["resource"]:
            counts[f"{of['verb'].lower()} {'/'.join(filter(None, (of['resource'], of['subresource'])))}"] += int(
                float(number)
            )
    return counts


def measured(load: Load) -> Sustained:
    """The same in a cluster of its own."""
    with simulated(RAISED) as cluster:
        cluster.restart("apiserver", apiserver_profile.FLAG)
        return asyncio.run(measure(cluster, load))


def main() -> None:
    """Print what becomes of each load."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rates", type=int, nargs="+", default=[10, 20, 30], help="executions a second, in turn")
    parser.add_argument("--seconds", type=int, default=300, help="how long each is measured (default 300)")
    parser.add_argument("--contenders", nargs="+", default=CONTENDERS, choices=CONTENDERS)
    options = parser.parse_args()
    for kind in options.contenders:
        for rate in options.rates:
            print(measured(Load(kind, rate, options.seconds)), flush=True)


if __name__ == "__main__":
    main()
