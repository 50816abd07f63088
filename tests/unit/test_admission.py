"""The API server's rules of a job: whatever they refuse, the operator would have reported, and never the reverse."""

from importlib import resources
from typing import Any

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from dkron_crds.admission import CHECKS, REQUIRED_KEYS, refused
from dkron_crds.known_settings import EXECUTOR_KEYS
from dkron_crds.schedule import coarse
from dkron_executors.keys import MODELS, keys_of
from dkron_from_dkron import validate
from dkron_from_dkron.body import JobBody
from dkron_from_dkron.spec import spec_of
from tests.conformance.schedules_texts import ODD, crons, golden_texts, is_schedule, shaped
from tests.support.broken_jobs import BROKEN, broken_spec
from tests.support.builders import job_view

SCHEDULE, TIMEZONE = re2.compile(coarse.SCHEDULE), re2.compile(coarse.TIMEZONE)


def refusal(spec: dict[str, Any]) -> str:
    """Return the sentence of the first rule that the spec breaks."""
    check = refused(spec)
    return check.mistake(spec) if check else ""


@pytest.mark.parametrize("name", BROKEN)
def test_refused_spec_would_have_been_reported(name: str) -> None:
    spec = broken_spec(name)
    assert BROKEN[name][1] in refusal(spec)
    assert job_view(**{key: value for key, value in spec.items() if value is not None} | _no_config(spec)).problem


def _no_config(spec: dict[str, Any]) -> dict[str, Any]:
    return {} if spec["executorConfig"] else {"executorConfig": {}}


def test_every_time_zone_is_accepted() -> None:
    names = [*resources.files("tzdata").joinpath("zones").read_text("ascii").split(), "Local"]
    assert [name for name in names if not TIMEZONE.search(name)] == []


def test_every_schedule_that_go_reads_is_accepted() -> None:
    assert [text for text in golden_texts() if is_schedule(text) and not SCHEDULE.search(text)] == []


@pytest.mark.parametrize("text", ODD)
def test_an_odd_schedule_is_accepted(text: str) -> None:
    assert is_schedule(text)
    assert refusal({"schedule": text, "executorConfig": {"command": "date"}}) == ""


@pytest.mark.parametrize("key", ["timeout", "mem_limit"])
@pytest.mark.parametrize(
    "text",
    ["0", "+0", "-5s", "1h2m3.5s", "64MB", ".5kb", " 67108864\u00a0", "\u00a01G", "lots", "5BYTES", "1.5gB", "7t"],
)
def test_shell_jobs_accepted_by_rest_break_no_rule(key: str, text: str) -> None:
    body = JobBody(name="a", schedule="@daily", executor_config={"command": "date", key: text})
    try:
        validate.check(body)
    except validate.Invalid:
        return
    assert "unchecked" not in spec_of(body)


@given(text=st.one_of(crons, shaped.filter(str.isprintable)))
def test_every_schedule_passes_and_both_engines_agree(text: str) -> None:
    found = SCHEDULE.search(text) is not None
    assert found or not is_schedule(text)
    assert coarse.matches(coarse.SCHEDULE, text) is found


TEXTS = st.sampled_from(
    ["", " ", "x", "date", "a b", "30s", "1.5h", "0", "64MB", " 1.5gb ", "10", "http://a", "nats://a", "amqp://a",
     "a:1", "a:1/b/C", "GET", "secretRef:a/b", "a@example.org", "eu", "eu:2", ":1", "eu:00000000009", "\u00b5", "true"]
)  # fmt: skip


@given(data=st.data(), executor=st.sampled_from(sorted(EXECUTOR_KEYS)))
def test_whatever_the_operator_runs_is_accepted(data: st.DataObject, executor: str) -> None:
    keys = st.sampled_from(sorted(EXECUTOR_KEYS[executor]) or ["unknown"])
    required = dict.fromkeys(REQUIRED_KEYS.get(executor, ()), "")
    config = {**{key: data.draw(TEXTS) for key in required}, **data.draw(st.dictionaries(keys, TEXTS, max_size=3))}
    spec = {
        "executor": executor,
        "executorConfig": config,
        "tags": data.draw(st.dictionaries(st.just("dc"), TEXTS)),
        "processors": {name: {"emails": text} for name, text in data.draw(MAIL).items()},
        "jobTemplate": data.draw(
            st.sampled_from([{}, {"spec": {"template": {"spec": {"containers": [{"name": "a"}]}}}}])
        ),
    }
    if job_view(**spec).problem is None:
        assert refused(spec) is None


MAIL = st.dictionaries(st.just("email"), TEXTS)


def test_required_keys_match_the_models() -> None:
    for executor in MODELS:
        required = {
            field.alias or name for name, field in keys_of(executor).model_fields.items() if field.is_required()
        }
        assert set(REQUIRED_KEYS[executor]) == required
    assert REQUIRED_KEYS.keys() == EXECUTOR_KEYS.keys() - {"kubernetes"}


@pytest.mark.parametrize(
    ("config", "stored", "unchecked"),
    [
        pytest.param({"command": "date"}, None, False, id="complete"),
        pytest.param({}, None, True, id="incomplete, as Dkron accepts it"),
        pytest.param({"command": "date"}, {"unchecked": True}, False, id="completed"),
        pytest.param({}, {"history": {"executions": 5}}, True, id="no longer complete"),
    ],
)
def test_rest_stores_what_dkron_accepts(config: Any, stored: Any, *, unchecked: bool) -> None:
    wanted = spec_of(JobBody(name="a", schedule="@daily", executor="shell", executor_config=config), stored)
    assert wanted.get("unchecked", False) is unchecked


def test_rule_compares_with_the_previous_object() -> None:
    for check in CHECKS:
        wire = check.rule.to_wire()
        assert wire["optionalOldSelf"] is True
        assert wire["rule"].count(check.unchanged or check.cel("old")) == 1
