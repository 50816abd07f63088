"""Reads over the wire are bounded: pages by bytes, and by depth what a client other than ours parses."""

import asyncio
import json
from contextlib import suppress

import pytest
from aiohttp import web

from dkron_crds.bounds import unreadable
from dkron_kube.errors import Unavailable
from dkron_kube.paging import FIRST, Paging
from dkron_kube.paths import DKRON_JOBS, JOBS
from dkron_kube.reading import BoundedReading, bounded_text
from dkron_kube.watch import Pace, follow
from tests.support.kube_server import served
from tests.support.watching import Diary

MIB = 1 << 20
DEEP = '{"a":' * 1000 + "1" + "}" * 1000


class Shelf:
    """So many objects of this size, in pages; it remembers for how many it was asked."""

    def __init__(self, count: int, size: int, *, deep: int | None = None) -> None:
        self.asked: list[int] = []
        self._count = count
        self._size = size
        self._deep = deep

    async def answer(self, request: web.Request) -> web.StreamResponse:
        limit, start = int(request.query["limit"]), int(request.query.get("continue") or 0)
        self.asked.append(limit)
        end = min(start + limit, self._count)
        metadata = {"resourceVersion": "7", "continue": str(end) if end < self._count else ""}
        items = ",".join(self._item(number) for number in range(start, end))
        text = f'{{"items":[{items}],"metadata":{json.dumps(metadata)}}}'
        return web.Response(text=text, content_type="application/json")

    def _item(self, number: int) -> str:
        spec = DEEP if number == self._deep else json.dumps({"text": "x" * self._size})
        metadata = {"name": str(number), "uid": str(number), "resourceVersion": "7", "namespace": "default"}
        return f'{{"metadata":{json.dumps(metadata)},"spec":{spec}}}'


@pytest.mark.parametrize(
    ("count", "size", "most"),
    [
        pytest.param(1200, 10, 4, id="short objects in full pages"),
        pytest.param(13, 1_400_000, 17, id="long ones in short pages"),
        pytest.param(2, 5 * MIB, 6, id="one that is longer than a page"),
    ],
)
async def test_a_list_is_read_whole_in_pages_that_fit(count: int, size: int, most: int) -> None:
    shelf = Shelf(count, size)
    async with served(shelf.answer) as client:
        found = [item["metadata"]["name"] async for item in client.list(DKRON_JOBS, "default")]
    assert found == [str(number) for number in range(count)]
    assert len(shelf.asked) <= most
    assert shelf.asked[0] == FIRST


async def test_pages_grow_again_when_objects_are_short_again() -> None:
    shelf = Shelf(13, 1_400_000)
    async with served(shelf.answer) as client:
        [item async for item in client.list(DKRON_JOBS, "default")]
        shelf.__init__(1200, 10)  # type: ignore[misc]
        [item async for item in client.list(DKRON_JOBS, "default")]
        [item async for item in client.list(DKRON_JOBS, "default")]
    assert shelf.asked[-3:] == [500, 500, 500]


async def test_unanswered_page_is_requested_smaller() -> None:
    shelf = Shelf(13, 100_000)

    async def answer(request: web.Request) -> web.StreamResponse:
        if int(request.query["limit"]) > 5 and request.transport is not None:
            # As if the time were over before the API server has written so many objects.
            shelf.asked.append(int(request.query["limit"]))
            request.transport.close()
        return await shelf.answer(request)

    async with served(answer) as client:
        with pytest.raises(Unavailable):
            [item async for item in client.list(DKRON_JOBS, "default")]
        # Each failure divides by eight: 64, 8.
        with suppress(Unavailable):
            [item async for item in client.list(DKRON_JOBS, "default")]
        assert len([item async for item in client.list(DKRON_JOBS, "default")]) == 13


async def test_too_deep_object_is_marked_and_others_are_read() -> None:
    async with served(Shelf(3, 10, deep=1).answer) as client:
        found = [item async for item in client.list(DKRON_JOBS, "default")]
    assert [bool(unreadable(item)) for item in found] == [False, True, False]


async def test_a_watch_goes_on_after_one_that_nests_too_deep() -> None:
    lines = (
        f'{{"type":"ADDED","object":{{"metadata":{{"name":"{name}","resourceVersion":"{n}"}},"spec":{spec}}}}}\n'
        for n, (name, spec) in enumerate((("a", "{}"), ("b", DEEP), ("c", "{}")), start=8)
    )
    text = "".join(lines)

    async def answer(request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            return web.Response(text=text)
        return web.json_response({"items": [], "metadata": {"resourceVersion": "7"}})

    diary = Diary()
    async with served(answer) as client:
        task = asyncio.create_task(follow(client, DKRON_JOBS, None, diary, pace=Pace(brief=0.0, first_delay=0.01)))
        diary.written_by(task)
        await diary.until("all three", lambda seen: len(seen.held) == 3)
        task.cancel()
    assert diary.told[1:4] == ["upsert a@8", "upsert b@9", "upsert c@10"]


def event(item: str) -> bytes:
    return f'{{"type":"ADDED","object":{item}}}'.encode()


def test_short_shallow_event_reaches_kopf_unchanged() -> None:
    text = event('{"metadata": {}, "spec": {"a" : [1]}}')
    assert bounded_text(text) is text


@pytest.mark.parametrize(
    ("item", "of_jobs", "left"),
    [
        pytest.param(f'{{"metadata":{{}},"spec":{DEEP}}}', False, 2000, id="deep"),
        pytest.param(
            json.dumps({"metadata": {}, "spec": {"jobTemplate": {"x": [[]] * 100_000}}}), False, 300, id="long template"
        ),
        pytest.param(json.dumps({"metadata": {}, "spec": {"x": "y" * MIB}}), True, 100, id="a long Job"),
    ],
)
def test_kopf_events_are_bounded(item: str, left: int, *, of_jobs: bool) -> None:
    text = bounded_text(event(item), of_jobs=of_jobs)
    assert len(text) < left
    document = json.loads(text)
    assert document["object"]["metadata"] == {}
    assert bool(unreadable(document["object"])) is not of_jobs


def test_invalid_json_is_left_to_kopf() -> None:
    assert bounded_text(b"[" * 100_000) == b"[" * 100_000


async def test_kopf_session_bounds_lists_and_streams() -> None:
    shelf = Shelf(13, 1_400_000, deep=2)
    names, token = list[str](), ""
    async with (
        served(shelf.answer) as client,
        client.access.open_session(reading=[BoundedReading(), Paging()]) as session,
    ):
        while token or not names:
            async with session.get(DKRON_JOBS.path(), params={"limit": "500", "continue": token}) as response:
                page = await response.json()
            names += [item["metadata"]["name"] for item in page["items"]]
            token = page["metadata"]["continue"]
        async with session.get(JOBS.path(), params={"limit": "1"}) as response:
            (job,) = (await response.json())["items"]
    assert names == [str(number) for number in range(13)]
    assert max(shelf.asked[-6:-1]) < 20
    assert "spec" not in job, "of a Job nothing reads it"
