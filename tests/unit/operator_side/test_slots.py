"""Which slots fire, which are passed over and why: `advance` on a job that runs each minute, looked at once."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dkron_crds.job import AttemptState, DeferredSlots, JobStatus, SkipReason
from dkron_operator.plan.actions import AcceptJob
from dkron_operator.plan.advance import advance
from dkron_operator.plan.decide import MOST_ACTIVE
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.view import JobView, Situation
from dkron_operator.plan.steps.acceptance import accepted_schedule
from tests.support.builders import NOON, after, claim, job_view, outcome, run, seen, situation, slot_name
from tests.support.examples import examples
from tests.support.plans import outcomes_read
from tests.support.steps import settle

MISSED, LATE, BUSY = SkipReason.MISSED, SkipReason.DEADLINE_EXCEEDED, SkipReason.CONCURRENCY_FORBIDDEN
CROWDED = SkipReason.TOO_MANY_ACTIVE


def minutes(count: float) -> datetime:
    return after(minutes=count)


def decided(plan: Plan) -> tuple[datetime | None, int, SkipReason | None, datetime | None]:
    """The slot that fires, how many were passed and for what reason, and the mark with the slot that fires."""
    fires = plan.create.entry.slot if plan.create else None
    skipped = plan.status.skipped
    mark = plan.status.last_schedule_time
    return fires, skipped.count if skipped else 0, skipped.last_reason if skipped else None, mark


@dataclass(frozen=True)
class Look:
    """A look at minute `now` by an operator that may fire since minute `able`; minutes are after noon."""

    id: str
    now: float
    spec: dict[str, Any] = field(default_factory=dict)
    able: float = 0
    mark: float | None = None
    active: int = 0
    """How many runs of earlier slots are active."""

    fires: float | None = None
    passed: int = 0
    why: SkipReason | None = None
    marked: float | None = None
    """The mark after it, if it has moved."""


SKIP, ALL, FORBID = {"missedRuns": "skip"}, {"missedRuns": "all"}, {"concurrency": "forbid"}
WITHIN_10, WITHIN_30, WITHIN_90 = ({"startingDeadlineSeconds": seconds} for seconds in (10, 30, 90))
STARTS, EXPIRES = {"startsAt": "2026-03-01T12:03:00Z"}, {"expiresAt": "2026-03-01T12:03:00Z"}
AFTER = {"schedule": "@after 2026-03-01T11:00:00Z <PT2H"}
LOOKS = (
    Look("before its slot nothing happens", 0.5),
    Look("at its instant a slot fires", 1, fires=1),
    Look("several due slots fire in order, the first first", 3.5, fires=1),
    Look("a decided slot never fires again", 1, mark=1),
    Look("a clock that jumped back fires nothing twice", 2.5, mark=3),
    Look("latest runs the newest of five missed", 5.5, able=5.2, fires=5, passed=4, why=MISSED, marked=4),
    Look("latest runs the only one that was missed", 1.5, able=1.2, fires=1),
    Look("skip passes all that were missed", 5.5, SKIP, able=5.2, passed=5, why=MISSED, marked=5),
    Look("skip fires what is due now", 6, SKIP, able=5.2, fires=6, passed=5, why=MISSED, marked=5),
    Look("a slot at the moment of being able again was missed", 5, SKIP, able=5, passed=5, why=MISSED, marked=5),
    Look("and so was a single one", 1, SKIP, able=1, passed=1, why=MISSED, marked=1),
    Look("all begins with the oldest", 5.5, ALL, able=5.2, fires=1),
    Look("latest within its deadline", 5.5, WITHIN_90, able=5.2, fires=5, passed=4, why=MISSED, marked=4),
    Look("all within its deadline", 5.5, WITHIN_90 | ALL, able=5.2, fires=4, passed=3, why=LATE, marked=3),
    Look("when all are too late none runs", 5.5, WITHIN_10, able=5.2, passed=5, why=LATE, marked=5),
    Look("at its deadline a slot still fires", 1.5, WITHIN_30, fires=1),
    Look("a microsecond after its deadline it is passed", 1.50000002, WITHIN_30, passed=1, why=LATE, marked=1),
    Look("before startsAt there are no slots", 2.5, STARTS),
    Look("a slot at startsAt itself fires", 3, STARTS, fires=3),
    Look("slots before startsAt are not missed", 5.5, STARTS, able=5.2, fires=5, passed=2, why=MISSED, marked=4),
    Look("slots before expiresAt fire although it is over", 3.5, EXPIRES, fires=1),
    Look("a slot at expiresAt itself fires", 3.5, EXPIRES, mark=2, fires=3),
    Look("after expiresAt there are no slots", 5.5, EXPIRES, mark=3),
    Look("the latest missed before expiresAt", 9, EXPIRES, able=8, fires=3, passed=2, why=MISSED, marked=2),
    Look("a disabled job has no slots", 5, {"disabled": True}),
    Look("a manual job has no slots", 5, {"schedule": "@manually"}),
    Look("@at runs late without a deadline", 90, {"schedule": "@at 2026-03-01T12:01:00Z"}, able=89, fires=1),
    Look("@after fires a slot before the creation within its grace", 1, AFTER, able=1, fires=-60),
    Look("at the end of its grace @after still fires", 60, AFTER, able=1, fires=-60),
    Look("@after beyond its grace is given up", 61, AFTER, able=60.5, passed=1, why=LATE, marked=-60),
    Look("the shorter of deadline and grace applies", 1, AFTER | WITHIN_10, able=1, passed=1, why=LATE, marked=-60),
    Look(
        "here the grace", 61, AFTER | {"startingDeadlineSeconds": 9000}, able=60.5, passed=1, why=LATE, marked=-60
    ),
    Look("allow fires beside active runs", 1, mark=-1, active=3, fires=1),
    Look("a thousand active attempts are enough", 1, active=MOST_ACTIVE, passed=1, why=CROWDED, marked=1),
    Look("too late comes before busy", 1.5, FORBID | WITHIN_10, active=1, passed=1, why=LATE, marked=1),
    Look("@every counts from since", 0.75, {"schedule": "@every 45s"}, fires=0.75),
    Look("forbid skips a slot during a run", 1, FORBID, active=1, passed=1, why=BUSY, marked=1),
    Look("forbid skips every due slot", 3.5, FORBID, active=1, passed=3, why=BUSY, marked=3),
    Look("forbid and latest skip the latest", 5.5, FORBID, able=5.2, active=1, passed=5, why=BUSY, marked=5),
    Look(
        "forbid and all skip what was not missed", 6, FORBID | ALL,
        able=5.2, mark=5, active=1, passed=1, why=BUSY, marked=6,
    ),
)  # fmt: skip


@pytest.mark.parametrize("case", LOOKS, ids=lambda case: case.id)
def test_one_look_decides(case: Look) -> None:
    mark = None if case.mark is None else minutes(case.mark)
    job, now, able = job_view(**case.spec), minutes(case.now), minutes(case.able)
    plan = look(job, now=now, able=able, active=case.active, mark=mark)
    fires = None if case.fires is None else minutes(case.fires)
    marked = mark if case.marked is None else minutes(case.marked)
    assert decided(plan) == (fires, case.passed, case.why, marked)


def look(job: JobView, *, now: datetime, able: datetime = NOON, active: int = 1, mark: datetime | None = None) -> Plan:
    """With active runs of earlier slots."""
    entries = [seen(claim(after(-60 * n))) for n in range(active, 0, -1)]
    status = JobStatus(since=NOON, fingerprint=job.fingerprint, active=tuple(entries), last_schedule_time=mark)
    return advance(situation(job, status, now=now, fireable_since=able, runs=[run(e) for e in entries]))


@pytest.mark.parametrize(
    ("state", "retries", "expected"),
    [
        pytest.param(AttemptState.SUCCEEDED, 0, (minutes(1), 0, None, after(-60)), id="not for the record of its end"),
        pytest.param(AttemptState.FAILED, 1, (None, 1, BUSY, minutes(1)), id="for its retry"),
    ],
)
def test_forbid_waits_for_an_ended_run(state: AttemptState, retries: int, expected: object) -> None:
    entry, job = seen(claim(after(-60))), job_view(concurrency="forbid", retries=retries)
    status = JobStatus(since=NOON, fingerprint=job.fingerprint, active=(entry,))
    plan = advance(situation(job, status, now=minutes(1), runs=[run(entry, state)]))
    assert (outcomes_read(plan), decided(plan)) == ([entry.job], expected)


def test_forbid_and_all_defer_missed_slots_during_a_run() -> None:
    job = job_view(concurrency="forbid", missedRuns="all")
    plan = look(job, now=minutes(5.5), able=minutes(5.2))
    assert decided(plan) == (None, 0, None, minutes(5))
    assert plan.status.deferred == (DeferredSlots(after=after(-60), until=minutes(5)),)
    assert plan.status.next == minutes(6), "users see the next slot to come"


def test_replace_deletes_all_active_runs_after_its_claim() -> None:
    plan = look(job_view(concurrency="replace"), now=minutes(1), active=2)
    assert plan.create is not None
    assert [job.name for job in plan.create.replaces] == [slot_name(after(-120)), slot_name(after(-60))]
    assert plan.create.reports == (), "the records tell what was replaced"
    assert plan.create.before[-1].entry.job == slot_name(minutes(1))  # type: ignore[union-attr]
    assert plan.create.after == ()


def test_replace_drops_a_retry_that_waits() -> None:
    retry = claim(after(-60), attempt=2, at=after(90))
    job = job_view(concurrency="replace", retries=1)
    status = JobStatus(since=NOON, fingerprint=job.fingerprint, active=(retry,))
    plan = advance(situation(job, status, now=minutes(1)))
    assert plan.create is not None
    dropped = [change.job for change in plan.create.before if hasattr(change, "job")]
    assert dropped == [retry.job]
    (report,) = plan.create.reports
    assert (report.reason, report.subject) == ("RetryCancelled", retry.job)
    assert report.message == "attempt 2 is cancelled: a newer run has begun"


def test_replace_drops_a_retry_claimed_by_the_same_plan() -> None:
    failed = seen(claim(after(-60)))
    job = job_view(concurrency="replace", retries=1)
    status = JobStatus(since=NOON, fingerprint=job.fingerprint, active=(failed,))
    ended = {failed.job: outcome(success=False, at=after(59.5))}
    plan = advance(situation(job, status, runs=[run(failed, AttemptState.FAILED)], outcomes=ended, now=minutes(1)))
    retry = claim(after(-60), attempt=2, at=after(60.5))
    assert [entry.job for entry in plan.status.active] == [retry.job]
    assert plan.create is not None
    assert plan.create.entry.slot == minutes(1)
    assert [change.job for change in plan.create.before if hasattr(change, "job")] == [retry.job]


def test_mark_moves_after_the_job_exists_without_a_policy() -> None:
    plan = advance(situation(now=minutes(1)))
    assert plan.create is not None
    assert (plan.create.before, [change.slot for change in plan.create.after]) == ((), [minutes(1)])  # type: ignore[union-attr]
    assert plan.status.last_schedule_time is None
    early = advance(situation(now=minutes(0.5)))
    assert (early.wake, early.status.next) == (minutes(1), minutes(1))


@pytest.mark.parametrize(
    ("schedule", "missed"),
    [
        pytest.param("* * * * * *", "latest", id="each second, latest"),
        pytest.param("* * * * * *", "skip", id="each second, skip"),
        pytest.param("@every 1s", "latest", id="@every second, latest"),
    ],
)
def test_three_hundred_million_slots_are_passed_in_one_step(schedule: str, missed: str) -> None:
    job = job_view(schedule=schedule, missedRuns=missed)
    now = after(days=3650)
    plan = advance(situation(job, now=now, fireable_since=now))
    fires, count, reason, _ = decided(plan)
    assert count + (fires is not None) == 3650 * 86_400
    assert reason is MISSED


def fired(end: Situation) -> list[datetime]:
    return [each.slot for each in end.attempts.values()]


def skipped(end: Situation) -> int:
    return end.status.skipped.count if end.status.skipped else 0


def test_deadline_bounds_how_many_missed_slots_all_makes_up() -> None:
    job = job_view(schedule="* * * * * *", missedRuns="all", startingDeadlineSeconds=10)
    now = after(days=365)
    end, _ = settle(situation(job, now=now, fireable_since=now))
    assert fired(end) == [now - timedelta(seconds=n) for n in range(10, -1, -1)]
    assert skipped(end) == 365 * 86_400 - 11


OUTAGES = st.lists(st.tuples(st.integers(1, 400), st.integers(0, 400)), min_size=1, max_size=5)


@settings(max_examples=examples(30), deadline=None)
@given(
    schedule=st.sampled_from(
        ["*/10 * * * * *", "@every 7s", "5,6,50 * * * * *", "@at 2026-03-01T12:03:00Z", "30 1-9 12 * * *"]
    ),
    missed=st.sampled_from(["latest", "skip", "all"]),
    deadline=st.sampled_from([None, 3, 60]),
    window=st.sampled_from([(None, None), ("2026-03-01T12:02:00Z", None), (None, "2026-03-01T12:05:00Z")]),
    outages=OUTAGES,
)  # fmt: skip
def test_every_slot_is_decided_exactly_once_over_any_outages(
    schedule: str, *, missed: str, deadline: int | None, window: tuple[str | None, str | None], outages: list[Any]
) -> None:
    spec: dict[str, Any] = {"startingDeadlineSeconds": deadline, "startsAt": window[0], "expiresAt": window[1]}
    job = job_view(schedule=schedule, missedRuns=missed, **{key: v for key, v in spec.items() if v is not None})
    now = after(sum(up + down for up, down in outages))
    at = situation(job)
    for up, down in outages:
        end = at.now + timedelta(seconds=up)
        while at.now < end:
            at, plan = settle(at)
            at = replace(at, now=end if plan.wake is None else min(end, plan.wake))
        at, _ = settle(at)
        at = replace(at, now=end + timedelta(seconds=down), fireable_since=end + timedelta(seconds=down))
    at, _ = settle(at)
    expected, made = slots_within(job, now), fired(at)
    assert set(made) <= set(expected)
    assert len(set(made)) == len(made)
    assert len(made) + skipped(at) == len(expected)
    assert at.status.last_schedule_time == (expected[-1] if expected else None)
    if missed == "all" and deadline is None:
        assert made == expected


def slots_within(job: JobView, end: datetime) -> list[datetime]:
    """One by one, by the schedule only."""
    assert job.schedule is not None
    slots: list[datetime] = []
    slot = job.schedule.next(job.created)
    while slot is not None and slot <= end:
        starts, expires = job.spec.starts_at, job.spec.expires_at
        if (starts is None or slot >= starts) and (expires is None or slot <= expires):
            slots.append(slot)
        slot = job.schedule.next(job.created, slot)
    return slots


def test_no_slot_fires_before_the_persisted_since() -> None:
    job = job_view(schedule="@every 10s")
    noticed = JobStatus(since=after(5), fingerprint=job.fingerprint, accepted=accepted_schedule(job.spec))
    old = JobStatus(since=NOON, fingerprint="the schedule before")
    plan = advance(situation(job, noticed, persisted=old, now=after(15)))
    unannotated = advance(situation(job, noticed, persisted=noticed, accepted=False, now=after(15)))
    for each in (plan, unannotated):
        assert (each.create, each.wants(AcceptJob)) == (None, True)
    agreed = advance(situation(job, noticed, persisted=noticed, now=after(15)))
    assert agreed.create is not None
    assert agreed.create.entry.slot == after(15)
