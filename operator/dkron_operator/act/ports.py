"""Ports: what leads out of the process. Tests and the simulation bring their own."""

from dataclasses import dataclass, field

from dkron_kube.client import KubeClient
from dkron_operator.act.large_jobs import LargeJobs
from dkron_operator.kit.clock import Clock
from dkron_operator.kit.rollback import Compare, ignore_versions
from dkron_operator.telemetry.metrics import Metrics
from dkron_runtime.tracing.spans import Tracer


@dataclass(frozen=True, slots=True)
class Ports:
    """The API server, the clocks, and where metrics and traces go."""

    client: KubeClient

    clock: Clock

    metrics: Metrics = field(default_factory=Metrics)

    tracer: Tracer | None = None
    """None if nothing is traced."""

    compare: Compare = ignore_versions
    """Notices that the API server shows an older state than before."""

    large_jobs: LargeJobs = field(default_factory=LargeJobs)
    """Requests about large DkronJobs take turns there."""
