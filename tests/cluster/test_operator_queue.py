"""The line of a job at a real API server: who waits and for how long, what ends it, and that a death loses nothing."""

from itertools import pairwise

import pytest

from dkron_kube.paths import DKRON_JOBS, DKRON_PAUSES, DKRON_RUNS
from tests.support import ledger
from tests.support.jobs import at, dkron_job, dkron_pause, each_second, simulated
from tests.support.kube import Kube, Object, condition, finished
from tests.support.sites import Site

pytestmark = pytest.mark.cluster(nodes="kwok")

LONG, BRIEF = simulated(run_for="1h"), simulated(run_for="1500ms")
RUN = {"apiVersion": "dkron.io/v1alpha1", "kind": "DkronRun"}


def waiting(status: Object) -> list[Object]:
    return [entry for entry in status.get("active", ()) if not entry.get("uid")]


def run_status(kube: Kube, name: str) -> Object:
    status: Object = (kube.find(DKRON_RUNS, name) or {}).get("status") or {}
    return status


def requests_of(kube: Kube) -> list[str]:
    found = kube.get(DKRON_JOBS, "report")["metadata"].get("annotations") or {}
    return [key for key in found if key.startswith("run.dkron.io/")]


@pytest.mark.promise
def test_each_slot_runs_in_turn_or_is_counted_whatever_dies(own_site: Site) -> None:
    kube, operator = own_site.kube, own_site.operator
    operator.start()
    queue = {"concurrency": "queue", "missedRuns": "all", "jobTemplate": BRIEF}
    kube.apply(
        each_second("oldest", queue={"max": 3}, **queue),
        each_second("newest", queue={"max": 3, "order": "newest"}, **queue),
    )
    for deaths in range(1, 4):
        for name in ("oldest", "newest"):
            kube.wait_status(name, "to have a line", lambda status: len(waiting(status)) == 3)
            kube.wait_status(name, "to run", finished(2 * deaths))
        operator.kill()
        operator.start()
    accounts = ledger.close_all(kube, ("oldest", "newest"), every=1)
    for name, account in accounts.items():
        account.assert_balanced()
        runs = sorted(kube.status(name)["executions"], key=lambda run: at(run["startedAt"]))
        assert [b["job"] for a, b in pairwise(runs) if at(b["startedAt"]) < at(a["finishedAt"])] == []
        waited = [run for run in runs if "queuedAt" in run]
        assert len(waited) >= len(runs) - 1
        assert [run for run in waited if not at(run["slot"]) <= at(run["queuedAt"]) <= at(run["startedAt"])] == []
        if name == "oldest":
            assert runs == sorted(runs, key=lambda run: at(run["slot"]))
    operator.stop()
    operator.assert_clean()


def test_requests_wait_and_leave_the_line_with_a_reason(own_site: Site) -> None:
    kube, operator = own_site.kube, own_site.operator
    operator.start()
    kube.apply(dkron_job("report", run=["first"], concurrency="queue", jobTemplate=LONG))
    kube.wait_status("report", "to run", lambda status: [e for e in status.get("active", ()) if e.get("uid")])
    kube.ask_run("report", "second", "2026-01-01T00:00:01Z by a test")
    kube.create(DKRON_RUNS, {**RUN, "metadata": {"name": "third"}, "spec": {"job": "report"}})
    status = kube.wait_status("report", "two to wait", lambda status: len(waiting(status)) == 2)
    assert "2 runs wait in line" in condition(status, "Ready")["message"]
    kube.wait_for(
        "the DkronRun to say so", lambda: run_status(kube, "third"),
        lambda said: said.get("message", "").startswith("the run has waited in line since "),
    )  # fmt: skip
    assert run_status(kube, "third")["phase"] == "Waiting"
    kube.wait_for("the annotation to go", lambda: requests_of(kube), lambda left: left == [])
    second = next(entry for entry in waiting(status) if at(entry["slot"]) == at("2026-01-01T00:00:01Z"))
    kube.ask_stop("report", second["job"], "2026-01-01T00:00:02Z by a test")
    stopped = kube.wait_status("report", "the stop", finished(1))["executions"][0]
    assert (stopped["job"], stopped["reason"]) == (second["job"], "Stopped")
    assert stopped["startedAt"] == stopped["finishedAt"], "it never began"
    kube.edit("report", queue={"expires": "1s"})
    refused = kube.wait_for("the DkronRun to end", lambda: run_status(kube, "third"), lambda s: s.get("finishedAt"))
    assert refused["phase"] == "Refused"
    assert refused["message"] == "it waited in line for longer than spec.queue.expires"
    assert kube.status("report")["skipped"] | {"lastTime": ""} == {
        "count": 1, "lastReason": "QueueExpired", "lastTime": "",
    }  # fmt: skip
    assert kube.events_of("report", "QueueExpired")


def test_run_that_was_stopped_in_line_never_began(own_site: Site) -> None:
    kube, operator = own_site.kube, own_site.operator
    operator.start()
    kube.apply(dkron_job("report", run=["first"], concurrency="queue", jobTemplate=LONG))
    kube.wait_status("report", "to run", lambda status: [e for e in status.get("active", ()) if e.get("uid")])
    kube.create(DKRON_RUNS, {**RUN, "metadata": {"name": "second"}, "spec": {"job": "report"}})
    (entry,) = waiting(kube.wait_status("report", "one to wait", waiting))
    kube.ask_stop("report", entry["job"], "2026-01-01T00:00:02Z by a test")
    ended = kube.wait_for("the DkronRun to end", lambda: run_status(kube, "second"), lambda s: s.get("finishedAt"))
    asked = "asked for at 2026-01-01T00:00:02Z by a test"
    assert (ended["phase"], ended["message"]) == ("Failed", f"the run was stopped before it began: {asked}")
    assert ("startedAt" in ended, ended["attemptCount"]) == (False, 0)
    assert condition(ended, "Failed")["reason"] == "Stopped"
    (told,) = kube.wait_for("an Event", lambda: kube.events_of("report", "ExecutionStopped"), bool)
    assert told == f"{entry['job']}: attempt 1 was stopped before it began: {asked}"


def test_pause_keeps_the_line_and_its_end_lets_it_go_on(own_site: Site) -> None:
    kube, operator = own_site.kube, own_site.operator
    operator.start()
    kube.apply(dkron_job("report", run=["first", "second"], concurrency="queue", jobTemplate=simulated(run_for="4s")))
    kube.wait_status("report", "one to wait", lambda status: len(waiting(status)) == 1)
    kube.create(DKRON_PAUSES, dkron_pause("p", jobs=["report"]))
    held = kube.wait_status("report", "the first to end in the pause", finished(1))
    assert len(waiting(held)) == 1
    kube.delete(DKRON_PAUSES, "p")
    kube.wait_status("report", "the second", finished(2))
