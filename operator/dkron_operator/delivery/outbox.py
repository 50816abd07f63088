"""Outboxes: a bounded queue for each receiver, so that one that hangs costs the others nothing.

What does not arrive is tried again, later each time, until it is too old. Where there is no room, the oldest goes.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count

from dkron_operator.delivery.trouble import Undeliverable, Unreachable
from dkron_operator.processors.message import Message

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """Of an outbox: how many messages and bytes wait, how many are sent at once; in seconds, how long one try may take,
    between which delays it is repeated, and how old a message gets."""

    room: int = 1000
    room_bytes: int = 4 * 1024 * 1024
    width: int = 2
    patience: float = 10.0
    first_delay: float = 1.0
    last_delay: float = 60.0
    age: float = 3600.0


@dataclass(slots=True)
class Letter:
    """A message on its way. `done` is told why it did not arrive; nothing if it did."""

    message: Message
    size: int
    done: Callable[[str], None]
    born: float = 0.0
    tries: int = 0
    trouble: str = ""


@dataclass(slots=True)
class _State:
    letters: dict[int, Letter] = field(default_factory=dict)
    size: int = 0


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
        self._ready: asyncio.Queue[int] = asyncio.Queue()
        self._numbers = count()
        self._state = _State()
        self._quiet = asyncio.Event()
        self._in_trouble = False

    def __len__(self) -> int:
        return len(self._state.letters)

    @property
    def size(self) -> int:
        """Bytes that wait."""
        return self._state.size

    def add(self, letter: Letter) -> None:
        """Have it sent. Never waits."""
        letter.born = asyncio.get_running_loop().time()
        number = next(self._numbers)
        self._state.letters[number] = letter
        self._state.size += letter.size
        self._ready.put_nowait(number)
        while len(self) > self._limits.room or (self._state.size > self._limits.room_bytes and len(self) > 1):
            oldest = next(iter(self._state.letters))
            self._settle(oldest, f"dropped, because too much waits for {self.receiver}")

    def clear(self) -> None:
        """Forget what waits: it is for somebody else to send."""
        self._state.letters.clear()
        self._state.size = 0
        self._quiet.set()

    async def empty(self) -> None:
        """Return when nothing waits."""
        while self._state.letters:
            self._quiet.clear()
            await self._quiet.wait()

    async def run(self) -> None:
        """Send until cancelled. May be called again when it has ended."""
        self._ready = asyncio.Queue()
        for number in self._state.letters:
            self._ready.put_nowait(number)
        async with asyncio.TaskGroup() as workers:
            for number in range(self._limits.width):
                workers.create_task(self._work(), name=f"{self.receiver}-{number}")

    async def _work(self) -> None:
        while True:
            number = await self._ready.get()
            letter = self._state.letters.get(number)
            # What was dropped has only left its number here.
            if letter is not None:
                await self._attempt(number, letter)

    async def _attempt(self, number: int, letter: Letter) -> None:
        if not self._may_act():
            # It is sent when we may again, unless somebody else has taken over by then.
            asyncio.get_running_loop().call_later(self._limits.first_delay, self._ready.put_nowait, number)
            return
        letter.tries += 1
        try:
            async with asyncio.timeout(self._limits.patience):
                await self._send(letter.message)
        except (Unreachable, TimeoutError) as exc:
            self._put_off(number, letter, str(exc) or f"no answer within {self._limits.patience:g} s")
        except Undeliverable as exc:
            self._settle(number, str(exc))
        except Exception as exc:
            log.exception("%s: cannot send", self.receiver)
            self._settle(number, f"{type(exc).__name__}: {exc}")
        else:
            self._spell(over=True)
            self._settle(number, "")

    def _put_off(self, number: int, letter: Letter, why: str) -> None:
        self._spell(why)
        loop = asyncio.get_running_loop()
        delay = min(self._limits.first_delay * 2.0 ** min(letter.tries - 1, 16), self._limits.last_delay)
        delay *= random.uniform(0.8, 1.2)  # noqa: S311 - only spreads load
        if loop.time() + delay - letter.born > self._limits.age:
            self._settle(number, f"given up after {letter.tries} tries: {why}")
        elif number in self._state.letters:
            loop.call_later(delay, self._ready.put_nowait, number)

    def _settle(self, number: int, why: str) -> None:
        letter = self._state.letters.pop(number, None)
        if letter is not None:
            self._state.size -= letter.size
            letter.done(why)
        if not self._state.letters:
            self._quiet.set()

    def _spell(self, why: str = "", *, over: bool = False) -> None:
        """Tell once that it does not work, and once that it does again."""
        if over and self._in_trouble:
            log.info("%s: works again", self.receiver)
        elif why and not self._in_trouble:
            log.warning("%s: %s; trying again", self.receiver, why)
        self._in_trouble = not over
