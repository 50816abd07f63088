"""What a plan knows of a ResourceQuota that refuses Jobs of the namespace (docs/adr/0050-quotas-as-one-line.md)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from dkron_operator.plan.line_changes import RunKey

PATIENCE = timedelta(hours=1)
"""How long a run without a start deadline waits for room."""
QUOTA_EXCEEDED = "QuotaExceeded"
"""The reason of the condition Degraded meanwhile."""
SAID = "exceeded quota: "


@dataclass(frozen=True, slots=True)
class Quota:
    """Whether Jobs of the namespace are refused now, and which run of the job asks again."""

    message: str = ""
    """What the API server says about it; empty if it refuses none."""

    next: RunKey | None = None
    """The run of this job that asks again before all others of the namespace; None if it is one of another job."""

    wait: timedelta = timedelta(0)
    """How long until it does."""

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
