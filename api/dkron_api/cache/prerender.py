"""Renders changed jobs in advance. Otherwise the first list after ten thousand changes would block all other requests
for half a second."""

import asyncio

from dkron_api.cache.job_index import JobIndex


class Prerenderer:
    """One task for the job indexes of all namespaces."""

    def __init__(self) -> None:
        self._stale: dict[JobIndex, None] = {}
        self._woken = asyncio.Event()

    def want(self, job_index: JobIndex) -> None:
        """Note that jobs of this index have changed."""
        self._stale[job_index] = None
        self._woken.set()

    async def run(self) -> None:
        """Render what has changed, one index after another, until cancelled."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            while self._stale:
                job_index = next(iter(self._stale))
                del self._stale[job_index]
                await job_index.prerender()
