"""The Lease in virtual time: taken, renewed, waited for, released and left."""

import asyncio
import copy
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

import pytest

from dkron_crds.lease import leave_key
from dkron_kube.client import KubeClient
from dkron_kube.errors import Rejected, Unavailable
from dkron_kube.paths import LEASES
from dkron_operator.kit.clock import Clock
from dkron_operator.kit.rollback import Compare, ignore_versions
from dkron_operator.leader.election import Leadership, Terms
from dkron_operator.leader.lease import Lease, Replica
from tests.support.edges import wall
from tests.support.fake_kube import FakeKube

pytestmark = pytest.mark.looptime
ME = Leadership(leader="me", held=True, term=1)
OURS = Terms(duration=15, renew_deadline=10.0, retry_period=2.0)
FORBIDDEN = Rejected('leases "dkron" is forbidden', status=403)


def monotonic() -> float:
    return asyncio.get_running_loop().time()


CLOCK = Clock(wall, monotonic)


class Frozen:
    """The monotonic clock of a process that was stopped for so many seconds, while its loop noticed nothing."""

    seconds = 0.0

    def monotonic(self) -> float:
        return monotonic() + self.seconds


class Candidate:
    """A replica that takes part, and what it has told."""

    def __init__(
        self, kube: FakeKube | None = None, identity: str = "me", *, terms: Terms = OURS, clock: Clock = CLOCK,
        compare: Compare = ignore_versions, through: object = None,
    ) -> None:  # fmt: skip
        self.kube = kube or FakeKube()
        self.told: list[Leadership] = []
        self.lease = Lease(
            cast("KubeClient", through or self.kube), Replica(identity, "10.0.0.1", "1.2.3"), namespace="home",
            clock=clock, terms=terms, compare=compare,
        )  # fmt: skip
        self.lease.on_change.add(self.told.append)

    def holds(self) -> bool:
        return self.lease.view.held

    def may_act(self) -> bool:
        return self.lease.may_act()

    def terms(self) -> list[tuple[bool, int]]:
        """Whether it acts, and in which term, each time it told of something."""
        return [(view.acts, view.term) for view in self.told]

    @asynccontextmanager
    async def running(self, seconds: float = 0.0) -> AsyncIterator["asyncio.Task[None]"]:
        """It takes part, for so many seconds already."""
        task = asyncio.create_task(self.lease.run())
        await asyncio.sleep(seconds)
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def held(kube: FakeKube) -> dict[str, Any]:
    spec: dict[str, Any] = kube.has(LEASES, "dkron")["spec"]
    return spec


def holder(kube: FakeKube) -> str:
    return str(held(kube).get("holderIdentity", ""))


def ask_to_leave(kube: FakeKube, identity: str = "me") -> None:
    notes = {leave_key(identity): f"2026-03-01T12:00:00Z {identity}"}
    kube.edit(LEASES, "dkron", lambda body: body["metadata"].setdefault("annotations", {}).update(notes))


def renew_for_another(kube: FakeKube, time: str = "t", *, seconds: int = 15) -> None:
    spec = {"holderIdentity": "other", "renewTime": time, "leaseDurationSeconds": seconds, "leaseTransitions": 4}
    kube.put(LEASES, {"metadata": {"name": "dkron"}, "spec": spec})


def release_for_another(kube: FakeKube) -> None:
    kube.edit(LEASES, "dkron", lambda body: body["spec"].pop("holderIdentity"))


def wall_of(spec: dict[str, Any]) -> float:
    """When the Lease was renewed last, in seconds of the test."""
    return monotonic() - (wall() - datetime.fromisoformat(spec["renewTime"])).total_seconds()


# --- taken and renewed -----------------------------------------------------------------------------------------------


async def test_missing_lease_is_created_and_renewed_every_two_seconds() -> None:
    me = Candidate()
    async with me.running(1):
        made = copy.deepcopy(me.kube.has(LEASES, "dkron"))
        await asyncio.sleep(9.5)
    assert made["metadata"]["annotations"] == {"dkron.io/address": "10.0.0.1", "dkron.io/version": "1.2.3"}
    assert made["spec"] == {
        "holderIdentity": "me",
        "leaseDurationSeconds": 15,
        "leaseTransitions": 0,
        "acquireTime": "2026-03-01T12:00:00.000000Z",
        "renewTime": "2026-03-01T12:00:00.000000Z",
    }
    assert me.kube.calls == ["get leases dkron", "create leases dkron", *["patch leases dkron"] * 5]
    assert held(me.kube)["renewTime"] == "2026-03-01T12:00:10.000000Z"
    assert me.told == [ME], "a renewal is no news"


