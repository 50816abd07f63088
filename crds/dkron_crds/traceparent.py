"""W3C trace context, as carried by annotations, environment variables and headers: `00-<trace>-<span>-<flags>`. Pure.

A Job carries the context of its own run in the annotation `dkron.io/traceparent`, and its containers in TRACEPARENT.
Readers of either continue the trace there. See https://www.w3.org/TR/trace-context/#traceparent-header
"""

import re
from dataclasses import dataclass

ANNOTATION = "dkron.io/traceparent"
"""Annotation of a Job: the span of its run."""
VARIABLE = "TRACEPARENT"
"""The same in its containers, under the name that programs expect."""

SAMPLED = 1
_FORM = re.compile(r"(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A span, in the form in which other spans refer to it as their parent. The ids are lower-case hex, 32 and 16
    digits."""

    trace_id: str
    span_id: str
    flags: int = SAMPLED

    def __str__(self) -> str:
        """Return the traceparent."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"

    @property
    def sampled(self) -> bool:
        """Whether the trace is being recorded upstream, so that this span should be recorded too."""
        return bool(self.flags & SAMPLED)


def read_traceparent(text: str) -> TraceContext | None:
    """Return the span in the text; None if it is invalid. For later versions, only the fields of version 00 are
    read."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        return None
    version, trace_id, span_id, flags, rest = found.groups()
    if trace_id == _NO_TRACE or span_id == _NO_SPAN or (version == "00" and rest):
        return None
    return TraceContext(trace_id, span_id, int(flags, 16))
