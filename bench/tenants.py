"""How late is a job that is due each second, when another namespace does all that it may?

The other namespace has jobs that are due each second, requests for runs, and long templates. One cluster with simulated
(KWOK) nodes for each row, since what one leaves behind would slow down the next. A watch on Jobs is the witness.

    python bench/tenants.py [--jobs 1000] [--seconds 20]
    python bench/tenants.py --only "all attacks at once" --seconds 60

That row, only on request, is a namespace at the quota of docs/security.md that tries everything at once: two pools
that order their runs differently get and lose a thousand places, runs with ten members wait in line, the first job of a
chain is edited, jobs at the bound are due each second, and its pauses change. It has 100 seconds to fill its lines.
`lag` is the longest time that the operator's event loop was blocked in the last minute. Lag and p99 are to stay below a
second; the exit status is 1 otherwise. Beside it stands a bare loop, a process that creates a Job in a third namespace
each second and does nothing else: how late its Jobs are is the share of the API server and of the machine.
"""

import argparse
import asyncio
import multiprocessing
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.sharedctypes import Synchronized
from typing import Any

from big_specs import free_port, lag
from rig import NAMESPACES, Witness, dkron_job, many, operator, percentiles, simulated
from same_second import bare_job
from sustained import Meter

import localcluster
from dkron_crds.base import rfc3339
from dkron_crds.job_metadata import SLOT
from dkron_crds.requests import run_annotation
from dkron_kube import access
from dkron_kube.client import KubeClient
from dkron_kube.paths import DKRON_JOBS, DKRON_PAUSES, DKRON_POOLS, JOBS, Resource

Object = dict[str, Any]
EACH_SECOND = "* * * * * *"
QUIET, NOISY, BARE = "quiet", "noisy", "bare"
TEMPLATES, TEMPLATE_BYTES = 200, 60_000
ASKED, REQUESTS_OF_ONE = 5, 100
ROWS = {
    "undisturbed": None,
    "without a budget": ("--namespace-creates", "0"),
    "with the default": (),
    "with 50 a second": ("--namespace-creates", "50"),
    "all attacks at once": (),
}
ATTACKS = "all attacks at once"
POOLED, TAGGED, CHAINED, LARGE = 25, 3, 12, 10
"""How many DkronJobs each attack has: together, as many as the quota allows."""
PAUSES = 50
FILL = 100.0
"""Seconds in which the lines of 100 runs become full."""
MOST = 1.0
"""Seconds that the event loop may be blocked, and that the 99th percentile of the canary's slots may be late."""


@dataclass(frozen=True, slots=True)
class Load:
    """The load of the noisy namespace."""

    jobs: int
    seconds: float


async def flood(client: KubeClient, load: Load) -> None:
    """Everything at once."""

    async def create(number: int) -> None:
        if number < TEMPLATES:
            await client.create(DKRON_JOBS, NOISY, long_job(f"long-{number}"))
        if number < load.jobs:
            await client.create(DKRON_JOBS, NOISY, dkron_job(f"due-{number}", EACH_SECOND))
        if number < ASKED:
            body = dkron_job(f"asked-{number}", "@manually")
            asked = (run_annotation(f"{each}", datetime.now(UTC)) for each in range(REQUESTS_OF_ONE))
            body["metadata"]["annotations"] = dict(asked)
            await client.create(DKRON_JOBS, NOISY, body)

    await many(max(load.jobs, TEMPLATES, ASKED), create, width=8)


def long_job(name: str) -> Object:
    """A job with as long a template as tenants may like."""
    job = dkron_job(name, EACH_SECOND)
    pod = {"metadata": {"annotations": {"note": "x" * TEMPLATE_BYTES}}}
    job["spec"]["jobTemplate"] = {"spec": {"template": pod}}
    return job


