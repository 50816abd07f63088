"""Runs after other jobs: what fires a job, what is skipped and why, and for how long a parent shows its runs."""

import json
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest

from dkron_crds.base import INT64_MAX, rfc3339
from dkron_crds.depends import dependent_group
from dkron_crds.job import (
    Attempt,
    AttemptState,
    Consumed,
    Ended,
    GroupStatus,
    Heard,
    JobStatus,
    Published,
    SkipReason,
    Trigger,
    When,
)
from dkron_crds.status import MAX_ENDED
from dkron_operator.plan.actions import DeleteDkronJob, ReadOutcome, WriteStatus
from dkron_operator.plan.advance import advance
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.dependencies import Child, Dependencies, Parent
from dkron_operator.plan.status.changes import Forgotten, ParentRunsHandled, Started
from dkron_operator.plan.status.dependencies import ParentRunsPassed, Tracked, with_ended
from dkron_operator.plan.steps.dependents import PATIENCE, Fullness, fullness, most_shown
from tests.support.builders import NOON, UID, after, claim, execution, job_view, nodes, outcome, run, seen, situation
from tests.support.folding import fold_one
from tests.support.outbox import DELIVERY, outbox
from tests.support.plans import condition, created, messages, replan, requests_removed, skips

SUCCESS, FAILED, PARTLY = GroupStatus.SUCCESS, GroupStatus.FAILED, GroupStatus.PARTIALLY_FAILED
BUSY = seen(claim())


def ended(group: int = 7, *, at: float = 60, status: GroupStatus = SUCCESS) -> Ended:
    return Ended(group=group, at=after(at), status=status)


def heard(job: str = "a", group: int = 7, *, at: float = 60, waiting: bool = False, uid: str = "") -> Heard:
    return Heard(job=job, uid=uid or f"uid-{job}", group=group, at=after(at), waiting=waiting)


def dependencies(**parents: list[Ended]) -> Dependencies:
    return Dependencies(parents={name: Parent(f"uid-{name}", tuple(runs)) for name, runs in parents.items()})


def child(
    *notes: Heard, status: dict[str, Any] | None = None, spec: dict[str, Any] | None = None, **fields: Any
) -> Plan:
    """The plan of a job that runs after `a`, two minutes after noon, with these notes; `fields` of the situation."""
    job = job_view(**{"schedule": "", **({} if "dependsOn" in (spec or {}) else {"parentJob": "a"}), **(spec or {})})
    known = JobStatus(**{"since": NOON, "fingerprint": job.fingerprint, "heard": notes, **(status or {})})
    return advance(situation(job, known, **{"now": after(120), "dependencies": dependencies(a=[ended()]), **fields}))


def waiting(plan: Plan) -> list[tuple[str, int]]:
    return [(each.job, each.group) for each in plan.status.heard if each.waiting]


# --- what fires a job ----------------------------------------------------------------------------------------------


def test_succeeded_parent_run_claims_the_same_child_run_once() -> None:
    plan = child()
    entry = created(plan).entry
    assert (entry.trigger, entry.slot, entry.attempt) == (Trigger.DEPENDENT, after(60), 1)
    assert entry.group == dependent_group("uid-a", 7, after(60))
    assert ParentRunsHandled(frozenset({("uid-a", 7)}), after(60)) in created(plan).before, "the claim is the mark"
    assert created(child(now=after(500))).entry.job == entry.job
    known = child(status={"active": (seen(entry),)}, runs=[run(entry)])
    assert (known.create, known.status.heard) == (None, (heard(),)), "a run that is known is not claimed again"


