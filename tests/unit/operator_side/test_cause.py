"""Names of Jobs: the same cause always gives the same one, another cause another."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from dkron_crds.attempt_names import EPOCH, nanoseconds, started_at
from dkron_crds.job import Trigger
from dkron_operator.plan.situation.cause import Cause, requested, scheduled
from tests.support.builders import NOON, UID, after

DNS_1123 = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
MICROSECOND = timedelta(microseconds=1)

instants = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
object_names = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?", fullmatch=True)
uids = st.uuids().map(str)
attempts = st.integers(1, 2**32)
request_ids = st.text(max_size=30)
whole_seconds = instants.map(lambda at: at.replace(microsecond=0))
causes = st.one_of(
    st.builds(lambda slot, attempt: replace(scheduled(slot), attempt=attempt), instants, attempts),
    st.builds(
        lambda key, at, attempt: replace(requested(key, at), attempt=attempt), request_ids, whole_seconds, attempts
    ),
)


@given(cause=causes, uid=uids, name=object_names)
@example(cause=scheduled(NOON), uid=UID, name="a" * 42)
@example(cause=scheduled(NOON), uid=UID, name=f"{'a' * 41}-{'b' * 10}")
def test_every_name_is_legal_for_an_object_and_a_label(cause: Cause, uid: str, name: str) -> None:
    job = cause.job_name(uid=uid, name=name)
    assert len(job) <= 63
    assert DNS_1123.fullmatch(job)


@given(one=causes, other=causes, name=object_names)
def test_another_cause_gives_another_name(one: Cause, other: Cause, name: str) -> None:
    assume(one != other)
    assert one.job_name(uid=UID, name=name) != other.job_name(uid=UID, name=name)


BASE = Cause(Trigger.SCHEDULE, NOON, nanoseconds(NOON), 1)


@pytest.mark.parametrize(
    ("cause", "uid"),
    [
        pytest.param(Cause(Trigger.SCHEDULE, NOON, BASE.group, 2), UID, id="the next attempt"),
        pytest.param(Cause(Trigger.SCHEDULE, NOON, BASE.group + 1, 1), UID, id="another group in the same second"),
        pytest.param(Cause(Trigger.MANUAL, NOON, BASE.group, 1), UID, id="another trigger"),
        pytest.param(scheduled(after(1)), UID, id="the slot one second later"),
        pytest.param(BASE, "another-uid", id="a job of the same name that was created again"),
        pytest.param(requested("a", NOON), UID, id="a request at the time of the slot"),
    ],
)
def test_a_name_differs_for(cause: Cause, uid: str) -> None:
    assert cause.job_name(uid=uid, name="j") != BASE.job_name(uid=UID, name="j")


@given(one=st.text(max_size=30), other=st.text(max_size=30))
def test_two_requests_of_the_same_second_are_two(one: str, other: str) -> None:
    assume(one != other)
    first, second = requested(one, NOON), requested(other, NOON)
    assert first.group != second.group
    assert first.group // 10**9 == second.group // 10**9 == nanoseconds(NOON) // 10**9


@given(at=instants)
def test_nanoseconds_are_exact(at: datetime) -> None:
    assert nanoseconds(at) == (at - EPOCH) // MICROSECOND * 1000


@given(cause=causes, at=instants, name=object_names)
def test_cause_has_one_job_name_and_its_id_holds_the_time(cause: Cause, at: datetime, name: str) -> None:
    entry = cause.entry(uid=UID, name=name, at=at)
    assert entry.job == replace(cause).job_name(uid=UID, name=name)
    assert started_at(entry.id) == at
    assert entry.id.endswith(f"-{entry.job}")
