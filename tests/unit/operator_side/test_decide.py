"""One slot, one request: the comparisons at the heart of the promise."""

from datetime import timedelta

import pytest

from dkron_crds.job import SkipReason
from dkron_operator.plan.decide import Decision, Fire, Skip, decide, decide_request, start_deadline
from tests.support.builders import NOON, after, job_view

LATE = Skip(SkipReason.DEADLINE_EXCEEDED)
BUSY = Skip(SkipReason.CONCURRENCY_FORBIDDEN)
OFF = Skip(SkipReason.DISABLED)
CROWDED = Skip(SkipReason.TOO_MANY_ACTIVE)
TEN, FORBID, REPLACE = {"startingDeadlineSeconds": 10}, {"concurrency": "forbid"}, {"concurrency": "replace"}
GRACE = {"schedule": "@after 2026-01-01T00:00:00Z <PT2H"}


@pytest.mark.parametrize(
    ("spec", "seconds_late", "active", "expected"),
    [
        pytest.param({}, 0, 0, Fire(), id="a slot that is due fires"),
        pytest.param({}, 86_400, 0, Fire(), id="without a deadline no slot is too old"),
        pytest.param({}, 0, 3, Fire(), id="allow fires beside running ones"),
        pytest.param(TEN, 10, 0, Fire(), id="at its deadline a slot still fires"),
        pytest.param(TEN, 10.000001, 0, LATE, id="a tick after its deadline it does not"),
        pytest.param(FORBID, 0, 0, Fire(claim=True), id="forbid claims before it fires"),
        pytest.param(FORBID, 0, 1, BUSY, id="forbid skips while one is active"),
        pytest.param(REPLACE, 0, 0, Fire(claim=True), id="replace claims with nothing to replace"),
        pytest.param(REPLACE, 0, 2, Fire(claim=True, replace=True), id="replace replaces"),
        pytest.param(FORBID | TEN, 11, 1, LATE, id="too late comes before busy"),
    ],
)
def test_a_slot_is_decided(spec: dict[str, object], seconds_late: float, active: int, expected: Decision) -> None:
    assert decide(job_view(**spec), slot=NOON, now=after(seconds_late), active=active) == expected


@pytest.mark.parametrize(
    ("spec", "active", "expected", "forced"),
    [
        pytest.param({}, 0, Fire(), Fire(), id="it fires"),
        pytest.param({}, 5, Fire(), Fire(), id="it fires beside running ones"),
        pytest.param({"disabled": True}, 0, OFF, OFF, id="a disabled job stays silent"),
        pytest.param({"disabled": True, "parentJob": "x"}, 0, Fire(), Fire(), id="a disabled child is run by hand"),
        pytest.param({}, 1000, CROWDED, CROWDED, id="a thousand at once are enough"),
        pytest.param(FORBID, 1, BUSY, Fire(claim=True), id="a busy forbid job refuses unless it is forced"),
        pytest.param(FORBID, 1000, CROWDED, CROWDED, id="a thousand of a forbid job are enough"),
        pytest.param(REPLACE, 1, *[Fire(claim=True, replace=True)] * 2, id="it replaces"),
        pytest.param({"startingDeadlineSeconds": 1}, 0, Fire(), Fire(), id="it has no deadline"),
        pytest.param({"expiresAt": "2020-01-01T00:00:00Z"}, 0, Fire(), Fire(), id="it may come after the schedule"),
    ],
)
def test_a_request_is_decided(spec: dict[str, object], active: int, expected: Decision, forced: Decision) -> None:
    assert decide_request(job_view(**spec), active=active) == expected
    assert decide_request(job_view(**spec), active=active, force=True) == forced


@pytest.mark.parametrize(
    ("spec", "seconds"),
    [
        pytest.param({}, None, id="none by default"),
        pytest.param(TEN, 10, id="the one of the spec"),
        pytest.param(GRACE, 7200, id="the grace of @after"),
        pytest.param(GRACE | TEN, 10, id="the shorter of both, here the spec's"),
        pytest.param(GRACE | {"startingDeadlineSeconds": 9000}, 7200, id="the shorter of both, here the grace"),
    ],
)
def test_the_start_deadline_is(spec: dict[str, object], seconds: int | None) -> None:
    assert start_deadline(job_view(**spec)) == (None if seconds is None else timedelta(seconds=seconds))
