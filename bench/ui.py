"""What does the web page cost its reader, beside Dkron's in the same headless Chromium?

    python bench/ui.py [--jobs 1000 10000] [--times 5] [--runs 10] [--minutes 1] [--rate 20] [--dkron PATH|none]
                       [--dkron-page DIR]

A first view is the list of jobs in a browser that has never seen the page. *First row* is when a row is drawn, *usable*
when the page answers a click from then on: the end of the last task of 50 ms or more before half a second without
one. *Bytes* are of all responses until then, as sent. *End to row* is the time from the end of a Job until the
page of the job shows it. *Script* (in the first minute, by the sampling profiler) and *main thread* are the browser's
time while `--rate` executions start and end each second, for each of them; *heap* is what is left after a forced
collection, at the beginning and after `--minutes`.

Our `dkron-api` is the real one; for first views and the steady rate a fake API server stands behind it, which tells
of jobs as Kubernetes would. For *end to row* a cluster with simulated nodes and the operator run the job. Dkron is one
server that runs everything itself. It is taken from `--dkron`, from PATH, or built from its Go module. Where it cannot
be had, `--dkron-page` measures its page: a build of it (`dkron/ui-dist` in Dkron's repository, or what `vite build`
makes in `ui`), in front of our `dkron-api` with the same jobs as our page. A page whose rows do not change meanwhile
has no cost for each execution.

Needs Debian's package chromium, Node.js and the packages of the page (`make ui`).
"""

import argparse
import asyncio
import contextlib
import json
import shutil
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from rest_servers import dkron_api, two_cores
from rig import ROOT, connected, dkron_job, operator, simulated
from ui_contenders import DKRON, MINUTE, Page, dkron_page, find_dkron, our_page, ours
from ui_dkron_page import built_page, check_build, in_front

from dkron_kube.client import KubeClient
from dkron_kube.paths import DKRON_JOBS, JOBS

NAME = "ui"
PATIENCE = 20.0
"""Seconds after the end of a Job in which its row has to come."""
UI = ROOT / "ui"

Answer = dict[str, float]
Figures = Iterator[tuple[str, str]]


@dataclass(slots=True)
class Column:
    """One page: how it is opened with so many jobs, how *end to row* is measured in so many runs, and its figures by
    the names of their rows."""

    title: str
    opened: Callable[..., AbstractContextManager[Page]]
    rows: Callable[[int], Awaitable[Figures]]
    figures: dict[str, str] = field(default_factory=dict)


class Browser:
    """A running `ui/measure.mjs`, which answers with lines of JSON."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def answers(self) -> AsyncIterator[Answer]:
        """Yield its answers until it ends. Raises SystemExit if it fails."""
        if self._process.stdout is not None:
            async for line in self._process.stdout:
                yield json.loads(line)
        await self._process.wait()
        self._check()

    async def answer(self) -> Answer:
        """Return the next answer. Raises SystemExit if there is none."""
        async for each in self.answers():
            return each
        sys.exit("the browser ended too early")

    def end(self) -> None:
        """Tell it to end."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _check(self) -> None:
        if self._process.returncode:
            sys.exit("the browser failed; its message is above")


@contextlib.asynccontextmanager
async def browser(kind: str, **wanted: object) -> AsyncIterator[Browser]:
    """A headless Chromium for one kind of measurement."""
    command, pipe = ["node", "measure.mjs", json.dumps({"kind": kind, **wanted})], asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, cwd=UI, stdin=pipe, stdout=pipe)
    running = Browser(process)
    try:
        yield running
        running.end()
        await process.wait()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def answers(kind: str, **wanted: object) -> list[Answer]:
    """All that the browser answers."""
    async with browser(kind, **wanted) as running:
        return [each async for each in running.answers()]


async def first_views(page: Page, jobs: int, times: int) -> Figures:
    """Median of some first views."""
    found = await answers("views", url=page.jobs, rows=page.rows, times=times)
    median = {key: statistics.median(each[key] for each in found) for key in ("first", "usable", "bytes")}
    title = f"{jobs:,} jobs"
    return iter([
        (f"{title}: first row, ms", f"{median['first']:.0f}"),
        (f"{title}: usable, ms", f"{median['usable']:.0f}"),
        (f"{title}: bytes until usable", f"{median['bytes']:,.0f}"),
    ])  # fmt: skip


async def steady(page: Page, rate: int, minutes: int) -> Figures:
    """The cost of the page while executions start and end."""
    found = await answers("steady", url=page.jobs, rows=page.rows, minutes=minutes)
    begin, end = found[0], found[-1]
    executions = rate * (end["at"] - begin["at"]) / 1000
    each = {
        "script": found[1]["script"] * 1000 / (rate * MINUTE),
        "main thread": (end["task"] - begin["task"]) * 1000 / executions,
    }
    live = any(answer["changed"] for answer in found)
    return iter([
        *((f"{rate} a second: {name}, ms each", f"{ms:.2f}" if live else "no refresh") for name, ms in each.items()),
        ("heap at the beginning, MB", f"{begin['heap'] / 1e6:.2f}"),
        (f"heap after {minutes} min, MB", f"{end['heap'] / 1e6:.2f}"),
    ])  # fmt: skip


