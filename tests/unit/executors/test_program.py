"""`python -m dkron_executors`: what it says where it cannot run, and what it loads."""

import json
import os
import signal
import subprocess
import sys
import threading
from typing import Any

import pytest

from dkron_executors.handover import CONFIG, Handover
from dkron_executors.program import Unusable, outcome
from tests.support.kubelet import Kubelet
from tests.support.web_server import web_server


def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dkron_executors", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_a_mistake_is_one_line_and_exit_code_2() -> None:
    done = run("http")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{CONFIG}: missing; the operator sets it for a job whose executor is http\n"


@pytest.mark.parametrize("arguments", [(), ("shell",), ("http", "more")])
def test_it_needs_the_name_of_an_executor(arguments: tuple[str, ...]) -> None:
    with pytest.raises(Unusable, match=r"^usage: python -m dkron_executors "):
        outcome(arguments, {})


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"config": {}, "secrets": {"a": "NONE"}}', '{"config": {}, "secrets": 1}']
)
def test_configuration_must_be_from_the_operator(text: str) -> None:
    with pytest.raises(Unusable, match=f"^{CONFIG}: it is not a configuration that the operator wrote"):
        outcome(["http"], {CONFIG: text})


def test_help_names_the_program() -> None:
    done = run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: python -m dkron_executors {gcppubsub,")


def test_a_wrong_key_is_a_failed_execution() -> None:
    done = run("http", **{CONFIG: Handover({"method": "GET"}, {}).text()})
    assert (done.returncode, done.stdout) == (1, "url: missing; executorConfig of http needs it\n")


def test_it_ends_when_kubernetes_wants_it_to() -> None:
    """The first process of a container ignores SIGTERM unless it has asked for it."""
    with web_server() as web:
        env = {CONFIG: Handover({"method": "GET", "url": f"{web.url}/slow"}, {}).text()}
        process = subprocess.Popen([sys.executable, "-m", "dkron_executors", "http"], env=env)
        arrived = threading.Event()
        while not web.asked:
            arrived.wait(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 128 + signal.SIGTERM


def loaded(executor: str, config: dict[str, Any]) -> set[str]:
    """The modules that a run has loaded when it ends."""
    code = (
        "import sys; from dkron_executors.program import main; import os\n"
        f"main(['{executor}'], os.environ)\n"
        "print(*sys.modules, sep='\\n', file=sys.stderr)"
    )
    env = {"PATH": os.environ["PATH"], CONFIG: json.dumps({"config": config})}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60, check=True)
    return set(done.stderr.split())


NEVER = {"re2", "kopf", "kubernetes", "grpc", "aiokafka", "aio_pika", "dkron_operator", "dkron_crds"}


@pytest.mark.parametrize(
    ("executor", "config", "needs", "not_needed"),
    [
        pytest.param("http", {"method": "GET", "url": "http://localhost:9/"}, "aiohttp", "nats", id="http"),
        pytest.param("nats", {"url": "nats://localhost:9", "subject": "orders"}, "nats", "aiohttp", id="nats"),
    ],
)
def test_program_imports_only_what_its_executor_needs(
    executor: str, config: dict[str, str], needs: str, not_needed: str
) -> None:
    modules = loaded(executor, config)
    assert needs in modules
    assert not modules & {not_needed, *NEVER}


def test_secrets_are_put_together_in_the_pod() -> None:
    kubelet = Kubelet({"api": {"url": "http://localhost:9/s3cr3t"}})
    assert "s3cr3t" not in kubelet.run("http", {"method": "GET", "url": "secretRef:api/url", "debug": "1"}).output
