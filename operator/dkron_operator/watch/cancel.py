"""Strays: tasks that nobody waits for, ended all the same. A stream of kopf whose sibling has failed takes the first
wish that it ends for something else, so one wish is not enough.
"""

import asyncio
from collections.abc import Callable
from typing import Any

WISHES = 5
"""How often tasks are asked to end, with a second for each time."""


async def cancel_stray_tasks(left: Callable[[], "set[asyncio.Task[Any]]"]) -> None:
    """Ask those that are `left` to end, until there are none or that is pointless."""
    for _ in range(WISHES):
        strays = left()
        if not strays:
            return
        for stray in strays:
            stray.cancel()
        await asyncio.wait(strays, timeout=1)
