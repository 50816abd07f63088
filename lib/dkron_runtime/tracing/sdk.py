"""Spans from the OpenTelemetry SDK, delivered in the background: problems of the receiver never block the program."""

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

from dkron_crds.traceparent import TraceContext
from dkron_runtime.tracing.delivery import Delivery
from dkron_runtime.tracing.spans import Attributes, Ids, Kind, SpanStart

LAST_SPANS = 3.0
"""Seconds to deliver the remaining spans when the program ends."""

log = logging.getLogger(__name__)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KINDS = {
    Kind.INTERNAL: trace.SpanKind.INTERNAL,
    Kind.SERVER: trace.SpanKind.SERVER,
    Kind.CLIENT: trace.SpanKind.CLIENT,
}
_wanted: ContextVar[Ids | None] = ContextVar("wanted", default=None)


class CauseIds(RandomIdGenerator):
    """Generates the ids that the caller asked for, or random ones."""

    def generate_trace_id(self) -> int:
        """Return the trace id of a root span."""
        ids = _wanted.get()
        return super().generate_trace_id() if ids is None else int(ids.trace_id, 16)

    def generate_span_id(self) -> int:
        """Return the id of any span."""
        ids = _wanted.get()
        return super().generate_span_id() if ids is None else int(ids.span_id, 16)


class SdkSpan:
    """A span of the SDK."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span
        self.context = _context_of(span.get_span_context())

    def set_attributes(self, attributes: Attributes) -> None:
        """Add attributes."""
        self._span.set_attributes(attributes)

    def link(self, context: TraceContext) -> None:
        """Link another span."""
        self._span.add_link(_of_sdk(context))

    def fail(self, kind: str, message: str = "") -> None:
        """Mark the span as failed."""
        self._span.set_attribute("error.type", kind)
        self._span.set_status(trace.Status(trace.StatusCode.ERROR, message or None))

    def end(self, at: datetime | None = None) -> None:
        """End the span."""
        self._span.end(None if at is None else _nanoseconds(at))

    def around(self) -> AbstractContextManager[object]:
        """Make it the current span within the context."""
        return trace.use_span(self._span, end_on_exit=False, record_exception=False, set_status_on_exception=False)


class Tracing:
    """The tracer of this process; `known` are attributes of its resource. Raises the SDK's errors about its
    environment variables."""

    def __init__(self, known: Mapping[str, str], *, endpoint: str) -> None:
        said = OTELResourceDetector().detect().attributes
        resource = Resource.create({key: value for key, value in known.items() if key not in said})
        self._delivery = Delivery(OTLPSpanExporter(), to=endpoint)
        # `close` shuts the provider down instead, with a time limit.
        self._provider = TracerProvider(resource=resource, id_generator=CauseIds(), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(self._delivery))
        self._tracer = self._provider.get_tracer("dkron-operator", version("dkron-operator"))

    def begin(self, beginning: SpanStart) -> SdkSpan:
        """Begin a span."""
        parent = trace.INVALID_SPAN if beginning.parent is None else trace.NonRecordingSpan(_of_sdk(beginning.parent))
        with _wanting(beginning.ids):
            return SdkSpan(
                self._tracer.start_span(
                    beginning.name,
                    context=trace.set_span_in_context(parent),
                    kind=_KINDS[beginning.kind],
                    attributes=beginning.attributes,
                    links=[trace.Link(_of_sdk(context)) for context in beginning.links],
                    start_time=None if beginning.at is None else _nanoseconds(beginning.at),
                )
            )

    def current(self) -> TraceContext | None:
        """Return the current span of this task, if it has one."""
        context = trace.get_current_span().get_span_context()
        return _context_of(context) if context.is_valid else None

    def trace_id(self) -> str:
        """Return the trace id of the current span; empty if there is none."""
        context = trace.get_current_span().get_span_context()
        return trace.format_trace_id(context.trace_id) if context.is_valid else ""

    def close(self, seconds: float = LAST_SPANS) -> None:
        """Deliver the remaining spans, in at most this many seconds."""
        last = threading.Thread(target=self._provider.shutdown, name="last-spans", daemon=True)
        last.start()
        last.join(seconds)
        if last.is_alive() and not self._delivery.fails:
            log.warning("the last spans were not delivered within %g s", seconds)


@contextmanager
def _wanting(ids: Ids | None) -> Iterator[None]:
    token = _wanted.set(ids)
    try:
        yield
    finally:
        _wanted.reset(token)


def _context_of(context: trace.SpanContext) -> TraceContext:
    return TraceContext(
        trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id), int(context.trace_flags)
    )


def _of_sdk(context: TraceContext) -> trace.SpanContext:
    return trace.SpanContext(
        int(context.trace_id, 16), int(context.span_id, 16), is_remote=True, trace_flags=trace.TraceFlags(context.flags)
    )


def _nanoseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1) * 1000
