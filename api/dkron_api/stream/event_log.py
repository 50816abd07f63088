"""The recent events in order, for connected clients and for those that reconnect.

It sits between the watch (`publish`) and the clients of GET /v1/events (`subscription`).

Resource versions order the changes of the whole cluster, so a position in the event log of one replica is also valid
in the log of another. An id `<resource version>-<n>` states a client's position: it has received everything up to that
version and, with n > 0, a part of the next step. Replicas may divide the same changes into different steps: one has
watched them individually, another has found them together in a list. Therefore n also encodes the step (its length,
and how many of its events were sent). Only a replica with exactly the same step uses n; any other sends the whole
step again.
"""

import re
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import NamedTuple
from weakref import WeakSet

from dkron_api.stream.subscription import Block, Interest, Subscription
from dkron_api.translate import gojson
from dkron_api.translate.events import Topic

EVENTS = 4096
OCTETS = 16 << 20
"""Limits of the log for reconnecting clients: number of events, and bytes."""
ALL_OCTETS = 64 << 20
"""Bytes that the logs of all namespaces may keep together."""
MEASURED = 1 << 20
"""After this many bytes of further events the logs are measured again."""
_STEP = 1 << 16
"""Events of a step stay below this number; a step with more is replaced by a resync."""
_ID = re.compile(r"(\d{1,20})-(\d{1,25})", re.ASCII)


class Position(NamedTuple):
    """The position of a client."""

    version: int
    part: int = 0

    def __str__(self) -> str:
        return f"{self.version}-{self.part}"


class Message(NamedTuple):
    """An event ready to send: JSON in `body`; `job` is a Dkron name, empty if the event concerns no job."""

    topic: Topic
    job: str
    body: bytes


class Entry(NamedTuple):
    """A message with its position: one of the events of the step from version `start` to version `end`."""

    start: int
    end: int
    part: int
    block: Block

    def follows(self, position: Position) -> bool:
        """Whether a client at this position has not received the entry yet."""
        same_step = position.version == self.start and position.part // _STEP == self.end - self.start
        return self.end > position.version and not (same_step and self.part <= position.part)


class LogRoom:
    """Keeps the logs of all namespaces together below `octets`, give or take a step. The largest log gives way, so that
    the events of one namespace do not push out events of the others."""

    def __init__(self, *, octets: int = ALL_OCTETS, step: int = MEASURED) -> None:
        self._octets = octets
        self._step = step
        self._since = 0
        self._logs: WeakSet[EventLog] = WeakSet()

    def add(self, log: "EventLog") -> None:
        """Count a log for as long as it exists."""
        self._logs.add(log)

    def grown(self, octets: int) -> None:
        """Make room after a log has kept this many further bytes."""
        self._since += octets
        if self._since < self._step:
            return
        self._since = 0
        while sum(log.size for log in self._logs) > self._octets:
            max(self._logs, key=lambda log: log.size).halve()


