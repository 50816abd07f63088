"""The gate: places of owners, requests in progress, and rates."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial
from math import ceil

import pytest

from dkron_api.auth.caller import ANYBODY, Caller, Owner, owner
from dkron_api.edge.gate import BODY, BUCKETS, UPLOADS, UPLOADS_OF_ONE, Gate
from dkron_api.edge.places import Places
from dkron_api.refusal import ApiError
from dkron_api.settings import AuthMode

ACCOUNT = "system:serviceaccount:team:ci"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A caller, the namespace in which a right was granted, and the group of the owner."""

    caller: Caller
    granted: str = ""
    group: str


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Asked(caller=Caller(ACCOUNT, AuthMode.KUBERNETES), group="namespace team"), id="an account"),
        pytest.param(
            Asked(caller=Caller(ACCOUNT, AuthMode.KUBERNETES), granted="a", group="namespace a"), id="a right there"
        ),
        pytest.param(Asked(caller=Caller(ACCOUNT, AuthMode.OIDC), group=f"caller oidc {ACCOUNT} "), id="of an issuer"),
        pytest.param(Asked(caller=Caller("ann", AuthMode.KUBERNETES), group="caller kubernetes ann "), id="a user"),
        pytest.param(Asked(caller=Caller("ann", AuthMode.DKRON), granted="a", group="namespace a"), id="a token's"),
        pytest.param(Asked(caller=ANYBODY, granted="a", group="address 192.0.2.1"), id="unknown"),
    ],
)
def test_group_of_a_limit_is_the_namespace(case: Asked) -> None:
    found = owner(case.caller, "192.0.2.1", case.granted)
    assert found == (case.group, "192.0.2.1" if case.caller is ANYBODY else case.caller.identity)


def owned(name: str) -> Owner:
    """`a1` is an account of the namespace a, `@1` an address, and another name a caller without a namespace."""
    if name[0] == "@":
        return owner(ANYBODY, name)
    return Owner(f"namespace {name[0]}" if name[1:].isdigit() else f"caller {name}", name)


@dataclass(frozen=True, kw_only=True)
class Comes:
    """Of eight places some are taken, by these owners, the oldest first, and one more owner comes."""

    taken: str
    comes: str
    of_caller: int = 0
    yielding: bool = True
    rolling: bool = False
    displaced: int | None = None
    refused: str = ""


FULL = "z1 a1 a2 b1 b2 c1 c2 d1"


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Comes(taken="a1 b1", comes="a2"), id="there is room"),
        pytest.param(Comes(taken="a1", comes="a1", of_caller=1, refused="this caller already has 1 "), id="a caller"),
        pytest.param(Comes(taken="a1 a2", comes="a3", refused="namespace a already has 2 "), id="a namespace"),
        pytest.param(Comes(taken="a1 a2", comes="b1"), id="a namespace beside it"),
        pytest.param(
            Comes(taken="ann ann", comes="ann", of_caller=4, refused="this caller already has 2 "), id="no namespace"
        ),
        pytest.param(Comes(taken="@1 @1", comes="@1", of_caller=4), id="an address beyond a quarter"),
        pytest.param(Comes(taken=FULL, comes="e1", displaced=1), id="the oldest of the fullest"),
        pytest.param(Comes(taken=FULL, comes="d2", displaced=1), id="a group with fewer"),
        pytest.param(
            Comes(taken="a1 b1 c1 d1 e1 f1 g1 h1", comes="a2", refused="the server already has 8 "), id="none has more"
        ),
        pytest.param(Comes(taken=FULL, comes="e1", yielding=False, refused="the server already has 8 "), id="stays"),
        pytest.param(Comes(taken="b1 a1 a2", comes="a1", of_caller=1, rolling=True, displaced=1), id="a caller rolls"),
        pytest.param(Comes(taken="b1 a2 a1", comes="a1", rolling=True, displaced=1), id="a namespace rolls"),
        pytest.param(
            Comes(taken="@2 @1 @1 @1 @1 @1 @1 @1", comes="@1", of_caller=9, rolling=True, displaced=1), id="all roll"
        ),
    ],
)  # fmt: skip
def test_newcomer_finds_a_place_or_is_refused(case: Comes) -> None:
    places = Places(8, "places", of_caller=case.of_caller, yielding=case.yielding, rolling=case.rolling)
    with ExitStack() as stack:
        taken = [stack.enter_context(places.take(owned(name))) for name in case.taken.split()]
        if case.refused:
            with pytest.raises(ApiError, match=case.refused) as refused:
                stack.enter_context(places.take(owned(case.comes)))
            assert (refused.value.status, refused.value.headers["Retry-After"]) == (503, "10")
        else:
            assert stack.enter_context(places.take(owned(case.comes))).is_kept
        displaced = [number for number, place in enumerate(taken) if not place.is_kept]
        assert displaced == ([] if case.displaced is None else [case.displaced])
        assert places.taken == len(taken) + (not case.refused) - len(displaced)
    assert (places.taken, places._crowds) == (0, {})


@pytest.mark.parametrize("before", [True, False])
async def test_displaced_block_ends_without_an_error(before: bool) -> None:
    with Places(1, "places").take(owned("a1")) as place:
        if before:
            place.give_way()
        else:
            asyncio.get_running_loop().call_soon(place.give_way)
        async with asyncio.timeout(10), place.while_kept():
            await asyncio.Event().wait()
    with Places(1, "places").take(owned("a1")) as place, pytest.raises(TimeoutError, match="another"):
        async with place.while_kept():
            raise TimeoutError("another")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def gate(clock: Clock | None = None, *, requests: int = 100, streams: int = 100, rate: float = 0.0) -> Gate:
    return Gate(requests=requests, streams=streams, rate=rate, clock=clock or Clock())


