"""Each class of faults for itself: what is broken between the operator and the API server, that every slot is accounted
for afterwards, and that the operator recovers by itself and says in its log what was wrong.

A watch of this operator may be silent for 8 seconds, not 70; kopf gives up on one after a second, not 18; and the
next streams begin a second later, however often that has happened.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

import localcluster
from dkron_kube.paths import DKRON_JOBS, JOBS
from tests.chaos.proxy.rules import (
    Answer,
    CutWatch,
    Delay,
    DropAfter,
    DropBefore,
    ExpireWatch,
    FreezeWatch,
    Replay,
    Rule,
)
from tests.chaos.proxy.thread import Gateway, gateway
from tests.support import ledger
from tests.support.jobs import TIDY, dkron_job, each_second, simulated
from tests.support.kube import QUOTAS, Kube, Object, condition, finished, is_ready, marked_after
from tests.support.logged_process import LoggedProcess
from tests.support.sites import install, namespace, remove

pytestmark = [pytest.mark.cluster(nodes="kwok"), pytest.mark.promise, pytest.mark.timeout(600)]

SECOND = timedelta(seconds=1)
WATCH, SILENCE = 6, 2
HURRY = {
    "dkron_operator.watch.handlers.WATCH": WATCH,
    "dkron_operator.watch.handlers.SILENCE": SILENCE,
    "dkron_operator.watch.handlers.BACKOFFS": (0.2, 0.3, 0.5),
    "dkron_operator.watch.kopf_streams.LAST_PAUSE": 1.0,
    "dkron_operator.watch.resync.SETTLE": 1.0,
}
BOTH = "*jobs"
STATUS = "dkronjobs/status"


class HurriedOperator(LoggedProcess):
    """The operator, with waiting times of a test."""

    module = "tests.chaos.hurried"
    what = "the operator"


@dataclass(frozen=True, slots=True)
class Bed:
    """An operator behind a proxy."""

    kube: Kube
    operator: HurriedOperator
    gate: Gateway

    def said(self, mark: int, words: str) -> list[Object]:
        """The lines of the operator's log with these words since a mark."""
        written = self.operator.log.read_bytes()[mark:].decode()
        return [line for line in map(json.loads, written.splitlines()) if words in line["msg"]]

    def wait_struck(self, times: int) -> None:
        """Wait until the rules in force have struck so often."""
        self.kube.wait_for("faults", lambda: self.gate.struck, lambda struck: struck >= times)

    def wait_said(self, mark: int, words: str) -> None:
        """Wait until the log has these words."""
        self.kube.wait_for(f"a line with {words!r}", lambda: self.said(mark, words), bool)


