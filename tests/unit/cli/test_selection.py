"""Which jobs a command means: by labels, by state, by kubeconfig and by REST; and `get -w` in a pipe."""

import io
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from dkron_cli.commands import get, history
from dkron_cli.core.selection import Labels, Selection, is_in, read_selector, states_of
from dkron_cli.errors import CliError, Code
from dkron_cli.options import Options
from dkron_crds.base import rfc3339
from dkron_crds.conditions import Condition
from dkron_crds.job import JobStatus
from dkron_kube.paths import DKRON_JOBS
from dkron_reports.job import Job, from_object
from tests.support.builders import NOON, after, claim, execution, wire_job
from tests.support.fake_kube import FakeKube
from tests.support.opened_cluster import by_kubeconfig, call_of

TEAM = (("team", "a"),)


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        pytest.param("tier=2, team=data", (("team", "data"), ("tier", "2")), id="two"),
        pytest.param("a.b/c=", (("a.b/c", ""),), id="an empty value"),
        pytest.param("", (), id="none"),
    ],
)
def test_labels_are_read(text: str, labels: Labels) -> None:
    assert read_selector(text) == labels


@pytest.mark.parametrize("text", ["team", "team!=data", "team==data", "=data", "a in (b)", "a=b=c"])
def test_invalid_label_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a label; use key=value"):
        read_selector(text)


def job(name: str, *conditions: tuple[str, str, str], labels: dict[str, str] | None = None, **fields: Any) -> Job:
    known = [
        Condition(type=kind, status=status, reason=reason, message="why", last_transition_time=NOON)
        for kind, status, reason in conditions
    ]
    raw = wire_job(name=name, status=JobStatus(conditions=tuple(known), **fields))
    raw["metadata"]["labels"] = labels or {}
    return from_object(raw)


READY, PAUSED = ("Ready", "True", "Scheduled"), ("Suspended", "True", "Paused")


@pytest.mark.parametrize(
    ("found", "words"),
    [
        pytest.param(job("a", READY, status="failed", executions=(execution(),)), "Scheduled failed", id="failed"),
        pytest.param(job("a", READY, PAUSED), "Paused", id="paused"),
        pytest.param(job("a", READY, active=(claim(),)), "Scheduled running", id="running"),
        pytest.param(job("a", ("Ready", "False", "InvalidSchedule")), "InvalidSchedule NotReady", id="not ready"),
        pytest.param(Job("a", "", {"problem": "x"}, state="InvalidTags"), "InvalidTags NotReady", id="by REST"),
        pytest.param(Job("a", "", {}, state="Disabled", paused="paused by ann"), "Disabled Paused", id="paused, too"),
    ],
)
def test_a_job_is_in_the_states_that_a_list_shows(found: Job, words: str) -> None:
    assert states_of(found) == set(words.split())
    assert all(is_in(found, word.upper()) for word in words.split())
    assert not is_in(found, "success")


async def test_history_of_several_jobs_has_the_newest_run_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kube = FakeKube()
    for name, seconds in (("a", (0, 60)), ("b", (30,)), ("c", (90,))):
        runs = tuple(execution(claim(after(each), at=after(each), name=name)) for each in seconds)
        labels = {"team": "a" if name != "c" else "other"}
        kube.put(DKRON_JOBS, dict(job(name, labels=labels, executions=runs).raw))
    by_kubeconfig(monkeypatch, kube)
    await history.history(call_of(Options()), selector="team=a", count=2)
    rows = [line.split()[:2] for line in capsys.readouterr().out.splitlines()]
    assert rows == [["JOB", "SLOT"], ["a", rfc3339(after(60))], ["b", rfc3339(after(30))]]


class Server:
    """A backend that lists other jobs at each look, and is gone afterwards."""

    where = "in namespace default"

    def __init__(self, *looks: Sequence[Job]) -> None:
        self.looks = iter(looks)

    async def jobs(self, _chosen: Selection) -> list[Job]:
        for found in self.looks:
            return list(found)
        raise CliError(Code.UNREACHABLE, "gone")

    async def with_active(self, jobs: list[Job]) -> list[Job]:
        return jobs

    async def with_details(self, jobs: list[Job], *, every: bool) -> list[Job]:
        assert every
        return jobs

    async def close(self) -> None:
        """Nothing is open."""


async def test_in_a_pipe_each_change_of_a_job_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    fine, bad, other = job("a", READY, status="success"), job("a", READY, status="failed"), job("b", PAUSED)
    monkeypatch.setattr(get, "PAUSE", 0)
    server = Server([fine], [fine, other], [bad, other], [other], [bad, other])

    async def opened(_options: Options) -> Server:
        return server

    monkeypatch.setattr("dkron_cli.edge.connect._open", opened)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(pipe := io.BytesIO(), encoding="utf-8"))
    with pytest.raises(CliError, match="gone"):
        await get._watch(Options(), Selection(), "")
    rows = [line.split() for line in pipe.getvalue().decode().splitlines()]
    assert [(row[0], row[-3]) for row in rows[1:]] == [("a", "success"), ("b", "-"), ("a", "failed"), ("a", "failed")]
