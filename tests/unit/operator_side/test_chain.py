"""Runs after other jobs: what fires a job, what is skipped and why, and for how long a parent shows its runs."""

import json
from datetime import datetime
from typing import Any

import pytest

from dkron_crds.base import rfc3339
from dkron_crds.depends import dependent_group
from dkron_crds.job import Consumed, Ended, GroupStatus, Heard, JobStatus, Published, SkipReason, Trigger, When
from dkron_crds.status import MAX_ENDED
from dkron_operator.plan.actions import DeleteDkronJob, Report, WriteStatus
from dkron_operator.plan.advance import advance
from dkron_operator.plan.dependencies import Child, Dependencies, Parent
from dkron_operator.plan.dependency_changes import GivenUp, Overrun, Tracked, with_ended
from dkron_operator.plan.fold import Joined, Started, fold
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.upstream_runs import PATIENCE, Fullness, fullness, most_shown
from dkron_operator.plan.view import AttemptState
from tests.support.builders import NOON, UID, after, claim, job_view, nodes, outcome, run, seen, situation
from tests.support.plans import requests_removed

SUCCESS, FAILED, PARTLY = GroupStatus.SUCCESS, GroupStatus.FAILED, GroupStatus.PARTIALLY_FAILED


def ended(group: int = 7, *, at: datetime | None = None, status: GroupStatus = SUCCESS) -> Ended:
    return Ended(group=group, at=after(60) if at is None else at, status=status)


def heard(job: str = "a", group: int = 7, *, at: datetime | None = None, waiting: bool = False) -> Heard:
    return Heard(job=job, uid=f"uid-{job}", group=group, at=after(60) if at is None else at, waiting=waiting)


def dependencies(**parents: list[Ended]) -> Dependencies:
    return Dependencies(parents={name: Parent(f"uid-{name}", tuple(runs)) for name, runs in parents.items()})


def child(*runs: Heard, parents: Dependencies | None = None, **fields: Any) -> Plan:
    """The plan of a job that runs after `a`, two minutes after noon."""
    spec = {"schedule": "", **({} if "dependsOn" in fields else {"parentJob": "a"}), **fields.pop("spec", {})}
    known = {name: fields.pop(name) for name in tuple(fields) if name in ("status", "problem")}
    others = {name: fields.pop(name) for name in tuple(fields) if name in ("runs", "duplicate", "now", "nodes")}
    job = job_view(**{**spec, **fields})
    status = known.get("status") or JobStatus(since=job.created, fingerprint=job.fingerprint)
    status = status.model_copy(update={"heard": runs})
    around = dependencies(a=[ended()]) if parents is None else parents
    return advance(situation(job, status, **{"now": after(120), "dependencies": around, **others}))


def waiting(plan: Plan) -> list[tuple[str, int]]:
    return [(each.job, each.group) for each in plan.status.heard if each.waiting]


def reports(plan: Plan, reason: str) -> list[str]:
    return [report.message for report in plan.of(Report) if report.reason == reason]


# --- what fires a job ----------------------------------------------------------------------------------------------


def test_a_run_of_the_parent_that_succeeded_claims_a_run_of_the_child() -> None:
    plan = child()
    assert plan.create is not None
    entry = plan.create.entry
    assert (entry.trigger, entry.slot, entry.attempt) == (Trigger.DEPENDENT, after(60), 1)
    assert entry.group == dependent_group("uid-a", 7, after(60))
    assert Joined(frozenset({("uid-a", 7)}), after(60)) in plan.create.before, "the claim is the mark"


def test_the_same_run_of_a_parent_always_gives_the_same_job() -> None:
    first, later = child(), child(now=after(500))
    assert first.create is not None
    assert later.create is not None
    assert first.create.entry.job == later.create.entry.job


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
def test_what_counts_is_how_the_run_ended(when: str, status: GroupStatus, *, fires: bool) -> None:
    plan = child(parents=dependencies(a=[ended(status=status)]), dependsOn=[{"job": "a", "when": when}])
    assert (plan.create is not None) is fires
    assert bool(plan.status.heard) is fires, "nobody waits for note of a run that does not count"