async def test_expired_lease_of_another_holder_is_taken() -> None:
    me = Candidate()
    renew_for_another(me.kube, "2020-01-01T00:00:00.000000Z")
    async with me.running(9):
        renew_for_another(me.kube, "2020-01-01T00:00:09.000000Z")
        await asyncio.sleep(15)
        assert holder(me.kube) == "other", "its clock does not matter"
        await asyncio.sleep(1.1)
        assert holder(me.kube) == "me"
    assert held(me.kube)["leaseTransitions"] == 5
    assert [(view.leader, view.held) for view in me.told] == [("other", False), ("me", True)]


async def test_lease_changed_by_another_writer_is_read_again() -> None:
    me = Candidate()
    async with me.running(1):
        me.kube.edit(LEASES, "dkron", lambda body: body["metadata"].update(labels={"a": "b"}))
        await asyncio.sleep(2)
    assert me.kube.calls[-3:] == ["patch leases dkron", "get leases dkron", "patch leases dkron"]
    assert len(me.told) == 1


async def test_foreign_lease_of_an_hour_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    me = Candidate()
    renew_for_another(me.kube, seconds=3600)
    async with me.running(60):
        assert [record.levelname for record in caplog.records] == ["INFO", "WARNING"]
        assert "home/dkron, held by other, lasts 3600 s; this operator's own lasts 15 s" in caplog.text
        me.kube.remove(LEASES, "dkron")
        await asyncio.sleep(1)
        assert me.may_act(), "it belonged to no replica"


# --- released and left -----------------------------------------------------------------------------------------------


async def test_another_holds_it_soon_after_it_was_released() -> None:
    first = Candidate(identity="first")
    second = Candidate(first.kube, "second")
    async with second.running():
        async with first.running(20):
            pass
        leads, waiting = (first, second) if first.holds() else (second, first)
        assert not waiting.holds()
        assert waiting.lease.view.by_another
    async with waiting.running(0.1):
        await leads.lease.release()
        await asyncio.sleep(OURS.glance)
        assert waiting.holds()


def renew_for_us(kube: FakeKube) -> None:
    """Our own last renewal arrives just before the release."""

    def renew() -> None:
        kube.edit(LEASES, "dkron", lambda body: body["spec"].update(renewTime="late"))

    kube.meanwhile("patch leases", renew)


@pytest.mark.parametrize(
    ("meanwhile", "left"),
    [
        pytest.param(lambda _: None, "", id="in order"),
        pytest.param(renew_for_us, "", id="after our own last renewal"),
        pytest.param(renew_for_another, "other", id="another has taken it meanwhile"),
        pytest.param(lambda kube: kube.fail("get leases", Unavailable("no answer")), "me", id="without an answer"),
    ],
)
async def test_an_orderly_stop_releases_our_own_lease(meanwhile: Callable[[FakeKube], None], left: str) -> None:
    me = Candidate()
    async with me.running(1):
        pass
    meanwhile(me.kube)
    await me.lease.release(stopped=True)
    assert holder(me.kube) == left
    assert me.told[-1] == Leadership(stopped=True, term=1)


@pytest.mark.parametrize("leads", [True, False], ids=["it leads", "it waits"])
async def test_leaving_replica_ends_and_never_retakes_the_lease(*, leads: bool) -> None:
    me = Candidate()
    if not leads:
        renew_for_another(me.kube)
    async with me.running(1) as task:
        ask_to_leave(me.kube)
        await asyncio.wait_for(task, 3)
    assert me.told[-1] == (replace(ME, left=True) if leads else Leadership(leader="other", left=True))
    await me.lease.release()
    assert holder(me.kube) == ("" if leads else "other")
    assert (me.holds(), me.lease.view.left) == (False, True)


async def test_restart_clears_the_leave_request() -> None:
    me = Candidate()
    me.kube.put(LEASES, {"metadata": {"name": "dkron", "annotations": {"another": "writer's"}}, "spec": {}})
    ask_to_leave(me.kube)
    async with me.running(1) as task:
        assert not task.done()
    notes = me.kube.has(LEASES, "dkron")["metadata"]["annotations"]
    assert leave_key("me") not in notes
    assert notes["another"] == "writer's"
    assert holder(me.kube) == "me"


# --- refusals and outages --------------------------------------------------------------------------------------------


async def test_missing_right_is_logged_once_and_retried_rarely(caplog: pytest.LogCaptureFixture) -> None:
    me = Candidate()
    me.kube.fail("get leases", *[FORBIDDEN] * 10)
    with caplog.at_level(logging.INFO):
        async with me.running(290):
            assert len(me.kube.calls) == 10
            assert [record.levelname for record in caplog.records] == ["WARNING"]
            assert me.told == [Leadership(free=True, trouble='leases "dkron" is forbidden', term=1)]
            await asyncio.sleep(30)
            assert me.may_act(), "it goes on, from one to the other"
    assert me.told[-1] == ME


