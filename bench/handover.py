"""How late do jobs run when one replica of the operator follows another?

Two replicas of a namespace, and jobs that are due every second. The one that leads is ended at some point of a second;
the latest Job of a slot from there on, from its slot until a watch has seen it, tells for how long no replica fired.
A frozen one (SIGSTOP) is killed once the other has followed.

    python bench/handover.py [--times 6] [--jobs 2] [--ways SIGTERM SIGKILL SIGSTOP]
"""

import argparse
import asyncio
import contextlib
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from rig import ROOT, Witness, dkron_job, installed, namespace

import localcluster
from dkron_kube import access
from dkron_kube.client import KubeClient
from dkron_kube.errors import NotFound
from dkron_kube.paths import DKRON_JOBS, LEASES

WAYS = ["SIGTERM", "SIGKILL", "SIGSTOP"]
LONGEST = 90.0
"""Seconds to wait for anything."""
SETTLE = 3.0
"""Seconds for whatever the start of the second has held up."""
AFTER = 1.0
"""Seconds for whatever a new leader makes up for besides."""


@dataclass(frozen=True, slots=True)
class Replica:
    """A process, and where it logs."""

    process: subprocess.Popen[bytes]
    log: Path

    async def says(self, text: str) -> None:
        """Return when it has logged this."""
        async with asyncio.timeout(LONGEST):
            while text not in self.log.read_text():  # noqa: ASYNC110 - a file has no events
                await asyncio.sleep(0.1)


class Pair:
    """Two replicas of a namespace: one leads, the other waits."""

    def __init__(self, kubeconfig: Path, home: str, folder: Path) -> None:
        self.home = home
        self.leads, self._waits = "first", "second"
        self._kubeconfig = kubeconfig
        self._folder = folder
        self._running: dict[str, Replica] = {}
        self._ended: list[Replica] = []

    async def begin(self, client: KubeClient) -> None:
        """Return when one leads and the other waits."""
        self._start(self.leads)
        await leader(client, self.home, self.leads)
        await self.complete()

    async def complete(self) -> None:
        """Start the one that is missing, and return when it waits."""
        self._bury()
        self._start(self._waits)
        await self._running[self._waits].says("holds the Lease")

    def end(self, way: signal.Signals) -> None:
        """End the one that leads. From now on the other is meant to."""
        self._ended.append(ended := self._running.pop(self.leads))
        ended.process.send_signal(way)
        self.leads, self._waits = self._waits, self.leads

    def close(self) -> None:
        """End both, while there is an API server that answers."""
        self._bury()
        for each in self._running.values():
            each.process.terminate()
        for each in self._running.values():
            each.process.wait(LONGEST)

    def _bury(self) -> None:
        for each in self._ended:
            each.process.kill()
            each.process.wait(LONGEST)
        self._ended.clear()

    def _start(self, name: str) -> None:
        command = [sys.executable, "-m", "dkron_operator", "--namespace", self.home]
        command += ["--kubeconfig", str(self._kubeconfig)]
        log = self._folder / f"{name}-{time.monotonic_ns()}"
        with log.open("wb") as output:
            process = subprocess.Popen(command, stderr=output, cwd=ROOT, env={**os.environ, "POD_NAME": name})
        self._running[name] = Replica(process, log)


async def leader(client: KubeClient, home: str, name: str) -> None:
    """Return when this replica holds the Lease."""
    async with asyncio.timeout(LONGEST):
        while True:
            with contextlib.suppress(NotFound):
                if (await client.get(LEASES, home, "dkron"))["spec"].get("holderIdentity") == name:
                    return
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def busy(client: KubeClient, name: str, jobs: int) -> AsyncIterator[Witness]:
    """A namespace whose jobs are due every second."""
    witness = Witness(client, name)
    async with namespace(client, name), witness.watching():
        for number in range(jobs):
            job = dkron_job(f"job-{number}", "@every 1s")
            job["spec"]["missedRuns"] = "all"
            await client.create(DKRON_JOBS, name, job)
        yield witness


async def lateness(client: KubeClient, witness: Witness, pair: Pair, way: signal.Signals, *, turn: int) -> float:
    """Seconds by which the latest Job is late when the leader is ended like this. The other leads then, and another
    process waits."""
    # At another point of a second each time.
    await asyncio.sleep(SETTLE + (turn * 0.37 - time.time()) % 1)
    begin = time.time()
    pair.end(way)
    await leader(client, pair.home, pair.leads)
    await witness.sees(time.time(), LONGEST)
    await asyncio.sleep(AFTER)
    late = max(seconds for slot, seconds in witness.late if slot > begin - 0.1)
    await pair.complete()
    return late


async def measure(cluster: localcluster.Cluster, ways: list[str], times: int, jobs: int) -> None:
    """Print how late jobs were, for each way to end a leader."""
    client = KubeClient(await access.load(cluster.kubeconfig))
    try:
        for way in ways:
            async with busy(client, f"handover-{way.lower()}", jobs) as witness:
                with tempfile.TemporaryDirectory() as folder:
                    pair = Pair(cluster.kubeconfig, f"handover-{way.lower()}", Path(folder))
                    try:
                        await pair.begin(client)
                        turns = range(times)
                        found = [
                            await lateness(client, witness, pair, signal.Signals[way], turn=turn) for turn in turns
                        ]
                    finally:
                        pair.close()
            each = ", ".join(f"{seconds:.2f}" for seconds in sorted(found))
            print(f"{way}: median {statistics.median(found):.2f} s, of {each}", flush=True)
    finally:
        await client.close()


def main() -> None:
    """Start the cluster, measure, and stop it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=6, help="how often each way is measured (default 6)")
    parser.add_argument("--jobs", type=int, default=2, help="how many jobs, each once a second (default 2)")
    parser.add_argument("--ways", nargs="+", default=WAYS, choices=WAYS)
    options = parser.parse_args()
    with installed("bench-handover") as cluster:
        asyncio.run(measure(cluster, options.ways, options.times, options.jobs))


if __name__ == "__main__":
    main()
