"""How many requests does the REST API answer in a second? Each load beside a reference of the same minute.

A cluster without nodes, 1,000 jobs, one process of `dkron-api` on one core, the load on the other. Reads are compared
with a bare aiohttp handler that answers the same bytes from memory: what the framework itself can do. Writes are
compared with a loop that does the same at the API server without us, over as many connections and on the same core.

    python bench/rest.py [--jobs 1000] [--connections 32] [--rounds 5] [--seconds 3]

Contenders take turns; what is printed is the median of the rounds after a first one that does not count. `share` is our
rate by the reference's in the same round. The columns in µs are CPU of the server (of the loop) for each answer:
unlike the rates they say much the same on a busy machine. `load` is the share of its core that the generator used: near
100 % it would be what was measured.
"""

import argparse
import asyncio
import contextlib
import json
import shlex
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from pathlib import Path

import uvloop
from load import LoadError, Outcome, load, request
from rest_servers import Cores, Server, bare_handler, dkron_api, pinned, two_cores
from rest_table import HEADER, Round, Rounds, row
from rig import Object, installed, many, namespace

from dkron_api.translate.job import read_body
from dkron_crds.names import API_VERSION
from dkron_from_dkron.spec import spec_of
from dkron_kube import access
from dkron_kube.access import AccessError
from dkron_kube.client import KubeClient
from dkron_kube.errors import KubeError
from dkron_kube.paths import DKRON_JOBS

Step = Callable[[], Awaitable[Round]]

FOREVER = 600.0
"""Seconds after which a load of a given number of requests is given up."""


@dataclass(frozen=True, slots=True)
class Read:
    """A GET, and what Dkron 4.1.2 answered in a second on a machine like this (0: not known)."""

    name: str
    path: str
    dkron: int
    encoding: str = "identity"


READS = (
    Read("list of all jobs", "/v1/jobs", 225),
    Read("  compressed", "/v1/jobs", 0, "gzip"),
    Read("page of 25", "/v1/jobs?_start=0&_end=25&_sort=name&_order=ASC", 317),
    Read("one job", "/v1/jobs/job-0000", 34600),
)
DKRON_POST = 1364


def body(name: str, command: str = "backup --all") -> bytes:
    """A job as a client posts it."""
    job = {
        "name": name, "displayname": f"Nightly backup {name}", "schedule": "0 30 2 * * *", "timezone": "Europe/Berlin",
        "owner": "Operations", "owner_email": "operations@example.com", "retries": 2, "concurrency": "forbid",
        "metadata": {"team": "storage", "tier": "gold"}, "executor": "shell",
        "executor_config": {"command": command, "timeout": "30m", "env": "TARGET=s3,LEVEL=full"},
    }  # fmt: skip
    return json.dumps(job).encode()


def stored(name: str, command: str = "backup --all") -> Object:
    """The same job as the API stores it."""
    spec = spec_of(read_body(body(name, command)))
    return {"apiVersion": API_VERSION, "kind": "DkronJob", "metadata": {"name": name}, "spec": spec}


@dataclass(frozen=True, slots=True)
class Line:
    """A load, and its rounds at the REST API and at the reference. `size` is the answer's, in bytes, of a read."""

    title: str
    ours: Rounds
    reference: Rounds
    dkron: int
    size: int = 0


