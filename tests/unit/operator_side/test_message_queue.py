"""The queue of a receiver: whose turn it is, and whose message goes."""

from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_operator.delivery.message_queue import MessageQueue, QueuedMessage
from dkron_processors.message import File


def queued(name: str, *, urgent: bool = True, size: int = 1) -> QueuedMessage:
    """The message `a1` is of namespace `a`."""
    return QueuedMessage(File("", name, ""), name[0], urgent, size, lambda _: None)


def name(message: QueuedMessage | None) -> str:
    assert message is not None
    assert isinstance(message.message, File)
    return message.message.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    what: str
    before: str
    """Names in order; `!` marks an urgent one, and `*3` gives a size."""
    under_way: int = 0
    added: str
    gone: list[str]
    room: int = 4
    room_bytes: int = 1000


CASES = (
    Case(what="there is room", before="a1 a2", added="b1", gone=[]),
    Case(what="the namespace with the most", before="b1 a1 a2 a3", added="b2", gone=["a1"]),
    Case(what="the new message's namespace", before="a1 b1 b2 b3", added="b4", gone=["b1"]),
    Case(what="urgent ones last", before="a1! a2! a3 b1", added="b2!", gone=["a3"]),
    Case(what="another's urgent one stays", before="b1! a1! a2! a3!", added="a4!", gone=["a1"]),
    Case(what="a new one itself", before="a1! a2! a3! a4!", added="a5", gone=["a5"]),
    Case(what="not those under way", before="a1 a2 a3 b1", under_way=1, added="b2", gone=["a2"]),
    Case(what="under way counts", before="a1 b1 a2 b2", under_way=2, added="b3", gone=["b2"]),
    Case(what="only one under way", before="a1", under_way=1, added="b1", gone=["b1"], room=1),
    Case(what="bytes ran over", before="a1*9 b1*2 b2*2 b3*2", added="b4*1", gone=["a1"], room=9, room_bytes=15),
    Case(what="count ran over, not bytes", before="a1*9 b1 b2 b3", added="a2", gone=["b1"]),
    Case(what="as many as it takes", before="a1*5 a2*5 b1*5", added="b2*9", gone=["b1", "a1"], room_bytes=15),
    Case(what="too long beside another", before="a1*9", added="b1*99", gone=["b1"], room_bytes=10),
    Case(what="one message always fits", before="", added="b1*99", gone=[], room_bytes=10),
)


def read(text: str) -> QueuedMessage:
    what, _, size = text.partition("*")
    return queued(what.rstrip("!"), urgent=what.endswith("!"), size=int(size or 1))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_message_that_goes(case: Case) -> None:
    queue = MessageQueue(case.room, case.room_bytes)
    for each in case.before.split():
        assert queue.add(read(each)) == []
    for _ in range(case.under_way):
        queue.take()
    assert [name(each) for each in queue.add(read(case.added))] == case.gone
    while (taken := queue.take()) is not None:
        assert name(taken) not in case.gone


def test_put_off_message_is_taken_once_it_is_ready() -> None:
    queue, message = MessageQueue(9, 9), queued("a1")
    queue.add(message)
    assert queue.take() is message
    queue.put_off(message)
    assert queue.take() is None
    queue.make_ready(message)
    assert queue.take() is message
    queue.remove(message)
    queue.make_ready(message)
    assert (queue.take(), len(queue)) == (None, 0)


STEPS = st.lists(st.tuples(st.sampled_from("aaaaabcd<>rx"), st.booleans(), st.integers(1, 9)), max_size=120)


@given(STEPS)
def test_no_message_is_lost_and_shares_are_kept(steps: list[tuple[str, bool, int]]) -> None:
    room, most_under_way = 8, 2
    queue, posted, ended, dropped = MessageQueue(room, 10**9), 0, 0, 0
    under_way: list[QueuedMessage] = []
    put_off: list[QueuedMessage] = []
    held: Counter[str] = Counter()
    for what, urgent, number in steps:
        if what == "<":
            if len(under_way) < most_under_way and (taken := queue.take()) is not None:
                under_way.append(taken)
        elif what in ">r" and under_way:
            message = under_way.pop(number % len(under_way))
            if what == "r":
                queue.put_off(message)
                put_off.append(message)
            else:
                queue.remove(message)
                held[message.namespace] -= 1
                ended += 1
        elif what == "x" and put_off:
            queue.make_ready(put_off.pop())
        elif what in "abcd":
            posted += 1
            held[what] += 1
            for gone in queue.add(queued(f"{what}{posted}", urgent=urgent)):
                assert gone not in under_way
                assert held[gone.namespace] > (room - most_under_way) / len(+held), "it had more than an equal share"
                held[gone.namespace] -= 1
                dropped += 1
        assert posted == ended + dropped + len(queue)
        assert len(queue) <= room
