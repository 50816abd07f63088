"""What could make a slot run twice, or be lost without a word: a status that is wiped, a clock that is wrong for a
while, Jobs of others, and edits that come before a slot was decided."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dkron_crds.base import rfc3339
from dkron_kube.paths import DKRON_JOBS, JOBS
from dkron_operator.plan.job.build import build_job
from dkron_operator.plan.situation.cause import scheduled
from dkron_operator.plan.situation.read import read_job
from tests.support.builders import IMAGES
from tests.support.jobs import KEEP_ALL, at, dkron_job, simulated
from tests.support.kube import Kube, condition, finished, is_running, marked_after
from tests.support.shifted_operator import ShiftedOperator
from tests.support.sites import Site

pytestmark = [pytest.mark.cluster(nodes="kwok"), pytest.mark.promise]


def each_second(name: str, **spec: Any) -> dict[str, Any]:
    return dkron_job(name, **{"schedule": "* * * * * *", "history": KEEP_ALL, "jobTemplate": simulated(), **spec})


def slots(kube: Kube, name: str) -> list[datetime]:
    return [at(slot) for slot in kube.slots_of(name)]


# --- a status that was wiped -----------------------------------------------------------------------------------------


def _wipe_by_merge_patch(kube: Kube, name: str) -> None:
    kube.patch(DKRON_JOBS, name, {"status": None}, subresource="status")


def _wipe_by_json_patch(kube: Kube, name: str) -> None:
    kube.json_patch(DKRON_JOBS, name, [{"op": "remove", "path": "/status"}], subresource="status")


WIPES = {"merge": _wipe_by_merge_patch, "json": _wipe_by_json_patch}


def test_new_process_runs_no_slot_of_a_wiped_job_again(own_site: Site) -> None:
    """Of the jobs `kept`, the first Job and the newest are left: what ran between them is neither run nor counted.
    Those called `once` might still run late, if they had not run."""
    kube, operator = own_site.kube, own_site.operator
    gone = [f"{missed}-{wipe}" for missed in ("all", "latest") for wipe in WIPES]
    kept = [f"kept-{wipe}" for wipe in WIPES]
    once = [f"once-{wipe}" for wipe in WIPES]
    names = (*gone, *kept, *once)
    operator.start()
    kube.apply(
        *(each_second(name, missedRuns="latest" if name.startswith("latest") else "all") for name in (*gone, *kept)),
        *(each_second(name, schedule=f"@after {rfc3339(datetime.now(UTC))} <PT1H") for name in once),
    )
    for name in names:
        kube.wait_status(name, "runs", finished(1 if name in once else 2 if name in gone else 4))
    operator.stop()
    # As after a clean-up: nothing but the status and the annotation tells that these have run.
    for name in names:
        for job in kube.jobs_of(name)[slice(1, -1) if name in kept else slice(None)]:
            kube.delete(JOBS, job["metadata"]["name"])
    kube.wait_for("the Jobs to be gone", lambda: kube.all(JOBS), lambda jobs: len(jobs) == 2 * len(kept))
    left = {name: slots(kube, name) for name in names}
    for name in names:
        WIPES[name.rpartition("-")[2]](kube, name)
        assert kube.status(name) == {}
    wiped = datetime.now(UTC)
    operator.start()
    for name in names:
        if name not in once:
            kube.wait_status(name, "to go on", marked_after(wiped + timedelta(seconds=1)))
        assert [slot for slot in slots(kube, name) if slot <= wiped] == left[name]
        assert "skipped" not in kube.status(name), name
        assert [slot for slot, count in _fired(kube, name).items() if count > 1] == [], name
        assert kube.wait_for("an Event", partial(kube.events_of, name, "StatusRebuilt"), bool)


# --- a clock that is wrong -------------------------------------------------------------------------------------------


@pytest.fixture
def ahead(own_site: Site, tmp_path: Path) -> Iterator[ShiftedOperator]:
    """An operator whose clock is three minutes ahead."""
    kube = own_site.kube
    where = ("--kubeconfig", str(kube.kubeconfig), "--namespace", kube.namespace)
    operator = ShiftedOperator(tmp_path / "ahead.log", *where, shift=timedelta(minutes=3))
    kube.guard, kube.appendix = operator.check, operator.tail
    yield operator.start()
    if operator.running:
        operator.kill()


def test_a_clock_that_was_ahead_silences_no_job(own_site: Site, ahead: ShiftedOperator) -> None:
    kube, new = own_site.kube, ("all", "latest", "skip")
    kube.apply(each_second("old", missedRuns="skip"))
    kube.wait_status("old", "runs ahead of time", finished(2))
    ahead.set_clock(timedelta())
    right = datetime.now(UTC)
    kube.apply(*(each_second(missed, missedRuns=missed) for missed in new))
    for name in ("old", *new):
        # The test and the API server have one clock.
        status = kube.wait_status(name, "its own time", lambda status: _runs_on_time(status, right))
        assert at(status["lastScheduleTime"]) <= datetime.now(UTC) + timedelta(seconds=1)
    assert [_future_skips(kube.status(name)) for name in new] == [[]] * len(new)
    again = [slot for slot in slots(kube, "old") if slots(kube, "old").count(slot) > 1]
    assert again == []


def _runs_on_time(status: dict[str, Any], right: datetime) -> bool:
    mark = status.get("lastScheduleTime")
    if mark is None or not right + timedelta(seconds=2) <= at(mark) <= datetime.now(UTC) + timedelta(seconds=1):
        return False
    return any(right <= at(run["slot"]) <= datetime.now(UTC) for run in status.get("executions", ()))


def _future_skips(status: dict[str, Any]) -> list[dict[str, Any]]:
    skipped = status.get("skipped")
    return [skipped] if skipped and at(skipped["lastTime"]) > datetime.now(UTC) else []


def _fired(kube: Kube, name: str) -> Counter[datetime]:
    """How often each slot of a job had a Job, of those that were ever there."""
    born = kube.born(kube.get(DKRON_JOBS, name)["metadata"]["uid"])
    return Counter(at(metadata["annotations"]["dkron.io/slot"]) for metadata in born)


def test_future_mark_silences_the_job_until_a_user_resets_it(shared_site: Site) -> None:
    """As the operator's manual says under `MarkAhead`."""
    kube = shared_site.kube
    # Nothing runs when the history goes, so that no execution is recorded after that.
    kube.apply(each_second("silent", disabled=True))
    kube.wait_status("silent", "to be known", lambda status: status.get("since"))
    kube.write_status("silent", executions=[], successCount=5, lastScheduleTime="2200-01-01T00:00:00Z")
    kube.edit("silent", disabled=False)
    kube.wait_status("silent", "to be enabled", lambda status: condition(status, "Suspended").get("status") == "False")
    kube.wait_passed(datetime.now(UTC) + timedelta(seconds=2))
    degraded = condition(kube.status("silent"), "Degraded")
    assert (degraded["status"], degraded["reason"]) == ("True", "MarkAhead")
    assert "set it to now" in degraded["message"]
    assert kube.jobs_of("silent") == []
    now = datetime.now(UTC)
    kube.write_status("silent", lastScheduleTime=f"{now:%Y-%m-%dT%H:%M:%SZ}")
    kube.wait_status("silent", "to run", lambda status: _runs_on_time(status, now))
    kube.wait_status("silent", "no condition", lambda status: condition(status, "Degraded")["status"] == "False")