def test_runs_of_a_parent_are_followed_one_after_another_in_the_order_of_their_ends() -> None:
    runs = [ended(1, at=after(62)), ended(2, at=after(61))]
    first = child(parents=dependencies(a=runs))
    assert first.create is not None
    assert first.create.entry.slot == after(61)
    second = child(heard(group=2, at=after(61)), parents=dependencies(a=runs))
    assert second.create is not None
    assert second.create.entry.slot == after(62)


def test_a_run_that_was_taken_note_of_before_the_claim_was_written_is_still_followed() -> None:
    assert child(heard(waiting=True)).create is not None


def test_a_run_that_has_had_its_effect_has_none_again() -> None:
    plan = child(heard())
    assert plan.create is None
    assert plan.status.heard == (heard(),)


def test_a_run_whose_job_is_known_already_is_not_claimed_again() -> None:
    plan = child()
    assert plan.create is not None
    fingerprint = plan.situation.job.fingerprint
    status = JobStatus(since=NOON, fingerprint=fingerprint, active=(seen(plan.create.entry),))
    again = child(status=status, runs=[run(plan.create.entry)])
    assert again.create is None
    assert again.status.heard == (heard(),)


@pytest.mark.parametrize(
    ("since", "follows"),
    [
        pytest.param(61, False, id="tied later"),
        pytest.param(60.5, True, id="tied in the second in which it ended, and shown after that"),
        pytest.param(60, True, id="at once"),
        pytest.param(59, True, id="tied before"),
    ],
)
def test_a_job_that_was_tied_to_its_parent_after_a_run_had_ended_does_not_follow_it(
    since: float, *, follows: bool
) -> None:
    job = job_view(schedule="", parentJob="a")
    plan = child(status=JobStatus(since=after(since), fingerprint=job.fingerprint))
    assert (plan.create is not None) is follows
    assert [each.waiting for each in plan.status.heard] == [follows], "its parent need not wait for it"


@pytest.mark.parametrize(("created", "follows"), [(59, True), (60, False), (61, False)])
def test_a_new_job_does_not_follow_what_its_parent_has_shown_before(created: int, *, follows: bool) -> None:
    job = job_view(schedule="", parentJob="a", created=after(created))
    first = advance(situation(job, JobStatus(), now=after(120), dependencies=dependencies(a=[ended()])))
    plan = advance(situation(job, first.status, now=after(120), dependencies=dependencies(a=[ended()])))
    assert (plan.create is not None) is follows
    assert len(plan.status.heard) == 1


def test_a_job_that_changes_its_parent_does_not_follow_what_has_ended_before() -> None:
    old = job_view(schedule="", parentJob="b")
    plan = child(status=JobStatus(since=NOON, fingerprint=old.fingerprint))
    assert plan.status.since == after(120)
    assert plan.create is None
    assert waiting(plan) == []


def test_a_parent_of_the_same_name_that_was_created_anew_is_another_one() -> None:
    before = Heard(job="a", uid="uid-of-the-first-a", group=7, at=after(60))
    plan = child(before)
    assert plan.create is not None


def test_the_schedule_of_a_job_with_a_parent_is_dead_text() -> None:
    plan = child(parents=dependencies(a=[]), spec={"schedule": "* * * * * *"})
    assert plan.create is None
    assert plan.status.next is None


# --- several parents -----------------------------------------------------------------------------------------------

BOTH = [{"job": "a"}, {"job": "b", "when": "always"}]


def test_after_several_jobs_it_runs_when_all_of_them_have_ended() -> None:
    half = child(parents=dependencies(a=[ended()], b=[]), dependsOn=BOTH)
    assert half.create is None
    assert waiting(half) == [("a", 7)]
    whole = child(
        *half.status.heard, parents=dependencies(a=[], b=[ended(8, at=after(90), status=FAILED)]), dependsOn=BOTH
    )
    assert whole.create is not None
    assert whole.create.entry.group == dependent_group("uid-b", 8, after(90))
    assert Joined(frozenset({("uid-a", 7), ("uid-b", 8)}), after(90)) in whole.create.before


