"""Missed slots of a job that wants all of them and never two runs at once: they wait for their turn, whatever process
follows, and slots that come due meanwhile are decided at their time.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dkron_crds.job import AcceptedSchedule, AttemptState, ConditionType, DeferredSlots, JobStatus, Skipped, SkipReason
from dkron_crds.status import MAX_DEFERRED
from dkron_operator.plan.actions import Report
from dkron_operator.plan.advance import advance
from dkron_operator.plan.situation.pauses import Pause
from dkron_operator.plan.situation.view import AttemptJob, JobView, Situation
from dkron_operator.plan.status.changes import Started
from dkron_operator.plan.status.facts import Slots, holds
from dkron_operator.plan.status.unknown_jobs import is_settled
from dkron_operator.plan.steps.acceptance import accepted_schedule
from tests.support.builders import NOON, after, claim, job_view, run, seen, situation
from tests.support.examples import examples
from tests.support.folding import counted, fold_all
from tests.support.steps import settle

BUSY, MISSED = SkipReason.CONCURRENCY_FORBIDDEN, SkipReason.MISSED
HALF = timedelta(seconds=30)


def minutes(count: float) -> datetime:
    return after(minutes=count)


def catching_up(**spec: Any) -> JobView:
    """A job each minute that gets its missed slots one after another."""
    return job_view(**{"concurrency": "forbid", "missedRuns": "all", **spec})


def deferring(job: JobView, *stretches: tuple[float, float], mark: float, **fields: Any) -> JobStatus:
    """A status with these deferred stretches, in minutes."""
    deferred = tuple(DeferredSlots(after=minutes(start), until=minutes(end)) for start, end in stretches)
    known = {"since": NOON, "fingerprint": job.fingerprint, "accepted": accepted_schedule(job.spec), **fields}
    return JobStatus(**known, last_schedule_time=minutes(mark), deferred=deferred)


def stretches(status: JobStatus) -> list[tuple[datetime | None, datetime]]:
    return [(each.after, each.until) for each in status.deferred]


def skipped(status: JobStatus) -> tuple[int, SkipReason | None]:
    return (status.skipped.count, status.skipped.last_reason) if status.skipped else (0, None)


def over(at: Situation) -> Situation:
    """All Jobs have ended."""
    ended = {name: replace(each, state=AttemptState.SUCCEEDED) for name, each in at.attempts.items()}
    return replace(at, attempts=ended)


def begun(at: Situation) -> list[datetime]:
    return sorted(each.slot for each in at.attempts.values())


def test_a_restart_runs_no_slot_that_was_refused() -> None:
    job = catching_up()
    first, _ = settle(situation(job, now=minutes(1)))
    missed, _ = settle(replace(first, now=minutes(2.5), fireable_since=minutes(2.5)))
    living, plan = settle(replace(missed, now=minutes(5.5)))
    assert (skipped(living.status), stretches(living.status)) == ((3, BUSY), [(minutes(1), minutes(2))])
    ready = next(each for each in plan.status.conditions if each.type == ConditionType.READY)
    assert ready.message == "1 missed slot waits for its turn, the oldest is 2026-03-01T12:02:00Z"
    again, _ = settle(replace(living, now=minutes(5.7), fireable_since=minutes(5.7)))
    end, _ = settle(over(again))
    end, _ = settle(over(end))
    assert (begun(end), end.status.deferred) == ([minutes(1), minutes(2)], ())
    assert skipped(end.status) == (3, BUSY)


def test_each_outage_adds_a_range_and_the_oldest_runs_first() -> None:
    job = catching_up()
    at, _ = settle(situation(job, now=minutes(1)))
    at, _ = settle(replace(at, now=minutes(3.5), fireable_since=minutes(3.5)))
    at, _ = settle(replace(at, now=minutes(4)))
    at, _ = settle(replace(at, now=minutes(6.5), fireable_since=minutes(6.5)))
    assert stretches(at.status) == [(minutes(1), minutes(3)), (minutes(4), minutes(6))]
    for slot in (2, 3, 5, 6):
        at, _ = settle(over(at))
        assert max(begun(at)) == minutes(slot)
    assert skipped(at.status) == (1, BUSY)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A job that had two slots deferred, at 12:02 and 12:03, and what is left of them at 12:10."""

    id: str
    spec: dict[str, Any] = field(default_factory=dict)
    active: bool = False
    pause: Pause | None = None
    fires: float | None = None
    left: tuple[tuple[float, float], ...] = ()
    skipped: tuple[int, SkipReason | None] = (0, None)


