"""A run that was asked for: how far it is, and waiting for its end."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from dkron_api.cache.job_index import JobIndex
from dkron_api.jobs import run_waiter
from dkron_api.translate.record import Job
from dkron_api.translate.run import Progress, Run, coming, progress, refusal
from dkron_api.translate.standing import problem
from dkron_crds.depends import dependent_group
from dkron_operator.plan.advance import advance
from dkron_operator.plan.read import read_job
from tests.support.builders import NOON, after, situation, wire_job

Object = dict[str, Any]
RUN = Run(id="rest-1", at=NOON, by="rest")
OTHER = Run(id="rest-2", at=NOON)
ACTIVE = {"active": [{"group": RUN.group}]}
EXECUTED = {"executions": [{"group": RUN.group}]}
REFUSED = {"skipped": {"count": 1, "lastTime": "2026-03-01T12:00:00Z", "lastReason": "ConcurrencyForbidden"}}
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
        pytest.param({}, True, Progress.ASKED, id="nobody has looked at it"),
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


def test_a_run_that_is_still_to_come_has_the_name_that_the_operator_gives_it() -> None:
    job = wire_job(requests={"rest-1": "2026-03-01T12:00:00Z"})
    draft = advance(situation(read_job(job), now=after(3)))
    assert draft.create is not None
    assert coming(Job(job), RUN, after(1)) == draft.create.entry


def test_a_refusal_says_why() -> None:
    assert refusal(Job(raw(REFUSED)), RUN) == "the operator skipped it: ConcurrencyForbidden"
    assert refusal(Job(raw(BROKEN)), RUN) == "the job cannot run: no such day"
    assert refusal(Job(raw()), RUN) == ""


def test_a_problem_of_an_earlier_spec_is_none_of_this_one() -> None:
    ready = {"type": "Ready", "status": "False", "reason": "InvalidSchedule", "observedGeneration": 1}
    assert problem(Job(raw({"conditions": [ready]}))) == "the job cannot run: InvalidSchedule"
    assert problem(Job(raw({"conditions": [ready | {"observedGeneration": 0}]}))) == ""
    assert problem(Job(raw({"conditions": [ready | {"status": "True"}]}))) == ""


@pytest.mark.parametrize("reason", ["ParentNotFound", "ParentCycle"])
def test_what_keeps_parents_from_starting_a_job_does_not_keep_people_from_it(reason: str) -> None:
    ready = {"type": "Ready", "status": "False", "reason": reason, "observedGeneration": 1}
    assert problem(Job(raw({"conditions": [ready]}))) == ""


def test_two_requests_of_one_second_are_two_groups() -> None:
    assert RUN.group != OTHER.group


async def ended(*steps: Object | None) -> Job | None:
    """What a run_waiter says after these versions of the job; None: it was deleted."""
    job_index = JobIndex(lambda: NOON)
    job_index.see(raw(None, RUN))
    job = job_index.get("backup")
    assert job is not None
    with run_waiter.RunWaiter(job_index).watch(job, RUN) as watching:
        for step in steps:
            if step is None:
                job_index.lose(job)
            else:
                job_index.see(step)
        await asyncio.sleep(0)
        return watching.ended.result() if watching.ended.done() else None


async def test_the_wait_ends_with_the_version_in_which_the_run_is_over() -> None:
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
    job_index = JobIndex(lambda: NOON)
    for name, fields in (
        ("root", {}),
        ("kid", {"parentJob": "root"}),
        ("grandkid", {"dependsOn": [{"job": "kid"}], "schedule": ""}),
    ):
        job_index.see(told(name, version=0, **fields))
    job_index.see(told("root", version=1) | {"status": {"active": [{"group": RUN.group}]}})
    job = job_index.get("root")
    assert job is not None
    over = []
    with run_waiter.RunWaiter(job_index).watch(job, RUN) as watching:
        for version, step in enumerate(steps, 2):
            step["metadata"]["resourceVersion"] = str(version)
            if step.pop("gone", False):
                found = job_index.get(step["metadata"]["name"])
                assert found is not None
                job_index.lose(found)
            else:
                job_index.see(step)
            over.append(watching.ended.done())
    return over


def kid(*groups: int, **fields: Any) -> Object:
    return told("kid", *groups, parentJob="root", **fields)


def grandkid(*groups: int, **fields: Any) -> Object:
    return told("grandkid", *groups, dependsOn=[{"job": "kid"}], **fields)


async def test_the_wait_ends_when_all_is_over_that_the_run_has_set_off() -> None:
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


async def test_a_run_after_which_nobody_runs_is_over_at_once() -> None:
    assert await waits_for(told("root", RUN.group)) == [True]


async def test_other_runs_of_a_child_are_not_waited_for() -> None:
    over = await waits_for(
        told("root", RUN.group, ended=RUN.group), kid(1, KID, 77), told("root", RUN.group), kid(KID, 77)
    )
    assert over == [False, False, False, True]


async def test_a_root_whose_run_is_trimmed_is_still_waited_for_with_its_children() -> None:
    over = await waits_for(
        told("root", RUN.group, ended=RUN.group),
        kid(1, KID),
        told("root", RUN.group),
        told("root", 99),
        kid(KID),
    )
    assert over == [False] * 4 + [True]


async def test_what_a_job_shows_of_the_end_counts_more_than_the_executions_that_it_has_kept() -> None:
    trimmed = {"executions": [{"group": RUN.group, "finishedAt": "2026-03-01T12:00:59Z"}]}
    shown = told("root", RUN.group, ended=RUN.group)
    shown["status"] |= trimmed
    settled = told("root", RUN.group)
    settled["status"] |= trimmed
    assert await waits_for(shown, kid(1, KID), settled, kid(KID)) == [False, False, False, True]


async def test_jobs_that_are_deleted_meanwhile_are_over_and_their_children_are_not() -> None:
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


async def test_the_wait_goes_on_while_the_run_does() -> None:
    assert await ended(raw(None, version=2), raw(ACTIVE, version=3)) is None


async def test_the_wait_ends_when_the_job_is_deleted() -> None:
    assert await ended(raw(ACTIVE, version=2), None) is not None


async def test_a_run_without_any_trace_ends_the_wait_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_waiter, "TRACELESS", 0)
    job_index = JobIndex(lambda: NOON)
    job_index.see(raw(None, RUN))
    job = job_index.get("backup")
    assert job is not None
    with run_waiter.RunWaiter(job_index).watch(job, RUN) as watching:
        job_index.see(raw(version=2))
        assert (await asyncio.wait_for(watching.ended, 5)).version == 2
    assert job_index.listeners == []


async def test_a_trace_that_shows_up_late_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_waiter, "TRACELESS", 0.01)
    job_index = JobIndex(lambda: NOON)
    job_index.see(raw(None, RUN))
    job = job_index.get("backup")
    assert job is not None
    with run_waiter.RunWaiter(job_index).watch(job, RUN) as watching:
        job_index.see(raw(version=2))
        job_index.see(raw(ACTIVE, version=3))
        done, _ = await asyncio.wait({watching.ended}, timeout=0.05)
        assert not done


async def test_patience_is_not_lost_with_what_runs_after_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_waiter, "TRACELESS", 0.01)
    job_index = JobIndex(lambda: NOON)
    job_index.see(told("root", version=1))
    job_index.see(kid(version=1))
    job = job_index.get("root")
    assert job is not None
    with run_waiter.RunWaiter(job_index).watch(job, RUN) as watching:
        job_index.see(told("root", version=2))
        job_index.see(told("root", RUN.group, ended=RUN.group, version=3))
        done, _ = await asyncio.wait({watching.ended}, timeout=0.05)
        assert not done


async def test_the_stop_of_the_server_ends_the_wait() -> None:
    job_index = JobIndex(lambda: NOON)
    job_index.see(raw(None, RUN))
    job = job_index.get("backup")
    assert job is not None
    waiter = run_waiter.RunWaiter(job_index)
    with waiter.watch(job, RUN) as watching:
        waiter.give_up()
        with pytest.raises(TimeoutError):
            await watching.ended
