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
PARAMETERS = [{"name": "region", "values": ["eu", "us"]}, {"name": "day", "type": "integer"}]
KUBECONFIG = """
current-context: here
contexts: [{{name: here, context: {{cluster: c}}}}, {{name: there, context: {{cluster: c}}}}]
clusters: [{{name: c, cluster: {{server: "http://127.0.0.1:{port}"}}}}]
"""
READY = "it-is-ready"


class Api(BaseHTTPRequestHandler):
    """A REST API with three jobs, and as many runs and backfills of the same names."""

    def do_GET(self) -> None:
        """Answer every path with the jobs, as a REST API or as an API server."""
        answer: object = JOBS
        if self.path.endswith("/report"):
            answer = {"spec": {"parameters": PARAMETERS}}
        elif self.path.endswith("/report/details"):
            answer = {"parameters": PARAMETERS}
        elif self.path.startswith("/api"):
            names = ["team", "other"] if "/namespaces?" in self.path else [str(each["name"]) for each in JOBS]
            answer = {"items": [{"metadata": {"name": name}} for name in names], "metadata": {}}
        body = json.dumps(answer).encode()
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
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(KUBECONFIG.format(port=server.server_port), encoding="utf-8")
    yield {
        **os.environ,
        "DKRON_SERVER": f"http://127.0.0.1:{server.server_port}",
        "HOME": str(tmp_path),
        "KUBECONFIG": str(kubeconfig),
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
        pytest.param("resume --name re", ["reconcile", "report"], id="pauses"),
        pytest.param("run report -p ", ["day=", "region=eu", "region=us"], id="parameters"),
        pytest.param("next --tz Europe/Madr", ["Europe/Madrid"], id="zones"),
        pytest.param("completion ", ["bash", "fish", "zsh"], id="shells"),
        pytest.param("get --context ", ["here", "there"], id="contexts"),
        pytest.param("get -n te", ["team"], id="namespaces"),
        pytest.param("describe re", ["reconcile", "report"], id="jobs of a cluster"),
        pytest.param("run report --parameter d", ["day="], id="parameters of a cluster"),
    ],
)
def test_kubectl_completion_lists_names_and_no_files(words: str, names: list[str], environment: dict[str, str]) -> None:
    if words.startswith(("get", "describe", "run report --parameter")):
        environment.pop("DKRON_SERVER")
    program = [sys.executable, "-c", "from dkron_cli.main import complete; complete()", *words.split(" ")]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert done.stdout.split() == [*names, ":4"], done


@pytest.mark.parametrize("shell", SHELLS)
def test_script_of_a_shell_without_a_terminal(shell: str, environment: dict[str, str]) -> None:
    asked = f"completion {shell}"
    done = subprocess.run([sys.executable, "-m", "dkron_cli", *asked.split()], env=environment, capture_output=True,
                          text=True, check=True, timeout=SECONDS, stdin=subprocess.DEVNULL)  # fmt: skip
    assert f"_DKRONCTL_COMPLETE=complete_{shell}" in done.stdout
    if shell != "bash":
        return
    words = "COMP_WORDS=(dkronctl run rep); COMP_CWORD=2; _dkronctl_completion dkronctl; echo ${COMPREPLY[*]}"
    bash = ["bash", "--norc", "-c", f"source <(dkronctl {asked}); {words}"]
    said = subprocess.run(bash, env=environment, capture_output=True, text=True, check=True, timeout=SECONDS)
    assert said.stdout.split() == ["report"]


HEAVY = ("aiohttp", "kubernetes", "pydantic", "rich", "google.auth", "requests")
"""Modules that a list does without."""


@pytest.mark.parametrize(
    ("words", "never"),
    [
        pytest.param("get", HEAVY, id="list"),
        pytest.param("get -o name", HEAVY, id="names"),
        pytest.param("", (*HEAVY, "asyncio"), id="help"),
        pytest.param("complete", HEAVY, id="completion"),
    ],
)
def test_program_is_quick_to_load(words: str, never: tuple[str, ...], environment: dict[str, str]) -> None:
    environment.pop("DKRON_SERVER")
    call = "from dkron_cli.main import complete, main; import sys, atexit; sys.argv[1:] = {words}; {call}()"
    code = call.format(words=["get", "re"] if words == "complete" else words.split(),
                       call="complete" if words == "complete" else "main")  # fmt: skip
    code = f"import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); {code}"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False,
                          timeout=SECONDS)  # fmt: skip
    loaded = done.stderr.split()
    assert "dkron_cli.main" in loaded, done
    assert [each for each in never if each in loaded] == []
    assert "report" in done.stdout or not words


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        pytest.param("dkronctl get > /dev/full", 1, "dkronctl: cannot write the output: No space left on device\n",
                     id="full disk"),
        pytest.param("dkronctl --help > /dev/full", 1, "dkronctl: cannot write the output: No space left on device\n",
                     id="full disk for the help"),
        pytest.param("dkronctl get | true", 0, "", id="closed pipe"),
        pytest.param("DKRON_SERVER= KUBECONFIG=/dev/null dkronctl get | true", 5,
                     "dkronctl: cannot use kubeconfig /dev/null: it is empty; check", id="error"),
    ],
)  # fmt: skip
def test_output_that_cannot_be_written(command: str, code: int, said: str, environment: dict[str, str]) -> None:
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], env=environment, capture_output=True,
                          text=True, check=False, timeout=SECONDS)  # fmt: skip
    assert (done.returncode, done.stderr[: len(said) or None]) == (code, said)
