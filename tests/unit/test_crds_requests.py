"""Runs on request: the annotation is read as it was written, by people as well."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_crds.requests import RUN_PREFIX, Request, group_of, read_request, run_annotation
from dkron_crds.traceparent import TraceContext

TRACE = TraceContext("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
CARRIED = f"traceparent={TRACE}"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

ids = st.from_regex(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", fullmatch=True)
instants = st.datetimes(datetime(1970, 1, 1), datetime(2261, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
people = st.text(st.characters(exclude_categories=("C", "Z")), max_size=40)
traces = st.none() | st.just(TRACE)


@given(request=ids, at=instants, by=people, force=st.booleans(), trace=traces)
def test_written_text_reads_back(
    *, request: str, at: datetime, by: str, force: bool, trace: TraceContext | None
) -> None:
    key, text = run_annotation(request, at, by=by, force=force, trace=trace)
    assert read_request(key, text) == Request(request, at, by, text, force, trace)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param({}, "2026-03-01T12:00:00Z", id="only the time"),
        pytest.param({"by": "ada"}, "2026-03-01T12:00:00Z by ada", id="who"),
        pytest.param({"force": True}, "2026-03-01T12:00:00Z force", id="forced"),
        pytest.param({"force": True, "by": "ada l."}, "2026-03-01T12:00:00Z force by ada l.", id="forced by a user"),
        pytest.param({"by": " ada\n l. "}, "2026-03-01T12:00:00Z by ada l.", id="who, in one line"),
        pytest.param({"trace": TRACE}, f"2026-03-01T12:00:00Z {CARRIED}", id="a trace"),
        pytest.param({"force": True, "by": "ada", "trace": TRACE}, f"2026-03-01T12:00:00Z force {CARRIED} by ada",
                     id="all of it"),
    ],
)  # fmt: skip
def test_annotation_text(arguments: dict[str, object], expected: str) -> None:
    assert run_annotation("a", NOON, **arguments) == ("run.dkron.io/a", expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "by", "force", "trace"),
    [
        pytest.param("2026-03-01T12:00:00Z", "", False, None, id="only the time"),
        pytest.param("2026-03-01T12:00:00Z by ada", "ada", False, None, id="who"),
        pytest.param("2026-03-01T12:00:00Z ada", "ada", False, None, id="who without by"),
        pytest.param("2026-03-01T12:00:00Z by force", "force", False, None, id="a person called force"),
        pytest.param("2026-03-01T12:00:00Z by force m.", "force m.", False, None, id="force is no word of theirs"),
        pytest.param("  2026-03-01T12:00:00Z  force  by ada ", "ada", True, None, id="generous spaces"),
        pytest.param("2026-03-01T13:00:00+01:00 force", "", True, None, id="another zone"),
        pytest.param(f"2026-03-01T12:00:00Z {CARRIED}", "", False, TRACE, id="a trace"),
        pytest.param(f"2026-03-01T12:00:00Z force  {CARRIED}  by ada", "ada", True, TRACE, id="all of it"),
        pytest.param(f"2026-03-01T12:00:00Z by {CARRIED}", CARRIED, False, None, id="a person who is called so"),
        pytest.param("2026-03-01T12:00:00Z traceparent=00-4bf9-00f0-01 by ada",
                     "traceparent=00-4bf9-00f0-01 by ada", False, None, id="no trace"),
    ],
)  # fmt: skip
def test_a_text_of_a_person_is_read(text: str, by: str, force: bool, trace: TraceContext | None) -> None:
    assert read_request("run.dkron.io/a", text) == Request("a", NOON, by, text, force, trace)


@pytest.mark.parametrize(
    "text", ["", "now", "2026-03-01T12:00:00", "2026-03-01", "1969-12-31T23:59:59Z", "2262-01-01T00:00:00Z"]
)
def test_a_time_that_cannot_be_read_is_none(text: str) -> None:
    request = read_request("run.dkron.io/a", text)
    assert request is not None
    assert request.at is None


def test_other_annotations_are_no_requests() -> None:
    assert read_request("dkron.io/run", "2026-03-01T12:00:00Z") is None
    assert RUN_PREFIX == "run.dkron.io/", "as it always was"


@pytest.mark.parametrize("request_id", ["", "-a", "a-", "a/b", "ñ", "a b", "a" * 64])
def test_an_id_that_no_annotation_can_have_is_refused(request_id: str) -> None:
    with pytest.raises(ValueError, match="cannot be part of an annotation"):
        run_annotation(request_id, NOON)


@pytest.mark.parametrize(
    ("request_id", "at", "group"),
    [
        pytest.param("a", NOON, 1772366400844962250, id="a whole second"),
        pytest.param("a", NOON.replace(microsecond=999_999), 1772366400844962250, id="a fraction does not matter"),
        pytest.param("b", NOON, 1772366400727087946, id="another id"),
    ],
)
def test_groups_are_as_they_always_were(request_id: str, at: datetime, group: int) -> None:
    assert group_of(request_id, at) == group
