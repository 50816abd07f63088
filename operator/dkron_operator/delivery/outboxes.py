"""The outboxes: one for each receiver that has ever had a message, each with its own task."""

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import Protocol

from dkron_operator.delivery.outbox import Limits, Outbox, QueuedMessage
from dkron_operator.delivery.senders import weight
from dkron_processors.message import Message, Parcel


class Sending(Protocol):
    """Sends messages."""

    async def send(self, message: Message) -> None:
        """Send it. Raises `Unreachable`, `Undeliverable`, TimeoutError."""

    async def close(self) -> None:
        """Close the connections."""


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
