"""An outbox in virtual time: bounded, patient, and never in anybody's way."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from functools import partial
from unittest.mock import AsyncMock, Mock

import pytest

from dkron_operator.delivery.message_queue import QueuedMessage
from dkron_operator.delivery.outbox import Limits, Outbox, Outboxes, Undeliverable, Unreachable
from dkron_processors.message import File, Message, Parcel

pytestmark = pytest.mark.looptime
HOURS = 3600.0


class Receiver:
    """Takes what it is sent, unless a test says otherwise. `ends` is what became of each message."""

    def __init__(self, limits: Limits) -> None:
        self.trouble: Exception | None = None
        self.hangs = False
        self.before = asyncio.Event()
        self.before.set()
        self.tries: list[tuple[str, float]] = []
        self.ends: dict[str, str] = {}
        self.acts = True
        self.outbox = Outbox("files", self.send, limits, may_act=lambda: self.acts)

    async def send(self, message: Message) -> None:
        assert isinstance(message, File)
        self.tries.append((message.name, asyncio.get_running_loop().time()))
        await self.before.wait()
        if self.hangs:
            await asyncio.Event().wait()
        if self.trouble is not None:
            raise self.trouble

    def add(self, *names: str, namespace: str = "team") -> None:
        for name in names:
            self.outbox.add(QueuedMessage(File("", name, ""), namespace, True, 1, partial(self.end, name)))

    def end(self, name: str, why: str) -> None:
        assert name not in self.ends, "each message ends once"
        self.ends[name] = why


@asynccontextmanager
async def working(limits: Limits | None = None) -> AsyncIterator[Receiver]:
    found = Receiver(limits or Limits())
    task = asyncio.create_task(found.outbox.run())
    try:
        yield found
    finally:
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_context_of_the_poster_does_not_reach_the_sender() -> None:
    current, seen = ContextVar("current", default="nothing"), asyncio.get_running_loop().create_future()

    async def send(_: Message) -> None:
        seen.set_result(current.get())

    outboxes = Outboxes(Mock(send=send, close=AsyncMock()), Limits())
    running = asyncio.create_task(outboxes.run())
    await asyncio.sleep(0)
    current.set("the span of a run")
    outboxes.post(Parcel("files", File("", "a", "")), lambda _: None, namespace="team")
    assert await seen == "nothing"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_rejected_message_is_retried_with_backoff_until_accepted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with working() as receiver:
        receiver.trouble = Unreachable("it is busy")
        receiver.add("a")
        await asyncio.sleep(60)
        assert receiver.ends == {}
        waits = [later - at for (_, at), (_, later) in zip(receiver.tries, receiver.tries[1:], strict=False)]
        assert waits == sorted(waits)
        assert len(waits) >= 4
        receiver.trouble = None
        await receiver.outbox.empty()
        assert receiver.ends == {"a": ""}
    said = [record.message for record in caplog.records]
    assert said == ["files: it is busy; retrying", "files: works again"], "told once, and once that it is over"


async def test_refused_message_is_not_retried() -> None:
    async with working() as receiver:
        receiver.trouble = Undeliverable("no such index")
        receiver.add("a")
        await asyncio.sleep(HOURS)
        assert receiver.ends == {"a": "no such index"}
        assert len(receiver.tries) == 1


@pytest.mark.parametrize(
    ("limits", "hangs", "age"),
    [
        pytest.param(Limits(), False, HOURS, id="it is busy for an hour"),
        pytest.param(Limits(patience=5, age=60), True, 60, id="it hangs"),
    ],
)
async def test_old_message_is_given_up_with_the_reason(limits: Limits, *, hangs: bool, age: float) -> None:
    async with working(limits) as receiver:
        receiver.hangs, receiver.trouble = hangs, Unreachable("it is busy")
        receiver.add("a")
        await asyncio.sleep(2 * age)
        assert receiver.ends["a"].startswith("given up after ")
        assert receiver.ends["a"].endswith("no answer within 5 s" if hangs else "tries: it is busy")
        assert receiver.tries[-1][1] <= age


async def test_message_under_way_is_not_dropped() -> None:
    async with working(Limits(room=3)) as receiver:
        receiver.hangs = True
        receiver.add("a", "b", "c")
        await asyncio.sleep(1)
        receiver.add("d", "e")
        assert list(receiver.ends) == ["c", "d"]
        assert receiver.ends["c"].startswith("dropped, because the queue of files is full")
        assert len(receiver.outbox) == 3


async def test_dropped_message_is_not_tried_again() -> None:
    async with working(Limits(room=1)) as receiver:
        receiver.trouble = Unreachable("it is busy")
        receiver.add("a")
        await asyncio.sleep(0.5)
        receiver.trouble = None
        receiver.add("b")
        await asyncio.sleep(60)
        assert [name for name, _ in receiver.tries] == ["a", "b"]
        assert receiver.ends["a"].startswith("dropped")
        assert receiver.ends["b"] == ""


async def test_namespaces_take_turns() -> None:
    async with working(Limits(width=1)) as receiver:
        receiver.add("a", "b", "c")
        receiver.add("x", "y", namespace="other")
        await receiver.outbox.empty()
        assert [name for name, _ in receiver.tries] == ["a", "x", "b", "y", "c"]


async def test_cancelled_run_leaves_its_message_to_the_next() -> None:
    async with working() as receiver:
        receiver.hangs = True
        receiver.add("a")
        await asyncio.sleep(1)
    assert (receiver.ends, len(receiver.outbox)) == ({}, 1)
    receiver.hangs = False
    task = asyncio.create_task(receiver.outbox.run())
    await receiver.outbox.empty()
    assert receiver.ends == {"a": ""}
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_message_under_way_at_a_handover_ends_once() -> None:
    arrives = asyncio.Event()
    async with working() as receiver:
        receiver.before = arrives
        receiver.add("a", "b", "c")
        await asyncio.sleep(1)
        receiver.acts = False
        receiver.outbox.clear()
        assert len(receiver.outbox) == 0
        arrives.set()
        await asyncio.sleep(60)
        assert receiver.ends == {"a": "", "b": ""}, "the other replica sends c"


async def test_internal_error_costs_only_the_message() -> None:
    async with working() as receiver:
        receiver.trouble = KeyError("x")
        receiver.add("a")
        await receiver.outbox.empty()
        receiver.trouble = None
        receiver.add("b")
        await receiver.outbox.empty()
        assert receiver.ends == {"a": "the operator cannot send it (KeyError)", "b": ""}


async def test_standby_keeps_its_queue_until_it_leads_or_all_is_sent() -> None:
    async with working(Limits(width=1)) as receiver:
        receiver.acts = False
        receiver.add("a", "b")
        await asyncio.sleep(100)
        assert (receiver.tries, len(receiver.outbox)) == ([], 2)
        receiver.acts = True
        await asyncio.sleep(2)
        assert receiver.ends == {"a": "", "b": ""}
        receiver.acts = False
        receiver.add("c")
        await asyncio.sleep(5)
        receiver.outbox.clear()
        await receiver.outbox.empty()
        receiver.acts = True
        await asyncio.sleep(100)
    assert [name for name, _ in receiver.tries] == ["a", "b"]
    assert "c" not in receiver.ends, "no receiver gets a message that is not ours to send"
    assert len(receiver.outbox) == 0