async def prepare(client: KubeClient) -> None:
    """All objects of the attacks: no more than the quota allows. A local cluster does not count them."""
    line = {"concurrency": "queue", "queue": {"max": 100}}
    queued = {"pools": ["fifo", "priority"], "queue": {"max": 100}}
    specs: dict[str, Object] = {f"pooled-{n}": queued | {"priority": n} for n in range(POOLED)}
    specs |= {f"tagged-{n}": line | {"pools": ["closed"], "tags": {"dc": "a"}} for n in range(TAGGED)}
    specs |= {f"large-{n}": line | long_job("")["spec"] for n in range(LARGE)}
    specs |= {f"chained-{n}": {"schedule": "", "dependsOn": [{"job": f"chained-{n - 1}"}]} for n in range(1, CHAINED)}
    for name, order in (("fifo", "fifo"), ("priority", "priority"), ("closed", "fifo")):
        await client.create(DKRON_POOLS, NOISY, _object("DkronPool", name, {"size": 0, "order": order}))
    for name, spec in {"chained-0": {}, **specs}.items():
        job = dkron_job(name, EACH_SECOND)
        job["spec"] |= spec
        await client.create(DKRON_JOBS, NOISY, job)
    for number in range(PAUSES):
        await client.create(DKRON_PAUSES, NOISY, _object("DkronPause", f"pause-{number}", {"jobs": ["chained-0"]}))


