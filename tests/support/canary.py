"""A second client beside costly requests: it asks for something cheap again and again, and must not be kept waiting."""

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from threading import Event

from tests.support.api_sites import ApiSite

CHEAP = ("/health", "/v1/jobs?_start=0&_end=1")
WITHIN = 1.0
"""Seconds. The costly requests of the tests keep another client waiting for up to 0.15 s, also on a busy machine. A
path of 60,000 segments takes 1.5 s if it is looked up, and a thousand megabytes take two if they are unpacked."""
PAUSE = 0.01
"""Seconds between an answer and the next request: what the server computes for the canary is little beside the rest."""


@dataclass(frozen=True, slots=True)
class Wait:
    """How long an answer took, in seconds. In `starved` of them the client or the server could have gone on, and other
    processes had the cores."""

    path: str
    seconds: float
    starved: float

    @property
    def own(self) -> float:
        """The seconds that the server answers for."""
        return self.seconds - self.starved

    def __str__(self) -> str:
        return f"{self.own:.2f} s for {self.path} (and {self.starved:.2f} s in which other processes had the cores)"


@contextlib.contextmanager
def others_are_served(site: ApiSite) -> Iterator[None]:
    """During this block a second client asks again and again, and has to get each answer within a second. It asks once
    more at the end: the server may go on with what it has answered."""
    over = Event()
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(_ask_until, over, site)
        try:
            yield
        finally:
            over.set()
    waits = asking.result()
    slowest = max(waits, key=lambda wait: wait.own)
    assert slowest.own < WITHIN, f"the slowest of {len(waits)} answers to a second client took {slowest}"


def _ask_until(over: Event, site: ApiSite) -> list[Wait]:
    paths = cycle(CHEAP)
    waits = [_ask(site, next(paths))]
    while not over.wait(PAUSE):
        waits.append(_ask(site, next(paths)))
    return [*waits, _ask(site, next(paths))]


def _ask(site: ApiSite, path: str) -> Wait:
    starved, begun = _starved(site.api.pid), time.monotonic()
    answer = site.rest.get(path)
    seconds = time.monotonic() - begun
    assert answer.status == 200, f"a second client got another answer:\n{answer}"
    return Wait(path, seconds, _starved(site.api.pid) - starved)


def _starved(pid: int) -> float:
    """Seconds in which the event loop of the process, and this thread, have waited for a core so far; 0 where the
    kernel does not count them."""
    counts = (Path(f"/proc/{pid}/schedstat"), Path("/proc/thread-self/schedstat"))
    return sum(int(count.read_text(encoding="ascii").split()[1]) for count in counts if count.exists()) / 1e9