# --- Jobs of other writers -------------------------------------------------------------------------------------------


def test_job_of_a_distant_slot_is_reported_and_ignored(shared_site: Site) -> None:
    kube = shared_site.kube
    kube.apply(each_second("forged"))
    kube.wait_status("forged", "a run", finished(1))
    view = read_job(kube.get(DKRON_JOBS, "forged"))
    entry = scheduled(datetime(2230, 1, 1, tzinfo=UTC)).entry(uid=view.uid, name=view.name, at=datetime.now(UTC))
    body = build_job(view, entry, images=IMAGES)
    body["metadata"].pop("namespace", None)
    kube.create(JOBS, body)
    kube.wait_status("forged", "the condition", lambda s: condition(s, "Degraded").get("reason") == "JobAhead")
    kube.wait_status("forged", "to go on", marked_after(datetime.now(UTC) + timedelta(seconds=1)))


# --- attempts that a user lists as active ----------------------------------------------------------------------------


LISTED_AGAIN: dict[str, dict[str, Any]] = {
    "claimed": {"uid": ""},
    "complete": {},
    "renamed": {"uid": "", "job": "renamed-1-00000000"},
}
"""Jobs by what a user changes in the entry of an attempt that is over, before listing it as active again."""


@pytest.mark.timeout(240)
def test_active_entry_added_by_a_user_is_removed(shared_site: Site) -> None:
    # The status shows the Job of a run that is longer than five seconds.
    kube, often = shared_site.kube, {"schedule": "*/15 * * * * *", "jobTemplate": simulated(run_for="6s")}
    kube.apply(*(each_second(name, concurrency="forbid", missedRuns="all", **often) for name in LISTED_AGAIN))
    entries = {}
    for name in LISTED_AGAIN:
        running = kube.wait_status(name, "a running attempt", is_running)
        entries[name] = running["active"][0]
    for name, change in LISTED_AGAIN.items():
        entry = entries[name]
        kube.wait_status(name, "its end", partial(_is_over, entry["job"]))
        if name == "claimed":
            # As after a clean-up: a second Job could have its name.
            kube.delete(JOBS, entry["job"])
        given = {key: value for key, value in {**entry, **change}.items() if value}
        kube.write_status(name, active=[given])
    for name in LISTED_AGAIN:
        kube.wait_for("an Event", partial(kube.events_of, name, "StatusEdited"), bool)
    edited = datetime.now(UTC)
    for name in LISTED_AGAIN:
        kube.wait_status(name, "to go on", marked_after(edited + timedelta(seconds=15)))
        kube.edit(name, disabled=True)
        status = kube.wait_status(name, "nothing active", lambda status: not status.get("active"))
        fired = _fired(kube, name)
        assert set(fired.values()) == {1}, fired
        assert fired.keys() == {at(run["slot"]) for run in status["executions"]}, name
        assert len(kube.events_of(name, "StatusEdited")) == 1
        assert "skipped" not in status, status["skipped"]


