"""How many requests does the REST API answer in a second? Each load beside a reference of the same minute.

A cluster without nodes, 1,000 jobs, one process of `dkron-api` on one core, the load on the other. Reads are compared
with a bare aiohttp handler that answers the same bytes from memory: what the framework itself can do. Writes are
compared with a loop that does the same at the API server without us, over as many connections and on the same core.

    python bench/rest.py [--jobs 1000] [--connections 32] [--rounds 5] [--seconds 3]

Contenders take turns; what is printed is the median of the rounds after a first one that does not count. The columns in
µs are CPU of the server (of the loop) for each answer: unlike the rates they say the same on a busy machine. `load` is
the share of its core that the generator used: near 100 % it would be what was measured.
"""

import argparse
import asyncio
import contextlib
import json
import shlex
import statistics
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import uvloop
from load import Outcome, load, request
from rest_servers import Cores, Server, bare_handler, dkron_api, pinned, two_cores
from rig import ROOT, Object, many, namespace

import localcluster
from dkron_api.translate.body import read_body
from dkron_api.translate.spec import spec_of
from dkron_crds.kube import access
from dkron_crds.kube.client import KubeClient
from dkron_crds.kube.paths import DKRON_JOBS
from dkron_crds.names import API_VERSION

FOREVER = 600.0
"""Seconds after which a load of a given number of requests is given up."""


@dataclass(frozen=True, slots=True)
class Read:
    """A GET, and what Dkron 4.1.2 answered in a second on such a machine."""

    name: str
    path: str
    dkron: int


READS = (
    Read("list of all jobs", "/v1/jobs", 225),
    Read("page of 25", "/v1/jobs?_start=0&_end=25&_sort=name&_order=ASC", 317),
    Read("one job", "/v1/jobs/job-0000", 34600),
)
DKRON_POST = 1364


@dataclass(frozen=True, slots=True)
class Round:
    """One load, and the seconds of CPU that the server used for it."""

    outcome: Outcome
    cpu: float

    @property
    def cost(self) -> float:
        """Seconds of CPU for each answer."""
        return self.cpu / len(self.outcome.latencies)


class Rounds:
    """What the rounds of one contender brought; the first is its warm-up."""

    def __init__(self) -> None:
        self._all: list[Round] = []

    def add(self, round_: Round) -> None:
        """One more."""
        self._all.append(round_)

    def median(self, of: Callable[[Round], float]) -> float:
        """Of a figure, over the rounds that count."""
        return statistics.median(of(each) for each in self._all[1:])

    @property
    def rate(self) -> float:
        """Answers in a second."""
        return self.median(lambda each: each.outcome.rate)

    @property
    def cost(self) -> float:
        """Microseconds of CPU for each answer."""
        return self.median(lambda each: each.cost) * 1e6

    def latency(self, share: float) -> float:
        """Milliseconds within which this share of the answers came."""
        return self.median(lambda each: each.outcome.percentile(share)) * 1000


HEADER = (
    f"{'':<16} {'reference':>10} {'dkron-api':>10} {'share':>6} {'Dkron':>7} {'times':>6} {'p50 ms':>8} {'p99 ms':>8} "
    f"{'ref. µs':>8} {'ours µs':>8} {'load':>5}"
)


