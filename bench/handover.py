"""How late do jobs run when one replica of the operator follows another?

Two replicas of a namespace, and jobs that are due every second. The one that leads is ended at some point of a second;
the latest Job of a slot from there on, from its slot until a watch has seen it, tells for how long nobody fired.

    python bench/handover.py [--times 8] [--jobs 5] [--ways SIGTERM SIGKILL]
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from rig import ROOT, Witness, dkron_job, namespace

import localcluster
from dkron_crds.kube import access
from dkron_crds.kube.client import KubeClient
from dkron_crds.kube.errors import NotFound
from dkron_crds.kube.paths import DKRON_JOBS, LEASES

LONGEST = 40.0
"""Seconds to wait for anything."""
AFTER = 2.0
"""Seconds in which a new leader makes up for what was due."""


class SlotWitness(Witness):
    """Sees how late Jobs appear."""

    def __init__(self, client: KubeClient, namespace: str) -> None:
        super().__init__(client, namespace)
        self.late: list[tuple[float, float]] = []

    async def _read(self, lines: Any) -> None:  # noqa: ANN401 - aiohttp's stream
        while True:
            event = json.loads(await lines.readuntil(b"\n"))
            if event["type"] == "ADDED":
                slot = datetime.fromisoformat(event["object"]["metadata"]["annotations"]["dkron.io/slot"]).timestamp()
                self.late.append((slot, time.time() - slot))


@contextlib.contextmanager
def replica(kubeconfig: Path, home: str, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """A running replica, ended at the end however it was until then."""
    command = [sys.executable, "-m", "dkron_operator", "--namespace", home, "--kubeconfig", str(kubeconfig)]
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stderr=output, cwd=ROOT, env={**os.environ, "POD_NAME": name})
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(30)


async def leader(client: KubeClient, home: str, name: str) -> None:
    """Return when this replica holds the Lease."""
    async with asyncio.timeout(LONGEST):
        while True:
            with contextlib.suppress(NotFound):
                if (await client.get(LEASES, home, "dkron"))["spec"].get("holderIdentity") == name:
                    return
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def busy(client: KubeClient, name: str, jobs: int) -> AsyncIterator[SlotWitness]:
    """A namespace whose jobs are due every second."""
    witness = SlotWitness(client, name)
    async with namespace(client, name), witness.watching():
        for number in range(jobs):
            job = dkron_job(f"job-{number}", "@every 1s")
            job["spec"]["missedRuns"] = "all"
            await client.create(DKRON_JOBS, name, job)
        yield witness


async def lateness(
    cluster: localcluster.Cluster, client: KubeClient, way: signal.Signals, *, jobs: int, turn: int
) -> float:
    """Seconds by which the latest Job is late when the leader is ended like this."""
    name = f"handover-{way.name.lower()}-{turn}"
    async with busy(client, name, jobs) as witness:
        with contextlib.ExitStack() as replicas:
            first = replicas.enter_context(replica(cluster.kubeconfig, name, "first"))
            await leader(client, name, "first")
            replicas.enter_context(replica(cluster.kubeconfig, name, "second"))
            # The second has read everything by then, and the first has made up for what was due before it came.
            await asyncio.sleep(8)
            await asyncio.sleep((turn * 0.37 - time.time()) % 1)
            begin = time.time()
            first.send_signal(way)
            await leader(client, name, "second")
            await asyncio.sleep(AFTER)
            late = max(seconds for slot, seconds in witness.late if slot > begin - 0.1)
            # They stop in order, which takes an API server that answers.
            await asyncio.to_thread(replicas.pop_all().close)
    return late


async def measure(cluster: localcluster.Cluster, ways: list[str], times: int, jobs: int) -> None:
    """Print how late jobs were, for each way to end a leader."""
    client = KubeClient(await access.load(cluster.kubeconfig))
    try:
        for way in ways:
            found = [
                await lateness(cluster, client, signal.Signals[way], jobs=jobs, turn=turn) for turn in range(times)
            ]
            each = ", ".join(f"{seconds:.2f}" for seconds in sorted(found))
            print(f"{way}: median {statistics.median(found):.2f} s, of {each}", flush=True)
    finally:
        await client.close()


def main() -> None:
    """Start the cluster, measure, and stop it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=8, help="how often each way is measured (default 8)")
    parser.add_argument("--jobs", type=int, default=5, help="how many jobs, each once a second (default 5)")
    parser.add_argument("--ways", nargs="+", default=["SIGTERM", "SIGKILL"], choices=["SIGTERM", "SIGKILL"])
    options = parser.parse_args()
    cluster = localcluster.up("bench-handover", nodes="none", provider="local")
    try:
        cluster.kubectl("apply", "-f", str(ROOT / "crds"))
        cluster.kubectl("wait", "--for=condition=Established", "crd/dkronjobs.dkron.io")
        asyncio.run(measure(cluster, options.ways, options.times, options.jobs))
    finally:
        cluster.down()


if __name__ == "__main__":
    main()
