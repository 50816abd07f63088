"""Two operators decide several slots at once, both from the same version of the status; the later one folds its changes
onto what the first has written. Each slot is counted once, and no other slot is passed over. The same holds for the end
of an attempt that two record, or one twice."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from dkron_crds.base import rfc3339
from dkron_crds.job import JobStatus, SkipReason
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.plan.advance import advance
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.status.changes import Change, Decided, Finished, SlotsSkipped
from dkron_operator.plan.status.facts import Slots
from tests.support.builders import NOON, after, claim, execution, job_view, situation
from tests.support.folding import counted, fold_all

FIRST, SECOND = after(330), after(450)
"""When the two look: after the slots to 300 s, and after those to 420 s."""


@dataclass(frozen=True)
class Both:
    """A job with a slot each minute, of which those from 120 s on are undecided; `edited` is what an edit has changed
    since. `counted` and `mark` are what the status says in the end."""

    counted: int
    mark: datetime
    spec: dict[str, Any] = field(default_factory=dict)
    edited: dict[str, Any] = field(default_factory=dict)

    @property
    def before(self) -> JobStatus:
        first = advance(situation(job_view(**self.spec), JobStatus(), now=NOON)).status
        return first.model_copy(update={"last_schedule_time": after(60)})

    def plan(self, now: datetime) -> Plan:
        job = job_view(**{**self.spec, **self.edited}, generation=2)
        return advance(situation(job, self.before, now=now, fireable_since=now))


@pytest.mark.parametrize(
    "both",
    [
        pytest.param(Both(4, after(300), edited={"schedule": "0 0 * * *"}), id="an edit of the schedule"),
        pytest.param(Both(4, after(300), edited={"timezone": "Asia/Kolkata"}), id="an edit of the time zone"),
        pytest.param(Both(4, after(300), edited={"disabled": True}), id="disabled"),
        pytest.param(Both(4, after(300), edited={"expiresAt": "2026-03-01T12:01:00Z"}), id="an end that is over"),
        pytest.param(Both(6, after(420), spec={"missedRuns": "skip"}), id="missed slots"),
        pytest.param(Both(5, after(360), spec={"missedRuns": "latest"}), id="missed slots but the newest"),
    ],
)
def test_slots_counted_by_two_operators_count_once(both: Both) -> None:
    first, second = both.plan(FIRST), both.plan(SECOND)
    history = first.situation.job.spec.history
    written = fold_all(both.before, first.changes, history)
    told = counted(written, second.changes)
    for _ in range(2):
        written = fold_all(written, second.changes, history)
        assert (written.skipped and written.skipped.count, written.last_schedule_time) == (both.counted, both.mark)
    # The metrics count what the second write has added.
    assert first.status.skipped is not None
    assert sum(fact.count for fact in told if isinstance(fact, Slots)) == both.counted - first.status.skipped.count


def test_started_slots_are_not_counted_as_skipped() -> None:
    both = Both(3, after(300), edited={"disabled": True})
    (passed,) = (change for change in both.plan(FIRST).changes if isinstance(change, SlotsSkipped))
    assert passed.slots is not None
    begun = passed.slots.begun | {after(180)}
    counted = replace(passed.slots, begun=begun)
    marks = {mark: counted.number(after(mark), after(300)) for mark in (60, 120, 180, 240)}
    assert marks == {60: 3, 120: 2, 180: 2, 240: 1}


@pytest.mark.parametrize(
    ("change", "mark"),
    [
        pytest.param(SlotsSkipped(after(120), SkipReason.MISSED), after(60), id="skipped, and not written"),
        pytest.param(Decided(after(120)), after(120), id="fired"),
    ],
)
def test_job_remembers_fired_and_written_decisions(change: Change, mark: datetime) -> None:
    before = Both(0, NOON).before
    cached = CachedJob(job_view(), 1, before, before, mark=after(60))
    cached.record(change)
    assert cached.mark == mark
    cached.rebase(before, 2, now=after(120))
    assert cached.mark == mark, "the status of another writer does not write the change"
    cached.settle(1, base=fold_all(before, [change], cached.job.spec.history), version=3)
    assert cached.mark == after(120)


@pytest.mark.parametrize(
    ("seconds", "mark"),
    [
        pytest.param(120, after(120), id="a user took it back"),
        pytest.param(117, after(60), id="another replica took it back, for it was ahead"),
    ],
)
def test_job_remembers_a_mark_unless_it_was_ahead(seconds: int, mark: datetime) -> None:
    before = Both(0, NOON).before.model_copy(update={"last_schedule_time": after(60)})
    cached = CachedJob(job_view(), 1, before, before, mark=after(120))
    cached.rebase(before, 2, now=after(seconds))
    assert cached.status.last_schedule_time == mark


def test_unwritten_skips_are_dropped_for_a_settled_edit() -> None:
    both = Both(4, after(300), edited={"disabled": True})
    first, second = both.plan(FIRST), both.plan(SECOND)
    cached = CachedJob(second.situation.job, 1, both.before, both.before, mark=after(60))
    cached.record(*second.changes)
    for version in (2, 3):
        cached.rebase(first.status, version, now=SECOND)
        assert (cached.mark, cached.status.last_schedule_time) == (after(300), after(300))
    assert Decided(after(420)) not in cached.pending


ENDED = tuple(execution(claim(after(second)), success=False) for second in (0, 60))
GONE = frozenset(each.job for each in ENDED)


def without_jobs(**fields: Any) -> CachedJob:
    """A job that keeps one execution, with two whose Jobs are gone: only the names say that these were counted."""
    job = job_view(history={"executions": 1}, **fields)
    status = JobStatus(since=NOON, fingerprint=job.fingerprint, last_schedule_time=after(60))
    cached = CachedJob(job, 1, status, status)
    cached.record(*(Finished(each) for each in ENDED))
    return cached


def planned(cached: CachedJob, now: datetime) -> Plan:
    cached.forget_counted(now=now, retention=timedelta(minutes=1))
    plan = advance(
        situation(
            cached.job, cached.status, persisted=cached.base, now=now, fireable_since=now, absent=GONE,
            unsettled=cached.remembered.lately_counted.keys(),
        )
    )  # fmt: skip
    cached.record(*plan.changes)
    return plan


@pytest.mark.parametrize("seconds", [pytest.param(66, id="soon"), pytest.param(600, id="after a long outage")])
@pytest.mark.parametrize(
    "fields", [{}, {"executor": "http", "executorConfig": {"method": "GET", "url": "http://a", "inline": "true"}}]
)
def test_end_counts_once_though_its_write_had_no_answer(fields: dict[str, Any], seconds: int) -> None:
    cached = without_jobs(**fields)
    planned(cached, after(seconds))
    for version in (2, 3):
        # It was written all the same.
        cached.rebase(cached.status, version, now=after(seconds))
        planned(cached, after(seconds))
    assert cached.status.error_count == 2


def test_an_end_counts_once_though_two_record_it() -> None:
    first, second = without_jobs(), without_jobs()
    planned(first, after(66))
    first.settle(len(first.pending), base=first.status, version=2)
    assert planned(first, after(67)).status.counted == tuple(each.job for each in ENDED)
    second.rebase(first.status, 3, now=after(67))
    assert second.status.error_count == 2


def test_name_is_forgotten_a_minute_after_its_end_is_written() -> None:
    cached = without_jobs()
    planned(cached, after(66))
    cached.settle(len(cached.pending), base=cached.status, version=2)
    assert planned(cached, after(600)).status.counted == ()


def test_refusal_by_two_operators_counts_once() -> None:
    first, second = (refused() for _ in range(2))
    first.settle(len(first.pending), base=first.status, version=2)
    # Its annotation is gone, and an edit gives the next write a reason.
    first.job = job_view(disabled=True, displayName="another", generation=2)
    assert planned(first, after(67)).changes
    assert first.status.refused == second.status.refused
    second.rebase(first.status, 3, now=after(67))
    assert second.status.skipped is not None
    assert second.status.skipped.count == 1
    first.job = job_view(disabled=True, displayName="a third", generation=3)
    assert planned(first, after(600)).status.refused == ()


def refused() -> CachedJob:
    """A job with a request that is refused."""
    job = job_view(disabled=True, requests={"a": rfc3339(after(60))})
    status = JobStatus(since=NOON, fingerprint=job.fingerprint)
    cached = CachedJob(job, 1, status, status)
    planned(cached, after(66))
    return cached
