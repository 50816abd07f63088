"""The jobs that a pause holds, and what becomes of slots, parents' runs and requests meanwhile: `advance` on a job that
runs each minute. And which pauses select a job."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest

from dkron_crds.base import rfc3339
from dkron_crds.job import (
    AttemptState,
    ConditionStatus,
    Heard,
    JobStatus,
    NotedPause,
    SkipReason,
    SuspendedReason,
    Trigger,
)
from dkron_crds.requests import run_annotation
from dkron_operator.pauses.index import KEPT, PauseIndex
from dkron_operator.plan.actions import AcceptJob
from dkron_operator.plan.advance import advance
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.pauses import Pause
from tests.support.builders import NAMESPACE, NOON, after, claim, job_view, outcome, run, seen, situation
from tests.support.folding import fold_all
from tests.support.plans import condition, created, fired, messages, replan, skips
from tests.unit.operator_side.test_chain import child, dependencies, ended, waiting
from tests.unit.operator_side.test_requested_runs import look, requested

PAUSED, MISSED, EDITED = SkipReason.PAUSED, SkipReason.MISSED, SkipReason.EDITED
Skips = tuple[int, SkipReason | None]
NONE: Skips = (0, None)


def minutes(count: float) -> datetime:
    return after(minutes=count)


def pause(name: str = "p", *, until: float | None = None, **fields: Any) -> Pause:
    """A pause from a minute after noon on; `until` in minutes after noon."""
    end = None if until is None else minutes(until)
    return Pause(**{"namespace": NAMESPACE, "name": name, "created": minutes(1), "drop": False, "until": end, **fields})


def noted(*, until: float | None = None, drop: bool = False) -> NotedPause:
    return NotedPause(name="p", since=minutes(1), until=None if until is None else minutes(until), drop=drop)


def looked_at(*pauses: Pause, note: NotedPause | None = None, mark: float = 0, **fields: Any) -> Plan:
    """The plan of a job whose slots up to minute `mark` are decided."""
    job = job_view(**fields.pop("spec", {}))
    start = situation(job)
    status = start.status.model_copy(update={"paused": note, "last_schedule_time": minutes(mark)})
    return advance(replace(start, status=status, persisted=status, pauses=pauses, **fields))


def slots_of(plan: Plan) -> tuple[list[datetime], Skips]:
    """The slots that run from here on, at one moment and one after the other, and what is counted as skipped."""
    ran = []
    while (entry := fired(plan)) is not None:
        ran.append(entry.slot)
        status = plan.status.model_copy(update={"last_schedule_time": entry.slot})
        able = plan.situation.fireable_since
        if plan.situation.status.paused is not None:
            # The reconciler remembers when a pause ended.
            able = max(able, plan.situation.now)
        plan = advance(replace(plan.situation, status=status, persisted=status, fireable_since=able))
    return ran, skips(plan)


@dataclass(frozen=True, kw_only=True)
class Row:
    """At minute `now`, of the slots since minute 0 these run, and so many are skipped."""

    pauses: tuple[Pause, ...] = ()
    note: NotedPause | None = None
    spec: dict[str, Any] = field(default_factory=dict)
    now: float = 5.5
    able: float = 0
    ran: tuple[float, ...] = ()
    skipped: Skips = NONE


ALL, SKIP = {"missedRuns": "all"}, {"missedRuns": "skip"}
DROPS, HOLDS = pause(drop=True), pause()
SLOTS = {
    "a pause holds all that is due": Row(pauses=(HOLDS,)),
    "also what was due before it, and what was missed": Row(pauses=(HOLDS,), able=4.2),
    "one that drops counts all that is due": Row(pauses=(DROPS,), skipped=(5, PAUSED)),
    "of two, the one that drops decides": Row(pauses=(HOLDS, pause("q", drop=True)), skipped=(5, PAUSED)),
    "after it, what came due was missed: latest": Row(note=noted(), ran=(5,), skipped=(4, MISSED)),
    "all": Row(note=noted(), spec=ALL, ran=(1, 2, 3, 4, 5)),
    "skip": Row(note=noted(), spec=SKIP, skipped=(5, MISSED)),
    "what is late by more than the start deadline is skipped": Row(
        note=noted(), spec=ALL | {"startingDeadlineSeconds": 100}, ran=(4, 5), skipped=(3, SkipReason.DEADLINE_EXCEEDED)
    ),
    "a slot at the moment at which the end is seen was missed": Row(
        note=noted(), spec=SKIP, now=5, skipped=(5, MISSED)
    ),
    "a missed end of a dropping pause still drops": Row(
        note=noted(drop=True), able=5.2, skipped=(5, PAUSED)
    ),
    "but not what came due after its time": Row(
        note=noted(until=3, drop=True), able=5.2, ran=(5,), skipped=(4, MISSED)
    ),
    "nor after the end that the object still tells": Row(
        pauses=(pause(until=3, drop=True),), able=5.2, spec=ALL, ran=(3, 4, 5), skipped=(2, PAUSED)
    ),
    "a slot at the end runs on time": Row(pauses=(pause(until=3),), note=noted(until=3), spec=SKIP, now=3, ran=(3,),
                                          skipped=(2, MISSED)),
    "one instant before, it is held": Row(pauses=(pause(until=3),), now=2.999),
    "one that ended before it was made has no effect": Row(pauses=(pause(until=0),), ran=(1, 2, 3, 4, 5)),
    "one that dropped and holds now has dropped what came so far": Row(
        pauses=(HOLDS,), note=noted(drop=True), skipped=(5, PAUSED)
    ),
    "one that drops is followed by nothing else": Row(
        pauses=(HOLDS, pause("q", until=3, drop=True)), skipped=(2, PAUSED)
    ),
    "also if it was noted": Row(
        pauses=(HOLDS, pause("q", until=3, drop=True)), note=noted(until=3, drop=True), skipped=(2, PAUSED)
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in SLOTS.items()])
def test_slots(row: Row) -> None:
    plan = looked_at(*row.pauses, note=row.note, spec=row.spec, now=minutes(row.now), fireable_since=minutes(row.able))
    ran, counted = slots_of(plan)
    assert (ran, counted) == ([minutes(slot) for slot in row.ran], row.skipped)


def test_nothing_is_decided_before_the_pauses_are_known() -> None:
    plan = advance(situation(now=minutes(2), pauses=None))
    assert (plan.create, plan.changes, plan.actions) == (None, [], [])


def test_paused_job_reports_by_whom_why_and_until_when() -> None:
    plan = looked_at(pause(until=3, by="ann", reason="the database moves"), now=minutes(1.5))
    suspended = condition(plan, "Suspended")
    assert (suspended.status, suspended.reason) == (ConditionStatus.TRUE, SuspendedReason.PAUSED)
    told = f"paused by ann: the database moves (DkronPause {NAMESPACE}/p), until {rfc3339(minutes(3))}"
    assert suspended.message == told
    assert (plan.status.next, plan.wake) == (minutes(3), minutes(3))
    assert plan.status.paused == NotedPause(name="p", since=minutes(1.5), until=minutes(3))
    assert looked_at(HOLDS, now=minutes(1.5)).status.next is None


def test_dropping_pause_decides_the_wake_up_of_two_pauses() -> None:
    plan = looked_at(HOLDS, pause("q", until=3, drop=True), now=minutes(1.5))
    assert (plan.status.paused, plan.wake) == (
        NotedPause(name="p", since=minutes(1.5), until=minutes(3), drop=True), minutes(3)
    )  # fmt: skip


def test_end_of_a_pause_is_recorded_when_nothing_is_left_to_drop() -> None:
    plan = looked_at(note=noted(drop=True), now=minutes(5.5), accepted=False)
    assert (plan.status.paused, plan.wants(AcceptJob)) == (noted(drop=True), True)
    plan = replan(plan, accepted=True)
    assert (plan.status.paused, skips(plan)) == (None, (5, PAUSED))
    assert condition(plan, "Suspended").status is ConditionStatus.FALSE


def test_slots_before_an_edit_during_a_pause_are_counted() -> None:
    plan = looked_at(HOLDS, now=minutes(5.5))
    edited = replan(plan, job=job_view(schedule="30 * * * * *"), now=minutes(6.2))
    assert skips(edited) == (6, EDITED)
    assert slots_of(replan(edited, pauses=(), now=minutes(7.6)))[0] == [minutes(7.5)]


@pytest.mark.parametrize("drop", [False, True], ids=["the slot stays undecided", "or is dropped"])
def test_unanswered_create_before_a_pause_is_looked_up(*, drop: bool) -> None:
    entry = claim(slot=minutes(1))
    plan = looked_at(pause(drop=drop), now=minutes(1.1), unconfirmed_create=entry)
    assert (created(plan).entry, created(plan).late, created(plan).otherwise) == (entry, True, ())
    after_it = replan(plan, unconfirmed_create=None)
    assert (fired(after_it), skips(after_it)) == (None, (1, PAUSED) if drop else NONE)


def test_active_run_continues_with_its_retries() -> None:
    entry = seen(claim(slot=minutes(1)))
    failed = outcome(success=False, at=minutes(1.5))
    plan = advance(
        situation(
            job_view(retries=1), JobStatus(since=NOON, fingerprint=job_view().fingerprint, active=(entry,)),
            pauses=(HOLDS,), now=minutes(1.6), runs=[run(entry, AttemptState.FAILED)], outcomes={entry.job: failed},
        )
    )  # fmt: skip
    assert [each.attempt for each in plan.status.active] == [2]


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request for a run while these pauses hold the job, and how its refusal ends; None: it runs."""

    force: bool = False
    pauses: tuple[Pause, ...] = (pause(by="ann"),)
    refused: str | None = None


