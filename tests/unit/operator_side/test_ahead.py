"""Marks, beginnings and Jobs that lie ahead of the clock: how a job heals from them, and that no slot runs twice."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from dkron_crds.job import Attempt, AttemptState, History, JobStatus
from dkron_crds.status import MAX_RAN_AHEAD
from dkron_operator.cache.store import Store
from dkron_operator.kit.clock import Clock
from dkron_operator.plan.advance import advance
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.view import AttemptJob
from dkron_operator.plan.status.changes import Finished, MarkTakenBack
from dkron_operator.plan.status.unknown_jobs import split
from tests.support.builders import (
    NOON,
    after,
    claim,
    execution,
    job_view,
    request_claim,
    run,
    seen,
    situation,
    wire_job,
    wire_run,
)
from tests.support.folding import fold_one
from tests.support.plans import condition, fired, outcomes_read, reported, skips

JOB = job_view()


def accepted(**fields: object) -> JobStatus:
    base = advance(situation(JOB, JobStatus(), now=NOON)).status
    return base.model_copy(update=fields)


@dataclass(frozen=True)
class Row:
    mark: datetime
    taken_back_to: datetime
    since: datetime = NOON
    degraded: bool = False
    executions: int = 0
    dropped: int = 0
    """Executions that ran and are not kept."""


ALL_SHOWN = Row(mark=after(300), taken_back_to=after(100), executions=3)
OLDEST_SHOWN = Row(mark=after(600), taken_back_to=after(421), degraded=True, executions=4, dropped=1)
NONE_SHOWN = Row(mark=after(600), taken_back_to=after(600), degraded=True, dropped=1)


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(Row(mark=after(180), taken_back_to=after(180)), id="clocks may differ by a minute"),
        pytest.param(Row(mark=after(103), taken_back_to=after(100)), id="no slot of the schedule"),
        pytest.param(Row(mark=after(101), taken_back_to=after(101)), id="no slot, and clocks may differ by a second"),
        pytest.param(Row(mark=after(103), taken_back_to=after(103), since=after(102)), id="no slot lies before it"),
        pytest.param(Row(mark=after(300), taken_back_to=after(100)), id="a clock that was ahead"),
        pytest.param(Row(mark=after(days=365), taken_back_to=after(100)), id="a hand"),
        pytest.param(ALL_SHOWN, id="all that ran is shown"),
        pytest.param(OLDEST_SHOWN, id="no further than to the oldest that is shown"),
        pytest.param(NONE_SHOWN, id="nothing that ran is shown"),
    ],
)
def test_a_mark_that_is_ahead_is_taken_back(row: Row) -> None:
    slots = [row.mark - timedelta(minutes=n) for n in range(row.executions)]
    shown = tuple(execution(claim(slot, at=slot + timedelta(seconds=1))) for slot in slots)
    status = accepted(
        since=row.since, last_schedule_time=row.mark, executions=shown, success_count=len(shown) + row.dropped
    )
    plan = advance(situation(JOB, status, now=after(100)))
    assert plan.status.last_schedule_time == row.taken_back_to
    degraded = condition(plan, "Degraded")
    assert (degraded.reason == "MarkAhead", "set it to now" in degraded.message) == (row.degraded, row.degraded)
    assert advance(situation(JOB, plan.status, now=after(100))).changes == []


@pytest.mark.parametrize(
    ("rebuilt", "then"),
    [
        pytest.param(after(150), after(150), id="clocks may differ by a minute"),
        pytest.param(after(3600), after(100), id="a clock that was ahead, or a hand"),
    ],
)
def test_future_rebuild_time_silences_no_dependent_job(rebuilt: datetime, then: datetime) -> None:
    plan = advance(situation(JOB, accepted(rebuilt_at=rebuilt), now=after(100)))
    assert plan.status.rebuilt_at == then
    assert reported(plan) == ([] if rebuilt == then else ["ClockWasAhead"])


EARLY = claim(after(300), at=after(100))


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param({"executions": (execution(EARLY),)}, id="an execution"),
        pytest.param({"counted": (EARLY.job,)}, id="a counted Job"),
        pytest.param({"active": (seen(EARLY),)}, id="an active attempt"),
    ],
)
def test_slot_run_by_a_fast_clock_does_not_run_again(shown: dict[str, Any]) -> None:
    plan = advance(situation(JOB, accepted(last_schedule_time=after(240), **shown), now=after(310)))
    assert (fired(plan), plan.status.last_schedule_time) == (None, after(300))


def test_slot_run_ahead_outlives_its_execution() -> None:
    entry = claim(after(300), at=after(290))
    status = accepted(last_schedule_time=after(600), executions=(execution(entry),), success_count=1)
    taken = advance(situation(JOB, status, now=after(100))).status
    assert (taken.last_schedule_time, taken.ran_ahead) == (after(100), (after(300),))
    later = taken.model_copy(update={"executions": (), "last_schedule_time": after(240)})
    plan = advance(situation(JOB, later, now=after(310)))
    assert (plan.create, plan.status.last_schedule_time, plan.status.ran_ahead) == (None, after(300), ())


@pytest.mark.parametrize(
    ("mark", "entry", "ran_ahead"),
    [
        pytest.param(NOON, claim(after(60)), (after(60),), id="its slot is to come"),
        pytest.param(NOON, claim(after(60), attempt=2), (after(60),), id="the slot of a retry is to come"),
        pytest.param(None, claim(after(60)), (after(60),), id="no slot was decided yet"),
        pytest.param(after(60), claim(after(60)), (), id="the mark has reached its slot"),
        pytest.param(NOON, request_claim(due=after(60)), (), id="a request has no slot"),
    ],
)
def test_record_remembers_a_slot_that_is_to_come(
    mark: datetime | None, entry: Attempt, ran_ahead: tuple[datetime, ...]
) -> None:
    status = fold_one(accepted(last_schedule_time=mark), Finished(execution(entry)), JOB.spec.history)
    assert (status.last_schedule_time, status.ran_ahead) == (mark, ran_ahead)


def test_slot_run_ahead_outlives_its_execution_and_its_job() -> None:
    early = [claim(after(60 * n), at=after(n)) for n in (1, 2)]
    status = accepted(last_schedule_time=NOON)
    for entry in early:
        status = fold_one(status, Finished(execution(entry)), History(executions=1))
    assert [each.job for each in status.executions] == [early[1].job]
    plan = advance(situation(JOB, status.model_copy(update={"counted": ()}), now=after(130)))
    assert (plan.create, plan.status.last_schedule_time, plan.status.ran_ahead) == (None, after(120), ())


def test_mark_passes_a_slot_that_finds_no_room() -> None:
    full = tuple(after(minutes=n) for n in range(1, MAX_RAN_AHEAD + 1))
    newest = Finished(execution(claim(after(days=1))))
    status = fold_one(accepted(last_schedule_time=NOON, ran_ahead=full), newest, JOB.spec.history)
    assert (status.last_schedule_time, status.ran_ahead) == (full[0], (*full[1:], after(days=1)))


def test_mark_taken_back_keeps_records_of_another_writer() -> None:
    recorded = execution(claim(after(240), at=NOON))
    others = accepted(last_schedule_time=after(600), ran_ahead=(after(660),), executions=(recorded,))
    status = fold_one(others, MarkTakenBack(after(600), after(100), begun=(after(300),)), JOB.spec.history)
    assert (status.last_schedule_time, status.ran_ahead) == (after(100), (after(240), after(300), after(660)))


def test_too_many_slots_run_ahead_keep_the_mark_ahead() -> None:
    slots = [after(minutes=n) for n in range(10, 10 + MAX_RAN_AHEAD + 2)]
    active = tuple(seen(claim(slot, at=after(90))) for slot in slots)
    status = accepted(last_schedule_time=slots[-1], active=active)
    plan = advance(situation(JOB, status, now=after(100), runs=[run(entry) for entry in active]))
    assert (plan.status.last_schedule_time, plan.status.ran_ahead) == (slots[1], tuple(slots[2:]))


def test_edit_does_not_count_a_slot_that_ran_ahead() -> None:
    status = accepted(last_schedule_time=after(60), ran_ahead=(after(120),))
    plan = advance(situation(job_view(disabled=True, generation=2), status, now=after(190)))
    assert (skips(plan)[0], plan.status.ran_ahead) == (1, ())


def test_future_since_moves_to_now_but_not_before_the_creation() -> None:
    plan = advance(situation(JOB, accepted(since=after(hours=1)), now=after(100)))
    assert (plan.status.since, plan.status.next) == (after(100), after(120))
    assert advance(situation(JOB, accepted(), now=after(-600))).status.since == NOON


# --- Jobs ------------------------------------------------------------------------------------------------------------

ENTRY = claim(after(60))


def test_foreign_job_does_not_hide_the_real_one_of_its_name() -> None:
    store = Store()
    store.upsert_attempt(wire_run(ENTRY, uid="foreign", namespace="elsewhere", version=9))
    store.upsert_attempt(wire_run(ENTRY, uid="real", version=5))
    store.upsert_job(wire_job(status=accepted()))
    (found,) = store
    assert [each.uid for each in found.observed.attempts.values()] == ["real"]


def with_ahead(status: JobStatus, job: AttemptJob, now: datetime) -> Plan:
    whole = situation(JOB, status, now=now, runs=[job])
    runs, ahead = split(whole.attempts, status, now)
    return advance(replace(whole, attempts=runs, ahead=ahead))


def test_job_of_a_distant_slot_does_not_count_until_then() -> None:
    far = datetime.fromisoformat("2260-01-01T00:00:00+00:00")
    entry = claim(far, at=after(1))
    plan = with_ahead(accepted(), run(entry), after(130))
    assert plan.status.last_schedule_time != far
    degraded = condition(plan, "Degraded")
    assert (plan.status.active, degraded.reason, entry.job in degraded.message) == ((), "JobAhead", True)


def test_known_job_of_a_distant_slot_is_followed() -> None:
    entry = claim(after(600), at=after(1))
    plan = with_ahead(accepted(active=(seen(entry),)), run(entry, AttemptState.SUCCEEDED), after(50))
    assert (outcomes_read(plan), plan.status.last_schedule_time) == ([entry.job], None)


# --- what a process remembers ----------------------------------------------------------------------------------------


def test_future_mark_is_dropped_when_another_replica_reset_it() -> None:
    store = Store(clock=Clock(lambda: after(100)))
    store.upsert_job(wire_job(version=1, status=accepted(last_schedule_time=after(hours=1))))
    store.upsert_job(wire_job(version=2, status=accepted(last_schedule_time=after(60))))
    store.renew(behind=False)
    (found,) = store
    assert (found.status.last_schedule_time, found.pending) == (after(60), [])
