"""Who leads: from the Lease as it was read, and how long it has looked so, to what this replica should do about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dkron_crds.lease import LEASE_SECONDS, leave_key

Object = Mapping[str, Any]


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
    """Since when (monotonic seconds) holder and renewal have looked as they do."""

    holder: str
    renewal: str
    since: float


@dataclass(frozen=True, slots=True)
class Leadership:
    """What others are told about it. `trouble` is why the Lease cannot be used."""

    leader: str = ""
    held: bool = False
    left: bool = False
    stopped: bool = False
    trouble: str = ""

    @property
    def by_another(self) -> bool:
        """Whether another replica holds the Lease, as far as was seen."""
        return bool(self.leader) and not self.held


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


def watched(lease: Held, before: Watched | None, *, now: float) -> Watched:
    """Since when the Lease looks as it does, of which we knew so much before."""
    same = before is not None and (before.holder, before.renewal) == (lease.holder, lease.renewal)
    return before if before is not None and same else Watched(lease.holder, lease.renewal, now)


def decide(lease: Held | None, seen: Watched | None, *, identity: str, now: float, newcomer: bool) -> Act:
    """What to do. `newcomer`: this process has read the Lease for the first time.

    The Lease of another is over when it was not seen renewed for as long as it says; clocks need not agree.
    """
    if lease is None:
        return Act.CREATE
    if leave_key(identity) in lease.annotations:
        return Act.RETURN if newcomer else Act.LEAVE
    if lease.holder == identity:
        return Act.RENEW
    return Act.TAKE if _is_over(lease, seen, now=now) else Act.WAIT


def _is_over(lease: Held, seen: Watched | None, *, now: float) -> bool:
    """Whether nobody holds the Lease any more."""
    return not lease.holder or (seen is not None and now - seen.since > lease.seconds)
