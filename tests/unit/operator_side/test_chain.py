"""Runs after other jobs: what fires a job, what is skipped and why, and for how long a parent shows its runs."""

from datetime import datetime
from typing import Any

import pytest

from dkron_crds.base import rfc3339
from dkron_crds.depends import dependent_group
from dkron_crds.job import Ended, GroupStatus, Heard, JobStatus, SkipReason, Trigger, When
from dkron_operator.plan.advance import advance
from dkron_operator.plan.draft import Draft
from dkron_operator.plan.fold import Joined, Started
from dkron_operator.plan.kin import Child, Kin, Parent
from dkron_operator.plan.settle import MOST_SHOWN
from dkron_operator.plan.view import RunState
from tests.support.builders import NOON, UID, after, claim, job_view, nodes, outcome, run, seen, situation

SUCCESS, FAILED, PARTLY = GroupStatus.SUCCESS, GroupStatus.FAILED, GroupStatus.PARTIALLY_FAILED


def ended(group: int = 7, *, at: datetime | None = None, status: GroupStatus = SUCCESS) -> Ended:
    return Ended(group=group, at=after(60) if at is None else at, status=status)


def heard(job: str = "a", group: int = 7, *, at: datetime | None = None, waiting: bool = False) -> Heard:
    return Heard(job=job, uid=f"uid-{job}", group=group, at=after(60) if at is None else at, waiting=waiting)


def kin(**parents: list[Ended]) -> Kin:
    return Kin(parents={name: Parent(f"uid-{name}", tuple(runs)) for name, runs in parents.items()})


def child(*runs: Heard, parents: Kin | None = None, **fields: Any) -> Draft:
    """The plan of a job that runs after `a`, two minutes after noon."""
    spec = {"schedule": "", **({} if "dependsOn" in fields else {"parentJob": "a"}), **fields.pop("spec", {})}
    known = {name: fields.pop(name) for name in tuple(fields) if name in ("status", "problem")}
    others = {name: fields.pop(name) for name in tuple(fields) if name in ("runs", "duplicate", "now", "nodes")}
    job = job_view(**{**spec, **fields})
    status = known.get("status") or JobStatus(since=job.created, fingerprint=job.fingerprint)
    status = status.model_copy(update={"heard": runs})
    around = kin(a=[ended()]) if parents is None else parents
    return advance(situation(job, status, **{"now": after(120), "kin": around, **others}))


def waiting(draft: Draft) -> list[tuple[str, int]]:
    return [(each.job, each.group) for each in draft.status.heard if each.waiting]


def reports(draft: Draft, reason: str) -> list[str]:
    return [report.message for report in draft.reports if report.reason == reason]


# --- what fires a job ----------------------------------------------------------------------------------------------


def test_a_run_of_the_parent_that_succeeded_claims_a_run_of_the_child() -> None:
    draft = child()
    assert draft.create is not None
    entry = draft.create.entry
    assert (entry.trigger, entry.slot, entry.attempt) == (Trigger.DEPENDENT, after(60), 1)
    assert entry.group == dependent_group("uid-a", 7, after(60))
    assert Joined(frozenset({("uid-a", 7)}), after(60)) in draft.create.before, "the claim is the mark"


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
    draft = child(parents=kin(a=[ended(status=status)]), dependsOn=[{"job": "a", "when": when}])
    assert (draft.create is not None) is fires
    assert bool(draft.status.heard) is fires, "nobody waits for note of a run that does not count"


def test_runs_of_a_parent_are_followed_one_after_another_in_the_order_of_their_ends() -> None:
    runs = [ended(1, at=after(62)), ended(2, at=after(61))]
    first = child(parents=kin(a=runs))
    assert first.create is not None
    assert first.create.entry.slot == after(61)
    second = child(heard(group=2, at=after(61)), parents=kin(a=runs))
    assert second.create is not None
    assert second.create.entry.slot == after(62)


def test_a_run_that_was_taken_note_of_before_the_claim_was_written_is_still_followed() -> None:
    assert child(heard(waiting=True)).create is not None


def test_a_run_that_has_had_its_effect_has_none_again() -> None:
    draft = child(heard())
    assert draft.create is None
    assert draft.status.heard == (heard(),)


def test_a_run_whose_job_is_known_already_is_not_claimed_again() -> None:
    draft = child()
    assert draft.create is not None
    fingerprint = draft.situation.job.fingerprint
    status = JobStatus(since=NOON, fingerprint=fingerprint, active=(seen(draft.create.entry),))
    again = child(status=status, runs=[run(draft.create.entry)])
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
    draft = child(status=JobStatus(since=after(since), fingerprint=job.fingerprint))
    assert (draft.create is not None) is follows
    assert [each.waiting for each in draft.status.heard] == [follows], "its parent need not wait for it"


