"""Daily totals over all jobs: whatever is counted, deleted, written, or forgotten by a crash, the sums stay true."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import count

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from dkron_crds.cluster import MAX_DAYS, MAX_DEPARTED
from dkron_crds.job import Attempt, Day, History, JobStatus
from dkron_crds.totals import Counts, counts, daily_totals
from dkron_operator.cluster.daily_totals import DailyTotals
from dkron_operator.plan.status.changes import Finished
from tests.support.builders import NOON, after, claim, execution
from tests.support.examples import examples
from tests.support.folding import fold_one

TODAY = NOON.date()
jobs = st.sampled_from("abc")


def of_days(totals: dict[date, Day]) -> Counts:
    return +counts(totals.values())


def ran(status: JobStatus, ended: datetime, *, success: bool = True, entry: Attempt | None = None) -> JobStatus:
    """The status after one more execution."""
    entry = claim(ended) if entry is None else entry
    finished = Finished(execution(entry, success=success, seconds=0).model_copy(update={"finished_at": ended}))
    return fold_one(status, finished, History())


class Totals(RuleBasedStateMachine):
    """Jobs that are counted and deleted, an operator that writes the sums now and then, and an account of what was
    counted in truth."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOON
        self.serial = count(1)
        self.living: dict[str, JobStatus] = {}
        self.stored: tuple[Day, ...] = ()
        self.departed: tuple[Day, ...] = ()
        self.truth: Counts = Counter()
        self.unwritten: Counts = Counter()
        self.vanished: Counts = Counter()
        self.missing: Counts = Counter()
        self.written: Counts = Counter()
        self.ledger = DailyTotals()

    @initialize()
    def starts(self) -> None:
        self._begin()

    @rule(job=jobs, success=st.booleans(), late=st.integers(0, 1))
    def an_execution_is_counted(self, job: str, success: bool, late: int) -> None:
        ended = self.now - timedelta(days=late)
        entry = claim(after(next(self.serial)))
        before = self.living.get(job, JobStatus(since=NOON))
        status = ran(before, ended, success=success, entry=entry)
        self.living[job] = status
        self.ledger.upsert(job, status)
        key = (ended.date(), success)
        self.truth[key] += 1
        self.unwritten[key] += 1
        self.vanished += counts(before.days) - counts(status.days)

    @rule(job=jobs)
    def a_job_is_deleted(self, job: str) -> None:
        self.vanished += counts(self.living.pop(job, JobStatus()).days)
        self.ledger.remove(job)

    @rule(days=st.integers(1, 9))
    def days_pass(self, days: int) -> None:
        self.now += timedelta(days=days)

    @rule()
    def the_sums_are_written(self) -> None:
        self.stored, self.departed = self.ledger.days(self.now.date()), self.ledger.departed(self.now.date())
        assert len(self.departed) <= MAX_DEPARTED
        now = counts(self.stored)
        assert not self.written - now, "a written total has fallen"
        self.written = now
        self.unwritten.clear()
        self.vanished.clear()

    @rule(gone=st.sets(jobs))
    def it_crashes(self, gone: set[str]) -> None:
        """Some jobs are deleted while no operator runs."""
        self.vanished += self._delete(gone)
        lost = self.unwritten & self.vanished
        self.missing += lost
        self.unwritten -= lost
        self.vanished -= lost
        self._begin()

    @rule(gone=st.sets(jobs))
    def it_stops_in_order(self, gone: set[str]) -> None:
        self.the_sums_are_written()
        self.vanished += self._delete(gone)
        self._begin()

    @invariant()
    def totals_are_true(self) -> None:
        held = counts(self.ledger.days(self.now.date()))
        assert not held - self.truth, "counted twice"
        assert not self.truth - held - self.missing, "lost more than a crash after a deletion explains"

    @invariant()
    def everybody_sees_them_before_they_are_written(self) -> None:
        shown = of_days(daily_totals(self.stored, self.departed, (s.days for s in self.living.values())))
        assert not shown - self.truth, "shown twice"
        assert not self.written - shown, "shown less than was written"
        if not self.vanished:
            assert shown == +counts(self.ledger.days(self.now.date()))

    @invariant()
    def every_job_is_known_once(self) -> None:
        assert len(self.ledger) == len(self.living)

    def _begin(self) -> None:
        self.ledger = DailyTotals()
        for job, status in self.living.items():
            self.ledger.upsert(job, status)
        self.ledger.restore(self.stored, self.departed)

    def _delete(self, gone: set[str]) -> Counts:
        lost: Counts = Counter()
        for job in gone:
            lost += counts(self.living.pop(job, JobStatus()).days)
        return lost


