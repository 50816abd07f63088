"""Asks for a run every few seconds, by which recovery.py measures how soon all was well again after a fault."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from tests.chaos.recorder import Recorder

PROBE, TIMED = "probe", "every-two"
"""Jobs that no client changes, and whose runs keep no other away: one that is asked for, and one with many slots."""
EVERY = 2.0


@contextmanager
def probe(recorder: Recorder) -> Iterator[None]:
    """While this is entered, runs of the probe are asked for. No other client uses this recorder. Raises what has ended
    that before its time."""
    ended = threading.Event()
    with ThreadPoolExecutor(1, "probe") as pool:
        asking = pool.submit(_ask, recorder, ended)
        try:
            yield
        finally:
            ended.set()
        asking.result()


def _ask(recorder: Recorder, ended: threading.Event) -> None:
    while not ended.wait(EVERY):
        recorder.run(PROBE)
