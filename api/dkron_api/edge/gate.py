"""The gate: how many requests are worked on at once, how many answers stay open, and how many one address may ask for.
Bounded in memory, whoever comes."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from math import ceil

from dkron_api.refusal import LATER, Refusal

ADDRESSES = 4096
"""How many addresses are remembered: the one that was quiet for longest makes room, and would have been let in."""
BURST = 2.0
"""Seconds of a rate that may be spent at once."""


@dataclass(slots=True)
class Bucket:
    """What an address may still ask for, as of a moment."""

    tokens: float
    at: float


class Gate:
    """Raises `Refusal` for whom it does not let in."""

    def __init__(self, *, requests: int, streams: int, rate: float, clock: Callable[[], float]) -> None:
        self.working = 0
        self.streaming = 0
        self._requests = requests
        self._streams = streams
        self._rate = rate
        self._clock = clock
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def enter(self, address: str) -> None:
        """A request comes in. `leave` has to follow."""
        if self._rate:
            self._spend(address)
        if self.working >= self._requests:
            raise Refusal(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{self._requests} requests are being worked on already, come back in a moment",
                {"Retry-After": LATER},
            )
        self.working += 1

    def leave(self) -> None:
        """It was answered."""
        self.working -= 1

    @contextmanager
    def stream(self) -> Iterator[None]:
        """An answer that stays open: it does not count as work any more, but among the streams."""
        if self.streaming >= self._streams:
            raise Refusal(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{self._streams} answers are kept open already, come back later",
                {"Retry-After": "10"},
            )
        self.streaming += 1
        self.working -= 1
        try:
            yield
        finally:
            self.working += 1
            self.streaming -= 1

    def _spend(self, address: str) -> None:
        now, most = self._clock(), self._rate * BURST
        bucket = self._buckets.pop(address, None) or Bucket(most, now)
        bucket.tokens = min(most, bucket.tokens + (now - bucket.at) * self._rate)
        bucket.at = now
        self._buckets[address] = bucket
        if len(self._buckets) > ADDRESSES:
            self._buckets.popitem(last=False)
        if bucket.tokens < 1:
            wait = ceil((1 - bucket.tokens) / self._rate)
            raise Refusal(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"more than {self._rate:g} requests a second from {address}",
                {"Retry-After": str(wait)},
            )
        bucket.tokens -= 1
