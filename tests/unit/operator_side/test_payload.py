"""Payloads: what a template may say, that nothing from a job gets out of its place, and that none runs for long."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dkron_crds.notifications import Notification, PayloadFormat
from dkron_operator.notifications.endpoints import read_endpoints
from dkron_operator.notifications.payload import LONGEST, PayloadError, compile_payload
from dkron_processors.site import Site

NAMES = frozenset({"output", "success", "code", "metadata"})
VALUES: dict[str, object] = {"output": 'a "b"\n\\', "success": False, "code": None, "metadata": {"team": "x"}}


def rendered(source: str, form: PayloadFormat = PayloadFormat.JSON, **values: object) -> str:
    return compile_payload(source, form, names=NAMES).render({**VALUES, **values})


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param('{"t": "{{ output }}"}', {"t": VALUES["output"]}, id="between quotes"),
        pytest.param('{"t": {{ output | tojson }}}', {"t": VALUES["output"]}, id="as a value"),
        pytest.param('{"s": {{ success }}, "c": {{ code }}}', {"s": False, "c": None}, id="no texts"),
        pytest.param('{"t": "{% if success %}yes{% else %}no{% endif %}"}', {"t": "no"}, id="a condition"),
        pytest.param('{"t": "{{ "ok" if success else "bad" }}"}', {"t": "bad"}, id="a short condition"),
        pytest.param('{"t": "{{ metadata.team }}{{ metadata["team"] }}"}', {"t": "xx"}, id="keys"),
        pytest.param('{"t": "{{ metadata.no | default("none") }}"}', {"t": "none"}, id="a default"),
        pytest.param('{"t": "{{ output | tail(2) }}{{ output | head(1) | upper }}"}', {"t": "\n\\A"}, id="filters"),
        pytest.param('{"t": "{{ output.__class__ }}{{ metadata.items }}"}', {"t": ""}, id="no attributes"),
        pytest.param('{"t": "{{ \'"\' }}"}', {"t": '"'}, id="a constant is a value"),
        pytest.param('{"t": {{ output | tojson | lower | tojson }}}', {"t": json.dumps('a "b"\n\\')}, id="json twice"),
    ],
)
def test_a_json_payload(source: str, expected: object) -> None:
    assert json.loads(rendered(source)) == expected


def test_a_text_payload_is_as_it_stands() -> None:
    assert rendered("{{ output }}|{{ success }}|{{ code }}|", PayloadFormat.TEXT) == 'a "b"\n\\|false||'


@pytest.mark.parametrize(
    "source",
    [
        "{% for x in output %}{{ x }}{% endfor %}", "{% set a = output %}", "{% set a %}x{% endset %}",
        "{% include 'x' %}", "{% import 'x' as y %}", "{% macro m() %}{% endmacro %}", "{% unknown %}",
        "{% filter upper %}x{% endfilter %}", "{% if success %}", "{{ output", "{{ output.upper() }}",
        "{{ range(9) }}", "{{ 9 ** 9 }}", "{{ output * 9 }}", '{{ "%999999d" % code }}', "{{ output ~ output }}",
        "{{ output[0:5] }}", "{{ output | safe }}", "{{ output | replace('a', 'b') }}", "{{ self }}", "{{ cycler }}",
        "{{ output | attr('__class__') }}", "{{ config }}", "{{ output is callable }}", "{{ [output, output] }}",
        "{{ " + "(" * 500 + "output" + ")" * 500 + " | nope }}",
    ],
)  # fmt: skip
def test_templates_that_loop_call_or_inspect_are_refused(source: str) -> None:
    with pytest.raises(PayloadError, match="payload: "):
        rendered(source)


def test_error_names_the_line_and_the_known_values() -> None:
    with pytest.raises(PayloadError, match=r'line 2: there is no value "outptu"; use one of code, metadata, output'):
        rendered("\n{{ outptu }}")


def test_a_payload_that_grows_too_long_is_cut_short() -> None:
    with pytest.raises(PayloadError, match="more than"):
        rendered("{{ output }}" * 100, output="x" * (LONGEST // 50))


@given(st.text(), st.text())
@example("{{ 7 * 7 }}{% for %}", "{{ output }}")
def test_job_values_cannot_escape_their_string(output: str, team: str) -> None:
    source = '{"a": "{{ output }}", "b": {"c": "{{ metadata.team }}!"}, "d": {{ output | tojson }}}'
    found = json.loads(rendered(source, output=output, metadata={"team": team}))
    assert found == {"a": output, "b": {"c": f"{team}!"}, "d": output}


@given(st.text(alphabet="{}%# \"'|.()[]outpusafe_\\\n~*", max_size=60))
def test_any_template_is_taken_or_refused(source: str) -> None:
    with contextlib.suppress(PayloadError):
        rendered(source)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        pytest.param({"payload": "{{ nope }}"}, "notifications.x: payload: line 1: there is no value", id="a value"),
        pytest.param({"payload": "{{ output }}"}, "the result is not JSON", id="no JSON"),
        pytest.param({"payload": '{"a": {{ exit_code }}x}'}, "the result is not JSON", id="JSON now and then"),
        pytest.param({"type": "mail", "url": ""}, 'server: "default" is not in spec.receivers.mail', id="no server"),
    ],
)  # fmt: skip
def test_invalid_notification_is_named_and_others_are_used(fields: dict[str, Any], sentence: str) -> None:
    good, bad = ({"name": name, "url": "http://x"} for name in ("good", "x"))
    usable, problems = read_endpoints([Notification(**{**bad, **fields}), Notification(**good)], Site())
    assert [endpoint.name for endpoint in usable] == ["good"]
    assert len(problems) == 1
    assert sentence in problems[0]
