"""The Lease: one of several replicas holds it and acts. The others keep their caches warm and wait.

The Lease keeps two replicas from doing the same work. It is not what prevents double runs: deterministic names do
(docs/adr/0001, docs/adr/0026).
"""

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar

from dkron_crds.lease import ADDRESS, INSTALLATION, VERSION, leave_key
from dkron_kube.client import KubeClient
from dkron_kube.errors import AlreadyExists, Conflict, KubeError, NotFound, Unavailable
from dkron_kube.paths import LEASES
from dkron_operator.kit.clock import Clock
from dkron_operator.kit.listeners import Listeners
from dkron_operator.kit.log_once import LogOnce
from dkron_operator.kit.rollback import Compare, ignore_versions
from dkron_operator.leader.election import Act, Leadership, LeaseState, Terms, Watched, decide, read_lease, watched

Object = dict[str, Any]
T = TypeVar("T")
log = logging.getLogger(__name__)

DEFAULT = Terms()
MOST_TIMES = 4
"""A warning is logged if the Lease of another replica lasts more than this many times as long as ours."""
RELEASES = 3
"""How often to try to release the Lease if another write comes first."""
SOON, WITHOUT_RIGHTS = 0.2, 30.0
"""Seconds until the Lease is read again after a conflict, and after a refusal."""
PAST = 0.01
"""How many seconds after the Lease of another replica expires it is read."""


@dataclass(frozen=True, slots=True)
class Replica:
    """This process, as the Lease shows it."""

    identity: str
    address: str
    version: str