KEPT = Pause(namespace="default", name="kept", created=NOON, drop=False)
CASES = [
    Case(id="a run is active", active=True, left=((1, 3),)),
    Case(id="nothing is active", fires=2, left=((2, 3),)),
    Case(id="too late", spec={"startingDeadlineSeconds": 450}, fires=3, skipped=(1, SkipReason.DEADLINE_EXCEEDED)),
    Case(id="all too late", spec={"startingDeadlineSeconds": 60}, skipped=(2, SkipReason.DEADLINE_EXCEEDED)),
    Case(id="a pause holds", pause=KEPT, left=((1, 3),)),
    Case(id="a pause drops", pause=replace(KEPT, drop=True), skipped=(2, SkipReason.PAUSED)),
    Case(id="now skip", spec={"missedRuns": "skip"}, skipped=(2, MISSED)),
    Case(id="now latest", spec={"missedRuns": "latest"}, fires=3, skipped=(1, MISSED)),
    Case(id="now allow", spec={"concurrency": "allow"}, active=True, fires=2, left=((2, 3),)),
    Case(id="now replace", spec={"concurrency": "replace"}, active=True, left=((1, 3),)),
    Case(id="edited", spec={"schedule": "30 * * * * *"}, skipped=(2, SkipReason.EDITED)),
    Case(id="disabled", spec={"disabled": True}, skipped=(2, SkipReason.EDITED)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_deferred_slot_waits_runs_or_is_counted(case: Case) -> None:
    job, entry = catching_up(**case.spec), seen(claim(minutes(1)))
    status = deferring(catching_up(), (1, 3), mark=10, active=(entry,) if case.active else ())
    runs = [run(entry)] if case.active else []
    pauses = (case.pause,) if case.pause else ()
    plan = advance(situation(job, status, now=minutes(10), runs=runs, pauses=pauses))
    status = plan.status
    if plan.create is not None:
        assert Started(plan.create.entry) in plan.create.before, "its claim comes first"
        status = fold_all(status, plan.create.before, job.spec.history)
    assert (plan.create.entry.slot if plan.create else None) == (minutes(case.fires) if case.fires else None)
    assert stretches(status) == [(minutes(start), minutes(end)) for start, end in case.left]
    assert skipped(status) == case.skipped


def test_skipped_keeps_the_reason_of_the_newest_slot() -> None:
    job, before = catching_up(), Skipped(count=1, last_time=minutes(9), last_reason=BUSY)
    status = deferring(job, (1, 3), mark=10, skipped=before)
    plan = advance(situation(job, status, now=minutes(10), pauses=(replace(KEPT, drop=True),)))
    assert plan.status.skipped == before.model_copy(update={"count": 3})


def test_a_deferred_slot_that_has_run_is_not_run_again() -> None:
    job, found = catching_up(), run(seen(claim(minutes(2))), AttemptState.SUCCEEDED)
    end, _ = settle(situation(job, deferring(job, (1, 3), mark=10), now=minutes(10), runs=[found]))
    assert begun(end) == [minutes(2), minutes(3)]
    assert end.status.deferred == ()


def test_slot_that_ran_ahead_is_not_deferred() -> None:
    job = catching_up()
    status = deferring(job, mark=1, ran_ahead=(minutes(3),), active=(seen(claim(minutes(1))),))
    now = {"now": minutes(4.5), "fireable_since": minutes(4.5)}
    end, _ = settle(situation(job, status, runs=[run(seen(claim(minutes(1))))], **now))
    assert stretches(end.status) == [(minutes(1), minutes(2)), (minutes(3), minutes(4))]


def test_a_status_without_room_counts_missed_slots() -> None:
    job, entry = catching_up(), seen(claim(minutes(1)))
    many = [(2 * n, 2 * n + 1) for n in range(1, MAX_DEFERRED + 1)]
    status = deferring(job, *many, mark=40, active=(entry,))
    plan = advance(situation(job, status, now=minutes(43.5), fireable_since=minutes(43.5), runs=[run(entry)]))
    assert (len(plan.status.deferred), skipped(plan.status)) == (MAX_DEFERRED, (3, MISSED))
    assert [each.reason for each in plan.actions_of(Report) if each.reason == "SlotsMissed"]


def test_mark_that_moves_back_takes_deferred_slots_along() -> None:
    job = catching_up()
    plan = advance(situation(job, deferring(job, (1, 100), mark=100), now=minutes(10)))
    assert stretches(plan.status) == [(minutes(1), minutes(10))]


def test_stretches_from_a_hand_fire_nothing_early() -> None:
    job = catching_up()
    wild = (DeferredSlots(until=after(days=9000)), DeferredSlots(after=after(days=8000), until=after(days=-8000)))
    status = deferring(job, mark=10).model_copy(update={"deferred": wild})
    at = situation(job, status, now=minutes(10), fireable_since=minutes(10))
    for _ in range(12):
        at, _ = settle(over(at))
    assert begun(at) == [minutes(n) for n in range(1, 11)]


def test_a_job_of_a_deferred_slot_is_not_settled() -> None:
    job = catching_up()
    status = deferring(job, (1, 3), mark=10)
    of = {slot: is_settled(job, status, run(seen(claim(minutes(slot)))), runs=situation(job).runs) for slot in (2, 5)}
    assert of == {2: False, 5: True}


def test_two_writers_defer_and_count_once() -> None:
    """Each change is folded onto the status of a writer that came first."""
    job, entry = catching_up(), seen(claim(minutes(1)))
    before = deferring(job, mark=1, active=(entry,))
    plan = advance(situation(job, before, now=minutes(5), fireable_since=minutes(3.5), runs=[run(entry)]))
    twice = fold_all(plan.status, plan.changes, job.spec.history)
    assert (stretches(twice), skipped(twice)) == ([(minutes(1), minutes(3))], (2, BUSY))
    other = plan.status.model_copy(update={"accepted": AcceptedSchedule(schedule="@daily"), "deferred": ()})
    assert fold_all(other, plan.changes, job.spec.history) == other


def test_deferred_slot_is_counted_once_when_decided() -> None:
    job, entry = catching_up(), seen(claim(minutes(1)))
    before = deferring(job, mark=1, active=(entry,))
    plan = advance(situation(job, before, now=minutes(3.5), fireable_since=minutes(3.5), runs=[run(entry)]))
    assert counted(before, plan.changes) == ()
    ends = advance(situation(job, plan.status, now=minutes(3.7), runs=[run(entry, AttemptState.SUCCEEDED)]))
    assert ends.create is not None
    changes = (*ends.create.before, Started(seen(ends.create.entry)))
    fired = counted(plan.status, changes)
    assert [(fact.slot, fact.result) for fact in fired if isinstance(fact, Slots)] == [(minutes(2), "fired")]
    after_it = fold_all(plan.status, changes, job.spec.history)
    assert (holds(plan.status, fired[0]), holds(after_it, fired[0])) == (False, True)


@settings(max_examples=examples(20), deadline=None)
@given(lives=st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), min_size=1, max_size=6), lasts=st.integers(1, 7))
def test_over_any_restarts_a_refused_slot_never_runs(lives: list[tuple[int, int]], lasts: int) -> None:
    """`lives` are half minutes without an operator and with one; a run takes `lasts` half minutes."""
    at, refused = situation(catching_up(), now=NOON), set[datetime]()
    for away, there in (*lives, (0, 6 * 9 * lasts)):
        able = at.now + away * HALF
        for look in range(there):
            at = _older(replace(at, now=able + look * HALF, fireable_since=able), lasts)
            active = any(not each.finished for each in at.attempts.values())
            at, _ = settle(at)
            is_slot = look > 0 and at.now.second == 0
            refused |= {at.now} if is_slot and active and at.now not in begun(at) else set()
    minutely = int((at.now - NOON).total_seconds()) // 60
    assert refused.isdisjoint(begun(at))
    assert len(begun(at)) == len(set(begun(at)))
    assert (at.status.deferred, len(begun(at)) + skipped(at.status)[0]) == ((), minutely)


def _older(at: Situation, lasts: int) -> Situation:
    def later(each: AttemptJob) -> AttemptJob:
        done = at.now - each.created >= lasts * HALF
        return replace(each, state=AttemptState.SUCCEEDED, finished_at=at.now) if done and not each.finished else each

    return replace(at, attempts={name: later(each) for name, each in at.attempts.items()})
