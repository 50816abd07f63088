"""Cancels stray tasks that no other task awaits. A kopf stream whose sibling has failed mistakes the first cancellation
for something else, so one is not enough."""

import asyncio
from collections.abc import Callable
from typing import Any

WISHES = 5
"""How often tasks are cancelled, one second apart."""


async def cancel_stray_tasks(left: Callable[[], "set[asyncio.Task[Any]]"]) -> None:
    """Cancel the tasks that `left` returns, until there are none or the attempts are used up."""
    for _ in range(WISHES):
        strays = left()
        if not strays:
            return
        for stray in strays:
            stray.cancel()
        await asyncio.wait(strays, timeout=1)
