"""Lanes in virtual time: one worker a key, nothing overlooked, and patience that grows."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from dkron_kube.errors import Rejected, Unavailable
from dkron_operator.kit.workqueue import IN_A_ROW, LONGEST_YIELD, RETRY, RETRY_OF_A_FAULT, WorkQueue

pytestmark = pytest.mark.looptime
SLACK = 1.25
"""Delays are spread by a fifth."""


def now() -> float:
    return asyncio.get_running_loop().time()


class Diary:
    """Work that writes down what it did and when, takes its time, and fails as often as it is told to."""

    def __init__(self, *, takes: float = 0.0, failures: tuple[Exception, ...] = ()) -> None:
        self.done: list[tuple[float, str]] = []
        self.at_once = self.most_at_once = 0
        self._takes = takes
        self.failures = list(failures)

    async def __call__(self, key: str) -> None:
        self.done.append((now(), key))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self._takes)
            if self.failures:
                raise self.failures.pop(0)
        finally:
            self.at_once -= 1

    @property
    def keys(self) -> list[str]:
        return [key for _, key in self.done]

    @property
    def gaps(self) -> list[float]:
        times = [when for when, _ in self.done]
        return [later - earlier for earlier, later in pairwise(times)]


@asynccontextmanager
async def running(
    work: Callable[[str], Awaitable[None]],
    *,
    width: int = 2,
    spare: int = 0,
    group_of: Callable[[str], object] = lambda _: None,
    behind: WorkQueue[str] | None = None,
) -> AsyncIterator[WorkQueue[str]]:
    queue: WorkQueue[str] = WorkQueue("test", width=width, spare=spare, group_of=group_of, behind=behind)
    task = asyncio.create_task(queue.run(work))
    await asyncio.sleep(0)
    try:
        yield queue
    finally:
        assert not task.done(), "a lane never ends by itself"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def tried(*failures: Exception) -> Diary:
    """A key that fails so often, until it is done."""
    diary = Diary(failures=failures)
    async with running(diary) as queue:
        queue.add("a")
        await queue.idle()
    assert diary.keys == ["a"] * (len(failures) + 1)
    return diary


async def test_urgent_keys_go_first_but_leave_turns() -> None:
    diary = Diary(takes=1)
    async with running(diary, width=1) as queue:
        for number in range(3):
            queue.add(f"other {number}")
        queue.add("upgraded")
        for number in range(2 * IN_A_ROW):
            queue.add_priority(f"urgent {number}")
        queue.add_priority("upgraded")
        await queue.idle()
    kinds = [key.split()[0] for key in diary.keys]
    urgent = ["urgent"] * IN_A_ROW
    assert kinds == [*urgent, "other", *urgent, "other", "upgraded", "other"]


async def test_key_urgent_while_processed_runs_again_once_and_first() -> None:
    diary = Diary(takes=1)
    async with running(diary, width=1) as queue:
        queue.add("a")
        await asyncio.sleep(0.5)
        queue.add("b")
        queue.add("late", 9)
        for key in ("a", "a", "late"):
            queue.add_priority(key)
        await queue.idle()
    assert diary.done == [(0, "a"), (1, "late"), (2, "a"), (3, "b")]


async def test_other_lane_waits_for_urgent_keys_but_not_forever() -> None:
    diary, other = Diary(), Diary(takes=0.6)
    async with running(other, width=1) as first, running(diary, width=1, behind=first) as queue:
        for number in range(3):
            first.add_priority(f"urgent {number}")
        queue.add("soon")
        await asyncio.sleep(1.5)
        assert [round(when, 1) for when in (diary.done[0][0], other.done[-1][0])] == [1.2, 1.2]
        for number in range(9):
            first.add_priority(f"urgent again {number}")
        began = now()
        queue.add("at last")
        await asyncio.sleep(LONGEST_YIELD + 0.1)
        assert diary.keys[-1] == "at last"
        assert diary.done[-1][0] == pytest.approx(began + LONGEST_YIELD)
        queue.add("at the end")
        await queue.idle()
        assert diary.keys[-1] == "at the end"


async def test_work_without_waiting_leaves_turns_to_other_tasks() -> None:
    """What comes due meanwhile is added by another task."""
    done: list[str] = []

    async def work(key: str) -> None:
        done.append(key)

    async with running(work, width=4) as queue:
        for number in range(100):
            queue.add(f"other {number}")
        await asyncio.sleep(0)
        queue.add_priority("urgent")
        await queue.idle()
    assert done.index("urgent") < 20


@pytest.mark.parametrize(
    ("takes", "added", "begun"),
    [
        pytest.param(0, [(0, 0), (0, 0), (0, 0)], [0], id="a key that waits is worked on once"),
        pytest.param(1, [(0, 0), (0.5, 0), (0.5, 0)], [0, 1], id="one that is worked on once more, after that"),
        pytest.param(0, [(0, 2), (1, 2)], [2], id="a delay is kept by those that come later"),
        pytest.param(0, [(0, 60), (1, 0)], [1], id="and ended by one that has none"),
    ],
)
async def test_when_a_key_is_worked_on(takes: float, added: list[tuple[float, float]], begun: list[float]) -> None:
    """It is added at these moments, to be done after so many seconds."""
    diary = Diary(takes=takes)
    async with running(diary, width=5) as queue:
        for at, delay in added:
            if at > now():
                await asyncio.sleep(at - now())
            queue.add("a", delay)
        await asyncio.sleep(100)
    assert diary.done == [(when, "a") for when in begun]
    assert diary.most_at_once == 1


async def test_key_dropped_during_its_delay_is_not_processed() -> None:
    diary = Diary()
    async with running(diary) as queue:
        queue.add("a", 5)
        queue.drop("never added")
        waiting = asyncio.create_task(queue.idle())
        queue.drop("a")
        await asyncio.wait_for(waiting, 1)
        assert (len(queue), diary.keys) == (0, [])


async def test_idle_processes_delayed_keys_at_once() -> None:
    async with running(Diary(takes=2.0)) as queue:
        queue.add("a", 100.0)
        await queue.idle()
        assert (now(), len(queue)) == (2.0, 0)
        await queue.idle()


async def test_failing_key_is_retried_with_backoff() -> None:
    diary = await tried(*(Unavailable("down") for _ in range(12)))
    for number, gap in enumerate(diary.gaps):
        expected = min(RETRY.first * 2**number, RETRY.last)
        assert expected / SLACK <= gap <= expected * SLACK


async def test_success_resets_the_backoff() -> None:
    diary = Diary(failures=tuple(Unavailable("down") for _ in range(5)))
    async with running(diary) as queue:
        queue.add("a")
        await queue.idle()
        diary.failures.append(Unavailable("down again"))
        queue.add("a")
        await queue.idle()
    assert diary.gaps[-1] <= RETRY.first * SLACK


async def test_server_may_lengthen_a_delay_but_not_remove_it() -> None:
    assert (await tried(Unavailable("busy", retry_after=30.0))).gaps == [30.0]
    assert (await tried(Unavailable("busy", retry_after=0.0))).gaps[0] >= RETRY.first / SLACK


@pytest.mark.parametrize(
    ("failure", "errors"),
    [
        pytest.param(Unavailable("down"), 0, id="no answer"),
        pytest.param(Rejected("no"), 1, id="a refusal"),
        pytest.param(ZeroDivisionError("a bug"), 1, id="a bug"),
        pytest.param(ExceptionGroup("bugs", [ValueError("a"), KeyError("b")]), 1, id="several bugs"),
    ],
)
async def test_lane_survives_any_failure_and_retries(
    failure: Exception, errors: int, caplog: pytest.LogCaptureFixture
) -> None:
    diary = Diary(failures=(failure,))
    async with running(diary, width=1) as queue:
        queue.add("bad")
        queue.add("good")
        await asyncio.sleep(0.01)
        assert diary.done == [(0, "bad"), (0, "good")], "one that fails holds up no other"
        await queue.idle()
    assert diary.keys == ["bad", "good", "bad"]
    assert [record.levelname for record in caplog.records if record.levelname == "ERROR"] == ["ERROR"] * errors


async def test_length_counts_waiting_delayed_and_processed_keys() -> None:
    diary = Diary(takes=1.0)
    async with running(diary, width=1) as queue:
        queue.add("a")
        queue.add("b")
        queue.add("c", 60.0)
        await asyncio.sleep(0.5)
        assert len(queue) == 3
        await asyncio.sleep(2.0)
        assert len(queue) == 1


async def test_namespaces_take_turns_and_none_has_all_workers() -> None:
    diary = Diary(takes=1)
    async with running(diary, width=2, spare=1, group_of=lambda key: key[0]) as queue:
        for number in range(6):
            queue.add(f"a{number}")
        await asyncio.sleep(0.5)
        assert diary.most_at_once == 2, "the third worker is for others"
        queue.add("b0")
        queue.add("b1")
        await queue.idle()
    assert diary.done[2] == (0.5, "b0"), "at once, though four others came first"
    assert {key for when, key in diary.done if when == 1} == {"b1", "a2"}
    assert sorted(diary.keys) == sorted({f"a{n}" for n in range(6)} | {"b0", "b1"})


async def test_other_tasks_have_their_turn_after_each_key() -> None:
    done: list[str] = []

    async def work(key: str) -> None:
        done.append(key)
        if len(done) == 1:
            # As a timer that has passed meanwhile, or an answer that has come.
            asyncio.get_running_loop().call_soon(queue.add, "quiet/a")
        await asyncio.sleep(1)

    async with running(work, width=16, spare=4, group_of=lambda key: key.split("/")[0]) as queue:
        for number in range(16):
            queue.add(f"noisy/{number}")
        await asyncio.sleep(0.5)
        assert (done.index("quiet/a") <= 2, len(done)) == (True, 17), done


async def test_due_keys_go_first_while_namespaces_take_turns() -> None:
    diary = Diary(takes=1)
    async with running(diary, width=1, group_of=lambda key: key[0]) as queue:
        for key in ("a0", "a1", "b0"):
            queue.add(key)
        for key in ("a2", "a3", "b1"):
            queue.add_priority(key)
        await queue.idle()
    assert diary.keys == ["a2", "b1", "a3", "a0", "b0", "a1"]


async def test_fault_is_retried_and_logged_with_backoff(caplog: pytest.LogCaptureFixture) -> None:
    diary = Diary(failures=tuple(ValueError() for _ in range(40)))
    async with running(diary) as queue:
        queue.add("a")
        await asyncio.sleep(3600)
        assert len(diary.done) < 25
        assert diary.gaps[-1] > RETRY_OF_A_FAULT.last / SLACK
        tried = len(diary.done)
        queue.add("a")
        await asyncio.sleep(0.1)
        assert len(diary.done) == tried + 1, "it has changed"
    assert len([record for record in caplog.records if record.exc_info]) <= 6


async def test_restarted_queue_includes_interrupted_keys() -> None:
    diary = Diary(takes=5)
    queue: WorkQueue[str] = WorkQueue("test", width=2)
    first = asyncio.create_task(queue.run(diary))
    for key in ("a", "b", "c"):
        queue.add(key)
    await asyncio.sleep(1)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    second = asyncio.create_task(queue.run(diary))
    await queue.idle()
    second.cancel()
    assert sorted(diary.keys) == ["a", "a", "b", "b", "c"]


async def test_a_queue_without_one_of_its_workers_has_ended() -> None:
    queue: WorkQueue[str] = WorkQueue("test", width=2)
    run = asyncio.create_task(queue.run(Diary()))
    await asyncio.sleep(1)
    next(task for task in asyncio.all_tasks() if task.get_name() == "test-0").cancel()
    with pytest.raises(RuntimeError, match="a worker of the queue test has ended"):
        await run
