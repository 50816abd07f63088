"""When a kind is listed and watched again after each way in which that can end: in virtual time, with a client that
answers as it is told."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import pytest

from dkron_kube.client import KubeClient
from dkron_kube.errors import Expired, NotFound, Rejected, Unavailable
from dkron_kube.paths import DKRON_JOBS, Resource
from dkron_kube.watch import follow
from tests.support.watching import Diary, Object, added, bookmark, error

pytestmark = pytest.mark.looptime

Answer = int | Exception
"""Of a list: its version, or what is raised."""
Lives = Sequence[bytes | float | Exception] | Exception
"""Of a watch: its bytes, pauses in seconds and what is raised; or what is raised instead of it."""


class OverError(Exception):
    """The client has nothing more to answer: the test is over."""


class TellingClient:
    """Answers lists and watches in turn, and writes down when which was asked for."""

    def __init__(self, lists: Sequence[Answer], watches: Sequence[Lives]) -> None:
        self._lists, self._watches = iter(lists), iter(watches)
        self.asked: list[tuple[float, str]] = []
        self.queries: list[dict[str, str]] = []
        self.silences: list[float] = []
        self.newest = 1_000_000
        self.looks = 0

    async def pages(
        self, resource: Resource, namespace: str | None, *, selector: Mapping[str, str], metadata_only: bool
    ) -> AsyncIterator[Object]:
        assert not metadata_only
        assert (resource, namespace) == (DKRON_JOBS, "ns")
        if selector == {"limit": "1"}:
            self.looks += 1
            yield {"items": [], "metadata": {"resourceVersion": str(self.newest), "continue": "more"}}
            return
        self._ask("list")
        assert selector == {}
        answer = next(self._lists, OverError())
        if isinstance(answer, Exception):
            raise answer
        yield {"items": [], "metadata": {"resourceVersion": str(answer)}}

    @asynccontextmanager
    async def watch(
        self,
        resource: Resource,
        namespace: str | None,
        *,
        query: Mapping[str, str],
        silence: float,
        metadata_only: bool,
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        assert not metadata_only
        self._ask(f"watch {query['resourceVersion']}")
        assert (resource, namespace) == (DKRON_JOBS, "ns")
        self.queries.append(dict(query))
        self.silences.append(silence)
        life = next(self._watches, OverError())
        if isinstance(life, Exception):
            raise life
        yield self._live(life)

    async def _live(self, life: Sequence[bytes | float | Exception]) -> AsyncIterator[bytes]:
        for step in life:
            if isinstance(step, Exception):
                raise step
            if isinstance(step, bytes):
                yield step
            else:
                await asyncio.sleep(step)

    def _ask(self, what: str) -> None:
        self.asked.append((asyncio.get_running_loop().time(), what))


@pytest.fixture(autouse=True)
def longest_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left to chance."""
    monkeypatch.setattr(random, "uniform", lambda _, most: most)


async def played(lists: Sequence[Answer], watches: Sequence[Lives]) -> tuple[TellingClient, Diary]:
    client, diary = TellingClient(lists, watches), Diary()
    with pytest.raises(OverError):
        await follow(cast("KubeClient", client), DKRON_JOBS, "ns", diary)
    return client, diary


@dataclass(frozen=True)
class Course:
    """Answers of the API server, and what is asked of it therefore: "second request" each."""

    lists: Sequence[Answer]
    watches: Sequence[Lives]
    asked: str
    failed: int = 0


BUSY = Unavailable("busy", status=429, retry_after=7.0)
BUSY_LINE = error(429, details={"retryAfterSeconds": 9})
DOWN = Unavailable("no answer")
CUT = Unavailable("the connection broke")
GONE = Expired("too old", status=410)
GONE_LINE = error(410)
FORBIDDEN = Rejected("no", status=403)
NO_KIND = NotFound("no such kind", status=404)
EVENT = added("a", 6)
TWICE = "0 list, 0 watch 5, 0.5 watch 5, 1.5 watch 5"

