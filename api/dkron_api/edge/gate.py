"""The gate: how many requests are worked on at once, how many answers stay open, and how many one address may ask for.
Bounded in memory, whoever comes."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from math import ceil

from dkron_api.refusal import LATER, ApiError

ADDRESSES = 4096
"""How many addresses are remembered: the one that was quiet for longest makes room, and would have been let in."""
UPLOADS = 256
"""Bodies on their way at once, each as large as --max-body allows: the next one takes the oldest's place."""
RESTORES = 4
"""Backups that may be stored at once, each as large as --max-restore allows."""
BURST = 2.0
"""Seconds of a rate that may be spent at once."""


@dataclass(slots=True)
class Room:
    """Places for requests that wait rather than work."""

    places: int
    what: str
    taken: int = 0


@dataclass(slots=True)
class Bucket:
    """What an address may still ask for, as of a moment."""

    tokens: float
    at: float


class Gate:
    """Raises `ApiError` for whom it does not let in."""

    def __init__(self, *, requests: int, streams: int, rate: float, clock: Callable[[], float]) -> None:
        self.working = 0
        self._requests = requests
        self._streams = Room(streams, "answers are kept open")
        self._uploads: OrderedDict[object, Callable[[], object]] = OrderedDict()
        self._restores = Room(RESTORES, "backups are being restored")
        self._rate = rate
        self._clock = clock
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def enter(self, address: str) -> None:
        """A request comes in. `leave` has to follow."""
        if self._rate:
            self._spend(address)
        if self.working >= self._requests:
            raise ApiError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{self._requests} requests are being worked on already, come back in a moment",
                {"Retry-After": LATER},
            )
        self.working += 1

    def leave(self) -> None:
        """It was answered."""
        self.working -= 1

    @property
    def streaming(self) -> int:
        """How many answers stay open."""
        return self._streams.taken

    def stream(self) -> AbstractContextManager[None]:
        """An answer stays open: it is no work any more, but one of the streams."""
        return self._aside(self._streams)

    @property
    def uploading(self) -> int:
        """How many bodies are on their way."""
        return len(self._uploads)

    @contextmanager
    def upload(self, give_way: Callable[[], object]) -> Iterator[None]:
        """A body is still on its way: whoever sends slowly must not keep others out.

        Nobody is refused: where there is no place left, the body that has been on its way for longest is told to give
        way. An honest one needs milliseconds.
        """
        if len(self._uploads) >= UPLOADS:
            _, oldest = self._uploads.popitem(last=False)
            oldest()
        place = object()
        self._uploads[place] = give_way
        self.working -= 1
        try:
            yield
        finally:
            self.working += 1
            self._uploads.pop(place, None)

    def restore(self) -> AbstractContextManager[None]:
        """A backup is stored: it takes long, and much memory."""
        return self._aside(self._restores)

    @contextmanager
    def _aside(self, room: Room) -> Iterator[None]:
        if room.taken >= room.places:
            text = f"{room.places} {room.what} already, come back later"
            raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, text, {"Retry-After": "10"})
        room.taken += 1
        self.working -= 1
        try:
            yield
        finally:
            self.working += 1
            room.taken -= 1

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
            raise ApiError(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"more than {self._rate:g} requests a second from {address}",
                {"Retry-After": str(wait)},
            )
        bucket.tokens -= 1
