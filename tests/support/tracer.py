"""A tracer that keeps what it was told, for tests without OpenTelemetry."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from dkron_crds.traceparent import SAMPLED, TraceContext
from dkron_runtime.tracing.spans import Attributes, Ids, SpanStart


@dataclass
class KeptSpan:
    """A span, begun and perhaps ended."""

    tracer: "KeptSpans"
    beginning: SpanStart
    context: TraceContext
    told: dict[str, object] = field(default_factory=dict)
    links: list[TraceContext] = field(default_factory=list)
    failure: tuple[str, str] | None = None
    at: datetime | None = None

    @property
    def name(self) -> str:
        return self.beginning.name

    @property
    def parent(self) -> str:
        """The id of the parent; empty for the first of a trace."""
        return "" if self.beginning.parent is None else self.beginning.parent.span_id

    def set_attributes(self, attributes: Attributes) -> None:
        self.told |= attributes

    def link(self, context: TraceContext) -> None:
        self.links.append(context)

    def fail(self, kind: str, message: str = "") -> None:
        self.failure = kind, message

    def end(self, at: datetime | None = None) -> None:
        self.at = at
        self.tracer.ended.append(self)

    def around(self) -> AbstractContextManager[object]:
        return self.tracer.within(self)


@dataclass
class KeptSpans:
    """The tracer. A trace that no client has begun is recorded with these `flags`."""

    flags: int = SAMPLED
    ended: list[KeptSpan] = field(default_factory=list)
    inside: list[TraceContext] = field(default_factory=list)

    def begin(self, beginning: SpanStart) -> KeptSpan:
        ids, parent = beginning.ids or Ids("f" * 32, f"{len(self.ended):016x}"), beginning.parent
        trace_id, flags = (ids.trace_id, self.flags) if parent is None else (parent.trace_id, parent.flags)
        context = TraceContext(trace_id, ids.span_id, flags)
        return KeptSpan(self, beginning, context, dict(beginning.attributes), list(beginning.links))

    def current(self) -> TraceContext | None:
        return self.inside[-1] if self.inside else None

    @contextmanager
    def within(self, span: KeptSpan) -> Iterator[None]:
        self.inside.append(span.context)
        try:
            yield
        finally:
            self.inside.pop()

    def names(self) -> list[str]:
        """Of the spans that have ended, in the order of their ends."""
        return [span.name for span in self.ended]

    def only(self, name: str) -> KeptSpan:
        """The one of this name."""
        (found,) = [span for span in self.ended if span.name == name]
        return found
