"""Creates a span for each request, as part of the client's trace if there is one.

Names and attributes follow OpenTelemetry: https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server
"""

from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from dkron_api.edge.access import cut
from dkron_api.edge.addresses import address_of
from dkron_api.metrics import METHODS
from dkron_crds.traceparent import TraceContext, read_traceparent
from dkron_runtime.tracing.spans import Attributes, Kind, SpanStart, Tracer

TRACE = web.RequestKey("TRACE", TraceContext)
"""The span of the request, if tracing is on."""
UNTRACED = frozenset({"/health", "/livez", "/metrics"})
"""Probes and monitoring request these every few seconds; their traces have no use."""


def tracing(tracer: Tracer) -> Middleware:
    """Return the middleware that creates the spans. It must be the outermost one."""

    @web.middleware
    async def traced(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in UNTRACED:
            return await handler(request)
        span = tracer.begin(beginning(request))
        request[TRACE] = span.context
        try:
            with span.around():
                response = await handler(request)
            told: Attributes = {"http.response.status_code": response.status}
            span.set_attributes(told)
            if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                # A client error is not an error of the server span.
                span.fail(str(response.status))
        finally:
            span.end()
        return response

    return traced


def beginning(request: web.Request) -> SpanStart:
    """Return the start of the request's span."""
    route = request.match_info.route.resource
    method = request.method if request.method in METHODS else "_OTHER"
    name = method if method in METHODS else "HTTP"
    major, minor = request.version
    known: dict[str, str | int | float | bool] = {
        "url.path": cut(request.path),
        "url.query": cut(request.query_string),
        "url.scheme": request.scheme,
        "server.address": request.host.rpartition(":")[0] or request.host,
        "client.address": address_of(request),
        "user_agent.original": request.headers.get("User-Agent", ""),
        "network.protocol.version": f"{major}.{minor}",
    }
    told = {key: value for key, value in known.items() if value} | {"http.request.method": method}
    if method != request.method:
        told["http.request.method_original"] = request.method[:32]
    if route is not None:
        told["http.route"] = route.canonical
        name = f"{name} {route.canonical}"
    parent = read_traceparent(request.headers.get("traceparent", ""))
    return SpanStart(name, Kind.SERVER, parent=parent, attributes=told)
