"""Runs a program with garbage collection settings for long-lived caches, and on a suitable event loop."""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import TypeVar

T = TypeVar("T")
LoopFactory = Callable[[], asyncio.AbstractEventLoop]

COLLECT = (20_000, 20, 20)
"""Thresholds of the garbage collector. Each change of an object leaves the old one behind, and almost none of these
are in cycles: with the defaults, looking for cycles took a fifth of the time."""


def run(main: Coroutine[None, None, T], *, on: LoopFactory | None = None) -> T:
    """Run `main` on Python's own event loop or another, and return its result."""
    gc.set_threshold(*COLLECT)
    with asyncio.Runner(loop_factory=on) as runner:
        return runner.run(main)


def faster_loop() -> LoopFactory | None:
    """Return a factory of uvloop's event loops if uvloop is installed. For servers only: uvloop complains when a client
    closes a TLS connection during a response, which the operator does to its watches whenever it ends."""
    try:
        from dkron_runtime.uv_loop import UvLoop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return None
    return UvLoop
