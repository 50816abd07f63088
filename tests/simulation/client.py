"""A process' substitute for `KubeClient`: the world at the other end of the network."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Self

from dkron_executors.result import Result
from dkron_kube import client as kube_client
from dkron_kube.client import Call
from dkron_kube.errors import KubeError, NotLeader, Rejected, Unavailable
from dkron_kube.paths import (
    DKRON_BACKFILLS,
    DKRON_PAUSES,
    DKRON_POOLS,
    DKRON_RUNS,
    LEASES,
    NODES,
    PODS,
    TOKEN_REQUESTS,
    Resource,
)
from tests.simulation.dice import Dice
from tests.simulation.network import Ill, Network, Trouble
from tests.support.world import Event, Object, Token, World, refused

TIMEOUT = 5.0
"""The longest that a request without an answer takes, in seconds."""
WRITES = frozenset({"create", "try", "patch", "write", "delete"})
UNGUARDED = frozenset({LEASES, TOKEN_REQUESTS})
RETRY_AFTER = 2
SHORT = 1
"""Objects in a short page: in a story there are few."""
BETWEEN_PAGES = 0.6
"""The longest time between two pages, in seconds."""
TOO_MANY = 429
LATE, FROZEN, LONGEST_CALL = 0.05, 0.5, 0.8
"""Seconds by which a watch of nodes, runs, pauses or pools is late, between two looks whether it tells something again,
and that an inline call takes at most."""
WATCHED = (NODES, DKRON_BACKFILLS, DKRON_PAUSES, DKRON_POOLS, DKRON_RUNS, PODS)


class WorldClient:
    """The interface of `KubeClient`, for one process of a replica. `told` is told each call with its answer, and
    `writing` each write when it begins. The dice `aside` are for calls about a kind that they name, so that all other
    calls go as they would without."""

    def __init__(
        self, world: World, network: Network, dice: Dice, *, aside: Mapping[Resource, Dice], replica: str,
        told: Callable[[str], None], writing: Callable[[Resource, str], None],
    ) -> None:  # fmt: skip
        self.calls: Counter[Call] = Counter()
        self._may_write: Callable[[], bool] = lambda: True
        self.begins: Callable[[str], None] = lambda _: None
        self.done: Callable[[str], None] = lambda _: None
        self.writes: list[tuple[float, str]] = []
        self.closed = False
        self._world = world
        self._network = network
        self._dice = dice
        self._aside = aside
        self._replica = replica
        self._told = told
        self._writing = writing
        self._loop = asyncio.get_running_loop()

    def guarded(self, may_write: Callable[[], bool]) -> Self:
        """As in `KubeClient`. Both are one here, so the guard lets through what a replica writes without it."""
        self._may_write = may_write
        return self

    def apart(self) -> Self:
        """As in `KubeClient`. There are no connections."""
        return self

    async def close(self) -> None:
        """There is nothing to close."""

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Object:
        return await self._call("get", resource, name, lambda: self._world.get(resource, namespace, name))

    async def openapi(self, _group: str, _version: str) -> Object:
        return {}

    async def create(self, resource: Resource, namespace: str | None, body: Object, *, dry_run: bool = False) -> Object:
        return await self._call(
            "try" if dry_run else "create",
            resource,
            body["metadata"]["name"],
            lambda: self._world.create(resource, namespace, _sent(body), dry_run=dry_run),
        )

    async def patch(self, resource: Resource, namespace: str, name: str, body: Object) -> Object:
        act = lambda: self._world.patch(resource, namespace, name, _sent(body))  # noqa: E731
        return await self._call("patch", resource, name, act, meddled=(namespace, name))

    async def patch_status(
        self, resource: Resource, namespace: str, name: str, body: Object, *, whole: bool = False
    ) -> Object:
        act = lambda: self._world.patch(resource, namespace, name, _sent(body), status=True)  # noqa: E731
        answer = await self._call("write", resource, name, act, meddled=(namespace, name))
        return answer if whole else {"metadata": answer["metadata"]}

    async def delete(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        *,
        uid: str,
        version: str | None = None,
        foreground: bool = False,
    ) -> None:
        def act() -> Object:
            self._world.delete(resource, namespace, name, uid=uid, version=version, foreground=foreground)
            return {}

        await self._call("delete", resource, name, act)

    async def list(
        self,
        resource: Resource,
        namespace: str | None,
        *,
        label_selector: str | None = None,
        field_selector: str | None = None,
        metadata_only: bool = False,  # noqa: ARG002 - metadata is part of all
    ) -> AsyncIterator[Object]:
        selector = {"labelSelector": label_selector, "fieldSelector": field_selector}
        wanted = {key: value for key, value in selector.items() if value is not None}
        async for page in self.pages(resource, namespace, selector=wanted):
            for item in page["items"]:
                yield item

    async def pages(
        self,
        resource: Resource,
        namespace: str | None,
        *,
        selector: Mapping[str, str],
        metadata_only: bool = False,  # noqa: ARG002 - metadata is part of all
    ) -> AsyncIterator[Object]:
        labels, fields = selector.get("labelSelector"), selector.get("fieldSelector")
        token: Token | None = None

        def act() -> Object:
            nonlocal token
            old, limit = self._network.old(self._loop.time(), self._replica, resource.plural), kube_client.CHUNK
            if (short := self._network.pages(self._loop.time(), self._replica, resource.plural)) is not None:
                limit = SHORT
                self._network.felt(self._loop.time(), [short])
                if token is not None and self._dice.chance(short.share):
                    self._world.compact()
            items, version, token = self._world.page(
                resource, namespace, labels=labels, fields=fields, version=old, token=token, limit=limit
            )
            return {"items": items, "metadata": {"resourceVersion": str(version)}}

        while True:
            yield await self._call("list", resource, labels or fields or "", act)
            if token is None:
                return
            # The server is as slow as it is in need of room.
            await self._pass(self._dice.between(0.0, BETWEEN_PAGES))

    @asynccontextmanager
    async def watch(
        self,
        resource: Resource,
        _namespace: str | None,
        *,
        query: Mapping[str, str],
        silence: float,
        metadata_only: bool = False,  # noqa: ARG002 - metadata is part of all
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Nothing but nodes, runs, backfills, pauses, pools and pods ever changes of what is watched in this way."""
        await self._call("watch", resource, "", dict)
        if "sendInitialEvents" in query:
            raise Rejected("sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled")
        version, seconds = int(query["resourceVersion"]), min(float(query["timeoutSeconds"]), silence)
        yield self._told_of(resource, version, seconds) if resource in WATCHED else _quiet(seconds)

    async def _told_of(self, resource: Resource, version: int, seconds: float) -> AsyncIterator[bytes]:
        end, news = self._loop.time() + seconds, asyncio.Event()
        told = [event for event in self._world.since(version) if event.plural == resource.plural]

        def hear(event: Event) -> None:
            if event.plural == resource.plural:
                told.append(event)
                news.set()

        self._world.heard.append(hear)
        try:
            while (left := end - self._loop.time()) > 0:
                news.clear()
                if self._network.watch(self._loop.time(), self._replica, resource.plural, Ill.FREEZE) is None:
                    while told:
                        event = told.pop(0)
                        yield json.dumps({"type": event.kind, "object": event.body}).encode() + b"\n"
                with suppress(TimeoutError):
                    async with asyncio.timeout(FROZEN if told else left):
                        await news.wait()
                await asyncio.sleep(LATE)
        finally:
            self._world.heard.remove(hear)

    async def reach(self, name: str, answer: Callable[[], Result]) -> Result:
        """Make an inline call, which no trouble of the network meets."""
        self.writes.append((self._loop.time(), "call"))
        self.begins("call")
        await self._pass(self._dice.between(0.001, 0.02))
        result = answer()
        self.done("call")
        self._told(f"call {name}: done")
        await self._pass(self._dice.between(0.1, LONGEST_CALL))
        return result

    async def log_tail(self, resource: Resource, _namespace: str, pod: str, *, container: str, size: int) -> bytes:
        await self._call("log", resource, f"{pod}/{container}", dict)
        return b"done\n"[-(size + 1) :]

    async def follow_log(
        self,
        resource: Resource,
        _namespace: str,
        pod: str,
        *,
        container: str,
        follow: bool,  # noqa: ARG002 - it ends at once, as if the container had
        query: Mapping[str, str] | None = None,  # noqa: ARG002 - there is little of it
    ) -> AsyncGenerator[bytes]:
        await self._call("follow", resource, f"{pod}/{container}", dict)
        yield b"done\n"

    # --- the way there and back --------------------------------------------------------------------------------------

    async def _call(
        self,
        verb: str,
        resource: Resource,
        name: str,
        act: Callable[[], Object],
        *,
        meddled: tuple[str, str] | None = None,
    ) -> Object:
        if verb in WRITES and resource not in UNGUARDED and not self._may_write():
            raise NotLeader(f"{verb} {resource.plural} is not sent")
        call = f"{verb} {resource.plural}"
        if verb in WRITES:
            self.writes.append((self._loop.time(), call))
            self._writing(resource, verb)
        self.begins(call)
        met = self._network.met(self._loop.time(), self._replica, call, self._dice_of(resource))
        try:
            return await self._exchange(call, name, act, met, meddled=meddled, resource=resource)
        finally:
            self._network.felt(self._loop.time(), met.values())

    async def _exchange(
        self,
        call: str,
        name: str,
        act: Callable[[], Object],
        met: Mapping[Ill, Trouble],
        *,
        meddled: tuple[str, str] | None,
        resource: Resource,
    ) -> Object:
        dice = self._dice_of(resource)
        longest = 2.0 if Ill.SLOW in met else 0.02
        await self._pass(dice.between(0.001, longest))
        if Ill.DROP in met:
            self._told(f"{call} {name}: lost")
            await self._pass(dice.between(0.1, TIMEOUT))
            raise Unavailable("no answer")
        if Ill.REFUSE in met:
            status = met[Ill.REFUSE].status
            self._network.refuse(met[Ill.REFUSE], name)
            self._told(f"{call} {name}: refused {status}")
            raise refused(status, seconds=RETRY_AFTER if status == TOO_MANY else None)
        if Ill.MEDDLE in met and meddled is not None:
            self._meddle(resource, *meddled)
        try:
            answer = act()
        except KubeError as exc:
            self._told(f"{call} {name}: {type(exc).__name__}")
            await self._pass(dice.between(0.001, longest))
            raise
        self.done(call)
        lost = Ill.LOSE in met
        self._told(f"{call} {name}: done{', and the answer lost' if lost else ''}")
        await self._pass(dice.between(0.001, longest))
        if lost:
            await self._pass(dice.between(0.1, TIMEOUT))
            raise Unavailable("no answer")
        return answer

    def _dice_of(self, resource: Resource) -> Dice:
        return self._aside.get(resource, self._dice)

    async def _pass(self, seconds: float) -> None:
        if self.closed:
            raise Unavailable("it is over")
        await asyncio.sleep(seconds)

    def _meddle(self, resource: Resource, namespace: str, name: str) -> None:
        """A person writes something that means nothing."""
        note = {"metadata": {"annotations": {"person": f"{self._loop.time():.6f}"}}}
        try:
            self._world.patch(resource, namespace, name, note)
        except KubeError:
            return


def _sent(body: Object) -> Object:
    """As it arrives."""
    arrived: Object = json.loads(json.dumps(body))
    return arrived


async def _quiet(seconds: float) -> AsyncIterator[bytes]:
    await asyncio.sleep(seconds)
    for piece in tuple[bytes, ...]():
        yield piece
