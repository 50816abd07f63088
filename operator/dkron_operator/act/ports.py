"""Ports: what leads out of the process. Tests and the simulation bring their own."""

from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from dkron_archive.ports import ArchiveWriter
from dkron_archive.records import PauseRecord
from dkron_crds.job import Attempt
from dkron_kube.client import KubeClient
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.kit.clock import Clock
from dkron_operator.kit.rollback import Compare, ignore_versions
from dkron_operator.plan.situation.packed_spec import is_large
from dkron_operator.plan.situation.view import JobView
from dkron_operator.telemetry.metrics import Metrics
from dkron_runtime.tracing.spans import Tracer
from dkron_runtime.turns import Turns

AT_ONCE = 2
"""How many requests about large jobs go at once."""
MANY = 64
"""Entries of `status.active` from which on a write of the status takes the API server as long as a large job does."""


class LargeJobs:
    """Large DkronJobs take turns. One request about a template of 64 KiB, or about a line of 100 runs with ten members
    each, may take the API server a quarter of a second of CPU, and a few dozen of them at once would delay the slots of
    all other jobs. Namespaces take turns: the next request is about a job of another one, however many of one wait."""

    def __init__(self) -> None:
        self._turns = Turns(AT_ONCE, share=AT_ONCE)

    def turn(self, job: JobView, *, active: int = 0) -> AbstractAsyncContextManager[None]:
        """The context of one request about this job, whose status has so many active entries if the request writes it.
        A large job waits there until fewer than `AT_ONCE` others have theirs and it is its namespace's turn; any other
        job goes at once."""
        large = active >= MANY or is_large(job.spec)
        return self._turns.place(job.namespace) if large else nullcontext()


class Listener(Protocol):
    """The part that sends messages about executions: it learns of each attempt that begins, and may want more of an
    output than the status keeps."""

    def began(self, cached: CachedJob, active: Attempt) -> None:
        """The Job of an attempt exists, or its call is made."""

    def room(self, job: JobView, *, leaving: bool = False) -> int:
        """How many bytes of the end of the output are wanted. `leaving`: it cannot be read again later."""

    def keep(self, uid: str, job: str, output: bytes) -> None:
        """Take the end of the output of a Job."""


class Archive(ArchiveWriter, Protocol):
    """The archive as the operator uses it."""

    async def pauses(self, namespace: str, begin: datetime, end: datetime) -> list[PauseRecord]:
        """Pauses that overlap a time."""

    async def close(self) -> None:
        """Close its connections."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The API server, the archive, the clocks, and where metrics and traces go."""

    client: KubeClient

    clock: Clock

    metrics: Metrics = field(default_factory=Metrics)

    tracer: Tracer | None = None
    """None if nothing is traced."""

    compare: Compare = ignore_versions
    """Notices that the API server shows an older state than before."""

    archive: Archive | None = None
    """Where records last; None if the operator has no archive."""

    large_jobs: LargeJobs = field(default_factory=LargeJobs)
    """Requests about large DkronJobs take turns there."""
