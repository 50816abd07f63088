"""The only loop that waits: with a deadline, a name for what it waits for, and the last thing it saw."""

import time
from collections.abc import Callable

from localcluster.errors import ClusterError

PAUSE = 0.05


def wait_for(what: str, *, seconds: float, missing: Callable[[], str], guard: Callable[[], None] | None = None) -> None:
    """Wait until `missing()` returns an empty string, the empty list of what is still amiss.

    `guard` is called on each round and raises when waiting on is pointless, as when a process has died.
    """
    deadline = time.monotonic() + seconds
    while (amiss := missing()) != "":
        if guard is not None:
            guard()
        if time.monotonic() > deadline:
            raise ClusterError(f"waited {seconds:.0f} s for {what}, but {amiss}")
        time.sleep(PAUSE)