@pytest.mark.parametrize(("created", "follows"), [(59, True), (60, False), (61, False)])
def test_a_new_job_does_not_follow_what_its_parent_has_shown_before(created: int, *, follows: bool) -> None:
    job = job_view(schedule="", parentJob="a", created=after(created))
    first = advance(situation(job, JobStatus(), now=after(120), kin=kin(a=[ended()])))
    draft = advance(situation(job, first.status, now=after(120), kin=kin(a=[ended()])))
    assert (draft.create is not None) is follows
    assert len(draft.status.heard) == 1


def test_a_job_that_changes_its_parent_does_not_follow_what_has_ended_before() -> None:
    old = job_view(schedule="", parentJob="b")
    draft = child(status=JobStatus(since=NOON, fingerprint=old.fingerprint))
    assert draft.status.since == after(120)
    assert draft.create is None
    assert waiting(draft) == []


def test_a_parent_of_the_same_name_that_was_created_anew_is_another_one() -> None:
    before = Heard(job="a", uid="uid-of-the-first-a", group=7, at=after(60))
    draft = child(before)
    assert draft.create is not None


def test_the_schedule_of_a_job_with_a_parent_is_dead_text() -> None:
    draft = child(parents=kin(a=[]), spec={"schedule": "* * * * * *"})
    assert draft.create is None
    assert draft.status.next is None


# --- several parents -----------------------------------------------------------------------------------------------

BOTH = [{"job": "a"}, {"job": "b", "when": "always"}]


def test_after_several_jobs_it_runs_when_all_of_them_have_ended() -> None:
    half = child(parents=kin(a=[ended()], b=[]), dependsOn=BOTH)
    assert half.create is None
    assert waiting(half) == [("a", 7)]
    whole = child(*half.status.heard, parents=kin(a=[], b=[ended(8, at=after(90), status=FAILED)]), dependsOn=BOTH)
    assert whole.create is not None
    assert whole.create.entry.group == dependent_group("uid-b", 8, after(90))
    assert Joined(frozenset({("uid-a", 7), ("uid-b", 8)}), after(90)) in whole.create.before


def test_a_parent_that_ends_twice_counts_once() -> None:
    draft = child(parents=kin(a=[ended(1, at=after(60)), ended(2, at=after(61))], b=[]), dependsOn=BOTH)
    assert waiting(draft) == [("a", 1)]
    assert len(draft.status.heard) == 2


def test_a_parent_that_is_gone_has_ended_all_the_same() -> None:
    draft = child(heard("a", waiting=True), parents=kin(b=[ended(8, at=after(90))]), dependsOn=BOTH)
    assert draft.create is not None


def test_what_waits_has_no_effect_after_an_edit_of_the_same_second() -> None:
    old = job_view(schedule="", dependsOn=BOTH, timezone="Europe/Madrid")
    status = JobStatus(since=NOON, fingerprint=old.fingerprint)
    edited = child(
        heard("a", at=after(60), waiting=True), status=status, now=after(60.5), parents=kin(a=[ended()], b=[]),
        dependsOn=BOTH,
    )  # fmt: skip
    assert waiting(edited) == []
    assert edited.status.since == after(60.5)


def test_what_waits_is_forgotten_when_the_parents_are_changed() -> None:
    draft = child(heard("c", waiting=True), heard("a", waiting=True), parents=kin(a=[], b=[]), dependsOn=BOTH)
    assert waiting(draft) == [("a", 7)]


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
    draft = child(status=status, **fields)
    assert draft.create is None
    assert draft.status.skipped is not None
    assert (draft.status.skipped.count, draft.status.skipped.last_reason) == (1, reason)
    assert draft.status.heard == (heard(),)
    assert len(reports(draft, "DependentRunSkipped")) == 1


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
    draft = child(parents=Kin(parents={"a": Parent("uid-a", (ended(),))}, circle=("backup", "a", "backup")))
    assert draft.create is None
    (message,) = reports(draft, "ParentCycle")
    assert "backup → a → backup" in message
    assert draft.status.skipped is not None
    assert draft.status.skipped.last_reason is SkipReason.NOT_READY


def test_a_parent_that_comes_a_moment_later_is_no_news() -> None:
    draft = child(parents=Kin(), now=after(2.9))
    ready = next(each for each in draft.status.conditions if each.type == "Ready")
    assert (ready.status, ready.reason) == ("Unknown", "Pending")
    assert draft.wake == after(3)
    assert reports(draft, "ParentNotFound") == []


def test_a_missing_parent_is_named_until_it_is_there() -> None:
    draft = child(parents=Kin(), now=after(3))
    ready = next(each for each in draft.status.conditions if each.type == "Ready")
    assert (ready.status, ready.reason) == ("False", "ParentNotFound")
    assert '"a"' in ready.message
    there = child(status=draft.status, parents=kin(a=[]))
    assert next(each for each in there.status.conditions if each.type == "Ready").status == "True"


# --- how long a parent shows its runs --------------------------------------------------------------------------------


