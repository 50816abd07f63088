"""Calls around a fake API server and a server that answers when the test says: claims, ends, stops and farewells."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import pytest

from dkron_crds.job import JobStatus
from dkron_crds.names import ACCEPTED
from dkron_executors.keys.http import Http
from dkron_executors.result import Result
from dkron_executors.run.pool import Pool
from dkron_kube.errors import Conflict, Unavailable
from dkron_kube.paths import DKRON_JOBS, JOBS
from dkron_operator.act.listener import Listener
from dkron_operator.plan.actions import CreateJob
from dkron_operator.plan.reserved_slots import Released
from dkron_operator.plan.view import JobView
from tests.support.builders import NAME, after, claim
from tests.support.edges import Edges, begin

pytestmark = pytest.mark.looptime
CONFIG = {"method": "GET", "url": "http://localhost/", "inline": "true"}


@dataclass
class Answers:
    """A pool without a network: each call waits until it is answered."""

    places: asyncio.Semaphore
    waiting: list[asyncio.Future[Result]] = field(default_factory=list)
    asked: int = 0
    seen: Callable[[], None] = lambda: None

    def place(self) -> asyncio.Semaphore:
        return self.places

    async def call(self, _keys: Http) -> Result:
        self.asked += 1
        self.seen()
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

    def room(self, _job: JobView) -> int:
        return 7

    def keep(self, _uid: str, job: str, output: bytes) -> None:
        self.kept.append((job, output))


def calling(*, limit: int = 10, **spec: Any) -> tuple[Edges, Answers]:
    edges = begin(inline_calls=limit, executor="http", executorConfig=CONFIG, **spec)
    answers = Answers(asyncio.Semaphore(limit))
    edges.reconciler.calls._pool = cast("Pool", answers)
    return edges, answers


def until(second: float) -> Any:
    return asyncio.sleep(second - asyncio.get_running_loop().time())


async def test_a_slot_is_claimed_called_and_recorded_without_a_job() -> None:
    edges, answers = calling()
    written: list[JobStatus] = []
    answers.seen = lambda: written.append(edges.status())
    async with edges.running():
        await until(61)
        (status,) = written
        (entry,) = status.active
        assert (entry.slot, entry.uid[:5], status.last_schedule_time) == (after(60), "call-", after(60))
        answers.answer(Result("no", b"body"))
        await until(63)
        (record,) = edges.status().executions
        assert (record.reason, record.exit_code, record.message, record.output) == ("Error", 1, "no", "no\nbody")
        assert (edges.status().active, edges.kube.names(JOBS), answers.asked) == ((), [], 1)


async def test_who_wants_more_of_the_output_than_the_status_keeps_gets_it() -> None:
    edges, answers = calling(history={"outputBytes": 4})
    kept: list[tuple[str, bytes]] = []
    edges.reconciler.calls._listener = cast("Listener", Eager(kept))
    async with edges.running():
        await until(61)
        answers.answer(Result("", b"a long body"))
        await until(63)
        (record,) = edges.status().executions
        assert (record.output, kept) == ("body", [(record.job, b"ng body")])


async def test_a_job_that_is_called_each_second_costs_one_write_for_three_calls() -> None:
    edges, answers = calling(schedule="* * * * * *", missedRuns="skip")
    answers.call = instantly  # type: ignore[method-assign]
    async with edges.running():
        await until(10.5)
        before = edges.status().success_count, edges.kube.calls.count(f"write dkronjobs {NAME}")
        await until(40.5)
        calls, writes = edges.status().success_count, edges.kube.calls.count(f"write dkronjobs {NAME}")
        assert (calls - before[0], writes - before[1]) == (30, 10)
        edges.kube.edit(DKRON_JOBS, NAME, lambda job: job["spec"].update(disabled=True))
        edges.kube.edit(DKRON_JOBS, NAME, lambda job: job["metadata"].update(generation=2))
        edges.watch()
        await until(45)
        assert (edges.status().active, edges.status().success_count) == ((), 40), "the last record needs no claim"


async def within_a_window(edges: Edges, *, second: float) -> int:
    """Wait until slots are claimed ahead, after this second; how many of them are left."""
    await until(second)
    while (window := edges.entry().status.window) is None:  # noqa: ASYNC110 - of a status nobody tells
        await asyncio.sleep(0.1)
    return len(window.slots)


async def test_at_an_orderly_end_what_is_claimed_ahead_is_given_back() -> None:
    edges, answers = calling(schedule="* * * * * *", history={"executions": 100})
    answers.call = instantly  # type: ignore[method-assign]
    async with edges.running():
        assert await within_a_window(edges, second=10.5)
        await edges.reconciler.calls.close(grace=5)
        await edges.reconciler.writer.queue.idle()
        status, calls = edges.status(), edges.status().success_count
        assert (status.window, status.active, status.error_count) == (None, (), 0)
        await until(20)
        assert edges.status().success_count == calls >= 10


async def test_an_edit_ends_the_window_at_once() -> None:
    edges, answers = calling(schedule="* * * * * *")
    answers.call = instantly  # type: ignore[method-assign]
    async with edges.running():
        assert await within_a_window(edges, second=10.5)
        edges.kube.edit(DKRON_JOBS, NAME, lambda job: job["spec"].update(schedule="@manually"))
        edges.kube.edit(DKRON_JOBS, NAME, lambda job: job["metadata"].update(generation=2))
        edges.watch()
        await asyncio.sleep(0.1)
        assert edges.status().window is None
        calls = edges.status().success_count
        await until(20)
        assert (edges.status().success_count, edges.status().error_count) == (calls, 0)


async def test_a_new_term_does_not_trust_what_was_claimed_in_the_one_before() -> None:
    edges, answers = calling(schedule="* * * * * *", history={"executions": 100})
    answers.call = instantly  # type: ignore[method-assign]
    async with edges.running():
        await within_a_window(edges, second=10.5)
        written = edges.status().window
        assert written is not None
        edges.reconciler.take_over(idle=timedelta(), anew=True)
        await until(20)
        reasons = [record.reason for record in edges.status().executions]
        assert reasons.count("Unknown") == len(written.slots), "what it has called, too: that was not written down"
        assert set(reasons) == {"", "Unknown"}


async def test_a_plan_that_is_older_than_the_release_calls_nothing() -> None:
    edges, answers = calling(schedule="* * * * * *")
    answers.call = instantly  # type: ignore[method-assign]
    async with edges.running():
        await within_a_window(edges, second=10.5)
        entry, caller = edges.entry(), edges.reconciler.calls.caller
        assert entry.status.window is not None
        ahead = claim(entry.status.window.slots[-1]).model_copy(update={"uid": caller})
        entry.note(Released(caller))
        with pytest.raises(Conflict):
            await edges.reconciler._fire(entry, CreateJob(ahead, call=True))


async def instantly(_keys: Http) -> Result:
    return Result(output=b"fine")


async def test_a_ready_job_was_not_tried_at_the_api_server() -> None:
    edges, _ = calling(schedule="@manually")
    async with edges.running():
        await until(5)
        assert [c.status for c in edges.status().conditions if c.type == "Ready"] == ["True"]
        assert not [call for call in edges.kube.calls if call.startswith("try")]


async def test_where_none_are_allowed_the_job_is_not_ready_and_nothing_is_called() -> None:
    edges, answers = calling(limit=0)
    async with edges.running():
        await until(130)
        (ready,) = [c for c in edges.status().conditions if c.type == "Ready"]
        assert (ready.status, ready.reason, answers.asked) == ("False", "InlineNotAllowed", 0)


@pytest.mark.parametrize(
    "error", [Conflict("somebody wrote first", status=409), Unavailable("no answer")], ids=["conflicts", "not made"]
)
async def test_a_claim_that_is_not_accepted_is_made_again_before_the_call(error: Any) -> None:
    edges, answers = calling()
    async with edges.running():
        await until(59)
        edges.kube.fail("write dkronjobs", error)
        await until(65)
        assert answers.asked == 1
        assert [entry.slot for entry in edges.status().active] == [after(60)]


async def test_a_claim_whose_answer_was_lost_is_called_once() -> None:
    edges, answers = calling()
    async with edges.running():
        await until(59)
        edges.kube.lose_answer("write dkronjobs")
        await until(65)
        assert (answers.asked, [entry.slot for entry in edges.status().active]) == (1, [after(60)])
        answers.answer(Result(output=b"fine"))
        await until(67)
        assert [record.success for record in edges.status().executions] == [True]


async def test_a_call_that_is_begun_twice_is_made_once() -> None:
    edges, answers = calling()
    async with edges.running():
        await until(61)
        (entry,) = edges.status().active
        edges.reconciler.calls.begin(edges.entry(), entry)
        await until(62)
        assert answers.asked == 1
        answers.answer(Result())
        await asyncio.sleep(0)
        edges.reconciler.calls.begin(edges.entry(), entry)
        await until(64)
        assert answers.asked == 1


async def test_more_calls_than_places_wait_for_their_turn() -> None:
    edges, answers = calling(limit=1, schedule="*/10 * * * * *")
    async with edges.running():
        await until(21)
        assert (answers.asked, len(edges.status().active)) == (1, 2)
        answers.answer(Result())
        await until(22)
        assert answers.asked == 2


async def test_a_stop_breaks_a_call_off() -> None:
    edges, answers = calling()
    async with edges.running():
        await until(61)
        wish = {f"stop.dkron.io/{claim(after(60)).job}": "2026-03-01T12:01:01Z by ada"}
        edges.kube.edit(DKRON_JOBS, NAME, lambda job: job["metadata"].update(annotations=wish))
        edges.watch()
        await until(63)
        (record,) = edges.status().executions
        assert (record.reason, record.message) == ("Stopped", "asked for at 2026-03-01T12:01:01Z by ada")
        assert (edges.status().active, answers.waiting[0].cancelled()) == ((), True)
        assert list(edges.kube.has(DKRON_JOBS, NAME)["metadata"]["annotations"]) == [ACCEPTED]


async def test_at_the_end_calls_come_to_theirs_and_none_begins() -> None:
    edges, answers = calling(schedule="*/10 * * * * *")
    async with edges.running():
        await until(11)
        closing = asyncio.create_task(edges.reconciler.calls.close(grace=30))
        await until(25)
        assert (answers.asked, closing.done()) == (1, False)
        answers.answer(Result(output=b"in time"))
        await until(26)
        assert closing.done()
        assert [record.output for record in edges.entry().status.executions] == ["in time"]


async def test_what_does_not_end_in_time_is_left_undecided() -> None:
    edges, answers = calling()
    async with edges.running():
        await until(61)
        await edges.reconciler.calls.close(grace=5)
        await until(70)
        assert (answers.waiting[0].cancelled(), len(edges.status().active)) == (True, 1)
        assert edges.status().executions == ()


async def test_what_passes_while_another_leads_is_missed_and_not_made_up_for() -> None:
    edges, answers = calling(schedule="*/10 * * * * *", missedRuns="skip")
    edges.acts = False
    async with edges.running():
        await until(35)
        assert (answers.asked, edges.status().active, edges.status().skipped) == (0, (), None)
        edges.acts = True
        edges.reconciler.take_over(idle=timedelta(seconds=16), anew=True)
        await until(45)
        assert answers.asked == 1
        assert [entry.slot for entry in edges.status().active] == [after(40)]
        skipped = edges.status().skipped
        assert skipped is not None
        assert skipped.count == 3


async def test_a_call_that_waits_for_its_turn_is_not_made_by_who_leads_no_more() -> None:
    edges, answers = calling(limit=1, schedule="*/10 * * * * *", missedRuns="skip")
    async with edges.running():
        await until(21)
        assert (answers.asked, len(edges.status().active)) == (1, 2), "the second waits for the first"
        edges.acts = False
        answers.answer(Result("", b"late"))
        await until(35)
        assert answers.asked == 1
        # Another has led since, and may have said of both that nobody knows.
        edges.acts = True
        edges.reconciler.take_over(idle=timedelta(seconds=16), anew=True)
        await until(36)
        ends = {record.slot: (record.success, record.reason) for record in edges.status().executions}
        assert ends == {after(10): (True, ""), after(20): (False, "Unknown")}
        assert answers.asked == 1


async def test_a_call_that_was_not_made_yet_is_made_if_nobody_else_has_led() -> None:
    edges, answers = calling(limit=1, schedule="*/10 * * * * *", missedRuns="skip")
    async with edges.running():
        await until(21)
        edges.acts = False
        answers.answer(Result("", b"late"))
        await until(25)
        edges.acts = True
        edges.reconciler.take_over(idle=timedelta(seconds=16), anew=False)
        await until(26)
        answers.answer(Result("", b"fine"))
        await until(28)
        ends = {record.slot: record.success for record in edges.status().executions}
        assert (ends, answers.asked) == ({after(10): True, after(20): True}, 2)


async def test_who_leads_no_more_waits_for_no_call_at_its_end() -> None:
    edges, _ = calling()
    async with edges.running():
        await until(61)
        edges.acts = False
        await edges.reconciler.calls.close(grace=10)
        assert asyncio.get_running_loop().time() < 62


@pytest.mark.promise
async def test_a_claim_of_another_that_arrives_while_ours_waits_for_its_turn_is_seen() -> None:
    edges, answers = calling()
    async with edges.running():
        await until(59.5)
        async with edges.entry().writing:
            await until(60.5)
            theirs = claim(after(60)).model_copy(update={"uid": "call-of-another"})
            status = edges.status().model_copy(update={"active": (theirs,), "last_schedule_time": after(60)})
            edges.kube.edit(DKRON_JOBS, NAME, lambda body: body.update(status=status.to_wire()))
            edges.watch()
        await until(62)
        assert answers.asked == 0
        assert [record.reason for record in edges.status().executions] == ["Unknown"]
