"""What could make a slot run twice, or be lost without a word: a status that is wiped, a clock that is wrong for a
while, Jobs of others, and edits that come before a slot was decided."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from dkron_crds.base import rfc3339
from dkron_kube.paths import DKRON_JOBS, JOBS
from tests.support.jobs import KEEP_ALL, at, dkron_job, simulated
from tests.support.kube import Kube, condition, finished, marked_after
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


def _runs_on_time(status: dict[str, Any], right: datetime) -> bool:
    mark = status.get("lastScheduleTime")
    if mark is None or not right + timedelta(seconds=2) <= at(mark) <= datetime.now(UTC) + timedelta(seconds=1):
        return False
    return any(right <= at(run["slot"]) <= datetime.now(UTC) for run in status.get("executions", ()))


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
