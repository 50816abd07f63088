"""One slot, one request: the comparisons at the heart of the promise."""

from datetime import timedelta

import pytest

from dkron_crds.job import SkipReason
from dkron_operator.plan.decide import Decision, Fire, Skip, decide, decide_request, start_deadline
from tests.support.builders import NOON, after, job_view

LATE = Skip(SkipReason.DEADLINE_EXCEEDED)
BUSY = Skip(SkipReason.CONCURRENCY_FORBIDDEN)


@pytest.mark.parametrize(
    ("spec", "seconds_late", "active", "expected"),
    [
        pytest.param({}, 0, 0, Fire(), id="a slot that is due fires"),
        pytest.param({}, 86_400, 0, Fire(), id="without a deadline no slot is too old"),
        pytest.param({}, 0, 3, Fire(), id="allow fires beside running ones"),
        pytest.param({"startingDeadlineSeconds": 10}, 10, 0, Fire(), id="at its deadline a slot still fires"),
        pytest.param({"startingDeadlineSeconds": 10}, 10.000001, 0, LATE, id="a tick after its deadline it does not"),
        pytest.param({"concurrency": "forbid"}, 0, 0, Fire(claim=True), id="forbid claims before it fires"),
        pytest.param({"concurrency": "forbid"}, 0, 1, BUSY, id="forbid skips while one is active"),
        pytest.param({"concurrency": "replace"}, 0, 0, Fire(claim=True), id="replace claims with nothing to replace"),
        pytest.param({"concurrency": "replace"}, 0, 2, Fire(claim=True, replace=True), id="replace replaces"),
        pytest.param(
            {"concurrency": "forbid", "startingDeadlineSeconds": 10}, 11, 1, LATE, id="too late comes before busy"
        ),
    ],
)
def test_a_slot_is_decided(spec: dict[str, object], seconds_late: float, active: int, expected: Decision) -> None:
    assert decide(job_view(**spec), slot=NOON, now=after(seconds_late), active=active) == expected


@pytest.mark.parametrize(
    ("spec", "active", "expected"),
    [
        pytest.param({}, 0, Fire(), id="a request fires"),
        pytest.param({}, 5, Fire(), id="a request fires beside running ones"),
        pytest.param({"disabled": True}, 0, Skip(SkipReason.DISABLED), id="a disabled job stays silent"),
        pytest.param({"disabled": True, "parentJob": "other"}, 0, Fire(), id="a disabled child can be run by hand"),
        pytest.param({}, 1000, Skip(SkipReason.TOO_MANY_ACTIVE), id="a thousand at once are enough"),
        pytest.param({"concurrency": "forbid"}, 1, BUSY, id="a busy forbid job refuses"),
        pytest.param({"concurrency": "replace"}, 1, Fire(claim=True, replace=True), id="a request replaces"),
        pytest.param({"startingDeadlineSeconds": 1}, 0, Fire(), id="a request has no deadline"),
        pytest.param(
            {"expiresAt": "2020-01-01T00:00:00Z"}, 0, Fire(), id="a request may come when the schedule is over"
        ),
    ],
)
def test_a_request_is_decided(spec: dict[str, object], active: int, expected: Decision) -> None:
    assert decide_request(job_view(**spec), active=active) == expected


@pytest.mark.parametrize(
    ("spec", "active", "expected"),
    [
        pytest.param({"concurrency": "forbid"}, 1, Fire(claim=True), id="it runs beside another under forbid"),
        pytest.param({"concurrency": "replace"}, 1, Fire(claim=True, replace=True), id="it replaces as any other"),
        pytest.param({}, 1, Fire(), id="it runs beside another as any other"),
        pytest.param({"disabled": True}, 0, Skip(SkipReason.DISABLED), id="a disabled job stays silent"),
        pytest.param({"concurrency": "forbid"}, 1000, Skip(SkipReason.TOO_MANY_ACTIVE), id="a thousand are enough"),
    ],
)
def test_a_forced_request_is_decided(spec: dict[str, object], active: int, expected: Decision) -> None:
    assert decide_request(job_view(**spec), active=active, force=True) == expected


@pytest.mark.parametrize(
    ("spec", "seconds"),
    [
        pytest.param({}, None, id="none by default"),
        pytest.param({"startingDeadlineSeconds": 30}, 30, id="the one of the spec"),
        pytest.param({"schedule": "@after 2026-01-01T00:00:00Z <PT2H"}, 7200, id="the grace of @after"),
        pytest.param(
            {"schedule": "@after 2026-01-01T00:00:00Z <PT2H", "startingDeadlineSeconds": 60},
            60,
            id="the shorter of both, here the spec's",
        ),
        pytest.param(
            {"schedule": "@after 2026-01-01T00:00:00Z <PT1M", "startingDeadlineSeconds": 600},
            60,
            id="the shorter of both, here the grace",
        ),
    ],
)
def test_the_start_deadline_is(spec: dict[str, object], seconds: int | None) -> None:
    assert start_deadline(job_view(**spec)) == (None if seconds is None else timedelta(seconds=seconds))