class Lease:
    """Takes part in the election for the Lease of a namespace, on these `terms`."""

    def __init__(
        self,
        client: KubeClient,
        replica: Replica,
        *,
        namespace: str,
        clock: Clock,
        terms: Terms = DEFAULT,
        compare: Compare = ignore_versions,
    ) -> None:
        self.view = Leadership()
        self._client = client
        self._replica = replica
        self._namespace = namespace
        self._clock = clock
        self.on_change: Listeners[[Leadership]] = Listeners()
        """Called with the new state when the leadership changes."""
        self._terms = terms
        self._ours: LeaseState | None = None
        self._watched: Watched | None = None
        self._newcomer = True
        self._seen_at = self._renewed_at = float("-inf")
        self._version = 0
        self._compare_versions = compare
        self._log_once = LogOnce(log, f"Lease {namespace}/{INSTALLATION}")

    def may_act(self) -> bool:
        """Whether this replica may write now. Each write asks, so a process that was frozen notices at once."""
        held = self.view.held and self._clock.monotonic() - self._renewed_at < self._terms.renew_deadline
        return held or self.view.free

    @property
    def idle(self) -> timedelta:
        """For how long no replica was seen to lead, at the moment at which this replica begins to."""
        return timedelta(seconds=self._clock.monotonic() - self._watched.since if self._watched else 0.0)

    async def run(self) -> None:
        """Hold the Lease or wait for it. Returns when this replica was asked to leave."""
        while True:
            began = self._clock.monotonic()
            period = await self._turn()
            if self.view.left:
                return
            # An answer that took long does not delay the next renewal.
            await asyncio.sleep(max(0.0, began + period - self._clock.monotonic()))

    async def release(self, *, stopped: bool = False) -> None:
        """Release the Lease, so that another replica can take it at once. Best effort: it expires in seconds anyway."""
        held = self.view.held
        self._report(self.view.ended(stopped=stopped))
        if not held:
            return
        for _ in range(RELEASES):
            try:
                lease = await self._read()
                if lease is not None and lease.holder == self._replica.identity:
                    await self._patch(lease, {"holderIdentity": None})
                    log.info("released the Lease")
            except Conflict:
                # The Lease has our own last renewal, whose answer was not awaited.
                continue
            except KubeError as exc:
                self._log_once.goes_on(exc)
            return

    async def _turn(self) -> float:
        """Read the Lease once and act on it; returns the seconds from its beginning to the next turn."""
        began = self._clock.monotonic()
        try:
            act, lease = await self._look()
            sent = self._clock.monotonic()
            lease = await self._do(act, lease)
        except (Conflict, AlreadyExists):
            self._ours = None
            return SOON
        except KubeError as exc:
            return self._fail(exc)
        self._seen_at = began
        self._log_once.is_over()
        if lease is not None:
            # Each replica reads or writes the Lease about once a second, so a restore of etcd shows here first.
            found, known, self._version = int(lease.version), self._version, int(lease.version)
            self._compare_versions(f"Lease {self._namespace}/{INSTALLATION}", known=known, found=found)
        if act is Act.RETURN:
            return SOON
        if lease is None:
            return self._until_expiry(began)
        new_term, self._newcomer = self._newcomer or act is not Act.RENEW, False
        self._lapse()
        if act is Act.LEAVE:
            view = self.view if self.view.held else self.view.waits(lease.holder)
            self._report(replace(view, left=True))
        elif act is Act.WAIT:
            self._report(self.view.waits(lease.holder))
        else:
            self._ours, self._renewed_at = lease, sent
            self._report(self.view.holds(lease.holder, new_term=new_term))
        return self._terms.retry_period if self.view.held else self._until_expiry(began)

    async def _look(self) -> tuple[Act, LeaseState | None]:
        # While it is ours, any other write makes our next one fail, so it need not be read first.
        lease = self._ours or await self._read()
        now = self._clock.monotonic()
        self._watched = watched(lease, self._watched, now=now, answered=self._seen_at, terms=self._terms)
        act = decide(
            lease, self._watched, identity=self._replica.identity, now=now, newcomer=self._newcomer,
            duration=self._terms.duration,
        )  # fmt: skip
        return act, lease

    def _until_expiry(self, began: float) -> float:
        """The seconds from the beginning of a turn until a waiting replica looks again."""
        expiry = self._watched.expiry if self._watched else float("inf")
        return min(self._terms.glance, max(expiry + PAST - began, PAST))

    async def _do(self, act: Act, lease: LeaseState | None) -> LeaseState | None:
        if lease is None:
            return await self._create() if act is Act.CREATE else None
        match act:
            case Act.TAKE:
                taken = {"acquireTime": self._now(), "leaseTransitions": lease.transitions + 1}
                return await self._patch(lease, {**self._spec(), **taken}, notes=self._notes())
            case Act.RENEW:
                return await self._patch(lease, self._spec(), notes=self._notes())
            case Act.RETURN:
                return await self._patch(lease, {}, notes={leave_key(self._replica.identity): None})
            case _:
                return lease

    async def _read(self) -> LeaseState | None:
        try:
            return read_lease(await self._in_time(self._client.get(LEASES, self._namespace, INSTALLATION)))
        except NotFound:
            return None

    async def _create(self) -> LeaseState:
        spec = {**self._spec(), "acquireTime": self._now(), "leaseTransitions": 0}
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": INSTALLATION, "namespace": self._namespace, "annotations": self._notes()},
            "spec": spec,
        }
        return read_lease(await self._in_time(self._client.create(LEASES, self._namespace, body)))

    async def _patch(self, lease: LeaseState, spec: Object, *, notes: Object | None = None) -> LeaseState:
        body = {"metadata": {"resourceVersion": lease.version, "annotations": notes or {}}, "spec": spec}
        try:
            return read_lease(await self._in_time(self._client.patch(LEASES, self._namespace, INSTALLATION, body)))
        except NotFound as exc:
            raise Conflict("the Lease was deleted", status=exc.status) from exc

    def _spec(self) -> Object:
        return {
            "holderIdentity": self._replica.identity,
            "leaseDurationSeconds": self._terms.duration,
            "renewTime": self._now(),
        }

    def _notes(self) -> Object:
        return {ADDRESS: self._replica.address, VERSION: self._replica.version}

    def _now(self) -> str:
        """A MicroTime always has six digits."""
        return self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def _fail(self, exc: KubeError) -> float:
        """Handle a missing answer or a refusal; returns the seconds until the next try."""
        self._log_once.goes_on(exc)
        self._ours = None
        self._lapse()
        known = self._clock.monotonic() - self._seen_at <= self._terms.duration
        if not isinstance(exc, Unavailable) and not (known and self.view.by_another):
            # Without permission on Leases, act anyway: deterministic names keep that safe.
            self._report(self.view.goes_free(str(exc)))
            return WITHOUT_RIGHTS
        view = self.view if known or self.view.free else self.view.waits()
        self._report(replace(view, trouble=str(exc)))
        return self._terms.retry_period / 2

    def _lapse(self) -> None:
        """Report it if the last renewal is too long ago."""
        if self.view.held and not self.may_act():
            age = round(self._clock.monotonic() - self._renewed_at, 1)
            log.warning("cannot renew the Lease for %g s: this replica does nothing until it can", age)
            self._report(self.view.waits())

    def _report(self, view: Leadership) -> None:
        before, self.view = self.view, view
        if view == before:
            return
        if view.held and not before.held:
            log.info("holds the Lease", extra={"identity": self._replica.identity, "namespace": self._namespace})
        if view.by_another and view.leader != before.leader:
            self._report_leader(view.leader)
        self.on_change(view)

    def _report_leader(self, leader: str) -> None:
        seconds = self._watched.seconds if self._watched else self._terms.duration
        log.info("waiting: %s holds the Lease", leader, extra={"identity": self._replica.identity, "seconds": seconds})
        if seconds > MOST_TIMES * self._terms.duration:
            log.warning(
                "the Lease %s/%s, held by %s, lasts %d s; this operator's own lasts %d s. If its holder is gone, "
                "nothing fires until it expires: set spec.holderIdentity to null if no operator uses it",
                self._namespace, INSTALLATION, leader, seconds, self._terms.duration,
            )  # fmt: skip

    async def _in_time(self, answer: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._terms.patience):
                return await answer
        except TimeoutError:
            raise Unavailable(f"no answer from the API server within {self._terms.patience:g} s") from None
