"""Spans for calls to the API server that are made on behalf of a traced operation.

Calls that a program makes by itself (watches, its Lease, the status of many jobs at once) belong to no trace and
create no spans.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from dkron_runtime.tracing.spans import Attributes, Kind, Span, SpanStart, Tracer

LEAST_ERROR = 400


class KubeSpan:
    """A call in progress."""

    def __init__(self, span: Span) -> None:
        self.headers: Mapping[str, str] = {"traceparent": str(span.context)}
        self._span = span

    def end(self, status: int) -> None:
        """The call was answered, or not at all (0)."""
        if status:
            self._span.set_attributes({"http.response.status_code": status})
        if not status or status >= LEAST_ERROR:
            self._span.fail(str(status) if status else "no_answer")
        self._span.end()


class KubeSpans:
    """The observer of a `KubeClient`; `server` is the address of the API server."""

    def __init__(self, tracer: Tracer, *, server: str) -> None:
        self._tracer = tracer
        self._server = server.rstrip("/")
        self._where = _where(self._server)

    def begin(self, verb: str, resource: str, method: str, path: str) -> KubeSpan | None:
        """A call begins. Return None if there is no current span."""
        parent = self._tracer.current()
        if parent is None:
            return None
        told = {**self._where, "http.request.method": method, "url.full": self._server + path}
        name = f"kube {verb} {resource}"
        return KubeSpan(self._tracer.begin(SpanStart(name, Kind.CLIENT, parent=parent, attributes=told)))


def _where(server: str) -> Attributes:
    address = urlsplit(server)
    port = address.port or (443 if address.scheme == "https" else 80)
    return {"server.address": address.hostname or "", "server.port": port}