TestTotals = Totals.TestCase
TestTotals.settings = settings(max_examples=examples(60), stateful_step_count=30)


def day(ago: int, success: int, failed: int = 0) -> Day:
    return Day(date=TODAY - timedelta(days=ago), success=success, failed=failed)


def status(*days: Day, **fields: object) -> JobStatus:
    return JobStatus(since=NOON, days=days, **fields)


def test_active_attempts_are_counted_until_their_job_is_deleted() -> None:
    ledger = DailyTotals()
    ledger.upsert("a", status(active=(claim(), claim(after(60)))))
    ledger.upsert("b", status(active=(claim(),)))
    assert ledger.active == 3
    ledger.upsert("a", status(active=(claim(),)))
    ledger.remove("b")
    ledger.remove("never seen")
    assert ledger.active == 1


def test_an_old_departure_is_dropped_before_a_new_one() -> None:
    ledger = DailyTotals()
    for ago in range(20):
        ledger.upsert(str(ago), status(day(ago, 1)))
        ledger.remove(str(ago))
    assert [entry.date for entry in ledger.departed(TODAY)] == [day(ago, 1).date for ago in reversed(range(7))]


def test_a_year_is_kept() -> None:
    ledger = DailyTotals()
    ledger.restore((day(ago, 1) for ago in range(400)), ())
    assert len(ledger.days(TODAY)) == MAX_DAYS
    assert ledger.days(TODAY)[-1] == day(0, 1)


def test_larger_totals_of_another_writer_are_adopted() -> None:
    ledger = DailyTotals()
    ledger.upsert("a", status(day(0, 3)))
    ledger.agree((day(0, 5, 1), day(1, 2)))
    assert ledger.days(TODAY) == (day(1, 2), day(0, 5, 1))
    ledger.upsert("a", status(day(0, 4)))
    assert ledger.days(TODAY)[-1] == day(0, 6, 1)


def test_recounted_jobs_after_a_wipe_count_once() -> None:
    kept, trimmed = claim(), claim(after(-600))
    before = ran(ran(JobStatus(since=NOON), NOON, entry=kept), NOON, entry=trimmed)
    before = before.model_copy(update={"counted": (kept.job,)})
    ledger = DailyTotals()
    ledger.upsert("a", before)
    ledger.upsert("a", JobStatus())
    assert (ledger.days(TODAY), ledger.departed(TODAY)) == ((day(0, 2),), (day(0, 2),))
    rebuilt = ran(JobStatus(since=NOON), NOON, entry=kept)
    ledger.upsert("a", rebuilt)
    assert ledger.days(TODAY) == (day(0, 2),), "the Job that exists still counted already"
    ledger.upsert("a", ran(rebuilt, NOON, entry=claim(after(60))))
    assert ledger.days(TODAY) == (day(0, 3),)


def test_wiped_executions_that_no_day_shows_count_once() -> None:
    entry = claim()
    before = ran(JobStatus(since=NOON), NOON, entry=entry).model_copy(update={"counted": (entry.job,), "days": ()})
    ledger = DailyTotals()
    ledger.upsert("a", before)
    ledger.upsert("a", JobStatus())
    ledger.upsert("a", ran(JobStatus(since=NOON), NOON, entry=entry))
    assert ledger.days(TODAY) == (), "it was counted when a day still showed it"


def test_status_that_loses_only_its_since_keeps_counting() -> None:
    before = ran(JobStatus(since=NOON), datetime(2026, 3, 1, 13, tzinfo=UTC), entry=claim())
    ledger = DailyTotals()
    ledger.upsert("a", before)
    wiped = before.model_copy(update={"since": None})
    ledger.upsert("a", wiped)
    ledger.upsert("a", ran(wiped, NOON, entry=claim(after(60))))
    assert ledger.days(TODAY) == (day(0, 2),)
