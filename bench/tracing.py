"""What tracing costs: CPU seconds of a start, CPU microseconds of a request of the API and of an execution.

A request is one span of a server and one of a call to Kubernetes; an execution is four: fired, created, run, recorded.
The time is of the whole process, with the thread that delivers them to a receiver in another process, or to none.

    python bench/tracing.py [--rounds 5]
"""

import argparse
import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from unittest.mock import Mock

from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from dkron_api.edge.traced import tracing as traced
from dkron_runtime.tracing.kube import KubeSpans
from dkron_runtime.tracing.sdk import Tracing
from dkron_runtime.tracing.spans import SpanStart

RECEIVER = """
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""
PROGRAMS = ("dkron_operator", "dkron_api")
START = """
import resource, time
import {program}.main
before, memory = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
import dkron_runtime.tracing.sdk
print(before, time.process_time() - before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory)
"""
AWAY = "http://127.0.0.1:9"
COUNT, PAUSE = 1000, 400
"""So many of a kind; after so many the queue is given time."""
ABOUT = {f"dkron.attribute-{number}": "of about this length" for number in range(9)}


@contextmanager
def receiver() -> Iterator[str]:
    """A receiver that takes everything, in a process of its own."""
    process = subprocess.Popen([sys.executable, "-c", RECEIVER], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.terminate()
        process.wait()


def starts(rounds: int) -> None:
    """The start of each program, and what tracing adds to it."""
    print("| start | without, CPU s | more with it, CPU s | more with it, MB |\n| --- | --- | --- | --- |")
    for program in PROGRAMS:
        command = [sys.executable, "-c", START.format(program=program)]
        told = [subprocess.check_output(command, text=True).split() for _ in range(rounds + 1)]
        off, more, memory = (min(float(each[column]) for each in told) for column in range(3))
        print(f"| {program} | {off:.2f} | {more:.2f} | {memory / 1024:.0f} |")


def request(tracing: Tracing) -> Callable[[], None]:
    """A request through the middleware, which makes a call."""
    spans, transport = KubeSpans(tracing, server="https://10.0.0.1:6443"), Mock()
    transport.get_extra_info.return_value = None
    asked = make_mocked_request("GET", "/v1/jobs/backup", {"User-Agent": "curl/8"}, transport=transport)
    asked.match_info.route.resource = Mock(canonical="/v1/jobs/{job}")  # type: ignore[misc]

    async def handler(_: web.Request) -> web.StreamResponse:
        exchange = spans.begin("get", "dkronjobs", "GET", "/apis/dkron.io/v1alpha1/namespaces/a/dkronjobs/b")
        if exchange is not None:
            exchange.end(200)
        return web.Response()

    middleware = traced(tracing)

    def once() -> None:
        # There is nothing to wait for in it.
        with suppress(StopIteration):
            middleware(asked, handler).send(None)  # type: ignore[attr-defined]

    return once


def execution(tracing: Tracing) -> Callable[[], None]:
    """The spans of an execution."""
    spans = KubeSpans(tracing, server="https://10.0.0.1:6443")

    def once() -> None:
        fired = tracing.begin(SpanStart("fire backup", attributes=ABOUT))
        with fired.around():
            exchange = spans.begin("create", "jobs", "POST", "/apis/batch/v1/namespaces/a/jobs")
            if exchange is not None:
                exchange.end(201)
        fired.end()
        ran = tracing.begin(SpanStart("run backup", parent=fired.context, attributes=ABOUT))
        ran.end()
        tracing.begin(SpanStart("record backup", parent=ran.context, attributes=ABOUT)).end()

    return once


async def cost(endpoint: str, sampler: str, kind: Callable[[Tracing], Callable[[], None]]) -> float:
    """Microseconds of CPU for one of the kind, with its delivery."""
    os.environ |= {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_BSP_SCHEDULE_DELAY": "50"}
    os.environ["OTEL_TRACES_SAMPLER"] = sampler
    tracing = Tracing({"service.name": "bench"}, endpoint=endpoint)
    once = kind(tracing)
    begun = time.process_time()
    for number in range(COUNT):
        once()
        if number % PAUSE == 0:
            await asyncio.sleep(0.2)
    await asyncio.to_thread(tracing.close)
    return (time.process_time() - begun) / COUNT * 1e6


def main() -> None:
    """Measure, and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="of each; the cheapest counts: other work only adds")
    rounds = parser.parse_args().rounds
    starts(rounds)
    print("\n| CPU µs | delivered | receiver away | not sampled |\n| --- | --- | --- | --- |")
    with receiver() as there:
        ways = ((there, "parentbased_always_on"), (AWAY, "parentbased_always_on"), (there, "parentbased_always_off"))
        for kind in (request, execution):
            taken = [min(asyncio.run(cost(*way, kind)) for _ in range(rounds)) for way in ways]
            print(f"| {kind.__name__} | {' | '.join(f'{each:.0f}' for each in taken)} |")


if __name__ == "__main__":
    main()
