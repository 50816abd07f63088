"""Bodies of an upsert, their meaning, and the echo that answers it (Dkron behaviour §1.5, §2.1, §2.2)."""

import json
import re
from contextlib import nullcontext
from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dkron_api.translate.gojson import encode
from dkron_api.translate.job import echo, read_body
from dkron_from_dkron.body import JobBody
from dkron_from_dkron.moments import instant, moment
from dkron_from_dkron.values import Unreadable
from tests.support.examples import examples

ORDER = [
    "id", "name", "displayname", "timezone", "schedule", "owner", "owner_email", "success_count", "error_count",
    "last_success", "last_error", "disabled", "tags", "metadata", "retries", "dependent_jobs", "parent_job",
    "processors", "concurrency", "executor", "executor_config", "status", "next", "ephemeral", "starts_at",
    "expires_at",
]  # fmt: skip
STRINGS = [
    "id", "name", "displayname", "timezone", "schedule", "owner", "owner_email", "parent_job", "concurrency",
    "executor", "status",
]  # fmt: skip
FLAGS = ["disabled", "ephemeral"]
NUMBERS = ["success_count", "error_count", "retries"]
MAPS = ["tags", "metadata", "executor_config"]
TIMES = ["last_success", "last_error", "starts_at", "expires_at"]


def read(**sent: Any) -> JobBody:
    return read_body(json.dumps(sent).encode())


def test_a_body_has_the_fields_of_dkron_in_its_order() -> None:
    assert [field.name for field in fields(JobBody)] == [*ORDER, "problem", "queue"]
    assert list(echo(JobBody())) == ORDER
    assert sorted([*STRINGS, *FLAGS, *NUMBERS, *MAPS, *TIMES, "next", "dependent_jobs", "processors"]) == sorted(ORDER)


