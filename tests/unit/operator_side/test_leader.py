"""Who leads: from the Lease as it was read, and how long it has looked so, to what to do about it."""

from dataclasses import replace
from typing import Any

import pytest

from dkron_crds.lease import leave_key
from dkron_operator.leader.election import Act, LeaseState, Terms, Watched, decide, read_lease, watched

LEASE = LeaseState(version="5", holder="", renewal="t1", seconds=15, transitions=3, annotations=frozenset())
NOW = 1000.0
ASKED = frozenset({leave_key("me"), "dkron.io/address"})


def lease(**fields: Any) -> LeaseState:
    return replace(LEASE, **fields)


def seen(ago: float, *, seconds: int = 15, grace: float = -1) -> Watched:
    return Watched("other", "t1", NOW - ago, seconds, NOW + grace)


@pytest.mark.parametrize(
    ("found", "since", "newcomer", "expected"),
    [
        pytest.param(None, None, True, Act.CREATE, id="a Lease that is not there is created"),
        pytest.param(lease(), seen(0), False, Act.TAKE, id="a released one is taken at once"),
        pytest.param(lease(holder="other"), seen(0), True, Act.WAIT, id="one that is held is left as it is"),
        pytest.param(lease(holder="other"), seen(15), False, Act.WAIT, id="as long as it lives"),
        pytest.param(lease(holder="other"), seen(15.1), False, Act.TAKE, id="one that is not renewed is taken"),
        pytest.param(lease(holder="other"), seen(60, seconds=60), False, Act.WAIT, id="it lives as long as it says"),
        pytest.param(
            lease(holder="other"), seen(99, grace=0.5), False, Act.WAIT, id="nor while it may be renewed late"
        ),
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
    ("before", "answered", "expected"),
    [
        pytest.param(None, 19.5, (20, 35), id="the first look begins to count"),
        pytest.param(Watched("other", "t1", 3), 19.5, (3, 18), id="nothing new goes on counting"),
        pytest.param(Watched("other", "t0", 3), 19.5, (20, 35), id="a renewal starts the count again"),
        pytest.param(Watched("third", "t1", 3), 19.5, (20, 35), id="another holder starts it again"),
        pytest.param(Watched("other", "t1", 3), 18.6, (3, 18), id="a slow answer is none that was missing"),
        pytest.param(Watched("other", "t1", 3), 18.4, (3, 21), id="after a silence the holder may renew"),
        pytest.param(Watched("other", "t1", 9), 14, (9, 24), id="it expires no sooner for that"),
        pytest.param(Watched("other", "t1", 3, 15, 17), 14, (3, 18), id="it gets time once"),
    ],
)
def test_how_long_a_lease_has_looked_so(before: Watched | None, answered: float, expected: tuple[float, float]) -> None:
    found = watched(lease(holder="other"), before, now=20.0, answered=answered, terms=Terms())
    assert found is not None
    assert (found.since, found.expiry) == expected


def test_a_lease_is_read() -> None:
    metadata = {"resourceVersion": "7", "annotations": {"leave.dkron.io/x": "now"}}
    spec = {"holderIdentity": "me", "renewTime": "t", "leaseDurationSeconds": 20, "leaseTransitions": 4}
    expected = LeaseState("7", "me", "t", 20, 4, frozenset({"leave.dkron.io/x"}))
    assert read_lease({"metadata": metadata, "spec": spec}) == expected
    assert read_lease({"metadata": {"resourceVersion": "7"}}) == LeaseState("7", "", "", 5, 0, frozenset())


def test_the_annotation_is_named_after_the_replica() -> None:
    assert leave_key("me") == "leave.dkron.io/2744ccd10c7533bd"
    assert len(leave_key("x" * 300).partition("/")[2]) == 16
