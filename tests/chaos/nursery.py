"""Operators by the dozen: one process imports the program once, and forks a real process for each start.

Most of the CPU of a start goes into imports. A forked operator runs the same `main` with its own options, environment
and log; it is killed by its process id as any other. `hurry` shortens waiting times that nobody would
sit through.
"""

import asyncio
import gc
import importlib
import json
import os
import selectors
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from tests.chaos.hurried import Hurry, hurry_up

ROOT = Path(__file__).parents[2]


@dataclass
class Child:
    """An operator. `ended` gets its exit code, negative for a signal."""

    pid: int = 0
    log: Path = Path()
    born: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    ended: "asyncio.Future[int]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    async def end(self, number: signal.Signals = signal.SIGKILL) -> int:
        """Send it a signal that ends it, and wait for that; the exit code."""
        if not self.ended.done():
            # It may have ended a moment ago: it is waited for by its parent, so the id is nobody else's yet.
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)
        return await asyncio.shield(self.ended)


class Nursery:
    """Starts operators. See `nursery`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._children: dict[int, Child] = {}

    async def start(
        self, *arguments: str, log: Path, environment: Mapping[str, str] | None = None, hurry: Hurry | None = None
    ) -> Child:
        """An operator with these options, which writes behind what the log holds."""
        number, child = len(self._children), Child(log=log)
        self._children[number] = child
        wish = {
            "id": number, "arguments": arguments, "log": str(log), "environment": environment or {},
            "hurry": hurry or {},
        }  # fmt: skip
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(wish).encode() + b"\n")
        await child.born
        return child

    async def listen(self) -> None:
        """Note who was born and who has ended."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            told = json.loads(line)
            child = self._children[told["id"]]
            if "pid" in told:
                child.pid = told["pid"]
                child.born.set_result(None)
            else:
                child.ended.set_result(told["code"])


@asynccontextmanager
async def nursery() -> AsyncIterator[Nursery]:
    """One that runs; at the end it ends all its children."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.chaos.nursery",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    made = Nursery(process)
    listening = asyncio.create_task(made.listen())
    try:
        yield made
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()
        await listening


def main() -> None:
    """Read wishes, tell births and ends, until the wishes end."""
    importlib.import_module("dkron_operator.main")
    gc.collect()
    gc.freeze()
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    children: dict[int, int] = {}
    wishes = selectors.DefaultSelector()
    wishes.register(sys.stdin.fileno(), selectors.EVENT_READ)
    wishes.register(woken, selectors.EVENT_READ)
    rest = b""
    while True:
        ready = {key.fd for key, _ in wishes.select()}
        if woken in ready:
            os.read(woken, 4096)
        _bury(children)
        if sys.stdin.fileno() in ready:
            piece = os.read(sys.stdin.fileno(), 65536)
            if not piece:
                break
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                wish = json.loads(line)
                pid = os.fork()
                if pid == 0:
                    _live(wish)
                children[pid] = wish["id"]
                _tell({"id": wish["id"], "pid": pid})
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    while children:
        signal.sigtimedwait({signal.SIGCHLD}, 0.1)
        _bury(children)


def _bury(children: dict[int, int]) -> None:
    for pid in list(children):
        gone, status = os.waitpid(pid, os.WNOHANG)
        if gone:
            _tell({"id": children.pop(pid), "code": os.waitstatus_to_exitcode(status)})


def _tell(what: dict[str, int]) -> None:
    # Whoever started us may be dead; the children are ended all the same.
    with suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(what) + "\n")
        sys.stdout.flush()


def _live(wish: dict[str, Any]) -> NoReturn:
    """What a forked process does."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(wish["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(number, target)
    code = 1
    try:
        hurry_up(wish["hurry"])
        os.environ.update(wish["environment"])
        sys.argv = ["dkron-operator", *wish["arguments"]]
        importlib.import_module("dkron_operator.main").main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
