"""The outbox of the archive in a status: it holds what it can, and counts the rest."""

from dataclasses import dataclass, field, replace

import pytest

from dkron_crds.job import Attempt, History, JobStatus, SkipReason, Trigger, Unarchived, UnarchivedSlots
from dkron_crds.status import MAX_SKIPPED_RANGES
from dkron_operator.plan.status.beginnings import are_beginnings
from dkron_operator.plan.status.changes import (
    ArchiveTurned,
    Change,
    Decided,
    Dropped,
    Finished,
    HandedOver,
    SlotsSkipped,
    Started,
)
from dkron_operator.plan.status.deferred import SlotsDeferred
from dkron_operator.plan.status.outbox import only_riders
from dkron_operator.plan.status.size import TOTAL_BYTES, fit
from tests.support.builders import NOON, after, claim, execution, seen, thirds_of_minutes
from tests.support.folding import fold_all
from tests.support.outbox import ARCHIVE, DELIVERY, outbox, unarchived, undelivered

BUSY, MISSED = SkipReason.CONCURRENCY_FORBIDDEN, SkipReason.MISSED
LINE = thirds_of_minutes()


def slots(first: float, last: float, count: int, reason: SkipReason = BUSY) -> UnarchivedSlots:
    return UnarchivedSlots(first=after(first), last=after(last), count=count, reason=reason)


def status(*skipped: UnarchivedSlots, executions: tuple[Attempt, ...] = (), lost: int = 0) -> JobStatus:
    entries, owed = outbox([each.job for each in executions], ARCHIVE), Unarchived(skipped=skipped, lost=lost)
    return JobStatus(last_schedule_time=NOON, executions=executions, outbox=entries, unarchived=owed)


def skip(last: float, reason: SkipReason = BUSY) -> SlotsSkipped:
    return SlotsSkipped(after(last), reason, slots=LINE)


BEGUN = replace(skip(60, MISSED), slots=replace(LINE, begun=frozenset({after(20)})))
FULL = [slots(-600 + n, -600 + n, 1, BUSY if n % 2 else MISSED) for n in range(MAX_SKIPPED_RANGES)]
FULL_OF_MISSED = [each.model_copy(update={"reason": MISSED}) for each in FULL]
CLAIM = claim(after(20))


@dataclass(frozen=True)
class Row:
    name: str
    changes: tuple[Change, ...]
    skipped: tuple[UnarchivedSlots, ...]
    before: tuple[UnarchivedSlots, ...] = ()
    lost: int = 0
    fields: dict[str, object] = field(default_factory=dict)


ROWS = (
    Row("slots that are skipped together", (skip(60, MISSED),), (slots(20, 60, 3, MISSED),)),
    Row("slots after one that has begun", (BEGUN,), (slots(40, 60, 2, MISSED),)),
    Row("two decisions are two entries", (skip(20), skip(40)), (slots(20, 20, 1), slots(40, 40, 1))),
    Row("a decision that is folded again", (skip(20), skip(20)), (slots(20, 20, 1),)),
    Row(
        "deferred slots that never run",
        (SlotsDeferred(after(60), LINE), replace(skip(40), deferred=True)),
        (slots(20, 40, 2),),
    ),
    Row("a claim of a slot that is given up", (Dropped(CLAIM.job, BUSY),), (slots(20, 20, 1),),
        fields={"active": (CLAIM,)}),
    Row("a claim on request is no slot", (Dropped(CLAIM.job, BUSY),), (),
        fields={"active": (CLAIM.model_copy(update={"trigger": Trigger.MANUAL}),)}),
    Row("what the archive has leaves", (HandedOver(ARCHIVE, slots=(slots(20, 20, 1),)),), (slots(40, 40, 1),),
        before=(slots(20, 20, 1), slots(40, 40, 1))),
    Row("without room they join the newest with their reason", (skip(20),),
        (*FULL[:-1], slots(-600 + MAX_SKIPPED_RANGES - 1, 20, 2)), before=tuple(FULL)),
    Row("of joined slots those that the archive has leave", (skip(20), HandedOver(ARCHIVE, slots=(FULL[-1],))),
        (*FULL[:-1], slots(-600 + MAX_SKIPPED_RANGES - 1, 20, 1)), before=tuple(FULL)),
    Row("without room and any like them the oldest are lost", (skip(20),),
        (*FULL_OF_MISSED[1:], slots(20, 20, 1)), before=tuple(FULL_OF_MISSED), lost=1),
)  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_skipped_slots_are_owed(row: Row) -> None:
    before = status(*row.before).model_copy(update=row.fields)
    found = fold_all(before, row.changes, History()).unarchived
    assert found is not None
    assert (found.skipped, found.lost) == (row.skipped, row.lost)


