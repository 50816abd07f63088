"""Who leads: from the Lease as it was read, and how long it has looked so, to what this replica should do about it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

from dkron_crds.lease import LEASE_SECONDS, leave_key

Object = Mapping[str, Any]

JITTER = 1.2
"""How much longer than said a retry may take, as client-go has it."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How the Lease is held, in seconds. A holder renews it each `retry_period`, acts until `renew_deadline` after its
    last renewal, and nobody else takes it before `duration` after it has seen that."""

    duration: int = LEASE_SECONDS
    renew_deadline: float = 10.0
    retry_period: float = 2.0

    @property
    def in_order(self) -> bool:
        """Whether a holder stops before another begins, and tries again before it stops."""
        return self.duration > self.renew_deadline > JITTER * self.retry_period

    @property
    def glance(self) -> float:
        """Between two looks of who waits: one that was released is to be taken soon."""
        return self.retry_period / 4

    @property
    def patience(self) -> float:
        """For one request, so that a second one fits in before the deadline."""
        return (self.renew_deadline - self.retry_period / 2) / 2

    @property
    def handover(self) -> timedelta:
        """The longest time in which nobody acts because one holder follows another."""
        return timedelta(seconds=self.duration + 2 * self.retry_period)


class Act(StrEnum):
    """What to do with the Lease."""

    CREATE = "create"
    TAKE = "take"
    RENEW = "renew"
    WAIT = "wait"
    RETURN = "return"
    """Remove the wish that we leave: it was for the process before this one."""
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Held:
    """The Lease as it was read. `renewal` is compared with what it was before, and never with a clock."""

    version: str
    holder: str
    renewal: str
    seconds: int
    transitions: int
    annotations: frozenset[str]


@dataclass(frozen=True, slots=True)
class Watched:
    """Since when (monotonic seconds) holder and renewal have looked as they do, and how long that counts."""

    holder: str
    renewal: str
    since: float
    seconds: int = LEASE_SECONDS


@dataclass(frozen=True, slots=True)
class Leadership:
    """What others are told about it. `free`: there is no Lease that this replica could hold, so it acts without.
    `trouble` is why the Lease cannot be used. `term` grows when this replica begins to act after another may have."""

    leader: str = ""
    held: bool = False
    left: bool = False
    stopped: bool = False
    free: bool = False
    trouble: str = ""
    term: int = 0

    @property
    def acts(self) -> bool:
        """Whether this replica does the work."""
        return self.held or self.free

    @property
    def by_another(self) -> bool:
        """Whether another replica holds the Lease, as far as was seen."""
        return bool(self.leader) and not self.held

    def waits(self, leader: str = "", *, trouble: str = "") -> "Leadership":
        """The same replica, while another acts, or nobody does."""
        return Leadership(leader=leader, trouble=trouble, term=self.term)

    def holds(self, identity: str, *, anew: bool) -> "Leadership":
        """The same replica as the holder. `anew`: another may have acted meanwhile."""
        return Leadership(leader=identity, held=True, term=self.term + int(anew and not self.acts))

    def goes_free(self, trouble: str = "") -> "Leadership":
        """The same replica without a Lease."""
        return Leadership(free=True, trouble=trouble, term=self.term + int(not self.acts))

    def ended(self, *, stopped: bool) -> "Leadership":
        """The same replica, which acts no more: it was stopped, or has left."""
        leader = self.leader if self.by_another else ""
        return replace(self, leader=leader, held=False, free=False, stopped=stopped)


def read_lease(body: Object) -> Held:
    """The Lease, whoever wrote it."""
    metadata, spec = body["metadata"], body.get("spec") or {}
    return Held(
        version=metadata["resourceVersion"],
        holder=spec.get("holderIdentity") or "",
        renewal=spec.get("renewTime") or "",
        seconds=spec.get("leaseDurationSeconds") or LEASE_SECONDS,
        transitions=spec.get("leaseTransitions") or 0,
        annotations=frozenset(metadata.get("annotations") or ()),
    )


def watched(lease: Held | None, before: Watched | None, *, now: float) -> Watched | None:
    """Since when the Lease looks as it does, of which we knew so much before. One that was deleted is remembered."""
    if lease is None:
        return before
    if before is not None and (before.holder, before.renewal) == (lease.holder, lease.renewal):
        return replace(before, seconds=lease.seconds)
    return Watched(lease.holder, lease.renewal, now, lease.seconds)


def decide(
    lease: Held | None, seen: Watched | None, *, identity: str, now: float, newcomer: bool, duration: int
) -> Act:
    """What to do. `newcomer`: this process has read the Lease for the first time. `duration` is that of our own Leases.

    The Lease of another is over when it was not seen renewed for as long as it says; clocks need not agree.
    """
    if lease is None:
        return Act.WAIT if _may_come_back(seen, identity=identity, now=now, duration=duration) else Act.CREATE
    if leave_key(identity) in lease.annotations:
        return Act.RETURN if newcomer else Act.LEAVE
    if lease.holder == identity:
        return Act.RENEW
    return Act.TAKE if _is_over(lease, seen, now=now) else Act.WAIT


def _is_over(lease: Held, seen: Watched | None, *, now: float) -> bool:
    """Whether nobody holds the Lease any more."""
    return not lease.holder or (seen is not None and now - seen.since > lease.seconds)


def _may_come_back(seen: Watched | None, *, identity: str, now: float, duration: int) -> bool:
    """Whether a Lease that somebody has deleted had another holder, who acts on and makes it again."""
    if seen is None or seen.holder in ("", identity):
        return False
    return now - seen.since <= min(seen.seconds, duration)