@pytest.mark.parametrize(
    ("when", "status", "fires"),
    [
        pytest.param("success", SUCCESS, True, id="success after success"),
        pytest.param("success", FAILED, False, id="success after failure"),
        pytest.param("success", PARTLY, False, id="success after partial failure"),
        pytest.param("failure", SUCCESS, False, id="failure after success"),
        pytest.param("failure", FAILED, True, id="failure after failure"),
        pytest.param("failure", PARTLY, True, id="failure after partial failure"),
        pytest.param("always", SUCCESS, True, id="always after success"),
        pytest.param("always", PARTLY, True, id="always after partial failure"),
    ],
)
def test_result_of_the_parent_run_decides(when: str, status: GroupStatus, *, fires: bool) -> None:
    around = dependencies(a=[ended(status=status)])
    plan = child(dependencies=around, spec={"dependsOn": [{"job": "a", "when": when}]})
    assert (plan.create is not None) is fires
    assert bool(plan.status.heard) is fires, "a run that does not count is not noted"


def test_parent_runs_are_followed_in_the_order_of_their_ends() -> None:
    around = dependencies(a=[ended(1, at=62), ended(2, at=61)])
    assert created(child(dependencies=around)).entry.slot == after(61)
    assert created(child(heard(group=2, at=61), dependencies=around)).entry.slot == after(62)


@pytest.mark.parametrize(
    ("note", "fires"),
    [
        pytest.param(heard(waiting=True), True, id="was noted before the claim was written"),
        pytest.param(heard(), False, id="has had its effect"),
        pytest.param(heard(uid="uid-of-the-first-a"), True, id="is of a parent that was created again"),
    ],
)
def test_a_run_is_followed_once_that(note: Heard, *, fires: bool) -> None:
    plan = child(note)
    assert (plan.create is not None) is fires
    assert fires or plan.status.heard == (note,)


@pytest.mark.parametrize(
    ("since", "follows"),
    [
        pytest.param(61, False, id="tied later"),
        pytest.param(60.5, True, id="tied in the second in which it ended, and shown after that"),
        pytest.param(60, True, id="at once"),
        pytest.param(59, True, id="tied before"),
    ],
)
def test_new_dependent_ignores_earlier_parent_runs(since: float, *, follows: bool) -> None:
    plan = child(status={"since": after(since)})
    assert (plan.create is not None) is follows
    assert [each.waiting for each in plan.status.heard] == [follows], "its parent need not wait for it"


def test_schedule_of_a_job_with_a_parent_is_ignored() -> None:
    plan = child(dependencies=dependencies(a=[]), spec={"schedule": "* * * * * *"})
    assert (plan.create, plan.status.next) == (None, None)


# --- several parents -----------------------------------------------------------------------------------------------

BOTH = {"dependsOn": [{"job": "a"}, {"job": "b", "when": "always"}]}


def test_job_with_several_parents_runs_after_all_of_them() -> None:
    half = child(dependencies=dependencies(a=[ended()], b=[]), spec=BOTH)
    assert (half.create, waiting(half)) == (None, [("a", 7)])
    around = dependencies(a=[], b=[ended(8, at=90, status=FAILED)])
    whole = created(child(*half.status.heard, dependencies=around, spec=BOTH))
    assert whole.entry.group == dependent_group("uid-b", 8, after(90))
    assert ParentRunsHandled(frozenset({("uid-a", 7), ("uid-b", 8)}), after(90)) in whole.before


def test_repeated_parent_end_counts_once_and_a_deleted_one_ended() -> None:
    plan = child(dependencies=dependencies(a=[ended(1), ended(2, at=61)], b=[]), spec=BOTH)
    assert (waiting(plan), len(plan.status.heard)) == ([("a", 1)], 2)
    assert child(heard(waiting=True), dependencies=dependencies(b=[ended(8, at=90)]), spec=BOTH).create


def test_edit_in_the_same_second_drops_waiting_parent_runs() -> None:
    old = job_view(schedule="", timezone="Europe/Madrid", **BOTH)
    around = dependencies(a=[ended()], b=[])
    given = {"fingerprint": old.fingerprint}
    edited = child(heard(waiting=True), status=given, now=after(60.5), dependencies=around, spec=BOTH)
    assert (waiting(edited), edited.status.since) == ([], after(60.5))


def test_waiting_runs_are_dropped_when_the_parents_change() -> None:
    notes = (heard("c", waiting=True), heard("a", waiting=True))
    assert waiting(child(*notes, dependencies=dependencies(a=[], b=[]), spec=BOTH)) == [("a", 7)]