ENFORCED = pause("freeze", namespace="home", created=minutes(2), enforce=True)
REFUSED = "paused (DkronPause home/freeze), enforced; force does not override this pause"
REQUESTS = {
    "it is refused": Request(refused=f"paused by ann (DkronPause {NAMESPACE}/p); force overrules that"),
    "unless it is forced": Request(force=True),
    "an enforced pause refuses a forced one": Request(force=True, pauses=(ENFORCED,), refused=REFUSED),
    "beside an older pause, it is named": Request(pauses=(pause(by="ann"), ENFORCED), refused=REFUSED),
    "one that is over refuses none": Request(force=True, pauses=(pause(), replace(ENFORCED, until=minutes(1)))),
}


def asked_by(kind: str, *, force: bool) -> Plan:
    """The plan of a job that is asked for a run in this way; pauses are not known yet."""
    if kind == "annotation":
        key, text = run_annotation("a", minutes(1), force=force)
        requests = {key.removeprefix("run.dkron.io/"): text}
        return advance(situation(job_view(schedule="@manually", requests=requests), now=minutes(1.1), pauses=None))
    wanted = requested(at=60, backfill=kind == "backfill", force=force)
    return look(wanted, pauses=None)


@pytest.mark.parametrize("kind", ["annotation", "DkronRun", "backfill"])
@pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in REQUESTS.items()])
def test_a_request_in_a_pause(row: Request, kind: str) -> None:
    waits = asked_by(kind, force=row.force)
    assert (fired(waits), waits.changes) == (None, []), "decided before the pauses are known"
    plan = replan(waits, now=minutes(1.1), pauses=row.pauses)
    if row.refused is None:
        assert fired(plan) is not None
        return
    assert (fired(plan), skips(plan)) == (None, (1, PAUSED))
    (said,) = messages(plan, "RunRefused")
    assert said.endswith(f"the job is {row.refused}")
    assert skips(replan(plan, pauses=())) == (1, PAUSED), "it is decided once"


