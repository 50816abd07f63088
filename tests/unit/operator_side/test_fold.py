"""The fold: each change by itself, and why a change that arrives twice does no harm."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_crds.attempts import MAX_OUTPUT
from dkron_crds.conditions import MAX_CONDITIONS
from dkron_crds.job import (
    Attempt,
    Condition,
    ConditionStatus,
    Day,
    Ended,
    GroupStatus,
    History,
    JobStatus,
    Published,
    Skipped,
    SkipReason,
)
from dkron_operator.plan.status.changes import (
    Accepted,
    ArchiveTurned,
    Change,
    ConditionsSet,
    Decided,
    Discarded,
    Dropped,
    Finished,
    Forgotten,
    HandedOver,
    Lost,
    Refused,
    SlotsSkipped,
    Started,
)
from dkron_operator.plan.status.deferred import SlotsDeferred, UndecidedSlots
from dkron_operator.plan.status.fold import is_recorded
from tests.support.builders import NOON, after, claim, execution, request_claim, seen, thirds_of_minutes
from tests.support.folding import fold_all, fold_one
from tests.support.outbox import ARCHIVE, DELIVERY, undelivered

HISTORY = History()
MISSED, BUSY, LATE = SkipReason.MISSED, SkipReason.CONCURRENCY_FORBIDDEN, SkipReason.DEADLINE_EXCEEDED
FIRST, SECOND, RETRY = claim(NOON), claim(after(60)), claim(NOON, attempt=2, at=after(6))
CONDITION = Condition(type="Ready", status=ConditionStatus.TRUE, reason="Scheduled", last_transition_time=NOON)


def foreign(number: int) -> Condition:
    return CONDITION.model_copy(update={"type": f"Of{number}"})


def folded(*changes: Change, onto: JobStatus | None = None, history: History = HISTORY) -> JobStatus:
    return fold_all(onto or JobStatus(), changes, history)


def finished(entry: Attempt, *, success: bool = True, retry: Attempt | None = None, seconds: float = 5.0) -> Finished:
    return Finished(execution(entry, success=success, seconds=seconds), retry)


def skipped(count: int, at: datetime, reason: SkipReason) -> dict[str, Any]:
    return {"skipped": Skipped(count=count, last_time=at, last_reason=reason)}


def accepted(at: datetime, fingerprint: str = "f") -> dict[str, Any]:
    return {"since": at, "fingerprint": fingerprint}


def marked(at: datetime) -> dict[str, Any]:
    return {"last_schedule_time": at}


def active(*entries: Attempt) -> dict[str, Any]:
    return {"active": entries}


PASSED = SlotsSkipped(after(60), MISSED, slots=thirds_of_minutes())
JUDGED = ConditionsSet(2, (CONDITION,), None)


@pytest.mark.parametrize(
    ("onto", "change", "expected"),
    [
        pytest.param({}, Accepted(NOON, "f"), accepted(NOON), id="a schedule is accepted"),
        pytest.param(accepted(NOON, "g"), Accepted(after(70), "f"), accepted(after(70)), id="an edit counts again"),
        pytest.param(
            accepted(after(8)), Accepted(after(5), "g"), accepted(after(8), "g"), id="an edit never moves since back"
        ),
        pytest.param({}, Decided(NOON), marked(NOON), id="a slot is decided"),
        pytest.param({}, PASSED, marked(after(60)) | skipped(3, after(60), MISSED), id="slots are passed and counted"),
        pytest.param(
            skipped(2, NOON, LATE), PASSED, marked(after(60)) | skipped(5, after(60), MISSED),
            id="skips add up, the newest tells its reason",
        ),
        pytest.param(
            marked(NOON), Refused(BUSY, after(1), "a"), marked(NOON) | skipped(1, after(1), BUSY) | {"refused": ("a",)},
            id="a refused request is counted, and does not touch the mark",
        ),
        pytest.param({}, Started(FIRST), active(FIRST), id="a claim becomes active"),
        pytest.param(
            active(FIRST, SECOND), Started(seen(FIRST)), active(seen(FIRST), SECOND),
            id="a claim whose Job was seen gets its uid, at its place",
        ),
        pytest.param(active(FIRST, SECOND), Dropped(FIRST.job), active(SECOND), id="a claim is dropped, others stay"),
        pytest.param(
            active(FIRST, SECOND), Discarded(frozenset({FIRST})), active(SECOND), id="an edited entry leaves"
        ),
        pytest.param(
            {"counted": ("a", "b", "c")}, Forgotten("counted", frozenset({"a", "c", "z"})), {"counted": ("b",)},
            id="names of Jobs that are gone leave",
        ),
        pytest.param(
            {"observed_generation": 1, "next": NOON}, JUDGED, {"observed_generation": 2, "conditions": (CONDITION,)},
            id="the verdict is told, and that there is no next",
        ),
        pytest.param(
            {"refused": ("a", "b")}, Forgotten("refused", frozenset({"a"})), {"refused": ("b",)},
            id="a refusal is remembered until its request is gone",
        ),
    ],
)  # fmt: skip
def test_a_change_folds(onto: dict[str, Any], change: Change, expected: dict[str, Any]) -> None:
    others = {"error_count": 3}
    assert folded(change, onto=JobStatus(**onto, **others)) == JobStatus(**expected, **others)


@pytest.mark.parametrize(
    ("onto", "change"),
    [
        pytest.param(accepted(NOON), Accepted(after(60), "f"), id="what another operator has accepted"),
        pytest.param(marked(after(60)), Decided(NOON), id="the mark never moves back"),
        pytest.param(marked(after(60)), PASSED, id="slots at or before the mark are not passed again"),
        pytest.param(active(seen(FIRST)), Started(FIRST), id="a claim does not hide a Job that was seen"),
        pytest.param({"counted": (FIRST.job,)}, Started(FIRST), id="what was counted does not start again"),
        pytest.param({"executions": (execution(FIRST),)}, Started(seen(FIRST)), id="nor what is in the history"),
        pytest.param(active(seen(FIRST)), Dropped(FIRST.job), id="only claims are dropped, not what runs"),
        pytest.param(
            active(seen(FIRST)), Discarded(frozenset({FIRST})), id="an entry that has changed since is not discarded"
        ),
    ],
)
def test_a_change_makes_no_difference_to(onto: dict[str, Any], change: Change) -> None:
    assert folded(change, onto=JobStatus(**onto)) == JobStatus(**onto)


def test_success_is_recorded_counted_and_no_longer_active() -> None:
    status = folded(Decided(NOON), Started(seen(FIRST)), finished(FIRST))
    assert status == JobStatus(
        last_schedule_time=NOON,
        executions=(execution(FIRST),),
        counted=(FIRST.job,),
        status=GroupStatus.SUCCESS,
        success_count=1,
        last_success=after(5),
        days=(Day(date=date(2026, 3, 1), success=1, failed=0),),
        ended=(Ended(group=FIRST.group, at=after(5), status=GroupStatus.SUCCESS),),
        published=Published(success=1),
    )


def test_a_failure_counts_as_an_error() -> None:
    status = folded(finished(FIRST, success=False), finished(SECOND))
    assert (status.success_count, status.error_count) == (1, 1)
    assert (status.last_success, status.last_error) == (after(65), after(5))
    assert status.days == (Day(date=date(2026, 3, 1), success=1, failed=1),)


def test_failure_claims_its_retry_in_the_same_write() -> None:
    status = folded(Started(seen(FIRST)), finished(FIRST, success=False, retry=RETRY))
    assert status.active == (RETRY,)
    assert status.status is GroupStatus.NEVER, "the group is not over while an attempt is to come"


def test_retry_whose_job_exists_is_not_claimed_again() -> None:
    first = finished(FIRST, success=False, retry=RETRY)
    assert folded(Started(seen(RETRY)), first).active == (seen(RETRY),)
    assert folded(finished(RETRY), first).active == ()


def test_newest_ended_run_decides_the_status() -> None:
    both = folded(Started(seen(FIRST)), Started(seen(SECOND)))
    failed, worked = finished(FIRST, success=False), finished(SECOND)
    assert folded(failed, onto=both).status is GroupStatus.FAILED, "the newer one still goes"
    status = folded(worked, failed, onto=both)
    assert status.status is GroupStatus.SUCCESS, "an older one that ends later does not hide its result"
    assert [e.job for e in status.executions] == [SECOND.job, FIRST.job]
    retry = claim(after(60), attempt=2, at=after(70))
    status = folded(finished(SECOND, success=False, retry=retry), finished(FIRST), onto=both)
    assert status.status is GroupStatus.SUCCESS, "the newer one waits for its retry"
    assert folded(finished(retry, success=False), onto=status).status is GroupStatus.FAILED


def test_history_keeps_the_latest_starts_and_counts_once() -> None:
    entries = [claim(after(60 * n)) for n in range(4)]
    changes = [finished(entries[n]) for n in (1, 2, 3, 0)]
    status = folded(*changes, history=History(executions=2))
    assert [e.job for e in status.executions] == [entries[3].job, entries[2].job]
    assert (set(status.counted), status.success_count) == ({entry.job for entry in entries}, 4)
    assert folded(*changes, onto=status, history=History(executions=2)) == status


def test_cleared_executions_are_not_counted_again() -> None:
    status = folded(finished(FIRST), finished(SECOND, success=False))
    nothing: dict[str, Any] = {"executions": (), "success_count": 0, "error_count": 0}
    cleared = status.model_copy(update={**nothing, "last_success": None, "last_error": None})
    again = folded(finished(FIRST), Started(seen(SECOND)), onto=cleared)
    assert again == cleared
    assert is_recorded(again, FIRST.job)


DAY = 86_400


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        pytest.param([0, 3600], {"2026-03-01": 2}, id="two of one day"),
        pytest.param([0, DAY], {"2026-03-01": 1, "2026-03-02": 1}, id="today and yesterday"),
        pytest.param([0, DAY, 2 * DAY], {"2026-03-02": 1, "2026-03-03": 1}, id="older days are forgotten"),
        pytest.param([2 * DAY, 0], {"2026-03-03": 1}, id="one that ended long ago comes too late"),
        pytest.param([DAY, 0], {"2026-03-01": 1, "2026-03-02": 1}, id="one of yesterday still counts"),
        pytest.param([43_199, 43_200], {"2026-03-01": 1, "2026-03-02": 1}, id="a day ends at midnight in UTC"),
    ],
)
def test_days_hold_today_and_yesterday(ends: list[float], expected: dict[str, int]) -> None:
    changes = [finished(claim(after(n)), seconds=end - n) for n, end in enumerate(ends)]
    days = folded(*changes).days
    assert [(str(day.date), day.success) for day in days] == list(expected.items())


# --- what a lost answer or a second writer may do: fold again, onto anything ---------------------------------------

SLOTS = [after(60 * n) for n in range(6)]
ENTRIES = [claim(slot, attempt=attempt, at=slot + timedelta(seconds=attempt)) for slot in SLOTS for attempt in (1, 2)]
ENTRIES += [request_claim("a", after(90)), request_claim("b", after(90))]

entries = st.sampled_from(ENTRIES)


@st.composite
def endings(draw: st.DrawFn) -> Finished:
    entry = draw(entries)
    record = execution(entry, success=draw(st.booleans()), seconds=draw(st.integers(0, 100_000)))
    follows = claim(entry.slot, attempt=2, at=entry.slot + timedelta(seconds=2))
    retry = follows if entry.attempt == 1 and not record.success and draw(st.booleans()) else None
    return Finished(record, retry)


def passing(slot: datetime, slots: UndecidedSlots | None, reason: SkipReason) -> SlotsSkipped:
    return SlotsSkipped(slot, reason, slots=slots)


marking = st.one_of(
    st.builds(Decided, st.sampled_from(SLOTS)),
    st.builds(
        passing,
        st.sampled_from(SLOTS),
        st.sampled_from([None, thirds_of_minutes()]),
        st.sampled_from([MISSED, BUSY, LATE]),
    ),
)
deferring = st.one_of(
    st.builds(SlotsDeferred, st.sampled_from(SLOTS), st.just(thirds_of_minutes())),
    st.builds(Decided, st.sampled_from(SLOTS), st.just(True)),
    st.builds(
        SlotsSkipped,
        st.sampled_from(SLOTS),
        st.just(MISSED),
        st.just(thirds_of_minutes()),
        st.just(True),
    ),
)
marking = st.one_of(marking, deferring)
running = st.one_of(entries.map(Started), entries.map(seen).map(Started), endings())
telling = st.one_of(
    st.builds(Accepted, st.sampled_from(SLOTS), st.sampled_from(["f", "g"])),
    st.just(ArchiveTurned(on=True)),
    st.sets(entries, max_size=3).map(lambda found: HandedOver(ARCHIVE, frozenset(entry.job for entry in found))),
    st.builds(ConditionsSet, st.integers(1, 3), st.sampled_from([(), (CONDITION,)]), st.sampled_from([None, *SLOTS])),
)
changes = st.one_of(
    marking,
    running,
    telling,
    st.builds(Refused, st.just(SkipReason.DISABLED), st.sampled_from(SLOTS), st.sampled_from("abc")),
)


def is_possible(changes: Iterable[Change]) -> bool:
    """Whether no slot begins to wait for its turn after it has had it: the mark has passed it by then."""
    turns: list[datetime] = []
    for each in changes:
        match each:
            case Decided(slot, deferred=True):
                turns.append(slot)
            case SlotsSkipped(until, deferred=True):
                turns.append(until)
            case SlotsDeferred(until) if any(turn <= until for turn in turns):
                return False
    return True


anything: st.SearchStrategy[Change] = st.one_of(marking, running, telling)
sequences = st.lists(anything, max_size=12).filter(is_possible)
histories = st.builds(History, executions=st.integers(1, 4))


@given(before=sequences, change=changes, history=histories)
def test_folding_a_change_twice_equals_folding_it_once(before: list[Change], change: Change, history: History) -> None:
    once = folded(*before, change, history=history)
    assert fold_one(once, change, history) == once


def essence(status: JobStatus) -> object:
    """What must not depend on how often it was folded."""
    told = {"conditions": (), "observed_generation": 0, "next": None, "since": None, "fingerprint": ""}
    return status.model_copy(update={**told, "counted": sorted(status.counted)})


@given(first=sequences, second=sequences, history=histories)
def test_batch_with_a_lost_answer_folds_again_without_effect(
    first: list[Change], second: list[Change], history: History
) -> None:
    written = folded(*first, *second, history=history)
    again = folded(*second, onto=written, history=history)
    assert essence(again) == essence(written)


@given(ours=sequences, theirs=sequences, history=histories)
def test_folding_onto_another_status_counts_and_loses_nothing(
    ours: list[Change], theirs: list[Change], history: History
) -> None:
    status = folded(*ours, onto=folded(*theirs, history=history), history=history)
    ended: dict[str, Attempt] = {}
    for change in (*theirs, *ours):
        if isinstance(change, Finished):
            ended.setdefault(change.execution.job, change.execution)
    assert set(status.counted) == ended.keys()
    assert len(status.counted) == len(ended)
    assert status.success_count == sum(e.success for e in ended.values())
    assert status.error_count == sum(not e.success for e in ended.values())
    assert not {entry.job for entry in status.active} & ended.keys()
    assert len({entry.job for entry in status.active}) == len(status.active)


def counters(status: JobStatus) -> tuple[float, ...]:
    mark, skipped = status.last_schedule_time, status.skipped
    moved = 0.0 if mark is None else mark.timestamp()
    return moved, status.success_count, status.error_count, skipped.count if skipped else 0


@given(sequence=st.lists(changes, max_size=15), history=histories)
def test_the_mark_and_the_counters_never_go_back(sequence: list[Change], history: History) -> None:
    status = JobStatus()
    for change in sequence:
        before, status = status, fold_one(status, change, history)
        assert all(now >= then for now, then in zip(counters(status), counters(before), strict=True))
        assert len(status.executions) <= history.executions
        starts = [e.started_at for e in status.executions]
        assert starts == sorted(starts, reverse=True)


# --- who is still to be told -----------------------------------------------------------------------------------------


def owed(entry: Attempt) -> Finished:
    return Finished(execution(entry), deliver=True)


def test_execution_is_owed_until_delivered() -> None:
    status = folded(owed(FIRST), finished(SECOND))
    assert undelivered(status) == (FIRST.job,)
    told = folded(HandedOver(DELIVERY, frozenset({FIRST.job})), onto=status)
    assert undelivered(told) == ()
    assert folded(owed(FIRST), onto=told) == told


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        pytest.param("/a.log", "not delivered", id="by itself"),
        pytest.param("/a.log\nOutput in syslog", "not delivered\nOutput in syslog", id="beside another place"),
        pytest.param("/a.log and more", "/a.log and more", id="another text"),
        pytest.param("", "", id="an output that stays"),
        pytest.param(
            "/a.log\n" + "x" * (MAX_OUTPUT - 7), "not delivered\n" + "x" * (MAX_OUTPUT - 14), id="at the bound"
        ),
    ],
)
def test_record_says_that_its_output_was_not_delivered(output: str, expected: str) -> None:
    status = JobStatus(executions=(execution(SECOND, output="/a.log"), execution(FIRST, output=output)))
    told = folded(HandedOver(DELIVERY, frozenset(), (Lost(FIRST.job, "/a.log", "not delivered"),)), onto=status)
    assert [each.output for each in told.executions] == ["/a.log", expected]


def test_an_execution_that_is_not_kept_is_not_owed() -> None:
    assert undelivered(folded(owed(FIRST), owed(SECOND), history=History(executions=1))) == (SECOND.job,)


def test_foreign_conditions_are_kept_as_far_as_they_fit() -> None:
    few, many = tuple(map(foreign, range(3))), tuple(map(foreign, range(MAX_CONDITIONS)))
    assert folded(JUDGED, onto=JobStatus(conditions=few)).conditions == (CONDITION, *few)
    assert folded(JUDGED, onto=JobStatus(conditions=many)).conditions == (CONDITION, *many[:-1])
