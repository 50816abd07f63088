"""The state of one watch. The caches of a watch that is split by namespace share it."""

import asyncio
import logging
import time
from collections.abc import Callable

from dkron_kube.errors import KubeError, NotFound

log = logging.getLogger(__name__)


class WatchState:
    """When the API server last responded, and why it does not. `what` says what is watched."""

    def __init__(self, what: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.answered = asyncio.Event()
        """Set once the API server has sent a complete list, or has not."""
        self.trouble = ""
        self._what = what
        self._clock = clock
        self._alive_at = clock()

    def age(self) -> float:
        """Return the seconds since the API server last responded."""
        return self._clock() - self._alive_at

    def alive(self) -> None:
        """Record that the API server has responded."""
        self._alive_at = self._clock()
        self.trouble = ""

    def failed(self, error: KubeError) -> None:
        """Record that the API server does not answer or rejects the watch. The error is logged once."""
        trouble = f"cannot watch {self._what}: {_sentence(error)}"
        if trouble != self.trouble:
            log.warning(trouble)
        self.trouble = trouble
        self.answered.set()


def _sentence(error: KubeError) -> str:
    if isinstance(error, NotFound):
        return "the cluster does not know this kind; install it with kubectl apply -f crds/"
    return str(error)
