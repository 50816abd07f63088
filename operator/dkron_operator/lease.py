"""The Lease: one replica holds it, and says so every two seconds. It shows who leads, and by it a replica is asked to
leave. What may be done is not decided here: names decide (docs/adr/0001).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from dkron_crds.kube.client import KubeClient
from dkron_crds.kube.errors import AlreadyExists, Conflict, KubeError, NotFound, Rejected, Unavailable
from dkron_crds.kube.paths import LEASES
from dkron_crds.lease import ADDRESS, INSTALLATION, LEASE_SECONDS, VERSION, leave_key
from dkron_operator.clock import Clock
from dkron_operator.plan.leader import Act, Held, Leadership, Watched, decide, read_lease, watched
from dkron_operator.spells import Spell

Object = dict[str, Any]
T = TypeVar("T")
log = logging.getLogger(__name__)

PERIOD, SOON, WITHOUT_RIGHTS = 2.0, 0.2, 30.0
"""Seconds until the Lease is looked at again: mostly, when somebody wrote first, and when it is forbidden."""
TIMEOUT = 5.0
"""Seconds for one request: a second one has to fit into the life of a Lease."""


@dataclass(frozen=True, slots=True)
class Replica:
    """This process, as the Lease shows it."""

    identity: str
    address: str
    version: str


class Lease:
    """Takes part in holding the Lease of a namespace. `changed` is told when another leads, or how else
    this stands."""

    def __init__(
        self,
        client: KubeClient,
        replica: Replica,
        *,
        namespace: str,
        clock: Clock,
        changed: Callable[[Leadership], None],
    ) -> None:
        self.view = Leadership()
        self._client = client
        self._replica = replica
        self._namespace = namespace
        self._clock = clock
        self._changed = changed
        self._ours: Held | None = None
        self._watched: Watched | None = None
        self._newcomer = True
        self._seen_at = float("-inf")
        self._spell = Spell(log, f"Lease {namespace}/{INSTALLATION}")

    async def run(self) -> None:
        """Hold it or wait for it. Returns when this replica was asked to leave."""
        while True:
            pause = await self._turn()
            if self.view.left:
                return
            await asyncio.sleep(pause)

    async def release(self, *, stopped: bool = False) -> None:
        """Let another have it at once. Best effort: it is over in seconds anyway."""
        held = self.view.held
        leader = "" if held else self.view.leader
        self._tell(replace(self.view, held=False, leader=leader, stopped=stopped))
        if not held:
            return
        try:
            lease = await self._read()
            if lease is not None and lease.holder == self._replica.identity:
                await self._patch(lease, {"holderIdentity": None})
                log.info("released the Lease")
        except KubeError as exc:
            self._spell.goes_on(exc)

    async def _turn(self) -> float:
        """One look, and what follows from it; returns seconds until the next."""
        began = self._clock.monotonic()
        try:
            act, lease = await self._look()
        except (Conflict, AlreadyExists):
            self._ours = None
            return SOON
        except KubeError as exc:
            self._fail(exc)
            return WITHOUT_RIGHTS if isinstance(exc, Rejected) else PERIOD
        self._seen_at = began
        self._spell.is_over()
        if act is Act.RETURN:
            return SOON
        self._newcomer = False
        held = lease.holder == self._replica.identity
        self._ours = lease if held else None
        self._tell(Leadership(leader=lease.holder, held=held, left=act is Act.LEAVE))
        return PERIOD

    async def _look(self) -> tuple[Act, Held]:
        # As long as it is ours, nobody can write without our next write failing: it need not be read before.
        lease = self._ours or await self._read()
        now = self._clock.monotonic()
        self._watched = None if lease is None else watched(lease, self._watched, now=now)
        identity = self._replica.identity
        act = decide(lease, self._watched, identity=identity, now=now, newcomer=self._newcomer)
        return act, await self._do(act, lease)

    async def _do(self, act: Act, lease: Held | None) -> Held:
        if lease is None:
            return await self._create()
        match act:
            case Act.TAKE:
                now = self._now()
                taken = {"acquireTime": now, "leaseTransitions": lease.transitions + 1}
                return await self._patch(lease, {**self._spec(), **taken}, notes=self._notes())
            case Act.RENEW:
                return await self._patch(lease, self._spec(), notes=self._notes())
            case Act.RETURN:
                return await self._patch(lease, {}, notes={leave_key(self._replica.identity): None})
            case _:
                return lease

    async def _read(self) -> Held | None:
        try:
            return read_lease(await _in_time(self._client.get(LEASES, self._namespace, INSTALLATION)))
        except NotFound:
            return None

    async def _create(self) -> Held:
        spec = {**self._spec(), "acquireTime": self._now(), "leaseTransitions": 0}
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": INSTALLATION, "namespace": self._namespace, "annotations": self._notes()},
            "spec": spec,
        }
        return read_lease(await _in_time(self._client.create(LEASES, self._namespace, body)))

    async def _patch(self, lease: Held, spec: Object, *, notes: Object | None = None) -> Held:
        body = {"metadata": {"resourceVersion": lease.version, "annotations": notes or {}}, "spec": spec}
        try:
            return read_lease(await _in_time(self._client.patch(LEASES, self._namespace, INSTALLATION, body)))
        except NotFound as exc:
            raise Conflict("somebody has deleted the Lease", status=exc.status) from exc

    def _spec(self) -> Object:
        return {
            "holderIdentity": self._replica.identity,
            "leaseDurationSeconds": LEASE_SECONDS,
            "renewTime": self._now(),
        }

    def _notes(self) -> Object:
        return {ADDRESS: self._replica.address, VERSION: self._replica.version}

    def _now(self) -> str:
        """A MicroTime always has six digits."""
        return self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def _fail(self, exc: KubeError) -> None:
        self._spell.goes_on(exc)
        self._ours = None
        known = self._clock.monotonic() - self._seen_at <= LEASE_SECONDS
        view = self.view if known else Leadership()
        self._tell(replace(view, trouble=str(exc)))

    def _tell(self, view: Leadership) -> None:
        before, self.view = self.view, view
        if view.held and not before.held:
            log.info("holds the Lease", extra={"identity": self._replica.identity, "namespace": self._namespace})
        if view != before:
            self._changed(view)


async def _in_time(answer: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(TIMEOUT):
            return await answer
    except TimeoutError:
        raise Unavailable(f"no answer from the API server within {TIMEOUT:.0f} s") from None
