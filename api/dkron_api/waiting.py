"""Waiting for the end of a run: by watching its job in the catalog, version by version."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from dkron_api.catalog import Catalog
from dkron_api.translate.record import Job
from dkron_api.translate.run import Progress, Run, progress

TRACELESS = 30.0
"""Seconds after which a run that nobody asks for any more, and that has left no trace, counts as over: its execution
was cleared, or trimmed by others, before this process saw it."""
_ENDED = frozenset({Progress.OVER, Progress.REFUSED})


class Vigil:
    """One run that is waited for. `ended` holds the job as it was when the run was over or refused, or the job gone."""

    def __init__(self, job: Job, run: Run) -> None:
        self.ended: asyncio.Future[Job] = asyncio.get_running_loop().create_future()
        self._uid = job.uid
        self._run = run
        self._patience: asyncio.TimerHandle | None = None

    def look(self, before: Job | None, after: Job | None) -> None:
        """A job has changed: a listener of the catalog."""
        if after is not None and after.uid == self._uid:
            self._judge(after)
        elif after is None and before is not None and before.uid == self._uid:
            self._end(before)

    def give_up(self) -> None:
        """The server stops: whoever waits hears of it by `TimeoutError`."""
        if not self.ended.done():
            self.ended.set_exception(TimeoutError("the server stops"))

    def close(self) -> None:
        """Wait no longer."""
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _judge(self, job: Job) -> None:
        state = progress(job, self._run)
        if state in _ENDED:
            self._end(job)
        elif state is not Progress.UNSEEN:
            self.close()
        elif self._patience is None:
            self._patience = asyncio.get_running_loop().call_later(TRACELESS, self._end, job)

    def _end(self, job: Job) -> None:
        if not self.ended.done():
            self.ended.set_result(job)


class Vigils:
    """All runs that are waited for."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._open: set[Vigil] = set()

    @contextmanager
    def watch(self, job: Job, run: Run) -> Iterator[Vigil]:
        """Watch for the end of a run. Begins before the run is asked for, so that nothing is missed."""
        watching = Vigil(job, run)
        self._open.add(watching)
        self._catalog.listeners.append(watching.look)
        try:
            yield watching
        finally:
            self._catalog.listeners.remove(watching.look)
            self._open.discard(watching)
            watching.close()

    def give_up(self) -> None:
        """The server stops."""
        for watching in self._open:
            watching.give_up()
