"""Spans as the programs see them: what they begin, and what they say about it. Nothing here needs OpenTelemetry."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from dkron_crds.traceparent import TraceContext

Attributes = Mapping[str, str | int | float | bool]


class Kind(StrEnum):
    """How a span stands to its parent and its children."""

    INTERNAL = "internal"
    SERVER = "server"
    CLIENT = "client"


@dataclass(frozen=True, slots=True)
class Ids:
    """Ids that follow from a cause, so that whoever makes the span again makes the same one. `trace_id` counts where
    there is no parent."""

    trace_id: str
    span_id: str


@dataclass(frozen=True, slots=True)
class SpanStart:
    """A span that begins: at `at`, or now. Without `ids` they are random; without a `parent` it is the first of its
    trace, and decided upon by the sampler."""

    name: str
    kind: Kind = Kind.INTERNAL
    at: datetime | None = None
    ids: Ids | None = None
    parent: TraceContext | None = None
    links: tuple[TraceContext, ...] = ()
    attributes: Attributes = field(default_factory=dict)


class Span(Protocol):
    """A span that has begun. One that is never ended is never told."""

    @property
    def context(self) -> TraceContext:
        """Its ids, and whether it is recorded."""

    def tell(self, attributes: Attributes) -> None:
        """Say more about it."""

    def link(self, context: TraceContext) -> None:
        """Say that it has to do with another span."""

    def fail(self, kind: str, message: str = "") -> None:
        """Say that it went wrong; `kind` is a word of few, the `error.type`."""

    def end(self, at: datetime | None = None) -> None:
        """It is over, at `at` or now."""

    def around(self) -> AbstractContextManager[object]:
        """Within, it is the current one of this task."""


class Tracer(Protocol):
    """Who makes spans."""

    def begin(self, beginning: SpanStart) -> Span:
        """Begin a span."""

    def current(self) -> TraceContext | None:
        """The current span of this task, if it has one."""