async def end_to_row(page: Page, run: Callable[[], Awaitable[float]], runs: int) -> Figures:
    """Time from the end of a Job to its row. `run` lets the job run once, and returns when that ended."""
    late = []
    async with browser("follow", url=page.job, rows="body", done=page.ended) as running:
        while "ready" not in await running.answer():
            pass
        for _ in range(runs):
            ended = await run()
            try:
                async with asyncio.timeout(PATIENCE):
                    shown = await running.answer()
            except TimeoutError:
                return iter([("end of a Job to its row, ms", "only after a reload")])
            late.append(shown["at"] - ended * 1000)
    return iter([
        ("end of a Job to its row, ms", f"{statistics.median(late):.0f}"),
        ("the same, the latest", f"{max(late):.0f}"),
    ])  # fmt: skip


class Ends:
    """When each Job of a namespace ended, as a watch sees it: the times in its status are whole seconds."""

    def __init__(self, client: KubeClient, page: Page) -> None:
        self._client, self._page = client, page
        self._ended: asyncio.Queue[float] = asyncio.Queue()

    async def watch(self) -> None:
        """Watch until cancelled."""
        known: set[str] = set()
        async with self._client.watch(JOBS, NAME, query={"resourceVersion": "0"}, silence=600) as body:
            rest = b""
            async for piece in body:
                *lines, rest = (rest + piece).split(b"\n")
                for job in (json.loads(line)["object"] for line in lines):
                    name, status = job["metadata"]["name"], job.get("status") or {}
                    if status.get("succeeded") and name not in known:
                        known.add(name)
                        self._ended.put_nowait(time.time())

    async def run(self) -> float:
        """Let the job run once. Return when its Job ended, in seconds since the epoch."""
        await asyncio.to_thread(self._page.request, "POST", "/v1/jobs/watched/run")
        async with asyncio.timeout(60):
            return await self._ended.get()


async def our_rows(front: Callable[[int], AbstractContextManager[Page]], runs: int) -> Figures:
    """A page over our API at a port: a real cluster, in which simulated nodes end the pods."""
    with simulated() as cluster:
        async with connected(cluster, NAME) as client:
            await client.create(DKRON_JOBS, NAME, dkron_job("watched", "@yearly"))
            core = two_cores().server
            with (
                operator(cluster.kubeconfig, NAME),
                dkron_api(cluster.kubeconfig, NAME, core=core, options=[]) as api,
                front(api.address[1]) as page,
            ):
                ends = Ends(client, page)
                watching = asyncio.create_task(ends.watch())
                try:
                    return await end_to_row(page, ends.run, runs)
                finally:
                    watching.cancel()


async def dkron_rows(program: Path, runs: int) -> Figures:
    """Dkron's: it runs `true` itself, and says to the nanosecond when that ended."""
    with dkron_page(program, 0) as page:
        page.request("POST", "/v1/jobs", {**ANY_JOB, "name": "watched"})
        count = 0

        async def run() -> float:
            nonlocal count
            page.request("POST", "/v1/jobs/watched/run")
            count += 1
            async with asyncio.timeout(60):
                while True:
                    known: list[dict[str, Any]] = json.loads(page.request("GET", "/v1/jobs/watched/executions")) or []
                    ended = [each["finished_at"] for each in known if not each["finished_at"].startswith("0001")]
                    if len(ended) == count:
                        return max(datetime.fromisoformat(each).timestamp() for each in ended)
                    await asyncio.sleep(0.05)

        return await end_to_row(page, run, runs)


ANY_JOB = {"schedule": "@yearly", "executor": "shell", "executor_config": {"command": "true"}}


async def measure(columns: list[Column], options: argparse.Namespace) -> None:
    """Fill the columns, each measurement for all of them before the next, so that they share what else the machine
    does."""
    for jobs in options.jobs:
        for column in columns:
            with column.opened(jobs) as page:
                column.figures |= await first_views(page, jobs, options.times)
    for column in columns:
        column.figures |= await column.rows(options.runs)
    for column in columns:
        with column.opened(options.rate * MINUTE, rate=options.rate) as page:
            column.figures |= await steady(page, options.rate, options.minutes)


async def run(options: argparse.Namespace) -> None:
    """Measure all, and print one table."""
    columns = [Column("dkron-operator", our_page, partial(our_rows, lambda port: nullcontext(ours(port))))]
    program, why = find_dkron(options.dkron)
    if program is None:
        print(f"Dkron {DKRON} could not be had ({why}), so there is no column of it.\n")
    else:
        columns.append(Column(f"Dkron {DKRON}", partial(dkron_page, program), partial(dkron_rows, program)))
    if options.dkron_page is not None:
        build = check_build(options.dkron_page)
        columns.append(
            Column("Dkron's page, our API", partial(built_page, build), partial(our_rows, partial(in_front, build)))
        )
    await measure(columns, options)
    print(f"| | {' | '.join(each.title for each in columns)} |")
    print(f"| --- |{' --- |' * len(columns)}")
    for name in dict.fromkeys(name for each in columns for name in each.figures):
        print(f"| {name} | {' | '.join(each.figures.get(name, '') for each in columns)} |")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--times", type=int, default=5, help="first views, of which the median counts")
    parser.add_argument("--runs", type=int, default=10, help="runs whose rows are waited for")
    parser.add_argument("--minutes", type=int, default=1, help="how long executions go on; 60 for the full figure")
    parser.add_argument("--rate", type=int, default=20, help="executions a second")
    parser.add_argument("--dkron", default="", help="Dkron's program; none measures without it")
    parser.add_argument("--dkron-page", type=Path, help="folder of a build of Dkron's page, served in front of our API")
    options = parser.parse_args()
    if shutil.which("node") is None or not (UI / "node_modules").is_dir():
        sys.exit("the bench drives Chromium with Node.js and the packages of the page; run make ui first")
    asyncio.run(run(options))


if __name__ == "__main__":
    main()
