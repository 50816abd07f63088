"""The size guard: what is too big is cut, the oldest first."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dkron_operator.plan.status.size import OUTPUT_BYTES, TOTAL_BYTES, fit
from tests.support.examples import examples

Object = dict[str, Any]


def status(*executions: Object, **fields: Any) -> Object:
    return {"successCount": 3, "executions": list(executions), **fields}


def printed(number: int, output: str = "", **fields: Any) -> Object:
    return {"job": str(number), **({"output": output} if output else {}), **fields}


def size_of(wire: Object) -> int:
    return len(json.dumps(wire, separators=(",", ":"), ensure_ascii=False).encode())


def outputs(wire: Object) -> list[int]:
    return [len(execution.get("output", "")) for execution in wire["executions"]]


@pytest.mark.parametrize(
    ("sizes", "kept"),
    [
        pytest.param([], [], id="nothing to cut"),
        pytest.param([OUTPUT_BYTES], [OUTPUT_BYTES], id="one output may fill the room"),
        pytest.param([1000, OUTPUT_BYTES - 1000], [1000, OUTPUT_BYTES - 1000], id="two may fill it together"),
        pytest.param([1000, OUTPUT_BYTES - 999], [1000, 0], id="one byte too much costs the older one"),
        pytest.param([1000, OUTPUT_BYTES, 10], [1000, 0, 0], id="what is older than a dropped one goes, too"),
        pytest.param([0, 0, 10], [0, 0, 10], id="empty ones take no room"),
    ],
)
def test_outputs_are_dropped_oldest_first(sizes: list[int], kept: list[int]) -> None:
    cut = fit(status(*(printed(n, "x" * size) for n, size in enumerate(sizes)))).status
    assert outputs(cut) == kept
    assert [e.get("outputTruncated", False) for e in cut["executions"]] == [
        size > left for size, left in zip(sizes, kept, strict=True)
    ]


def test_size_is_counted_in_bytes_not_characters() -> None:
    cut = fit(status(printed(1, "ü" * (OUTPUT_BYTES // 2)), printed(2, "x"))).status
    assert outputs(cut) == [OUTPUT_BYTES // 2, 0]


@pytest.mark.parametrize("field", ["active", "counted", "ended", "heard", "refused"])
def test_separately_bounded_field_costs_no_execution(field: str) -> None:
    fitted = fit(status(printed(1), **{field: ["x" * 100] * 10_000}))
    assert (len(fitted.status["executions"]), fitted.dropped) == (1, 0)
    assert fitted.size < 100


def test_whole_executions_are_dropped_when_outputs_are_too_few() -> None:
    big = [printed(n, message="m" * 1000) for n in range(100)]
    fitted = fit(status(*big))
    ids = [int(execution["job"]) for execution in fitted.status["executions"]]
    assert ids == list(range(len(ids)))
    assert 50 < len(ids) < 65
    assert fitted.dropped == len(big) - len(ids)


def test_fitting_status_is_unchanged_and_never_edited_in_place() -> None:
    wire = status(printed(1, "hello"), active=[{"id": "2"}])
    assert fit(wire) == (wire, size_of(status(printed(1, "hello"))), 0)
    wire = status(*(printed(n, "x" * 6000, message="m" * 1000) for n in range(100)))
    before = json.dumps(wire)
    fit(wire)
    assert json.dumps(wire) == before


executions = st.builds(
    lambda size, message, wide: {"output": ("ü" if wide else "x") * size, "message": "m" * message},
    st.integers(0, 20_000),
    st.integers(0, 1024),
    st.booleans(),
)


@settings(max_examples=examples(60), deadline=None)
@given(found=st.lists(executions, max_size=100))
def test_the_result_always_fits_and_keeps_the_newest(found: list[Object]) -> None:
    wire = status(*({"job": str(n), **e} for n, e in enumerate(found)))
    cut, size, dropped = fit(wire)
    assert size_of(cut) == size <= TOTAL_BYTES
    assert sum(len(e.get("output", "").encode()) for e in cut["executions"]) <= OUTPUT_BYTES
    ids = [int(e["job"]) for e in cut["executions"]]
    assert ids == list(range(len(ids)))
    assert bool(ids) == bool(found)
    assert len(ids) + dropped == len(found)
    assert {**cut, "executions": []} == {**wire, "executions": []}
    assert fit(cut) == (cut, size, 0)
