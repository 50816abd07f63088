"""Who leads: from the Lease as it was read, and how long it has looked so, to what to do about it."""

from dataclasses import replace
from typing import Any

import pytest

from dkron_crds.lease import leave_key
from dkron_operator.leader.election import Act, LeaseState, Watched, decide, read_lease, watched

LEASE = LeaseState(version="5", holder="", renewal="t1", seconds=15, transitions=3, annotations=frozenset())
NOW = 1000.0
ASKED = frozenset({leave_key("me"), "dkron.io/address"})


def lease(**fields: Any) -> LeaseState:
    return replace(LEASE, **fields)


def seen(ago: float) -> Watched:
    return Watched("other", "t1", NOW - ago)


@pytest.mark.parametrize(
    ("found", "since", "newcomer", "expected"),
    [
        pytest.param(None, None, True, Act.CREATE, id="a Lease that is not there is created"),
        pytest.param(lease(), seen(0), False, Act.TAKE, id="a released one is taken at once"),
        pytest.param(lease(holder="other"), seen(0), True, Act.WAIT, id="one that is held is left as it is"),
        pytest.param(lease(holder="other"), seen(15), False, Act.WAIT, id="as long as it lives"),
        pytest.param(lease(holder="other"), seen(15.1), False, Act.TAKE, id="one that is not renewed is taken"),
        pytest.param(lease(holder="other", seconds=60), seen(16), False, Act.WAIT, id="it lives as long as it says"),
        pytest.param(lease(holder="me"), seen(99), False, Act.RENEW, id="our own is renewed, however late"),
        pytest.param(lease(holder="me"), None, True, Act.RENEW, id="the one of the process before us is ours"),
        pytest.param(lease(annotations=ASKED), seen(0), False, Act.LEAVE, id="asked to leave, we do not take it"),
        pytest.param(lease(holder="me", annotations=ASKED), seen(0), False, Act.LEAVE, id="asked to leave, we leave"),
        pytest.param(
            lease(holder="other", annotations=ASKED), seen(0), False, Act.LEAVE, id="we leave without holding it"
        ),
        pytest.param(
            lease(holder="me", annotations=ASKED), None, True, Act.RETURN, id="what was asked of an earlier process"
        ),
        pytest.param(
            lease(annotations=frozenset({leave_key("other")})), None, True, Act.TAKE, id="what was asked of another"
        ),
    ],
)
def test_lease_decision(found: LeaseState | None, since: Watched | None, *, newcomer: bool, expected: Act) -> None:
    assert decide(found, since, identity="me", now=NOW, newcomer=newcomer, duration=15) is expected


@pytest.mark.parametrize(
    ("before", "since"),
    [
        pytest.param(None, 20, id="the first look begins to count"),
        pytest.param(Watched("other", "t1", 3), 3, id="nothing new goes on counting"),
        pytest.param(Watched("other", "t0", 3), 20, id="a renewal starts the count again"),
        pytest.param(Watched("third", "t1", 3), 20, id="another holder starts it again"),
    ],
)
def test_how_long_a_lease_has_looked_so(before: Watched | None, since: float) -> None:
    assert watched(lease(holder="other"), before, now=20.0) == Watched("other", "t1", since)


def test_a_lease_is_read() -> None:
    metadata = {"resourceVersion": "7", "annotations": {"leave.dkron.io/x": "now"}}
    spec = {"holderIdentity": "me", "renewTime": "t", "leaseDurationSeconds": 20, "leaseTransitions": 4}
    expected = LeaseState("7", "me", "t", 20, 4, frozenset({"leave.dkron.io/x"}))
    assert read_lease({"metadata": metadata, "spec": spec}) == expected
    assert read_lease({"metadata": {"resourceVersion": "7"}}) == LeaseState("7", "", "", 15, 0, frozenset())


def test_the_annotation_is_named_after_the_replica() -> None:
    assert leave_key("me") == "leave.dkron.io/2744ccd10c7533bd"
    assert len(leave_key("x" * 300).partition("/")[2]) == 16