def test_no_more_requests_at_once_than_allowed() -> None:
    door = gate(requests=2)
    door.enter()
    door.enter()
    with pytest.raises(ApiError) as refused:
        door.enter()
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (503, "1")
    door.leave()
    door.enter()


def test_namespace_has_a_quarter_of_the_requests() -> None:
    door = gate(requests=8)
    with ExitStack() as stack:
        for name in ("a1", "a2", "b1", "@1", "@1", "@1"):
            stack.enter_context(door.handle(owned(name)))
        with pytest.raises(ApiError, match="namespace a already has 2 requests in progress"):
            stack.enter_context(door.handle(owned("a3")))
        with door.aside(owned("a1")), door.handle(owned("a3")):
            pass
    assert door._working_of == {}


ASIDE: dict[str, Callable[[Gate, Owner], AbstractContextManager[object]]] = {
    "an answer in sending": lambda door, own: door.aside(own),
    "a stream": lambda door, own: door.wait(door.streams, own),
    "an upload": lambda door, own: door.wait(door.uploads, own),
    "a search": lambda door, own: door.search(own, "a"),
}


@pytest.mark.parametrize("aside", ASIDE.values(), ids=ASIDE)
def test_request_that_waits_keeps_no_other_out(
    aside: Callable[[Gate, Owner], AbstractContextManager[object]],
) -> None:
    door, own = gate(requests=1), owned("a1")
    door.enter()
    with door.handle(own):
        with aside(door, own):
            door.enter()
            with door.handle(own):
                assert door.working == 1
            door.leave()
        assert (door.working, door._working_of) == (1, {own.group: 1})
    assert (door.streams.taken, door.uploads.taken, door._searches, door._working_of) == (0, 0, {}, {})


def test_uploads_and_restores_have_places_of_their_own() -> None:
    door = gate()
    with ExitStack() as stack:
        uploads = [stack.enter_context(door.wait(door.uploads, owned("a1"))) for _ in range(UPLOADS_OF_ONE + 1)]
        uploads += [stack.enter_context(door.wait(door.uploads, owned(f"a{n}"))) for n in range(2, UPLOADS // 4)]
        assert [place.is_kept for place in uploads] == [False] * (len(uploads) - UPLOADS // 4) + [True] * (UPLOADS // 4)
        for name in ("a1", "@1", "@1", "ann"):
            stack.enter_context(door.wait(door.restores, owned(name)))
        for name, who in (("a2", "namespace a"), ("@1", "this caller"), ("bob", "the server")):
            with pytest.raises(ApiError, match=f"{who} already has . restores in progress"):
                stack.enter_context(door.wait(door.restores, owned(name)))


def test_address_may_burst_two_seconds_of_its_rate() -> None:
    clock, spend = Clock(), owned("@a")
    door = gate(clock, rate=5.0)
    for _ in range(10):
        door.spend(spend)
    with pytest.raises(ApiError) as refused:
        door.spend(spend)
    assert refused.value.status == 429
    for _ in range(10):
        with pytest.raises(ApiError) as again:
            door.spend(spend)
    assert again.value.headers == refused.value.headers, "a refused request costs nothing"
    door.spend(owned("@b"))
    door.spend(owned("a1"), "a")
    clock.now += float(refused.value.headers["Retry-After"])
    door.spend(spend)


def test_rate_below_one_still_allows_one_request() -> None:
    door = gate(rate=0.1)
    door.spend(owned("@a"))
    with pytest.raises(ApiError):
        door.spend(owned("@a"))


@pytest.mark.parametrize("name", ["a1", "@a"])
def test_a_body_counts_by_its_size(name: str) -> None:
    door, own = gate(rate=10.0), owned(name)
    door.charge(own, BODY - 1)
    door.spend(own, name)
    door.charge(own, 100 * BODY)
    with pytest.raises(ApiError, match=f"{name} sends more than 10 requests per second") as refused:
        door.spend(own, name)
    assert refused.value.headers["Retry-After"] == str(ceil((1 + 100 + 1 - 20) / 10))
    door.charge(own, -100 * BODY)
    door.spend(own, name)


@pytest.mark.parametrize("body", [0, 19 * BODY])
def test_accounts_of_a_namespace_share_four_times_the_rate(body: int) -> None:
    door = gate(rate=10.0)
    for number in range(4):
        own = owned(f"a{number}")
        door.charge(own, body)
        for _ in range(20 - body // BODY):
            door.spend(own)
    for _ in range(3):
        with pytest.raises(ApiError, match="namespace a sends more than 40 requests per second"):
            door.spend(owned("a9"), "a9")
    for _ in range(20):
        door.spend(owned("b1"))
    with pytest.raises(ApiError, match="b1 sends more than 10 "):
        door.spend(owned("b1"), "b1")


def test_buckets_are_bounded_and_callers_are_kept() -> None:
    door = gate(rate=0.5)
    spend = partial(door.spend, owned("ci"), "ci")
    spend()
    for number in range(3 * BUCKETS):
        door.spend(owned(f"@{number}"))
    assert (len(door._addresses), len(door._callers)) == (BUCKETS, 1)
    with pytest.raises(ApiError, match="ci sends more"):
        spend()
