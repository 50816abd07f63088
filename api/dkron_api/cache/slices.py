"""Runs long computations in slices, so that other requests run meanwhile."""

import asyncio
import time

from dkron_reports.slices import Steps, T

SLICE = 0.005
"""Seconds after which other requests have their turn."""


class Slices:
    """The long computations of the process. They take turns: however many there are, any other request waits for one
    slice at most."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def run(self, steps: Steps[T]) -> T:
        """Do all steps, and return the result."""
        while True:
            async with self._turn:
                end = time.perf_counter() + SLICE
                while time.perf_counter() < end:
                    try:
                        next(steps)
                    except StopIteration as over:
                        return over.value  # type: ignore[no-any-return] # StopIteration does not know the type
                # Keep the turn until the loop has run its other ready callbacks.
                await asyncio.sleep(0)
