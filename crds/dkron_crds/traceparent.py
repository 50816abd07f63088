"""W3C trace context, as annotations, environment variables and headers carry it: `00-<trace>-<span>-<flags>`. Pure.

A Job has the context of its own run in the annotation `dkron.io/traceparent`: whoever reads it, and whoever was given
it as TRACEPARENT, continues the trace there. See https://www.w3.org/TR/trace-context/#traceparent-header
"""

import re
from dataclasses import dataclass

ANNOTATION = "dkron.io/traceparent"
"""On a Job: the span of its run."""
VARIABLE = "TRACEPARENT"
"""In its containers: the same, as programs expect it."""

SAMPLED = 1
_FORM = re.compile(r"(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A span, by which others can name it as their parent. The ids are lower-case hex, 32 and 16 digits."""

    trace_id: str
    span_id: str
    flags: int = SAMPLED

    def __str__(self) -> str:
        """As it is written."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"

    @property
    def sampled(self) -> bool:
        """Whether somebody records the trace, so that one may as well."""
        return bool(self.flags & SAMPLED)


def read_traceparent(text: str) -> TraceContext | None:
    """The span that the text names; None if it names none. Of later versions, what version 00 has is read."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        return None
    version, trace_id, span_id, flags, rest = found.groups()
    if trace_id == _NO_TRACE or span_id == _NO_SPAN or (version == "00" and rest):
        return None
    return TraceContext(trace_id, span_id, int(flags, 16))
