"""Notices when the machine itself stands still or has too much to do: no program is to blame for what is late then."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from tests.chaos.history import Fault

BEAT = 0.1
STILL = 2.0
"""Seconds. Shorter ones are within the lateness that is allowed anyway."""
BUSY = 2.0
"""Processes that want each core. With so many, everything takes as long as is allowed anyway."""
MOST = 3.0


class Pulse:
    """`busiest`: how many processes wanted each core, a minute's mean, at the worst moment."""

    def __init__(self) -> None:
        self.busiest = 0.0

    @property
    def stretch(self) -> float:
        """By how much longer everything may take than on a machine that is hardly used: from 1 to `MOST`."""
        return min(self._pace, MOST)

    @property
    def overload(self) -> float:
        """How many times as long as `stretch` allows for everything takes; 1 if it does."""
        return max(1.0, self._pace / MOST)

    @property
    def _pace(self) -> float:
        return max(1.0, self.busiest / BUSY)

    def look(self) -> None:
        """Note how busy the machine is."""
        self.busiest = max(self.busiest, os.getloadavg()[0] / (os.cpu_count() or 1))


@contextmanager
def pulse(told: Callable[[Fault], None]) -> Iterator[Pulse]:
    """While this is entered, `told` hears of each time in which a thread that only sleeps was not woken."""
    ended, known = threading.Event(), Pulse()
    thread = threading.Thread(target=_beat, args=(told, ended, known), name="pulse", daemon=True)
    thread.start()
    try:
        yield known
    finally:
        ended.set()
        thread.join()


def _beat(told: Callable[[Fault], None], ended: threading.Event, known: Pulse) -> None:
    last = datetime.now(UTC)
    while not ended.wait(BEAT):
        now = datetime.now(UTC)
        known.look()
        if (now - last).total_seconds() > STILL:
            told(Fault(what="the machine stood still", begin=last, end=now))
        last = now
