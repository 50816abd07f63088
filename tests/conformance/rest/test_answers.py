"""The matchers of the table: each can complain."""

import gzip
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.conformance.rest.answers import (
    ABSENT,
    EMPTY,
    PRESENT,
    REASON,
    Column,
    Each,
    Has,
    Is,
    Keys,
    Length,
    Matcher,
    Own,
    Raw,
    Some,
    Text,
    Unzipped,
    both,
    header_complaint,
)
from tests.conformance.rest.play import complaint_of
from tests.conformance.rest.row import Step, get, post
from tests.conformance.rest.words import Words
from tests.support.rest import Answer

WORDS = Words("rabc", datetime(2026, 3, 1, 12, tzinfo=UTC))
JOBS = [{"job_name": "rabc-a", "n": 1}, {"job_name": "other", "n": 2}]


def answer(body: Any, status: int = 200, **headers: str) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, tuple((key.replace("_", "-"), value) for key, value in headers.items()), content)


@pytest.mark.parametrize(
    ("matcher", "body"),
    [
        pytest.param(Raw('{"a":"$job"}'), b'{"a":"rabc"}', id="raw bytes with a word in them"),
        pytest.param(Is({"b": 1, "a": "$today"}), {"a": "2026-03-01", "b": 1}, id="a value in another order"),
        pytest.param(Has({"a": {"b": None}}), {"a": {"b": None, "c": 1}, "d": 2}, id="a part of an object"),
        pytest.param(Has({"a": ABSENT, "b": PRESENT}), {"b": None}, id="a key that is there and one that is not"),
        pytest.param(Has([{"a": re.compile("^$job")}]), [{"a": "rabc-x"}], id="a pattern in a list"),
        pytest.param(Each({"n": re.compile("[12]")}), JOBS, id="each item"),
        pytest.param(Some({"n": 2}), JOBS, id="some item"),
        pytest.param(Column("n", [1, 2]), JOBS, id="a column"),
        pytest.param(Own(Length(1)), JOBS, id="own items"),
        pytest.param(Length(1, or_more=True), JOBS, id="a list that is longer"),
        pytest.param(Keys(("job_name", "n")), JOBS, id="keys of each item"),
        pytest.param(Text("^the JOB .* now$"), b"The job \nruns now", id="a text over two lines in any case"),
        pytest.param(Unzipped(Is([])), gzip.compress(b"[]"), id="a compressed value"),
        pytest.param(both(Length(2), Column("n", [1, 2])), JOBS, id="both"),
        pytest.param(EMPTY, b"", id="nothing"),
        pytest.param(REASON, b"no such job", id="a reason"),
    ],
)
def test_a_matcher_takes(matcher: Matcher, body: Any) -> None:
    assert matcher.complaint(answer(body), WORDS) == ""


@pytest.mark.parametrize(
    ("matcher", "body"),
    [
        pytest.param(Raw('{"a":1}'), b'{"a": 1}', id="raw bytes with a space too many"),
        pytest.param(Is({"a": 1}), {"a": True}, id="true for 1"),
        pytest.param(Is({"a": 1}), {"a": 1.0}, id="1.0 for 1"),
        pytest.param(Is({"a": 1}), {"a": 1, "b": 2}, id="a key too many in a whole value"),
        pytest.param(Has({"a": 1}), {"b": 1}, id="a missing key"),
        pytest.param(Has({"a": 1}), [1], id="a list for an object"),
        pytest.param(Has({"a": None}), {"a": ""}, id="an empty text for null"),
        pytest.param(Has({"a": ABSENT}), {"a": None}, id="a key that should be absent"),
        pytest.param(Has({"a": PRESENT}), {}, id="a key that should be present"),
        pytest.param(Has([1, 2]), [1, 2, 3], id="an item too many"),
        pytest.param(Has([re.compile("a")]), [], id="an item too few"),
        pytest.param(Has({"a": re.compile("^x$")}), {"a": "y"}, id="a text that does not match"),
        pytest.param(Each({"n": 1}), JOBS, id="one item that is not so"),
        pytest.param(Each({}), [], id="no item at all"),
        pytest.param(Some({"n": 3}), JOBS, id="no such item"),
        pytest.param(Column("n", [2, 1]), JOBS, id="a column in another order"),
        pytest.param(Own(Length(2)), JOBS, id="items of others"),
        pytest.param(Length(1), JOBS, id="a list that is too long"),
        pytest.param(Length(3, or_more=True), JOBS, id="a list that is too short"),
        pytest.param(Keys(("n", "job_name")), JOBS, id="keys in another order"),
        pytest.param(Keys(()), [], id="no object to look at"),
        pytest.param(Text("^reason$"), b"reasons", id="another text"),
        pytest.param(both(Length(2), Length(1)), JOBS, id="one of both"),
        pytest.param(EMPTY, b" ", id="a space for nothing"),
        pytest.param(REASON, b"\n", id="a reason that is empty"),
    ],
)
def test_a_matcher_complains_about(matcher: Matcher, body: Any) -> None:
    assert matcher.complaint(answer(body), WORDS)


@pytest.mark.parametrize(
    ("wanted", "complains"),
    [
        pytest.param("v-rabc", False, id="the value"),
        pytest.param("other", True, id="another value"),
        pytest.param(re.compile("^v"), False, id="a pattern that matches"),
        pytest.param(re.compile("^w"), True, id="a pattern that does not"),
        pytest.param(PRESENT, False, id="present"),
        pytest.param(ABSENT, True, id="absent"),
    ],
)
def test_a_header_is_compared(wanted: Any, *, complains: bool) -> None:
    assert bool(header_complaint(answer([], X_A="v-rabc"), "x-a", wanted, WORDS)) is complains


def test_missing_header_matches_only_absent() -> None:
    fitting = [
        wanted
        for wanted in ("", re.compile(""), PRESENT, ABSENT)
        if not header_complaint(answer([]), "x-a", wanted, WORDS)
    ]
    assert fitting == [ABSENT]


@pytest.mark.parametrize(
    ("step", "seen"),
    [
        pytest.param(get("/"), answer([], 404), id="another status"),
        pytest.param(get("/"), answer([], Content_Type="text/plain"), id="a success that is no JSON"),
        pytest.param(get("/", status=404), answer(b"why", 404), id="a refusal without a type"),
        pytest.param(post("/", 404), answer(b"", 404, Content_Type="text/plain"), id="a refusal without a reason"),
        pytest.param(
            get("/", EMPTY, status=404), answer(b"why", 404, Content_Type="text/plain"), id="a reason that is not due"
        ),
    ],
)
def test_implied_expectations_are_checked(step: Step, seen: Answer) -> None:
    assert complaint_of(step, seen, WORDS)