def test_a_parent_that_ends_twice_counts_once() -> None:
    plan = child(parents=dependencies(a=[ended(1, at=after(60)), ended(2, at=after(61))], b=[]), dependsOn=BOTH)
    assert waiting(plan) == [("a", 1)]
    assert len(plan.status.heard) == 2


def test_a_parent_that_is_gone_has_ended_all_the_same() -> None:
    plan = child(heard("a", waiting=True), parents=dependencies(b=[ended(8, at=after(90))]), dependsOn=BOTH)
    assert plan.create is not None


def test_what_waits_has_no_effect_after_an_edit_of_the_same_second() -> None:
    old = job_view(schedule="", dependsOn=BOTH, timezone="Europe/Madrid")
    status = JobStatus(since=NOON, fingerprint=old.fingerprint)
    edited = child(
        heard("a", at=after(60), waiting=True), status=status, now=after(60.5), parents=dependencies(a=[ended()], b=[]),
        dependsOn=BOTH,
    )  # fmt: skip
    assert waiting(edited) == []
    assert edited.status.since == after(60.5)


def test_what_waits_is_forgotten_when_the_parents_are_changed() -> None:
    plan = child(heard("c", waiting=True), heard("a", waiting=True), parents=dependencies(a=[], b=[]), dependsOn=BOTH)
    assert waiting(plan) == [("a", 7)]


# --- what is skipped -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param({"disabled": True}, SkipReason.DISABLED, id="disabled"),
        pytest.param({"expiresAt": rfc3339(after(59))}, SkipReason.EXPIRED, id="expired"),
        pytest.param({"startsAt": rfc3339(after(61))}, SkipReason.NOT_STARTED, id="not yet started"),
        pytest.param({"startingDeadlineSeconds": 30}, SkipReason.DEADLINE_EXCEEDED, id="too late"),
        pytest.param({"executor": "none"}, SkipReason.NOT_READY, id="not in order"),
    ],
)
def test_a_job_that_may_not_run_skips_with_a_reason(fields: dict[str, Any], reason: SkipReason) -> None:
    job = job_view(schedule="", parentJob="a", **fields)
    status = JobStatus(since=NOON, fingerprint="-" if reason is SkipReason.NOT_READY else job.fingerprint)
    plan = child(status=status, **fields)
    assert plan.create is None
    assert plan.status.skipped is not None
    assert (plan.status.skipped.count, plan.status.skipped.last_reason) == (1, reason)
    assert plan.status.heard == (heard(),)
    assert len(reports(plan, "DependentRunSkipped")) == 1


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"expiresAt": rfc3339(after(60))}, id="expires with the end"),
        pytest.param({"startsAt": rfc3339(after(60))}, id="starts with the end"),
        pytest.param({"startingDeadlineSeconds": 60}, id="just in time"),
        pytest.param({"schedule": "@after 2026-03-01T12:00:00Z <PT1S"}, id="the grace of a dead schedule"),
    ],
)
def test_bounds_are_in_and_dead_text_has_no_effect(fields: dict[str, Any]) -> None:
    assert child(spec=fields).create is not None


def test_a_busy_job_that_forbids_skips_and_one_that_replaces_replaces() -> None:
    busy = seen(claim())
    status = JobStatus(since=NOON, active=(busy,))
    job = job_view(schedule="", parentJob="a")
    status = status.model_copy(update={"fingerprint": job.fingerprint})
    forbidden = child(status=status, runs=[run(busy)], concurrency="forbid")
    assert forbidden.create is None
    assert forbidden.status.skipped is not None
    assert forbidden.status.skipped.last_reason is SkipReason.CONCURRENCY_FORBIDDEN
    replaced = child(status=status, runs=[run(busy)], concurrency="replace")
    assert replaced.create is not None
    assert [each.name for each in replaced.create.replaces] == [busy.job]


