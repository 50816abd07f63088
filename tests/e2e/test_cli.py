"""The output of a run, as the command line prints it while a real pod writes it."""

from typing import Any

import pytest

from dkron_kube.paths import DKRON_JOBS
from tests.support.command_line import command_line
from tests.support.jobs import dkron_job
from tests.support.kube import is_ready
from tests.support.sites import Site

pytestmark = pytest.mark.cluster(nodes="real")

SHELL = {"shell": "true"}
TWICE: dict[str, Any] = {"retries": 1, "retryBackoff": {"initial": "0s", "factor": 1, "max": "0s"}}


def test_a_run_is_followed_attempt_by_attempt(shared_site: Site) -> None:
    kube = shared_site.kube
    cli = command_line(kube.kubeconfig, kube.namespace)
    kube.apply(
        dkron_job("talks", "echo one; sleep 2; echo two", config=SHELL),
        dkron_job("fails", 'echo "attempt $DKRON_ATTEMPT"; exit 3', config=SHELL, **TWICE),
    )
    for name in ("talks", "fails"):
        kube.wait_status(name, "to be understood", is_ready)
    talked = cli("run", "talks", "--follow")
    assert talked.output == "one\ntwo\n"
    failed = cli("run", "fails", "--follow", code=1)
    assert failed.output == "attempt 1\nattempt 2\n"
    assert "2 attempts: exit 3" in failed.errors
    assert cli("logs", "fails", "--failed").output == "attempt 2\n"
    execution = kube.get(DKRON_JOBS, "talks")["status"]["executions"][0]["id"]
    assert cli("logs", "talks", execution).output == "one\ntwo\n"
