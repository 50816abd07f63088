"""The only loop of the tests that waits: with a deadline, a name for what it waits for, and what was there instead."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PAUSE = 0.1


def nothing() -> None:
    """No guard."""


def wait_for(
    what: str,
    seen: Callable[[], T],
    until: Callable[[T], object],
    *,
    seconds: float,
    shown: Callable[[T], str] = str,
    guard: Callable[[], None] = nothing,
) -> T:
    """Look until `until` holds for what is `seen`, and return that.

    `guard` raises when waiting on is pointless; `shown` describes what was seen last, when the time has passed.
    """
    deadline = time.monotonic() + seconds
    while not until(latest := seen()):
        guard()
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s for {what}; last seen:\n{shown(latest)}")
        time.sleep(PAUSE)
    return latest