def test_a_job_in_a_circle_says_so_and_runs_after_nobody() -> None:
    plan = child(parents=Dependencies(parents={"a": Parent("uid-a", (ended(),))}, circle=("backup", "a", "backup")))
    assert plan.create is None
    (message,) = reports(plan, "ParentCycle")
    assert "backup → a → backup" in message
    assert plan.status.skipped is not None
    assert plan.status.skipped.last_reason is SkipReason.NOT_READY


def test_a_parent_that_comes_a_moment_later_is_no_news() -> None:
    plan = child(parents=Dependencies(), now=after(2.9))
    ready = next(each for each in plan.status.conditions if each.type == "Ready")
    assert (ready.status, ready.reason) == ("Unknown", "Pending")
    assert plan.wake == after(3)
    assert reports(plan, "ParentNotFound") == []


def test_a_missing_parent_is_named_until_it_is_there() -> None:
    plan = child(parents=Dependencies(), now=after(3))
    ready = next(each for each in plan.status.conditions if each.type == "Ready")
    assert (ready.status, ready.reason) == ("False", "ParentNotFound")
    assert '"a"' in ready.message
    there = child(status=plan.status, parents=dependencies(a=[]))
    assert next(each for each in there.status.conditions if each.type == "Ready").status == "True"


# --- how long a parent shows its runs --------------------------------------------------------------------------------


def parent(
    *runs: Ended, children: list[Child], full_since: datetime | None = None, over: int = 0, **fields: Any
) -> Plan:
    """The plan of a job on which these depend; so many Jobs of it have ended and are not recorded yet."""
    job = job_view(schedule="@manually", **fields)
    entries = [seen(claim(after(number))) for number in range(over)]
    status = JobStatus(since=job.created, fingerprint=job.fingerprint, ended=runs, active=tuple(entries))
    return advance(
        situation(
            job, status, now=after(120), dependencies=Dependencies(children=tuple(children)), full_since=full_since,
            runs=[run(entry, AttemptState.SUCCEEDED) for entry in entries],
            outcomes={entry.job: outcome(at=after(100)) for entry in entries},
        )
    )  # fmt: skip


def one_who(*runs: tuple[str, int], name: str = "kid", when: When = When.SUCCESS) -> Child:
    return Child(name, when, frozenset(runs))


@pytest.mark.parametrize(
    ("children", "shown"),
    [
        pytest.param([], False, id="nobody depends on it"),
        pytest.param([one_who()], True, id="one has not taken note"),
        pytest.param([one_who((UID, 7))], False, id="the only one has"),
        pytest.param([one_who((UID, 7)), one_who((UID, 8))], True, id="only one of two has"),
        pytest.param([one_who(("another", 7))], True, id="of the run of another job"),
        pytest.param([one_who(when=When.FAILURE)], False, id="it does not count for who is left"),
    ],
)
def test_a_run_is_shown_until_all_it_counts_for_have_taken_note(children: list[Child], *, shown: bool) -> None:
    assert bool(parent(ended(), children=children).status.ended) is shown


def test_a_job_lists_who_depends_on_it_by_name() -> None:
    plan = parent(children=[one_who(name="b"), one_who(name="a")])
    assert plan.status.dependent_jobs == ("a", "b")


def test_more_names_than_fit_are_not_listed() -> None:
    names = [f"{number:03}{'x' * 100}" for number in range(300)]
    listed = parent(children=[one_who(name=name) for name in names]).status.dependent_jobs
    assert 100 < len(listed) < 256
    assert list(listed) == names[: len(listed)]


FULL = [ended(number, at=after(number)) for number in range(MAX_ENDED)]


