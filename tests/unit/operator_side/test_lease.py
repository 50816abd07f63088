"""The Lease in virtual time: taken, renewed, waited for, released and left."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from dkron_crds.kube.client import KubeClient
from dkron_crds.kube.errors import Rejected, Unavailable
from dkron_crds.kube.paths import LEASES
from dkron_crds.lease import leave_key
from dkron_operator.clock import Clock
from dkron_operator.lease import Lease, Replica
from dkron_operator.plan.leader import Leadership
from tests.support.edges import wall
from tests.support.fake_kube import FakeKube

pytestmark = pytest.mark.looptime
FORBIDDEN = Rejected('leases "dkron" is forbidden', status=403)


def monotonic() -> float:
    return asyncio.get_running_loop().time()


class Candidate:
    """A replica that takes part, and what it has told."""

    def __init__(self, kube: FakeKube, identity: str = "me") -> None:
        self.told: list[Leadership] = []
        self.lease = Lease(
            cast("KubeClient", kube),
            Replica(identity, "10.0.0.1", "1.2.3"),
            namespace="home",
            clock=Clock(wall, monotonic),
            changed=self.told.append,
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
    assert me.told == [Leadership(leader="me", held=True)]


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
        await asyncio.sleep(16)
        assert held(kube)["holderIdentity"] == "other", "its clock does not matter"
        await asyncio.sleep(2)
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
        await holder.lease.release()
        await asyncio.sleep(2.5)
        assert waiting.lease.view.held


async def test_an_orderly_stop_releases_it() -> None:
    kube = FakeKube()
    me = Candidate(kube)
    async with me.running():
        await asyncio.sleep(1)
    await me.lease.release(stopped=True)
    assert "holderIdentity" not in held(kube)
    assert me.told[-1] == Leadership(leader="", held=False, stopped=True)


async def test_what_another_holds_is_not_released() -> None:
    kube = FakeKube()
    renew_for_another(kube, "t")
    me = Candidate(kube)
    async with me.running():
        await asyncio.sleep(1)
    await me.lease.release(stopped=True)
    assert held(kube)["holderIdentity"] == "other"
    assert kube.calls == ["get leases dkron"]


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
    assert me.told[-1] == Leadership(leader="me", held=True, left=True)
    await me.lease.release()
    assert "holderIdentity" not in held(kube)
    assert me.told[-1] == Leadership(leader="", held=False, left=True)


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
            assert me.told == [Leadership(trouble='leases "dkron" is forbidden')]
            await asyncio.sleep(30)
    assert me.told[-1] == Leadership(leader="me", held=True)


async def test_an_outage_is_said_once_and_ends_our_lease_in_time(caplog: pytest.LogCaptureFixture) -> None:
    kube = FakeKube()
    me = Candidate(kube)
    with caplog.at_level(logging.WARNING):
        async with me.running():
            await asyncio.sleep(1)
            kube.fail("patch leases", Unavailable("no answer"))
            kube.fail("get leases", *[Unavailable("no answer")] * 20)
            await asyncio.sleep(13)
            assert me.holds(), "nobody else can have it yet"
            await asyncio.sleep(5)
            assert not me.holds()
            await asyncio.sleep(30)
            assert me.holds()
    assert [record.levelname for record in caplog.records] == ["WARNING"]


async def test_a_request_without_an_answer_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    kube = FakeKube()
    me = Candidate(kube)

    async def hang(*_: object) -> None:
        await asyncio.sleep(3600)

    async with me.running():
        await asyncio.sleep(1)
        with monkeypatch.context() as patched:
            patched.setattr(kube, "patch", hang)
            await asyncio.sleep(7)
        assert "within 5 s" in me.lease.view.trouble
        await asyncio.sleep(2)
        assert me.lease.view == Leadership(leader="me", held=True)


async def test_a_lease_that_cannot_be_released_is_no_reason_to_fail() -> None:
    kube = FakeKube()
    me = Candidate(kube)
    async with me.running():
        await asyncio.sleep(1)
    kube.fail("get leases", Unavailable("no answer"))
    await me.lease.release(stopped=True)
    assert not me.lease.view.held
