"""Following a kind over real connections: streams that are cut, silent, huge or refused."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port
from hypothesis import given, settings
from hypothesis import strategies as st

from dkron_kube.access import AccessError
from dkron_kube.client import Call, KubeClient
from dkron_kube.paths import DKRON_JOBS
from dkron_kube.watch import Pace, follow
from tests.support.kube_server import Handler, client_of, opened, refusal, served, serving
from tests.support.watching import Diary, added, error, event, thing

HASTE = Pace(silence=30.0, brief=0.0, first_delay=0.001, last_delay=0.001)
"""So that no test waits; the waiting has its own."""


class Story:
    """What happened at a server: event after event, the version of each one more than that of the one before.

    Every request for a watch takes the next of `cuts`: after so many bytes the connection breaks; the last stays open.
    What is older than `forgotten` is told to nobody any more.
    """

    def __init__(self, lines: Sequence[bytes], *, cuts: Sequence[int] = (), piece: int = 65536) -> None:
        self.lines = list(lines)
        self.cuts = list(cuts)
        self.piece = piece
        self.forgotten = 0
        self.queries: list[dict[str, str]] = []
        self.left = 0
        self._over = asyncio.Event()

    @property
    def version(self) -> int:
        return len(self.lines)

    def held(self, version: int) -> dict[str, int]:
        """What is there as of a version."""
        held: dict[str, int] = {}
        for number, line in enumerate(self.lines[:version], start=1):
            told = json.loads(line)
            name = told["object"]["metadata"].get("name")
            if told["type"] == "DELETED":
                held.pop(name)
            elif told["type"] != "BOOKMARK":
                held[name] = number
        return held

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.queries.append(dict(request.query))
        if "watch" not in request.query:
            items = [thing(name, version) for name, version in self.held(self.version).items()]
            return web.json_response({"items": items, "metadata": {"resourceVersion": str(self.version)}})
        version = int(request.query["resourceVersion"])
        if version < self.forgotten:
            return refusal(410, "Expired")
        return await self._stream(request, b"".join(self.lines[version:]))

    async def _stream(self, request: web.Request, text: bytes) -> web.StreamResponse:
        cut = self.cuts.pop(0) if self.cuts else None
        response = await opened(request)
        for start in range(0, len(text[:cut]), self.piece):
            await response.write(text[start : start + self.piece][: None if cut is None else cut - start])
        try:
            if cut is None:
                await self._over.wait()
        finally:
            self.left += 1
        assert request.transport is not None
        request.transport.abort()
        return response

    def end(self) -> None:
        """Let go of those who still watch."""
        self._over.set()


@asynccontextmanager
async def following(answer: Handler, *, pace: Pace = HASTE, name: str | None = None) -> AsyncIterator[Diary]:
    async with served(answer) as client, written(client, pace=pace, name=name) as diary:
        yield diary


@asynccontextmanager
async def written(client: KubeClient, *, pace: Pace = HASTE, name: str | None = None) -> AsyncIterator[Diary]:
    diary = Diary()
    task = asyncio.create_task(follow(client, DKRON_JOBS, "ns", diary, name=name, pace=pace))
    diary.written_by(task)
    try:
        yield diary
        assert not task.done(), "following never ends by itself"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def holds(story: Story) -> Callable[[Diary], bool]:
    return lambda diary: diary.held == story.held(story.version)


# --- lists ---------------------------------------------------------------------------------------------------------


async def test_a_list_of_several_pages_is_handed_on_as_one() -> None:
    pages = {
        "": {"items": [thing("a", 1), thing("b", 2)], "metadata": {"continue": "x", "resourceVersion": "7"}},
        "x": {"items": None, "metadata": {"continue": "y", "resourceVersion": "7"}},
        "y": {"items": [thing("c", 3)], "metadata": {"resourceVersion": "7"}},
    }
    asked: list[dict[str, str]] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(dict(request.query))
        if "watch" in request.query:
            return refusal(503)
        return web.json_response(pages[request.query.get("continue", "")])

    async with following(answer) as diary:
        await diary.until("the list", lambda diary: len(diary.told) > 1)
    assert diary.told[0] == "replace a b c @7"
    assert [query.get("continue") for query in asked[:3]] == [None, "x", "y"]
    assert asked[3]["resourceVersion"] == "7"


async def test_one_object_is_chosen_by_its_name_in_the_list_and_in_the_watch() -> None:
    story = Story([added("a", 1)])
    async with following(story.answer, name="a") as diary:
        await diary.until("the watch", lambda diary: diary.signs > 1)
    assert [query["fieldSelector"] for query in story.queries] == ["metadata.name=a", "metadata.name=a"]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({}, id="nothing"),
        pytest.param([], id="a bare list"),
        pytest.param({"items": []}, id="no metadata"),
        pytest.param({"items": [], "metadata": {}}, id="no version"),
        pytest.param({"items": [], "metadata": {"resourceVersion": "x"}}, id="a version of letters"),
        pytest.param({"items": 7, "metadata": {"resourceVersion": "1"}}, id="items that are none"),
        pytest.param({"items": [], "metadata": None}, id="null for metadata"),
    ],
)
async def test_a_list_that_is_none_is_a_failure(answer: Any) -> None:
    async def nonsense(_: web.Request) -> web.StreamResponse:
        return web.json_response(answer)

    async with following(nonsense) as diary:
        await diary.until("three failures", lambda diary: len(diary.told) > 2)
    assert all(line.startswith("failed Unavailable") for line in diary.told)


# --- watches -------------------------------------------------------------------------------------------------------


async def test_events_arrive_as_they_happen() -> None:
    story = Story([])
    lines: asyncio.Queue[bytes] = asyncio.Queue()

    async def answer(request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            return await story.answer(request)
        response = await opened(request)
        while line := await lines.get():
            await response.write(line)
        return response

    async with following(answer) as diary:
        for line, told in (
            (added("a", 1), "see a@1"),
            (event("MODIFIED", thing("a", 2)), "see a@2"),
            (event("DELETED", thing("a", 3)), "lose a@3"),
        ):
            lines.put_nowait(line)
            await diary.until(told, _told_last(told))
        lines.put_nowait(b"")
    assert diary.told == ["replace  @0", "see a@1", "see a@2", "lose a@3"]


async def test_a_line_of_megabytes_is_one_event() -> None:
    story = Story([added("a", 1)])
    async with following(story.answer) as diary:
        await diary.until("the list", holds(story))
        story.lines += [added("b", 2, spec="x" * 5_000_000), added("c", 3)]
        story.end()
        await diary.until("the events", holds(story))
    assert "see b@2" in diary.told
    assert not [line for line in diary.told if line.startswith("failed")]


async def test_a_cut_within_a_line_loses_and_repeats_nothing() -> None:
    lines = [added("a", 1), added("b", 2), added("c", 3)]
    story = Story(lines, cuts=[0, len(lines[0]) + 5, 3, len(lines[1])])
    story.lines = []
    async with following(story.answer) as diary:
        await diary.until("the list", lambda diary: diary.told)
        story.lines = lines
        await diary.until("the events", holds(story))
    told = [line for line in diary.told if not line.startswith("failed")]
    assert told == ["replace  @0", "see a@1", "see b@2", "see c@3"]


async def test_a_stream_that_falls_silent_is_resumed() -> None:
    first = added("a", 1)
    story = Story([])
    async with following(story.answer, pace=Pace(silence=0.05, first_delay=0.001)) as diary:
        await diary.until("the list", lambda diary: diary.told)
        story.lines.append(first)
        # The server keeps each stream open and says nothing of what happens later.
        await diary.until("the event", holds(story))
        story.lines.append(added("b", 2))
        await diary.until("the other", holds(story))
    assert {int(query["resourceVersion"]) for query in story.queries if "watch" in query} >= {0, 1}


async def test_a_version_that_is_forgotten_is_listed_again() -> None:
    story = Story([added("a", 1)], cuts=[0])
    async with following(story.answer) as diary:
        story.forgotten = 3
        story.lines += [event("DELETED", thing("a", 2)), added("b", 3)]
        await diary.until("the list", holds(story))
    assert diary.held == {"b": 3}
    assert not [line for line in diary.told if line.startswith(("failed", "lose"))]


async def test_an_error_in_the_stream_is_told_and_the_stream_resumed() -> None:
    story = Story([])
    answered = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal answered
        if "watch" not in request.query or (answered := answered + 1) > 1:
            return await story.answer(request)
        story.lines.append(added("a", 1))
        return web.Response(body=story.lines[0] + error(500, "etcdserver: no leader"))

    async with following(answer) as diary:
        await diary.until("the watch after it", lambda _: any("watch" in query for query in story.queries))
    assert diary.told == ["replace  @0", "see a@1", "failed Unavailable: etcdserver: no leader"]
    assert story.queries[-1]["resourceVersion"] == "1"


async def test_nobody_listening_is_told_and_outlived() -> None:
    port = unused_port()
    story, client = Story([added("a", 1)]), client_of(f"http://127.0.0.1:{port}")
    async with written(client) as diary:
        await diary.until("a failure", lambda diary: diary.told)
        async with serving(story.answer, port=port):
            await diary.until("the list", holds(story))
    await client.close()
    assert diary.told[0].startswith("failed Unavailable: no answer from the API server")
    assert client.calls[Call("list", "dkronjobs", 0)] >= 1


async def test_credentials_that_cannot_be_renewed_are_told_and_outlived() -> None:
    failures = [AccessError("the plugin is not there")] * 3

    async def renew() -> str | None:
        if failures:
            raise failures.pop()
        return "Bearer t"

    story = Story([added("a", 1)])
    async with serving(story.answer) as server:
        client = client_of(str(server.make_url("")).rstrip("/"), authorization=renew)
        async with written(client) as diary:
            await diary.until("the list", holds(story))
        await client.close()
    assert diary.told[:3] == ["failed Unavailable: no answer from the API server: the plugin is not there"] * 3


async def test_who_is_cancelled_leaves_no_stream_open() -> None:
    story = Story([])
    async with following(story.answer) as diary:
        await diary.until("the watch", lambda diary: diary.signs > 1)
        assert story.left == 0
    assert story.left == 1


@st.composite
def histories(draw: st.DrawFn) -> list[bytes]:
    """Events of a few objects in a row that makes sense."""
    there: set[str] = set()
    lines = []
    for version, name in enumerate(draw(st.lists(st.sampled_from("abc"), max_size=30)), start=1):
        kind = draw(st.sampled_from(["MODIFIED", "DELETED", "BOOKMARK"] if name in there else ["ADDED", "BOOKMARK"]))
        item = {"metadata": {"resourceVersion": str(version)}} if kind == "BOOKMARK" else thing(name, version)
        there.update({name} if kind == "ADDED" else ())
        there.difference_update({name} if kind == "DELETED" else ())
        lines.append(event(kind, item))
    return lines


@settings(max_examples=50, deadline=None)
@given(histories(), st.lists(st.integers(0, 300), max_size=12), st.integers(1, 200), st.integers(0, 30))
async def test_however_often_and_wherever_it_is_cut_every_change_is_seen_once_and_in_order(
    lines: list[bytes], cuts: list[int], piece: int, listed: int
) -> None:
    story = Story(lines[:listed], cuts=cuts, piece=piece)
    async with following(story.answer) as diary:
        await diary.until("the list", lambda diary: diary.told)
        story.lines = lines
        # Whoever has come to the end of an open stream is sent on to the rest.
        story.end()
        await diary.until("the last event", lambda _: _asked_for(story) >= story.version)
        story.end()
    versions = [int(line.rpartition("@")[2]) for line in diary.told if not line.startswith("failed")]
    assert versions == sorted(versions)
    assert diary.held == story.held(story.version)
    seen = versions[1:]
    changes = [number for number, line in enumerate(lines, start=1) if number > listed and b"BOOKMARK" not in line]
    assert seen == changes


def _told_last(line: str) -> Callable[[Diary], bool]:
    return lambda diary: diary.told[-1:] == [line]


def _asked_for(story: Story) -> int:
    return max((int(query.get("resourceVersion", 0)) for query in story.queries), default=0)
