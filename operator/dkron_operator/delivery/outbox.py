"""Outboxes: a bounded queue for each receiver, so that a receiver that hangs does not affect the others.

A message that does not arrive is retried, later each time, until it is too old. Namespaces take turns in each queue
(`message_queue.py`).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextvars import Context
from dataclasses import dataclass
from typing import Protocol

from dkron_kube.backoff import Backoff
from dkron_operator.delivery.message_queue import MessageQueue, QueuedMessage
from dkron_operator.kit.log_once import LogOnce
from dkron_processors.message import Entry, File, Line, Mail, Message, Parcel, Post, Record, Refused

log = logging.getLogger(__name__)

OVERHEAD = 1024
"""Approximate bytes that a message takes besides its text."""


class Unreachable(Exception):
    """The receiver may accept the message later: it did not answer, was too busy, or had an error of its own."""


class Undeliverable(Exception):
    """The receiver would refuse the message again."""


class Sending(Protocol):
    """Sends messages."""

    async def send(self, message: Message) -> None:
        """Send it. Raises `Unreachable`, `Undeliverable`, TimeoutError."""

    async def close(self) -> None:
        """Close the connections."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of an outbox."""

    room: int = 1000
    """How many messages there may be, with those under way."""

    room_bytes: int = 4 * 1024 * 1024
    """How many bytes they may take."""

    width: int = 2
    """How many messages are sent at once."""

    patience: float = 10.0
    """Seconds that one try may take."""

    first_delay: float = 1.0
    """Seconds until the first retry; the delay doubles each time."""

    last_delay: float = 60.0
    """The longest delay between two tries, in seconds."""

    age: float = 3600.0
    """Seconds after which a message is given up."""


class Outbox:
    """The queue of one receiver, and its workers."""

    def __init__(
        self,
        receiver: str,
        send: Callable[[Message], Awaitable[None]],
        limits: Limits,
        *,
        may_act: Callable[[], bool] = lambda: True,
    ) -> None:
        self.receiver = receiver
        self._send = send
        self._limits = limits
        self._may_act = may_act
        self._backoff = Backoff(limits.first_delay, limits.last_delay, spread=(0.8, 1.2))
        self._messages = MessageQueue(limits.room, limits.room_bytes)
        self._ready = asyncio.Event()
        self._quiet = asyncio.Event()
        self._log_once = LogOnce(log, receiver, meanwhile="retrying")

    def __len__(self) -> int:
        return len(self._messages)

    def add(self, message: QueuedMessage) -> None:
        """Add the message. Never waits."""
        message.created_at = asyncio.get_running_loop().time()
        for dropped in self._messages.add(message):
            dropped.done(f"dropped, because the queue of {self.receiver} is full and no namespace has more in it")
        self._ready.set()

    def clear(self) -> None:
        """Forget all messages: another replica sends them. Of a message under way, a final result still counts."""
        self._messages = MessageQueue(self._limits.room, self._limits.room_bytes)
        self._quiet.set()

    async def empty(self) -> None:
        """Return when no message is left."""
        while self._messages:
            self._quiet.clear()
            await self._quiet.wait()

    async def run(self) -> None:
        """Send until cancelled. Can be called again afterwards."""
        async with asyncio.TaskGroup() as workers:
            for number in range(self._limits.width):
                workers.create_task(self._work(), name=f"{self.receiver}-{number}")

    async def _work(self) -> None:
        while True:
            while (message := self._messages.take()) is None:
                self._ready.clear()
                await self._ready.wait()
            try:
                await self._attempt(message)
            except asyncio.CancelledError:
                self._messages.make_ready(message)
                raise

    async def _attempt(self, message: QueuedMessage) -> None:
        if not self._may_act():
            # Send it when this process may act again, unless another replica has taken over by then.
            self._retry_after(self._limits.first_delay, message)
            return
        message.tries += 1
        try:
            async with asyncio.timeout(self._limits.patience):
                await self._send(message.message)
        except (Unreachable, TimeoutError) as exc:
            why = str(exc) or f"no answer within {self._limits.patience:g} s"
            self._log_once.goes_on(exc, why)
            self._put_off(message, why)
        except Undeliverable as exc:
            self._settle(message, str(exc))
        except Exception as exc:
            log.exception("%s: cannot send", self.receiver)
            # Its text may quote what the receiver answered; the log has it.
            self._settle(message, f"the operator cannot send it ({type(exc).__name__})")
        else:
            self._log_once.is_over()
            self._settle(message, "")

    def _put_off(self, message: QueuedMessage, why: str) -> None:
        delay = self._backoff.after(message.tries)
        if asyncio.get_running_loop().time() + delay - message.created_at > self._limits.age:
            self._settle(message, f"given up after {message.tries} tries: {why}")
        else:
            self._retry_after(delay, message)

    def _retry_after(self, delay: float, message: QueuedMessage) -> None:
        self._messages.put_off(message)
        asyncio.get_running_loop().call_later(delay, self._retry, message)

    def _retry(self, message: QueuedMessage) -> None:
        self._messages.make_ready(message)
        self._ready.set()

    def _settle(self, message: QueuedMessage, why: str) -> None:
        self._messages.remove(message)
        message.done(why)
        if not self._messages:
            self._quiet.set()


class Outboxes:
    """Takes parcels at any time; sends them while it runs, and closes the senders at the end."""

    def __init__(self, senders: Sending, limits: Limits, *, may_act: Callable[[], bool] = lambda: True) -> None:
        self._senders = senders
        self._limits = limits
        self._may_act = may_act
        self._by_receiver: dict[str, Outbox] = {}
        self._group: asyncio.TaskGroup | None = None

    def __len__(self) -> int:
        return sum(len(outbox) for outbox in self._by_receiver.values())

    def post(self, parcel: Parcel, done: Callable[[str], None], *, namespace: str) -> None:
        """Send the parcel of a job in this namespace. `done` gets the reason why it did not arrive; empty if it did."""
        outbox = self._by_receiver.get(parcel.receiver)
        if outbox is None:
            outbox = self._by_receiver[parcel.receiver] = Outbox(
                parcel.receiver, self._senders.send, self._limits, may_act=self._may_act
            )
            self._start(outbox)
        outbox.add(QueuedMessage(parcel.message, namespace, parcel.is_urgent, weight(parcel.message), done))

    def clear(self) -> None:
        """Forget all messages."""
        for outbox in self._by_receiver.values():
            outbox.clear()

    async def run(self) -> None:
        """Send until cancelled."""
        try:
            async with asyncio.TaskGroup() as self._group:
                for outbox in self._by_receiver.values():
                    self._start(outbox)
                await asyncio.Event().wait()
        finally:
            self._group = None
            await self._senders.close()

    async def empty(self) -> None:
        """Return when no message is left."""
        await asyncio.gather(*(outbox.empty() for outbox in self._by_receiver.values()))

    def _start(self, outbox: Outbox) -> None:
        if self._group is not None:
            # The task outlives its first message, so it must not inherit the trace of that message.
            self._group.create_task(outbox.run(), name=outbox.receiver, context=Context())


def weight(message: Message) -> int:
    """Approximate bytes that a message takes while it waits."""
    match message:
        case Line(fields=fields) | Record(fields=fields):
            return OVERHEAD + len(str(fields.get("message") or ""))
        case File(text=text) | Mail(text=text):
            return OVERHEAD + len(text)
        case Entry(data=data) | Post(body=data):
            return OVERHEAD + len(data)
        case Refused():
            return OVERHEAD
