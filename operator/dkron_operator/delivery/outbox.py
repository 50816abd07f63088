"""Outboxes: a bounded queue for each receiver, so that a receiver that hangs does not affect the others.

A message that does not arrive is retried, later each time, until it is too old. If there is no room, the oldest goes.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextvars import Context
from dataclasses import dataclass
from itertools import count
from typing import Protocol

from dkron_kube.backoff import Backoff
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
    """How many messages may wait."""

    room_bytes: int = 4 * 1024 * 1024
    """How many bytes may wait."""

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


@dataclass(slots=True)
class QueuedMessage:
    """A message in an outbox."""

    message: Message
    size: int
    done: Callable[[str], None]
    """Called with the reason why the message did not arrive; empty if it did."""

    born: float = 0.0
    tries: int = 0


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
        self._ready: asyncio.Queue[int] = asyncio.Queue()
        self._numbers = count()
        self._letters: dict[int, QueuedMessage] = {}
        self.size = 0
        """How many bytes wait."""
        self._quiet = asyncio.Event()
        self._log_once = LogOnce(log, receiver, meanwhile="retrying")

    def __len__(self) -> int:
        return len(self._letters)

    def add(self, letter: QueuedMessage) -> None:
        """Add the message. Never waits."""
        letter.born = asyncio.get_running_loop().time()
        number = next(self._numbers)
        self._letters[number] = letter
        self.size += letter.size
        self._ready.put_nowait(number)
        while len(self) > self._limits.room or (self.size > self._limits.room_bytes and len(self) > 1):
            oldest = next(iter(self._letters))
            self._settle(oldest, f"dropped, because the queue of {self.receiver} is full")

    def clear(self) -> None:
        """Forget the waiting messages: another replica sends them."""
        self._letters.clear()
        self.size = 0
        self._quiet.set()

    async def empty(self) -> None:
        """Return when nothing waits."""
        while self._letters:
            self._quiet.clear()
            await self._quiet.wait()

    async def run(self) -> None:
        """Send until cancelled. Can be called again afterwards."""
        self._ready = asyncio.Queue()
        for number in self._letters:
            self._ready.put_nowait(number)
        async with asyncio.TaskGroup() as workers:
            for number in range(self._limits.width):
                workers.create_task(self._work(), name=f"{self.receiver}-{number}")

    async def _work(self) -> None:
        while True:
            number = await self._ready.get()
            letter = self._letters.get(number)
            # A dropped message has left only its number in the queue.
            if letter is not None:
                await self._attempt(number, letter)

    async def _attempt(self, number: int, letter: QueuedMessage) -> None:
        if not self._may_act():
            # Send it when this process may act again, unless another replica has taken over by then.
            asyncio.get_running_loop().call_later(self._limits.first_delay, self._ready.put_nowait, number)
            return
        letter.tries += 1
        try:
            async with asyncio.timeout(self._limits.patience):
                await self._send(letter.message)
        except (Unreachable, TimeoutError) as exc:
            why = str(exc) or f"no answer within {self._limits.patience:g} s"
            self._log_once.goes_on(exc, why)
            self._put_off(number, letter, why)
        except Undeliverable as exc:
            self._settle(number, str(exc))
        except Exception as exc:
            log.exception("%s: cannot send", self.receiver)
            # Its text may quote what the receiver answered; the log has it.
            self._settle(number, f"the operator cannot send it ({type(exc).__name__})")
        else:
            self._log_once.is_over()
            self._settle(number, "")

    def _put_off(self, number: int, letter: QueuedMessage, why: str) -> None:
        loop = asyncio.get_running_loop()
        delay = self._backoff.after(letter.tries)
        if loop.time() + delay - letter.born > self._limits.age:
            self._settle(number, f"given up after {letter.tries} tries: {why}")
        elif number in self._letters:
            loop.call_later(delay, self._ready.put_nowait, number)

    def _settle(self, number: int, why: str) -> None:
        letter = self._letters.pop(number, None)
        if letter is not None:
            self.size -= letter.size
            letter.done(why)
        if not self._letters:
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

    def post(self, parcel: Parcel, done: Callable[[str], None]) -> None:
        """Send the parcel. `done` gets the reason why it did not arrive; empty if it did."""
        outbox = self._by_receiver.get(parcel.receiver)
        if outbox is None:
            outbox = self._by_receiver[parcel.receiver] = Outbox(
                parcel.receiver, self._senders.send, self._limits, may_act=self._may_act
            )
            self._start(outbox)
        outbox.add(QueuedMessage(parcel.message, weight(parcel.message), done))

    def clear(self) -> None:
        """Forget the waiting messages."""
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
        """Return when nothing waits."""
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