def test_without_an_archive_nothing_is_owed() -> None:
    before = JobStatus(last_schedule_time=NOON)
    found = fold_all(before, [skip(60), Finished(execution(claim(NOON)))], History())
    assert (found.outbox, found.unarchived) == ((), None)


def ended(number: int) -> tuple[Attempt, ...]:
    return tuple(execution(claim(after(minutes=-minute))) for minute in range(number))


@pytest.mark.parametrize(
    ("owed", "limit", "kept", "lost"),
    [
        pytest.param(0, 2, 2, 0, id="what the archive has is trimmed"),
        pytest.param(5, 2, 6, 0, id="what it has not stays"),
        pytest.param(100, 2, 100, 1, id="as long as there is room"),
        pytest.param(1, 4, 4, 0, id="within the history there is no difference"),
    ],
)
def test_owed_executions_stay(owed: int, limit: int, kept: int, lost: int) -> None:
    executions = ended(max(owed, 5))
    names = [each.job for each in executions[:owed]]
    before = status(executions=executions).model_copy(update={"outbox": outbox(names, ARCHIVE)})
    newest = Finished(execution(claim(after(minutes=1))))
    found = fold_all(before, [newest, newest], History(executions=limit))
    assert found.unarchived is not None
    assert (len(found.executions), found.unarchived.lost) == (kept, lost)
    assert len(found.outbox) == min(owed + 1, 100)


def test_executions_cleared_by_a_user_are_not_lost() -> None:
    before = status(executions=ended(3)).model_copy(update={"executions": ()})
    found = fold_all(before, [Finished(execution(claim(after(minutes=1))))], History())
    assert (len(found.outbox), found.unarchived) == (1, Unarchived())


def test_execution_dropped_for_its_size_is_lost() -> None:
    long = tuple(each.model_copy(update={"message": "x" * 1024}) for each in ended(100))
    fitted = fit(status(executions=long).to_wire())
    left, lost = fitted.status["outbox"], fitted.status["unarchived"]["lost"]
    assert (fitted.size <= TOTAL_BYTES, fitted.dropped > 0) == (True, True)
    assert (len(left), lost) == (100 - fitted.dropped, fitted.dropped)


def test_turning_the_archive_on_owes_what_the_status_shows() -> None:
    executions = ended(3)
    names = [each.job for each in executions]
    before = JobStatus(executions=executions, outbox=outbox(names[1:2], DELIVERY))
    on = fold_all(before, [ArchiveTurned(on=True)] * 2, History())
    assert (unarchived(on), undelivered(on), on.unarchived) == ((*names,), (names[1],), Unarchived())
    assert fold_all(on, [ArchiveTurned(on=False)], History()) == before


def test_each_receiver_gets_an_execution_once() -> None:
    ends = Finished(execution(CLAIM), deliver=True)
    both = fold_all(status(), [ends, ends], History())
    assert both.outbox == outbox([CLAIM.job], ARCHIVE, DELIVERY)
    told = fold_all(both, [HandedOver(DELIVERY, frozenset({CLAIM.job})), ends], History())
    assert (unarchived(told), undelivered(told)) == ((CLAIM.job,), ())
    stored = fold_all(both, [HandedOver(ARCHIVE, frozenset({CLAIM.job})), ends], History())
    assert (unarchived(stored), undelivered(stored)) == ((), (CLAIM.job,))
    assert fold_all(told, [HandedOver(ARCHIVE, frozenset({CLAIM.job}))], History()).outbox == ()


def test_marks_of_the_archive_wait_for_another_write() -> None:
    riders: list[Change] = [ArchiveTurned(on=True), HandedOver(ARCHIVE, frozenset({"a"}))]
    assert only_riders(riders)
    assert not only_riders([*riders, skip(60)])
    begun: list[Change] = [Decided(after(20)), Started(seen(claim(after(20)))), *riders]
    assert are_beginnings(JobStatus(last_schedule_time=NOON), begun), "nor do they hurry the begin of an attempt"
