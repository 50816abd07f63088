"""The event_log: what a client that comes back is told, what a slow one is told, and which events no client gets."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dkron_api.stream.event_log import EventLog, Message, Position
from dkron_api.stream.subscription import PASSED, PIECE, ROOM, Interest, Subscription
from dkron_api.translate.events import Topic
from tests.support.examples import examples
from tests.support.sse import Told, parsed

ALL = Interest(frozenset({Topic.JOB, Topic.EXECUTION}))
START = 100


def message(label: str, *, job: str = "a", topic: Topic = Topic.JOB, room: int = 0) -> Message:
    return Message(topic, job, b'{"label":"%b","filler":"%b"}' % (label.encode(), b"x" * room))


def event_log(*steps: tuple[int, Sequence[str]], events: int = 4096, octets: int = 1 << 24) -> EventLog:
    """A event_log that begins at 100 and has told these labels at these versions."""
    made = EventLog(events=events, octets=octets)
    made.begin(START)
    for version, labels in steps:
        made.publish(version, [message(label) for label in labels])
    return made


async def heard(subscription: Subscription) -> list[Told]:
    """All that waits now."""
    pieces = []
    while True:
        try:
            async with asyncio.timeout(0):
                pieces.append(await subscription.take())
        except TimeoutError:
            return parsed(b"".join(pieces))
        if not pieces[-1]:
            return parsed(b"".join(pieces))


async def labels(subscription: Subscription) -> list[str]:
    """The same, as labels; other events as their types."""
    return [told.data.get("label", told.type) for told in await heard(subscription)]


class TestWhereAClientIs:
    async def test_events_of_a_version_are_numbered_down_to_zero(self) -> None:
        made = event_log()
        listener = made.subscribe(ALL)
        made.publish(105, [message("a"), message("b"), message("c")])
        made.publish(107, [message("d")])
        ids = [told.id for told in await heard(listener)]
        assert (ids[2], ids[3]) == ("105-0", "107-0")
        assert [text.split("-")[0] for text in ids[:2]] == ["100", "100"]

    async def test_ids_never_fall(self) -> None:
        made = event_log()
        listener = made.subscribe(Interest(frozenset(Topic)))
        for version in range(101, 120, 3):
            made.publish(version, [message("a"), message("b")])
            made.lead(f"replica-{version}")
        ids = [tuple(map(int, told.id.split("-"))) for told in await heard(listener)]
        assert ids == sorted(ids)
        assert len(ids) > 20

    @pytest.mark.parametrize("events", [["a"], []])
    async def test_client_without_events_knows_its_position(self, events: list[str]) -> None:
        made = event_log((105, events))
        assert made.position == Position(105)
        assert b"id: 105-0\n\n" in await made.subscribe(ALL).take()


class TestComingBack:
    STEPS = ((103, ["a"]), (105, ["b", "c", "d"]), (110, ["e"]))

    @pytest.mark.parametrize(
        "last_id",
        [
            pytest.param("99-0", id="older than the event_log"),
            pytest.param("111-0", id="of a version that has not been seen here"),
            pytest.param("18446744073709551615-0", id="of another cluster"),
            pytest.param("abc", id="no id at all"),
            pytest.param("\u0661\u0661\u0660-0", id="digits of another script"),
            pytest.param("9" * 5000 + "-0", id="a very long number"),
            pytest.param("110-0\n\ndata: x", id="an id with lines of its own"),
        ],
    )
    async def test_unknown_event_id_gets_a_resync_and_continues(self, last_id: str) -> None:
        made = event_log(*self.STEPS)
        listener = made.subscribe(ALL, last_id)
        made.publish(112, [message("f")])
        told = await heard(listener)
        assert [event.type for event in told] == ["resync", "job"]
        assert told[0].id == "110-0"
        assert "no longer known" in told[0].data["reason"]

    async def test_a_full_ring_forgets_the_oldest(self) -> None:
        made = event_log(*((START + n, [str(n)]) for n in range(1, 11)), events=4)
        assert await labels(made.subscribe(ALL, "106-0")) == ["7", "8", "9", "10"]
        assert await labels(made.subscribe(ALL, "105-0")) == ["resync"]

    async def test_a_ring_full_of_long_events_forgets_the_oldest(self) -> None:
        made = EventLog(events=100, octets=10_000)
        made.begin(START)
        for version in range(101, 121):
            made.publish(version, [message(str(version), room=900)])
        assert await labels(made.subscribe(ALL, "109-0")) == ["resync"]
        assert await labels(made.subscribe(ALL, "110-0")) == [str(version) for version in range(111, 121)]

    async def test_partly_dropped_step_resumes_from_its_kept_events(self) -> None:
        made = event_log(events=3)
        listener = made.subscribe(ALL)
        made.publish(110, [message(label) for label in "abc"])
        ids = [told.id for told in await heard(listener)]
        made.publish(111, [message("d")])
        assert await labels(made.subscribe(ALL, "100-0")) == ["resync"]
        assert await labels(made.subscribe(ALL, ids[0])) == ["b", "c", "d"]

    async def test_burst_larger_than_the_ring_is_one_resync(self) -> None:
        made = event_log(events=4)
        listener = made.subscribe(ALL)
        made.publish(110, [message(str(n)) for n in range(5)])
        assert await labels(listener) == ["resync"]
        assert await labels(made.subscribe(ALL, "109-0")) == ["resync"]
        assert await labels(made.subscribe(ALL, "110-0")) == []


class TestSlowClients:
    async def test_slow_client_gets_a_resync_for_what_it_missed(self) -> None:
        made = event_log()
        slow, quick = made.subscribe(ALL), made.subscribe(ALL)
        got = []
        for n in range(1, ROOM + 10):
            made.publish(START + n, [message(str(n))])
            got += await labels(quick)
        assert got == [str(n) for n in range(1, ROOM + 10)]
        told = await heard(slow)
        assert (told[0].type, told[0].data["reason"]) == ("resync", "the client read the events too slowly")
        assert len(told) < ROOM
        labels_after = [int(event.data["label"]) for event in told[1:]]
        assert labels_after == list(range(labels_after[0], ROOM + 10))
        assert told[0].id == f"{START + labels_after[0] - 1}-0", "the resync stands for all before what follows it"

    async def test_replayed_events_do_not_count_as_slowness(self) -> None:
        made = event_log(*((START + n, [str(n)]) for n in range(1, 2 * ROOM)))
        back = made.subscribe(ALL, "100-0")
        made.publish(1000, [message("new")])
        assert await labels(back) == [*(str(n) for n in range(1, 2 * ROOM)), "new"]

    async def test_a_step_is_dropped_as_a_whole(self) -> None:
        made = event_log()
        slow = made.subscribe(ALL)
        for n in range(1, ROOM - 1):
            made.publish(START + n, [message(str(n))])
        made.publish(9000, [message("x"), message("y"), message("z")])
        made.publish(9001, [message("after")])
        told = await heard(slow)
        assert [event.type for event in told] == ["resync", "job"]
        assert told[0].id == "9000-0"

    async def test_much_is_handed_over_in_pieces(self) -> None:
        made = event_log()
        slow = made.subscribe(ALL)
        for n in range(1, 101):
            made.publish(START + n, [message(str(n), room=4000)])
        first = await slow.take()
        assert PIECE <= len(first) < PIECE + 5000
        assert len(parsed(first)) + len(await heard(slow)) == 100


class TestInterest:
    @pytest.mark.parametrize(
        ("interest", "expected"),
        [
            pytest.param(Interest(frozenset({Topic.JOB, Topic.EXECUTION, Topic.LEADER})), "jaeajbebl", id="everything"),
            pytest.param(Interest(frozenset({Topic.EXECUTION})), "eaeb", id="one type"),
            pytest.param(Interest(frozenset({Topic.JOB, Topic.EXECUTION}), frozenset({"b"})), "jbeb", id="one job"),
            pytest.param(Interest(frozenset({Topic.JOB, Topic.LEADER}), frozenset({"a"})), "jal", id="job and leader"),
        ],
    )
    async def test_client_gets_only_its_subscribed_events(self, interest: Interest, expected: str) -> None:
        made = event_log()
        listener = made.subscribe(interest)
        await heard(listener)
        for job in "ab":
            made.publish(
                made.position.version + 1,
                [message(f"j{job}", job=job), message(f"e{job}", job=job, topic=Topic.EXECUTION)],
            )
        made.lead("x")
        assert "".join(label if label != "leader" else "l" for label in await labels(listener)) == expected

    async def test_client_without_matching_events_still_learns_its_place(self) -> None:
        made = event_log()
        listener = made.subscribe(Interest(frozenset({Topic.JOB}), frozenset({"quiet"})))
        await heard(listener)
        for n in range(1, PASSED):
            made.publish(START + n, [message(str(n), job="loud")])
        assert await heard(listener) == []
        made.publish(5000, [message("last", job="loud")])
        assert await listener.take() == b"id: 5000-0\n\n"
        made.publish(5001, [message("one more", job="loud")])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await listener.take()


class TestLeader:
    async def test_new_subscriber_learns_the_leader_after_missed_events(self) -> None:
        made = event_log((101, ["a"]))
        made.lead("replica-b")
        told = await heard(made.subscribe(Interest(frozenset(Topic)), "100-0"))
        assert [(event.type, event.id) for event in told] == [("job", "101-0"), ("leader", "101-0")]
        assert told[1].data == {"leader": "replica-b"}

    async def test_leader_change_is_published_once(self) -> None:
        made = event_log()
        listener = made.subscribe(Interest(frozenset({Topic.LEADER})))
        for name in ("a", "a", "", "", "b"):
            made.lead(name)
        assert [told.data["leader"] for told in await heard(listener)] == ["", "a", "", "b"]


class TestTheEnd:
    async def test_all_subscribers_end_at_once_and_none_is_accepted_after(self) -> None:
        made = event_log()
        listener = made.subscribe(ALL)
        closed: list[bool] = []
        listener.on_close = lambda: closed.append(True)
        made.publish(101, [message("unread")])
        made.close()
        assert (await listener.take(), closed) == (b"", [True])
        assert await made.subscribe(ALL).take() == b""


@dataclass(frozen=True, slots=True)
class Change:
    """The events that a new version of an object brings."""

    version: int
    events: tuple[str, ...]


@st.composite
def histories(draw: st.DrawFn) -> list[Change]:
    gaps = draw(st.lists(st.integers(1, 3), min_size=1, max_size=12))
    sizes = draw(st.lists(st.integers(0, 3), min_size=len(gaps), max_size=len(gaps)))
    version, changes = START, []
    for gap, size in zip(gaps, sizes, strict=True):
        version += gap
        changes.append(Change(version, tuple(f"{version}.{n}" for n in range(size))))
    return changes


@st.composite
def replicas(draw: st.DrawFn, changes: list[Change]) -> list[tuple[int, list[str]]]:
    """How one replica has learned of the changes: singly, or several at once after its watch had broken."""
    ends = sorted({*draw(st.sets(st.integers(1, len(changes)))), len(changes)})
    steps = []
    for begin, end in pairwise([0, *ends]):
        told = [label for change in changes[begin:end] for label in change.events]
        # A list has an order of its own, which is the same for everybody.
        steps.append((changes[end - 1].version, told[::-1] if end - begin > 1 else told))
    return steps


class TestAnyReplica:
    """A client may come back to another replica, which has cut the same changes into other steps."""

    @given(data=st.data())
    @settings(max_examples=examples(150), deadline=None)
    def test_nothing_is_ever_missed_on_coming_back(self, data: st.DataObject) -> None:
        changes = data.draw(histories())
        first, second = data.draw(replicas(changes)), data.draw(replicas(changes))

        async def scenario() -> None:
            here, there = event_log(*first), event_log(*second)
            told = await heard(here.subscribe(ALL, "100-0"))
            cut = data.draw(st.integers(0, len(told)))
            last_id = told[cut - 1].id if cut else "100-0"
            got = {event.data["label"] for event in told[:cut]}
            rest = await labels(there.subscribe(ALL, last_id))
            assert got.union(rest) == {label for change in changes for label in change.events}
            assert len(rest) == len(set(rest))

        asyncio.run(scenario())

    @given(data=st.data())
    @settings(max_examples=examples(100), deadline=None)
    def test_reconnect_to_the_same_replica_repeats_no_event(self, data: st.DataObject) -> None:
        steps = data.draw(replicas(data.draw(histories())))

        async def scenario() -> None:
            made = event_log(*steps)
            told = [event.id for event in await heard(made.subscribe(ALL, "100-0"))]
            cut = data.draw(st.integers(0, len(told)))
            rest = await heard(made.subscribe(ALL, told[cut - 1] if cut else "100-0"))
            assert [event.id for event in rest] == told[cut:]

        asyncio.run(scenario())
