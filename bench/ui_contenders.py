"""The pages that `ui.py` measures, each with the server behind it: ours over a fake API server, and Dkron's program."""

import asyncio
import contextlib
import json
import multiprocessing
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import uvloop
from aiohttp import web
from namespaces import config_of
from rest_servers import dkron_api, two_cores

from dkron_crds.attempt_names import nanoseconds
from dkron_crds.base import rfc3339
from localcluster import build, tools
from localcluster.errors import ClusterError

DKRON = "4.1.2"
MINUTE = 60
START = 60.0
"""Seconds until a server has to be there."""
RAN_FOR = 0.5
"""Seconds that an execution of ours takes; Dkron really runs `true`."""
KEPT = 20

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a running server. `rows` and `ended` are CSS selectors: of the rows of the list of jobs, and of what
    the page of a job has once for each execution that has ended."""

    name: str
    url: str
    jobs: str
    job: str
    rows: str
    ended: str

    def request(self, method: str, path: str, body: object = None) -> bytes:
        """Ask its REST API."""
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(f"{self.url}{path}", data, method=method)  # noqa: S310 - on the loopback
        with urllib.request.urlopen(asked, timeout=START) as answer:  # noqa: S310
            return bytes(answer.read())


def ours(port: int) -> Page:
    """The page of `dkron-api`."""
    url = f"http://127.0.0.1:{port}"
    ended = "table.list tbody .mark.success"
    return Page("dkron-operator", url, f"{url}/ui/jobs", f"{url}/ui/jobs/watched", "table.list tbody tr", ended)


def dkrons(name: str, port: int) -> Page:
    """The page of Dkron at this port. What react-admin shows while it loads are rows without this class."""
    url, rows = f"http://127.0.0.1:{port}", "tbody .RaDatagrid-row"
    return Page(name, url, f"{url}/ui/#/jobs", f"{url}/ui/#/jobs/watched/show/executions", rows, rows)


@contextlib.contextmanager
def our_page(jobs: int, *, rate: int = 0) -> Iterator[Page]:
    """Our page with so many jobs, of which `rate` run each second."""
    with our_api(jobs, rate=rate) as port:
        yield ours(port)


@contextlib.contextmanager
def our_api(jobs: int, *, rate: int) -> Iterator[int]:
    """The port of a `dkron-api` with so many jobs. Kubernetes is a process that only tells what an API server would, so
    that the page and its server have the machine."""
    spawn = multiprocessing.get_context("spawn")
    mine, theirs = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_fake_kubernetes, args=(jobs, rate, theirs), daemon=True)
    process.start()
    try:
        if not mine.poll(START):
            raise SystemExit("the fake API server did not start")
        with tempfile.TemporaryDirectory() as folder:
            kubeconfig = Path(folder) / "kubeconfig"
            kubeconfig.write_text(json.dumps(config_of(mine.recv())))
            with dkron_api(kubeconfig, "default", core=two_cores().server, options=[]) as server:
                yield server.address[1]
    finally:
        process.terminate()
        process.join()


class Cluster:
    """The jobs, as the API server has them, and the changes of those that run."""

    def __init__(self, jobs: int, rate: int) -> None:
        self.jobs = [_job(number) for number in range(jobs)]
        self.version = jobs
        self._rate = rate
        self._watches: set[asyncio.Queue[bytes]] = set()

    async def run(self) -> None:
        """Start `rate` executions each second, one job after the other."""
        number, due = 0, time.monotonic()
        while self._rate:
            begun = self._start(self.jobs[number % len(self.jobs)])
            asyncio.get_running_loop().call_later(RAN_FOR, self._end, *begun)
            number, due = number + 1, due + 1 / self._rate
            await asyncio.sleep(max(due - time.monotonic(), 0))

    @contextlib.contextmanager
    def watching(self) -> Iterator[asyncio.Queue[bytes]]:
        """Tell of the changes from now on."""
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._watches.add(queue)
        try:
            yield queue
        finally:
            self._watches.discard(queue)

    def _start(self, job: Object) -> tuple[Object, Object]:
        begun = _attempt(job["metadata"]["name"], datetime.now(UTC))
        job["status"]["active"] = [{**begun, "state": "Running", "uid": begun["id"]}]
        self._changed(job)
        return job, begun

    def _end(self, job: Object, begun: Object) -> None:
        status, now = job["status"], rfc3339(datetime.now(UTC))
        ended = {**begun, "finishedAt": now, "state": "Succeeded", "exitCode": 0}
        status["executions"] = [ended, *status["executions"]][:KEPT]
        status |= {"active": [], "successCount": status["successCount"] + 1, "lastSuccess": now, "status": "success"}
        self._changed(job)

    def _changed(self, job: Object) -> None:
        self.version += 1
        job["metadata"]["resourceVersion"] = str(self.version)
        event = json.dumps({"type": "MODIFIED", "object": job}).encode() + b"\n"
        for queue in self._watches:
            queue.put_nowait(event)


def _job(number: int) -> Object:
    name, began = f"job-{number:05}", datetime.now(UTC) - timedelta(hours=1)
    metadata = {
        "name": name, "namespace": "default", "uid": f"uid-{number}", "resourceVersion": str(number + 1),
        "generation": 1, "creationTimestamp": "2026-03-01T12:00:00Z",
    }  # fmt: skip
    spec = {"schedule": f"{number % MINUTE} * * * * *", "executor": "shell", "executorConfig": {"command": "true"}}
    ended = {"finishedAt": rfc3339(began), "state": "Succeeded", "exitCode": 0}
    status = {
        "observedGeneration": 1, "since": "2026-03-01T12:00:00Z", "successCount": 1, "status": "success",
        "executions": [{**_attempt(name, began), **ended}], "lastSuccess": rfc3339(began), "active": [],
        "next": rfc3339(datetime.now(UTC) + timedelta(hours=1)),
        "conditions": [{"type": "Ready", "status": "True", "reason": "Scheduled"}],
    }  # fmt: skip
    return {"metadata": metadata, "spec": spec, "status": status}


def _attempt(name: str, began: datetime) -> Object:
    slot, job = rfc3339(began.replace(microsecond=0)), f"{name}-{int(began.timestamp())}-1"
    return {
        "id": f"{nanoseconds(began)}-{job}", "job": job, "slot": slot, "group": nanoseconds(began),
        "trigger": "schedule", "attempt": 1, "startedAt": rfc3339(began),
    }  # fmt: skip


def _fake_kubernetes(jobs: int, rate: int, port: Connection) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(Cluster(jobs, rate), port))


async def _serve(cluster: Cluster, port: Connection) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        of_jobs = request.path.endswith("/dkronjobs")
        if "watch" in request.query:
            response = web.StreamResponse()
            await response.prepare(request)
            with cluster.watching() as queue, contextlib.suppress(ConnectionError):
                while True:
                    event = await queue.get()
                    if of_jobs:
                        await response.write(event)
            return response
        begin, limit = int(request.query.get("continue") or 0), int(request.query.get("limit") or 10**9)
        its = cluster.jobs if of_jobs else []
        metadata = {"resourceVersion": str(cluster.version)}
        if begin + limit < len(its):
            metadata["continue"] = str(begin + limit)
        return web.json_response({"metadata": metadata, "items": its[begin : begin + limit]})

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port.send(runner.addresses[0][1])
    await cluster.run()
    await asyncio.Event().wait()


def find_dkron(chosen: str) -> tuple[Path | None, str]:
    """Return Dkron's program, and why there is none: `chosen`, the one on PATH, or one built from its Go module into
    the cache of tools."""
    if chosen == "none":
        return None, "--dkron none"
    path = chosen or shutil.which("dkron")
    if path:
        return Path(path), ""
    tool = tools.installed("dkron", "github.com/distribworks/dkron/v4", DKRON)
    try:
        build.ensure([tool])
    except ClusterError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        return None, next((line for line in lines[1:] if "log" not in line), lines[0])
    return tool.program("dkron"), ""


@contextlib.contextmanager
def dkron_page(program: Path, jobs: int, *, rate: int = 0) -> Iterator[Page]:
    """Dkron's page with so many jobs, of which `rate` run each second. It listens only on the loopback."""
    http, serf, rpc = _free_ports(3)
    page = dkrons("Dkron", http)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        command = [
            str(program), "agent", "--server", "--bootstrap-expect", "1", "--node-name", "bench", "--data-dir",
            f"{folder}/data", "--bind-addr", f"127.0.0.1:{serf}", "--advertise-addr", f"127.0.0.1:{serf}",
            "--rpc-port", str(rpc), "--http-addr", f"127.0.0.1:{http}", "--log-level", "error",
        ]  # fmt: skip
        with log.open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder)
        try:
            _wait_for_leader(page, process, log)
            for number in range(jobs):
                page.request("POST", "/v1/jobs", dkron_job(number, running=rate > 0))
            yield page
        finally:
            process.terminate()
            process.wait(START)


def dkron_job(number: int, *, running: bool) -> Object:
    """The same job for Dkron: due once a minute, or as good as never."""
    schedule = f"{number % MINUTE} * * * * *" if running else "@yearly"
    config = {"command": "true"}
    return {"name": f"job-{number:05}", "schedule": schedule, "executor": "shell", "executor_config": config}


def _wait_for_leader(page: Page, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            page.request("GET", "/v1/leader")
            return
        time.sleep(0.1)
    raise SystemExit(f"Dkron did not become leader:\n{log.read_text()[-2000:]}")


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
