"""The part that follows executions to send messages about them, as the parts that act know it."""

from typing import Protocol

from dkron_crds.job import Active
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.plan.view import JobView


class Listener(Protocol):
    """Learns of each attempt that begins, and may want more of an output than the status keeps."""

    def began(self, cached: CachedJob, active: Active) -> None:
        """The Job of an attempt exists, or its call is made."""

    def room(self, job: JobView) -> int:
        """How many bytes of the end of the output are wanted."""

    def keep(self, uid: str, job: str, output: bytes) -> None:
        """Take the end of the output of a Job."""
