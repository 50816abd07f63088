"""Spans as a receiver of OTLP over HTTP gets them, read as simply as a test compares them."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Wire

from dkron_crds.traceparent import TraceContext
from tests.support.receivers import Web, in_background, web_server
from tests.support.waiting import nothing, wait_for

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KINDS = {Wire.SPAN_KIND_INTERNAL: "internal", Wire.SPAN_KIND_SERVER: "server", Wire.SPAN_KIND_CLIENT: "client"}


@dataclass(frozen=True)
class Span:
    """A span that has arrived."""

    service: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent: str
    """Empty for the first of a trace."""
    begun: datetime
    ended: datetime
    links: tuple[tuple[str, str], ...] = ()
    failed: str = ""
    """What its status says if it is an error."""
    attributes: dict[str, Any] = field(default_factory=dict)
    resource: dict[str, Any] = field(default_factory=dict)

    @property
    def context(self) -> TraceContext:
        return TraceContext(self.trace_id, self.span_id)


@dataclass(frozen=True)
class Receiver:
    """A receiver of spans."""

    web: Web
    guard: Callable[[], None] = nothing

    @property
    def spans(self) -> list[Span]:
        """All that have arrived."""
        return [span for request in self.web.requests if request.path == "/v1/traces" for span in read(request.body)]

    def trace(self, trace_id: str) -> list[Span]:
        """The spans of a trace, in the order in which they began."""
        return sorted((span for span in self.spans if span.trace_id == trace_id), key=lambda span: span.begun)

    def wait(self, trace_id: str, *names: str) -> dict[str, list[Span]]:
        """Wait until a trace has spans of all these names, of one that is given twice two; all its spans by name."""

        def complete(spans: list[Span]) -> bool:
            return not Counter(names) - Counter(span.name for span in spans)

        def shown(spans: list[Span]) -> str:
            others = sorted({f"{span.trace_id} {span.service} {span.name}" for span in self.spans})
            return "\n".join([f"{span.span_id} < {span.parent or '-':16} {span.name}" for span in spans] + others)

        what = f"trace {trace_id} to have {', '.join(names)}"
        found = wait_for(what, lambda: self.trace(trace_id), complete, seconds=40, shown=shown, guard=self.guard)
        return {name: [span for span in found if span.name == name] for name in {span.name for span in found}}


@contextmanager
def receiver(port: int = 0) -> Iterator[Receiver]:
    """A receiver on the loopback."""
    with in_background(web_server(port=port)) as web:
        yield Receiver(web)


def read(body: bytes) -> Iterator[Span]:
    """The spans of a message."""
    message = ExportTraceServiceRequest.FromString(body)
    for group in message.resource_spans:
        resource = _plain(group.resource.attributes)
        for scope in group.scope_spans:
            for wire in scope.spans:
                yield _read(wire, resource)


def _read(wire: Wire, resource: dict[str, Any]) -> Span:
    failed = wire.status.code == wire.status.STATUS_CODE_ERROR
    return Span(
        service=resource["service.name"],
        name=wire.name,
        kind=KINDS[wire.kind],
        trace_id=wire.trace_id.hex(),
        span_id=wire.span_id.hex(),
        parent=wire.parent_span_id.hex(),
        begun=_instant(wire.start_time_unix_nano),
        ended=_instant(wire.end_time_unix_nano),
        links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in wire.links),
        failed=wire.status.message or "error" if failed else "",
        attributes=_plain(wire.attributes),
        resource=resource,
    )


def _plain(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair) for pair in pairs}


def _value(pair: KeyValue) -> Any:
    kind = pair.value.WhichOneof("value")
    return None if kind is None else getattr(pair.value, kind)


def _instant(nanoseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=nanoseconds // 1000)