def test_echo_shows_the_sent_fields_except_id_and_next() -> None:
    sent = {
        "id": "other", "name": "a", "displayname": "A", "timezone": "Europe/Madrid", "schedule": "@daily", "owner": "o",
        "owner_email": "e", "success_count": -3, "error_count": 2**63 - 1, "last_success": "2026-01-02T03:04:05.12Z",
        "last_error": "2026-01-02T03:04:05Z", "disabled": True, "tags": {"z": "1", "a": "2"}, "metadata": {},
        "retries": 2**64 - 1, "dependent_jobs": ["b", "a"], "parent_job": "p",
        "processors": {"b": {"y": "", "x": "1"}, "a": {}},
        "concurrency": "", "executor": "x", "executor_config": {"k": "v"}, "status": "success",
        "next": "2030-01-01T00:00:00Z", "ephemeral": True, "starts_at": "2026-01-01T00:00:00Z",
        "expires_at": "2027-01-01T00:00:00.000000001Z",
    }  # fmt: skip
    shown = json.loads(encode(echo(read(**sent))))
    assert shown == {**sent, "id": "a", "next": "0001-01-01T00:00:00Z"}
    assert list(shown["tags"]) == ["a", "z"]
    assert list(shown["processors"]) == ["a", "b"]
    assert list(shown["processors"]["b"]) == ["x", "y"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"{}", JobBody(), id="an empty object"),
        pytest.param(
            b'{"NAME":"a","Executor_Config":{"K":"v"}}', JobBody(name="a", executor_config={"K": "v"}), id="case"
        ),
        pytest.param('{"\u017ftatu\u017f":"s","tag\u017f":{}}'.encode(), JobBody(status="s", tags={}), id="a long s"),
        pytest.param('{"\u0130d":1,"\u0131d":1,"n\u0430me":1}'.encode(), JobBody(), id="letters that look alike"),
        pytest.param(b'{"name":"a","NAME":"b","name":"c"}', JobBody(name="c"), id="the last of mixed case wins"),
        pytest.param(b'{"name":"a","Name":"b"}', JobBody(name="b"), id="an exact key does not win over a later one"),
        pytest.param(b'{"tags":{"a":"1","a":"2","A":"3"}}', JobBody(tags={"a": "2", "A": "3"}), id="exact map keys"),
        pytest.param(b'{"tags":{"a":null}}', JobBody(tags={"a": ""}), id="a null value in a map is empty"),
        pytest.param(b'{"processors":{"log":null}}', JobBody(processors={"log": {}}), id="a null processor is empty"),
        pytest.param(b'{"processors":{"log":{"a":null}}}', JobBody(processors={"log": {"a": ""}}), id="null within it"),
        pytest.param(b'{"dependent_jobs":["a",null]}', JobBody(dependent_jobs=("a", "")), id="a null name is empty"),
        pytest.param(b'{"dependent_jobs":[]}', JobBody(dependent_jobs=()), id="an empty list is no null"),
        pytest.param(b'{"concurrency":""}', JobBody(concurrency=""), id="an empty concurrency stays empty"),
        pytest.param(b'{"concurrency":null}', JobBody(concurrency="allow"), id="a null concurrency is the default"),
        pytest.param(b'{"name":"\xff"}', JobBody(name="\ufffd"), id="invalid text"),
        pytest.param(b'{"retries":0,"success_count":-1}', JobBody(success_count=-1), id="a negative counter"),
        pytest.param(b'{"starts_at":"0001-01-01T00:00:00Z"}', JobBody(), id="the zero time is null"),
        pytest.param(b'{"tags":{"a":"b"},"tags":null}', JobBody(), id="a later null empties a map"),
        pytest.param(b'{"queue":{"max":3,"expires":"1h","order":"newest"}}',
                     JobBody(queue={"max": 3, "expires": "1h", "order": "newest"}), id="a queue"),
        pytest.param(b'{"queue":{"max":null,"expires":null}}', JobBody(queue={"max": 10}), id="an empty queue"),
        pytest.param(b'{"queue":null}', JobBody(queue={}), id="a null queue is none, and no queue that is not sent"),
        pytest.param(b'{"queue":true}', 'queue: it is true; send null, or an object such as {"max": 10',
                     id="a flag as queue"),
        pytest.param(b'{"queue":{"size":3}}', 'queue: "size" is not a field of it; it has max, expires, order',
                     id="an unknown field of a queue"),
        pytest.param(b'{"queue":{"max":"3"}}', 'queue: max: it is the string "3"', id="a text as length of a queue"),
        pytest.param(b"", "empty", id="an empty body"),
        pytest.param(b"[]", "it is an array; a job is an object", id="an array"),
        pytest.param(b'"x"', 'it is the string "x"; a job is an object', id="a string"),
        pytest.param(b'{"name":"a","NAME":1}', "name: it is the number 1", id="the field is named as Dkron writes it"),
        pytest.param(b'{"tags":{"a":1}}', 'tags: the value of "a" is the number 1; every value is a', id="a map"),
        pytest.param(b'{"processors":{"files":{"forward":true}}}', 'processors "files": the value of "forward" is true',
                     id="the seed's own example"),
        pytest.param(b'{"processors":{"files":"x"}}', 'processors "files": it is the string "x"', id="a processor"),
        pytest.param(b'{"dependent_jobs":[1]}', "dependent_jobs: it is the number 1", id="a name that is none"),
        pytest.param(b'{"retries":-1}', "retries: it is the number -1; send a whole number without quotes, at least 0",
                     id="negative retries"),
        pytest.param(b'{"retries":18446744073709551616}', "retries", id="more retries than an unsigned integer of Go"),
        pytest.param(b'{"success_count":9223372036854775808}', "success_count", id="more than an integer of Go holds"),
        pytest.param(b'{"retries":1.0}', "retries: it is the number 1.0", id="a whole number with a fraction"),
        pytest.param(b'{"retries":1e0}', "retries", id="a whole number with an exponent"),
        pytest.param(b'{"starts_at":""}', 'starts_at: "" is not a time', id="an empty time"),
        pytest.param(b'{"next":"2026-01-01T00:00"}', "next: ", id="next in minutes"),
        pytest.param(b'{"next":""}', "next: ", id="an empty next"),
        pytest.param(b'{"name":1,"name":"a"}', "name: it is the number 1", id="a wrong type before the one that wins"),
    ],
)  # fmt: skip
def test_body_is_read_or_refused_as_in_dkron(data: bytes, expected: JobBody | str) -> None:
    with pytest.raises(Unreadable, match=re.escape(expected)) if isinstance(expected, str) else nullcontext():
        assert read_body(data) == expected