def parent(*runs: Ended, children: list[Child], **fields: Any) -> Draft:
    job = job_view(schedule="@manually", **fields)
    status = JobStatus(since=job.created, fingerprint=job.fingerprint, ended=runs)
    return advance(situation(job, status, now=after(120), kin=Kin(children=tuple(children))))


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
    draft = parent(children=[one_who(name="b"), one_who(name="a")])
    assert draft.status.dependent_jobs == ("a", "b")


def test_more_names_than_fit_are_not_listed() -> None:
    names = [f"{number:03}{'x' * 100}" for number in range(300)]
    listed = parent(children=[one_who(name=name) for name in names]).status.dependent_jobs
    assert 100 < len(listed) < 256
    assert list(listed) == names[: len(listed)]


def test_too_many_runs_that_nobody_takes_note_of_are_given_up_with_an_event() -> None:
    runs = [ended(number, at=after(number)) for number in range(MOST_SHOWN + 2)]
    draft = parent(*runs, children=[one_who()])
    assert [each.group for each in draft.status.ended] == list(range(2, MOST_SHOWN + 2))
    assert len(reports(draft, "DependentsOverrun")) == 1


def test_after_a_wipe_no_run_that_had_ended_is_shown_again() -> None:
    job = job_view(schedule="@manually")
    entry = seen(claim())
    wiped = JobStatus(rebuilt_at=after(10), since=after(10), fingerprint=job.fingerprint, active=(entry,))
    for seconds, shown in ((5, False), (15, True)):
        draft = advance(
            situation(
                job, wiped, now=after(20), kin=Kin(children=(one_who(),)),
                runs=[run(entry, RunState.SUCCEEDED)], outcomes={entry.job: outcome(at=after(seconds))},
            )
        )  # fmt: skip
        assert bool(draft.status.ended) is shown


# --- runs of several Jobs --------------------------------------------------------------------------------------------


def test_a_child_with_tags_runs_on_each_node_and_claims_all_members_with_the_mark() -> None:
    draft = child(tags={"dc": "eu"}, nodes=nodes("x", "y", dc="eu"))
    assert draft.create is not None
    claims = [change.entry for change in draft.create.before if isinstance(change, Started)]
    assert {entry.node_name for entry in claims} == {"x", "y"}
    assert {entry.group for entry in claims} == {dependent_group("uid-a", 7, after(60))}
    assert Joined(frozenset({("uid-a", 7)}), after(60)) in draft.create.before


def test_a_child_that_no_node_can_run_is_skipped_once() -> None:
    draft = child(tags={"dc": "eu"}, nodes=nodes("x", dc="us"))
    assert draft.create is None
    assert draft.status.skipped is not None
    assert draft.status.skipped.last_reason is SkipReason.NO_MATCHING_NODE
    assert "dc=eu" in reports(draft, "DependentRunSkipped")[0]
    assert waiting(draft) == []


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
        situation(first.situation.job, first.status, now=after(121), kin=first.situation.kin),
    )
    assert settled.remove is removed


def test_an_ephemeral_job_goes_only_when_its_record_is_written() -> None:
    first = parent(ended(), children=[], ephemeral=True)
    job, before = first.situation.job, first.situation.status
    unwritten = advance(situation(job, first.status, persisted=before, now=after(121)))
    assert not unwritten.remove


def test_an_ephemeral_job_goes_only_when_everybody_was_told() -> None:
    first = parent(ended(), children=[], ephemeral=True)
    job = first.situation.job
    owed = first.status.model_copy(update={"undelivered": ("a-job",)})
    assert not advance(situation(job, owed, now=after(121))).remove
    assert advance(situation(job, first.status, now=after(121))).remove


def test_an_ephemeral_job_that_has_succeeded_starts_nothing_and_waits_for_what_runs() -> None:
    job = job_view(ephemeral=True)
    busy = seen(claim(after(30)))
    status = JobStatus(since=NOON, fingerprint=job.fingerprint, ended=(ended(),), active=(busy,))
    draft = advance(situation(job, status, now=after(120), runs=[run(busy)]))
    assert draft.create is None
    assert draft.status.next is None
    settled = advance(situation(job, draft.status, now=after(121), runs=[run(busy)]))
    assert not settled.remove


def test_an_ephemeral_job_that_has_succeeded_refuses_a_request() -> None:
    job = job_view(schedule="@manually", ephemeral=True, requests={"x": rfc3339(after(100))})
    status = JobStatus(since=NOON, fingerprint=job.fingerprint, ended=(ended(),))
    draft = advance(situation(job, status, now=after(120)))
    assert draft.create is None
    assert draft.forget == ["x"]
    assert "ephemeral" in reports(draft, "RunRefused")[0]


def test_an_ephemeral_job_claims_every_run() -> None:
    draft = advance(situation(job_view(ephemeral=True), now=after(60)))
    assert draft.create is not None
    assert draft.create.before
