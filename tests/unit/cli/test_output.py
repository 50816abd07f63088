"""Logs that `dkronctl` reads and prints: of pods that the Job has, without what could control a terminal."""

import json
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from dkron_cli.commands import logs
from dkron_cli.edge import terminal
from dkron_cli.edge.backend import Asked
from dkron_cli.edge.cluster import Cluster
from dkron_cli.options import Options
from dkron_crds.attempt_state import AttemptState
from dkron_crds.base import rfc3339
from dkron_kube.errors import NotFound
from dkron_kube.paths import DKRON_RUNS, PODS
from dkron_reports.job import Job, from_object
from dkron_reports.run import Attempt, attempts_of_run
from tests.support.builders import NAME, NAMESPACE, NOON, after, wire_job
from tests.support.fake_kube import FakeKube

JOB, UID = f"{NAME}-1", "uid-of-the-job"
ACTIVE = Attempt(id=f"1-{JOB}", group=1, number=1, started=NOON, job=JOB, uid=UID)
ENDED = replace(ACTIVE, finished=NOON, state=AttemptState.SUCCEEDED, output="the end that the status keeps", uid="")
UNREADABLE = Job(name=NAME, schedule="", raw={}, namespace=NAMESPACE, object_name=NAME)


def pod(name: str, *, owner: dict[str, Any] | None, age: float = 0) -> dict[str, Any]:
    reference = {"apiVersion": "batch/v1", "kind": "Job", "name": JOB, "uid": UID, "controller": True}
    return {
        "metadata": {"name": name, "uid": name, "creationTimestamp": rfc3339(after(-age)),
                     "labels": {"batch.kubernetes.io/job-name": JOB},
                     "ownerReferences": [] if owner is None else [{**reference, **owner}]},
        "spec": {"containers": [{"name": "job"}]},
        "status": {"containerStatuses": [{"name": "job", "state": {"running": {}}}]},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("owner", "attempt", "heard"),
    [
        pytest.param({}, ACTIVE, "forged", id="the newest pod of the Job"),
        pytest.param(None, ACTIVE, "real", id="no owner"),
        pytest.param({"uid": "another"}, ACTIVE, "real", id="another Job of the name"),
        pytest.param({"controller": False}, ACTIVE, "real", id="no controller"),
        pytest.param({"kind": "Pod"}, ENDED, "real", id="another kind"),
        pytest.param({"name": "another"}, ENDED, "real", id="another name"),
    ],
)
async def test_a_pod_with_the_label_of_a_job(owner: dict[str, Any] | None, attempt: Attempt, heard: str) -> None:
    kube = FakeKube()
    for name, body in (("real", pod("real", owner={}, age=5)), ("forged", pod("forged", owner=owner))):
        kube.put(PODS, body)
        kube.logs[name] = name.encode()
    cluster = Cluster(kube, NAMESPACE, everywhere=False)  # type: ignore[arg-type]
    pieces = cluster.log(from_object(wire_job()), attempt, follow=False)
    assert b"".join([piece async for piece in pieces]).decode() == heard


async def test_log_is_followed_without_the_right_to_read_jobs() -> None:
    """The DkronRun tells that the attempt is over, and no pod of it is left."""
    kube = FakeKube()
    over = {"job": JOB, "attempt": 1, "startedAt": rfc3339(NOON), "finishedAt": rfc3339(NOON), "state": "Succeeded"}
    status: dict[str, Any] = {"phase": "Running", "attempts": [{**over, "finishedAt": None}]}
    (attempt,) = attempts_of_run(status)
    kube.put(DKRON_RUNS, {"metadata": {"name": "r", "uid": "u"}, "status": {"attempts": [over]}})
    cluster = Cluster(kube, NAMESPACE, everywhere=False)  # type: ignore[arg-type]
    asked = Asked(UNREADABLE, 1, object_name="r")
    assert [piece async for piece in cluster.log(UNREADABLE, attempt, follow=True, asked=asked)] == [b""]
    assert {call.split()[1] for call in kube.calls} == {"pods", "dkronruns"}


class Spoken:
    """A server with this log; it may break off."""

    def __init__(self, *pieces: bytes, breaks: bool = False) -> None:
        self.pieces, self.breaks = pieces, breaks

    async def log(self, *_: object, **__: object) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece
        if self.breaks:
            raise NotFound("gone")


async def printed_by(server: Spoken, capsys: pytest.CaptureFixture[str]) -> str:
    try:
        await logs.print_log(server, from_object(wire_job()), ENDED, follow=False)  # type: ignore[arg-type]
    except NotFound:
        assert server.breaks
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("server", "printed"),
    [
        pytest.param(Spoken(b"plain\n"), "plain\n", id="no color"),
        pytest.param(Spoken(b"\x1b[31mred\nstill\n"), "\x1b[31mred\nstill\n\x1b[0m", id="over two lines"),
        pytest.param(Spoken(b"a\x1b[8m\x1b[3", b"1mred"), "a\x1b[31mred\n\x1b[0m", id="in two pieces"),
        pytest.param(Spoken(b"\x1b[31mred\n", breaks=True), "\x1b[31mred\n\x1b[0m", id="it breaks off"),
    ],
)
async def test_colors_of_a_log_end_with_it(
    server: Spoken, printed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logs, "is_terminal", lambda: True)
    assert await printed_by(server, capsys) == printed


async def test_a_pipe_gets_a_log_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert await printed_by(Spoken(b"\x1b[31;8mred\n"), capsys) == "\x1b[31;8mred\n"


@pytest.mark.parametrize("form", ["json", "yaml", "manifests", "manifests as json"])
@pytest.mark.parametrize("reads", [True, False], ids=["a terminal", "a pipe"])
def test_a_terminal_gets_no_control_characters(
    form: str, reads: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: reads)
    hostile = {"apiVersion": "v1", "note": "ñ\x9b2J\x85\u202e\x7f"}
    if form.startswith("manifests"):
        terminal.print_manifests([hostile], Options(output="json" if form.endswith("json") else ""))
    else:
        terminal.structured(Options(output=form), [hostile], names=list, one=True)
    printed = capsys.readouterr().out
    assert all(char.isprintable() or char == "\n" for char in printed) or not reads
    assert printed.isascii() is reads
    if "json" in form:
        read = json.loads(printed)
        assert (read["items"][0] if "items" in read else read) == hostile
