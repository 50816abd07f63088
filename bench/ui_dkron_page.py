"""Dkron's page from a build of it, in front of our `dkron-api`: for where Dkron's program cannot be had."""

import asyncio
import contextlib
import gzip
import json
import mimetypes
import multiprocessing
import re
import sys
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import aiohttp
import uvloop
from aiohttp import web
from ui_contenders import START, Page, dkrons, our_api
from yarl import URL

INDEX = "index.html"
_FIELD = re.compile(r"\{\{\s*\.(\w+)\s*\}\}")
_VALUES = {"DKRON_API_URL": "../v1", "DKRON_LEADER": "bench", "DKRON_ACL_ENABLED": False}
_ASKED = ("Accept", "Accept-Encoding", "Content-Type")
_ANSWERED = ("Content-Type", "Content-Encoding", "X-Total-Count")

Files = dict[str, bytes]


def check_build(build: Path) -> Path:
    """Return the folder. Leaves with a sentence if it holds no build."""
    if not (build / INDEX).is_file():
        sys.exit(f"{build} holds no build of Dkron's page: there is no {INDEX}")
    return build


def rendered(index: str) -> str:
    """The template of its index as Dkron's server fills it; its counts of jobs, which the list does not show, are 0."""
    return _FIELD.sub(lambda found: json.dumps(_VALUES.get(found[1], 0)), index)


@contextlib.contextmanager
def built_page(build: Path, jobs: int, *, rate: int = 0) -> Iterator[Page]:
    """Its page with so many jobs of our API, of which `rate` run each second."""
    with our_api(jobs, rate=rate) as port, in_front(build, port) as page:
        yield page


@contextlib.contextmanager
def in_front(build: Path, api: int) -> Iterator[Page]:
    """Its page in front of the API at this port: a process on the loopback that passes on all but `/ui/`."""
    spawn = multiprocessing.get_context("spawn")
    mine, theirs = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_serve, args=(build, api, theirs), daemon=True)
    process.start()
    try:
        if not mine.poll(START):
            raise SystemExit("the server of Dkron's page did not start")
        yield dkrons("Dkron's page", mine.recv())
    finally:
        process.terminate()
        process.join()


def _serve(build: Path, api: int, port: Connection) -> None:
    files = {each.relative_to(build).as_posix(): each.read_bytes() for each in build.rglob("*") if each.is_file()}
    files[INDEX] = rendered(files[INDEX].decode()).encode()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_answer({path: gzip.compress(body) for path, body in files.items()}, api, port))


async def _answer(compressed: Files, api: int, port: Connection) -> None:
    async def page(request: web.Request) -> web.Response:
        # As Dkron answers, every path that is no file is the index.
        path = request.match_info["path"] if request.match_info["path"] in compressed else INDEX
        content_type = mimetypes.guess_type(path)[0] or "application/octet-stream"
        return web.Response(body=compressed[path], headers={"Content-Type": content_type, "Content-Encoding": "gzip"})

    async def forward(request: web.Request) -> web.Response:
        url = URL(f"http://127.0.0.1:{api}{request.raw_path}", encoded=True)
        headers = {name: request.headers[name] for name in _ASKED if name in request.headers}
        async with session.request(request.method, url, headers=headers, data=await request.read()) as answer:
            kept = {name: answer.headers[name] for name in _ANSWERED if name in answer.headers}
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)

    app = web.Application()
    app.router.add_get("/ui/{path:.*}", page)
    app.router.add_route("*", "/{path:.*}", forward)
    runner = web.AppRunner(app, access_log=None)
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port.send(runner.addresses[0][1])
        await asyncio.Event().wait()
