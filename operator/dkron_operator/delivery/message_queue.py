"""The messages for one receiver: the next to send, and the one that goes if there is no room. Plain data, no clock.

A message is ready, under way, or waits for its retry. Each one takes room until it is removed.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter

from dkron_processors.message import Message
from dkron_runtime.fair_queue import FairQueue


@dataclass(slots=True, eq=False)
class QueuedMessage:
    """A message in an outbox."""

    message: Message
    namespace: str
    """The namespace of its job."""

    is_urgent: bool
    """Whether the other messages of its namespace are dropped first."""

    size: int
    """Approximate bytes that it takes."""

    done: Callable[[str], None]
    """Called with the reason why the message did not arrive; empty if it did."""

    created_at: float = 0.0
    tries: int = 0


class MessageQueue:
    """The messages for one receiver, by namespace. Namespaces take turns; beyond `room` messages or `room_bytes` bytes,
    the namespace with the most gives a message that is not under way."""

    def __init__(self, room: int, room_bytes: int) -> None:
        self._room = room
        self._room_bytes = room_bytes
        self._messages: dict[tuple[str, bool], OrderedDict[QueuedMessage, None]] = {}
        """By namespace and urgency, the oldest first."""
        self._ready: FairQueue[QueuedMessage] = FairQueue(attrgetter("namespace"))
        self._under_way: set[QueuedMessage] = set()
        self._counts: Counter[str] = Counter()
        self._sizes: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._counts.total()

    def __contains__(self, message: QueuedMessage) -> bool:
        return message in self._messages.get((message.namespace, message.is_urgent), ())

    def add(self, message: QueuedMessage) -> list[QueuedMessage]:
        """Add the message. Return the messages that had to go, which may include this one."""
        self._messages.setdefault((message.namespace, message.is_urgent), OrderedDict())[message] = None
        self._counts[message.namespace] += 1
        self._sizes[message.namespace] += message.size
        self._ready.add(message)
        dropped = []
        while (surplus := self._surplus()) is not None:
            self.remove(surplus)
            dropped.append(surplus)
        return dropped

    def take(self) -> QueuedMessage | None:
        """The oldest ready message of the next namespace, which is under way from now on; None if none is ready."""
        found, _ = self._ready.pop(lambda _: True) or (None, None)
        if found is not None:
            self._under_way.add(found)
        return found

    def put_off(self, message: QueuedMessage) -> None:
        """The message is no longer under way; it waits until `make_ready`."""
        self._under_way.discard(message)

    def make_ready(self, message: QueuedMessage) -> None:
        """The message can be sent (again), unless it has been removed."""
        self._under_way.discard(message)
        if message in self:
            self._ready.add(message)

    def remove(self, message: QueuedMessage) -> None:
        """Remove the message, if it is there."""
        if message not in self:
            return
        namespace, key = message.namespace, (message.namespace, message.is_urgent)
        del self._messages[key][message]
        if not self._messages[key]:
            del self._messages[key]
        self._counts[namespace] -= 1
        self._sizes[namespace] -= message.size
        if not self._counts[namespace]:
            del self._counts[namespace], self._sizes[namespace]
        self._under_way.discard(message)
        if message in self._ready:
            self._ready.remove(message)

    def _surplus(self) -> QueuedMessage | None:
        """The message that has to go; None if there is room. Looks at each namespace that has messages."""
        if len(self) > self._room:
            held = self._counts
        elif self._sizes.total() > self._room_bytes and len(self) > 1:
            held = self._sizes
        else:
            return None
        # At most as many namespaces as messages are under way have no other message.
        for namespace, _ in held.most_common(len(self._under_way) + 1):
            for message in chain(*(self._messages.get((namespace, urgent), ()) for urgent in (False, True))):
                if message not in self._under_way:
                    return message
        return None