COURSES = {
    # A watch that goes on.
    "an ended watch resumes at once from the last version": Course(
        [5], [[EVENT, 300.0]], "0 list, 0 watch 5, 300 watch 6"
    ),
    "a bookmark moves the version": Course([5], [[60.0, bookmark(9), 240.0]], "0 list, 0 watch 5, 300 watch 9"),
    "a bookmark of the same version is a word too": Course(
        [5], [[60.0, bookmark(5), 240.0]], "0 list, 0 watch 5, 300 watch 5"
    ),
    "a watch that is cut after an event is resumed at once": Course(
        [5], [[EVENT, CUT]], "0 list, 0 watch 5, 0 watch 6"
    ),
    "a watch that is cut after a while is resumed at once": Course([5], [[2.0, CUT]], "0 list, 0 watch 5, 2 watch 5"),
    "half an event does not count": Course(
        [5], [[EVENT, added("b", 7)[:-5], CUT]], "0 list, 0 watch 5, 0 watch 6"
    ),
    "a watch that fell silent is resumed": Course(
        [5], [[60.0, bookmark(5), 90.0, CUT]], "0 list, 0 watch 5, 150 watch 5"
    ),
    # All is listed again.
    "a watch that never said anything is not trusted": Course(
        [5, 8], [[90.0, CUT]], "0 list, 0 watch 5, 90 list, 90 watch 8"
    ),
    "a version that is forgotten is listed again at once": Course(
        [5, 8], [[EVENT, 1.0, GONE_LINE]], "0 list, 0 watch 5, 1 list, 1 watch 8"
    ),
    "so is one that is refused": Course([5, 8], [GONE], "0 list, 0 watch 5, 0 list, 0 watch 8"),
    "pages that took too long are listed again at once": Course([GONE, 8], [], "0 list, 0 list, 0 watch 8"),
    "lists do not chase each other": Course(
        [5, 6, 7, 8], [GONE, [GONE_LINE], GONE],
        "0 list, 0 watch 5, 0 list, 0 watch 6, 1 list, 1 watch 7, 3 list, 3 watch 8",
    ),
    "after a refusal all is listed again": Course(
        [5, FORBIDDEN, 8], [FORBIDDEN], "0 list, 0 watch 5, 0.5 list, 1.5 list, 1.5 watch 8", failed=2
    ),
    "a kind that comes back is listed again": Course(
        [5, 8], [NO_KIND], "0 list, 0 watch 5, 0.5 list, 0.5 watch 8", failed=1
    ),
    # It is tried again later.
    "a list without an answer is tried again, later each time": Course(
        [DOWN, DOWN, 5], [], "0 list, 0.5 list, 1.5 list, 1.5 watch 5", failed=2
    ),
    "an unanswered watch is retried from the same version": Course([5], [DOWN, DOWN], TWICE, failed=2),
    "watches that end as they begin are failures": Course([5], [[], []], TWICE, failed=2),
    "watches that are cut as they begin are failures": Course([5], [[CUT], [CUT]], TWICE, failed=2),
    "a server that says when to come back is obeyed": Course([5], [BUSY], "0 list, 0 watch 5, 7 watch 5", failed=1),
    "also when it says so in the watch": Course([5], [[BUSY_LINE]], "0 list, 0 watch 5, 9 watch 5", failed=1),
    "an error within is waited for, and what was seen counts": Course(
        [5], [[EVENT, error(500)]], "0 list, 0 watch 5, 0.5 watch 6", failed=1
    ),
    "nonsense is waited for, and what was seen counts": Course(
        [5], [[EVENT, b"{\n"]], "0 list, 0 watch 5, 0.5 watch 6", failed=1
    ),
    "an event is the end of all failures": Course(
        [5], [DOWN, DOWN, [EVENT], DOWN], f"{TWICE}, 1.5 watch 6, 2 watch 6", failed=3
    ),
    "even if there is an error after it": Course(
        [5], [DOWN, DOWN, [EVENT, error(500)]], f"{TWICE}, 2 watch 6", failed=3
    ),
    "so is a watch that lasts": Course([5], [DOWN, DOWN, [2.0], DOWN], f"{TWICE}, 3.5 watch 5, 4 watch 5", failed=3),
}  # fmt: skip


