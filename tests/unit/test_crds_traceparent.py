"""W3C trace context: what is written is read, and what names no span is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_crds.traceparent import TraceContext, read_traceparent

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"

hexes = st.builds(lambda number: f"{number:032x}", st.integers(1, 2**128 - 1))
spans = st.builds(lambda number: f"{number:016x}", st.integers(1, 2**64 - 1))


@given(trace=hexes, span=spans, flags=st.integers(0, 255))
def test_written_text_reads_back(trace: str, span: str, flags: int) -> None:
    context = TraceContext(trace, span, flags)
    assert read_traceparent(str(context)) == context


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        pytest.param(f"00-{TRACE}-{SPAN}-01", 1, id="sampled"),
        pytest.param(f"00-{TRACE}-{SPAN}-00", 0, id="not sampled"),
        pytest.param(f" 00-{TRACE}-{SPAN}-03\t", 3, id="random, and spaces around"),
        pytest.param(f"01-{TRACE}-{SPAN}-01", 1, id="a version to come"),
        pytest.param(f"01-{TRACE}-{SPAN}-01-more", 1, id="a version to come with more to it"),
        pytest.param("", None, id="nothing"),
        pytest.param(f"ff-{TRACE}-{SPAN}-01", None, id="a version that is none"),
        pytest.param(f"00-{TRACE}-{SPAN}-01-more", None, id="more than version 00 has"),
        pytest.param(f"00-{'0' * 32}-{SPAN}-01", None, id="no trace"),
        pytest.param(f"00-{TRACE}-{'0' * 16}-01", None, id="no span"),
        pytest.param(f"00-{TRACE.upper()}-{SPAN}-01", None, id="upper case"),
        pytest.param(f"00-{TRACE[:-1]}-{SPAN}-01", None, id="too short"),
        pytest.param(f"00-{TRACE}-{SPAN}-1", None, id="short flags"),
        pytest.param(f"00-{TRACE}-{SPAN}-01\nx", None, id="another line"),
    ],
)
def test_a_text_is_a_context_or_none(text: str, flags: int | None) -> None:
    found = read_traceparent(text)
    assert found == (None if flags is None else TraceContext(TRACE, SPAN, flags))
    assert found is None or found.sampled == bool(found.flags & 1)