class EventLog:
    """The recent events, and the subscriptions to them. No method blocks. `room` is shared with other logs."""

    def __init__(self, *, events: int = EVENTS, octets: int = OCTETS, room: LogRoom | None = None) -> None:
        self.ready = False
        self.closed = False
        self._events = events
        self._octets = octets
        self.position = Position(0)
        """The current end of the log."""
        self._entries: deque[Entry] = deque()
        self.size = 0
        """The bytes of the events that are kept."""
        self._room = LogRoom() if room is None else room
        self._room.add(self)
        self._lost = Entry(-1, 0, 0, Block(None, "", b""))
        self._leader = ""
        self._subscriptions: set[Subscription] = set()

    def __len__(self) -> int:
        """The number of subscriptions."""
        return len(self._subscriptions)

    def halve(self) -> None:
        """Forget the older half of the bytes."""
        self._shrink(self.size // 2)

    def begin(self, version: int) -> None:
        """Restart after this version, without earlier events. Connected clients must read everything again."""
        self.position = Position(max(version, self.position.version))
        self._entries.clear()
        self.size = 0
        self._lost = self._lost._replace(start=-1, end=self.position.version)
        self.ready = True
        self._offer([self._resync("events were lost")])

    def forget(self) -> None:
        """Handle versions that went back: new events cannot be ordered after old ones, so the log must begin again."""
        self.position = Position(0)
        self.ready = False

    def publish(self, version: int, messages: Sequence[Message]) -> None:
        """Append everything that happened up to this version since the last one."""
        if len(messages) > min(self._events, _STEP - 1):
            self.begin(version)
            return
        start, end = self.position.version, max(version, self.position.version)
        self.position = Position(end)
        step = [self._entry(start, end, number, messages) for number in range(1, len(messages) + 1)]
        for entry in step:
            self._entries.append(entry)
            self.size += len(entry.block.data)
            self._shrink(self._octets)
            self._room.grown(len(entry.block.data))
        if step:
            self._offer([entry.block for entry in step])

    def hint(self, messages: Sequence[Message]) -> None:
        """Send events to the connected clients that are no step of the log: a later step contains them."""
        self._offer(
            [
                Block(each.topic, each.job, b"event: %b\ndata: %b\n\n" % (each.topic.encode(), each.body))
                for each in messages
            ]
        )

    def lead(self, name: str) -> None:
        """Set the current leader. This is a state rather than a change: every new client gets the latest one."""
        if name != self._leader:
            self._leader = name
            self._offer([self._leading()])

    def subscribe(self, interest: Interest, last_id: str = "") -> Subscription:
        """Subscribe to new events, and to those after this id, unless it is empty, as far as they are known."""
        missed = self._missed(last_id)
        begin = [self._resync(f"the events after {last_id[:50]} are no longer known")] if missed is None else missed
        subscription = Subscription(
            interest, [*begin, self._place(), self._leading()], place=self._place, resync=self._resync
        )
        if self.closed:
            subscription.close()
        else:
            self._subscriptions.add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """End the subscription."""
        self._subscriptions.discard(subscription)

    def close(self) -> None:
        """Disconnect all clients for good."""
        self.closed = True
        for subscription in self._subscriptions:
            subscription.close()

    def _missed(self, last_id: str) -> list[Block] | None:
        """Return the missed events; None if they are unknown."""
        if not last_id:
            return []
        found = _ID.fullmatch(last_id)
        position = None if found is None else Position(int(found[1]), int(found[2]))
        if position is None or position.version > self.position.version or self._lost.follows(position):
            return None
        missed = list(takewhile(lambda entry: entry.follows(position), reversed(self._entries)))
        return [entry.block for entry in reversed(missed)]

    def _entry(self, start: int, end: int, number: int, messages: Sequence[Message]) -> Entry:
        part = (end - start) * _STEP + number
        # The last event of a step completes it.
        position = Position(end) if number == len(messages) else Position(start, part)
        return Entry(start, end, part, _block(position, messages[number - 1]))

    def _shrink(self, octets: int) -> None:
        while len(self._entries) > self._events or self.size > octets:
            self._lost = self._entries.popleft()
            self.size -= len(self._lost.block.data)

    def _offer(self, blocks: Iterable[Block]) -> None:
        blocks = tuple(blocks)
        for subscription in self._subscriptions:
            subscription.offer(blocks)

    def _leading(self) -> Block:
        return _block(self.position, Message(Topic.LEADER, "", gojson.encode({"leader": self._leader})))

    def _resync(self, reason: str) -> Block:
        return _block(self.position, Message(Topic.RESYNC, "", gojson.encode({"reason": reason})))

    def _place(self) -> Block:
        """Return a block without an event: it only updates the id that the client remembers."""
        return Block(None, "", b"id: %b\n\n" % str(self.position).encode())


def _block(position: Position, message: Message) -> Block:
    data = b"id: %b\nevent: %b\ndata: %b\n\n" % (str(position).encode(), message.topic.encode(), message.body)
    return Block(message.topic, message.job, data)
