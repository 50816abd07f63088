"""The span interface that the programs use. Nothing here needs OpenTelemetry."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from dkron_crds.traceparent import TraceContext

Attributes = Mapping[str, str | int | float | bool]


class Kind(StrEnum):
    """How a span relates to its parent and its children."""

    INTERNAL = "internal"
    SERVER = "server"
    CLIENT = "client"


@dataclass(frozen=True, slots=True)
class Ids:
    """Ids derived from a cause, so that creating the span again gives the same ids. `trace_id` applies only without a
    parent."""

    trace_id: str
    span_id: str


@dataclass(frozen=True, slots=True)
class SpanStart:
    """A span to begin at `at`, or now. Without `ids` they are random. Without a `parent` it is the root of its trace,
    and the sampler decides whether it is recorded."""

    name: str
    kind: Kind = Kind.INTERNAL
    at: datetime | None = None
    ids: Ids | None = None
    parent: TraceContext | None = None
    links: tuple[TraceContext, ...] = ()
    attributes: Attributes = field(default_factory=dict)


class Span(Protocol):
    """A span that has begun. It is exported only if it is ended."""

    @property
    def context(self) -> TraceContext:
        """Its ids, and whether it is recorded."""

    def set_attributes(self, attributes: Attributes) -> None:
        """Add attributes."""

    def link(self, context: TraceContext) -> None:
        """Link another span."""

    def fail(self, kind: str, message: str = "") -> None:
        """Mark the span as failed; `kind` is the `error.type`, one of a small set of words."""

    def end(self, at: datetime | None = None) -> None:
        """End the span, at `at` or now."""

    def around(self) -> AbstractContextManager[object]:
        """Make it the current span of this task within the context."""


class Tracer(Protocol):
    """Creates spans."""

    def begin(self, beginning: SpanStart) -> Span:
        """Begin a span."""

    def current(self) -> TraceContext | None:
        """Return the current span of this task, if it has one."""
