"""Slots that are claimed ahead for inline calls."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_crds.job import Attempt, AttemptState, JobStatus, SkipReason, When, Window
from dkron_operator.plan.actions import WriteStatus
from dkron_operator.plan.advance import advance
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.cause import scheduled
from dkron_operator.plan.situation.dependencies import Child, Dependencies
from dkron_operator.plan.situation.pools import Places
from dkron_operator.plan.situation.view import AttemptJob, JobView
from dkron_operator.plan.status.changes import Change, Decided, SlotsSkipped, Started
from dkron_operator.plan.status.window import Reserved
from dkron_pods.inline import NOT_ALLOWED
from tests.support.builders import NAME, NOON, UID, after, claim, job_view, run, situation
from tests.support.folding import fold_one

US, THEM = "call-us", "call-them"
CONFIG = {"method": "GET", "url": "http://localhost/", "inline": "true"}
EACH_SECOND = "* * * * * *"


def each_second(**spec: Any) -> JobView:
    return job_view(**{"schedule": EACH_SECOND, "executor": "http", "executorConfig": CONFIG, **spec})


def called(second: float, by: str = US) -> Attempt:
    return claim(after(second)).model_copy(update={"state": AttemptState.RUNNING, "uid": by})


def look(job: JobView | None = None, *, seconds: float, status: dict[str, Any], **fields: Any) -> Plan:
    job = job or each_second()
    known = {"since": NOON, "fingerprint": job.fingerprint, "observed_generation": job.generation}
    given = {"caller": US, "signature": US, "now": after(seconds), **fields}
    return advance(situation(job, JobStatus(**{**known, **status}), **given))


def window(*seconds: float, by: str = US) -> Window:
    return Window(caller=by, slots=tuple(after(second) for second in seconds))


# --- how one comes to be -----------------------------------------------------------------------------------------


def reserved(job: JobView, *, seconds: float = 60, mark: float = 59, **fields: Any) -> tuple[Reserved, ...]:
    create = look(job, seconds=seconds, status={"last_schedule_time": after(mark)}, **fields).create
    assert create is not None
    assert create.call
    return tuple(change for change in create.before if isinstance(change, Reserved))


def test_claim_takes_the_slots_that_follow_within_its_span() -> None:
    ahead = [
        [(slot - NOON).total_seconds() - second for change in reserved(each_second(), seconds=second, mark=second - 1)
         for slot in change.slots]
        for second in range(60, 66)
    ]  # fmt: skip
    assert sorted(ahead) == [[], [], [1], [1], [1, 2], [1, 2]]
    assert ahead[:3] == ahead[3:], "a span is three seconds long"


@pytest.mark.parametrize(
    ("spec", "fields"),
    [
        pytest.param({"concurrency": "forbid"}, {}, id="each run looks whether another is active"),
        pytest.param({"concurrency": "replace"}, {}, id="each run replaces the one before"),
        pytest.param({"schedule": "*/2 * * * * *"}, {}, id="slots too far apart"),
        pytest.param({"history": {"executions": 1}}, {}, id="a history without room for them"),
        pytest.param({"ephemeral": True}, {}, id="it ends with its first success"),
        pytest.param({"pools": ["db"]}, {"places": Places()}, id="each run needs a place"),
        pytest.param(
            {}, {"dependencies": Dependencies(children=(Child("child", When.SUCCESS, frozenset()),))},
            id="others run after it",
        ),
    ],
)  # fmt: skip
def test_slots_are_claimed_singly_where_each_run_counts(spec: dict[str, Any], fields: dict[str, Any]) -> None:
    assert [reserved(each_second(**spec), seconds=s, mark=s - 1, **fields) for s in range(60, 66, 2)] == [(), (), ()]


def test_one_window_is_enough() -> None:
    create = look(seconds=60, status={"last_schedule_time": after(59), "window": window(61, 62, by=THEM)}).create
    assert create is not None
    assert not [change for change in create.before if isinstance(change, Reserved)]


# --- how it is used ----------------------------------------------------------------------------------------------


def test_slot_within_the_window_needs_no_further_claim() -> None:
    create = look(seconds=61, status={"last_schedule_time": after(60), "window": window(61, 62)}).create
    assert create is not None
    assert (create.call, create.entry, create.before) == (True, called(61), ())
    assert create.after == (Decided(after(61)), Started(called(61)))


def test_slots_that_come_before_the_window_is_due_wait() -> None:
    plan = look(seconds=60.5, status={"last_schedule_time": after(60), "window": window(61, 62)})
    assert (plan.create, plan.status.window, plan.wake) == (None, window(61, 62), after(61))


@pytest.mark.parametrize("missed", ["skip", "latest"])
def test_slot_not_called_in_time_is_missed(missed: str) -> None:
    plan = look(
        each_second(missedRuns=missed), seconds=64.5, fireable_since=after(64.2),
        status={"last_schedule_time": after(60), "window": window(61, 62)},
    )  # fmt: skip
    assert (plan.status.window, plan.status.executions) == (None, ())
    assert plan.status.skipped is not None
    assert plan.status.skipped.last_reason is SkipReason.MISSED
    assert plan.status.skipped.count == {"skip": 4, "latest": 3}[missed]


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        pytest.param([Reserved(US, (after(1), after(2)))], (1, 2), id="claimed"),
        pytest.param([Reserved(US, (after(1), after(2))), Decided(after(1))], (2,), id="one is decided"),
        pytest.param([Reserved(US, (after(1), after(2))), SlotsSkipped(after(1), SkipReason.MISSED)], (2,),
                     id="one is passed over"),
        pytest.param([Reserved(US, (after(1), after(2))), Decided(after(2))], (), id="all are decided"),
        pytest.param([Decided(after(1)), Reserved(US, (after(1), after(2)))], (2,), id="not what is decided"),
        pytest.param([Reserved(US, (after(1),)), Reserved(US)], (), id="given back"),
        pytest.param([Reserved(US, (after(1),)), Reserved(THEM)], (1,), id="a caller gives back only its own"),
        pytest.param([Reserved(US, (after(1),)), Reserved(THEM, (after(2),))], (1,), id="no claim over another"),
    ],
)  # fmt: skip
def test_how_a_window_changes(changes: list[Change], left: tuple[int, ...]) -> None:
    history, status = each_second().spec.history, JobStatus()
    for change in changes:
        status = fold_one(status, change, history)
        assert fold_one(status, change, history) == status, "twice is once"
    assert status.window == (window(*left) if left else None)


# --- how it ends -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("job", "fields"),
    [
        pytest.param(each_second(generation=2), {}, id="the spec was edited"),
        pytest.param(each_second(disabled=True), {}, id="disabled"),
        pytest.param(job_view(schedule=EACH_SECOND), {}, id="it has pods now"),
        pytest.param(each_second(), {"caller": ""}, id="the process ends"),
        pytest.param(each_second(), {"caller": "", "signature": US, "policy_violation": NOT_ALLOWED}, id="not allowed"),
    ],
)
def test_remaining_slots_are_returned_before_anything_else(job: JobView, fields: dict[str, Any]) -> None:
    status = {"last_schedule_time": after(60), "window": window(61, 62), "observed_generation": 1}
    plan = look(job, seconds=60.5, status=status, **fields)
    assert (plan.status.window, plan.wants(WriteStatus), plan.status.last_schedule_time) == (None, True, after(60))


def test_standby_keeps_the_window() -> None:
    for by in (US, THEM):
        status = {"last_schedule_time": after(60), "window": window(61, 62, by=by)}
        plan = look(seconds=70, status=status, caller="", signature="")
        assert (plan.status.window, plan.wants(WriteStatus), plan.create) == (window(61, 62, by=by), False, None)


@pytest.mark.parametrize(("retries", "attempts"), [(0, []), (1, [2])])
@pytest.mark.parametrize("job", [{}, {"schedule": "@manually"}, {"disabled": True}, {"executor": "shell"}])
@pytest.mark.parametrize("seconds", [61, 61.5])
def test_slots_of_a_dead_process_are_undecided_once_due(
    job: dict[str, Any], retries: int, attempts: list[int], seconds: float
) -> None:
    if job == {"executor": "shell"}:
        job["executorConfig"] = {"command": "true"}
    status = {"last_schedule_time": after(60), "window": window(61, 62, by=THEM)}
    plan = look(each_second(retries=retries, **job), seconds=seconds, fireable_since=after(seconds), status=status)
    (record,) = plan.status.executions
    assert (record.slot, record.reason, record.job) == (after(61), "Unknown", claim(after(61)).job)
    assert [entry.attempt for entry in plan.status.active] == ([] if job.get("disabled") else attempts)
    assert (plan.status.window, plan.status.last_schedule_time) == (window(62, by=THEM), after(61))
    assert plan.wake is not None
    assert plan.wake <= after(62)
    assert plan.status.skipped is None


def test_a_slot_that_has_a_job_after_all_is_no_call() -> None:
    found: AttemptJob = run(claim(after(61)))
    status = {"last_schedule_time": after(60), "window": window(61, by=THEM)}
    plan = look(job_view(schedule=EACH_SECOND), seconds=61.5, status=status, runs=[found])
    assert (plan.status.executions, [e.job for e in plan.status.active]) == ((), [found.name])
    assert plan.status.window is None


@given(
    st.lists(
        st.one_of(
            st.builds(lambda by, first, n: Reserved(by, tuple(after(first + k) for k in range(n))),
                      st.sampled_from([US, THEM]), st.integers(0, 9), st.integers(1, 3)),
            st.builds(Reserved, st.sampled_from([US, THEM])),
            st.builds(lambda second: Decided(after(second)), st.integers(0, 9)),
            st.builds(lambda at: SlotsSkipped(after(at), SkipReason.MISSED), st.integers(0, 9)),
        ),
        max_size=12,
    )
)  # fmt: skip
def test_window_slots_stay_after_the_mark_under_any_changes(changes: list[Change]) -> None:
    history, status = each_second().spec.history, JobStatus()
    for change in changes:
        before, status = status, fold_one(status, change, history)
        mark, left = status.last_schedule_time, status.window
        assert left is None or mark is None or left.slots[0] > mark
        assert mark is None or before.last_schedule_time is None or mark >= before.last_schedule_time
        owner = None if before.window is None else before.window.caller
        assert left is None or owner in (None, left.caller), "no caller takes over the window of another"


def test_undecided_slot_has_the_name_that_was_called() -> None:
    entry = scheduled(after(61)).entry(uid=UID, name=NAME, at=after(61))
    assert entry.job == called(61).job