def row(name: str, ours: Rounds, reference: Rounds, dkron: int) -> str:
    """A line of the table."""
    than_dkron = f"{dkron:>7,} {ours.rate / dkron:>5.1f}x" if dkron else " " * 14
    return (
        f"{name:<16} {reference.rate:>10,.0f} {ours.rate:>10,.0f} {ours.rate / reference.rate:>6.0%} {than_dkron} "
        f"{ours.latency(0.5):>8.2f} {ours.latency(0.99):>8.2f} {reference.cost:>8.0f} {ours.cost:>8.0f} "
        f"{ours.median(lambda each: each.outcome.busy):>5.0%}"
    )


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

    async def reads(self, server: Server) -> None:
        """Print the rows of the reads."""
        answers = {read.path: fetched(server, read.path) for read in READS}
        with bare_handler(answers, core=self._cores.server) as bare:
            for read in READS:
                ours, reference = Rounds(), Rounds()
                for _ in range(self._options.rounds + 1):
                    reference.add(await self._read(bare, read.path))
                    ours.add(await self._read(server, read.path))
                print(row(read.name, ours, reference, read.dkron), f" {len(answers[read.path]):,} bytes", flush=True)

    async def _read(self, server: Server, path: str) -> Round:
        return await self._load(server, repeat(request("GET", path)), 200, seconds=self._options.seconds)

    async def writes(self, server: Server) -> None:
        """Print the rows of the writes; the jobs that are written are gone in the end."""
        titles = ("POST, new job", "POST, same job", "DELETE")
        ours, reference = [Rounds() for _ in titles], [Rounds() for _ in titles]
        async with namespace(self._client, "bare") as bare:
            for number in range(self._options.rounds + 1):
                names = [f"round-{number}-{each:04}" for each in range(self._options.jobs)]
                for rounds, done in zip(reference, await self._bare_writes(bare, names), strict=True):
                    rounds.add(done)
                for rounds, done in zip(ours, await self._rest_writes(server, names), strict=True):
                    rounds.add(done)
        for title, mine, theirs, dkron in zip(titles, ours, reference, (DKRON_POST, DKRON_POST, 0), strict=True):
            print(row(title, mine, theirs, dkron), flush=True)

    async def _rest_writes(self, server: Server, names: Sequence[str]) -> list[Round]:
        create = [request("POST", "/v1/jobs", body(name)) for name in names]
        change = [request("POST", "/v1/jobs", body(name, "backup --some")) for name in names]
        delete = [request("DELETE", f"/v1/jobs/{name}") for name in names]
        return [
            await self._load(server, iter(create), 201),
            await self._load(server, iter(change), 201),
            await self._load(server, iter(delete), 200),
        ]

    async def _load(
        self, server: Server, requests: Iterator[bytes], expected: int, *, seconds: float = FOREVER
    ) -> Round:
        used = server.cpu()
        with pinned(self._cores.generator):
            connections = self._options.connections
            outcome = await load(server.address, requests, expected=expected, connections=connections, seconds=seconds)
        return Round(outcome, server.cpu() - used)

    async def _bare_writes(self, where: str, names: Sequence[str]) -> list[Round]:
        client, made = self._client, dict[str, str]()
        creates = {name: stored(name) for name in names}
        spec = stored("any", "backup --some")["spec"]

        async def create(name: str) -> None:
            made[name] = (await client.create(DKRON_JOBS, where, creates[name]))["metadata"]["uid"]

        async def change(name: str) -> None:
            await client.json_patch(DKRON_JOBS, where, name, [{"op": "replace", "path": "/spec", "value": spec}])

        async def delete(name: str) -> None:
            await client.delete(DKRON_JOBS, where, name, uid=made[name])

        return [await self._loop(names, work) for work in (create, change, delete)]

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


def fetched(server: Server, path: str) -> bytes:
    """The answer that the bare handler has to give, too."""
    host, port = server.address
    with urllib.request.urlopen(f"http://{host}:{port}{path}") as answer:
        content: bytes = answer.read()
        return content


@contextlib.contextmanager
def control_plane() -> Iterator[localcluster.Cluster]:
    """A cluster without nodes and with the definitions, gone at the end."""
    cluster = localcluster.up("bench-rest", nodes="none", provider="local")
    try:
        cluster.kubectl("apply", "-f", str(ROOT / "crds"))
        cluster.kubectl("wait", "--for=condition=Established", "crd/dkronjobs.dkron.io")
        yield cluster
    finally:
        cluster.down()


async def compare(kubeconfig: Path, options: argparse.Namespace) -> None:
    """Run all contenders, one after another, and print a row for each load."""
    client, cores = KubeClient(await access.load(kubeconfig)), two_cores()
    bench = Bench(client, cores, options)
    try:
        async with namespace(client, "rest") as name:
            await bench.fill(name)
            with dkron_api(kubeconfig, name, core=cores.server, options=shlex.split(options.api_options)) as server:
                print(f"{options.jobs} jobs, {options.connections} connections, median of {options.rounds} rounds")
                print(HEADER)
                if options.only != "writes":
                    await bench.reads(server)
                if options.only != "reads":
                    await bench.writes(server)
    finally:
        await client.close()


def main() -> None:
    """Start the cluster, compare, and stop it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1000, help="jobs that are there, and written in a round (1000)")
    parser.add_argument("--connections", type=int, default=32, help="connections of the load (default 32)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count (default 5)")
    parser.add_argument("--seconds", type=float, default=3, help="length of a round of reads (default 3)")
    parser.add_argument("--only", choices=("reads", "writes"), help="leave out the others")
    parser.add_argument("--api-options", default="", help="further options for dkron-api, in one text")
    parser.add_argument("--kubeconfig", type=Path, help="a cluster that is there already, instead of one of our own")
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if options.kubeconfig:
            runner.run(compare(options.kubeconfig, options))
            return
        with control_plane() as cluster:
            runner.run(compare(cluster.kubeconfig, options))


if __name__ == "__main__":
    main()
