"""Room that namespaces share."""

from dkron_archive.records import Entry, SkippedSlots
from dkron_operator.archive.left_behind import ROOM, Left, LeftBehind
from dkron_operator.delivery.outputs import Outputs
from dkron_operator.kit.shared_room import SharedRoom
from tests.support.archives import START, entry, key
from tests.support.fake_kube import FakeKube
from tests.support.outbox import ARCHIVE, DELIVERY


def test_fullest_namespace_gives_way() -> None:
    room: SharedRoom[str, str] = SharedRoom(10)
    assert room.put("quiet", "q1", "first", 3) == 0
    assert [room.put("loud", f"l{n}", "x", 2) for n in range(6)] == [0, 0, 0, 1, 1, 1]
    assert room.put("quiet", "q2", "second", 2) == 1
    assert dict(room.items()) == {"q1": "first", "l4": "x", "l5": "x", "q2": "second"}
    room.drop("l4")
    room.drop("l4")
    assert (len(room), room.get("l4"), room.get("l5")) == (3, None, "x")


def test_value_that_is_put_again_counts_once() -> None:
    room: SharedRoom[str, int] = SharedRoom(10)
    assert [room.put("a", "k", n, 6) for n in range(3)] == [0, 0, 0]
    assert dict(room.items()) == {"k": 2}
    assert room.put("a", "larger", 1, 11) == 2
    room.clear()
    assert (len(room), room.put("a", "k", 1, 10)) == (0, 0)


def test_waiting_outputs_of_one_leave_others_theirs() -> None:
    outputs = Outputs(FakeKube(), namespace_of=str.lower, room=100)  # type: ignore[arg-type]
    outputs.keep("QUIET", "a", b"12345", [ARCHIVE])
    for n in range(50):
        outputs.keep("LOUD", f"loud-{n}", b"x" * 20, [DELIVERY])
    assert outputs.kept("QUIET", "a", ARCHIVE) == b"12345"
    assert sum(outputs.kept("LOUD", f"loud-{n}", DELIVERY) is not None for n in range(50)) == 4


def test_output_is_kept_until_no_receiver_has_a_use_for_it() -> None:
    outputs = Outputs(FakeKube(), namespace_of=str.lower, room=100)  # type: ignore[arg-type]
    outputs.keep("A", "a", b"12345", [ARCHIVE, DELIVERY])
    outputs.forget("A", "a", ARCHIVE)
    assert [outputs.kept("A", "a", receiver) for receiver in (ARCHIVE, DELIVERY)] == [None, b"12345"]
    outputs.keep("B", "b", b"x" * 95, [ARCHIVE])
    assert outputs.kept("A", "a", DELIVERY) == b"12345"
    outputs.forget("A", "a", DELIVERY)
    outputs.keep("C", "c", b"12345", [ARCHIVE])
    assert outputs.kept("B", "b", ARCHIVE) is not None, "there is room again"


def test_deleted_jobs_of_one_leave_others_their_records() -> None:
    left, loud = LeftBehind(), key("loud", namespace="hostile")
    slots = [SkippedSlots(each, START, START, 1, "Paused") for each in (key("quiet"), loud)]
    assert left.add([_left(entry(1))], slots[:1]) == 0
    entries = [_left(entry(n, job=loud)) for n in range(2 * ROOM)]
    assert left.add(entries, slots[1:]) == ROOM + 1
    kept = [each.entry.execution.job.namespace for _, each in left.entries.items()]
    assert (kept[0], len(kept), len(left.slots)) == ("team", ROOM, 2)


def _left(each: Entry) -> Left:
    return Left(each, 0)
