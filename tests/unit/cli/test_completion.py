"""Completion in real shells: installed as the page says, and pressed for with the tabulator. It knows the jobs."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pexpect
import pytest

SECONDS = 30
SHELLS = {"bash": ["-i"], "zsh": ["-i"], "fish": ["-i"]}
STANDS = {"created_at": "2026-03-01T00:00:00Z", "state": "running", "status": {}}
"""What runs and backfills have, too."""
JOBS = [
    {"name": name, "schedule": "@daily", "executor": "shell", **STANDS} for name in ("reconcile", "report", "rotate")
]
READY = "it-is-ready"


class Api(BaseHTTPRequestHandler):
    """A REST API with three jobs, and as many runs and backfills of the same names."""

    def do_GET(self) -> None:
        """Answer every path with the jobs."""
        body = json.dumps(JOBS).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    program = tmp_path / "bin" / "dkronctl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m dkron_cli "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    yield {
        **os.environ,
        "DKRON_SERVER": f"http://127.0.0.1:{server.server_port}",
        "HOME": str(tmp_path),
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "TERM": "xterm",
        "XDG_CONFIG_HOME": str(tmp_path / ".config"),
        "XDG_DATA_HOME": str(tmp_path / ".local"),
        "ZDOTDIR": str(tmp_path),
    }
    server.shutdown()
    thread.join()
    server.server_close()


def started(shell: str, environment: dict[str, str]) -> "pexpect.spawn[str]":
    """Return a shell that takes commands."""
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"there is no {shell}")
    child = pexpect.spawn(path, SHELLS[shell], env=environment, encoding="utf-8", timeout=SECONDS, dimensions=(40, 120))
    # The words are joined by the shell, so that the echo of the command is not taken for its output.
    child.sendline(f"echo {READY[:3]}''{READY[3:]}")
    child.expect(READY)
    return child


@pytest.mark.parametrize("shell", SHELLS)
def test_names_of_jobs_are_completed(shell: str, environment: dict[str, str]) -> None:
    child = started(shell, environment)
    child.sendline("dkronctl --install-completion")
    child.expect("completion installed")
    child.close(force=True)
    child = started(shell, environment)
    # Typer's script for zsh only loads itself when it is first asked.
    child.send("dkronctl \t\x15" if shell == "zsh" else "")
    child.send("dkronctl descr\t")
    child.expect("descr.*ibe")
    child.send("rec\t")
    child.expect("rec.*oncile")
    child.send("\x15dkronctl run rep\t")
    child.expect("rep.*ort")
    child.close(force=True)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        pytest.param("run re", ["reconcile", "report"], id="jobs"),
        pytest.param("runs describe re", ["reconcile", "report"], id="runs"),
        pytest.param("backfills cancel ro", ["rotate"], id="backfills"),
        pytest.param("backfills s", ["suspend"], id="commands of a group"),
    ],
)
def test_kubectl_is_told_the_names_and_to_leave_files_out(
    words: str, names: list[str], environment: dict[str, str]
) -> None:
    program = [sys.executable, "-c", "from dkron_cli.main import complete; complete()", *words.split()]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert done.stdout.split() == [*names, ":4"], done
