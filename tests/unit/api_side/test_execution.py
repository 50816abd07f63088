"""Executions as Dkron shows them (Dkron behaviour §1.7)."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from dkron_api.translate.execution import InLine, found, full_line, line_of, listed, running, single
from dkron_api.translate.job import shown as shown_as_job
from dkron_api.translate.record import Job
from dkron_reports.slices import at_once
from tests.support.builders import NOON, wire_job

GOOD: dict[str, Any] = {
    "id": "1772366400000000000-a-1", "job": "a-1", "slot": "2026-03-01T12:00:00Z", "trigger": "schedule",
    "group": 1772366400000000000, "attempt": 1, "startedAt": "2026-03-01T12:00:01.25Z",
    "finishedAt": "2026-03-01T12:00:03Z", "state": "Succeeded", "output": "hello\n", "nodeName": "n1",
}  # fmt: skip
BAD = GOOD | {
    "id": "1772366460000000000-a-2", "startedAt": "2026-03-01T12:01:00Z", "finishedAt": "2026-03-01T12:01:01Z",
    "state": "Failed", "exitCode": 3, "reason": "Error", "output": "oh no", "attempt": 2,
}  # fmt: skip
ACTIVE = {key: GOOD[key] for key in ("job", "slot", "trigger", "group", "attempt")} | {
    "id": "1772366520000000000-a-3", "startedAt": "2026-03-01T12:02:00Z", "state": "Running", "uid": "u",
    "nodeName": "n2",
}  # fmt: skip
CLAIM = {key: value for key, value in ACTIVE.items() if key != "uid"} | {
    "id": "1772366530000000000-a-4", "state": "Claimed"
}  # fmt: skip


def job(*executions: dict[str, Any], active: tuple[dict[str, Any], ...] = (), **spec: Any) -> Job:
    return Job(wire_job(name="a", **spec) | {"status": {"executions": list(executions), "active": list(active)}})


def test_details_are_shown_on_demand_as_far_as_known() -> None:
    member = BAD | {"member": "n1", "message": "it was too large"}
    runs = listed(job(member, active=(ACTIVE,)), {}, detailed=True)
    assert [each["details"] for each in runs] == [
        {"job": "a-1", "slot": "2026-03-01T12:00:00Z", "trigger": "schedule"},
        {
            "job": "a-1", "slot": "2026-03-01T12:00:00Z", "trigger": "schedule", "member": "n1", "exit_code": 3,
            "reason": "Error", "message": "it was too large",
        },
    ]  # fmt: skip


BROKEN = {
    "type": "Ready", "status": "False", "reason": "InvalidExecutorConfig", "message": "command: no closing quotation",
    "lastTransitionTime": "2026-03-01T12:05:00Z",
}  # fmt: skip


QUEUED = "2026-03-01T12:01:00Z"


def waiting(job_name: str, group: int, since: str = QUEUED, **fields: Any) -> dict[str, Any]:
    """A claim that waits in line."""
    times = {"state": "Waiting", "queuedAt": since, "startedAt": since}
    return CLAIM | {"job": job_name, "id": f"{group}-{job_name}", "group": group} | times | fields


LINE = (
    ACTIVE | {"queuedAt": "2026-03-01T12:00:30Z"},
    waiting("a-5", 5, "2026-03-01T12:03:00Z"),
    waiting("a-4", 4, member="n1"),
    waiting("a-4b", 4, member="n2"),
    waiting("a-6", 6, trigger="backfill"),
    CLAIM | {"job": "a-7", "attempt": 2},
)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        pytest.param("oldest", {"a-4": 1, "a-4b": 1, "a-5": 2, "a-6": None}, id="oldest first"),
        pytest.param("newest", {"a-4": 2, "a-4b": 2, "a-5": 1, "a-6": None}, id="newest first"),
    ],
)
def test_what_waits_has_a_place_and_no_start(order: str, expected: dict[str, int | None]) -> None:
    known = job(GOOD, active=LINE, concurrency="queue", queue={"order": order})
    rows = listed(known, {}, now=datetime(2026, 3, 1, 12, 5, tzinfo=UTC))
    found = {each["id"].partition("-")[2]: each for each in rows}
    assert {name: found[name].get("place") for name in expected} == expected
    assert {found[name]["started_at"] for name in expected} == {"0001-01-01T00:00:00Z"}
    assert (found["a-4"]["queued_at"], found["a-4"]["queued_for"]) == (QUEUED, 240.0)
    assert (found["a-3"]["queued_for"], found["a-3"].get("place")) == (90.0, None), "it runs"
    assert "queued_at" not in found["a-1"], "it never waited"
    assert "a-7" not in found, "a retry that waits for its backoff"
    assert [row["id"].partition("-")[2] for row in rows[-2:]] == ["a-3", "a-1"], "those that wait are newer"
    assert [each["id"] for each in at_once(running([known]))] == [ACTIVE["id"]]


def test_what_waits_in_a_queue_of_kueue_does_not_run() -> None:
    waits = ACTIVE | {"state": "Queued", "queuedAt": "2026-03-01T12:00:30Z", "queue": "team-a", "evictions": 2}
    admitted = ACTIVE | {"job": "a-4", "id": "4-a-4", "queuedAt": QUEUED, "evictions": 1}
    known = job(active=(waits, admitted, waiting("a-5", 5)), concurrency="queue")
    rows = listed(known, {}, detailed=True, now=datetime(2026, 3, 1, 12, 5, tzinfo=UTC))
    found = {each["id"].partition("-")[2]: each for each in rows}
    queued = found["a-3"]
    assert (queued["started_at"], queued["queued_for"]) == ("0001-01-01T00:00:00Z", 90.0), "the wait before it began"
    (first,) = listed(job(active=(waits | {"evictions": 0},)), {}, now=datetime(2026, 3, 1, 12, 5, tzinfo=UTC))
    assert (first["started_at"], first["queued_for"]) == ("0001-01-01T00:00:00Z", 270.0), "it has not begun"
    assert (queued["details"]["local_queue"], queued["details"]["evictions"]) == ("team-a", 2)
    assert {name: each.get("place") for name, each in found.items()} == {"a-3": None, "a-4": None, "a-5": 1}
    assert "local_queue" not in found["a-4"]["details"]
    placed = job(active=(waits | {"place": 3}, admitted | {"place": 4}, waiting("a-5", 5)), concurrency="queue")
    assert [each.get("place") for each in listed(placed, {}, now=NOON)] == [1, 3, None], "newest first"
    assert [each["id"] for each in at_once(running([known]))] == ["4-a-4"]


def test_run_that_waited_keeps_the_id_that_it_had_in_line() -> None:
    begun = ACTIVE | {"job": "a-4", "id": "99-a-4", "queuedAt": QUEUED}
    for status in (job(active=(begun,)), job(GOOD | {"job": "a-4", "id": "99-a-4", "queuedAt": QUEUED})):
        run = found(status, "4-a-4")
        assert run is not None
        assert run.id == "99-a-4"


def test_run_that_was_stopped_in_line_says_so() -> None:
    stopped = BAD | {"reason": "Stopped", "message": "asked for by ann", "output": "", "finishedAt": BAD["startedAt"]}
    early = stopped | {"state": "Cancelled", "exitCode": None, "queuedAt": QUEUED}
    (ran,), (never,) = (listed(job(each), {}) for each in (stopped, early))
    assert (ran["output"].strip(), never["output"].strip()) == (
        "Stopped: asked for by ann", "Stopped: asked for by ann, before it began",
    )  # fmt: skip


def test_member_of_a_run_whose_turn_came_waits_for_its_job() -> None:
    turn = {"startedAt": "2026-03-01T12:04:00Z"}
    begun = waiting("a-4", 4, state="Running", uid="u", **turn)
    claimed = waiting("a-4b", 4, state="Claimed", member="n2", **turn)
    known = job(active=(begun, claimed, waiting("a-5", 5)), concurrency="queue")
    assert line_of(known) == {"a-4b": InLine(0), "a-5": InLine(1)}
    assert [each["id"] for each in listed(known, {})] == ["5-a-5", "4-a-4b", "4-a-4"]


@pytest.mark.parametrize(
    ("spec", "full"),
    [
        pytest.param({"concurrency": "queue", "queue": {"max": 2}}, True, id="as many as may"),
        pytest.param({"concurrency": "queue", "queue": {"max": 3}}, False, id="there is room"),
        pytest.param(
            {"concurrency": "queue", "queue": {"max": 2, "order": "newest"}}, False, id="the oldest is dropped"
        ),
        pytest.param({"concurrency": "allow", "queue": {"max": 2}}, False, id="none waits any more"),
        pytest.param({"pools": ["db"], "queue": {"max": 2}}, True, id="for places of a pool"),
    ],
)
def test_full_line_takes_no_further_run(spec: dict[str, Any], *, full: bool) -> None:
    said = full_line(job(active=LINE, **spec))
    way = 'send {"force": true}' if "pools" in spec else "add ?force=true"
    assert said == (f'the line of the job "a" is full: queue.max is 2; {way} to run it anyway' if full else "")


@dataclass(frozen=True)
class Stands:
    """A job that cannot run, and when the execution that stands for that has failed; empty if none does."""

    failed_at: str
    condition: dict[str, Any] = field(default_factory=dict)
    skipped: dict[str, Any] = field(default_factory=dict)
    spec: dict[str, Any] = field(default_factory=dict)
    last_error: str = "2026-03-01T12:01:01Z"


ASKED = {"count": 3, "lastTime": "2026-03-01T12:07:00Z", "lastReason": "NotReady"}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Stands("2026-03-01T12:05:00Z"), id="since it cannot run"),
        pytest.param(Stands("2026-03-01T12:07:00Z", skipped=ASKED), id="since it was asked to run"),
        pytest.param(Stands("2026-03-01T12:05:00Z", skipped={**ASKED, "lastReason": "Missed"}), id="missed slots"),
        pytest.param(Stands("2026-03-01T12:05:00Z", last_error="2026-03-01T12:06:00Z"), id="a run ended later"),
        pytest.param(Stands("", {"status": "True"}), id="it runs"),
        pytest.param(Stands("", {"observedGeneration": 7}), id="an earlier spec could not"),
        pytest.param(Stands("", {"reason": "ParentNotFound"}), id="it runs on request"),
        pytest.param(Stands("", {"lastTransitionTime": "x"}), id="a condition that cannot be read"),
        pytest.param(Stands("", spec={"disabled": True}), id="disabled"),
    ],
)
def test_a_job_that_cannot_run_has_a_failed_execution(case: Stands) -> None:
    status = {
        "executions": [BAD], "errorCount": 1, "lastError": case.last_error, "conditions": [BROKEN | case.condition],
        "skipped": case.skipped or None,
    }  # fmt: skip
    broken = Job(wire_job(name="a", **case.spec) | {"status": status})
    shown_job, (newest, *rest) = shown_as_job(broken, children=(), now=NOON), listed(broken, {})
    assert shown_job["error_count"] == (2 if case.failed_at else 1)
    assert shown_job["last_error"] == max(case.failed_at, case.last_error)
    if not case.failed_at:
        assert (newest["id"], rest) == (BAD["id"], [])
        return
    assert (newest["started_at"], newest["finished_at"], newest["success"]) == (case.failed_at, case.failed_at, False)
    assert newest["output"] == "InvalidExecutorConfig: command: no closing quotation\n"
    assert single(broken, newest["id"]) == {key: value for key, value in newest.items() if key != "output_truncated"}


def test_what_runs_ends_last() -> None:
    found = listed(job(GOOD, BAD, active=(ACTIVE,)), {"_sort": "finished_at", "_order": "ASC"})
    assert [each["id"][-1] for each in found] == ["1", "2", "3"]


def test_claimed_run_is_visible_to_its_requester() -> None:
    asked = CLAIM | {"trigger": "manual"}
    assert [each["id"] for each in listed(job(active=(asked,)), {})] == [CLAIM["id"]]
    assert found(job(active=(asked,)), CLAIM["id"]) is not None
    assert at_once(running([job(active=(asked,))])) == [], "it has not begun"
    retry = asked | {"attempt": 2}
    assert listed(job(active=(retry,)), {}) == [], "a retry that waits for its time"


@pytest.mark.parametrize(
    ("fields", "output"),
    [
        pytest.param({}, "exit status 3\noh no", id="exit code"),
        pytest.param({"message": "GET /: 500"}, "GET /: 500\noh no", id="the container's words, cut off its output"),
        pytest.param({"message": "oh no"}, "oh no", id="the container's own words, in its output"),
        pytest.param({"exitCode": 137, "reason": "OOMKilled"}, "OOMKilled\noh no", id="a reason says more than a code"),
        pytest.param(
            {"exitCode": None, "reason": "JobLost", "message": "the Job is gone", "output": ""},
            "JobLost: the Job is gone\n",
            id="no exit code",
        ),
        pytest.param({"exitCode": None, "reason": ""}, "oh no", id="nothing known"),
    ],
)
def test_the_error_stands_before_the_output(fields: dict[str, Any], output: str) -> None:
    found = listed(job({key: value for key, value in (BAD | fields).items() if value is not None}), {})[0]
    assert found["output"] == output


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        pytest.param("Europe/London", "2026-03-01T12:00:03Z", id="a zone of offset zero is written as UTC"),
        pytest.param("Mars/Olympus", "2026-03-01T12:00:03Z", id="a zone that is not known counts as UTC"),
    ],
)
def test_list_times_use_the_job_zone_and_single_ones_utc(zone: str, expected: str) -> None:
    zoned = job(GOOD, timezone=zone)
    assert listed(zoned, {})[0]["finished_at"] == expected
    found = single(zoned, GOOD["id"])
    assert found is not None
    assert found["finished_at"] == "2026-03-01T12:00:03Z"
    assert "output_truncated" not in found


def test_replaced_execution_keeps_its_id() -> None:
    before = GOOD["id"].replace("17", "18", 1)
    assert single(job(GOOD, concurrency="replace"), before) == single(job(GOOD), GOOD["id"])
    assert single(job(GOOD), before) is None
    assert single(job(GOOD), "1-x") is None
    assert single(job(GOOD, concurrency="replace"), GOOD["job"]) is None