@pytest.fixture(scope="module")
def shared_bed(cluster: localcluster.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    install(cluster)
    folder = tmp_path_factory.mktemp("faults")
    with namespace(cluster.kubeconfig, "faults") as kube, gateway(cluster.kubeconfig, folder, seed=7) as gate:
        options = ("--kubeconfig", str(gate.kubeconfig), "--namespace", kube.namespace)
        operator = HurriedOperator(folder / "operator.log", json.dumps(HURRY), *options)
        operator.start(wait=False).wait_for_line("ready with", seconds=120)
        kube.guard, kube.appendix = operator.check, operator.tail
        yield Bed(kube, operator, gate)
        operator.stop()


@pytest.fixture
def bed(shared_bed: Bed) -> Iterator[Bed]:
    """The operator of the module; in no test may it die, or show a traceback."""
    mark, others = shared_bed.operator.mark(), len(shared_bed.kube.applied)
    yield shared_bed
    shared_bed.gate.have()
    remove(shared_bed.kube, shared_bed.kube.applied[others:])
    shared_bed.operator.check()
    written = shared_bed.operator.log.read_bytes()[mark:].decode()
    assert "Traceback" not in written, written


def begin(bed: Bed, name: str) -> tuple[str, ...]:
    """Jobs that run each second, with different wishes. One forgets its runs soon, and deletes their Jobs. Returns when
    all have run once."""
    names = (f"{name}-all", f"{name}-latest", f"{name}-single", f"{name}-tidy-all")
    bed.kube.apply(
        each_second(names[0], missedRuns="all"),
        each_second(names[1]),
        each_second(names[2], concurrency="forbid", missedRuns="all"),
        each_second(names[3], history=TIDY, missedRuns="all"),
    )
    for each in names:
        bed.kube.wait_status(each, "a run", finished(1))
    return names


def assert_recovered(bed: Bed, names: tuple[str, ...]) -> None:
    """All go on, and nothing was lost or ran twice."""
    healed = datetime.now(UTC)
    for name in names:
        bed.kube.wait_status(name, "to go on", marked_after(healed + SECOND))
    for name, account in ledger.close_all(bed.kube, names, every=1).items():
        account.assert_balanced()
        status = bed.kube.status(name)
        counted, recorded = status["successCount"] + status.get("errorCount", 0), status["executions"]
        assert counted == account.fired.total(), f"{name}: each is counted once"
        if "tidy" in name:
            assert len(recorded) <= TIDY["executions"] < counted, f"{name}: it has forgotten some"
        else:
            runs = {execution["job"] for execution in recorded}
            assert len(runs) == counted, f"{name}: each is recorded"
            assert {job["metadata"]["name"] for job in bed.kube.jobs_of(name)} <= runs, f"{name}: each is recorded"
        if name.endswith("-all"):
            assert account.skipped == 0, "every slot runs, late or not"


FAULTS = (
    pytest.param(
        "lost-all", 20, "no answer from the API server",
        [Rule(fault=DropBefore(), chance=0.3), Rule(fault=DropAfter(), chance=0.3)], id="all is lost now and then",
    ),
    pytest.param(
        "conflicts", 20, "another writer",
        [Rule(fault=Answer(409), verb="patch", resource=STATUS, chance=0.8)], id="a storm of conflicts",
    ),
    pytest.param(
        "busy", 30, "retrying in",
        [Rule(fault=Answer(429, 1))], id="too many requests for a long while",
    ),
    pytest.param(
        "slow", 6, "",
        [Rule(fault=Delay(5), verb="create"), Rule(fault=Delay(5), verb="patch")], id="writes take five seconds",
    ),
    pytest.param(
        "cut", 10, "",
        [Rule(fault=CutWatch(0.3), verb="watch")], id="watches are cut again and again",
    ),
    pytest.param(
        "gone", 30, "retrying in",
        [Rule(fault=DropBefore()), Rule(fault=CutWatch())], id="the API server is gone",
    ),
)  # fmt: skip


@pytest.mark.parametrize(("name", "times", "words", "rules"), FAULTS)
def test_slots_are_accounted_for_whatever_breaks(
    bed: Bed, *, name: str, times: int, words: str, rules: list[Rule]
) -> None:
    names = begin(bed, name)
    mark = bed.operator.mark()
    bed.gate.have(*rules)
    bed.wait_struck(times)
    if words:
        bed.wait_said(mark, words)
    bed.gate.have()
    assert_recovered(bed, names)


def test_refused_watches_restart(bed: Bed) -> None:
    """kopf gives up on them. Jobs go on meanwhile, and what changes is seen when the watches are back; 403 follows."""
    names = begin(bed, "refused")
    mark = bed.operator.mark()
    bed.gate.have(Rule(fault=CutWatch(), resource=BOTH, times=2), Rule(fault=Answer(500), verb="watch", resource=BOTH))
    bed.wait_said(mark, "the watches failed")
    bed.wait_said(mark, "HTTP 500")
    seen = datetime.now(UTC)
    bed.kube.wait_status(names[0], "slots to go on", marked_after(seen + SECOND))
    bed.gate.have()
    assert_recovered(bed, names)


def test_rights_that_are_taken_away_in_flight(bed: Bed) -> None:
    """Nothing is allowed any more, not even to look."""
    names = begin(bed, "forbidden")
    mark = bed.operator.mark()
    bed.gate.have(
        Rule(fault=Answer(403), resource=BOTH), Rule(fault=Answer(403), resource=STATUS), Rule(fault=CutWatch())
    )
    bed.wait_said(mark, "the watches failed")
    bed.wait_struck(20)
    bed.gate.have()
    healed = datetime.now(UTC)
    for name in names:
        status = bed.kube.wait_status(name, "to go on", marked_after(healed + SECOND))
        assert status.get("lastScheduleTime")


def test_a_silent_watch_is_noticed(bed: Bed) -> None:
    """It is open and says nothing: a job that is made meanwhile is seen after a bound."""
    bed.gate.have(Rule(fault=FreezeWatch(), verb="watch", resource=BOTH, times=2))
    bed.wait_struck(2)
    names = ("silent-all",)
    bed.kube.apply(each_second(names[0], missedRuns="all"))
    began = time.monotonic()
    bed.kube.wait_status(names[0], "to be seen", is_ready)
    assert time.monotonic() - began > 1, "nothing was frozen"
    assert_recovered(bed, names)


@pytest.mark.parametrize(
    ("name", "fault", "watched"),
    [
        pytest.param("vanished-both", ExpireWatch(), BOTH, id="jobs and runs, as an event"),
        pytest.param("vanished-410", Answer(410), BOTH, id="jobs and runs, as an answer"),
    ],
)
def test_changes_behind_an_expired_watch_are_noticed(
    bed: Bed, *, name: str, fault: ExpireWatch | Answer, watched: str
) -> None:
    """A Job that runs, and a job that is due each second, are deleted while the operator sees nothing of it."""
    run, gone, later = f"{name}-run", f"{name}-gone", f"{name}-later-all"
    bed.kube.apply(dkron_job(run, run=["once"], jobTemplate=simulated(run_for="1h")), each_second(gone))
    entry = bed.kube.wait_status(run, "to run", lambda s: [e for e in s.get("active", ()) if e.get("uid")])
    bed.kube.wait_status(gone, "a slot", lambda status: status.get("lastScheduleTime"))
    bed.gate.have(Rule(fault=FreezeWatch(), verb="watch", resource=BOTH))
    bed.wait_struck(2)
    mark, lost = bed.operator.mark(), entry["active"][0]["job"]
    bed.kube.delete(JOBS, lost)
    bed.kube.delete(DKRON_JOBS, gone)
    bed.kube.wait_for("the Job to go", lambda: bed.kube.find(JOBS, lost), lambda found: found is None)
    cut = Rule(fault=CutWatch(), verb="watch", resource=watched, times=2)
    bed.gate.have(*[cut] * isinstance(fault, Answer), Rule(fault=fault, verb="watch", resource=watched, times=2))
    status = bed.kube.wait_status(run, "to be recorded", finished(1))
    assert status["executions"][0]["reason"] == "JobLost"
    bed.wait_said(mark, "deleted without a watch event")
    started = len(bed.said(mark, "started"))
    bed.gate.have()
    bed.kube.apply(each_second(later, missedRuns="all"))
    assert_recovered(bed, (later,))
    assert gone not in {line["job"] for line in bed.said(mark, "started")[started:]}, "what is gone fires no more"


def test_an_old_list_fires_nothing_again(bed: Bed) -> None:
    names = begin(bed, "old")
    doomed = each_second("old-doomed")
    bed.kube.apply(doomed)
    bed.kube.wait_status("old-doomed", "a slot", lambda status: status.get("lastScheduleTime"))
    uid = str(bed.kube.get(DKRON_JOBS, "old-doomed")["metadata"]["uid"])
    again = Rule(fault=ExpireWatch(), verb="watch", resource=BOTH, times=2)
    bed.gate.proxy.remember()
    bed.gate.have(again)
    bed.wait_struck(2)
    moment = datetime.now(UTC) + 4 * SECOND
    bed.kube.wait_status(names[0], "some slots", marked_after(moment))
    bed.kube.delete(DKRON_JOBS, "old-doomed")
    bed.kube.wait_status(names[0], "the deletion to be seen", marked_after(datetime.now(UTC) + 2 * SECOND))
    born = born_of(bed, uid)
    bed.gate.have(again, Rule(fault=Replay(), verb="list", resource=BOTH))
    bed.wait_struck(4)
    bed.gate.have()
    assert_recovered(bed, names)
    assert condition(bed.kube.status(names[0]), "Degraded").get("status") != "True"
    # Kubernetes would remove a Job without an owner at once, so that only the watch has seen it.
    assert born_of(bed, uid) == born, "what is gone fires no more, whatever a list shows"


def test_lost_create_is_adopted_despite_an_exhausted_quota(bed: Bed) -> None:
    """Its create has no answer, no watch tells of it, and it exhausts the quota, which the API server looks at before
    the name."""
    name, quota = "quota-job", {"metadata": {"name": "one"}, "spec": {"hard": {"count/jobs.batch": "1"}}}
    bed.kube.wait_for("earlier Jobs to go", lambda: bed.kube.all(JOBS), lambda jobs: not jobs)
    bed.kube.create(QUOTAS, {"apiVersion": "v1", "kind": "ResourceQuota", **quota})
    try:
        bed.kube.wait_for(
            "the quota", lambda: bed.kube.get(QUOTAS, "one").get("status"), lambda found: found and "used" in found
        )
        bed.gate.have(
            Rule(fault=FreezeWatch(), verb="watch", resource="jobs"),
            Rule(fault=DropAfter(), verb="create", resource="jobs", times=1),
        )
        bed.wait_struck(1)
        mark = bed.operator.mark()
        bed.kube.apply(dkron_job(name, run=["once"], retries=1, jobTemplate=simulated(run_for="2s")))
        uid = str(bed.kube.get(DKRON_JOBS, name)["metadata"]["uid"])
        bed.wait_struck(2)
        bed.kube.wait_status(
            name, "to begin", lambda s: s.get("executions") or any(e.get("uid") for e in s.get("active", ()))
        )
        bed.gate.have()
    finally:
        bed.kube.delete(QUOTAS, "one")
    (execution,) = bed.kube.wait_status(name, "to end", finished(1))["executions"]
    assert (execution["success"], execution["attempt"]) == (True, 1)
    assert born_of(bed, uid) == [execution["job"]]
    bed.wait_said(mark, "no answer from the API server")
    assert bed.said(mark, "rejected") == []


def born_of(bed: Bed, uid: str) -> list[str]:
    """The Jobs that this DkronJob has ever had."""
    return sorted(str(job["name"]) for job in bed.kube.born(uid))
