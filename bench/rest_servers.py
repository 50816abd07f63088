"""The servers that the benchmark of the REST API asks: `dkron-api` as users start it, and a bare aiohttp handler that
gives the same answers from memory, each a process on a core of its own."""

import asyncio
import contextlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import uvloop
from aiohttp import web

START = 30.0
"""Seconds until a server has to be there."""
TYPE = "application/json; charset=utf-8"

Answers = dict[tuple[str, str], bytes]
"""Bodies by path and coding."""


@dataclass(frozen=True, slots=True)
class Cores:
    """One for what is measured, and one for what asks it. The API server has both."""

    server: int
    generator: int


@dataclass(frozen=True, slots=True)
class Server:
    """A process that listens on the loopback."""

    pid: int
    address: tuple[str, int]
    log: Path | None = None

    def forget(self) -> None:
        """Empty its log, which has a line for each request."""
        if self.log is not None:
            os.truncate(self.log, 0)

    def cpu(self) -> float:
        """Seconds of CPU since it was started."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def two_cores() -> Cores:
    """The first two that we may use; leaves with a sentence where there is one only."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        sys.exit("this benchmark needs two cores: one for the server and one for the load")
    return Cores(server=allowed[0], generator=allowed[1])


@contextlib.contextmanager
def pinned(core: int) -> Iterator[None]:
    """Stay on this core meanwhile, and whatever is started by us."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def dkron_api(
    kubeconfig: Path, name: str, *, core: int, options: list[str], seconds: float = START
) -> Iterator[Server]:
    """The API for one namespace, with all its jobs in memory, which it has after so many seconds at most."""
    command = [
        *(sys.executable, "-m", "dkron_api", "--port", "0", "--namespace", name, "--kubeconfig", str(kubeconfig)),
        *("--rate", "0"),
    ]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("ab") as output, pinned(core):
            process = subprocess.Popen([*command, *options], stderr=output)
        try:
            _line(process, log, "ready with ", seconds)
            port = str(_line(process, log, "listening on ", seconds)["url"]).rpartition(":")[2]
            yield Server(process.pid, ("127.0.0.1", int(port)), log)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(START)


def _line(process: subprocess.Popen[bytes], log: Path, text: str, seconds: float) -> dict[str, object]:
    """The line of the log whose message begins like this, as soon as it is there."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        for line in log.read_text().splitlines():
            with contextlib.suppress(ValueError):
                fields: dict[str, object] = json.loads(line)
                if str(fields.get("msg")).startswith(text):
                    return fields
        time.sleep(0.05)
    sys.exit(f"dkron-api did not say '{text}…':\n{log.read_text()[-2000:]}")


@contextlib.contextmanager
def bare_handler(answers: Answers, *, core: int) -> Iterator[Server]:
    """Only the framework: no middleware, no log, and the bodies ready."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_serve, args=(answers, theirs), daemon=True)
    with pinned(core):
        process.start()
    try:
        if not ours.poll(START) or process.pid is None:
            sys.exit("the bare handler did not start")
        yield Server(process.pid, ("127.0.0.1", ours.recv()))
    finally:
        process.terminate()
        process.join()


def _serve(answers: Answers, port: Connection) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_answer(answers, port))


async def _answer(answers: Answers, port: Connection) -> None:
    async def handler(request: web.Request) -> web.Response:
        encoding = request.headers["Accept-Encoding"]
        headers = {"Content-Type": TYPE}
        if encoding == "gzip":
            headers["Content-Encoding"] = encoding
        return web.Response(body=answers[request.path_qs, encoding], headers=headers)

    app = web.Application()
    app.router.add_get("/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port.send(runner.addresses[0][1])
    await asyncio.Event().wait()