# --- what is skipped -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        pytest.param({"disabled": True}, SkipReason.DISABLED, id="disabled"),
        pytest.param({"expiresAt": rfc3339(after(59))}, SkipReason.EXPIRED, id="expired"),
        pytest.param({"startsAt": rfc3339(after(61))}, SkipReason.NOT_STARTED, id="not yet started"),
        pytest.param({"startingDeadlineSeconds": 30}, SkipReason.DEADLINE_EXCEEDED, id="too late"),
        pytest.param({"executor": "none"}, SkipReason.NOT_READY, id="not in order"),
        pytest.param({"tags": {"dc": "eu"}}, SkipReason.NO_MATCHING_NODE, id="no node has its tags"),
        pytest.param({"parameters": [{"name": "x", "required": True}]}, SkipReason.NOT_READY, id="it lacks a value"),
        pytest.param({"concurrency": "forbid"}, SkipReason.CONCURRENCY_FORBIDDEN, id="busy"),
    ],
)
def test_a_job_that_may_not_run_skips_with_a_reason(spec: dict[str, Any], reason: SkipReason) -> None:
    fingerprint = {"fingerprint": "-"} if reason is SkipReason.NOT_READY else {}
    plan = child(status={"active": (BUSY,), **fingerprint}, runs=[run(BUSY)], spec=spec, nodes=nodes("x", dc="us"))
    assert (plan.create, skips(plan), plan.status.heard) == (None, (1, reason), (heard(),))
    assert len(messages(plan, "DependentRunSkipped")) == 1


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"expiresAt": rfc3339(after(60))}, id="expires with the end"),
        pytest.param({"startsAt": rfc3339(after(60))}, id="starts with the end"),
        pytest.param({"startingDeadlineSeconds": 60}, id="just in time"),
        pytest.param({"schedule": "@after 2026-03-01T12:00:00Z <PT1S"}, id="the grace of a dead schedule"),
    ],
)
def test_bounds_are_in_and_dead_text_has_no_effect(spec: dict[str, Any]) -> None:
    assert child(spec=spec).create is not None


def test_a_busy_job_that_replaces_replaces() -> None:
    plan = child(status={"active": (BUSY,)}, runs=[run(BUSY)], spec={"concurrency": "replace"})
    assert [each.name for each in created(plan).replaces] == [BUSY.job]


def test_job_in_a_cycle_reports_it_and_follows_no_job() -> None:
    circle = Dependencies(parents={"a": Parent("uid-a", (ended(),))}, circle=("backup", "a", "backup"))
    plan = child(dependencies=circle)
    (message,) = messages(plan, "ParentCycle")
    assert "backup → a → backup" in message
    assert (plan.create, skips(plan)) == (None, (1, SkipReason.NOT_READY))


def test_missing_parent_is_reported_after_a_grace_period() -> None:
    soon = child(dependencies=Dependencies(), now=after(2.9))
    ready = condition(soon, "Ready")
    assert (ready.status, ready.reason, soon.wake) == ("Unknown", "Pending", after(3))
    assert messages(soon, "ParentNotFound") == []
    plan = child(dependencies=Dependencies(), now=after(3))
    ready = condition(plan, "Ready")
    assert (ready.status, ready.reason, '"a"' in ready.message) == ("False", "ParentNotFound", True)
    assert condition(replan(plan, dependencies=dependencies(a=[])), "Ready").status == "True"


# --- how long a parent shows its runs --------------------------------------------------------------------------------


def parent(
    *shown: Ended, children: list[Child], full_since: datetime | None = None, over: int = 0, **fields: Any
) -> Plan:
    """The plan of a job on which these depend; so many Jobs of it have ended and are not recorded yet."""
    job = job_view(schedule="@manually", **fields)
    entries = [seen(claim(after(number))) for number in range(over)]
    status = JobStatus(since=NOON, fingerprint=job.fingerprint, ended=shown, active=tuple(entries))
    runs = [run(entry, AttemptState.SUCCEEDED) for entry in entries]
    outcomes = {entry.job: outcome(at=after(100)) for entry in entries}
    around: dict[str, Any] = {"dependencies": Dependencies(children=tuple(children)), "full_since": full_since}
    return advance(situation(job, status, now=after(120), runs=runs, outcomes=outcomes, **around))


