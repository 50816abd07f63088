"""What became of each slot, and what changes of the clocks do."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dkron_crds.job import JobStatus, Skipped, SkipReason
from dkron_crds.schedule import parse
from dkron_reports.agenda import crowded, due
from dkron_reports.explain import explain, explain_at
from dkron_reports.job import Job, from_object
from dkron_reports.slots import clock_changes
from tests.support.builders import NOON, after, claim, execution, wire_job

EACH_MINUTE = "0 * * * * *"


def job(status: JobStatus | None = None, **spec: Any) -> Job:
    return from_object(wire_job(created=after(hours=-1), status=status, **{"schedule": EACH_MINUTE, **spec}))


def status(**fields: Any) -> JobStatus:
    defaults = {"since": after(hours=-1), "observed_generation": 1, "last_schedule_time": NOON}
    return JobStatus(**{**defaults, **fields})


def at(minutes: float) -> datetime:
    return after(minutes=minutes)


RAN = execution(claim(at(-3), at=at(-3) + timedelta(seconds=7)), exit_code=0)
LOST = execution(claim(at(-4), at=at(-4)), success=False, exit_code=2)
SKIPPED = Skipped(count=4, last_time=at(-1), last_reason=SkipReason.CONCURRENCY_FORBIDDEN)
NEWEST = "the newest 2026-03-01T11:59:00Z: an earlier run was active"
FORBID = "an earlier run was active, and spec.concurrency is forbid"


def test_each_slot_is_explained() -> None:
    known = status(executions=(RAN, LOST), success_count=5, error_count=1, skipped=SKIPPED, last_schedule_time=at(1))
    found = explain(job(known), at(-5), at(3), now=at(2.5))
    assert [(int((each.slot - NOON) / timedelta(minutes=1)), each.word, each.sentence) for each in found.slots] == [
        (-5, "unknown", "it is older than what the status keeps"),
        (-4, "ran", "failed, took 5.0s, exit 2"),
        (-3, "ran", "success, 7s late, took 5.0s"),
        (-2, "skipped", f"it became no run; the newest reason is {FORBID}; its Event may tell more"),
        (-1, "skipped", FORBID),
        (0, "skipped", f"it became no run; the newest reason is {FORBID}; its Event may tell more"),
        (1, "skipped", f"it became no run; the newest reason is {FORBID}; its Event may tell more"),
        (2, "late", "due 30s ago and not decided; see dkronctl doctor if that lasts"),
        (3, "to come", "in 30s"),
    ]
    assert any("keeps runs from 2026-03-01T11:56:00Z on" in remark for remark in found.remarks)


@pytest.mark.parametrize(
    ("spec", "known", "remark"),
    [
        pytest.param({}, status(since=at(-2)), "before 2026-03-01T11:58:00Z another schedule", id="edited"),
        pytest.param({"disabled": True}, status(), "it is disabled", id="disabled"),
        pytest.param({"startsAt": "2026-03-01T11:59:30Z"}, status(), "before spec.startsAt", id="not started"),
        pytest.param({"expiresAt": "2026-03-01T11:59:30Z"}, status(), "after spec.expiresAt", id="expired"),
        pytest.param({"schedule": "", "parentJob": "a"}, status(), "it runs after a, and has no slots", id="a child"),
        pytest.param({"schedule": "x"}, status(), "no schedule that can be read", id="invalid"),
        pytest.param({}, status(observed_generation=0), "has not acted on the newest change", id="not seen"),
        pytest.param({}, status(skipped=SKIPPED), f"4 slots or requests were skipped, {NEWEST}", id="skipped"),
    ],
)  # fmt: skip
def test_what_holds_for_all_slots_is_said(spec: dict[str, Any], known: JobStatus, remark: str) -> None:
    found = explain(job(known, **spec), at(-5), at(1), now=NOON)
    assert any(remark in each for each in found.remarks), found.remarks


def test_a_moment_without_a_slot_names_its_neighbours() -> None:
    found = explain_at(job(status(executions=(RAN,), success_count=1)), at(-2.75), now=NOON)
    assert [each.word for each in found.slots] == ["ran"]
    assert "2026-03-01T11:57:15Z is no slot" in (text := " ".join(found.remarks))
    assert "the latest slot is 2026-03-01T11:57:00Z, the next slot is 2026-03-01T11:58:00Z" in text
    assert [each.word for each in explain_at(job(status()), at(5), now=NOON).slots] == ["to come"]


FORWARD = "2026-03-29: clocks go forward from 02:00 to 03:00 in Europe/Madrid; "
BACK = "2026-10-25: clocks go back from 03:00 to 02:00 in Europe/Madrid; "


@pytest.mark.parametrize(
    ("schedule", "zone", "sentences"),
    [
        pytest.param("0 30 2 * * *", "Europe/Madrid", [
            f"{FORWARD}the slot at 02:30 does not exist and will not run",
            f"{BACK}02:30 comes twice and will run twice (00:30:00Z, 01:30:00Z)",
        ], id="in the changed hour"),
        pytest.param("0 */20 1,2 * * *", "Europe/Madrid", [
            f"{FORWARD}the 3 slots from 02:00 do not exist and will not run",
            f"{BACK}3 slots from 02:00 come twice and will run twice (00:00:00Z, 01:00:00Z)",
        ], id="several"),
        pytest.param("0 30 12 * * *", "Europe/Madrid", [], id="in another hour"),
        pytest.param("0 */5 * * * *", "Europe/Madrid", [], id="each hour"),
        pytest.param("0 30 2 * * *", "", [], id="UTC"),
        pytest.param("@every 1h", "Europe/Madrid", [], id="an interval"),
    ],
)  # fmt: skip
def test_clock_changes(schedule: str, zone: str, sentences: list[str]) -> None:
    year = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC)
    assert clock_changes(parse(schedule, timezone=zone), *year) == sentences


def test_what_is_due_comes_in_order_and_crowded_seconds_are_found() -> None:
    jobs = [from_object(wire_job(name=f"j{number}", status=status(since=NOON))) for number in range(3)]
    jobs.append(from_object(wire_job(name="other", schedule="30 * * * * *", status=status(since=NOON))))
    jobs.append(from_object(wire_job(name="off", disabled=True, status=status(since=NOON))))
    found = list(due(jobs, now=NOON, until=at(2)))
    assert [name for _, _, name in found] == ["other", "j0", "j1", "j2"] * 2
    assert crowded(found, least=3) == [(at(1), 3), (at(2), 3)]
