"""A run that was asked for: how far it is, and waiting for its end."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from dkron_api.cache.job_index import JobIndex
from dkron_api.jobs import run_waiter
from dkron_api.translate.readiness import problem
from dkron_api.translate.record import Job
from dkron_api.translate.run import Progress, Run, coming, progress, refusal
from dkron_crds.depends import dependent_group
from dkron_operator.plan.advance import advance
from dkron_operator.plan.situation.read import read_job
from tests.support.builders import NOON, after, situation, wire_job

Object = dict[str, Any]
RUN = Run(id="rest-1", at=NOON, by="rest")
OTHER = Run(id="rest-2", at=NOON)
ACTIVE = {"active": [{"group": RUN.group}]}
EXECUTED = {"executions": [{"group": RUN.group}]}
REFUSED = {"skipped": {"count": 1, "lastTime": "2026-03-01T12:00:00Z", "lastReason": "ConcurrencyForbidden"}}
PAUSED = {
    "skipped": REFUSED["skipped"] | {"lastReason": "Paused"},
    "conditions": [
        {"type": "Suspended", "status": "True", "reason": "Paused", "message": "paused by ann (DkronPause a/p)",
         "lastTransitionTime": "2026-03-01T12:00:00Z"}
    ],
}  # fmt: skip
BROKEN = {
    "conditions": [
        {"type": "Ready", "status": "False", "reason": "InvalidSchedule", "message": "no such day",
         "lastTransitionTime": "2026-03-01T12:00:00Z"}
    ]
}  # fmt: skip


def raw(status: Object | None = None, *runs: Run, version: int = 1) -> Object:
    made = wire_job(version=version) | {"status": status or {}}
    made["metadata"]["annotations"] = dict(run.annotation for run in runs)
    return made


@pytest.mark.parametrize(
    ("status", "asked", "expected"),
    [
        pytest.param({}, True, Progress.ASKED, id="the operator has not looked at it"),
        pytest.param(ACTIVE, True, Progress.RUNNING, id="its Job exists"),
        pytest.param(ACTIVE, False, Progress.RUNNING, id="it runs"),
        pytest.param(EXECUTED | ACTIVE, False, Progress.RUNNING, id="a retry waits"),
        pytest.param(EXECUTED, False, Progress.OVER, id="it is over"),
        pytest.param({"executions": [{"group": OTHER.group}]}, True, Progress.ASKED, id="another run is over"),
        pytest.param({}, False, Progress.UNSEEN, id="the status is still to be written"),
        pytest.param(REFUSED, False, Progress.REFUSED, id="skipped"),
        pytest.param(REFUSED, True, Progress.ASKED, id="an earlier one was skipped"),
        pytest.param(BROKEN, False, Progress.REFUSED, id="the job cannot run"),
    ],
)
def test_progress(status: Object, asked: bool, expected: Progress) -> None:
    assert progress(Job(raw(status, *([RUN] if asked else []))), RUN) is expected


@pytest.mark.parametrize(
    ("refused", "expected"),
    [
        pytest.param((), Progress.ASKED, id="its own status has to tell"),
        pytest.param(("another",), Progress.ASKED, id="another one is refused"),
        pytest.param((coming(Job(raw()), RUN, NOON).job,), Progress.REFUSED, id="the job shows that it is refused"),
    ],
)
def test_progress_of_a_dkronrun(refused: tuple[str, ...], expected: Progress) -> None:
    assert progress(Job(raw({"refused": list(refused)})), replace(RUN, of_object=True)) is expected


def test_pending_run_has_the_job_name_that_the_operator_chooses() -> None:
    job = wire_job(requests={"rest-1": "2026-03-01T12:00:00Z"})
    draft = advance(situation(read_job(job), now=after(3)))
    assert draft.create is not None
    assert coming(Job(job), RUN, after(1)) == draft.create.entry


def test_refusal_says_why() -> None:
    forbidden = "an earlier run was active or waited, and spec.concurrency is forbid"
    assert refusal(Job(raw(REFUSED)), RUN) == f"the operator did not run it: {forbidden}"
    assert refusal(Job(raw(BROKEN)), RUN) == "the job cannot run: no such day"
    assert refusal(Job(raw(PAUSED)), RUN) == "the job is paused by ann (DkronPause a/p)"
    assert refusal(Job(raw()), RUN) == ""


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, "the job cannot run: InvalidSchedule", id="it cannot run"),
        pytest.param({"observedGeneration": 0}, "", id="an earlier spec could not"),
        pytest.param({"status": "True"}, "", id="it can"),
        pytest.param({"reason": "ParentNotFound"}, "", id="its parents cannot start it, but people can"),
        pytest.param({"reason": "ParentCycle"}, "", id="its parents are a circle"),
        pytest.param({"reason": "PoolNotFound"}, "", id="its pool is missing, so that it waits"),
    ],
)
def test_a_job_has_a_problem_when(fields: Object, expected: str) -> None:
    ready = {"type": "Ready", "status": "False", "reason": "InvalidSchedule", "observedGeneration": 1}
    assert problem(Job(raw({"conditions": [ready | fields]}))) == expected


def test_two_requests_of_one_second_are_two_groups() -> None:
    assert RUN.group != OTHER.group


class Wait:
    """A client waits for RUN of the first of these jobs."""

    def __init__(self, *jobs: Object) -> None:
        self.job_index = JobIndex(lambda: NOON)
        for job in jobs:
            self.job_index.upsert(job)
        self.waiter = run_waiter.RunWaiter(self.job_index)
        self.watch = self.waiter.watch(self.job(jobs[0]["metadata"]["name"]), RUN)

    def job(self, name: str) -> Job:
        found = self.job_index.get(name)
        assert found is not None
        return found


async def ended(*steps: Object | None) -> Job | None:
    """The end that a run_waiter sees after these versions of the job; None: it was deleted."""
    wait = Wait(raw(None, RUN))
    with wait.watch as watching:
        for step in steps:
            if step is None:
                wait.job_index.remove(wait.job("backup"))
            else:
                wait.job_index.upsert(step)
        await asyncio.sleep(0)
        return watching.ended.result() if watching.ended.done() else None


async def test_wait_ends_with_the_version_in_which_the_run_ends() -> None:
    last = await ended(raw(ACTIVE, version=2), raw(EXECUTED, version=3), raw(ACTIVE, version=4))
    assert last is not None
    assert last.version == 3


def told(name: str, *groups: int, ended: int | None = None, version: int = 1, **fields: Any) -> Object:
    """A job in which the first of these groups is over and the others are active."""
    status = {
        "executions": [{"group": group, "finishedAt": "2026-03-01T12:01:00Z"} for group in groups[:1]],
        "active": [{"group": group} for group in groups[1:]],
        "ended": [] if ended is None else [{"group": ended, "at": "2026-03-01T12:01:00Z"}],
    }
    return wire_job(name=name, uid=f"uid-{name}", version=version, **fields) | {"status": status}


def after_run_of(name: str, group: int) -> int:
    return dependent_group(f"uid-{name}", group, datetime(2026, 3, 1, 12, 1, tzinfo=UTC))


KID = after_run_of("root", RUN.group)
GRANDKID = after_run_of("kid", KID)


async def waits_for(*steps: Object) -> list[bool]:
    """After each of these versions of the jobs of a family, whether the wait for a run of its root is over."""
    root = told("root") | {"status": {"active": [{"group": RUN.group}]}}
    wait, over = Wait(root, kid(version=0), grandkid(version=0, schedule="")), []
    with wait.watch as watching:
        for version, step in enumerate(steps, 2):
            step["metadata"]["resourceVersion"] = str(version)
            if step.pop("gone", False):
                wait.job_index.remove(wait.job(step["metadata"]["name"]))
            else:
                wait.job_index.upsert(step)
            over.append(watching.ended.done())
    return over


def kid(*groups: int, **fields: Any) -> Object:
    return told("kid", *groups, parentJob="root", **fields)


def grandkid(*groups: int, **fields: Any) -> Object:
    return told("grandkid", *groups, dependsOn=[{"job": "kid"}], **fields)


async def test_wait_ends_when_all_descendant_runs_have_ended() -> None:
    over = await waits_for(
        told("root", RUN.group, ended=RUN.group),
        kid(1, KID),
        told("root", RUN.group),
        kid(KID, ended=KID),
        grandkid(1, GRANDKID),
        kid(KID),
        grandkid(GRANDKID),
    )
    assert over == [False] * 6 + [True]


async def test_a_run_without_dependent_jobs_is_over_at_once() -> None:
    assert await waits_for(told("root", RUN.group)) == [True]


async def test_other_runs_of_a_child_are_not_waited_for() -> None:
    over = await waits_for(
        told("root", RUN.group, ended=RUN.group), kid(1, KID, 77), told("root", RUN.group), kid(KID, 77)
    )
    assert over == [False, False, False, True]


async def test_trimmed_root_run_is_awaited_with_its_children() -> None:
    over = await waits_for(
        told("root", RUN.group, ended=RUN.group), kid(1, KID), told("root", RUN.group), told("root", 99), kid(KID)
    )
    assert over == [False] * 4 + [True]


async def test_recorded_end_outweighs_trimmed_executions() -> None:
    trimmed = {"executions": [{"group": RUN.group, "finishedAt": "2026-03-01T12:00:59Z"}]}
    shown = told("root", RUN.group, ended=RUN.group)
    shown["status"] |= trimmed
    settled = told("root", RUN.group)
    settled["status"] |= trimmed
    assert await waits_for(shown, kid(1, KID), settled, kid(KID)) == [False, False, False, True]


async def test_deleted_jobs_end_the_wait_and_their_children_do_not() -> None:
    over = await waits_for(
        told("root", RUN.group, ended=RUN.group),
        kid(1, KID),
        told("root") | {"gone": True},
        kid(KID, ended=KID),
        grandkid(1, GRANDKID),
        kid() | {"gone": True},
        grandkid(GRANDKID),
    )
    assert over == [False] * 6 + [True]


async def test_wait_lasts_as_long_as_the_run_or_the_job() -> None:
    assert await ended(raw(None, version=2), raw(ACTIVE, version=3)) is None
    assert await ended(raw(ACTIVE, version=2), None) is not None


async def test_run_without_any_trace_ends_the_wait_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_waiter, "TRACELESS", 0)
    wait = Wait(raw(None, RUN))
    with wait.watch as watching:
        wait.job_index.upsert(raw(version=2))
        assert (await asyncio.wait_for(watching.ended, 5)).version == 2
    assert wait.job_index.listeners == []


@pytest.mark.parametrize(
    ("known", "seen"),
    [
        pytest.param([raw(None, RUN)], [raw(version=2), raw(ACTIVE, version=3)], id="a trace that shows up late"),
        pytest.param(
            [told("root"), kid()],
            [told("root", version=2), told("root", RUN.group, ended=RUN.group, version=3)],
            id="what runs after the run",
        ),
    ],
)
async def test_patience_is_not_lost_with(
    known: list[Object], seen: list[Object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_waiter, "TRACELESS", 0.01)
    wait = Wait(*known)
    with wait.watch as watching:
        for version in seen:
            wait.job_index.upsert(version)
        done, _ = await asyncio.wait({watching.ended}, timeout=0.05)
        assert not done


async def test_the_stop_of_the_server_ends_the_wait() -> None:
    wait = Wait(raw(None, RUN))
    with wait.watch as watching:
        wait.waiter.give_up()
        with pytest.raises(TimeoutError):
            await watching.ended