def one_who(*noted: tuple[str, int], name: str = "kid", when: When = When.SUCCESS) -> Child:
    return Child(name, when, frozenset(noted))


@pytest.mark.parametrize(
    ("children", "shown"),
    [
        pytest.param([], False, id="no job depends on it"),
        pytest.param([one_who()], True, id="one has not taken note"),
        pytest.param([one_who((UID, 7))], False, id="the only one has"),
        pytest.param([one_who((UID, 7)), one_who((UID, 8))], True, id="only one of two has"),
        pytest.param([one_who(("another", 7))], True, id="of the run of another job"),
        pytest.param([one_who(when=When.FAILURE)], False, id="it does not count for who is left"),
    ],
)
def test_ended_run_is_shown_until_all_dependents_noted_it(children: list[Child], *, shown: bool) -> None:
    assert bool(parent(ended(), children=children).status.ended) is shown


def test_dependent_jobs_are_listed_by_name_as_far_as_they_fit() -> None:
    assert parent(children=[one_who(name="b"), one_who(name="a")]).status.dependent_jobs == ("a", "b")
    names = [f"{number:03}{'x' * 100}" for number in range(300)]
    listed = parent(children=[one_who(name=name) for name in names]).status.dependent_jobs
    assert 100 < len(listed) < 256
    assert list(listed) == names[: len(listed)]


FULL = [ended(number, at=number) for number in range(MAX_ENDED)]


def test_short_names_use_all_slots_and_32_parents_fit_a_status() -> None:
    assert most_shown("x" * 8) == MAX_ENDED
    for name in ("backup", "x" * 52, "ж" * 63, "x" * 8192):
        note = Heard(job=name, uid=UID, group=2**60, at=after(0.123456))
        notes = JobStatus(heard=(note,) * most_shown(name)).to_wire()["heard"]
        size = len(json.dumps(notes, separators=(",", ":"), ensure_ascii=False).encode())
        assert 0 < size <= 32 * 1024, f"{name[:9]}…: 32 of them are more than a mebibyte"


@pytest.mark.parametrize(
    ("full_since", "wake"),
    [pytest.param(None, after(120), id="not written yet"), pytest.param(after(100), after(100), id="for a while")],
)
def test_end_without_room_is_recorded_later(full_since: datetime | None, wake: datetime) -> None:
    plan = parent(*FULL, children=[one_who()], full_since=full_since, over=3)
    assert (len(plan.status.active), plan.status.ended, plan.status.executions) == (3, tuple(FULL), ())
    assert (plan.wake, messages(plan, "DependentsOverrun")) == (wake + PATIENCE, [])


def test_run_awaited_by_no_dependent_makes_room_at_once() -> None:
    plan = parent(*FULL, children=[one_who(*((UID, number) for number in range(5)))], over=3)
    assert (plan.status.active, len(plan.status.ended)) == ((), MAX_ENDED - 2)
    assert not parent(*FULL, children=[], over=3).status.active
    assert not parent(*FULL, children=[one_who(when=When.FAILURE)], over=3).status.active


def test_oldest_ended_runs_are_dropped_after_a_long_wait() -> None:
    plan = parent(*FULL, children=[one_who()], full_since=after(90), over=3)
    assert (plan.status.active, len(plan.status.ended)) == ((), MAX_ENDED)
    assert [each.group for each in plan.status.ended[:3]] == [3, 4, 5]
    (message,) = messages(plan, "DependentsOverrun")
    assert f"more than {MAX_ENDED} ended runs wait" in message
    assert "dropped the oldest 3" in message
    assert plan.status.published == Published(success=MAX_ENDED + 3)
    assert Forgotten("ended", frozenset({0, 1, 2})) in plan.changes