@pytest.mark.parametrize("course", COURSES.values(), ids=COURSES)
async def test_requests_of_a_watch(course: Course) -> None:
    client, diary = await played(course.lists, course.watches)
    assert ", ".join(f"{when:g} {what}" for when, what in client.asked) == course.asked
    assert sum(line.startswith("failed") for line in diary.told) == course.failed, diary.told


async def test_patience_grows_up_to_half_a_minute() -> None:
    client, diary = await played([DOWN] * 12, [])
    times = [when for when, _ in client.asked]
    delays = [later - earlier for earlier, later in pairwise(times)]
    assert delays == [0.5, 1, 2, 4, 8, 16, 30, 30, 30, 30, 30, 30]
    assert diary.told == ["failed Unavailable: no answer"] * 12


async def test_delays_are_jittered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda least, _: least)
    client, _ = await played([DOWN, DOWN], [])
    assert [when for when, _ in client.asked] == [0, 0.25, 0.75]


async def test_each_watch_asks_for_bookmarks_and_for_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    client, _ = await played([5], [[added("a", 6), added("b", 7)]] * 20)
    assert {query["allowWatchBookmarks"] for query in client.queries} == {"true"}
    lives = {int(query["timeoutSeconds"]) for query in client.queries}
    assert len(lives) > 1
    assert all(240 <= life <= 360 for life in lives)
    assert set(client.silences) == {90.0}


async def test_sink_is_called_in_order() -> None:
    life = [added("a", 6), added("b", 7) + added("c", 8), error(410)]
    _, diary = await played([5, 9], [life])
    assert diary.told == ["replace  @5", "upsert a@6", "upsert b@7", "upsert c@8", "replace  @9"]
    # Two lists, two watches (the second is the end), and two pieces without an error.
    assert diary.signs == 5


@pytest.mark.parametrize(
    ("newest", "asked"),
    [
        pytest.param(49, ["list", "watch 50", "list", "watch 30"], id="a server that is behind is listed at once"),
        pytest.param(50, ["list", "watch 50", "watch 50"], id="one where nothing has happened is watched"),
        pytest.param(70, ["list", "watch 50", "watch 50"], id="one that has gone on is watched"),
    ],
)
async def test_a_server_that_was_away_is_asked_how_far_it_is(newest: int, asked: list[str]) -> None:
    client, diary = TellingClient([50, 30], [DOWN]), Diary()
    client.newest = newest
    with pytest.raises(OverError):
        await follow(cast("KubeClient", client), DKRON_JOBS, "ns", diary)
    assert [what for _, what in client.asked] == asked
    assert client.looks == 1
    assert ("went back" in diary.told) is (newest < 50)


@pytest.mark.parametrize(
    ("lists", "life", "back"),
    [
        pytest.param([50, 30], [90.0, CUT], True, id="a list that is older than the one before"),
        pytest.param([50, 70], [added("a", 90), error(410)], True, id="a list that is older than what was watched"),
        pytest.param([50, 70], [60.0, bookmark(90), error(410)], True, id="a list that is older than a bookmark"),
        pytest.param([50, 50], [90.0, CUT], False, id="a list of the same version"),
        pytest.param([50, 90], [added("a", 90), error(410)], False, id="a list of what was watched last"),
    ],
)
async def test_rollback_of_versions_is_reported_before_the_list(
    lists: Sequence[Answer], life: Lives, back: bool
) -> None:
    _, diary = await played(lists, [life])
    last = [f"replace  @{lists[-1]}"]
    assert diary.told[-2:] == ["went back", *last] if back else diary.told[-1:] == last
    assert ("went back" in diary.told) is back


async def test_a_sink_with_a_fault_is_not_covered_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Diary, "upsert", lambda _, item: {}[item["metadata"]["name"]])
    with pytest.raises(KeyError, match="a"):
        await played([5], [[EVENT]])


async def test_watch_ends_when_cancelled_in_any_state() -> None:
    for client in (TellingClient([5], [[1e9]]), TellingClient([DOWN] * 9, [])):
        task = asyncio.create_task(follow(cast("KubeClient", client), DKRON_JOBS, "ns", Diary()))
        await asyncio.sleep(3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
