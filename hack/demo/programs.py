"""The programs that the demo runs beside the cluster: the operator, and the REST API over the same jobs."""

import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from demo import DemoError
from demo.detached import Detached
from localcluster.progress import say

AUDIENCE = "dkron"
"""The demo's API takes tokens that were made for it. The API server does not take these."""
MONITORING = 8081
"""The usual port of the operator's own."""
HOST = "127.0.0.1"
USUAL = 8080
VARIABLE = "DKRON_API_PORT"
"""By which a person asks for a port."""
HIGHEST = 65535
ARCHIVE = "DKRON_ARCHIVE"
"""By which both programs find the archive: a file of the demo, unless a person names another."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Those that belong to this folder."""

    folder: Path

    @property
    def operator(self) -> Detached:
        """What runs the jobs."""
        return Detached(self.folder, "operator", "the operator")

    @property
    def api(self) -> Detached:
        """What answers Dkron's clients."""
        return Detached(self.folder, "api", "the REST API")

    @property
    def api_url(self) -> str:
        """The address of the REST API. Raises `DemoError` if it does not run."""
        number = read_port(self._port_file)
        if number is None or self.api.running() is None:
            raise DemoError("the REST API of the demo does not run; `make demo` starts it")
        return f"http://{HOST}:{number}"

    def restart(self, *, kubeconfig: Path, namespace: str, only_here: bool) -> None:
        """Start both again, so that this checkout's code runs: the API for the namespace, the operator for it or,
        unless `only_here`, for all."""
        if self.stop():
            say("stopped the programs of an earlier demo")
        common = ("--kubeconfig", str(kubeconfig), "--log-format", "json", "--cluster-namespace", namespace)
        only = ("--namespace", namespace)
        archive = {ARCHIVE: f"sqlite:///{(self.folder / 'archive.db').resolve()}"}
        watched = choose_port(self.folder / "monitoring.port", usual=MONITORING)
        ports = ("--monitoring-host", HOST, "--monitoring-port", str(watched))
        self.operator.start((_program("dkron-operator"), *common, *(only if only_here else ()), *ports), archive)
        say(f"the operator is ready; its log is {self.operator.log}")
        say(f"its metrics are at http://{HOST}:{watched}/metrics")
        number = choose_port(self._port_file, wanted=os.environ.get(VARIABLE, ""))
        address = ("--host", HOST, "--port", str(number), "--auth", "kubernetes", "--audiences", AUDIENCE)
        self.api.start((_program("dkron-api"), *common, *only, *address), archive)
        say(f"the REST API is ready at {self.api_url}; its log is {self.api.log}")

    def check(self) -> None:
        """Raise `DemoError` if one of them has ended."""
        self.operator.check()
        self.api.check()

    def stop(self) -> bool:
        """End both; whether there was any."""
        return any([self.api.stop(), self.operator.stop()])

    @property
    def _port_file(self) -> Path:
        return self.folder / "api.port"


def _program(name: str) -> str:
    path = Path(sys.executable).with_name(name)
    if not path.exists():
        raise DemoError(f"{path} does not exist; `make venv` installs it")
    return str(path)


def choose_port(file: Path, *, wanted: str = "", usual: int | None = None) -> int:
    """A port that is free: `wanted` and no other, or the last one, which is in `file`, else `usual`
    or 8080, else any. It is written into `file`. Raises `DemoError` if `wanted` cannot be had."""
    port = _demanded(wanted) if wanted else _likely(read_port(file), usual or USUAL)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{port}\n", encoding="utf-8")
    return port


def read_port(file: Path) -> int | None:
    """The port of the last time; None if there was none."""
    try:
        return _number(file.read_text(encoding="utf-8").strip())
    except FileNotFoundError:
        return None


def _demanded(text: str) -> int:
    port = _number(text)
    if port is None:
        raise DemoError(f"{VARIABLE}: '{text}' is no port; use a number from 1 to {HIGHEST}")
    if not _is_free(port):
        raise DemoError(f"{VARIABLE}: something else listens on port {port}; use a free one, or leave it open")
    return port


def _likely(*ports: int | None) -> int:
    free = (port for port in ports if port is not None and _is_free(port))
    return next(free, None) or _any()


def _number(text: str) -> int | None:
    port = int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 0  # noqa: PLR2004 - enough digits
    return port if 1 <= port <= HIGHEST else None


def _is_free(port: int) -> bool:
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        return False
    return True


def _any() -> int:
    with socket.create_server((HOST, 0)) as server:
        port: int = server.getsockname()[1]
        return port