def test_a_name_that_is_short_enough_has_all_the_room_and_32_parents_fit_into_a_status() -> None:
    assert most_shown("x" * 8) == MAX_ENDED
    for name in ("backup", "x" * 52, "ж" * 63, "x" * 8192):
        note = Heard(job=name, uid=UID, group=2**60, at=after(0.123456))
        notes = JobStatus(heard=(note,) * most_shown(name)).to_wire()["heard"]
        assert notes, "at least one is shown"
        size = len(json.dumps(notes, separators=(",", ":"), ensure_ascii=False).encode())
        assert size <= 32 * 1024, f"{name[:9]}…: 32 of them are more than a mebibyte"


@pytest.mark.parametrize(
    ("full_since", "wake"),
    [pytest.param(None, after(120), id="not written yet"), pytest.param(after(100), after(100), id="for a while")],
)
def test_where_there_is_no_room_an_end_is_recorded_later(full_since: datetime | None, wake: datetime) -> None:
    plan = parent(*FULL, children=[one_who()], full_since=full_since, over=3)
    assert (len(plan.status.active), plan.status.ended, plan.status.executions) == (3, tuple(FULL), ())
    assert plan.wake == wake + PATIENCE
    assert reports(plan, "DependentsOverrun") == []


def test_what_nobody_waits_for_makes_room_at_once() -> None:
    plan = parent(*FULL, children=[one_who(*((UID, number) for number in range(5)))], over=3)
    assert (plan.status.active, len(plan.status.ended)) == ((), MAX_ENDED - 2)
    assert not parent(*FULL, children=[], over=3).status.active
    assert not parent(*FULL, children=[one_who(when=When.FAILURE)], over=3).status.active


def test_when_it_waited_long_enough_the_oldest_make_room_with_an_event() -> None:
    plan = parent(*FULL, children=[one_who()], full_since=after(90), over=3)
    assert (plan.status.active, len(plan.status.ended)) == ((), MAX_ENDED)
    assert [each.group for each in plan.status.ended[:3]] == [3, 4, 5]
    (message,) = reports(plan, "DependentsOverrun")
    assert f"more than {MAX_ENDED} ended runs wait" in message
    assert "dropped the oldest 3" in message
    assert plan.status.published is not None
    assert plan.status.published.success == MAX_ENDED + 3
    assert GivenUp(frozenset({0, 1, 2})) in plan.changes


def test_a_clock_that_was_ahead_does_not_lengthen_the_wait() -> None:
    job, status = job_view(), JobStatus(ended=FULL)
    begun = fullness(job, status, None, now=after(hours=1))
    assert begun == Fullness(0, after(hours=1))
    assert fullness(job, status, begun, now=after(hours=2)) == begun
    assert fullness(job, status, begun, now=after(5)) == Fullness(0, after(5))
    assert fullness(job, JobStatus(ended=FULL[1:]), begun, now=after(5)) is None


def test_an_end_that_is_followed_by_a_retry_needs_no_room() -> None:
    entry = seen(claim())
    job = job_view(schedule="@manually", retries=2)
    status = JobStatus(since=job.created, fingerprint=job.fingerprint, ended=FULL, active=(entry,))
    around, failed = Dependencies(children=(one_who(),)), outcome(success=False, at=after(100))
    plan = advance(
        situation(
            job,
            status,
            now=after(120),
            dependencies=around,
            runs=[run(entry, AttemptState.FAILED)],
            outcomes={entry.job: failed},
        )
    )
    assert [execution.success for execution in plan.status.executions] == [False]


# --- what a job misses -----------------------------------------------------------------------------------------------


def dealt_with(count: int, **fields: Any) -> Consumed:
    return Consumed(**{"job": "a", "uid": "uid-a", "when": When.SUCCESS, "count": count, **fields})


def shows(
    *runs: Ended, success: int = 0, failed: int = 0, uid: str = "uid-a", rebuilt: datetime | None = None
) -> Dependencies:
    return Dependencies(parents={"a": Parent(uid, runs, Published(success=success, failed=failed), rebuilt)})


def missed(plan: Plan) -> int:
    return 0 if plan.status.skipped is None else plan.status.skipped.count


