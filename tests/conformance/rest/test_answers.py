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
DAY = "2026-03-01"
JOBS = [{"job_name": "rabc-a", "n": 1}, {"job_name": "other", "n": 2}]


def answer(body: Any, status: int = 200, **headers: str) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, tuple((key.replace("_", "-"), value) for key, value in headers.items()), content)


@pytest.mark.parametrize(
    ("matcher", "fits", "others"),
    [
        pytest.param(Raw('{"a":"$job"}'), b'{"a":"rabc"}', [b'{"a": "rabc"}'], id="raw bytes"),
        pytest.param(Is({"b": 1, "a": "$today"}), {"a": DAY, "b": 1}, [{"a": DAY, "b": True}], id="true for 1"),
        pytest.param(Is({"a": 1}), {"a": 1}, [{"a": 1.0}, {"a": 1, "b": 2}], id="1.0 for 1, a key too many"),
        pytest.param(Has({"a": {"b": None}}), {"a": {"b": None, "c": 1}, "d": 2}, [{"b": 1}, [1], {"a": {"b": ""}}],
                     id="a part of an object"),
        pytest.param(Has({"a": ABSENT, "b": PRESENT}), {"b": None}, [{"a": None, "b": None}, {}], id="presence"),
        pytest.param(Has([{"a": re.compile("^$job")}]), [{"a": "rabc-x"}], [[{"a": "y"}], [], [{"a": "rabc"}, 3]],
                     id="a pattern in a list"),
        pytest.param(Each({"n": re.compile("[12]")}), JOBS, [[*JOBS, {"n": 3}], []], id="each item"),
        pytest.param(Some({"n": 2}), JOBS, [JOBS[:1]], id="some item"),
        pytest.param(Column("n", [1, 2]), JOBS, [JOBS[::-1]], id="a column in its order"),
        pytest.param(Own(Length(1)), JOBS, [JOBS[1:]], id="own items"),
        pytest.param(Length(2), JOBS, [JOBS[1:], [*JOBS, {}]], id="a length"),
        pytest.param(Length(1, or_more=True), JOBS, [[]], id="a list that is longer"),
        pytest.param(Keys(("job_name", "n")), JOBS, [[{"n": 1, "job_name": "a"}], []], id="keys of each item in order"),
        pytest.param(Text("^the JOB .* now$"), b"The job \nruns now", [b"The job runs nowhere"], id="a text"),
        pytest.param(Unzipped(Is([])), gzip.compress(b"[]"), [gzip.compress(b"[1]")], id="a compressed value"),
        pytest.param(both(Length(2), Column("n", [1, 2])), JOBS, [JOBS[1:], JOBS[::-1]], id="both"),
        pytest.param(EMPTY, b"", [b" "], id="nothing"),
        pytest.param(REASON, b"no such job", [b"\n"], id="a reason"),
    ],
)  # fmt: skip
def test_a_matcher_takes_only_what_fits(matcher: Matcher, fits: Any, others: list[Any]) -> None:
    assert matcher.complaint(answer(fits), WORDS) == ""
    assert [other for other in others if not matcher.complaint(answer(other), WORDS)] == []


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