def test_an_enforced_pause_is_noted_as_one() -> None:
    plan = looked_at(HOLDS, ENFORCED, now=minutes(1.5))
    assert plan.status.paused == NotedPause(name="freeze", since=minutes(1.5), enforce=True)
    assert replan(plan, pauses=(HOLDS,)).status.paused == NotedPause(name="p", since=minutes(1.5))


def test_an_inline_window_is_given_back() -> None:
    spec = {
        "executor": "http", "executorConfig": {"method": "GET", "url": "http://x/", "inline": "true"},
        "schedule": "* * * * * *",
    }  # fmt: skip
    first = looked_at(spec=spec, now=after(1.1), mark=0, caller="call-a", signature="call-a")
    status = first.status
    assert created(first).call
    claimed = fold_all(status, created(first).before, first.situation.job.spec.history)
    assert claimed.window is not None
    held = advance(replace(first.situation, status=claimed, persisted=claimed, pauses=(HOLDS,)))
    assert (held.status.window, fired(held)) == (None, None)


# --- parents ----------------------------------------------------------------------------------------------------------


def runs_after(plan: Plan) -> tuple[list[tuple[str, int]], Skips, bool]:
    """The parents' runs that wait, what is skipped, and whether the job runs."""
    return waiting(plan), skips(plan), fired(plan) is not None


TWO = [ended(7, at=60), ended(8, at=90)]


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        pytest.param(child(pauses=(HOLDS,)), ([("a", 7)], NONE, False), id="its run waits"),
        pytest.param(
            child(pauses=(HOLDS,), dependencies=dependencies(a=TWO)), ([("a", 8)], (1, PAUSED), False),
            id="of two, the later one waits, and the other is counted",
        ),
        pytest.param(
            child(pauses=(HOLDS,), dependencies=dependencies(a=TWO), spec=SKIP), ([], (2, PAUSED), False),
            id="with missedRuns skip, none waits",
        ),
        pytest.param(
            child(pauses=(DROPS,), dependencies=dependencies(a=TWO)), ([], (2, PAUSED), False),
            id="a pause that drops counts each",
        ),
        pytest.param(
            child(status={"paused": noted(drop=True)}, dependencies=dependencies(a=TWO)), ([], (2, PAUSED), False),
            id="also if an operator was away at its end",
        ),
        pytest.param(
            child(
                Heard(job="a", uid="uid-a", group=7, at=after(60), waiting=True), status={"paused": noted()},
            ),
            ([("a", 7)], NONE, True), id="after the pause, what waits runs",
        ),
    ],
)  # fmt: skip
def test_runs_after_parents(plan: Plan, expected: object) -> None:
    assert runs_after(plan) == expected
    if fired(plan):
        assert created(plan).entry.trigger is Trigger.DEPENDENT


