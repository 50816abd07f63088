"""Bounds: whatever the API server stores is read, in bounded depth and size, and says what it lacks."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dkron_crds.bounds import DEPTH, HEAVY, bounded, decode, is_deep, shallow, trim, unreadable
from tests.support.examples import examples

Object = dict[str, Any]


def deep(levels: int, *, opening: str = '{"a":', closing: str = "}") -> str:
    return opening * levels + "1" + closing * levels


def listed(*templates: str) -> bytes:
    items = (f'{{"metadata":{{"name":"{n}"}},"spec":{{"t":{text}}}}}' for n, text in enumerate(templates))
    return f'{{"items":[{",".join(items)}],"metadata":{{"continue":"more"}}}}'.encode()


def depth_of(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth_of, inner), default=0)


@pytest.mark.parametrize(
    "template",
    [
        pytest.param(deep(1000), id="objects"),
        pytest.param(deep(1000, opening="[", closing="]"), id="lists"),
        pytest.param(deep(500, opening='[{"a":', closing="}]"), id="both"),
        pytest.param(deep(100_000, opening="[", closing="]"), id="a hundred thousand"),
        pytest.param(f"[{deep(1000)},{deep(1000)}]", id="twice"),
    ],
)
def test_too_deep_part_is_cut_and_reported(template: str) -> None:
    page = decode(listed("[[1]]", template, '"[[{"'))
    assert [unreadable(item) != "" for item in page["items"]] == [False, True, False]
    assert page["items"][0]["spec"] == {"t": [[1]]}
    assert page["items"][2]["spec"] == {"t": "[[{"}
    assert page["metadata"] == {"continue": "more"}
    assert depth_of(page) <= DEPTH + 1


def test_too_deep_object_is_marked_with_and_without_an_event() -> None:
    event = decode(b'{"type":"ADDED","object":{"metadata":{},"spec":%b}}' % deep(300).encode())
    assert unreadable(event["object"])
    assert unreadable(decode(b'{"metadata":{},"spec":%b}' % deep(300).encode()))


@given(
    st.recursive(
        st.none() | st.text() | st.integers(-9, 9), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
@settings(max_examples=examples(40))
def test_shallow_json_is_read_unchanged(value: Any) -> None:
    text = json.dumps(value).encode()
    assert decode(text) == value
    assert not is_deep(text)
    assert json.loads(shallow(text)) == value


@given(st.text(alphabet='[]{}",:\\ a1'))
def test_invalid_json_is_refused_cheaply(text: str) -> None:
    raw = text.encode()
    shallow(raw)
    try:
        json.loads(raw)
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            decode(raw)


def test_too_long_template_is_dropped_and_the_rest_stays() -> None:
    item: Object = {"metadata": {"name": "a"}, "spec": {"jobTemplate": {"x": [[]] * 100_000}, "schedule": "@daily"}}
    assert trim(item)
    assert item["spec"] == {"jobTemplate": {}, "schedule": "@daily"}
    assert "spec.jobTemplate has 300" in unreadable(item)
    assert "65536" in unreadable(item)
    assert "ConfigMap" in unreadable(item)


def test_parts_that_are_short_alone_are_too_long_in_sum() -> None:
    item: Object = {
        "metadata": {"name": "a", "labels": {"x" * 70: "y"}},
        "spec": {
            "executorConfig": {"command": "x" * 30_000},
            "metadata": {"a": "\N{GRINNING FACE}" * 10_000},
            "parameters": [{"name": "p"}],
            "schedule": "@daily",
        },
    }
    assert trim(item)
    assert item["metadata"] == {"name": "a", "labels": {}}
    assert item["spec"] == {"executorConfig": {}, "metadata": {}, "parameters": [], "schedule": "@daily"}
    assert "spec.metadata has 40008" in unreadable(item)


def test_values_of_a_requested_run_have_their_own_bound() -> None:
    item: Object = {"metadata": {}, "spec": {"parameters": {f"p{n}": "x" * 4096 for n in range(32)}}}
    assert not trim(item)


def test_long_managed_fields_are_dropped() -> None:
    item: Object = {"metadata": {"managedFields": [{"manager": "x", "fieldsV1": {str(n): {} for n in range(20_000)}}]}}
    assert trim(item)
    assert item == {"metadata": {"managedFields": [{"manager": "x"}]}}


def test_short_documents_are_not_measured() -> None:
    item = {"spec": {"jobTemplate": {"x": "y" * (HEAVY // 2)}}}
    assert bounded(json.dumps(item).encode()) == item
    assert not trim(item)
