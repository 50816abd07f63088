"""Runs that wait in the line of their job: each is decided once, begins in its turn, or leaves with a reason."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dkron_crds.attempt_names import nanoseconds
from dkron_crds.job import (
    Attempt,
    AttemptState,
    ConditionType,
    DeferredSlots,
    Heard,
    History,
    JobStatus,
    SkipReason,
    Trigger,
)
from dkron_operator.plan.actions import Enqueue, RemoveAnnotation
from dkron_operator.plan.advance import advance
from dkron_operator.plan.decide import Fire, Skip
from dkron_operator.plan.plan import MOST_BESIDE, Plan, creation
from dkron_operator.plan.situation.cause import Cause, following
from dkron_operator.plan.situation.pauses import Pause
from dkron_operator.plan.situation.view import JobView, Outcome, Situation
from dkron_operator.plan.status.changes import Change, Decided, Enqueued, Mark, ParentRunsHandled
from dkron_operator.plan.status.dependencies import key
from dkron_operator.plan.status.line import Dequeued, DroppedFromLine, dequeued, line_of, queued
from dkron_operator.plan.steps.acceptance import accepted_schedule
from tests.support.builders import NAME, NOON, UID, after, claim, job_view, node, request_claim, seen, situation
from tests.support.examples import examples
from tests.support.folding import counted, fold_all, fold_one
from tests.support.steps import settle, steps

FULL, EXPIRED = SkipReason.QUEUE_FULL, SkipReason.QUEUE_EXPIRED


def minutes(count: float) -> datetime:
    return after(minutes=count)


def queueing(**spec: Any) -> JobView:
    """A job each minute that never runs twice at once, and skips nothing."""
    return job_view(**{"concurrency": "queue", **spec})


def accepted(job: JobView, *, mark: float = 0.0) -> JobStatus:
    known = {"since": NOON, "fingerprint": job.fingerprint, "accepted": accepted_schedule(job.spec)}
    return JobStatus(**known, last_schedule_time=minutes(mark))


def at(job: JobView, now: float) -> Situation:
    """The job so many minutes after noon, without an operator since then."""
    return situation(job, accepted(job), now=minutes(now), fireable_since=NOON)


def lived(start: Situation, until: float) -> Situation:
    """The job a few moments after each minute up to this one, in which nothing ends."""
    first = int((start.now - NOON) / timedelta(minutes=1))
    for minute in range(first, int(until) + 1):
        start, _ = settle(replace(start, now=max(start.now, minutes(minute + 0.01))))
    return start


def ending(found: Situation, now: float) -> Situation:
    """All Jobs end, and their ends are recorded."""
    over = {name: replace(each, state=AttemptState.SUCCEEDED) for name, each in found.attempts.items()}
    outcome = Outcome(success=True, finished_at=minutes(now))
    outcomes = dict.fromkeys(over, outcome)
    return settle(replace(found, attempts=over, outcomes=outcomes, now=minutes(now)))[0]


def slots(found: Situation) -> list[float]:
    """The slots that have had a Job, in the order in which these were created, in minutes."""
    runs = sorted(found.attempts.values(), key=lambda run: run.created)
    return [(run.slot - NOON) / timedelta(minutes=1) for run in runs]


def waiting(found: Situation) -> list[float]:
    return [(each.slot - NOON) / timedelta(minutes=1) for each in found.status.active if not each.uid]


def skipped(status: JobStatus) -> tuple[int, SkipReason | None]:
    return (status.skipped.count, status.skipped.last_reason) if status.skipped else (0, None)


def test_slots_wait_and_run_in_turn() -> None:
    found = lived(at(queueing(), 1), 4)
    assert (slots(found), waiting(found), skipped(found.status)) == ([1], [2, 3, 4], (0, None))
    found = ending(found, 4.5)
    assert (slots(found), waiting(found)) == ([1, 2], [3, 4])
    second = next(entry for entry in found.status.active if entry.uid)
    assert (second.queued_at, second.started_at) == (minutes(2.01), minutes(4.5))


def test_execution_tells_how_long_it_waited() -> None:
    found = ending(ending(lived(at(queueing(), 1), 2), 2.5), 3.5)
    last = found.status.executions[0]
    assert (last.slot, last.queued_at, last.started_at) == (minutes(2), minutes(2.01), minutes(2.5))


def test_a_run_that_begins_is_no_longer_told_to_wait() -> None:
    waits = lived(at(queueing(), 1), 2)
    over = {name: replace(each, state=AttemptState.SUCCEEDED) for name, each in waits.attempts.items()}
    done = replace(waits, attempts=over, outcomes=dict.fromkeys(over, Outcome(success=True, finished_at=minutes(2.5))))
    plans = [plan for _, plan in steps(replace(done, now=minutes(2.5)))]
    begins = next(plan for plan in plans if plan.create is not None)
    assert ["waits" in said(status) for status in (waits.status, begins.status)] == [True, False]


def said(status: JobStatus) -> str:
    return next(each.message for each in status.conditions if each.type == ConditionType.READY)


@dataclass(frozen=True, slots=True)
class Line:
    """A line, and what becomes of the slots of the minutes up to 5, of which the first runs."""

    title: str
    queue: dict[str, Any]
    waits: list[float]
    skipped: tuple[int, SkipReason | None]
    next: float
    """The slot that follows the first run."""


LINES = (
    Line("room for all", {}, [2, 3, 4, 5], (0, None), 2),
    Line("the oldest keep their places", {"max": 2}, [2, 3], (2, FULL), 2),
    Line("the newest push the oldest out", {"max": 2, "order": "newest"}, [4, 5], (2, FULL), 5),
    Line("newest first", {"order": "newest"}, [2, 3, 4, 5], (0, None), 5),
    Line("old ones expire", {"expires": "90s"}, [4, 5], (2, EXPIRED), 4),
    Line("each that expires makes room", {"max": 1, "expires": "90s"}, [4], (3, FULL), 4),
)


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.title)
def test_line_keeps_its_limits(line: Line) -> None:
    found = lived(at(queueing(queue=line.queue), 1), 5)
    assert (waiting(found), skipped(found.status)) == (line.waits, line.skipped)
    assert slots(ending(found, 5.1))[-1] == line.next


@pytest.mark.parametrize("line", LINES[:4], ids=lambda line: line.title)
def test_slots_missed_together_end_as_those_of_their_time(line: Line) -> None:
    job = queueing(queue=line.queue, missedRuns="all")
    found, _ = settle(replace(at(job, 5.01), fireable_since=minutes(5)))
    first = {"oldest": line.waits[: line.queue.get("max", 10)], "newest": line.waits}[line.queue.get("order", "oldest")]
    assert slots(found) == [1]
    assert (waiting(found), skipped(found.status)) == (first, line.skipped)


def test_line_is_computed_as_often_for_more_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = Counter[int]()
    for claims in (10, 20):

        def counted(active: Iterable[Attempt], claims: int = claims) -> list[tuple[Attempt, ...]]:
            calls[claims] += 1
            return line_of(active)

        waits = lived(at(queueing(queue={"max": claims}), 1), claims + 1)
        assert len(waiting(waits)) == claims
        over = {name: replace(each, state=AttemptState.SUCCEEDED) for name, each in waits.attempts.items()}
        with monkeypatch.context() as patched:
            patched.setattr("dkron_operator.plan.steps.line.line_of", counted)
            advance(replace(waits, attempts=over))
    assert calls[10] == calls[20] > 0


@dataclass(frozen=True, slots=True)
class Edit:
    """A change while two runs wait behind one that runs."""

    title: str
    spec: dict[str, Any]
    waits: list[float]
    runs: list[float]
    skipped: tuple[int, SkipReason | None] = (0, None)
    ends: bool = False
    """Whether the run that was active ends."""

    fields: dict[str, Any] = field(default_factory=dict)


PAUSE = Pause("default", "p", NOON, drop=False)
EDITS = (
    Edit("disabled", {"disabled": True}, [], [1], (2, SkipReason.DISABLED)),
    Edit("allow begins all", {"concurrency": "allow"}, [], [1, 2, 3]),
    Edit("forbid keeps the line", {"concurrency": "forbid"}, [2, 3], [1]),
    Edit("and goes on with it", {"concurrency": "forbid"}, [3], [1, 2], ends=True),
    Edit("a pause holds them", {}, [2, 3], [1], ends=True, fields={"pauses": (PAUSE,)}),
    Edit("a start deadline", {"startingDeadlineSeconds": 60}, [3], [1], (1, SkipReason.DEADLINE_EXCEEDED)),
)


@pytest.mark.parametrize("case", EDITS, ids=lambda case: case.title)
def test_edit_and_pause_of_a_job_with_a_line(case: Edit) -> None:
    found = lived(at(queueing(schedule="0 1-3 * * * *"), 1), 3)
    job = queueing(**{"schedule": "0 1-3 * * * *", "generation": 2, **case.spec})
    found = replace(found, job=job, now=minutes(3.5), **case.fields)
    found = ending(found, 3.5) if case.ends else settle(found)[0]
    assert (waiting(found), sorted(slots(found)), skipped(found.status)) == (case.waits, case.runs, case.skipped)


def test_newer_run_replaces_those_that_wait() -> None:
    found = lived(at(queueing(), 1), 3)
    job = queueing(concurrency="replace", generation=2)
    found, _ = settle(replace(found, job=job, now=minutes(4)))
    assert (waiting(found), skipped(found.status)) == ([], (2, SkipReason.REPLACED))


def test_run_leaves_the_line_by_a_write_before_its_job_exists() -> None:
    found = lived(at(queueing(), 1), 2)
    over = {name: replace(each, state=AttemptState.SUCCEEDED) for name, each in found.attempts.items()}
    outcomes = {name: Outcome(success=True, finished_at=minutes(2.5)) for name in over}
    plan = advance(replace(found, attempts=over, outcomes=outcomes, now=minutes(2.5)))
    waits = next(entry for entry in found.status.active if not entry.uid)
    assert plan.create is not None
    assert (plan.create.entry.job, plan.create.before) == (waits.job, (Dequeued((waits,), minutes(2.5)),))


def test_job_is_planned_again_as_soon_as_a_run_joins_the_line() -> None:
    found = lived(at(queueing(), 1), 1)
    plan = advance(replace(found, now=minutes(2.5)))
    assert len(plan.status.active) == 2
    assert plan.wake == minutes(2.5)


def test_runs_that_overrule_the_line_are_bounded_as_well() -> None:
    slots = [minutes(number) for number in range(MOST_BESIDE + 1)]
    entries = [Cause(Trigger.BACKFILL, slot, nanoseconds(slot)).entry(uid=UID, name=NAME, at=slot) for slot in slots]
    for count, decided in ((MOST_BESIDE - 1, Enqueue), (MOST_BESIDE, Skip)):
        status = JobStatus(active=tuple(queued(entry, NOON) for entry in entries[:count]), last_schedule_time=NOON)
        plan = Plan(situation(queueing(), status, now=minutes(500)))
        assert isinstance(creation(plan, entries[-1], Fire(queue=True)), decided)


WAITS = queued(claim(), minutes(1))
BEGUN = dequeued(WAITS, minutes(2))


@pytest.mark.parametrize(
    ("known", "change", "left"),
    [
        pytest.param(WAITS, Dequeued((WAITS,), minutes(2)), (BEGUN,), id="begins"),
        pytest.param(WAITS, Dequeued((WAITS,), minutes(0)), (dequeued(WAITS, minutes(0)),), id="a clock set back"),
        pytest.param(None, Dequeued((WAITS,), minutes(2)), (), id="dropped by another process"),
        pytest.param(WAITS, DroppedFromLine((WAITS,), FULL, WAITS.job), (), id="dropped"),
        pytest.param(BEGUN, DroppedFromLine((WAITS,), FULL, WAITS.job), (BEGUN,), id="begun by another process"),
        pytest.param(seen(BEGUN), DroppedFromLine((WAITS,), FULL, WAITS.job), (seen(BEGUN),), id="its Job exists"),
    ],
)
def test_only_a_run_that_waits_leaves_the_line(
    known: Attempt | None, change: Change, left: tuple[Attempt, ...]
) -> None:
    status = JobStatus(active=() if known is None else (known,), last_schedule_time=NOON)
    once = fold_one(status, change, History())
    assert once.active == left
    assert not [entry for entry in left if entry.state is AttemptState.WAITING]
    assert skipped(once) == ((1, FULL) if known is WAITS and not left else (0, None))
    assert fold_one(once, change, History()) == once


@dataclass(frozen=True)
class Joining:
    entry: Attempt
    marks: tuple[Mark, ...] = ()
    known: dict[str, Any] = field(default_factory=dict)


HEARD = Heard(job="parent", uid="uid-parent", group=7, at=NOON, waiting=True)
DEPENDENT = following(HEARD).entry(uid=UID, name=NAME, at=NOON)
OF_A_PARENT = Joining(DEPENDENT, (ParentRunsHandled(frozenset({key(HEARD)}), NOON),), {"heard": (HEARD,)})
DEFERRED = {"last_schedule_time": NOON, "deferred": (DeferredSlots(after=after(-60), until=NOON),)}


@pytest.mark.parametrize(
    "joining",
    [
        pytest.param(Joining(claim(), (Decided(NOON),)), id="a slot"),
        pytest.param(Joining(claim(), (Decided(NOON, deferred=True),), DEFERRED), id="a deferred slot"),
        pytest.param(Joining(request_claim()), id="a request"),
        pytest.param(OF_A_PARENT, id="a run of a parent"),
    ],
)
def test_a_run_that_was_dropped_does_not_join_the_line_again(joining: Joining) -> None:
    entry = queued(joining.entry, NOON)
    joins, leaves = Enqueued((entry,), joining.marks, entry.job), DroppedFromLine((entry,), FULL, entry.job)
    before = JobStatus(**joining.known)
    waits = fold_one(before, joins, History())
    assert waits.active == (entry,)
    dropped = fold_one(waits, leaves, History())
    assert (dropped.active, skipped(dropped)) == ((), (1, FULL))
    assert fold_all(dropped, [joins, leaves], History()) == dropped
    assert counted(dropped, [joins, leaves]) == ()


def asked(job: JobView, **fields: Any) -> JobView:
    wishes = job_view(concurrency="queue", requests={"a": "2026-03-01T12:01:30Z", "b": "2026-03-01T12:01:40Z"})
    return replace(job, requests=wishes.requests, **fields)


def test_requests_wait_and_their_annotations_go() -> None:
    found = lived(at(queueing(), 1), 1)
    found, plan = settle(replace(found, job=asked(found.job), now=minutes(1.8)))
    assert len(found.status.active) == 3
    assert found.job.requests == ()
    assert not plan.wants(RemoveAnnotation)


@pytest.mark.parametrize("spec", [{}, {"tags": {"dc": "eu:2"}}], ids=["one member", "two members"])
def test_request_keeps_its_annotation_until_its_claim_is_written(spec: dict[str, Any]) -> None:
    job = queueing(**spec)
    there = {name: node(name, {"dc": "eu"}) for name in ("a", "b")}
    found = lived(replace(at(job, 1), nodes=there), 1)
    plan = advance(replace(found, job=asked(job), now=minutes(1.8)))
    unwritten = replace(found, job=asked(job), status=plan.status, now=minutes(1.8))
    assert advance(unwritten).actions_of(RemoveAnnotation) == []
    assert len(advance(replace(unwritten, persisted=plan.status)).actions_of(RemoveAnnotation)) == 2


@pytest.mark.parametrize("spec", [{}, {"tags": {"dc": "eu:2"}}], ids=["one member", "two members"])
def test_request_that_leaves_the_line_is_never_decided_again(spec: dict[str, Any]) -> None:
    job = queueing(queue={"expires": "10s"}, **spec)
    there = {name: node(name, {"dc": "eu"}) for name in ("a", "b")}
    found = lived(replace(at(job, 1), nodes=there), 1)
    found, _ = settle(replace(found, job=asked(job), now=minutes(1.8), removals_wait=timedelta(hours=1)))
    found = replace(found, job=asked(job), now=minutes(1.99))
    found, _ = settle(replace(found, removals_wait=timedelta(hours=1)))
    assert (waiting(found), skipped(found.status)) == ([], (2, EXPIRED))
    assert len(found.status.refused) == 2
    again, _ = settle(replace(found, now=minutes(1.995)))
    assert again.status == found.status


@given(
    ends=st.lists(st.booleans(), min_size=4, max_size=12),
    most=st.integers(1, 4),
    order=st.sampled_from(["oldest", "newest"]),
    expires=st.sampled_from([None, "150s"]),
)
@settings(max_examples=examples())
def test_each_slot_runs_once_or_is_counted(ends: list[bool], most: int, order: str, expires: str | None) -> None:
    queue = {"max": most, "order": order, **({"expires": expires} if expires else {})}
    found = at(queueing(queue=queue), 0.5)
    for minute, ends_now in enumerate(ends, start=1):
        found = lived(replace(found, now=minutes(minute)), minute)
        if ends_now:
            found = ending(found, minute + 0.5)
        assert len(waiting(found)) <= most
        assert sum(not each.finished for each in found.attempts.values()) <= 1
    begun = slots(found)
    assert len(begun) == len(set(begun))
    assert len(begun) + len(waiting(found)) + skipped(found.status)[0] == len(ends)
    if order == "oldest":
        assert all(one < other for one, other in pairwise(begun))
