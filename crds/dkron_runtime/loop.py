"""How a program runs: with a garbage collector that suits long-lived caches, and on the event loop that suits it."""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import TypeVar

T = TypeVar("T")
LoopFactory = Callable[[], asyncio.AbstractEventLoop]

COLLECT = (20_000, 20, 20)
"""When garbage is collected. Each change of an object leaves the old one behind, and next to none of it is in cycles:
by default a fifth of the time went into looking for them."""


def run(main: Coroutine[None, None, T], *, on: LoopFactory | None = None) -> T:
    """What `main` returns, run on Python's own event loop or on another."""
    gc.set_threshold(*COLLECT)
    with asyncio.Runner(loop_factory=on) as runner:
        return runner.run(main)


def faster_loop() -> LoopFactory | None:
    """uvloop, where there is one. For servers: it complains of TLS connections of clients that are closed while an
    answer comes, which the operator does to its watches whenever it ends."""
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop
