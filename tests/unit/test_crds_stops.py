"""Stops on request: the annotation is read as it was written, by people as well."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_crds.stops import STOP_PREFIX, Stop, read_stop, stop_annotation

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
JOB = "backup-1772366400-844c962a"

instants = st.datetimes(datetime(1970, 1, 1), datetime(2261, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
people = st.text(st.characters(exclude_categories=("C", "Z")), max_size=40)


@given(at=instants, by=people)
def test_written_text_reads_back(at: datetime, by: str) -> None:
    key, text = stop_annotation(JOB, at, by=by)
    assert read_stop(key, text) == Stop(JOB, at, by, text)


@pytest.mark.parametrize(
    ("text", "by"),
    [
        pytest.param("2026-03-01T12:00:00Z", "", id="only the time"),
        pytest.param("2026-03-01T12:00:00Z by ada l.", "ada l.", id="who"),
        pytest.param("2026-03-01T12:00:00Z ada", "ada", id="who without by"),
        pytest.param("  2026-03-01T13:00:00+01:00   by   ada ", "ada", id="generous spaces, another zone"),
    ],
)
def test_a_text_of_a_person_is_read(text: str, by: str) -> None:
    assert read_stop(STOP_PREFIX + JOB, text) == Stop(JOB, NOON, by, text)


def test_other_annotations_are_no_stops() -> None:
    assert read_stop("run.dkron.io/a", "2026-03-01T12:00:00Z") is None
    assert STOP_PREFIX == "stop.dkron.io/", "as it always was"


@pytest.mark.parametrize(
    ("target", "meant"),
    [
        pytest.param("a-1-f", True, id="the Job's name"),
        pytest.param("17-a-1-f", True, id="the id"),
        pytest.param("18-a-1-f", False, id="another id of the same Job"),
        pytest.param("1-f", False, id="a part of the name"),
    ],
)
def test_an_attempt_is_meant_by(target: str, *, meant: bool) -> None:
    stop = Stop(target, NOON, "", "")
    assert stop.means(job="a-1-f", execution="17-a-1-f") is meant
    assert "a-1-f" in stop.jobs or not meant


def test_the_longest_name_of_a_job_fits_into_a_key() -> None:
    key, _ = stop_annotation("a" * 63, NOON)
    assert len(key.partition("/")[2]) <= 63