WRONG: list[tuple[list[str], list[Any]]] = [
    (STRINGS, [1, True, [], {}]),
    (FLAGS, ["true", 0, [], {}]),
    (NUMBERS, ["1", True, 1.5, [], {}]),
    (MAPS, ["a", 1, False, [], {"a": 1}, {"a": True}, {"a": {}}, {"a": []}]),
    (["processors"], ["a", 1, [], {"a": "b"}, {"a": []}, {"a": {"b": 1}}, {"a": {"b": {}}}]),
    (["dependent_jobs"], ["a", 1, {}, [1], [["a"]]]),
    ([*TIMES, "next"], [1, True, [], {}, "", "x", "2026-01-01", "2026-13-01T00:00:00Z"]),
]


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for names, values in WRONG for field in names for value in values]
)
def test_a_wrong_type_is_refused_for_every_field(field: str, value: Any) -> None:
    with pytest.raises(Unreadable, match=f"^{field}"):
        read(**{field: value})


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        pytest.param("2026-03-01T09:30:00Z", "2026-03-01T09:30:00Z", id="UTC"),
        pytest.param("2026-03-01T09:30", "2026-03-01T09:30:00Z", id="a minute is one of UTC"),
        pytest.param("2026-03-01T09:30:00+02:00", "2026-03-01T07:30:00Z", id="an offset"),
        pytest.param("2026-03-01T00:30:00.5-05:30", "2026-03-01T06:00:00.5Z", id="an offset and a fraction"),
        pytest.param("2026-03-01T09:30:00.123456789Z", "2026-03-01T09:30:00.123456789Z", id="nanoseconds"),
        pytest.param("2026-03-01T09:30:00.1234567891Z", "2026-03-01T09:30:00.123456789Z", id="finer is cut off"),
        pytest.param("2026-03-01T09:30:00.120000000Z", "2026-03-01T09:30:00.12Z", id="trailing zeros are trimmed"),
        pytest.param("2026-03-01T09:30:00.000Z", "2026-03-01T09:30:00Z", id="an empty fraction is left out"),
        pytest.param("2026-03-01T9:30:00,5Z", "2026-03-01T09:30:00.5Z", id="the liberties of Go's layouts"),
        pytest.param("0001-01-01T00:00:00.000Z", None, id="the zero time"),
        pytest.param("0001-01-01T01:00:00+01:00", None, id="the zero time elsewhere"),
        pytest.param("0001-01-01T00:00:00.000000001Z", "0001-01-01T00:00:00.000000001Z", id="just after the zero time"),
    ],
)
def test_times_are_kept_in_utc_with_all_their_digits(sent: str, kept: str | None) -> None:
    body = read(**dict.fromkeys(TIMES, sent))
    assert [echo(body)[field] for field in TIMES] == [kept] * 4


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01 09:30:00Z", "2026-03-01t09:30:00z", "2026-03-01T09:30:00", "2026-03-01T09:30Z",
        "2026-03-01T24:00:00Z",
        "2026-02-29T00:00:00Z", "2026-03-01T09:30:60Z", "2026-03-01T09:30:00+0200", "2026-3-1T09:30:00Z",
        "20260301T093000Z",
        "2026-03-01T09:30:00.Z", "2026-03-01T09:30:00+25:00", " 2026-03-01T09:30:00Z", "2026-03-01T09:30:00Z\n",
        "\uff12026-03-01T09:30:00Z", "0000-12-31T00:00:00Z", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00",
        "now",
    ],
)  # fmt: skip
def test_invalid_time_is_refused(text: str) -> None:
    with pytest.raises(Unreadable, match=r"^starts_at: .* is not a time; send null, RFC 3339 .* or a minute"):
        read(starts_at=text)
    with pytest.raises(Unreadable, match=r"^next: .* is not a time"):
        read(next=text)


@pytest.mark.parametrize(
    "text", ["2026-03-01T9:30:00Z", "2026-03-01T09:30:00,5Z", "2026-03-01T09:30:00+24:00", "2026-03-01T09:30:00+01:60"]
)
def test_next_accepts_only_strict_times(text: str) -> None:
    assert read(starts_at=text).starts_at
    with pytest.raises(Unreadable, match=r"^next"):
        read(next=text)


zones = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
times = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=zones)  # noqa: DTZ001


@given(times)
@example(datetime(2, 1, 1, tzinfo=UTC))
def test_normalized_time_is_the_same_instant_and_stable(time: datetime) -> None:
    normal = moment(time.isoformat())
    assert normal is not None
    assert instant(normal) == time
    assert moment(normal) == normal


texts = st.text()
maps = st.none() | st.dictionaries(texts, texts)
bodies = st.builds(
    JobBody,
    **dict.fromkeys(set(STRINGS) - {"id"}, texts),
    **dict.fromkeys(FLAGS, st.booleans()),
    **dict.fromkeys(MAPS, maps),
    **dict.fromkeys(TIMES, st.none() | times.map(lambda time: moment(time.isoformat()))),
    success_count=st.integers(-(2**63), 2**63 - 1),
    error_count=st.integers(-(2**63), 2**63 - 1),
    retries=st.integers(0, 2**64 - 1),
    dependent_jobs=st.none() | st.lists(texts).map(tuple),
    processors=st.none() | st.dictionaries(texts, st.dictionaries(texts, texts)),
)


@settings(max_examples=examples(50), deadline=None)
@given(bodies)
def test_the_echo_sent_again_is_answered_with_itself(body: JobBody) -> None:
    once = encode(echo(body))
    assert encode(echo(read_body(once))) == once


def mixed(name: str) -> st.SearchStrategy[str]:
    return st.lists(st.booleans(), min_size=len(name), max_size=len(name)).map(
        lambda upper: "".join(char.upper() if up else char for char, up in zip(name, upper, strict=True))
    )


@given(st.lists(st.tuples(mixed("executor"), texts), min_size=1))
def test_last_duplicate_key_wins_in_any_case(sent: list[tuple[str, str]]) -> None:
    pairs = ",".join(f"{json.dumps(key)}:{json.dumps(value)}" for key, value in sent)
    assert read_body(f"{{{pairs}}}".encode()).executor == sent[-1][1]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(ORDER) | texts, inner),
)


@settings(max_examples=examples(50), deadline=None)
@given(st.dictionaries(st.sampled_from(ORDER), anything) | anything)
def test_any_json_is_a_job_or_one_short_sentence(value: Any) -> None:
    try:
        body = read_body(json.dumps(value).encode())
    except Unreadable as exc:
        assert "\n" not in exc.reason  # noqa: PT017 - either outcome is right
        assert len(exc.reason) < 400  # noqa: PT017
    else:
        encode(echo(body))
