"""Waits a moment for what the operator makes of an object that a command has created: that it accepts or refuses it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE = 5.0
"""Seconds in which an operator that runs has decided."""
INTERVAL = 0.2
"""Seconds between two looks."""


async def decided(look: Callable[[], Awaitable[T | None]]) -> T | None:
    """Return the first result of `look` that is not None; None if there is none in time. What `look` raises ends the
    wait."""
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                found = await look()
                if found is not None:
                    return found
                await asyncio.sleep(INTERVAL)
    except TimeoutError:
        return None