@pytest.mark.parametrize(
    ("before", "around", "notes", "expected"),
    [
        pytest.param(None, shows(success=9), (), 0, id="nothing that was before the job ran after it"),
        pytest.param(9, shows(success=9), (), 0, id="nothing where all were dealt with"),
        pytest.param(8, shows(ended(), success=9), (), 0, id="nothing that is still shown"),
        pytest.param(9, shows(ended(), success=9), (heard(),), 0, id="nothing that is shown and was taken note of"),
        pytest.param(5, shows(success=9), (), 4, id="what is shown no more"),
        pytest.param(5, shows(ended(), success=9), (), 3, id="what is shown no more, beside what is shown"),
        pytest.param(9, shows(success=9, failed=3), (), 0, id="nothing that does not count"),
        pytest.param(11, shows(success=9), (), 0, id="nothing of a parent that is behind, or was set back"),
        pytest.param(5, shows(success=9, uid="another"), (), 0, id="nothing of a parent that was made anew"),
        pytest.param(5, shows(success=9, rebuilt=after(5)), (), 0, id="nothing of a parent whose status was wiped"),
    ],
)
def test_a_job_misses(before: int | None, around: Dependencies, notes: tuple[Heard, ...], expected: int) -> None:
    job = job_view(schedule="", parentJob="a")
    consumed = () if before is None else (dealt_with(before),)
    status = JobStatus(since=job.created, fingerprint=job.fingerprint, consumed=consumed)
    plan = child(*notes, status=status, parents=around)
    assert missed(plan) == expected
    assert len(reports(plan, "DependentRunSkipped")) == bool(expected)
    if expected:
        assert plan.status.skipped is not None
        assert plan.status.skipped.last_reason is SkipReason.OVERRUN
    again = child(*plan.status.heard, status=plan.status, parents=around)
    assert missed(again) == expected, "it is counted once"


def test_who_runs_after_any_end_misses_any_end() -> None:
    job = job_view(schedule="", dependsOn=[{"job": "a", "when": "always"}])
    consumed = (dealt_with(2, when=When.ALWAYS),)
    status = JobStatus(since=job.created, fingerprint=job.fingerprint, consumed=consumed)
    spec = {"dependsOn": [{"job": "a", "when": "always"}]}
    plan = child(status=status, parents=shows(success=3, failed=2), spec=spec, dependsOn=spec["dependsOn"])
    assert missed(plan) == 3
    edited = child(status=status, parents=shows(success=3, failed=2))
    assert missed(edited) == 0, "other runs count since, and edits start nothing in retrospect"


def test_of_a_parent_that_it_does_not_run_after_any_more_nothing_is_kept() -> None:
    status = JobStatus(since=NOON, consumed=(dealt_with(5), dealt_with(5, job="b", uid="uid-b")))
    plan = child(status=status, parents=shows(success=9))
    assert [each.job for each in plan.status.consumed] == ["a"]
    nobody = advance(situation(job_view(schedule="@manually"), status, now=after(120)))
    assert nobody.status.consumed == ()


def test_what_another_operator_has_counted_is_not_counted_again() -> None:
    status = JobStatus(consumed=(dealt_with(5),))
    history = job_view().spec.history
    overrun = Overrun("uid-a", 9, after(1))
    after_it = fold(status, overrun, history)
    assert fold(after_it, overrun, history) == after_it
    assert fold(after_it, Overrun("uid-a", 7, after(2)), history) == after_it
    assert fold(after_it, Tracked(dealt_with(2)), history) == after_it, "who comes late does not set it back"
    assert fold(JobStatus(), overrun, history) == JobStatus()


def test_a_status_that_has_no_room_gets_none_by_an_end_that_is_folded_onto_it() -> None:
    status = with_ended(JobStatus(ended=FULL), 2**40, at=after(5000), result=SUCCESS)
    assert len(status.ended) == MAX_ENDED
    assert status.ended[-1].group == 2**40
    assert status.published == Published(success=MAX_ENDED + 1)


