"""Notices when the machine itself stands still: whatever is late then is nobody's fault."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from tests.chaos.history import Fault

BEAT = 0.1
STILL = 2.0
"""Seconds. Shorter ones are within the lateness that is allowed anyway."""


@contextmanager
def pulse(told: Callable[[Fault], None]) -> Iterator[None]:
    """While this is entered, `told` hears of each time in which a thread that only sleeps was not woken."""
    ended = threading.Event()
    thread = threading.Thread(target=_beat, args=(told, ended), name="pulse", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _beat(told: Callable[[Fault], None], ended: threading.Event) -> None:
    last = datetime.now(UTC)
    while not ended.wait(BEAT):
        now = datetime.now(UTC)
        if (now - last).total_seconds() > STILL:
            told(Fault(what="the machine stood still", begin=last, end=now))
        last = now
