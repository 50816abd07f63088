"""The witness and the recorder at a real cluster: what they write down of an undisturbed run is a history to which the
checker has no objection, and with one run dropped or doubled in it, it has.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import localcluster
from dkron_crds.job import Trigger
from dkron_kube.paths import DKRON_BACKFILLS, DKRON_JOBS, DKRON_PAUSES, DKRON_RUNS
from tests.chaos.history import Act, History, Paused, Terms
from tests.chaos.objections import Kind
from tests.chaos.reading import gathered, read, write
from tests.chaos.recorder import Fact, Recorder
from tests.chaos.verdict import judge
from tests.chaos.witness import Witness
from tests.support.jobs import dkron_job, simulated
from tests.support.kube import Kube, condition
from tests.support.sites import Site

pytestmark = [pytest.mark.cluster(nodes="kwok:5"), pytest.mark.promise, pytest.mark.timeout(600)]

SECOND = timedelta(seconds=1)
TERMS: dict[str, Any] = {"lateness": 5 * SECOND, "recovery": 15 * SECOND}
HISTORY = {"executions": 100, "successfulJobs": 100, "failedJobs": 100}


def job(name: str, schedule: str = "@manually", *, lasts: str = "100ms", code: int = 0, **spec: Any) -> dict[str, Any]:
    template = simulated(run_for=lasts, exit_code=code)
    return dkron_job(name, schedule=schedule, history=HISTORY, jobTemplate=template, **spec)


MIXED = (
    job("each-second", "@every 1s"),
    job("cron", "*/3 * * * * *", timezone="Europe/Madrid"),
    job("single", "@every 2s", lasts="3s", concurrency="forbid"),
    job("newest", "@every 4s", lasts="6s", concurrency="replace"),
    job("fails", "*/5 * * * * *", code=1, retries=2, retryBackoff={"initial": "1s", "max": "2s"}),
    job("child", schedule="", parentJob="cron"),
    job("deadline", "@every 5s", startingDeadlineSeconds=30, missedRuns="skip"),
    job("asked"),
)


@pytest.fixture
def hands(cluster: localcluster.Cluster, own_site: Site) -> Iterator[Kube]:
    """A client that sends each request once."""
    with closing(Kube(cluster.kubeconfig, own_site.kube.namespace, once=True)) as kube:
        yield kube


def test_undisturbed_history_is_valid_and_altered_ones_are_not(
    own_site: Site, hands: Kube, cluster: localcluster.Cluster, tmp_path: Path
) -> None:
    kube, operator = own_site.kube, own_site.operator
    operator.start()
    recorder = Recorder(hands)
    with Witness(cluster.kubeconfig, kube.namespace) as witness:
        for body in MIXED:
            assert recorder.create(body).answered
        live(kube, recorder)
        operator.check()
        at = witness.look()
        history = gathered([Terms(read=at, **TERMS), *recorder.operations, *witness.facts(at)])
    path = tmp_path / "history.jsonl"
    path.write_text("".join(write(history)), encoding="utf-8")
    assert read(path.read_text(encoding="utf-8").splitlines()) == history
    verdict = judge(history)
    assert verdict.valid, str(verdict)
    assert {run.job for run in history.runs} == {body["metadata"]["name"] for body in MIXED}
    assert {run.trigger for run in history.runs} == set(Trigger) - {Trigger.BACKFILL}
    assert not history.faults
    for name in ("each-second", "cron", "fails", "asked", "child"):
        assert_doctored_histories_are_objected_to(history, name)


def live(kube: Kube, recorder: Recorder) -> None:
    """Some 20 seconds in the life of these jobs, until all of them rest and their records are complete."""
    until = datetime.now(UTC) + 8 * SECOND
    assert recorder.run("asked").answered
    kube.wait_passed(until)
    edited = MIXED[0]["spec"] | {"schedule": "@every 2s"}
    assert recorder.edit("each-second", edited).answered
    assert recorder.disable("deadline").answered
    assert recorder.run("asked").answered
    kube.wait_passed(until + 8 * SECOND)
    assert recorder.delete("newest").answered
    rest(kube, recorder, [body["metadata"]["name"] for body in MIXED if body["metadata"]["name"] != "newest"])
    kube.wait_passed(datetime.now(UTC) + 6 * SECOND)


def rest(kube: Kube, recorder: Recorder, names: list[str]) -> None:
    for name in names:
        assert recorder.disable(name).answered
    for name in names:
        kube.wait_status(name, "to rest", is_at_rest)


def is_at_rest(status: dict[str, Any]) -> bool:
    return condition(status, "Suspended").get("reason") == "Disabled" and not status.get("active")


def assert_doctored_histories_are_objected_to(history: History, name: str) -> None:
    runs = [run for run in history.runs if run.job == name]
    victim = sorted(runs, key=lambda run: run.began)[len(runs) // 2]
    others = [run for run in history.runs if run is not victim]
    again = replace(victim, name=f"{victim.name}-again")
    for what, doctored, kinds in (
        ("dropped", history.with_runs(*others), {Kind.UNSATISFIED, Kind.REQUEST, Kind.CHAIN, Kind.RECORD}),
        ("doubled", history.with_runs(*history.runs, again), {Kind.DOUBLE}),
    ):
        objections = [each for each in judge(doctored).objections if each.job == name]
        assert {each.kind for each in objections} & kinds, f"{victim} was {what}, and nobody objects"


def test_requests_are_noted_as_they_were_answered(own_site: Site, hands: Kube) -> None:
    kube = own_site.kube
    told: list[Fact] = []
    recorder = Recorder(hands, told.append)
    made = recorder.create(job("a", "@every 1h"))
    assert (made.uid, made.refused) == (kube.get(DKRON_JOBS, "a")["metadata"]["uid"], False)
    assert recorder.create(job("a")).refused
    assert recorder.delete("b").refused
    assert recorder.wipe("a").answered
    assert [op.act for op in recorder.operations] == [Act.CREATE, Act.CREATE, Act.DELETE, Act.WIPE]
    assert told == recorder.operations
    run, unfit = recorder.ask("a", force=True), recorder.ask("a", scheduledTime="2300-01-01T00:00:00Z")
    assert (run.uid, unfit.refused) == (kube.get(DKRON_RUNS, run.name)["metadata"]["uid"], True)
    backfill = recorder.backfill(job="a", **{"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"})
    assert backfill.uid == kube.get(DKRON_BACKFILLS, backfill.name)["metadata"]["uid"]
    held, ends = recorder.pause(["a"], {"jobs": ["a"]}), recorder.pause(["a", "b"], {"until": "2026-01-01T00:00:00Z"})
    recorder.resume(ends)
    recorder.resume_all()
    assert not {each["metadata"]["name"] for each in kube.all(DKRON_PAUSES)} & {held, ends}
    pauses = [(fact.job, fact.by_itself) for fact in told if isinstance(fact, Paused)]
    assert pauses == [("a", True), ("b", True), ("a", False)]
