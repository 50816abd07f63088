"""Shared by the benchmarks: a cluster with simulated nodes, a witness that sees Jobs appear, and the operator as users
start it."""

import asyncio
import contextlib
import json
import multiprocessing
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

import aiohttp

import dkron_crds
import localcluster
from dkron_kube import access
from dkron_kube.client import KubeClient
from dkron_kube.errors import NotFound
from dkron_kube.paths import DKRON_JOBS, JOBS, Resource

ROOT = Path(dkron_crds.__file__).parents[2]
"""The checkout that this Python has installed: what is measured."""
NAMESPACES = Resource("", "v1", "namespaces")

Object = dict[str, Any]
WATCH = 3600
"""Seconds that the watch of a witness lasts."""
ENDLESS = aiohttp.ClientTimeout(total=None)
CLEAN_UP = 180.0
"""Seconds that the removal of a namespace may take."""


def simulated(controller_flags: str = "") -> contextlib.AbstractContextManager[localcluster.Cluster]:
    """A cluster with simulated nodes and the definitions, gone at the end."""
    return installed("bench", nodes="kwok:10", controller_flags=controller_flags)


@contextlib.contextmanager
def installed(name: str, *, nodes: str = "none", controller_flags: str = "") -> Iterator[localcluster.Cluster]:
    """A cluster of this name with the definitions, gone at the end, also when this process is asked to end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    cluster = localcluster.up(name, nodes=nodes, provider="local", controller_flags=controller_flags)
    try:
        cluster.kubectl("apply", "-f", str(ROOT / "crds"))
        cluster.kubectl("wait", "--for=condition=Established", "crd/dkronjobs.dkron.io")
        yield cluster
    finally:
        cluster.down()


SLOTS = re.compile(rb'"(?:dkron\.io/slot|batch\.kubernetes\.io/cronjob-scheduled-timestamp)":"([^"]+)"')
VERSION = re.compile(rb'"resourceVersion":"([0-9]+)"')
Sight = tuple[float, float | None]
"""When a Job was seen, and its slot, both in seconds since the epoch."""


class Witness:
    """Sees Jobs appear in a namespace: a process of its own, since the API server cuts off slow readers."""

    def __init__(self, client: KubeClient, namespace: str) -> None:
        self._access = client.access
        self._path = JOBS.path(namespace)
        self._sights: list[Sight] = []

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[Self]:
        """Watch from now on."""
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_watch, args=(self._access, self._path, theirs), daemon=True)
        process.start()
        theirs.close()
        await asyncio.to_thread(ours.recv)
        reader = threading.Thread(target=self._read, args=(ours,))
        reader.start()
        try:
            yield self
        finally:
            process.terminate()
            process.join()
            reader.join()

    def _read(self, ours: Connection) -> None:
        with ours, contextlib.suppress(EOFError):
            while True:
                self._sights.append(ours.recv())

    @property
    def seen(self) -> list[float]:
        """When each Job was seen."""
        return [at for at, _ in self._sights]

    @property
    def late(self) -> list[tuple[float, float]]:
        """Of each Job its slot, in seconds since the epoch, and by how many seconds it came late."""
        return [(slot, at - slot) for at, slot in self._sights if slot is not None]

    async def all_of(self, count: int, deadline: float) -> list[float]:
        """Times of arrival of this many Jobs, or what there was at the deadline."""
        end = time.monotonic() + deadline
        while len(self._sights) < count and time.monotonic() < end:  # noqa: ASYNC110 - arrivals are timed elsewhere
            await asyncio.sleep(0.05)
        if len(self._sights) < count:
            sys.stderr.write(f"only {len(self._sights)} of {count} Jobs after {deadline:.0f} s\n")
        return self.seen[:count]

    async def sees(self, moment: float, deadline: float) -> None:
        """Return when a slot after this moment has its Job. Raises TimeoutError."""
        async with asyncio.timeout(deadline):
            while not any(slot > moment for slot, _ in self.late):  # noqa: ASYNC110 - arrivals are timed elsewhere
                await asyncio.sleep(0.05)

    def between(self, begin: float, end: float) -> list[float]:
        """By how many seconds the Jobs of the slots from `begin` until before `end` came late, sorted."""
        return sorted(late for slot, late in self.late if begin <= slot < end)


def _watch(way: access.Access, path: str, theirs: Connection) -> None:
    asyncio.run(_send_sights(way, path, theirs))


async def _send_sights(way: access.Access, path: str, theirs: Connection) -> None:
    """Send that the watch has begun, and then what it shows, until killed. It goes on where it was cut off."""
    version, begun = "", False
    async with way.open_session() as session:
        while True:
            params = {"watch": "true", "timeoutSeconds": str(WATCH), "resourceVersion": version}
            async with session.get(path, params=params, timeout=ENDLESS, read_bufsize=2**20) as response:
                if not begun:
                    theirs.send(None)
                    begun = True
                while line := await response.content.readuntil(b"\n"):
                    now, found = time.time(), VERSION.search(line)
                    if found is None:
                        sys.exit(f"the watch of the witness has ended: {line.decode()}")
                    version = found[1].decode()
                    if b'"ADDED"' in line[:40]:
                        slot = SLOTS.search(line)
                        theirs.send((now, datetime.fromisoformat(slot[1].decode()).timestamp() if slot else None))


async def many(count: int, work: Callable[[int], Awaitable[None]], width: int = 32) -> None:
    """Do this for 0 to count - 1, `width` at a time."""
    numbers = iter(range(count))

    async def worker() -> None:
        for number in numbers:
            await work(number)

    await asyncio.gather(*(worker() for _ in range(width)))


@contextlib.asynccontextmanager
async def connected(cluster: localcluster.Cluster, name: str) -> AsyncIterator[KubeClient]:
    """A client of a cluster, in which there is a namespace of this name from now on."""
    client = KubeClient(await access.load(cluster.kubeconfig))
    try:
        await client.create(NAMESPACES, None, _namespace(name))
        yield client
    finally:
        await client.close()


@contextlib.asynccontextmanager
async def namespace(client: KubeClient, name: str) -> AsyncIterator[str]:
    """A namespace for one contender; what is in it goes with it."""
    created = await client.create(NAMESPACES, None, _namespace(name))
    try:
        yield name
    finally:
        await client.delete(NAMESPACES, None, name, uid=created["metadata"]["uid"])
        await _gone(client, name)


def _namespace(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


async def _gone(client: KubeClient, name: str) -> None:
    """The garbage of one contender must not load the next."""
    end = time.monotonic() + CLEAN_UP
    with contextlib.suppress(NotFound):
        while time.monotonic() < end:
            await client.get(NAMESPACES, None, name)
            await asyncio.sleep(0.5)
        sys.stderr.write(f"namespace {name} is still there after {CLEAN_UP:.0f} s\n")


def cpu_of(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def percentiles(values: Sequence[float]) -> str:
    """Median, 99th percentile and the worst of sorted values."""
    if not values:
        return "none"
    return f"p50 {values[len(values) // 2]:.3f}, p99 {values[len(values) * 99 // 100]:.3f}, last {values[-1]:.3f}"


async def recorded(client: KubeClient, name: str) -> tuple[int, int, int]:
    """How many executions the jobs of a namespace have recorded, how many of these failed, and how many slots were
    skipped."""
    success = failed = skipped = 0
    async for job in client.list(DKRON_JOBS, name):
        status = job.get("status") or {}
        success += status.get("successCount", 0)
        failed += status.get("errorCount", 0)
        skipped += (status.get("skipped") or {}).get("count", 0)
    return success + failed, failed, skipped


def dkron_job(name: str, schedule: str) -> Object:
    """A DkronJob that runs what every contender runs."""
    spec = {"schedule": schedule, "executorConfig": {"command": "true"}}
    return {"apiVersion": "dkron.io/v1alpha1", "kind": "DkronJob", "metadata": {"name": name}, "spec": spec}


class OperatorProcess:
    """The operator as users start it."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self.calls: dict[str, int] = {}
        self._log = log

    def check(self) -> None:
        """Stop here if it has died."""
        if self.process.poll() is not None:
            sys.exit(f"the operator ended:\n{self._log.read_text()[-2000:]}")

    def cpu(self) -> float:
        """Seconds of CPU since it was started."""
        return cpu_of(self.process.pid)

    def memory(self) -> float:
        """Resident memory in MB."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 1e6

    def stop(self) -> None:
        """Stop it in order, and read what it tells about its API calls."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        last = self._log.read_text().splitlines()[-1]
        self.calls = json.loads(last).get("calls", {})


@contextlib.contextmanager
def operator(kubeconfig: Path, name: str, *options: str) -> Iterator[OperatorProcess]:
    """A running operator for one namespace, stopped at the end."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        command = [sys.executable, "-m", "dkron_operator", "--namespace", name, "--kubeconfig", str(kubeconfig)]
        command += options
        with log.open("wb") as output:
            process = subprocess.Popen(command, stderr=output, cwd=ROOT)
        running = OperatorProcess(process, log)
        try:
            yield running
        finally:
            running.stop()