@pytest.mark.parametrize(
    ("shown", "given_up"),
    [
        pytest.param(FULL[3:], {3, 4}, id="the oldest three are not shown"),
        pytest.param([*FULL[:1], *FULL[3:]], {0, 3}, id="two of them are not shown"),
        pytest.param([], set(), id="none is shown"),
    ],
)
def test_unshown_runs_keep_their_full_time(shown: list[Ended], given_up: set[int]) -> None:
    full = parent(*FULL, children=[one_who()], full_since=after(90), over=2).situation
    plan = advance(replace(full, persisted=full.status.model_copy(update={"ended": tuple(shown)})))
    assert {key for each in plan.changes if isinstance(each, Forgotten) for key in each.keys} == given_up
    assert given_up or (plan.wake, len(plan.status.active)) == (after(120) + PATIENCE, 2)


def test_fast_clock_does_not_lengthen_the_wait() -> None:
    job, status = job_view(), JobStatus(ended=FULL)
    begun = fullness(job, status, None, now=after(hours=1))
    assert begun == Fullness(0, after(hours=1))
    assert fullness(job, status, begun, now=after(hours=2)) == begun
    assert fullness(job, status, begun, now=after(5)) == Fullness(0, after(5))
    assert fullness(job, JobStatus(ended=FULL[1:]), begun, now=after(5)) is None


def test_end_with_a_retry_needs_no_room() -> None:
    full = parent(*FULL, children=[one_who()], over=1, retries=2).situation
    failed = {BUSY.job: outcome(success=False, at=after(100))}
    plan = advance(replace(full, attempts={BUSY.job: run(BUSY, AttemptState.FAILED)}, outcomes=failed))
    assert [execution.success for execution in plan.status.executions] == [False]


# --- what a job misses -----------------------------------------------------------------------------------------------


def dealt_with(count: int, **fields: Any) -> Consumed:
    return Consumed(**{"job": "a", "uid": "uid-a", "when": When.SUCCESS, "count": count, **fields})


def shows(
    *runs: Ended,
    success: int = 9,
    failed: int = 0,
    uid: str = "uid-a",
    rebuilt: datetime | None = None,
    last_end: datetime | None = None,
) -> Dependencies:
    published = Published(success=success, failed=failed)
    return Dependencies(parents={"a": Parent(uid, runs, published, rebuilt, last_end)})


@dataclass(frozen=True)
class Account:
    before: int | None
    missed: int = 0
    around: Dependencies = field(default_factory=shows)
    notes: tuple[Heard, ...] = ()


@pytest.mark.parametrize(
    "account",
    [
        pytest.param(Account(None), id="nothing that was before the job ran after it"),
        pytest.param(Account(9), id="nothing where all were dealt with"),
        pytest.param(Account(8, around=shows(ended())), id="nothing that is still shown"),
        pytest.param(Account(9, around=shows(ended()), notes=(heard(),)), id="nothing that is shown and was noted"),
        pytest.param(Account(5, missed=4), id="what is shown no more"),
        pytest.param(Account(5, missed=3, around=shows(ended())), id="what is shown no more, beside what is shown"),
        pytest.param(Account(9, around=shows(failed=3)), id="nothing that does not count"),
        pytest.param(Account(11), id="nothing of a parent that is behind, or was set back"),
        pytest.param(Account(5, around=shows(uid="another")), id="nothing of a parent that was made again"),
        pytest.param(Account(5, around=shows(rebuilt=after(5))), id="nothing of a parent whose status was wiped"),
    ],
)
def test_a_job_misses(account: Account) -> None:
    consumed = () if account.before is None else (dealt_with(account.before),)
    plan = child(*account.notes, status={"consumed": consumed}, dependencies=account.around)
    assert skips(plan) == ((account.missed, SkipReason.OVERRUN) if account.missed else (0, None))
    assert len(messages(plan, "DependentRunSkipped")) == bool(account.missed)
    assert skips(replan(plan))[0] == account.missed, "it is counted once"


