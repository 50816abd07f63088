"""The command line, for the parts that it concerns."""

from dataclasses import dataclass, field

from dkron_archive.records import Retention
from dkron_operator.act.inline_calls import NO_CALLS, Allowance
from dkron_operator.leader.election import Terms
from dkron_operator.leader.lease import Replica
from dkron_operator.plan.job.rules import JobSettings


@dataclass(frozen=True, slots=True)
class Options:
    """The options of the parts."""

    namespaces: tuple[str, ...]
    """The namespaces to watch; all if there are none."""

    home: str
    """The namespace of the DkronCluster and the Lease."""

    replica: Replica

    terms: Terms
    """How the Lease is held."""

    jobs: JobSettings

    calls: Allowance = NO_CALLS
    """Inline calls."""

    output_dir: str = ""

    output_quota: int = 0

    retention: Retention = field(default_factory=Retention)
    """Limits of the archive."""

    creates: float = 0.0
    """How many Jobs a namespace may begin each second; 0 for any number."""
