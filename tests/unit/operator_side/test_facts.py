"""Facts that a write makes true, so that each slot and each execution is counted once, by its writer."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dkron_crds.job import Attempt, History, JobStatus, SkipReason
from dkron_operator.cache.write_accounting import WriteAccounting
from dkron_operator.plan.status.changes import (
    Change,
    Decided,
    Discarded,
    Dropped,
    Finished,
    Forgotten,
    MarkTakenBack,
    Refused,
    SlotsSkipped,
    Started,
)
from dkron_operator.plan.status.facts import Countable, Recorded, SlotResult, Slots, holds
from dkron_operator.plan.status.fold import fold
from dkron_operator.plan.status.line import DroppedFromLine, dequeued, queued
from tests.support.builders import NOON, after, claim, execution, request_claim, seen, thirds_of_minutes
from tests.support.folding import counted, fold_all

FIRST, SECOND, RETRY = claim(NOON), claim(after(60)), claim(NOON, attempt=2, at=after(5))
EAST, WEST = claim(NOON, member="east"), claim(NOON, member="west")
DONE = execution(FIRST)
RECORDED = Recorded(DONE)
IN_LINE = (queued(EAST, after(1)), queued(WEST, after(1)))
FULL = SkipReason.QUEUE_FULL
DROPPED = DroppedFromLine(IN_LINE, FULL, FIRST.job)
LATE, MISSED, BUSY = SkipReason.DEADLINE_EXCEEDED, SkipReason.MISSED, SkipReason.CONCURRENCY_FORBIDDEN
BEFORE = after(-3600)


def fired(slot: datetime) -> Slots:
    return Slots(slot, SlotResult.FIRED)


def missed(slot: datetime, reason: str, count: int = 1) -> Slots:
    return Slots(slot, SlotResult.MISSED, reason, count)


def skipped(slot: datetime, reason: str, count: int = 1) -> Slots:
    return Slots(slot, SlotResult.SKIPPED, reason, count)


DECIDED = {"last_schedule_time": NOON}
CLAIMED = DECIDED | {"active": (FIRST,)}
BY_HAND = request_claim()
JOB_GONE = Forgotten("counted", frozenset({DONE.job}))
REQUESTED = execution(BY_HAND)
PASSED = SlotsSkipped(after(60), MISSED, slots=thirds_of_minutes())


@pytest.mark.parametrize(
    ("status", "changes", "expected"),
    [
        pytest.param({}, [], [], id="nothing"),
        pytest.param({}, [Decided(NOON), Started(seen(FIRST))], [fired(NOON)], id="a slot and its Job"),
        pytest.param(DECIDED, [Decided(NOON)], [], id="a slot that is decided already"),
        pytest.param({}, [Decided(NOON), Decided(NOON)], [fired(NOON)], id="a slot that is told twice"),
        pytest.param({}, [PASSED], [missed(after(60), "Missed", 3)], id="missed slots"),
        pytest.param({}, [SlotsSkipped(NOON, LATE)], [missed(NOON, "DeadlineExceeded")], id="a late slot"),
        pytest.param({}, [SlotsSkipped(NOON, BUSY)], [skipped(NOON, "ConcurrencyForbidden")], id="forbidden"),
        pytest.param({"last_schedule_time": after(60)}, [PASSED], [], id="slots passed already"),
        pytest.param({}, [Refused(BUSY, NOON, "a")], [], id="a refused request is no slot"),
        pytest.param({}, [Decided(NOON), Started(FIRST)], [], id="a claimed slot is not settled yet"),
        pytest.param(CLAIMED, [Started(seen(FIRST))], [fired(NOON)], id="the Job of a claim settles its slot"),
        pytest.param({}, [Decided(NOON), Started(FIRST), Started(seen(FIRST))], [fired(NOON)], id="both in one write"),
        pytest.param(CLAIMED, [Finished(DONE)], [fired(NOON), RECORDED], id="a claim whose Job was refused has fired"),
        pytest.param(
            CLAIMED, [Dropped(FIRST.job, LATE)], [missed(NOON, "DeadlineExceeded")], id="a claim that is given up"
        ),
        pytest.param(
            CLAIMED, [Dropped(FIRST.job), Decided(after(60)), Started(SECOND)], [skipped(NOON, "Replaced")],
            id="a claim that a newer one takes",
        ),
        pytest.param(
            DECIDED | {"active": IN_LINE}, [DROPPED], [skipped(NOON, "QueueFull")],
            id="a run with two members that is dropped from the line",
        ),
        pytest.param(
            DECIDED | {"active": (dequeued(IN_LINE[0], after(5)), IN_LINE[1])}, [DROPPED], [],
            id="one that has begun since",
        ),
        pytest.param(
            CLAIMED, [Discarded(frozenset({FIRST})), Started(seen(FIRST))], [], id="a user's claim settles nothing"
        ),
        pytest.param(
            DECIDED | {"active": (EAST, WEST)}, [Started(seen(EAST))], [], id="a slot is settled when all members are"
        ),
        pytest.param(
            DECIDED | {"active": (seen(EAST), WEST)}, [Started(seen(WEST))], [fired(NOON)], id="and then once"
        ),
        pytest.param(
            DECIDED | {"active": (seen(FIRST),)}, [Finished(DONE, RETRY)], [RECORDED],
            id="an execution is recorded, and its retry is no slot",
        ),
        pytest.param(DECIDED | {"active": (RETRY,)}, [Started(seen(RETRY))], [], id="the Job of a retry neither"),
        pytest.param({"executions": (DONE,)}, [Finished(DONE)], [], id="an execution that is recorded already"),
        pytest.param({"counted": (DONE.job,)}, [Finished(DONE)], [], id="one that is counted, and trimmed by now"),
        pytest.param(
            {}, [Finished(DONE), JOB_GONE, Finished(DONE)], [RECORDED], id="told twice"
        ),
        pytest.param({}, [Started(BY_HAND), Finished(REQUESTED)], [Recorded(REQUESTED)], id="a request"),
    ],
)  # fmt: skip
def test_write_reports_its_new_facts(status: dict[str, Any], changes: list[Change], expected: list[Countable]) -> None:
    before = JobStatus(since=BEFORE, **status)
    found = counted(before, changes)
    assert list(found) == expected
    afterwards = fold_all(before, changes, History())
    assert [fact for fact in found if not holds(afterwards, fact)] == [], "what is true afterwards shows"
    assert [fact for fact in found if holds(before, fact)] == [], "and did not before"
    assert counted(afterwards, changes) == (), "told again, nothing is new"


def test_executions_seen_before_a_wipe_are_not_counted_again() -> None:
    accounting = WriteAccounting()
    accounting.remember(DONE_WITH)
    accounting.upsert(DONE_WITH, JobStatus())
    send(accounting, JobStatus(), [*CHANGES, Finished(execution(SECOND)), Decided(after(120))])
    assert told(accounting.taken()) == [fired(after(120)), SECOND.job]


@pytest.mark.parametrize("event_first", [False, True])
def test_slots_up_to_a_mark_taken_back_are_counted(event_first: bool) -> None:
    ahead, accounting = JobStatus(since=BEFORE, last_schedule_time=after(60)), WriteAccounting()
    accounting.remember(ahead)
    send(accounting, ahead, [MarkTakenBack(after(60), NOON)])
    back = fold_all(ahead, [MarkTakenBack(after(60), NOON)], History())
    if event_first:
        accounting.upsert(ahead, back)
    accounting.taken()
    accounting.remember(back)
    send(accounting, back, [Decided(after(60))])
    assert accounting.taken() == (fired(after(60)),)


def send(accounting: WriteAccounting, base: JobStatus, changes: Sequence[Change]) -> None:
    accounting.send(base, changes, History(), fold(base, changes, History())[1])


# --- over several writes, answered or not --------------------------------------------------------------------------

WROTE = JobStatus(since=BEFORE, last_schedule_time=NOON, active=(seen(FIRST),))
CHANGES = (Finished(DONE), Decided(after(60)), Started(seen(SECOND)))
DONE_WITH = fold_all(WROTE, CHANGES, History())
OTHERWISE = WROTE.model_copy(update={"error_count": 7})


def told(*found: tuple[Countable, ...]) -> list[Countable | str]:
    return [fact.execution.job if isinstance(fact, Recorded) else fact for each in found for fact in each]


STEPS: dict[str, Callable[[WriteAccounting], tuple[Countable, ...] | None]] = {
    "taken": lambda accounting: accounting.taken(),
    "event": lambda accounting: accounting.upsert(WROTE, DONE_WITH),
    "another's event": lambda accounting: accounting.upsert(WROTE, OTHERWISE),
    "given up": lambda accounting: accounting.unanswered(WROTE),
    "given up late": lambda accounting: accounting.unanswered(DONE_WITH),
    "conflict": lambda accounting: accounting.refused(WROTE),
    "sent again": lambda accounting: send(accounting, WROTE, CHANGES),
    "sent onto another's": lambda accounting: send(accounting, OTHERWISE, CHANGES),
}
"""What happens after a write was sent."""


@pytest.mark.parametrize(
    ("steps", "tells"),
    [
        pytest.param(["taken", "event"], "taken", id="that was taken, by its answer"),
        pytest.param(["event", "taken"], "taken", id="whose event is faster than its answer, by its answer"),
        pytest.param(["event", "given up late"], "given up late", id="whose answer is given up after its event, then"),
        pytest.param(["given up", "event"], "event", id="whose answer is given up, by its event"),
        pytest.param(
            ["given up", "another's event", "sent onto another's", "taken"], "taken", id="that never was, by the next"
        ),
        pytest.param(
            ["given up", "sent again", "conflict", "event"], "event", id="that had happened, after a conflict"
        ),
        pytest.param(["given up", "sent again", "event", "taken"], "taken", id="that is sent again, by its answer"),
        pytest.param(["sent again", "conflict", "event"], "event", id="that was broken off, by its event"),
    ],
)
def test_write_is_reported_once(steps: list[str], tells: str) -> None:
    accounting = WriteAccounting()
    accounting.remember(WROTE)
    send(accounting, WROTE, CHANGES)
    for step in steps:
        found = told(STEPS[step](accounting) or ())
        assert len(found) == len(set(found))
        assert set(found) == ({fired(after(60)), DONE.job} if step == tells else set())
    assert told(accounting.upsert(DONE_WITH, DONE_WITH)) == []


def test_record_that_another_process_wrote_is_not_counted_here() -> None:
    """Its own write never happened: it recorded the call, and another process that its outcome is not known."""
    unknown = DONE.model_copy(update={"reason": "Unknown", "finished_at": after(9)})
    accounting = WriteAccounting()
    accounting.remember(WROTE)
    send(accounting, WROTE, [Finished(DONE)])
    accounting.unanswered(WROTE)
    assert accounting.upsert(WROTE, fold_all(WROTE, [Finished(unknown)], History())) == ()


def changes_of(slots: int) -> list[Change]:
    found: list[Change] = []
    for number in range(slots):
        entry: Attempt = claim(after(60 * number))
        found += [Decided(entry.slot), Started(seen(entry)), Finished(execution(entry, success=number % 2 == 0))]
    return found


@settings(deadline=None)
@given(cuts=st.lists(st.integers(0, 18)), lost=st.lists(st.booleans(), min_size=20, max_size=20))
def test_changes_count_once_under_any_splits_and_lost_answers(cuts: list[int], lost: list[bool]) -> None:
    """Each write begins where the last one that was answered has ended, as the pending changes do."""
    changes, accounting, status, found = (
        changes_of(6),
        WriteAccounting(),
        JobStatus(since=BEFORE),
        list[Countable | str](),
    )
    begin = 0
    for end, unanswered in zip([*sorted(cuts), len(changes)], [*lost, False], strict=False):
        batch = changes[begin:end]
        send(accounting, status, batch)
        before, status = status, fold_all(status, batch, History())
        if unanswered:
            found += told(accounting.unanswered(before), accounting.upsert(before, status))
        else:
            found += told(accounting.taken(), accounting.upsert(before, status))
            begin = end
    if begin < len(changes):
        send(accounting, status, changes[begin:])
        found += told(accounting.taken())
    assert len(found) == len(set(found)) == 12
