"""The operator away for several slots, and what it makes of them when it is back: none twice, none unaccounted for."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from dkron_kube.paths import DKRON_JOBS
from tests.support import ledger
from tests.support.jobs import at, dkron_job, each_second, simulated
from tests.support.kube import Kube, condition, finished, is_running, marked_after
from tests.support.sites import Site

pytestmark = [pytest.mark.cluster(nodes="kwok"), pytest.mark.promise]

AWAY = 5
"""Seconds, and so slots, without an operator."""

SECOND = timedelta(seconds=1)
POLICIES = ("latest", "skip", "all")


def first_after_gap(account: ledger.Ledger, *, first: datetime) -> datetime:
    """The first slot that fired after those that did not, which have to be one gap."""
    gap = account.unfired
    assert gap, "nothing was missed"
    assert gap[0] <= first, f"what was missed first, at {gap[0]}, is later than {first}"
    assert [b for a, b in pairwise(gap) if b - a != SECOND] == [], "what was missed is one gap"
    return gap[-1] + SECOND


def absence(site: Site, *names: str) -> tuple[datetime, datetime]:
    """Kill the operator and start it again later: the first slot that it surely missed, and the last one."""
    kube, operator = site.kube, site.operator
    for name in names:
        kube.wait_status(name, "a slot to be decided", lambda status: status.get("lastScheduleTime"))
    operator.kill()
    gone = datetime.now(UTC)
    kube.wait_passed(gone + timedelta(seconds=AWAY))
    last = datetime.now(UTC)
    operator.start()
    return gone + SECOND, last


def test_missed_slots_run_as_the_job_wants(own_site: Site) -> None:
    kube = own_site.kube
    own_site.operator.start()
    kube.apply(*(each_second(policy, missedRuns=policy) for policy in POLICIES))
    kube.apply(
        each_second("in-time", missedRuns="all", startingDeadlineSeconds=4),
        each_second("single", schedule="@every 3s", missedRuns="all", concurrency="forbid"),
    )
    names = (*POLICIES, "in-time")
    first, last = absence(own_site, *names, "single")
    for name in names:
        kube.wait_status(name, "to go on", marked_after(last + SECOND))
    # The end of the account is an edit, and a slot that is due just then is counted for that reason.
    reasons = [kube.status(name)["skipped"]["lastReason"] for name in ("latest", "in-time")]
    accounts = ledger.close_all(kube, names, every=1)
    for account in accounts.values():
        account.assert_balanced()
    assert accounts["all"].skipped == 0
    assert reasons == ["Missed", "DeadlineExceeded"]
    back = {name: first_after_gap(accounts[name], first=first) for name in ("latest", "skip", "in-time")}
    assert back["skip"] - back["latest"] == SECOND, "the newest of the missed slots runs, or none"
    assert back["in-time"] <= back["latest"], "all that are younger than the deadline run"
    assert kube.events_of("latest", "SlotsMissed")
    assert kube.events_of("in-time", "DeadlineExceeded")
    assert_caught_up_one_by_one(kube, first, last)


def assert_caught_up_one_by_one(kube: Kube, first: datetime, last: datetime) -> None:
    """All slots of a job that forbids overlaps ran, in their order."""
    kube.wait_status("single", "to have caught up", marked_after(last))
    account = ledger.close(kube, "single", every=3)
    account.assert_balanced()
    assert [slot for slot in account.unfired if first <= slot <= last] == []
    runs = sorted(kube.status("single")["executions"], key=lambda execution: at(execution["startedAt"]))
    assert runs == sorted(runs, key=lambda execution: at(execution["slot"]))
    assert [b for a, b in pairwise(runs) if at(b["startedAt"]) < at(a["finishedAt"])] == []


def test_attempts_that_end_without_an_operator_are_recorded(own_site: Site) -> None:
    kube, operator = own_site.kube, own_site.operator
    backoff = {"initial": "1s", "factor": 1, "max": "1s"}
    kube.apply(
        dkron_job("good", run=["once"], jobTemplate=simulated(run_for="2s")),
        dkron_job("retried", run=["once"], retries=1, retryBackoff=backoff, jobTemplate=simulated(exit_code=4)),
    )
    operator.start()
    for name in ("good", "retried"):
        kube.wait_status(name, "to run", is_running)
    operator.kill()
    kube.wait_for(
        "the Jobs to end",
        lambda: [job["status"] for name in ("good", "retried") for job in kube.jobs_of(name)],
        lambda statuses: [s for s in statuses if s.get("succeeded")] and [s for s in statuses if s.get("failed")],
    )
    operator.start()
    good = kube.wait_status("good", "its run", finished(1))
    retried = kube.wait_status("retried", "both attempts", finished(2))
    assert (good["status"], good["successCount"]) == ("success", 1)
    assert [(e["attempt"], e["exitCode"]) for e in retried["executions"]] == [(2, 4), (1, 4)]
    assert (retried["status"], retried["errorCount"]) == ("failed", 2)


def test_requests_and_edits_without_an_operator_are_done_later(own_site: Site) -> None:
    kube, operator = own_site.kube, own_site.operator
    operator.start()
    kube.apply(
        dkron_job("asked", jobTemplate=simulated()), each_second("edited", missedRuns="all"), each_second("removed")
    )
    for name in ("edited", "removed"):
        kube.wait_status(name, "a slot to be decided", lambda status: status.get("lastScheduleTime"))
    operator.stop()
    mark = at(kube.status("edited")["lastScheduleTime"])
    # A Job comes before the mark that says so: the last one may have no mark.
    before = {*kube.slots_of("edited")}
    kube.ask_run("asked", "meanwhile", "2026-01-01T00:00:00Z")
    kube.delete(DKRON_JOBS, "removed")
    kube.wait_passed(mark + timedelta(seconds=3))
    kube.edit("edited", schedule="@every 2s")
    edited = datetime.now(UTC).replace(microsecond=0)
    operator.start()
    status = kube.wait_status("asked", "its run", finished(1))
    assert status["executions"][0]["trigger"] == "manual"
    slots = kube.wait_for(
        "new slots", lambda: [at(s) for s in kube.slots_of("edited") if s not in before], lambda s: len(s) >= 2
    )
    assert min(slots) > edited, "nothing runs in retrospect after an edit"
    assert kube.wait_for("its Jobs to go", lambda: kube.jobs_of("removed"), lambda jobs: not jobs) == []


def test_stopped_operator_leaves_a_complete_record(own_site: Site) -> None:
    kube, operator = own_site.kube, own_site.operator
    operator.start()
    kube.apply(each_second("steady"))
    kube.wait_status("steady", "two runs", finished(2))
    operator.stop()
    status = kube.status("steady")
    known = {entry["job"] for entry in (*status.get("active", ()), *status["executions"])}
    assert {job["metadata"]["name"] for job in kube.jobs_of("steady")} == known
    assert max(at(slot) for slot in kube.slots_of("steady")) == at(status["lastScheduleTime"])
    assert condition(status, "Ready")["status"] == "True"
    for _ in range(3):
        operator.start()
        operator.stop()