def test_after_a_wipe_no_run_that_had_ended_is_shown_again() -> None:
    job = job_view(schedule="@manually")
    entry = seen(claim())
    wiped = JobStatus(rebuilt_at=after(10), since=after(10), fingerprint=job.fingerprint, active=(entry,))
    for seconds, shown in ((5, False), (15, True)):
        plan = advance(
            situation(
                job, wiped, now=after(20), dependencies=Dependencies(children=(one_who(),)),
                runs=[run(entry, AttemptState.SUCCEEDED)], outcomes={entry.job: outcome(at=after(seconds))},
            )
        )  # fmt: skip
        assert bool(plan.status.ended) is shown


# --- runs of several Jobs --------------------------------------------------------------------------------------------


def test_a_child_with_tags_runs_on_each_node_and_claims_all_members_with_the_mark() -> None:
    plan = child(tags={"dc": "eu"}, nodes=nodes("x", "y", dc="eu"))
    assert plan.create is not None
    claims = [change.entry for change in plan.create.before if isinstance(change, Started)]
    assert {entry.node_name for entry in claims} == {"x", "y"}
    assert {entry.group for entry in claims} == {dependent_group("uid-a", 7, after(60))}
    assert Joined(frozenset({("uid-a", 7)}), after(60)) in plan.create.before


def test_a_child_that_no_node_can_run_is_skipped_once() -> None:
    plan = child(tags={"dc": "eu"}, nodes=nodes("x", dc="us"))
    assert plan.create is None
    assert plan.status.skipped is not None
    assert plan.status.skipped.last_reason is SkipReason.NO_MATCHING_NODE
    assert "dc=eu" in reports(plan, "DependentRunSkipped")[0]
    assert waiting(plan) == []


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
    settled = advance(
        situation(first.situation.job, first.status, now=after(121), dependencies=first.situation.dependencies),
    )
    assert settled.wants(DeleteDkronJob) is removed


def test_an_ephemeral_job_goes_only_when_its_record_is_written() -> None:
    first = parent(ended(), children=[], ephemeral=True)
    job, before = first.situation.job, first.situation.status
    unwritten = advance(situation(job, first.status, persisted=before, now=after(121)))
    assert not unwritten.wants(DeleteDkronJob)


def test_an_ephemeral_job_goes_only_when_everybody_was_told() -> None:
    first = parent(ended(), children=[], ephemeral=True)
    job = first.situation.job
    owed = first.status.model_copy(update={"undelivered": ("a-job",)})
    assert not advance(situation(job, owed, now=after(121))).wants(DeleteDkronJob)
    assert advance(situation(job, first.status, now=after(121))).wants(DeleteDkronJob)


def test_an_ephemeral_job_that_has_succeeded_starts_nothing_and_waits_for_what_runs() -> None:
    job = job_view(ephemeral=True)
    busy = seen(claim(after(30)))
    status = JobStatus(since=NOON, fingerprint=job.fingerprint, ended=(ended(),), active=(busy,))
    plan = advance(situation(job, status, now=after(120), runs=[run(busy)]))
    assert plan.create is None
    assert plan.status.next is None
    settled = advance(situation(job, plan.status, now=after(121), runs=[run(busy)]))
    assert not settled.wants(DeleteDkronJob)


def test_an_ephemeral_job_that_has_succeeded_refuses_a_request() -> None:
    job = job_view(schedule="@manually", ephemeral=True, requests={"x": rfc3339(after(100))})
    status = JobStatus(since=NOON, fingerprint=job.fingerprint, ended=(ended(),))
    plan = advance(situation(job, status, now=after(120)))
    assert plan.create is None
    assert (plan.wants(WriteStatus), requests_removed(plan)) == (True, [])
    assert "ephemeral" in reports(plan, "RunRefused")[0]


def test_an_ephemeral_job_claims_every_run() -> None:
    plan = advance(situation(job_view(ephemeral=True), now=after(60)))
    assert plan.create is not None
    assert plan.create.before
