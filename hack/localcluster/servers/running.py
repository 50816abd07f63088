"""A server as a process: started, awaited, stopped with all its children."""

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from localcluster.errors import ClusterError
from localcluster.waiting import wait_for

HOST = "127.0.0.1"
START_SECONDS = 120
STOP_SECONDS = 10


def free_ports(count: int) -> list[int]:
    """Ports that are free now."""
    with contextlib.ExitStack() as held:
        listeners = [held.enter_context(socket.create_server((HOST, 0))) for _ in range(count)]
        return [listener.getsockname()[1] for listener in listeners]


@contextmanager
def running(
    argv: Sequence[str | Path], *, port: int, folder: Path, env: Mapping[str, str] | None = None
) -> Iterator[None]:
    """The program, once it listens at `port`. Its output is in `folder`, and in the error if it does not."""
    log = folder / f"{Path(argv[0]).name}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(word) for word in argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), **(env or {})},
            start_new_session=True,
        )

    def guard() -> None:
        if process.poll() is not None:
            said = log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise ClusterError(f"{argv[0]} ended with {process.returncode}:\n{said}")

    try:
        wait_for(str(argv[0]), seconds=START_SECONDS, missing=lambda: _silence(port), guard=guard)
        yield
    finally:
        _end(process)


def _silence(port: int) -> str:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return f"nothing listens at {HOST}:{port}"
    return ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """Its whole session: a server is seldom one process."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