def _is_over(job: str, status: dict[str, Any]) -> bool:
    recorded = any(run["job"] == job for run in status.get("executions", ()))
    return recorded and not status.get("active")


# --- edits -----------------------------------------------------------------------------------------------------------


EDITS: dict[str, dict[str, Any]] = {
    "schedule": {"schedule": "0 0 0 1 1 *"},
    "disabled": {"disabled": True},
    "starts-at": {"startsAt": "2100-01-01T00:00:00Z"},
    "timezone": {"timezone": "Asia/Kolkata"},
    "parent-job": {"schedule": None, "parentJob": "schedule"},
}


def test_edit_without_an_operator_counts_earlier_slots(own_site: Site) -> None:
    kube, operator = own_site.kube, own_site.operator
    operator.start()
    kube.apply(*map(each_second, EDITS))
    for name in EDITS:
        kube.wait_status(name, "a run", finished(1))
    operator.stop()
    marks = {name: at(kube.status(name)["lastScheduleTime"]) for name in EDITS}
    kube.wait_passed(max(marks.values()) + timedelta(seconds=4))
    for name, edit in EDITS.items():
        kube.edit(name, **edit)
    edited = datetime.now(UTC)
    operator.start()
    for name, mark in marks.items():
        status = kube.wait_status(name, "the edit", lambda status: at(status["since"]) > edited)
        # Up to here the slots are of the old schedule.
        since = at(status["since"])
        ran = {slot: count for slot, count in _fired(kube, name).items() if mark < slot <= since}
        assert [slot for slot, count in ran.items() if count > 1] == [], name
        skipped = status.get("skipped") or {"count": 0}
        assert len(ran) + skipped["count"] == int((since - mark).total_seconds()), (name, status)
        if skipped["count"]:
            assert skipped["lastReason"] == "Edited", name
            assert kube.wait_for("an Event", partial(kube.events_of, name, "SlotsMissed"), bool)