async def test_lease_that_it_may_not_create_is_taken_once_it_exists() -> None:
    me = Candidate()
    me.kube.fail("create leases", *[FORBIDDEN] * 10)
    async with me.running(1):
        assert me.told == [Leadership(free=True, trouble=str(FORBIDDEN), term=1)]
        me.kube.put(LEASES, {"metadata": {"name": "dkron"}})
        await asyncio.sleep(30)
    assert holder(me.kube) == "me"


async def test_replica_without_the_right_waits_for_a_silent_leader() -> None:
    me = Candidate()
    renew_for_another(me.kube)
    async with me.running(1.1):
        me.kube.fail("get leases", *[FORBIDDEN] * 100)
        await asyncio.sleep(14)
        assert not me.may_act()
        await asyncio.sleep(3)
        assert me.may_act()
    assert me.told[-1] == Leadership(free=True, trouble=str(FORBIDDEN), term=1)


async def test_outage_is_logged_once_and_ends_our_lease_in_time(caplog: pytest.LogCaptureFixture) -> None:
    me = Candidate()
    with caplog.at_level(logging.WARNING):
        async with me.running(1):
            me.kube.fail("patch leases", Unavailable("no answer"))
            me.kube.fail("get leases", *[Unavailable("no answer")] * 20)
            await asyncio.sleep(8.9)
            assert me.may_act()
            await asyncio.sleep(0.2)
            assert not me.may_act(), "five seconds before another may take it"
            await asyncio.sleep(2)
            assert not me.holds()
            await asyncio.sleep(30)
            assert me.may_act()
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert me.terms()[-1] == (True, 1), "no other replica has acted meanwhile"


async def test_unanswered_request_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    me = Candidate()
    async with me.running(1):
        with monkeypatch.context() as patched:
            patched.setattr(me.kube, "patch", lambda *_: asyncio.sleep(3600))
            await asyncio.sleep(7.9)
        await asyncio.sleep(0.2)
        assert "within 7 s" in me.told[-2].trouble
        assert me.lease.view == ME, "the second try comes at once, before the replica would have had to stop"
    assert all(view.held for view in me.told)


async def test_renewal_counts_from_its_request(monkeypatch: pytest.MonkeyPatch) -> None:
    me = Candidate()
    patch = me.kube.patch

    async def slowly(*args: Any) -> Any:
        answer = await patch(*args)
        await asyncio.sleep(4)
        return answer

    async with me.running(1):
        monkeypatch.setattr(me.kube, "patch", slowly)
        await asyncio.sleep(4.5)
        renewed = monotonic() - 3.5
        assert wall_of(held(me.kube)) == pytest.approx(renewed)
        me.kube.fail("patch leases", *[Unavailable("no answer")] * 9)
        me.kube.fail("get leases", *[Unavailable("no answer")] * 20)
        await asyncio.sleep(renewed + 9.9 - monotonic())
        assert me.may_act()
        await asyncio.sleep(renewed + 10.1 - monotonic())
        assert not me.may_act()


# --- an API server that stops or is slow ------------------------------------------------------------------------------


class StoppingServer:
    """Holds requests back for `latency` seconds, and while it is stopped: `stops` are (begin, end) in seconds of the
    test. A request that is given up has no effect."""

    def __init__(self, kube: FakeKube, stops: Sequence[tuple[float, float]] = (), latency: float = 0.0) -> None:
        self._kube, self._stops, self._latency = kube, stops, latency

    async def get(self, *args: Any) -> Any:
        await self._arrive()
        return await self._kube.get(*args)

    async def create(self, *args: Any) -> Any:
        await self._arrive()
        return await self._kube.create(*args)

    async def patch(self, *args: Any) -> Any:
        await self._arrive()
        return await self._kube.patch(*args)

    async def _arrive(self) -> None:
        await asyncio.sleep(self._latency)
        for begin, end in self._stops:
            if begin <= monotonic() < end:
                await asyncio.sleep(end - monotonic())


def every(seconds: float, lasting: float) -> list[tuple[float, float]]:
    """Stops again and again, each at another point between two renewals."""
    return [(begin, begin + lasting) for number in range(1, 20) for begin in [number * seconds + number * 0.13]]


@dataclass(frozen=True)
class Stops:
    """The API servers of a holder and of a waiting replica stop, or are slow. The holder dies after `dies` seconds."""

    name: str
    of_holder: Sequence[tuple[float, float]] = ()
    of_waiting: Sequence[tuple[float, float]] = ()
    latency: float = 0.0
    dies: float = 0.0
    lapses: bool = True
    """The holder may have to stop acting for a while."""

    moves: int = 0
    by: float = float("inf")
    """Seconds after its death by which the waiting replica holds the Lease."""


