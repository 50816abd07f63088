"""Calls around a fake API server and a server that answers when the test says: claims, ends, stops and farewells."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from dkron_crds.job import AttemptState, JobStatus
from dkron_crds.names import ACCEPTED
from dkron_executors.keys.http import Http
from dkron_executors.result import Result
from dkron_executors.run.pool import Pool
from dkron_kube.errors import Conflict, KubeError, Unavailable
from dkron_kube.paths import DKRON_JOBS, JOBS
from dkron_operator.act.ports import Listener
from dkron_operator.plan.actions import CreateJob
from dkron_operator.plan.situation.view import JobView
from dkron_operator.plan.status.window import Reserved
from tests.support.builders import NAME, after, claim
from tests.support.edges import Edges, begin, until

pytestmark = pytest.mark.looptime
CONFIG = {"method": "GET", "url": "http://localhost/", "inline": "true"}


@dataclass
class Answers:
    """A pool without a network: each call waits until it is answered, unless all are answered at once."""

    places: asyncio.Semaphore
    instant: bool
    waiting: list[asyncio.Future[Result]] = field(default_factory=list)
    asked: int = 0
    urls: list[str] = field(default_factory=list)
    seen: Callable[[], None] = lambda: None

    def place(self) -> asyncio.Semaphore:
        return self.places

    async def call(self, keys: Http) -> Result:
        self.asked += 1
        self.urls.append(keys.url)
        self.seen()
        if self.instant:
            return Result(output=b"fine")
        answer = asyncio.get_running_loop().create_future()
        self.waiting.append(answer)
        return cast("Result", await answer)

    def answer(self, result: Result) -> None:
        self.waiting.pop(0).set_result(result)

    async def close(self) -> None:
        pass


@dataclass
class Eager:
    """Wants seven bytes of every output."""

    kept: list[tuple[str, bytes]]

    def room(self, _job: JobView, *, leaving: bool = False) -> int:  # noqa: ARG002
        return 7

    def keep(self, _uid: str, job: str, output: bytes) -> None:
        self.kept.append((job, output))


@asynccontextmanager
async def calls_running(*, limit: int = 10, instant: bool = False, **spec: Any) -> AsyncIterator[tuple[Edges, Answers]]:
    """The operator with one job, whose calls the test answers, or which succeed at once (`instant`)."""
    edges = begin(inline_calls=limit, **{"executor": "http", "executorConfig": CONFIG, **spec})
    answers = Answers(asyncio.Semaphore(limit), instant)
    edges.parts.calls._pool = cast("Pool", answers)
    async with edges.running():
        yield edges, answers


def edit(edges: Edges, **spec: Any) -> None:
    def change(body: dict[str, Any]) -> None:
        body["spec"].update(spec)
        body["metadata"]["generation"] += 1

    edges.kube.edit(DKRON_JOBS, NAME, change)
    edges.watch()


def active_slots(edges: Edges) -> list[datetime]:
    return [entry.slot for entry in edges.status().active]


async def test_slot_is_claimed_called_and_recorded_without_a_job() -> None:
    async with calls_running() as (edges, answers):
        written: list[JobStatus] = []
        answers.seen = lambda: written.append(edges.status())
        await until(61)
        (status,) = written
        (entry,) = status.active
        assert (entry.slot, entry.uid[:5], status.last_schedule_time) == (after(60), "call-", after(60))
        answers.answer(Result("no", b"body"))
        await until(63)
        (record,) = edges.status().executions
        assert (record.reason, record.exit_code, record.message, record.output) == ("Error", 1, "no", "no\nbody")
        assert (edges.status().active, edges.kube.names(JOBS), answers.asked) == ((), [], 1)


async def test_listener_gets_more_output_than_the_status_keeps() -> None:
    async with calls_running(history={"outputBytes": 4}) as (edges, answers):
        kept: list[tuple[str, bytes]] = []
        edges.parts.calls._listener = cast("Listener", Eager(kept))
        await until(61)
        answers.answer(Result("", b"a long body"))
        await until(63)
        (record,) = edges.status().executions
        assert (record.output, kept) == ("body", [(record.job, b"ng body")])


async def test_three_calls_of_a_per_second_job_share_one_write() -> None:
    async with calls_running(schedule="* * * * * *", missedRuns="skip", instant=True) as (edges, _):
        await until(10.5)
        before = edges.status().success_count, edges.kube.calls.count(f"write dkronjobs {NAME}")
        await until(40.5)
        calls, writes = edges.status().success_count, edges.kube.calls.count(f"write dkronjobs {NAME}")
        assert (calls - before[0], writes - before[1]) == (30, 10)
        edit(edges, disabled=True)
        await until(45)
        assert (edges.status().active, edges.status().success_count) == ((), 40), "the last record needs no claim"


async def within_a_window(edges: Edges, *, second: float) -> int:
    """Wait until slots are claimed ahead, after this second; how many of them are left."""
    await until(second)
    while (window := edges.entry().status.window) is None:  # noqa: ASYNC110 - no event tells of a status
        await asyncio.sleep(0.1)
    return len(window.slots)


async def test_orderly_stop_returns_slots_claimed_ahead() -> None:
    async with calls_running(schedule="* * * * * *", history={"executions": 100}, instant=True) as (edges, _):
        assert await within_a_window(edges, second=10.5)
        await edges.parts.calls.close(grace=5)
        await edges.parts.writer.queue.idle()
        status, calls = edges.status(), edges.status().success_count
        assert (status.window, status.active, status.error_count) == (None, (), 0)
        await until(20)
        assert edges.status().success_count == calls >= 10


async def test_plan_older_than_the_release_calls_nothing() -> None:
    async with calls_running(schedule="* * * * * *", instant=True) as (edges, _):
        await within_a_window(edges, second=10.5)
        entry, caller = edges.entry(), edges.parts.calls.caller
        assert entry.status.window is not None
        ahead = claim(entry.status.window.slots[-1]).model_copy(update={"state": AttemptState.RUNNING, "uid": caller})
        entry.record(Reserved(caller))
        with pytest.raises(Conflict):
            await edges.parts.effects._create(entry, CreateJob(ahead, call=True))


@pytest.mark.parametrize(
    ("limit", "expected"),
    [pytest.param(1, ("True", "Scheduled"), id="some"), pytest.param(0, ("False", "InlineNotAllowed"), id="none")],
)
async def test_callable_job_is_ready_without_a_dry_run(limit: int, expected: tuple[str, str]) -> None:
    async with calls_running(limit=limit) as (edges, answers):
        await until(130)
        (ready,) = (each for each in edges.status().conditions if each.type == "Ready")
        assert ((ready.status, ready.reason), answers.asked) == (expected, limit)
        assert not [call for call in edges.kube.calls if call.startswith("try")]


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(Conflict("another writer was first", status=409), id="conflicts"),
        pytest.param(Unavailable("no answer"), id="is not made"),
        pytest.param(None, id="is made, and its answer lost"),
    ],
)
async def test_claim_is_repeated_before_the_single_call_if_it(error: KubeError | None) -> None:
    async with calls_running() as (edges, answers):
        await until(59)
        if error is None:
            edges.kube.lose_answer("write dkronjobs")
        else:
            edges.kube.fail("write dkronjobs", error)
        await until(65)
        assert (answers.asked, active_slots(edges)) == (1, [after(60)])
        answers.answer(Result(output=b"fine"))
        await until(67)
        assert [record.success for record in edges.status().executions] == [True]


async def test_call_started_twice_is_made_once() -> None:
    async with calls_running() as (edges, answers):
        await until(61)
        (entry,) = edges.status().active
        edges.parts.calls.begin(edges.entry(), entry)
        await until(62)
        assert answers.asked == 1
        answers.answer(Result())
        await asyncio.sleep(0)
        edges.parts.calls.begin(edges.entry(), entry)
        await until(64)
        assert answers.asked == 1


async def test_a_call_has_the_values_of_its_run() -> None:
    spec: dict[str, Any] = {
        "parameters": [{"name": "day", "default": "to day"}],
        "executorConfig": {**CONFIG, "url": "http://localhost/{{ day }}"},
    }
    async with calls_running(instant=True, **spec) as (edges, answers):
        await until(61)
        for number, day in enumerate(("1/2", "..")):
            entry = claim(after(number))
            edges.parts.calls.begin(edges.entry(), entry, given={"day": day})
            await until(62 + number)
        outcome = edges.entry().observed.outcomes[entry.job]
        assert answers.urls == ["http://localhost/to%20day", "http://localhost/1%2F2"]
        assert (outcome.success, 'parameter "day": its value would change the path' in outcome.message) == (False, True)


async def test_a_stop_breaks_a_call_off() -> None:
    async with calls_running() as (edges, answers):
        await until(61)
        wish = {f"stop.dkron.io/{claim(after(60)).job}": "2026-03-01T12:01:01Z by ada"}
        edges.kube.edit(DKRON_JOBS, NAME, lambda job: job["metadata"].update(annotations=wish))
        edges.watch()
        await until(63)
        (record,) = edges.status().executions
        assert (record.reason, record.message) == ("Stopped", "asked for at 2026-03-01T12:01:01Z by ada")
        assert (edges.status().active, answers.waiting[0].cancelled()) == ((), True)
        assert list(edges.kube.has(DKRON_JOBS, NAME)["metadata"]["annotations"]) == [ACCEPTED]


async def test_stop_finishes_calls_and_starts_none() -> None:
    async with calls_running(schedule="*/10 * * * * *") as (edges, answers):
        await until(11)
        closing = asyncio.create_task(edges.parts.calls.close(grace=30))
        await until(25)
        assert (answers.asked, closing.done()) == (1, False)
        answers.answer(Result(output=b"in time"))
        await until(26)
        assert closing.done()
        assert [record.output for record in edges.entry().status.executions] == ["in time"]


async def test_call_that_outlasts_the_stop_is_undecided() -> None:
    async with calls_running() as (edges, answers):
        await until(61)
        await edges.parts.calls.close(grace=5)
        await until(70)
        assert (answers.waiting[0].cancelled(), len(edges.status().active)) == (True, 1)
        assert edges.status().executions == ()


@pytest.mark.parametrize(
    ("new_term", "expected"),
    [
        pytest.param(True, (1, {after(10): (True, ""), after(20): (False, "Unknown")}), id="not if another has led"),
        pytest.param(False, (2, {after(10): (True, ""), after(20): (True, "")}), id="if no other has led"),
    ],
)
async def test_call_queued_at_a_lost_lease_is_made_later(*, new_term: bool, expected: Any) -> None:
    async with calls_running(limit=1, schedule="*/10 * * * * *", missedRuns="skip") as (edges, answers):
        await until(21)
        assert (answers.asked, len(edges.status().active)) == (1, 2), "the second waits for the first"
        edges.acts = False
        answers.answer(Result("", b"late"))
        await until(25)
        assert answers.asked == 1
        edges.acts = True
        edges.parts.take_over(idle=timedelta(seconds=16), new_term=new_term)
        await until(26)
        if not new_term:
            answers.answer(Result("", b"fine"))
        await until(28)
        ends = {record.slot: (record.success, record.reason) for record in edges.status().executions}
        assert (answers.asked, ends) == expected


async def test_former_leader_waits_for_no_call_at_its_end() -> None:
    async with calls_running() as (edges, _):
        await until(61)
        edges.acts = False
        await edges.parts.calls.close(grace=10)
        assert asyncio.get_running_loop().time() < 62


@pytest.mark.promise
async def test_foreign_claim_seen_before_our_call_prevents_it() -> None:
    async with calls_running() as (edges, answers):
        await until(59.5)
        async with edges.entry().writing:
            await until(60.5)
            theirs = claim(after(60)).model_copy(update={"state": AttemptState.RUNNING, "uid": "call-of-another"})
            status = edges.status().model_copy(update={"active": (theirs,), "last_schedule_time": after(60)})
            edges.kube.edit(DKRON_JOBS, NAME, lambda body: body.update(status=status.to_wire()))
            edges.watch()
        await until(62)
        assert answers.asked == 0
        assert [record.reason for record in edges.status().executions] == ["Unknown"]
