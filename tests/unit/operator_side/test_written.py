"""What a write makes true, so that each slot and each execution is counted once, by whoever has written it."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dkron_crds.job import Active, Execution, History, JobStatus, SkipReason
from dkron_operator.cache.write_accounting import WriteAccounting
from dkron_operator.plan.fold import Change, Decided, Dropped, Finished, Passed, Refused, Started, Tidied, fold_all
from dkron_operator.plan.written import Fact, SlotResult, Slots, facts, holds
from tests.support.builders import NOON, after, claim, execution, request_claim, seen

FIRST, SECOND, RETRY = claim(NOON), claim(after(60)), claim(NOON, attempt=2, at=after(5))
EAST, WEST = claim(NOON, member="east"), claim(NOON, member="west")
DONE = execution(FIRST)
LATE, MISSED, BUSY = SkipReason.DEADLINE_EXCEEDED, SkipReason.MISSED, SkipReason.CONCURRENCY_FORBIDDEN
BEFORE = after(-3600)


def fired(slot: datetime) -> Slots:
    return Slots(slot, SlotResult.FIRED)


def missed(slot: datetime, reason: str, count: int = 1) -> Slots:
    return Slots(slot, SlotResult.MISSED, reason, count)


def skipped(slot: datetime, reason: str, count: int = 1) -> Slots:
    return Slots(slot, SlotResult.SKIPPED, reason, count)


@pytest.mark.parametrize(
    ("status", "changes", "expected"),
    [
        pytest.param({}, [], [], id="nothing"),
        pytest.param({}, [Decided(NOON), Started(seen(FIRST))], [fired(NOON)], id="a slot and its Job"),
        pytest.param({"last_schedule_time": NOON}, [Decided(NOON)], [], id="a slot that is decided already"),
        pytest.param({}, [Decided(NOON), Decided(NOON)], [fired(NOON)], id="a slot that is told twice"),
        pytest.param(
            {}, [Passed(after(60), 3, MISSED, after(60))], [missed(after(60), "Missed", 3)], id="missed slots"
        ),
        pytest.param(
            {}, [Passed(NOON, 1, LATE, NOON)], [missed(NOON, "DeadlineExceeded")], id="a slot that is too late"
        ),
        pytest.param({}, [Passed(NOON, 1, BUSY, NOON)], [skipped(NOON, "ConcurrencyForbidden")], id="a forbidden slot"),
        pytest.param(
            {"last_schedule_time": after(60)}, [Passed(after(60), 3, MISSED, after(60))], [], id="slots passed already"
        ),
        pytest.param({}, [Refused(BUSY, NOON, "a")], [], id="a refused request is no slot"),
        pytest.param({}, [Decided(NOON), Started(FIRST)], [], id="a claimed slot is not settled yet"),
        pytest.param(
            {"last_schedule_time": NOON, "active": (FIRST,)},
            [Started(seen(FIRST))],
            [fired(NOON)],
            id="the Job of a claim settles its slot",
        ),
        pytest.param(
            {}, [Decided(NOON), Started(FIRST), Started(seen(FIRST))], [fired(NOON)], id="claim and Job in one write"
        ),
        pytest.param(
            {"last_schedule_time": NOON, "active": (FIRST,)},
            [Finished(DONE)],
            [fired(NOON), DONE],
            id="a claim whose Job the API server refused has fired",
        ),
        pytest.param(
            {"last_schedule_time": NOON, "active": (FIRST,)},
            [Dropped(FIRST.job, LATE)],
            [missed(NOON, "DeadlineExceeded")],
            id="a claim that is given up is missed",
        ),
        pytest.param(
            {"last_schedule_time": NOON, "active": (FIRST,)},
            [Dropped(FIRST.job), Decided(after(60)), Started(SECOND)],
            [skipped(NOON, "Replaced")],
            id="a claim that a newer one takes",
        ),
        pytest.param(
            {"last_schedule_time": NOON, "active": (EAST, WEST)},
            [Started(seen(EAST))],
            [],
            id="a slot with members is settled when all are",
        ),
        pytest.param(
            {"last_schedule_time": NOON, "active": (seen(EAST), WEST)},
            [Started(seen(WEST))],
            [fired(NOON)],
            id="and then once",
        ),
        pytest.param(
            {"last_schedule_time": NOON, "active": (seen(FIRST),)},
            [Finished(DONE, RETRY)],
            [DONE],
            id="an execution is recorded, and its retry is no slot",
        ),
        pytest.param(
            {"last_schedule_time": NOON, "active": (RETRY,)},
            [Started(seen(RETRY))],
            [],
            id="the Job of a retry neither",
        ),
        pytest.param({"executions": (DONE,)}, [Finished(DONE)], [], id="an execution that is recorded already"),
        pytest.param({"counted": (DONE.job,)}, [Finished(DONE)], [], id="one that is counted, and trimmed by now"),
        pytest.param({}, [Finished(DONE), Tidied(frozenset({DONE.job})), Finished(DONE)], [DONE], id="one told twice"),
        pytest.param(
            {},
            [Started(request_claim()), Finished(execution(request_claim()))],
            [execution(request_claim())],
            id="a request",
        ),
    ],
)
def test_a_write_tells_what_it_makes_true(status: dict[str, Any], changes: list[Change], expected: list[Fact]) -> None:
    before = JobStatus(since=BEFORE, **status)
    found = facts(before, changes, mark=BEFORE)
    assert list(found) == expected
    afterwards = fold_all(before, changes, History())
    assert [fact for fact in found if not holds(afterwards, fact)] == [], "what is true afterwards shows"
    assert [fact for fact in found if holds(before, fact)] == [], "and did not before"
    assert facts(afterwards, changes, mark=BEFORE) == (), "told again, nothing is new"


def test_what_was_seen_before_somebody_wiped_the_status_is_not_counted_again() -> None:
    again = (Decided(NOON), Finished(DONE), Decided(after(60)))
    assert facts(JobStatus(), again, mark=NOON, forgotten=frozenset({DONE.job})) == (fired(after(60)),)


# --- over several writes, answered or not --------------------------------------------------------------------------

WROTE = JobStatus(since=BEFORE, last_schedule_time=NOON, active=(seen(FIRST),))
CHANGES = (Finished(DONE), Decided(after(60)), Started(seen(SECOND)))
TRUE = {fired(after(60)), DONE.job}


def told(*found: tuple[Fact, ...]) -> list[Fact | str]:
    return [fact.job if isinstance(fact, Execution) else fact for each in found for fact in each]


def books_of(status: JobStatus = WROTE) -> WriteAccounting:
    accounting = WriteAccounting()
    accounting.remember(status)
    accounting.send(status, CHANGES)
    return accounting


DONE_WITH = fold_all(WROTE, CHANGES, History())
OTHERWISE = WROTE.model_copy(update={"error_count": 7})


def test_a_write_that_was_taken_is_told_at_once() -> None:
    accounting = books_of()
    assert set(told(accounting.taken())) == TRUE
    assert told(accounting.see(WROTE, DONE_WITH)) == [], "and not by its event"


def test_a_write_whose_event_is_faster_than_its_answer_is_told_once() -> None:
    accounting = books_of()
    assert told(accounting.see(WROTE, DONE_WITH)) == []
    assert set(told(accounting.taken())) == TRUE


@pytest.mark.parametrize("first", ["the answer is given up", "the event comes"])
def test_a_write_without_an_answer_is_told_when_it_shows(first: str) -> None:
    accounting = books_of()
    if first == "the event comes":
        found = told(accounting.see(WROTE, DONE_WITH), accounting.unanswered(DONE_WITH))
    else:
        found = told(accounting.unanswered(WROTE), accounting.see(WROTE, DONE_WITH))
    assert set(found) == TRUE
    assert len(found) == len(TRUE)
    assert told(accounting.see(DONE_WITH, DONE_WITH)) == []


def test_a_write_without_an_answer_that_never_happened_is_told_by_the_next() -> None:
    accounting = books_of()
    found = [*told(accounting.unanswered(WROTE)), *told(accounting.see(WROTE, OTHERWISE))]
    assert found == []
    accounting.send(OTHERWISE, CHANGES)
    assert set(told(accounting.taken())) == TRUE


def test_a_write_that_had_happened_makes_the_next_one_conflict_and_is_told_once() -> None:
    accounting = books_of()
    accounting.unanswered(WROTE)
    accounting.send(WROTE, CHANGES)
    found = told(accounting.refused(WROTE), accounting.see(WROTE, DONE_WITH))
    assert (set(found), len(found)) == (TRUE, len(TRUE))


def test_a_write_that_never_happened_and_one_whose_event_is_faster_than_its_answer_are_one() -> None:
    accounting = books_of()
    accounting.unanswered(WROTE)
    accounting.send(WROTE, CHANGES)
    found = told(accounting.see(WROTE, DONE_WITH), accounting.taken())
    assert (set(found), len(found)) == (TRUE, len(TRUE))


def test_a_write_that_was_broken_off_is_in_doubt_as_well() -> None:
    accounting = books_of()
    accounting.send(WROTE, CHANGES)
    found = told(accounting.refused(WROTE), accounting.see(WROTE, DONE_WITH))
    assert (set(found), len(found)) == (TRUE, len(TRUE))


def test_what_was_wiped_is_remembered() -> None:
    accounting = WriteAccounting()
    accounting.remember(DONE_WITH)
    accounting.see(DONE_WITH, JobStatus())
    accounting.send(JobStatus(), [*CHANGES, Finished(execution(SECOND))])
    assert told(accounting.taken()) == [SECOND.job]


def changes_of(slots: int) -> list[Change]:
    found: list[Change] = []
    for number in range(slots):
        entry: Active = claim(after(60 * number))
        found += [Decided(entry.slot), Started(seen(entry)), Finished(execution(entry, success=number % 2 == 0))]
    return found


@settings(deadline=None)
@given(cuts=st.lists(st.integers(0, 18)), lost=st.lists(st.booleans(), min_size=20, max_size=20))
def test_however_changes_are_split_and_whichever_answers_are_lost_each_counts_once(
    cuts: list[int], lost: list[bool]
) -> None:
    """Each write begins where the last one that was answered has ended, as the pending changes do."""
    changes, accounting, status, found = changes_of(6), WriteAccounting(), JobStatus(since=BEFORE), list[Fact | str]()
    begin = 0
    for end, unanswered in zip([*sorted(cuts), len(changes)], [*lost, False], strict=False):
        batch = changes[begin:end]
        accounting.send(status, batch)
        before, status = status, fold_all(status, batch, History())
        if unanswered:
            found += told(accounting.unanswered(before), accounting.see(before, status))
        else:
            found += told(accounting.taken(), accounting.see(before, status))
            begin = end
    if begin < len(changes):
        accounting.send(status, changes[begin:])
        found += told(accounting.taken())
    assert len(found) == len(set(found)) == 12
