"""What do both programs need for DkronJobs whose templates are as long as they may be?

One namespace has all of them, filled with what takes most memory once it is parsed. A job in another namespace is due
each second, and a watch on its Jobs is the witness. The programs start beside the objects, and then each object changes
once.

    python bench/big_specs.py [--objects 100] [--seconds 30]

Memory is resident: the peak so far, and at that moment. `lag` is the longest time that the operator's event loop was
blocked in the last minute, `answer` the longest time that the REST API took for a job.
"""

import argparse
import asyncio
import contextlib
import http.client
import re
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rest_servers import Server, dkron_api, two_cores
from rig import NAMESPACES, Witness, dkron_job, installed, many, operator, percentiles

import localcluster
from dkron_crds.bounds import FREE_FORM_BYTES
from dkron_kube import access
from dkron_kube.client import KubeClient
from dkron_kube.errors import Unavailable
from dkron_kube.paths import DKRON_JOBS

Object = dict[str, Any]
QUIET, NOISY = "quiet", "noisy"
FILLINGS: tuple[tuple[Any, int], ...] = (([], 3), ({"": {}}, 8), ("\N{GRINNING FACE}" + "x" * 93, 100))
"""The content of a list: a value, and the bytes that it takes there."""
START = 300.0
"""Seconds until the canary has to run after the start."""


def big_job(number: int, size: int) -> Object:
    """A job whose template has about this many bytes."""
    job = dkron_job(f"big-{number}", "@daily")
    value, length = FILLINGS[number % len(FILLINGS)]
    job["spec"]["jobTemplate"] = {"spec": {"template": {"x": [value] * ((size - 64) // length)}}}
    return job


def memory(pid: int) -> str:
    """Resident MiB of a process: the peak, and now."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return " ".join(f"{int(lines[key].split()[0]) // 1024:>6}" for key in ("VmHWM", "VmRSS"))


def free_port() -> int:
    """A port of the loopback that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def ask(port: int, path: str) -> str:
    """The answer of one of the programs."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


async def lag(port: int) -> float:
    """Seconds in which the operator's event loop was blocked."""
    found = re.search(
        r"^\w*event_loop_lag_seconds ([0-9.e-]+)$", await asyncio.to_thread(ask, port, "/metrics"), re.MULTILINE
    )
    return float(found[1]) if found else 0.0


class Poll:
    """Asks the REST API for the canary until cancelled."""

    def __init__(self, server: Server) -> None:
        self._port = server.address[1]
        self.longest = 0.0

    async def run(self) -> None:
        """Ask five times a second."""
        while True:
            began = time.monotonic()
            await asyncio.to_thread(ask, self._port, "/v1/jobs/canary")
            self.longest = max(self.longest, time.monotonic() - began)
            await asyncio.sleep(0.2)


@dataclass(frozen=True, slots=True)
class Load:
    """How many objects there are, how long their templates, and for how many seconds each line looks."""

    objects: int
    size: int
    seconds: float


async def prepare(client: KubeClient) -> None:
    """Create both namespaces, and the canary."""
    for name in (QUIET, NOISY):
        await client.create(NAMESPACES, None, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    await client.create(DKRON_JOBS, QUIET, dkron_job("canary", "* * * * * *"))


async def measure(cluster: localcluster.Cluster, load: Load) -> None:
    """Fill the namespace, start both programs, and print what they need."""
    client = KubeClient(await access.load(cluster.kubeconfig))
    try:
        await prepare(client)

        async def create(number: int) -> None:
            await client.create(DKRON_JOBS, NOISY, big_job(number, load.size))

        await many(load.objects, create, width=8)
        witness = Witness(client, QUIET)
        async with witness.watching():
            await both(client, witness, cluster.kubeconfig, load)
    finally:
        await client.close()


async def both(client: KubeClient, witness: Witness, kubeconfig: Path, load: Load) -> None:
    """Print a line after the start of both programs, and one after each object has changed."""

    async def change(number: int) -> None:
        # The API server may need longer than a client waits.
        with contextlib.suppress(Unavailable):
            await client.patch(DKRON_JOBS, NOISY, f"big-{number}", {"metadata": {"labels": {"changed": "yes"}}})

    began, port, core = time.time(), free_port(), two_cores().generator
    with (
        operator(kubeconfig, f"{QUIET},{NOISY}", "--monitoring-port", str(port)) as process,
        dkron_api(kubeconfig, QUIET, core=core, options=["--namespaces", "*"], seconds=START) as server,
    ):
        poll = Poll(server)
        asking = asyncio.ensure_future(poll.run())
        await witness.sees(began, START)
        begun = time.time()
        print(
            f"canary runs {begun - began:.1f} s after the start\n{'':<14} {'operator':>13} {'REST API':>13} lag answer"
        )
        for title in ("started", "all changed"):
            if title == "all changed":
                await many(load.objects, change, width=2)
            await asyncio.sleep(load.seconds)
            process.check()
            late = percentiles(witness.between(begun, time.time() - 2))
            memories = f"{memory(process.process.pid)} {memory(server.pid)}"
            print(f"{title:<14} {memories} {await lag(port):.2f} {poll.longest:.2f} canary late: {late}", flush=True)
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking


def main() -> None:
    """A cluster, and what both programs need."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=100, help="DkronJobs at the bound (default 100)")
    parser.add_argument(
        "--bytes", type=int, default=FREE_FORM_BYTES, help="length of each template (default: the bound)"
    )
    parser.add_argument("--seconds", type=float, default=30.0, help="how long to look at each moment (default 30)")
    given = parser.parse_args()
    with installed("bench-big-specs", nodes="kwok:10") as cluster:
        asyncio.run(measure(cluster, Load(given.objects, given.bytes, given.seconds)))


if __name__ == "__main__":
    main()
