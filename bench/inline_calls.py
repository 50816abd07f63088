"""How many calls without a pod does the operator make in a second, with all that is written of each?

Jobs with `inline: "true"` call a server on the loopback, each once a second, for a while. The server counts. Beside it
the same calls from a bare loop over the same pool: what the client can do when nothing is written down.

    python bench/inline_calls.py [--jobs 250] [--seconds 30]
"""

import argparse
import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from rig import installed, many, namespace, operator, recorded

import localcluster
from dkron_executors.keys.http import Http
from dkron_executors.run.pool import Pool
from dkron_kube import access
from dkron_kube.client import KubeClient
from dkron_kube.paths import DKRON_JOBS

PLACES = 50
BARE = 3000
"""Calls of the bare loop."""

Object = dict[str, Any]


@dataclass
class Server:
    """Counts what arrives."""

    url: str = ""
    arrived: list[float] = field(default_factory=list)

    async def answer(self, _request: web.Request) -> web.Response:
        """A short text."""
        self.arrived.append(time.time())
        return web.Response(text="fine")

    def rate(self, begin: float, end: float) -> float:
        """Arrivals a second."""
        return sum(begin <= at < end for at in self.arrived) / (end - begin)


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    """A server on a free port of the loopback."""
    server, app = Server(), web.Application()
    app.router.add_get("/", server.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    try:
        yield server
    finally:
        await runner.cleanup()


async def bare(server: Server) -> float:
    """Calls a second that the pool makes without claims and records."""
    pool, keys = Pool(limit=PLACES), Http.read({"method": "GET", "url": server.url})

    async def call(_number: int) -> None:
        async with pool.place():
            await pool.call(keys)

    begin = time.time()
    await many(BARE, call, PLACES)
    await pool.close()
    return BARE / (time.time() - begin)


def inline_job(number: int, url: str, kept: int) -> Object:
    """One call a second."""
    config = {"method": "GET", "url": url, "inline": "true", "expectCode": "200"}
    spec: Object = {"schedule": "@every 1s", "executor": "http", "executorConfig": config, "missedRuns": "skip"}
    spec["history"] = {"executions": kept}
    return {"apiVersion": "dkron.io/v1alpha1", "kind": "DkronJob", "metadata": {"name": f"call-{number}"}, "spec": spec}


async def measure(cluster: localcluster.Cluster, jobs: int, seconds: float, kept: int) -> None:
    """Print what the bare loop and the operator make of it."""
    client = KubeClient(await access.load(cluster.kubeconfig))
    try:
        async with serving() as server:
            print(f"bare loop: {await bare(server):.0f} calls/s", flush=True)
            async with namespace(client, "calls") as name:
                running = operator(
                    cluster.kubeconfig, name, "--inline-calls", str(PLACES), "--inline-allow", "127.0.0.0/8"
                )
                process = running.__enter__()
                try:
                    await many(jobs, lambda n: _create(client, name, inline_job(n, server.url, kept)))
                    await asyncio.sleep(10)
                    begin, cpu = time.time(), process.cpu()
                    await asyncio.sleep(seconds)
                    process.check()
                    end, used = time.time(), process.cpu() - cpu
                finally:
                    # It stops in order, which takes an answer to each call that is under way.
                    await asyncio.to_thread(running.__exit__, None, None, None)
                rate = server.rate(begin, end)
                executions, failed, skipped = await recorded(client, name)
        print(
            f"operator: {rate:.0f} calls/s of {jobs} wanted, {used / (rate * (end - begin)) * 1000:.2f} ms of CPU each"
        )
        print(f"recorded: {executions} executions, {failed} of them failed, {skipped} slots skipped")
        print("API calls:", {call: count for call, count in process.calls.items() if count > jobs})
    finally:
        await client.close()


async def _create(client: KubeClient, name: str, body: Object) -> None:
    await client.create(DKRON_JOBS, name, body)


def main() -> None:
    """Start the cluster, measure, and stop it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=250, help="how many jobs, each once a second (default 250)")
    parser.add_argument("--seconds", type=float, default=30, help="how long to measure (default 30)")
    parser.add_argument("--kept", type=int, default=20, help="history.executions of each job (default 20)")
    options = parser.parse_args()
    with installed("bench-calls") as cluster:
        asyncio.run(measure(cluster, options.jobs, options.seconds, options.kept))


if __name__ == "__main__":
    main()
