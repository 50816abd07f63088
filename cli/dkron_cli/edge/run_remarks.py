"""Lines on standard error about a run that is waited for: that it is requested, where it waits, and that it begins."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from dkron_cli.core.run import wait_of
from dkron_cli.edge.terminal import remark
from dkron_reports.run import Run

INTERVAL = 3.0
"""Seconds at least between two lines about where it waits."""


def requested(job: str, object_name: str = "") -> str:
    """Return the sentence that a run is requested. `object_name` is its DkronRun; empty for a request by REST."""
    return f"requested a run of {job}{f': DkronRun {object_name}' if object_name else ''}"


class RunRemarks:
    """The remarks about one run. A place is told again when it has changed, and a run that never waits has no lines but
    the first one. `clock` is monotonic."""

    def __init__(self, job: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._job = job
        self._clock = clock
        self._is_requested = False
        self._wait = ""
        self._next = 0.0

    def is_due(self) -> bool:
        """Whether a place may be told."""
        return self._clock() >= self._next

    def request(self, object_name: str = "") -> None:
        """Say once that the run is requested."""
        if not self._is_requested:
            self._is_requested = True
            remark(requested(self._job, object_name))

    def look(self, run: Run, *, placed: bool = True) -> None:
        """Say what has changed about the wait. `placed` is whether the run has its places, if it waits."""
        self.request()
        wait = wait_of(run)
        if wait and not (placed and self.is_due()):
            return
        if placed:
            self._next = self._clock() + INTERVAL
        if wait and wait != self._wait:
            remark(f"{self._job}: {wait}")
        elif self._wait and not wait and run.took(datetime.now(UTC)) is not None:
            remark(f"{self._job}: begins")
        self._wait = wait
