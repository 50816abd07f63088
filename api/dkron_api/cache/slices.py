"""Runs long computations in slices, so that other requests run meanwhile."""

import asyncio
import time

from dkron_reports.slices import Steps, T

SLICE = 0.005
"""Seconds after which other requests have their turn."""


async def in_slices(steps: Steps[T]) -> T:
    """Do all steps, and return the result."""
    end = time.perf_counter() + SLICE
    while True:
        try:
            next(steps)
        except StopIteration as over:
            return over.value  # type: ignore[no-any-return] # StopIteration does not know the type
        if time.perf_counter() >= end:
            await asyncio.sleep(0)
            end = time.perf_counter() + SLICE
