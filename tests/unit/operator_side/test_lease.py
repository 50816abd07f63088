"""The Lease in virtual time: taken, renewed, waited for, released and left."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
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
        self,
        kube: FakeKube,
        identity: str = "me",
        *,
        terms: Terms | None = OURS,
        clock: Clock = CLOCK,
        compare: Compare = ignore_versions,
    ) -> None:
        self.told: list[Leadership] = []
        self.lease = Lease(
            cast("KubeClient", kube),
            Replica(identity, "10.0.0.1", "1.2.3"),
            namespace="home",
            clock=clock,
            changed=self.told.append,
            terms=terms,
            compare=compare,
        )

    def holds(self) -> bool:
        return self.lease.view.held

    @asynccontextmanager
    async def running(self) -> AsyncIterator["asyncio.Task[None]"]:
        task = asyncio.create_task(self.lease.run())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def held(kube: FakeKube) -> dict[str, Any]:
    spec: dict[str, Any] = kube.has(LEASES, "dkron")["spec"]
    return spec


def ask_to_leave(kube: FakeKube, identity: str = "me") -> None:
    notes = {leave_key(identity): f"2026-03-01T12:00:00Z {identity}"}
    kube.edit(LEASES, "dkron", lambda body: body["metadata"].setdefault("annotations", {}).update(notes))


def renew_for_another(kube: FakeKube, time: str) -> None:
    spec = {"holderIdentity": "other", "renewTime": time, "leaseDurationSeconds": 15, "leaseTransitions": 4}
    kube.put(LEASES, {"metadata": {"name": "dkron"}, "spec": spec})


async def test_a_lease_that_is_not_there_is_made_and_held() -> None:
    kube = FakeKube()
    me = Candidate(kube)
    async with me.running():
        await asyncio.sleep(1)
    made = kube.has(LEASES, "dkron")
    assert made["metadata"]["annotations"] == {"dkron.io/address": "10.0.0.1", "dkron.io/version": "1.2.3"}
    assert made["spec"] == {
        "holderIdentity": "me",
        "leaseDurationSeconds": 15,
        "leaseTransitions": 0,
        "acquireTime": "2026-03-01T12:00:00.000000Z",
        "renewTime": "2026-03-01T12:00:00.000000Z",
    }
    assert me.told == [ME]


async def test_it_is_renewed_every_two_seconds_by_one_request() -> None:
    kube = FakeKube()
    me = Candidate(kube)
    async with me.running():
        await asyncio.sleep(10.5)
    assert kube.calls == ["get leases dkron", "create leases dkron", *["patch leases dkron"] * 5]
    assert held(kube)["renewTime"] == "2026-03-01T12:00:10.000000Z"
    assert len(me.told) == 1, "a renewal is no news"


async def test_that_of_another_is_taken_when_it_was_not_renewed_for_its_time() -> None:
    kube = FakeKube()
    renew_for_another(kube, "2020-01-01T00:00:00.000000Z")
    me = Candidate(kube)
    async with me.running():
        await asyncio.sleep(9)
        renew_for_another(kube, "2020-01-01T00:00:09.000000Z")
        await asyncio.sleep(15)
        assert held(kube)["holderIdentity"] == "other", "its clock does not matter"
        await asyncio.sleep(1.1)
        assert held(kube)["holderIdentity"] == "me"
    assert held(kube)["leaseTransitions"] == 5
    assert [(view.leader, view.held) for view in me.told] == [("other", False), ("me", True)]


async def test_another_holds_it_soon_after_it_was_released() -> None:
    kube = FakeKube()
    first, second = Candidate(kube, "first"), Candidate(kube, "second")
    async with second.running():
        async with first.running():
            await asyncio.sleep(20)
        holder, waiting = (first, second) if first.lease.view.held else (second, first)
        assert not waiting.lease.view.held
        assert waiting.lease.view.by_another
    async with waiting.running():
        await asyncio.sleep(0.1)
        await holder.lease.release()
        await asyncio.sleep(0.5)
        assert waiting.lease.view.held


async def test_an_orderly_stop_releases_it() -> None:
    kube = FakeKube()
    me = Candidate(kube)
    async with me.running():
        await asyncio.sleep(1)
    await me.lease.release(stopped=True)
    assert "holderIdentity" not in held(kube)
    assert me.told[-1] == Leadership(stopped=True, term=1)


async def test_what_another_holds_is_not_released() -> None:
    kube = FakeKube()
    renew_for_another(kube, "t")
    me = Candidate(kube)
    async with me.running():
        await asyncio.sleep(1)
    await me.lease.release(stopped=True)
    assert held(kube)["holderIdentity"] == "other"
    assert set(kube.calls) == {"get leases dkron"}


async def test_what_was_taken_by_another_meanwhile_is_not_released() -> None:
    kube = FakeKube()
    me = Candidate(kube)
    async with me.running():
        await asyncio.sleep(1)
    renew_for_another(kube, "t")
    await me.lease.release()
    assert held(kube)["holderIdentity"] == "other"


async def test_asked_to_leave_it_ends_and_never_takes_it_again() -> None:
    kube = FakeKube()
    me = Candidate(kube)
    async with me.running() as task:
        await asyncio.sleep(5)
        ask_to_leave(kube)
        await asyncio.wait_for(task, 3)
    assert me.told[-1] == replace(ME, left=True)
    await me.lease.release()
    assert "holderIdentity" not in held(kube)
    assert me.told[-1] == Leadership(left=True, term=1)


async def test_asked_to_leave_without_holding_it_it_ends_too() -> None:
    kube = FakeKube()
    renew_for_another(kube, "t")
    me = Candidate(kube)
    async with me.running() as task:
        await asyncio.sleep(1)
        ask_to_leave(kube)
        await asyncio.wait_for(task, 3)
    await me.lease.release()
    assert held(kube)["holderIdentity"] == "other"


async def test_another_that_is_asked_to_leave_does_not_concern_us() -> None:
    kube = FakeKube()
    me = Candidate(kube)
    async with me.running() as task:
        await asyncio.sleep(1)
        ask_to_leave(kube, "other")
        await asyncio.sleep(5)
        assert not task.done()
    assert held(kube)["renewTime"] > "2026-03-01T12:00:04"


async def test_a_restart_takes_back_that_it_was_asked_to_leave() -> None:
    kube = FakeKube()
    kube.put(LEASES, {"metadata": {"name": "dkron", "annotations": {"somebody": "else's"}}, "spec": {}})
    ask_to_leave(kube)
    me = Candidate(kube)
    async with me.running() as task:
        await asyncio.sleep(1)
        assert not task.done()
    notes = kube.has(LEASES, "dkron")["metadata"]["annotations"]
    assert leave_key("me") not in notes
    assert notes["somebody"] == "else's"
    assert held(kube)["holderIdentity"] == "me"


async def test_a_lease_that_somebody_has_changed_is_read_again() -> None:
    kube = FakeKube()
    me = Candidate(kube)
    async with me.running():
        await asyncio.sleep(1)
        kube.edit(LEASES, "dkron", lambda body: body["metadata"].update(labels={"a": "b"}))
        await asyncio.sleep(2)
    assert kube.calls[-3:] == ["patch leases dkron", "get leases dkron", "patch leases dkron"]
    assert len(me.told) == 1


async def test_a_lease_that_somebody_has_deleted_is_made_again() -> None:
    kube = FakeKube()
    me = Candidate(kube)
    async with me.running():
        await asyncio.sleep(1)
        del kube.objects["leases", "dkron"]
        await asyncio.sleep(2)
    assert held(kube)["holderIdentity"] == "me"


async def test_without_the_right_it_is_said_once_and_tried_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    kube = FakeKube()
    kube.fail("get leases", *[FORBIDDEN] * 10)
    me = Candidate(kube)
    with caplog.at_level(logging.INFO):
        async with me.running():
            await asyncio.sleep(290)
            assert len(kube.calls) == 10
            assert [record.levelname for record in caplog.records] == ["WARNING"]
            assert 'leases "dkron" is forbidden' in caplog.text
            assert me.told == [Leadership(free=True, trouble='leases "dkron" is forbidden', term=1)]
            await asyncio.sleep(30)
            assert me.lease.may_act(), "it goes on, from one to the other"
    assert me.told[-1] == ME


async def test_an_outage_is_said_once_and_ends_our_lease_in_time(caplog: pytest.LogCaptureFixture) -> None:
    kube = FakeKube()
    me = Candidate(kube)
    with caplog.at_level(logging.WARNING):
        async with me.running():
            await asyncio.sleep(1)
            kube.fail("patch leases", Unavailable("no answer"))
            kube.fail("get leases", *[Unavailable("no answer")] * 20)
            await asyncio.sleep(8.9)
            assert me.lease.may_act()
            await asyncio.sleep(0.2)
            assert not me.lease.may_act(), "five seconds before another may take it"
            await asyncio.sleep(2)
            assert not me.holds()
            await asyncio.sleep(30)
            assert me.lease.may_act()
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert "this replica does nothing until it can" in caplog.text
    assert [(view.acts, view.term) for view in me.told[-1:]] == [(True, 1)], "nobody else has acted meanwhile"


async def test_a_request_without_an_answer_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    kube = FakeKube()
    me = Candidate(kube)

    async def hang(*_: object) -> None:
        await asyncio.sleep(3600)

    async with me.running():
        await asyncio.sleep(1)
        with monkeypatch.context() as patched:
            patched.setattr(kube, "patch", hang)
            await asyncio.sleep(6)
        assert "within 4.5 s" in me.lease.view.trouble
        await asyncio.sleep(2)
        assert me.lease.view == ME


async def test_a_lease_that_cannot_be_released_is_no_reason_to_fail() -> None:
    kube = FakeKube()
    me = Candidate(kube)
    async with me.running():
        await asyncio.sleep(1)
    kube.fail("get leases", Unavailable("no answer"))
    await me.lease.release(stopped=True)
    assert not me.lease.view.held


# --- who may act ---------------------------------------------------------------------------------------------------


async def test_who_waits_may_not_act_and_who_was_elected_may() -> None:
    kube = FakeKube()
    first, second = Candidate(kube, "first"), Candidate(kube, "second")
    assert not first.lease.may_act(), "nobody knows yet"
    async with first.running():
        await asyncio.sleep(0.1)
        async with second.running():
            await asyncio.sleep(60)
            assert (first.lease.may_act(), second.lease.may_act()) == (True, False)


async def test_for_how_long_nobody_has_led() -> None:
    kube, idle = FakeKube(), []
    me = Candidate(kube)
    me.lease._changed = lambda view: idle.append(me.lease.idle.total_seconds()) if view.acts else None
    async with me.running():
        await asyncio.sleep(1)
        renew_for_another(kube, "dies")
        await asyncio.sleep(30)
        renew_for_another(kube, "goes in order")
        await asyncio.sleep(5)
        kube.edit(LEASES, "dkron", lambda body: body["spec"].pop("holderIdentity"))
        await asyncio.sleep(1)
    none_before, dead, released = idle
    assert (none_before, released) == (0, 0)
    assert 15 < dead < 16


async def test_a_process_that_was_frozen_may_not_act_from_the_moment_it_wakes() -> None:
    kube = FakeKube()
    frozen = Frozen()
    me = Candidate(kube, clock=Clock(wall, frozen.monotonic))
    async with me.running():
        await asyncio.sleep(1)
        assert me.lease.may_act()
        renew_for_another(kube, "t")
        frozen.seconds = 60
        assert me.lease.view.held, "it knows nothing of it"
        assert not me.lease.may_act()
        await asyncio.sleep(5)
        assert me.lease.view.by_another


async def test_a_process_that_was_frozen_while_nobody_else_was_there_goes_on_in_the_same_term() -> None:
    kube = FakeKube()
    frozen = Frozen()
    me = Candidate(kube, clock=Clock(wall, frozen.monotonic))
    async with me.running():
        await asyncio.sleep(1)
        frozen.seconds = 60
        await asyncio.sleep(2)
        assert me.lease.may_act()
    assert [(view.acts, view.term) for view in me.told] == [(True, 1), (False, 1), (True, 1)]


async def test_one_who_leads_again_after_another_is_in_another_term() -> None:
    kube = FakeKube()
    me = Candidate(kube)
    async with me.running():
        await asyncio.sleep(1)
        renew_for_another(kube, "t")
        await asyncio.sleep(5)
        assert not me.lease.may_act()
        kube.edit(LEASES, "dkron", lambda body: body["spec"].pop("holderIdentity"))
        await asyncio.sleep(1)
    assert [(view.leader, view.acts, view.term) for view in me.told] == [
        ("me", True, 1), ("other", False, 1), ("me", True, 2),
    ]  # fmt: skip


async def test_a_lease_that_somebody_deletes_is_not_taken_from_its_holder() -> None:
    kube = FakeKube()
    first, second = Candidate(kube, "first"), Candidate(kube, "second")
    async with first.running():
        await asyncio.sleep(0.1)
        async with second.running():
            await asyncio.sleep(5)
            del kube.objects["leases", "dkron"]
            await asyncio.sleep(10)
            assert (first.lease.may_act(), second.lease.may_act()) == (True, False)


async def test_a_lease_that_somebody_deletes_after_its_holder_has_died_is_made_in_time() -> None:
    kube = FakeKube()
    me = Candidate(kube)
    renew_for_another(kube, "t")
    async with me.running():
        await asyncio.sleep(2)
        del kube.objects["leases", "dkron"]
        await asyncio.sleep(12)
        assert not me.lease.may_act()
        await asyncio.sleep(2)
        assert me.lease.may_act()


async def test_a_lease_that_lives_for_an_hour_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    kube = FakeKube()
    spec = {"holderIdentity": "stranger", "renewTime": "t", "leaseDurationSeconds": 3600}
    kube.put(LEASES, {"metadata": {"name": "dkron"}, "spec": spec})
    me = Candidate(kube)
    with caplog.at_level(logging.INFO):
        async with me.running():
            await asyncio.sleep(60)
            assert [record.levelname for record in caplog.records] == ["INFO", "WARNING"]
            assert "home/dkron, held by stranger, lasts 3600 s; this operator's own lasts 15 s" in caplog.text
            del kube.objects["leases", "dkron"]
            await asyncio.sleep(1)
            assert me.lease.may_act(), "it belonged to nobody"


async def test_who_loses_the_right_while_another_leads_waits_until_that_one_is_silent() -> None:
    kube = FakeKube()
    renew_for_another(kube, "t")
    me = Candidate(kube)
    async with me.running():
        await asyncio.sleep(1.1)
        kube.fail("get leases", *[FORBIDDEN] * 100)
        await asyncio.sleep(14)
        assert not me.lease.may_act()
        await asyncio.sleep(3)
        assert me.lease.may_act()
    assert me.told[-1] == Leadership(free=True, trouble=str(FORBIDDEN), term=1)


async def test_without_election_it_acts_and_asks_nobody() -> None:
    kube = FakeKube()
    me = Candidate(kube, terms=None)
    async with me.running():
        await asyncio.sleep(100)
        assert me.lease.may_act()
        await me.lease.release(stopped=True)
        assert not me.lease.may_act()
    assert kube.calls == []
    assert me.told[0] == Leadership(free=True, term=1)


async def test_a_release_comes_after_our_own_last_renewal() -> None:
    kube = FakeKube()
    me = Candidate(kube)
    async with me.running():
        await asyncio.sleep(1)

    def renewed() -> None:
        kube.edit(LEASES, "dkron", lambda body: body["spec"].update(renewTime="late"))

    kube.meanwhile("patch leases", renewed)
    await me.lease.release(stopped=True)
    assert "holderIdentity" not in held(kube)


async def test_a_renewal_counts_from_its_beginning_for_another_may_have_seen_it_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kube = FakeKube()
    me = Candidate(kube)
    patch = kube.patch

    async def slowly(*args: Any) -> Any:
        answer = await patch(*args)
        await asyncio.sleep(4)
        return answer

    async with me.running():
        await asyncio.sleep(1)
        monkeypatch.setattr(kube, "patch", slowly)
        await asyncio.sleep(5.5)
        renewed = monotonic() - 4.5
        assert wall_of(held(kube)) == pytest.approx(renewed)
        kube.fail("patch leases", *[Unavailable("no answer")] * 9)
        kube.fail("get leases", *[Unavailable("no answer")] * 20)
        await asyncio.sleep(renewed + 9.9 - monotonic())
        assert me.lease.may_act()
        await asyncio.sleep(renewed + 10.1 - monotonic())
        assert not me.lease.may_act()


def wall_of(spec: dict[str, Any]) -> float:
    """When the Lease was renewed last, in seconds of the test."""
    return monotonic() - (wall() - datetime.fromisoformat(spec["renewTime"])).total_seconds()
