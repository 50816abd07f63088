"""Which slots fire, which are passed over and why: `advance` on a job that runs each minute, looked at once."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dkron_crds.job import DeferredSlots, JobStatus, SkipReason
from dkron_operator.plan.acceptance import accepted_schedule
from dkron_operator.plan.actions import AcceptJob
from dkron_operator.plan.advance import advance
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.view import AttemptState, JobView, Situation
from tests.support.builders import NOON, after, claim, job_view, outcome, run, seen, situation, slot_name
from tests.support.examples import examples
from tests.support.plans import outcomes_read
from tests.support.steps import settle

MISSED, LATE, BUSY = SkipReason.MISSED, SkipReason.DEADLINE_EXCEEDED, SkipReason.CONCURRENCY_FORBIDDEN


def minutes(count: float) -> datetime:
    return after(minutes=count)


def decided(plan: Plan) -> tuple[datetime | None, int, SkipReason | None, datetime | None]:
    """The slot that fires, how many were passed and for what reason, and the mark with the slot that fires."""
    fires = plan.create.entry.slot if plan.create else None
    skipped = plan.status.skipped
    mark = plan.status.last_schedule_time
    return fires, skipped.count if skipped else 0, skipped.last_reason if skipped else None, mark


MINUTELY: list[Any] = [
    pytest.param({}, {"now": minutes(0.5)}, (None, 0, None, None), id="before its slot nothing happens"),
    pytest.param({}, {"now": minutes(1)}, (minutes(1), 0, None, None), id="at its instant a slot fires"),
    pytest.param(
        {}, {"now": minutes(3.5)}, (minutes(1), 0, None, None), id="several due slots fire in order, the first first"
    ),
    pytest.param(
        {}, {"now": minutes(1), "mark": minutes(1)}, (None, 0, None, minutes(1)), id="a decided slot never fires again"
    ),
    pytest.param(
        {},
        {"now": minutes(2.5), "mark": minutes(3)},
        (None, 0, None, minutes(3)),
        id="a clock that jumped back fires nothing twice",
    ),
    pytest.param(
        {},
        {"now": minutes(5.5), "able": minutes(5.2)},
        (minutes(5), 4, MISSED, minutes(4)),
        id="latest runs the newest of five missed",
    ),
    pytest.param(
        {},
        {"now": minutes(1.5), "able": minutes(1.2)},
        (minutes(1), 0, None, None),
        id="latest runs the only one that was missed",
    ),
    pytest.param(
        {"missedRuns": "skip"},
        {"now": minutes(5.5), "able": minutes(5.2)},
        (None, 5, MISSED, minutes(5)),
        id="skip passes all that were missed",
    ),
    pytest.param(
        {"missedRuns": "skip"},
        {"now": minutes(6), "able": minutes(5.2)},
        (minutes(6), 5, MISSED, minutes(5)),
        id="skip passes what was missed and fires what is due now",
    ),
    pytest.param(
        {"missedRuns": "skip"},
        {"now": minutes(5), "able": minutes(5)},
        (None, 5, MISSED, minutes(5)),
        id="a slot at the very moment of being able again was missed",
    ),
    pytest.param(
        {"missedRuns": "skip"},
        {"now": minutes(1), "able": minutes(1)},
        (None, 1, MISSED, minutes(1)),
        id="and so was one alone",
    ),
    pytest.param(
        {"missedRuns": "all"},
        {"now": minutes(5.5), "able": minutes(5.2)},
        (minutes(1), 0, None, None),
        id="all begins with the oldest",
    ),
    pytest.param(
        {"startingDeadlineSeconds": 90},
        {"now": minutes(5.5), "able": minutes(5.2)},
        (minutes(5), 4, MISSED, minutes(4)),
        id="latest within its deadline runs the newest",
    ),
    pytest.param(
        {"startingDeadlineSeconds": 90, "missedRuns": "all"},
        {"now": minutes(5.5), "able": minutes(5.2)},
        (minutes(4), 3, LATE, minutes(3)),
        id="all starts with the oldest slot within its deadline",
    ),
    pytest.param(
        {"startingDeadlineSeconds": 10},
        {"now": minutes(5.5), "able": minutes(5.2)},
        (None, 5, LATE, minutes(5)),
        id="when all are too late none runs",
    ),
    pytest.param(
        {"startingDeadlineSeconds": 30},
        {"now": minutes(1.5)},
        (minutes(1), 0, None, None),
        id="at its deadline a slot still fires",
    ),
    pytest.param(
        {"startingDeadlineSeconds": 30},
        {"now": after(90.000001)},
        (None, 1, LATE, minutes(1)),
        id="a tick after its deadline it is passed",
    ),
    pytest.param(
        {"startsAt": "2026-03-01T12:03:00Z"},
        {"now": minutes(2.5)},
        (None, 0, None, None),
        id="before startsAt there are no slots",
    ),
    pytest.param(
        {"startsAt": "2026-03-01T12:03:00Z"},
        {"now": minutes(3)},
        (minutes(3), 0, None, None),
        id="a slot at startsAt itself fires",
    ),
    pytest.param(
        {"startsAt": "2026-03-01T12:03:00Z"},
        {"now": minutes(5.5), "able": minutes(5.2)},
        (minutes(5), 2, MISSED, minutes(4)),
        id="slots before startsAt are not counted as missed",
    ),
    pytest.param(
        {"expiresAt": "2026-03-01T12:03:00Z"},
        {"now": minutes(3.5)},
        (minutes(1), 0, None, None),
        id="slots before expiresAt fire although it is over",
    ),
    pytest.param(
        {"expiresAt": "2026-03-01T12:03:00Z"},
        {"now": minutes(3.5), "mark": minutes(2)},
        (minutes(3), 0, None, minutes(2)),
        id="a slot at expiresAt itself fires",
    ),
    pytest.param(
        {"expiresAt": "2026-03-01T12:03:00Z"},
        {"now": minutes(5.5), "mark": minutes(3)},
        (None, 0, None, minutes(3)),
        id="after expiresAt there are no slots",
    ),
    pytest.param(
        {"expiresAt": "2026-03-01T12:03:00Z"},
        {"now": minutes(9), "able": minutes(8)},
        (minutes(3), 2, MISSED, minutes(2)),
        id="the latest missed one is the last before expiresAt",
    ),
    pytest.param({"disabled": True}, {"now": minutes(5)}, (None, 0, None, None), id="a disabled job has no slots"),
    pytest.param({"schedule": "@manually"}, {"now": minutes(5)}, (None, 0, None, None), id="a manual job has no slots"),
    pytest.param(
        {"schedule": "@at 2026-03-01T12:01:00Z"},
        {"now": minutes(90), "able": minutes(89)},
        (minutes(1), 0, None, None),
        id="@at runs late without a deadline",
    ),
    pytest.param(
        {"schedule": "@after 2026-03-01T11:00:00Z <PT2H"},
        {"now": minutes(1), "able": minutes(1)},
        (after(hours=-1), 0, None, None),
        id="@after fires a slot before the creation within its grace",
    ),
    pytest.param(
        {"schedule": "@after 2026-03-01T11:00:00Z <PT2H"},
        {"now": minutes(60), "able": minutes(1)},
        (after(hours=-1), 0, None, None),
        id="at the end of its grace @after still fires",
    ),
    pytest.param(
        {"schedule": "@after 2026-03-01T11:00:00Z <PT2H"},
        {"now": minutes(61), "able": minutes(60.5)},
        (None, 1, LATE, after(hours=-1)),
        id="@after beyond its grace is given up",
    ),
    pytest.param(
        {"schedule": "@every 45s"}, {"now": after(45)}, (after(45), 0, None, None), id="@every counts from since"
    ),
]


@pytest.mark.parametrize(("spec", "clock", "expected"), MINUTELY)
def test_one_look_decides(spec: dict[str, Any], clock: dict[str, datetime], expected: object) -> None:
    job = job_view(**spec)
    status = JobStatus(since=NOON, fingerprint=job.fingerprint, last_schedule_time=clock.get("mark"))
    plan = advance(situation(job, status, now=clock["now"], fireable_since=clock.get("able", NOON)))
    assert decided(plan) == expected


def look(job: JobView, *, now: datetime, able: datetime = NOON, active: int = 1, **fields: Any) -> Plan:
    """With runs of earlier slots going on."""
    entries = [seen(claim(after(-60 * n))) for n in range(active, 0, -1)]
    status = JobStatus(since=NOON, fingerprint=job.fingerprint, active=tuple(entries))
    return advance(situation(job, status, now=now, fireable_since=able, runs=[run(e) for e in entries], **fields))


def test_forbid_skips_a_slot_while_a_run_goes_on() -> None:
    assert decided(look(job_view(concurrency="forbid"), now=minutes(1))) == (None, 1, BUSY, minutes(1))


def test_forbid_skips_every_due_slot_during_a_run() -> None:
    assert decided(look(job_view(concurrency="forbid"), now=minutes(3.5))) == (None, 3, BUSY, minutes(3))


def test_forbid_and_latest_skip_the_latest_slot_during_a_run() -> None:
    plan = look(job_view(concurrency="forbid"), now=minutes(5.5), able=minutes(5.2))
    assert decided(plan) == (None, 5, BUSY, minutes(5))


def test_forbid_does_not_wait_for_the_record_of_an_ended_run() -> None:
    over = run(seen(claim(after(-60))), AttemptState.SUCCEEDED)
    job = job_view(concurrency="forbid")
    status = JobStatus(since=NOON, fingerprint=job.fingerprint, active=(seen(claim(after(-60))),))
    plan = advance(situation(job, status, now=minutes(1), runs=[over]))
    assert outcomes_read(plan) == [over.name]
    assert decided(plan)[0] == minutes(1)


def test_forbid_waits_for_the_retry_of_a_failed_run() -> None:
    over = run(seen(claim(after(-60))), AttemptState.FAILED)
    job = job_view(concurrency="forbid", retries=1)
    status = JobStatus(since=NOON, fingerprint=job.fingerprint, active=(seen(claim(after(-60))),))
    plan = advance(situation(job, status, now=minutes(1), runs=[over]))
    assert decided(plan) == (None, 1, BUSY, minutes(1))


def test_forbid_and_all_defer_missed_slots_during_a_run() -> None:
    job = job_view(concurrency="forbid", missedRuns="all")
    plan = look(job, now=minutes(5.5), able=minutes(5.2))
    assert decided(plan) == (None, 0, None, minutes(5))
    assert plan.status.deferred == (DeferredSlots(after=after(-60), until=minutes(5)),)
    assert plan.status.next == minutes(6), "people are told of the next slot to come"


def test_forbid_and_all_skip_slots_that_were_not_missed() -> None:
    job = job_view(concurrency="forbid", missedRuns="all")
    status = JobStatus(
        since=NOON, fingerprint=job.fingerprint, active=(seen(claim(minutes(5))),), last_schedule_time=minutes(5)
    )
    plan = advance(
        situation(job, status, now=minutes(6), fireable_since=minutes(5.2), runs=[run(seen(claim(minutes(5))))])
    )
    assert decided(plan) == (None, 1, BUSY, minutes(6))


def test_replace_deletes_all_active_runs_after_its_claim() -> None:
    plan = look(job_view(concurrency="replace"), now=minutes(1), active=2)
    assert plan.create is not None
    assert [job.name for job in plan.create.replaces] == [slot_name(after(-120)), slot_name(after(-60))]
    assert plan.create.reports == (), "the records tell what was replaced"
    assert plan.create.before[-1].entry.job == slot_name(minutes(1))  # type: ignore[union-attr]
    assert plan.create.after == ()


def test_replace_drops_a_retry_that_waits() -> None:
    retry = claim(after(-60), attempt=2, at=after(600))
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


def test_the_next_look_is_at_the_next_slot() -> None:
    plan = advance(situation(now=minutes(0.5)))
    assert (plan.wake, plan.status.next) == (minutes(1), minutes(1))


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


def test_forbid_and_all_catch_up_one_by_one() -> None:
    job = job_view(concurrency="forbid", missedRuns="all")
    at, _ = settle(situation(job, now=minutes(4.5), fireable_since=minutes(4.5)))
    for minute in (1, 2, 3, 4):
        assert fired(at) == [minutes(each) for each in range(1, minute + 1)]
        over = {name: replace(each, state=AttemptState.SUCCEEDED) for name, each in at.attempts.items()}
        at, _ = settle(replace(at, attempts=over))
    assert (len(fired(at)), skipped(at)) == (4, 0)


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
    """One by one, by the schedule alone."""
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
    assert (plan.create, plan.wants(AcceptJob)) == (None, True)
    agreed = advance(situation(job, noticed, persisted=noticed, now=after(15)))
    assert agreed.create is not None
    assert agreed.create.entry.slot == after(15)
