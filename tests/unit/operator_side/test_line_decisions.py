"""The decisions about each run in line: whether it stays, why it leaves, when the job is planned again, and whether it
may begin."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest

from dkron_crds.job import Attempt, AttemptState, JobStatus, SkipReason, Trigger
from dkron_crds.schedule.timeline import TICK, Timeline
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.cause import Cause
from dkron_operator.plan.situation.requested_runs import RequestedRun, RunsOfJob, read_requested_run
from dkron_operator.plan.situation.view import AttemptJob
from dkron_operator.plan.status.line import dequeued, queued
from dkron_operator.plan.steps.line import may_begin, newest_surplus, plan_line
from dkron_pods.problem import Problem
from tests.support.builders import NAME, NAMESPACE, NOON, UID, after, claim, job_view, run, seen, situation

REQUEST = 7
"""The group of the run that a DkronRun has asked for."""


def minutes(count: float) -> datetime:
    return after(minutes=count)


def slot(number: int, *, joined: float | None = None) -> Attempt:
    """The run of the slot so many minutes after noon, in line since then."""
    return queued(claim(minutes(number)), minutes(number if joined is None else joined))


def asked(trigger: Trigger = Trigger.MANUAL) -> Attempt:
    """The run of a DkronRun, in line since two minutes after noon."""
    return queued(Cause(trigger, NOON, REQUEST).entry(uid=UID, name=NAME, at=NOON), minutes(2))


def dkron_run(*, force: bool) -> RequestedRun:
    metadata = {
        "name": "a", "namespace": NAMESPACE, "uid": "uid-of-a", "resourceVersion": "1",
        "creationTimestamp": "2026-03-01T12:00:00Z",
    }  # fmt: skip
    found = read_requested_run({"metadata": metadata, "spec": {"job": NAME, "force": force}})
    assert found is not None
    return replace(found, group=REQUEST)


FIRST = seen(claim(minutes(1)))
SECOND = queued(claim(minutes(2)), minutes(2.1))


def in_line(spec: dict[str, Any], entries: tuple[Attempt, ...], now: float, force: bool | None, **fields: Any) -> Plan:
    asked_for = RunsOfJob() if force is None else RunsOfJob(decided={REQUEST: dkron_run(force=force)})
    job, status = job_view(**{"concurrency": "queue", **spec}), JobStatus(active=entries)
    return Plan(replace(situation(job, status, now=minutes(now), **fields), runs=asked_for))


@dataclass(frozen=True, kw_only=True)
class Leaving:
    """A run that waits, and why it leaves; None if it stays. `wake` is when the job is planned again."""

    title: str
    entry: Attempt = SECOND
    reason: SkipReason | None = None
    now: float = 4
    wake: datetime | None = None
    spec: dict[str, Any] = field(default_factory=dict)
    force: bool | None = None
    """Whether a DkronRun has asked for it, and with force."""

    beside: tuple[Attempt, ...] = (FIRST,)
    attempts: tuple[AttemptJob, ...] = ()


PATIENT = {"queue": {"expires": "2m"}}
DEADLINE = {"startingDeadlineSeconds": 120}
CHILD = {"parentJob": "parent"}
EXPIRES, ENDS = minutes(4.1), minutes(4)
LEAVING = (
    Leaving(title="stays"),
    Leaving(title="expires after it joined, not after its slot", spec=PATIENT, wake=EXPIRES + TICK),
    Leaving(title="at the end of its time", spec=PATIENT, now=4.1, wake=EXPIRES + TICK),
    Leaving(title="expired", spec=PATIENT, now=4.11, reason=SkipReason.QUEUE_EXPIRED),
    Leaving(title="before the deadline of its slot", spec=DEADLINE, now=3.9, wake=ENDS + TICK),
    Leaving(title="at the deadline", spec=DEADLINE, now=4, wake=ENDS + TICK),
    Leaving(title="beyond the deadline", spec=DEADLINE, now=4.05, reason=SkipReason.DEADLINE_EXCEEDED),
    Leaving(title="a request has no deadline", entry=asked(), spec=DEADLINE, now=30),
    Leaving(title="a request expires", entry=asked(), spec=PATIENT, now=30, reason=SkipReason.QUEUE_EXPIRED),
    Leaving(title="a slot of a disabled job", spec={"disabled": True}, reason=SkipReason.DISABLED),
    Leaving(title="a request of a disabled job", entry=asked(), spec={"disabled": True}, reason=SkipReason.DISABLED),
    Leaving(
        title="a DkronRun without force", entry=asked(), spec={"disabled": True}, force=False,
        reason=SkipReason.DISABLED,
    ),
    Leaving(title="a DkronRun with force", entry=asked(), spec={"disabled": True}, force=True),
    Leaving(
        title="force is no answer to time", entry=asked(), spec=PATIENT, now=30, force=True,
        reason=SkipReason.QUEUE_EXPIRED,
    ),
    Leaving(title="by hand, of a disabled child", entry=asked(), spec={"disabled": True, **CHILD}),
    Leaving(title="a slot of a disabled child", spec={"disabled": True, **CHILD}, reason=SkipReason.DISABLED),
    Leaving(
        title="an ephemeral job that has succeeded", spec={"ephemeral": True}, reason=SkipReason.SUCCEEDED,
        attempts=(run(FIRST, AttemptState.SUCCEEDED),),
    ),
    Leaving(title="an ephemeral job that runs", spec={"ephemeral": True}, attempts=(run(FIRST),)),
)  # fmt: skip


@pytest.mark.parametrize("row", LEAVING, ids=lambda row: row.title)
def test_run_leaves_the_line(row: Leaving) -> None:
    plan = in_line(row.spec, (*row.beside, row.entry), row.now, row.force, runs=row.attempts)
    plan_line(plan)
    reasons = [getattr(change, "reason", None) for change in plan.changes]
    assert reasons == ([] if row.reason is None else [row.reason])
    assert plan.status.active == ((*row.beside, row.entry) if row.reason is None else row.beside)
    assert plan.wake == row.wake


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """A line, and which of its runs may begin, by place."""

    title: str
    begins: tuple[int, ...]
    entries: tuple[Attempt, ...] = (slot(2), slot(3))
    spec: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    force: bool | None = None
    attempts: tuple[AttemptJob, ...] = ()


FAILED, ENDED = run(FIRST, AttemptState.FAILED), run(FIRST, AttemptState.SUCCEEDED)
RETRY = claim(minutes(1), attempt=2, at=minutes(9))
NEWEST = {"queue": {"order": "newest"}}
BEGINNING = (
    Beginning(title="the oldest", begins=(0,)),
    Beginning(title="the newest", begins=(1,), spec=NEWEST),
    Beginning(title="none beside an attempt", begins=(), entries=(FIRST, slot(2)), attempts=(run(FIRST),)),
    Beginning(title="none beside a Job still to come", begins=(), entries=(dequeued(slot(1), minutes(2)), slot(2))),
    Beginning(title="none before a retry", begins=(), entries=(RETRY, slot(2))),
    Beginning(
        title="none between a failure and its retry", begins=(), entries=(FIRST, slot(2)), attempts=(FAILED,),
        spec={"retries": 1},
    ),
    Beginning(title="one after the last failure", begins=(1,), entries=(FIRST, slot(2)), attempts=(FAILED,)),
    Beginning(
        title="one after a success, retries or not", begins=(1,), entries=(FIRST, slot(2)), attempts=(ENDED,),
        spec={"retries": 1},
    ),
    Beginning(title="all, where runs may overlap", begins=(0, 1), spec={"concurrency": "allow"}),
    Beginning(
        title="the newest, where runs may overlap", begins=(1,), spec={"concurrency": "allow", **NEWEST},
    ),
    Beginning(title="none while the job is not ready", begins=(), fields={"refusal": Problem("Refused", "no")}),
    Beginning(title="a backfill beside an attempt", begins=(1,), entries=(FIRST, asked(Trigger.BACKFILL), slot(2))),
    Beginning(title="force beside an attempt", begins=(1,), entries=(FIRST, asked(), slot(2)), force=True),
    Beginning(title="a DkronRun without force waits", begins=(), entries=(FIRST, asked(), slot(2)), force=False),
    Beginning(title="a backfill takes no turn", begins=(0, 1), entries=(asked(Trigger.BACKFILL), slot(2))),
)  # fmt: skip


@pytest.mark.parametrize("row", BEGINNING, ids=lambda row: row.title)
def test_run_begins_in_its_turn(row: Beginning) -> None:
    plan = in_line(row.spec, row.entries, 5, row.force, runs=row.attempts, **row.fields)
    waiting = [number for number, entry in enumerate(row.entries) if entry.state is AttemptState.WAITING]
    assert tuple(number for number in waiting if may_begin(plan, row.entries[number])) == row.begins


@pytest.mark.parametrize(
    ("order", "most", "surplus"),
    [
        pytest.param("oldest", 2, None, id="the oldest push out none"),
        pytest.param("newest", 1, 4, id="one stays"),
        pytest.param("newest", 2, 3, id="two stay"),
        pytest.param("newest", 5, None, id="as many as there are"),
        pytest.param("newest", 6, None, id="more than there are"),
    ],
)
def test_newest_slots_push_out_the_others(order: str, most: int, surplus: float | None) -> None:
    job = job_view(concurrency="queue", queue={"order": order, "max": most})
    plan = Plan(situation(job, JobStatus(last_schedule_time=NOON), now=minutes(5.1)))
    assert job.schedule is not None
    found = newest_surplus(plan, Timeline(job.schedule, NOON, None, None))
    assert found == (None if surplus is None else minutes(surplus))
