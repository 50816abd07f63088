"""A ResourceQuota that refuses Jobs of the namespace, as a plan knows it (docs/adr/0050-quotas-as-one-line.md)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from dkron_operator.plan.situation.cause import RunKey

REJECTED = "JobRejected"
"""The reason of an attempt whose Job the API server refuses."""
QUOTA_EXCEEDED = "QuotaExceeded"
"""The reason of the condition Degraded meanwhile."""
SAID = "exceeded quota: "


@dataclass(frozen=True, slots=True)
class Quota:
    """Whether Jobs of the namespace are refused now, and which run of the job asks again."""

    message: str = ""
    """The API server's sentence; empty if it refuses none."""

    turns: frozenset[RunKey] = frozenset()
    """The runs of this job that may ask again: the first of the namespace, and those whose turn has come before they
    had their places in pools."""

    wait: timedelta = timedelta(0)
    """How long until they may."""

    since: Mapping[RunKey, datetime] = field(default_factory=lambda: MappingProxyType({}))
    """The runs of the job that wait for room, and since when."""

    @property
    def closed(self) -> bool:
        """Whether runs wait for room."""
        return bool(self.message)


OPEN = Quota()
"""No quota is known to refuse Jobs of the namespace."""


def shown(message: str) -> str:
    """The API server's sentence from the name of the quota on: the rest names one Job."""
    _, said, rest = message.partition(SAID)
    return said + rest if said else message