def _object(kind: str, name: str, spec: Object) -> Object:
    return {"apiVersion": "dkron.io/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


@dataclass(slots=True)
class Attack:
    """All that hurts, changed again and again. `writes` counts the answered requests."""

    client: KubeClient
    writes: int = 0

    async def run(self) -> None:
        """Change it until cancelled."""
        turn = 0
        while True:
            turn += 1
            places, parent = (1000, "other") if turn % 2 else (0, "chained-0")
            for name in ("fifo", "priority"):
                await self._patch(DKRON_POOLS, name, {"spec": {"size": places}})
            await self._patch(DKRON_JOBS, "chained-1", {"spec": {"dependsOn": [{"job": parent}]}})
            for number in range(LARGE):
                await self._patch(DKRON_JOBS, f"large-{number}", {"metadata": {"labels": {"turn": str(turn)}}})
            for number in range(PAUSES):
                await self._patch(DKRON_PAUSES, f"pause-{number}", {"spec": {"reason": str(turn)}})

    async def _patch(self, kind: Resource, name: str, change: Object) -> None:
        await self.client.patch(kind, NOISY, name, change)
        self.writes += 1


@asynccontextmanager
async def attacked(client: KubeClient) -> AsyncIterator[Attack]:
    """The attacks go on meanwhile, once the lines are full."""
    await prepare(client)
    await asyncio.sleep(FILL)
    attack = Attack(client)
    task = asyncio.create_task(attack.run())
    try:
        yield attack
        if task.done():
            task.result()
    finally:
        task.cancel()


@contextmanager
def bare_loop(way: access.Access) -> Iterator[Callable[[], float]]:
    """A process that creates a Job each second. Tells by how many seconds it woke up late at most."""
    context = multiprocessing.get_context("fork")
    worst = context.Value("d", 0.0)
    process = context.Process(target=lambda: asyncio.run(_create_each_second(way, worst)), daemon=True)
    process.start()
    try:
        yield lambda: worst.value
    finally:
        process.terminate()
        process.join()


async def _create_each_second(way: access.Access, worst: "Synchronized[float]") -> None:
    client = KubeClient(way)
    async with asyncio.TaskGroup() as group:
        while True:
            slot = int(time.time()) + 1
            await asyncio.sleep(slot - time.time())
            worst.value = max(worst.value, time.time() - slot)
            at = datetime.fromtimestamp(slot, UTC)
            metadata = {"name": f"bare-{slot}", "annotations": {SLOT: rfc3339(at)}}
            group.create_task(client.create(JOBS, BARE, bare_job(metadata)))


async def attacks(cluster: localcluster.Cluster, seconds: float) -> bool:
    """Print how the canary and the event loop fare. Returns whether both stay within their bounds."""
    client, port = KubeClient(await access.load(cluster.kubeconfig)), free_port()
    cluster.kubectl("label", "nodes", "--all", "--overwrite", "dc=a")
    try:
        for name in (QUIET, NOISY, BARE):
            await client.create(NAMESPACES, None, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        canary, peer = Witness(client, QUIET), Witness(client, BARE)
        async with canary.watching(), peer.watching():
            with operator(cluster.kubeconfig, f"{QUIET},{NOISY}", "--monitoring-port", str(port)) as process:
                await client.create(DKRON_JOBS, QUIET, dkron_job("canary", EACH_SECOND))
                await canary.sees(time.time(), 30)
                async with attacked(client) as attack:
                    with bare_loop(client.access) as lag_of_bare:
                        begin, meter = time.time(), Meter(cluster, process)
                        await asyncio.sleep(seconds)
                        end, blocked, used = time.time(), await lag(port), meter.used()
                        await asyncio.sleep(5)
                process.check()
                late, others, memory = canary.between(begin, end), peer.between(begin + 1, end), process.memory()
    finally:
        await client.close()
    worst = late[len(late) * 99 // 100] if late else float("inf")
    lost = int(end - begin) - len(late)
    print(f"{ATTACKS:<28} {percentiles(late):<42} {lost:5} {'':8} {memory:8.0f}  lag {blocked:.2f}")
    print(f"{'  a bare loop beside it':<28} {percentiles(others):<42} {'':23}  lag {lag_of_bare():.2f}")
    cores = ", ".join(f"{name} {ms / 1000 / (end - begin):.2f}" for name, ms in used.items())
    print(f"  {attack.writes / (end + 5 - begin):.0f} changes/s; cores: {cores}", flush=True)
    return max(worst, blocked) < MOST


async def row(cluster: localcluster.Cluster, title: str, options: tuple[str, ...] | None, load: Load) -> None:
    """Print how late the canary was."""
    client = KubeClient(await access.load(cluster.kubeconfig))
    try:
        for name in (QUIET, NOISY):
            await client.create(NAMESPACES, None, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        quiet, noisy = Witness(client, QUIET), Witness(client, NOISY)
        async with quiet.watching(), noisy.watching():
            with operator(cluster.kubeconfig, f"{QUIET},{NOISY}", *(options or ())) as process:
                await client.create(DKRON_JOBS, QUIET, dkron_job("canary", EACH_SECOND))
                await quiet.sees(time.time(), 30)
                if options is not None:
                    await flood(client, load)
                begin = time.time()
                await asyncio.sleep(load.seconds)
                process.check()
                end, memory = time.time(), process.memory()
                late = quiet.between(begin, end - 1)
            made = sum(begin <= at < end for at in noisy.seen)
        lost = int(end - 1 - begin) - len(late)
        print(f"{title:<28} {percentiles(late):<42} {lost:5} {made / load.seconds:8.0f} {memory:8.0f}", flush=True)
    finally:
        await client.close()


def main() -> None:
    """A cluster and a row for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1000, help="jobs of the noisy namespace that are due each second")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long to look (default 20)")
    parser.add_argument("--only", choices=list(ROWS), action="append", help="only these rows")
    given = parser.parse_args()
    print(f"{'seconds late':<28} {'':<42} {'away':>5} {'others/s':>8} {'MB':>8}")
    within = True
    for title in given.only or (each for each in ROWS if each != ATTACKS):
        with simulated() as cluster:
            if title == ATTACKS:
                within = asyncio.run(attacks(cluster, given.seconds))
                continue
            asyncio.run(row(cluster, title, ROWS[title], Load(given.jobs, given.seconds)))
    sys.exit(0 if within else f"lag and p99 are to stay below {MOST} s")


if __name__ == "__main__":
    main()