@dataclass(frozen=True)
class Unshown:
    """A parent has recorded a run that it does not show to the job; times in seconds after noon."""

    since: float | None
    """When the job began to depend on the parent."""

    last_end: float | None
    """The latest end of a run of the parent."""

    missed: int
    fingerprint: str = job_view(schedule="", parentJob="a").fingerprint
    shown: tuple[Ended, ...] = ()


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Unshown(since=62.4, last_end=61, missed=0), id="ended in an earlier second"),
        pytest.param(Unshown(since=61.4, last_end=61, missed=0), id="ended in the second of the edit"),
        pytest.param(Unshown(since=61, last_end=61, missed=0), id="ended in the second in which the job was created"),
        pytest.param(Unshown(since=61.4, last_end=61.7, missed=1), id="ended later in the second of the edit"),
        pytest.param(Unshown(since=61, last_end=62, missed=1), id="ended after the job depended on the parent"),
        pytest.param(
            Unshown(since=61, last_end=62, missed=1, shown=(ended(at=62),)),
            id="may be older than the run that is shown",
        ),
        pytest.param(
            Unshown(since=62.4, last_end=61, missed=0, shown=(ended(at=61),)),
            id="ended earlier, as the one that is shown",
        ),
        pytest.param(Unshown(since=61, last_end=None, missed=1), id="has an end that a client has cleared"),
        pytest.param(
            Unshown(since=None, last_end=61, missed=1), id="and nothing says since when the job depends on it"
        ),
        pytest.param(Unshown(since=30, last_end=61, missed=1, fingerprint="old"), id="was missed before an edit"),
        pytest.param(Unshown(since=3600, last_end=61, missed=1), id="and the job depends on it from a time to come"),
    ],
)
def test_new_dependent_misses_no_run_that_ended_before_it(case: Unshown) -> None:
    last_end = None if case.last_end is None else after(case.last_end)
    since = None if case.since is None else after(case.since)
    known = {"since": since, "fingerprint": case.fingerprint, "consumed": (dealt_with(8),)}
    around = shows(*case.shown, success=9 + len(case.shown), last_end=last_end)
    plan = child(status=known, dependencies=around)
    assert skips(plan) == ((1, SkipReason.OVERRUN) if case.missed else (0, None))
    assert len(messages(plan, "DependentRunSkipped")) == case.missed
    noted = len(plan.status.heard)
    assert plan.status.consumed == (dealt_with(9 + noted),)
    later = replan(plan, dependencies=shows(*case.shown, success=11 + len(case.shown), last_end=after(9999)))
    assert skips(later)[0] == case.missed + 2, "the runs that it misses from then on are counted"


def test_new_dependent_follows_the_next_parent_run() -> None:
    known = {"since": after(61.4), "consumed": (dealt_with(8),)}
    first = child(status=known, dependencies=shows(last_end=after(61)))
    second = replan(first, dependencies=shows(ended(8, at=70), success=10, last_end=after(70)))
    assert (created(second).entry.slot, skips(second)) == (after(70), (0, None))


def test_a_run_that_ended_before_is_consumed_once() -> None:
    history, change = job_view().spec.history, ParentRunsPassed("uid-a", 9)
    for before, count in ((8, 9), (9, 9), (12, 12)):
        status = fold_one(JobStatus(consumed=(dealt_with(before),)), change, history)
        assert (status.consumed, status.skipped) == ((dealt_with(count),), None)
        assert fold_one(status, change, history) == status
    assert fold_one(JobStatus(), change, history) == JobStatus()


def test_dependent_on_any_end_misses_any_end() -> None:
    job = job_view(schedule="", dependsOn=[{"job": "a", "when": "always"}])
    given: Any = {"consumed": (dealt_with(2, when=When.ALWAYS),), "fingerprint": job.fingerprint}
    around = shows(success=3, failed=2)
    plan = child(status=given, dependencies=around, spec={"dependsOn": [{"job": "a", "when": "always"}]})
    assert skips(plan)[0] == 3
    edited = child(status=given, dependencies=around)
    assert skips(edited)[0] == 0, "other runs count since, and edits start nothing in retrospect"


