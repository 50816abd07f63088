"""Election: what a replica does about the Lease as it was read, and how long it was unchanged."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

from dkron_crds.lease import LEASE_SECONDS, leave_key

Object = Mapping[str, Any]

JITTER = 1.2
"""How much longer than configured a retry may take, as in client-go."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How the Lease is held, in seconds."""

    duration: int = LEASE_SECONDS
    """No other replica takes the Lease until it has seen it unchanged for this long."""

    renew_deadline: float = 4.0
    """The holder acts until this long after its last renewal."""

    retry_period: float = 1.0
    """The time between two renewals of the holder."""

    @property
    def in_order(self) -> bool:
        """Whether a holder stops before another begins, and retries before it stops."""
        return self.duration > self.renew_deadline > JITTER * self.retry_period

    @property
    def glance(self) -> float:
        """The time between two reads of a waiting replica: a released Lease should be taken soon."""
        return self.retry_period / 2

    @property
    def patience(self) -> float:
        """The timeout of one request. An API server that is slow, or stops for a moment, still answers in this time.

        It leaves a renewal half a retry period, before the holder has to stop, for a second try on a new connection.
        """
        return max(self.renew_deadline - 1.5 * self.retry_period, self.renew_deadline / 4)

    @property
    def handover(self) -> timedelta:
        """The longest time in which no replica acts because one holder follows another."""
        return timedelta(seconds=self.duration + 4 * self.retry_period)


class Act(StrEnum):
    """What to do with the Lease."""

    CREATE = "create"
    TAKE = "take"
    RENEW = "renew"
    WAIT = "wait"
    RETURN = "return"
    """Remove the request to leave: it was for the process before this one."""
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class LeaseState:
    """The Lease as it was read."""

    version: str
    holder: str
    renewal: str
    """The renewTime. It is compared only with its earlier value, never with a clock."""

    seconds: int
    """How long the Lease lasts after a renewal."""

    transitions: int
    annotations: frozenset[str]


@dataclass(frozen=True, slots=True)
class Watched:
    """How long holder and renewal have been unchanged."""

    holder: str
    renewal: str
    since: float
    """Since when, in seconds of the monotonic clock."""

    seconds: int = LEASE_SECONDS
    """How long the Lease lasts after a renewal."""

    grace_until: float = float("-inf")
    """Until then the holder may renew what it could not, since the API server was silent. There is one grace at most,
    so that an API server that is slow for long keeps no dead holder."""

    @property
    def expiry(self) -> float:
        """From then on another replica may take the Lease, in seconds of the monotonic clock."""
        return max(self.since + self.seconds, self.grace_until)


@dataclass(frozen=True, slots=True)
class Leadership:
    """The leadership state of this replica, as other parts see it."""

    leader: str = ""
    """The identity of the holder; empty if there is none, or it is not known."""

    held: bool = False
    """This replica holds the Lease."""

    left: bool = False
    """This replica was asked to leave."""

    stopped: bool = False
    """This replica was stopped."""

    free: bool = False
    """No Lease is available to this replica, so it acts without one."""

    trouble: str = ""
    """Why the Lease cannot be used."""

    term: int = 0
    """Grows when this replica begins to act after another one may have."""

    @property
    def acts(self) -> bool:
        """Whether this replica does the work."""
        return self.held or self.free

    @property
    def by_another(self) -> bool:
        """Whether another replica holds the Lease, as far as was seen."""
        return bool(self.leader) and not self.held

    def waits(self, leader: str = "", *, trouble: str = "") -> "Leadership":
        """The same replica, while another acts, or none does."""
        return Leadership(leader=leader, trouble=trouble, term=self.term)

    def holds(self, identity: str, *, new_term: bool) -> "Leadership":
        """The same replica as the holder. `new_term`: another may have acted meanwhile."""
        return Leadership(leader=identity, held=True, term=self.term + int(new_term and not self.acts))

    def goes_free(self, trouble: str) -> "Leadership":
        """The same replica, acting without a Lease."""
        return Leadership(free=True, trouble=trouble, term=self.term + int(not self.acts))

    def ended(self, *, stopped: bool) -> "Leadership":
        """The same replica once it no longer acts: it was stopped, or has left."""
        leader = self.leader if self.by_another else ""
        return replace(self, leader=leader, held=False, free=False, stopped=stopped)


def read_lease(body: Object) -> LeaseState:
    """Parse a Lease that any client may have written."""
    metadata, spec = body["metadata"], body.get("spec") or {}
    return LeaseState(
        version=metadata["resourceVersion"],
        holder=spec.get("holderIdentity") or "",
        renewal=spec.get("renewTime") or "",
        seconds=spec.get("leaseDurationSeconds") or LEASE_SECONDS,
        transitions=spec.get("leaseTransitions") or 0,
        annotations=frozenset(metadata.get("annotations") or ()),
    )


def watched(
    lease: LeaseState | None, before: Watched | None, *, now: float, answered: float, terms: Terms
) -> Watched | None:
    """How long the Lease has been unchanged, given the previous observation. A deleted Lease is remembered.

    `answered`: when the request was sent that the API server answered before. A silence longer than a retry is unlikely
    to have spared the holder.
    """
    if lease is None:
        return before
    if before is None or (before.holder, before.renewal) != (lease.holder, lease.renewal):
        return Watched(lease.holder, lease.renewal, now, lease.seconds)
    silent = now - answered > terms.glance + terms.retry_period
    grace_until = now + terms.retry_period if silent and before.grace_until < before.since else before.grace_until
    return replace(before, seconds=lease.seconds, grace_until=grace_until)


def decide(
    lease: LeaseState | None, seen: Watched | None, *, identity: str, now: float, newcomer: bool, duration: int
) -> Act:
    """What to do. `newcomer`: this process has read the Lease for the first time. Our Leases last `duration` s.

    The Lease of another replica expires when it was not seen renewed for as long as it says. Clocks need not agree.
    """
    unchanged = float("-inf") if seen is None else now - seen.since
    if lease is None:
        # If a deleted Lease had another holder, that one still acts and will create it again.
        comes_back = seen is not None and seen.holder not in ("", identity) and unchanged <= min(seen.seconds, duration)
        return Act.WAIT if comes_back else Act.CREATE
    if leave_key(identity) in lease.annotations:
        return Act.RETURN if newcomer else Act.LEAVE
    if lease.holder == identity:
        return Act.RENEW
    return Act.TAKE if not lease.holder or (seen is not None and now > seen.expiry) else Act.WAIT