# --- which pauses select a job ----------------------------------------------------------------------------------------


def body(name: str, *, namespace: str = NAMESPACE, version: int = 1, created: datetime = NOON, **spec: Any) -> Any:
    metadata = {
        "namespace": namespace, "name": name, "uid": f"{namespace}/{name}/{rfc3339(created)}", "generation": version,
        "resourceVersion": str(version), "creationTimestamp": rfc3339(created),
    }  # fmt: skip
    return {"metadata": metadata, "spec": spec}


def index(*bodies: Any, most: int = 9) -> PauseIndex:
    found = PauseIndex("home", now=lambda: NOON, most=most)
    for each in bodies:
        found.upsert(each)
    return found


def names(found: PauseIndex) -> list[str]:
    job = replace(job_view(), labels={"team": "a", "tier": "1"})
    return [view.pause.name for view in found.selecting(job)]


@pytest.mark.parametrize(
    ("pauses", "expected"),
    [
        pytest.param(body("p"), ["p"], id="all of the namespace"),
        pytest.param(body("p", namespace="other"), [], id="none of another"),
        pytest.param(body("p", jobs=["x", "backup"]), ["p"], id="by name"),
        pytest.param(body("p", jobs=["x"]), [], id="not by another name"),
        pytest.param(body("p", selector={"team": "a", "tier": "1"}), ["p"], id="by labels"),
        pytest.param(body("p", selector={"team": "a", "tier": "2"}), [], id="all labels count"),
        pytest.param(body("p", namespace="home", allNamespaces=True), ["p"], id="from home, all"),
        pytest.param(body("p", namespace="home", allNamespaces=True, selector={"team": "b"}), [], id="or some of all"),
        pytest.param(body("p", allNamespaces=True), [], id="elsewhere, a pause of all namespaces has no effect"),
        pytest.param(body("p", jobs="?"), [], id="nor has what cannot be read"),
    ],
)
def test_pause_selects(pauses: Any, expected: list[str]) -> None:
    assert names(index(pauses)) == expected


@pytest.mark.parametrize(
    ("namespace", "spec", "enforced"),
    [
        pytest.param("home", {"allNamespaces": True, "enforce": True}, True, id="from home, for all namespaces"),
        pytest.param("home", {"allNamespaces": True}, False, id="not unless it asks for that"),
        pytest.param(NAMESPACE, {"enforce": True}, False, id="not from elsewhere"),
    ],
)
def test_force_is_resisted_only_from_home(namespace: str, spec: Any, *, enforced: bool) -> None:
    found = index(body("p", namespace=namespace, **spec))
    (view,) = found.selecting(job_view())
    assert view.pause.enforce == enforced


def test_a_namespace_has_room_for_its_oldest_pauses() -> None:
    found = index(*(body(f"p{n}", created=after(n), jobs=["backup"]) for n in (3, 1, 2)), most=2)
    assert names(found) == ["p1", "p2"]
    assert found.remove((NAMESPACE, "p1")) == NAMESPACE
    # Its selection was not kept, so it is read again.
    assert (names(found), found.missing()) == (["p2"], [(NAMESPACE, "p3")])
    found.upsert(body("p3", created=after(3), jobs=["backup"]))
    assert (names(found), found.missing()) == (["p2", "p3"], [])


def test_a_pause_that_has_long_ended_needs_no_room() -> None:
    found = index(body("old", until=rfc3339(NOON - KEPT)), body("new", created=after(1)), most=1)
    assert names(found) == ["new"]


def test_newer_version_replaces_the_selection_and_older_does_not() -> None:
    found = index(body("p", jobs=["backup"]))
    assert found.upsert(body("p", version=2, jobs=["x"])) == NAMESPACE
    assert found.upsert(body("p", version=1, jobs=["backup"])) is None
    assert names(found) == []


def test_pause_that_ceases_to_hold_everywhere_concerns_all() -> None:
    found = index(body("p", namespace="home", allNamespaces=True))
    assert found.upsert(body("p", namespace="home", version=2)) == ""
    assert found.upsert(body("p", namespace="home", version=3)) == "home"