def test_state_of_a_former_parent_is_dropped() -> None:
    consumed = (dealt_with(5), dealt_with(5, job="b", uid="uid-b"))
    plan = child(status={"consumed": consumed}, dependencies=shows())
    assert [each.job for each in plan.status.consumed] == ["a"]
    single = advance(situation(job_view(schedule="@manually"), JobStatus(since=NOON, consumed=consumed)))
    assert single.status.consumed == ()


def test_overrun_counted_by_another_operator_is_not_recounted() -> None:
    history, overrun = job_view().spec.history, ParentRunsPassed("uid-a", 9, after(1))
    after_it = fold_one(JobStatus(consumed=(dealt_with(5),)), overrun, history)
    for late in (overrun, ParentRunsPassed("uid-a", 7, after(2)), Tracked(dealt_with(2))):
        assert fold_one(after_it, late, history) == after_it, "who comes late does not set it back"
    assert fold_one(JobStatus(), overrun, history) == JobStatus()


def test_full_status_takes_an_end_folded_onto_it() -> None:
    status = with_ended(JobStatus(ended=FULL), 2**40, at=after(5000), result=SUCCESS)
    assert (len(status.ended), status.ended[-1].group) == (MAX_ENDED, 2**40)
    assert status.published == Published(success=MAX_ENDED + 1)


def test_a_count_at_its_limit_stays_there() -> None:
    most = JobStatus(published=Published(success=INT64_MAX))
    assert with_ended(most, 1, at=after(1), result=SUCCESS).published == most.published
    parent = Parent("uid-a", (), Published(success=INT64_MAX, failed=INT64_MAX), None)
    assert parent.has_published(When.ALWAYS) == INT64_MAX


@pytest.mark.parametrize(("rebuilt", "shown"), [(99, True), (101, False)])
def test_ended_runs_before_a_wipe_are_not_shown_again(rebuilt: int, *, shown: bool) -> None:
    before = parent(children=[one_who()], over=1)
    wiped = before.situation.status.model_copy(update={"rebuilt_at": after(rebuilt), "since": after(rebuilt)})
    again = advance(replace(before.situation, status=wiped, persisted=wiped))
    assert bool(again.status.ended) is shown


# --- runs of several Jobs --------------------------------------------------------------------------------------------


def test_child_with_tags_claims_all_members_with_the_mark() -> None:
    create = created(child(spec={"tags": {"dc": "eu"}}, nodes=nodes("x", "y", dc="eu")))
    claims = [change.entry for change in create.before if isinstance(change, Started)]
    assert {entry.node_name for entry in claims} == {"x", "y"}
    assert {entry.group for entry in claims} == {dependent_group("uid-a", 7, after(60))}
    assert ParentRunsHandled(frozenset({("uid-a", 7)}), after(60)) in create.before


# --- ephemeral jobs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "children", "removed"),
    [
        pytest.param(SUCCESS, [], True, id="after a success"),
        pytest.param(FAILED, [], False, id="not after a failure"),
        pytest.param(PARTLY, [], False, id="not after a partial failure"),
        pytest.param(SUCCESS, [one_who()], False, id="not before its dependents have taken note"),
        pytest.param(SUCCESS, [one_who((UID, 7))], True, id="after they have"),
    ],
)
def test_an_ephemeral_job_goes_after_a_success(status: GroupStatus, children: list[Child], *, removed: bool) -> None:
    first = parent(ended(status=status), children=children, ephemeral=True)
    assert replan(first).wants(DeleteDkronJob) is removed


def test_ephemeral_job_is_deleted_after_its_record_is_delivered() -> None:
    first = parent(ended(), children=[], ephemeral=True)
    job, before = first.situation.job, first.situation.status
    owed = first.status.model_copy(update={"outbox": outbox(["a-job"], DELIVERY)})
    assert not advance(situation(job, first.status, persisted=before)).wants(DeleteDkronJob)
    assert not advance(situation(job, owed)).wants(DeleteDkronJob)
    assert advance(situation(job, first.status)).wants(DeleteDkronJob)


