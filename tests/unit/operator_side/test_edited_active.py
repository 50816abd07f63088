"""Entries of `status.active` that a user has made: those that no operator writes leave, all others stay."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from dkron_crds.attempt_names import nanoseconds
from dkron_crds.job import Attempt, AttemptState, Heard, JobStatus, Trigger
from dkron_operator.plan.advance import advance
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.cause import Cause, following, scheduled
from dkron_operator.plan.situation.view import AttemptJob
from dkron_operator.plan.status.changes import Discarded
from tests.support.builders import (
    NAME,
    NOON,
    UID,
    after,
    claim,
    execution,
    job_view,
    outcome,
    request_claim,
    run,
    seen,
    situation,
)
from tests.support.folding import fold_one
from tests.support.plans import fired, messages, replan, reported

JOB = job_view(concurrency="forbid")
SLOT, NEXT = claim(NOON), claim(after(60))
OTHERS = "another-1772366400-00000000"


def named(cause: Cause) -> Attempt:
    return cause.entry(uid=UID, name=NAME, at=NOON)


def with_(entry: Attempt, **fields: Any) -> Attempt:
    return entry.model_copy(update=fields)


def look(active: tuple[Attempt, ...], *, runs: tuple[AttemptJob, ...] = (), seconds: float = 30, **status: Any) -> Plan:
    base = advance(situation(JOB, JobStatus(), now=NOON)).status
    fields = {"last_schedule_time": NOON, **status, "active": active}
    now = after(seconds)
    return advance(situation(JOB, base.model_copy(update=fields), runs=runs, now=now, fireable_since=now))


@dataclass(frozen=True)
class Edit:
    active: Attempt
    status: dict[str, Any] = field(default_factory=dict)
    runs: tuple[AttemptJob, ...] = ()
    why: str = "which is not the name that its cause gives"


RECORDED = "which is already recorded"
OVER = run(SLOT, AttemptState.SUCCEEDED)
HEARD = Heard(job="first", uid="p", group=7, at=NOON)
MANUAL = request_claim()


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(Edit(SLOT, {"counted": (SLOT.job,)}, why=RECORDED), id="a claim that was counted"),
        pytest.param(Edit(SLOT, {"executions": (execution(SLOT),)}, why=RECORDED), id="a claim in the history"),
        pytest.param(Edit(seen(SLOT), {"counted": (SLOT.job,)}, (OVER,), RECORDED), id="a Job that was counted"),
        pytest.param(Edit(with_(SLOT, job=OTHERS)), id="a claim with another name"),
        pytest.param(Edit(with_(seen(SLOT), job=OTHERS)), id="a Job with another name"),
        pytest.param(Edit(claim(NOON, uid="another")), id="the claim of an object that had the name before"),
        pytest.param(Edit(claim(NOON, name="another")), id="the claim of another job"),
        pytest.param(Edit(with_(SLOT, slot=after(1))), id="the name of another second"),
        pytest.param(Edit(with_(SLOT, slot=after(0.5))), id="a slot that is not its group's"),
        pytest.param(Edit(with_(SLOT, attempt=2)), id="another attempt"),
        pytest.param(Edit(with_(MANUAL, group=MANUAL.group + 1)), id="another request"),
        pytest.param(Edit(with_(SLOT, job=OTHERS, uid="call-x")), id="a call with another name"),
        pytest.param(
            Edit(with_(seen(SLOT), slot=after(60), group=nanoseconds(after(60))), runs=(run(SLOT),)),
            id="another slot than its Job's",
        ),
    ],
)
def test_an_entry_that_no_operator_writes_leaves(edit: Edit) -> None:
    plan = look((edit.active,), runs=edit.runs, **edit.status)
    assert edit.active not in plan.status.active
    assert (fired(plan), messages(plan, "StatusEdited")) == (
        None, [f'status.active listed "{edit.active.job}", {edit.why}: removed from the list'],
    )  # fmt: skip
    for change in plan.changes:
        assert fold_one(plan.status, change, JOB.spec.history) == plan.status, "it can be folded twice"
    assert "StatusEdited" not in reported(replan(plan)), "it is told once"


@pytest.mark.parametrize(
    ("entry", "runs"),
    [
        pytest.param(SLOT, (), id="a slot"),
        pytest.param(seen(SLOT), (run(SLOT),), id="a slot with its Job"),
        pytest.param(SLOT, (run(SLOT),), id="a claim with its Job"),
        pytest.param(seen(SLOT), (), id="a Job that is not shown"),
        pytest.param(with_(SLOT, uid="call-x"), (), id="a call"),
        pytest.param(claim(NOON, attempt=3, at=after(90)), (), id="a retry"),
        pytest.param(claim(NOON, node="n1"), (), id="a member on a node"),
        pytest.param(claim(NOON, member="2", attempt=2, at=after(90)), (), id="the retry of a member"),
        pytest.param(MANUAL, (), id="a manual run"),
        pytest.param(request_claim(at=after(0.25)), (), id="one within a second"),
        pytest.param(with_(MANUAL, slot=after(days=-9)), (), id="a DkronRun with a time of its own"),
        pytest.param(named(Cause(Trigger.BACKFILL, after(days=-9), MANUAL.group)), (), id="a backfill"),
        pytest.param(named(following(HEARD)), (), id="a dependent run"),
        pytest.param(named(replace(following(HEARD), attempt=2, member="1")), (), id="the retry of a dependent run"),
    ],
)
def test_an_entry_that_an_operator_writes_stays(entry: Attempt, runs: tuple[AttemptJob, ...]) -> None:
    plan = look((entry,), runs=runs)
    discarded = [change for change in plan.changes if isinstance(change, Discarded)]
    assert (discarded, messages(plan, "StatusEdited")) == ([], [])


def test_a_name_of_many_bytes_is_cut_alike() -> None:
    job = job_view(name="x" * 52, concurrency="forbid")
    entry = scheduled(NOON).entry(uid=job.uid, name=job.name, at=NOON)
    plan = advance(situation(job, look((), seconds=0).status.model_copy(update={"active": (entry,)}), now=after(1)))
    assert plan.status.active == (entry,)


def test_several_edits_are_reported_once() -> None:
    active = (with_(SLOT, job=OTHERS), NEXT, with_(SLOT, job="x"))
    plan = look(active)
    assert plan.status.active == (NEXT,)
    (told,) = messages(plan, "StatusEdited")
    assert told.endswith(", which is not the name that its cause gives, and 1 more such: removed from the list")


def test_the_slot_after_it_runs_at_once() -> None:
    """With `forbid`, the entry would have the operator skip it."""
    plan = look((seen(SLOT),), runs=(OVER,), seconds=60, executions=(execution(SLOT),), counted=(SLOT.job,))
    assert fired(plan) is not None
    assert plan.status.skipped is None


def test_the_job_under_the_name_is_recorded() -> None:
    done = with_(NEXT, slot=NOON, group=nanoseconds(NOON))
    job = run(NEXT, AttemptState.SUCCEEDED)
    plan = advance(replace(look((done,), runs=(job,)).situation, outcomes={NEXT.job: outcome(at=after(65))}))
    assert plan.status.active == ()
    assert [(each.job, each.slot) for each in plan.status.executions] == [(NEXT.job, NEXT.slot)]
