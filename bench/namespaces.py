"""What does one `dkron-api` cost that serves many namespaces, beside one that serves a single one?

A fake API server in a process of its own has 10,000 jobs: all in one namespace, or the same number in each of 50. It
lists them in pages, and its watches stay silent. No cluster is needed.

    python bench/namespaces.py [--jobs 10000] [--namespaces 50] [--seconds 3]

`ready` is the time from the start of the process until all jobs are known, `memory` its resident memory after the
reads. `list` and `job` are `GET …/v1/jobs` and `GET …/v1/jobs/NAME` over one connection, in turn for each namespace:
the median latency, and the CPU of the process for each answer, which says much the same on a busy machine. A list has
all jobs of its namespace.
"""

import argparse
import asyncio
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from multiprocessing.connection import Connection
from pathlib import Path

import uvloop
from aiohttp import web
from load import load, request
from rest import stored
from rest_servers import Server, dkron_api, two_cores

VERSION = "100000"
NEVER = 3600.0

Object = dict[str, object]


@dataclass(frozen=True, slots=True)
class Cost:
    """Of an answer, in milliseconds: the median latency, and CPU."""

    latency: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.latency:>8.2f} {self.cpu:>8.3f}"


@dataclass(frozen=True, slots=True)
class Row:
    """The measurements: seconds until it was ready, resident MB, and two reads."""

    ready: float
    memory: int
    of_list: Cost
    of_job: Cost

    def __str__(self) -> str:
        return f"{self.ready:>8.1f} {self.memory:>10} {self.of_list} {self.of_job}"


def job(number: int, namespaces: int) -> Object:
    """One of the jobs, in its namespace."""
    made: Object = stored(f"job-{number:05}")
    metadata = {
        "name": f"job-{number:05}", "namespace": f"team-{number % namespaces:02}", "uid": f"uid-{number}",
        "resourceVersion": str(number + 1), "generation": 1, "creationTimestamp": "2026-03-01T12:00:00Z",
    }  # fmt: skip
    return made | {"metadata": metadata, "status": {"successCount": 3}}


def fake_server(jobs: int, namespaces: int, port: Connection) -> None:
    """Answer lists and watches until terminated."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve([job(number, namespaces) for number in range(jobs)], port))


async def _serve(jobs: list[Object], port: Connection) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            response = web.StreamResponse()
            await response.prepare(request)
            await asyncio.sleep(NEVER)
            return response
        begin, limit = int(request.query.get("continue") or 0), int(request.query.get("limit") or len(jobs))
        _, found, namespace = request.path.partition("/namespaces/")
        its = [] if not request.path.endswith("/dkronjobs") else jobs
        if found:
            its = [each for each in its if each["metadata"]["namespace"] == namespace.partition("/")[0]]  # type: ignore[index]
        metadata = {"resourceVersion": VERSION}
        if begin + limit < len(its):
            metadata["continue"] = str(begin + limit)
        return web.json_response({"metadata": metadata, "items": its[begin : begin + limit]})

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port.send(runner.addresses[0][1])
    await asyncio.Event().wait()


def memory(server: Server) -> int:
    """Resident MB."""
    lines = Path(f"/proc/{server.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) // 1024


def cost(server: Server, paths: Iterator[str], seconds: float) -> Cost:
    """Ask for as long."""
    requests = (request("GET", path) for path in paths)
    used = server.cpu()
    outcome = asyncio.run(load(server.address, requests, expected=200, connections=1, seconds=seconds))
    used = server.cpu() - used
    server.forget()
    return Cost(outcome.percentile(0.5) * 1000, used / len(outcome.latencies) * 1000)


def measure(options: argparse.Namespace, *, namespaces: int, further: str) -> Row:
    """Start the fake server and the API, and ask."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe(duplex=False)
    process = spawn.Process(target=fake_server, args=(options.jobs, namespaces, theirs), daemon=True)
    process.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            kubeconfig = Path(folder) / "kubeconfig"
            kubeconfig.write_text(json.dumps(config_of(ours.recv())))
            begun = time.perf_counter()
            chosen = ["--namespaces", further] if further else []
            with dkron_api(kubeconfig, "team-00", core=two_cores().server, options=chosen) as server:
                ready = time.perf_counter() - begun
                every = [f"/ns/team-{number:02}" for number in range(namespaces)] if further else [""]
                jobs = [f"{base}/v1/jobs/job-{number:05}" for number, base in enumerate(every)]
                lists = cost(server, cycle([f"{base}/v1/jobs" for base in every]), options.seconds)
                single = cost(server, cycle(jobs), options.seconds)
                return Row(ready, memory(server), lists, single)
    finally:
        process.terminate()
        process.join()


def config_of(port: int) -> Object:
    """A kubeconfig for the fake server."""
    return {
        "apiVersion": "v1", "kind": "Config", "current-context": "fake",
        "clusters": [{"name": "fake", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
        "users": [{"name": "fake", "user": {"token": "none"}}],
    }  # fmt: skip


def main() -> int:
    """Print a row for each way to serve the jobs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--namespaces", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--only-one", action="store_true", help="measure only the single namespace")
    options = parser.parse_args()
    many = options.namespaces
    names = ",".join(f"team-{number:02}" for number in range(many))
    head = f"{'ready s':>8} {'memory MB':>10} {'list ms':>8} {'CPU ms':>8} {'job ms':>8} {'CPU ms':>8}"
    print(f"{f'{options.jobs} jobs':<18} {head}")
    cases = [("one namespace", 1, ""), (f"{many}, in a list", many, names), (f"{many}, by *", many, "*")]
    for title, namespaces, further in cases[:1] if options.only_one else cases:
        print(f"{title:<18} {measure(options, namespaces=namespaces, further=further)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