def test_succeeded_ephemeral_job_starts_nothing_and_waits() -> None:
    job = job_view(ephemeral=True)
    status = JobStatus(since=NOON, fingerprint=job.fingerprint, ended=(ended(),), active=(BUSY,))
    plan = advance(situation(job, status, now=after(120), runs=[run(BUSY)]))
    assert (plan.create, plan.status.next) == (None, None)
    assert not replan(plan).wants(DeleteDkronJob)


def test_succeeded_ephemeral_job_refuses_a_request() -> None:
    job = job_view(schedule="@manually", ephemeral=True, requests={"x": rfc3339(after(100))})
    status = JobStatus(since=NOON, fingerprint=job.fingerprint, ended=(ended(),))
    plan = advance(situation(job, status, now=after(120)))
    assert (plan.create, plan.wants(WriteStatus), requests_removed(plan)) == (None, True, [])
    assert "ephemeral" in messages(plan, "RunRefused")[0]


def test_an_ephemeral_job_claims_every_run() -> None:
    assert created(advance(situation(job_view(ephemeral=True), now=after(60)))).before


ONE, OTHER = claim(), claim(after(30))
EAST, WEST = claim(member="east"), claim(member="west")
DONE, FAILS, RUNS = AttemptState.SUCCEEDED, AttemptState.FAILED, AttemptState.RUNNING


@dataclass(frozen=True)
class Unrecorded:
    """Attempts whose outcomes are still to be read, with the states of their Jobs, and whether a slot that is due
    starts."""

    attempts: tuple[tuple[Attempt, AttemptState], ...]
    starts: bool
    executions: tuple[Attempt, ...] = ()
    deleting: bool = False


BOTH_DONE = Unrecorded(((EAST, DONE), (WEST, DONE)), starts=False)
ONE_RUNS = Unrecorded(((EAST, DONE), (WEST, RUNS)), starts=True)
OTHER_DONE = Unrecorded(((EAST, DONE),), starts=False, executions=(execution(WEST),))
OTHER_FAILED = Unrecorded(((EAST, DONE),), starts=True, executions=(execution(WEST, success=False),))
AFTER_A_RETRY = Unrecorded(((claim(attempt=2), DONE),), starts=False, executions=(execution(ONE, success=False),))


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Unrecorded(((ONE, DONE),), starts=False), id="it has succeeded"),
        pytest.param(Unrecorded(((ONE, FAILS),), starts=True), id="it has failed"),
        pytest.param(Unrecorded(((ONE, RUNS),), starts=True), id="it runs"),
        pytest.param(Unrecorded(((ONE, DONE), (OTHER, RUNS)), starts=False), id="another run goes on"),
        pytest.param(Unrecorded(((ONE, DONE),), starts=True, deleting=True), id="its Job is being deleted"),
        pytest.param(AFTER_A_RETRY, id="its retry has succeeded"),
        pytest.param(BOTH_DONE, id="all members have succeeded"),
        pytest.param(ONE_RUNS, id="another member runs"),
        pytest.param(OTHER_DONE, id="the other member has succeeded"),
        pytest.param(OTHER_FAILED, id="the other member has failed"),
    ],
)
def test_ephemeral_job_starts_nothing_after_a_success(case: Unrecorded) -> None:
    job = job_view(ephemeral=True)
    jobs = [replace(run(entry, state), deleting=case.deleting) for entry, state in case.attempts]
    active = tuple(seen(entry) for entry, _ in case.attempts)
    status = JobStatus(since=NOON, fingerprint=job.fingerprint, active=active, executions=case.executions)
    plan = advance(situation(job, status, now=after(60), runs=jobs))
    assert (plan.create is not None) is case.starts
    assert plan.wants(ReadOutcome) is any(run.finished for run in jobs)