class Bench:
    """The contenders in one cluster."""

    def __init__(self, client: KubeClient, cores: Cores, options: argparse.Namespace) -> None:
        self._client = client
        self._cores = cores
        self._options = options

    async def fill(self, name: str) -> None:
        """Create the jobs that the reads show."""

        async def create(number: int) -> None:
            await self._client.create(DKRON_JOBS, name, stored(f"job-{number:04}"))

        await many(self._options.jobs, create)

    async def reads(self, server: Server) -> AsyncIterator[Line]:
        """Yield the lines of the reads."""
        answers = {(read.path, read.encoding): fetched(server, read) for read in READS}
        with bare_handler(answers, core=self._cores.server) as bare:
            for read in READS:
                ours, reference = Rounds(), Rounds()
                for _ in range(self._options.rounds + 1):
                    reference.add(await self._read(bare, read))
                    ours.add(await self._read(server, read))
                yield Line(read.name, ours, reference, read.dkron, len(answers[read.path, read.encoding]))

    async def _read(self, server: Server, read: Read) -> Round:
        data = request("GET", read.path, encoding=read.encoding)
        return await self._load(server, repeat(data), 200, seconds=self._options.seconds)

    async def writes(self, server: Server) -> AsyncIterator[Line]:
        """Yield the lines of the writes; the jobs that are written are gone in the end."""
        titles = ("POST, new job", "POST, same job", "DELETE")
        ours, reference = [Rounds() for _ in titles], [Rounds() for _ in titles]
        async with namespace(self._client, "bare") as bare:
            for number in range(self._options.rounds + 1):
                names = [f"round-{number}-{each:04}" for each in range(self._options.jobs)]
                steps = zip(self._bare_writes(bare, names), self._rest_writes(server, names), strict=True)
                for at, (bare_step, rest_step) in enumerate(steps):
                    reference[at].add(await bare_step())
                    ours[at].add(await rest_step())
        for title, mine, theirs, dkron in zip(titles, ours, reference, (DKRON_POST, DKRON_POST, 0), strict=True):
            yield Line(title, mine, theirs, dkron)

    def _rest_writes(self, server: Server, names: Sequence[str]) -> list[Step]:
        create = [request("POST", "/v1/jobs", body(name)) for name in names]
        change = [request("POST", "/v1/jobs", body(name, "backup --some")) for name in names]
        delete = [request("DELETE", f"/v1/jobs/{name}") for name in names]
        return [
            partial(self._load, server, iter(create), 201),
            partial(self._load, server, iter(change), 201),
            partial(self._load, server, iter(delete), 200),
        ]

    async def _load(
        self, server: Server, requests: Iterator[bytes], expected: int, *, seconds: float = FOREVER
    ) -> Round:
        used = server.cpu()
        with pinned(self._cores.generator):
            connections = self._options.connections
            outcome = await load(server.address, requests, expected=expected, connections=connections, seconds=seconds)
            cpu = server.cpu() - used
        server.forget()
        return Round(outcome, cpu)

    def _bare_writes(self, where: str, names: Sequence[str]) -> list[Step]:
        client, made = self._client, dict[str, str]()
        creates = {name: stored(name) for name in names}
        spec = stored("any", "backup --some")["spec"]

        async def create(name: str) -> None:
            made[name] = (await client.create(DKRON_JOBS, where, creates[name]))["metadata"]["uid"]

        async def change(name: str) -> None:
            await client.json_patch(DKRON_JOBS, where, name, [{"op": "replace", "path": "/spec", "value": spec}])

        async def delete(name: str) -> None:
            await client.delete(DKRON_JOBS, where, name, uid=made[name])

        return [partial(self._loop, names, work) for work in (create, change, delete)]

    async def _loop(self, names: Sequence[str], work: Callable[[str], Awaitable[None]]) -> Round:
        """All of them, without us in between."""
        latencies: list[float] = []

        async def timed(number: int) -> None:
            at = time.perf_counter()
            await work(names[number])
            latencies.append(time.perf_counter() - at)

        with pinned(self._cores.server):
            begin, used = time.perf_counter(), time.process_time()
            await many(len(names), timed, self._options.connections)
            took = time.perf_counter() - begin
        cpu = time.process_time() - used
        return Round(Outcome(sorted(latencies), took, cpu / took), cpu)


def fetched(server: Server, read: Read) -> bytes:
    """The answer that the bare handler has to give, too."""
    host, port = server.address
    asked = urllib.request.Request(f"http://{host}:{port}{read.path}", headers={"Accept-Encoding": read.encoding})
    with urllib.request.urlopen(asked) as answer:  # noqa: S310 - the loopback
        content: bytes = answer.read()
        return content


async def lines(kubeconfig: Path, options: argparse.Namespace) -> AsyncIterator[Line]:
    """Run all contenders, one after another, and yield a line for each load."""
    client, cores = KubeClient(await access.load(kubeconfig)), two_cores()
    bench = Bench(client, cores, options)
    try:
        async with namespace(client, "rest") as name:
            await bench.fill(name)
            with dkron_api(kubeconfig, name, core=cores.server, options=shlex.split(options.api_options)) as server:
                if options.only != "writes":
                    async for line in bench.reads(server):
                        yield line
                if options.only != "reads":
                    async for line in bench.writes(server):
                        yield line
    finally:
        await client.close()


async def compare(kubeconfig: Path, options: argparse.Namespace) -> None:
    """Print a row for each load."""
    print(f"{options.jobs} jobs, {options.connections} connections, median of {options.rounds} rounds")
    print(HEADER)
    async for line in lines(kubeconfig, options):
        size = f"  {line.size:,} bytes" if line.size else ""
        print(f"{row(line.title, line.ours, line.reference, line.dkron)}{size}", flush=True)


def run(
    measure: Callable[[Path, argparse.Namespace], Coroutine[None, None, None]], options: argparse.Namespace
) -> None:
    """Measure at `options.kubeconfig`, or at a control plane that is gone at the end."""
    with contextlib.ExitStack() as stack:
        kubeconfig = options.kubeconfig or stack.enter_context(installed("bench-rest")).kubeconfig
        runner = stack.enter_context(asyncio.Runner(loop_factory=uvloop.new_event_loop))
        try:
            runner.run(measure(kubeconfig, options))
        except (AccessError, KubeError, LoadError) as exc:
            sys.exit(str(exc))


def read_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1000, help="jobs that are there, and written in a round (1000)")
    parser.add_argument("--connections", type=int, default=32, help="connections of the load (default 32)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count (default 5)")
    parser.add_argument("--seconds", type=float, default=3, help="length of a round of reads (default 3)")
    parser.add_argument("--only", choices=("reads", "writes"), help="leave out the others")
    parser.add_argument("--api-options", default="", help="further options for dkron-api, in one text")
    parser.add_argument("--kubeconfig", type=Path, help="a cluster that is there already and has the definitions")
    return parser.parse_args(arguments)


def main() -> None:
    """Start the cluster, compare, and stop it."""
    run(compare, read_options())


if __name__ == "__main__":
    main()
