"""A real PostgreSQL: Debian's, as it is installed, or unpacked into the cache of the user."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from localcluster.debian import candidate, unpack
from localcluster.errors import ClusterError
from localcluster.quiet import run_quietly
from localcluster.servers.running import HOST, free_ports
from localcluster.shelves import fetched
from localcluster.waiting import wait_for

PACKAGE = "postgresql"
INSTALLED = Path("/usr/lib/postgresql")
SECONDS = 60
UNPRIVILEGED = 65534
"""The server refuses to run as root."""
USER = "dkron"
SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "shared_buffers": "64MB",
    "max_connections": "40",
    "log_min_messages": "warning",
}


def install() -> Path:
    """The folder with its programs."""
    if there := _newest(INSTALLED):
        return there
    version = candidate(PACKAGE).partition("+")[0]
    package = f"{PACKAGE}-{version}"
    files = fetched("tools", package, candidate(package), partial(unpack, package))
    found = _newest(files / "usr/lib/postgresql")
    if found is None:
        raise ClusterError(f"{files} has no PostgreSQL")
    return found


def _newest(folder: Path) -> Path | None:
    versions = [path for path in folder.glob("*/bin") if (path / "postgres").exists()]
    return max(versions, key=lambda path: float(path.parent.name), default=None)


class Server:
    """A server with one user, whose password is known, in a folder of its own."""

    def __init__(self, folder: Path, *, password: str, durable: bool) -> None:
        self._folder, self._password, self._durable = folder, password, durable
        (self.port,) = free_ports(1)
        self.programs = _reachable(install(), folder)
        self._process: subprocess.Popen[bytes] | None = None
        secret = folder / "password"
        secret.write_text(password, encoding="utf-8")
        if os.geteuid() == 0:
            folder.chmod(0o755)
            for path in (folder, secret):
                os.chown(path, UNPRIVILEGED, UNPRIVILEGED)
        initdb = [str(self.programs / "initdb"), "--pgdata", str(self._data), "--username", USER, "--no-sync"]
        options = ["--auth", "scram-sha-256", "--pwfile", str(secret), "--encoding", "UTF8", "--locale", "C.UTF-8"]
        done = subprocess.run(
            [*initdb, *options], capture_output=True, text=True, env=self._environment, check=False, user=_user(),
            timeout=SECONDS, cwd=folder,
        )  # fmt: skip
        if done.returncode:
            raise ClusterError(f"initdb failed:\n{done.stdout[-500:]}\n{done.stderr[-500:]}")

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def _environment(self) -> Mapping[str, str]:
        libraries = [str(path) for path in self.programs.parents[3].glob("lib/*-linux-gnu")]
        unpacked = {} if self.programs.is_relative_to("/usr/lib") else {"LD_LIBRARY_PATH": ":".join(libraries)}
        return {"PATH": os.environ["PATH"], "HOME": str(self._folder), "LC_ALL": "C.UTF-8", **unpacked}

    def url(self, database: str = "postgres") -> str:
        """A database as libpq names it."""
        return f"postgresql://{USER}:{self._password}@{HOST}:{self.port}/{database}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = {**SETTINGS, "port": str(self.port), "fsync": "on" if self._durable else "off"}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        log = self._folder / "postgres.log"

        def missing() -> str:
            """A server that was killed leaves processes that keep its memory for a moment: then it is started again."""
            if self._process is None or self._process.poll() is not None:
                with log.open("ab") as output:
                    self._process = subprocess.Popen(
                        [str(self.programs / "postgres"), "-D", str(self._data), *options], env=self._environment,
                        stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self._folder, user=_user(),
                        start_new_session=True,
                    )  # fmt: skip
            with contextlib.suppress(OSError), socket.create_connection((HOST, self.port), timeout=1):
                ready = self.run("pg_isready", "--quiet", check=False).returncode == 0
                return "" if ready else "it does not accept connections yet"
            return f"it does not listen yet: {log.read_text(encoding='utf-8', errors='replace')[-1000:]}"

        wait_for("PostgreSQL", seconds=SECONDS, missing=missing)

    def run(self, program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """One of its client programs, with this server."""
        where = {"PGHOST": HOST, "PGPORT": str(self.port), "PGUSER": USER, "PGPASSWORD": self._password}
        environment = {**self._environment, "PGDATABASE": "postgres", **where}
        done = run_quietly([str(self.programs / program), *arguments], seconds=SECONDS, environment=environment)
        if check and done.returncode:
            raise ClusterError(f"{program} failed:\n{done.stdout[-1000:]}")
        return done

    def stop(self, sign: signal.Signals = signal.SIGQUIT) -> None:
        """End it at once; with SIGKILL as by a crash."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(sign)
            self._process.wait(SECONDS)
            self._process = None


@contextmanager
def postgresql(*, password: str, durable: bool = False) -> Iterator[Server]:
    """A server that runs. Unless it is durable, a crash of the machine would lose what it has written."""
    with tempfile.TemporaryDirectory(prefix="dkron-postgresql-", ignore_cleanup_errors=True) as folder:
        server = Server(Path(folder), password=password, durable=durable)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _user() -> int | None:
    return UNPRIVILEGED if os.geteuid() == 0 else None


def _reachable(programs: Path, folder: Path) -> Path:
    """Its programs, or a copy: what is unpacked for root is in a folder that no other user may enter."""
    if os.geteuid() != 0 or programs.is_relative_to(INSTALLED):
        return programs
    root = programs.parents[4]
    shutil.copytree(root / "usr", folder / "unpacked" / "usr", symlinks=True)
    return folder / "unpacked" / programs.relative_to(root)