STOPS = [
    Stops("4 s for both, with 2 s between", every(6, 4), every(6, 4)),
    Stops("4 s for both, with 1 s between", every(5, 4), every(5, 4)),
    Stops("20 s for both", every(30, 20), every(30, 20)),
    Stops("4 s for the holder", every(8, 3.8), ()),
    Stops("4 s for the waiting one", (), every(6, 4), lapses=False),
    Stops("1.9 s for each answer", latency=1.9, lapses=False),
    Stops("2.4 s for each answer", latency=2.4),
    Stops("6 s for the holder, once: it must", [(10.5, 16.5)], (), moves=1),
    Stops("a holder that dies just after a renewal", dies=10.1, moves=1, by=5.5),
    Stops("a holder that dies as both stop", [(10.4, 14.4)], [(10.4, 14.4)], dies=10.1, moves=1, by=5.5),
    Stops("a holder that dies, and an API server that is slow for good", latency=1.6, dies=10, moves=1, by=12),
]


@pytest.mark.parametrize("stops", STOPS, ids=lambda row: row.name)
async def test_stops_of_the_api_server_move_no_leader(stops: Stops) -> None:
    kube = FakeKube()
    first = Candidate(kube, "first", terms=Terms(), through=StoppingServer(kube, stops.of_holder, stops.latency))
    second = Candidate(kube, "second", terms=Terms(), through=StoppingServer(kube, stops.of_waiting, stops.latency))
    both = list[float]()
    async with AsyncExitStack() as stack:
        holder_of_all = await stack.enter_async_context(first.running(8.3))
        await stack.enter_async_context(second.running())
        while monotonic() < 100:
            await asyncio.sleep(0.1)
            if stops.dies and monotonic() >= stops.dies:
                holder_of_all.cancel()
            if first.may_act() and second.may_act() and not holder_of_all.done():
                both.append(monotonic())
            if second.holds() and stops.by < float("inf"):
                break
        assert held(kube)["leaseTransitions"] == stops.moves
        assert monotonic() - stops.dies < stops.by or not stops.dies
    assert both == []
    assert stops.lapses or all(acts for acts, _ in first.terms())


# --- who may act -----------------------------------------------------------------------------------------------------


async def test_only_the_holder_may_act_after_its_lease_is_deleted() -> None:
    first = Candidate(identity="first")
    second = Candidate(first.kube, "second")
    assert not first.may_act(), "no replica knows yet"
    async with first.running(0.1), second.running(60):
        assert (first.may_act(), second.may_act()) == (True, False)
        first.kube.remove(LEASES, "dkron")
        await asyncio.sleep(10)
        assert (first.may_act(), second.may_act()) == (True, False)
    assert holder(first.kube) == "first"


async def test_deleted_lease_of_a_dead_holder_is_recreated_in_time() -> None:
    me = Candidate()
    renew_for_another(me.kube)
    async with me.running(2):
        me.kube.remove(LEASES, "dkron")
        await asyncio.sleep(12)
        assert not me.may_act()
        await asyncio.sleep(2)
        assert me.may_act()


async def test_leadership_reports_its_idle_time_and_term() -> None:
    me, idle = Candidate(), list[float]()

    def changed(view: Leadership) -> None:
        if view.acts:
            idle.append(me.lease.idle.total_seconds())

    me.lease.on_change.add(changed)
    async with me.running(1):
        renew_for_another(me.kube, "dies")
        await asyncio.sleep(5)
        assert not me.may_act()
        await asyncio.sleep(25)
        renew_for_another(me.kube, "goes in order")
        await asyncio.sleep(5)
        release_for_another(me.kube)
        await asyncio.sleep(1)
    none_before, dead, released = idle
    assert (none_before, released) == (0, 0)
    assert 15 < dead < 16
    assert me.terms() == [(True, 1), (False, 1), (True, 2), (False, 2), (True, 3)]
    assert [view.leader for view in me.told] == ["me", "other", "me", "other", "me"]


@pytest.mark.parametrize("single", [True, False])
async def test_frozen_process_may_not_act_once_it_wakes(*, single: bool) -> None:
    frozen = Frozen()
    me = Candidate(clock=Clock(wall, frozen.monotonic))
    async with me.running(1):
        assert me.may_act()
        if not single:
            renew_for_another(me.kube)
        frozen.seconds = 60
        assert me.holds(), "it knows nothing of it"
        assert not me.may_act()
        await asyncio.sleep(5)
        assert me.may_act() is single
        assert me.lease.view.by_another is not single
    assert me.terms() == [(True, 1), (False, 1), (single, 1)]
