"""Spans of requests: names that do not grow with the jobs, and what a client or a server has done wrong."""

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from dkron_api.edge.keys import SETTINGS
from dkron_api.edge.traced import TRACE, tracing
from dkron_api.settings import Settings
from dkron_crds.traceparent import TraceContext
from dkron_runtime.tracing.spans import Kind
from tests.support.tracer import KeptSpan, KeptSpans

REMOTE = TraceContext("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")


async def answer(request: web.Request) -> web.Response:
    return web.Response(status=int(request.query.get("status", "200")), text=str(request.get(TRACE)))


async def ask(method: str, path: str, **headers: str) -> tuple[str, list[KeptSpan]]:
    """The text of the answer, and the spans that were told."""
    spans = KeptSpans()
    app = web.Application(middlewares=[tracing(spans)])
    app[SETTINGS] = Settings()
    app.router.add_route("*", "/v1/jobs/{job}", answer)
    app.router.add_route("*", "/health", answer)
    async with TestClient(TestServer(app)) as client:
        response = await client.request(method, path, headers={"User-Agent": "curl/8", **headers})
        return await response.text(), spans.ended


async def test_request_is_traced_by_its_route() -> None:
    text, (span,) = await ask("GET", "/v1/jobs/backup?pretty", traceparent=str(REMOTE))
    assert (span.name, span.beginning.kind, span.parent) == ("GET /v1/jobs/{job}", Kind.SERVER, REMOTE.span_id)
    assert text == str(TraceContext(REMOTE.trace_id, span.context.span_id)), "what it asks for is a part of it"
    assert {key: value for key, value in span.told.items() if key != "server.address"} == {
        "http.request.method": "GET",
        "http.route": "/v1/jobs/{job}",
        "http.response.status_code": 200,
        "url.path": "/v1/jobs/backup",
        "url.query": "pretty",
        "url.scheme": "http",
        "client.address": "127.0.0.1",
        "user_agent.original": "curl/8",
        "network.protocol.version": "1.1",
    }


@pytest.mark.parametrize("header", ["", "00-nonsense", f"00-{'0' * 32}-{REMOTE.span_id}-01"])
async def test_request_without_a_client_trace_starts_one(header: str) -> None:
    _, (span,) = await ask("GET", "/v1/jobs/backup", **({"traceparent": header} if header else {}))
    assert span.beginning.parent is None


@pytest.mark.parametrize(
    ("method", "path", "name", "failure"),
    [
        pytest.param("GET", "/v1/jobs/a?status=503", "GET /v1/jobs/{job}", ("503", ""), id="the server's fault"),
        pytest.param("GET", "/v1/jobs/a?status=404", "GET /v1/jobs/{job}", None, id="the client's fault"),
        pytest.param("PROPFIND", "/v1/jobs/a", "HTTP /v1/jobs/{job}", None, id="a method that HTTP does not know"),
        pytest.param("GET", "/nowhere/at/all", "GET", None, id="no route"),
    ],
)
async def test_span_of_a_failed_request(method: str, path: str, name: str, failure: tuple[str, str] | None) -> None:
    _, (span,) = await ask(method, path)
    assert (span.name, span.failure) == (name, failure)
    assert span.told.get("http.request.method_original", method) == method


async def test_probes_are_not_traced() -> None:
    text, spans = await ask("GET", "/health")
    assert (text, spans) == ("None", [])
