"""Following a kind over real connections: streams that are cut, silent, huge or refused."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from dkron_kube.access import AccessError
from dkron_kube.client import KubeClient
from dkron_kube.paths import DKRON_JOBS
from dkron_kube.watch import ALL, Pace, Selection, follow
from tests.support.examples import examples
from tests.support.kube_server import Handler, client_of, opened, refusal, served, serving
from tests.support.watching import Diary, added, event, thing

HASTE = Pace(silence=30.0, brief=0.0, first_delay=0.001, last_delay=0.001)
"""So that no test waits; the waiting has its own."""


class Story:
    """What happened at a server: event after event, each version one more than the version before.

    Every request for a watch takes the next of `cuts`: after so many bytes the connection breaks; the last stays open.
    """

    def __init__(self, lines: Sequence[bytes], *, cuts: Sequence[int] = (), piece: int = 65536) -> None:
        self.lines = list(lines)
        self.cuts = list(cuts)
        self.piece = piece
        self.queries: list[dict[str, str]] = []
        self.left = 0
        self._over = asyncio.Event()

    @property
    def version(self) -> int:
        return len(self.lines)

    def held(self, version: int) -> dict[str, int]:
        """The objects as of a version."""
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
async def following(answer: Handler, *, pace: Pace = HASTE, selection: Selection = ALL) -> AsyncIterator[Diary]:
    async with served(answer) as client, written(client, pace=pace, selection=selection) as diary:
        yield diary


@asynccontextmanager
async def written(client: KubeClient, *, pace: Pace = HASTE, selection: Selection = ALL) -> AsyncIterator[Diary]:
    diary = Diary()
    task = asyncio.create_task(follow(client, DKRON_JOBS, "ns", diary, selection=selection, pace=pace))
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


async def test_single_object_is_selected_by_name_in_list_and_watch() -> None:
    story = Story([added("a", 1)])
    async with following(story.answer, selection=Selection("metadata.name=a")) as diary:
        await diary.until("the watch", lambda diary: diary.signs > 1)
    assert [query["fieldSelector"] for query in story.queries] == ["metadata.name=a", "metadata.name=a"]


async def test_selection_from_now_lists_one_object_and_keeps_none() -> None:
    story = Story([added("a", 1), added("b", 2)])
    async with following(story.answer, selection=Selection(labels="mine", from_now=True)) as diary:
        await diary.until("the watch", lambda diary: diary.signs > 1)
    assert diary.told == ["replace  @2"]
    listed, watched = story.queries
    assert (listed["limit"], listed["labelSelector"], watched["labelSelector"]) == ("1", "mine", "mine")
    assert watched["resourceVersion"] == "2"


async def test_event_longer_than_selected_is_not_parsed() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            return web.json_response({"items": [], "metadata": {"resourceVersion": "1"}})
        response = await opened(request)
        await response.write(b"{" * 301 + b"\n" + added("b", 3))
        return response

    async with following(answer, selection=Selection(longest=300)) as diary:
        await diary.until("the short one", lambda diary: diary.held)
    assert diary.told[:2] == ["replace  @1", "upsert b@3"]


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
            (added("a", 1), "upsert a@1"),
            (event("MODIFIED", thing("a", 2)), "upsert a@2"),
            (event("DELETED", thing("a", 3)), "remove a@3"),
        ):
            lines.put_nowait(line)
            await diary.until(told, _told_last(told))
        lines.put_nowait(b"")
    assert diary.told == ["replace  @0", "upsert a@1", "upsert a@2", "remove a@3"]


async def test_a_line_of_megabytes_is_one_event() -> None:
    story = Story([added("a", 1)])
    async with following(story.answer) as diary:
        await diary.until("the list", holds(story))
        story.lines += [added("b", 2, spec="x" * 5_000_000), added("c", 3)]
        story.end()
        await diary.until("the events", holds(story))
    assert "upsert b@2" in diary.told
    assert not [line for line in diary.told if line.startswith("failed")]


async def test_unrenewable_credentials_are_reported_and_survived() -> None:
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


async def test_cancelled_watch_leaves_no_stream_open() -> None:
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


@settings(max_examples=examples(50), deadline=None)
@given(histories(), st.lists(st.integers(0, 300), max_size=12), st.integers(1, 200), st.integers(0, 30))
async def test_watch_cut_anywhere_sees_each_change_once_in_order(
    lines: list[bytes], cuts: list[int], piece: int, listed: int
) -> None:
    story = Story(lines[:listed], cuts=cuts, piece=piece)
    async with following(story.answer) as diary:
        await diary.until("the list", lambda diary: diary.told)
        story.lines = lines
        # A client that has come to the end of an open stream is sent on to the rest.
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
