"""Limits the concurrent requests, the open streams, and the request rate of each caller and address. Memory is bounded
whatever clients do."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from math import ceil

from dkron_api.refusal import LATER, ApiError
from dkron_runtime.token_bucket import Rate

BUCKETS = 4096
"""Number of callers, and of addresses, to remember. The longest-idle one is dropped; its bucket would be full
anyway."""
UPLOADS = 256
"""Concurrent uploads, each as large as --max-body allows. The next one displaces the oldest."""
RESTORES = 4
"""Concurrent restores of backups, each as large as --max-restore allows."""
BURST = 2.0
"""Seconds' worth of the rate that may be used at once."""
SOON = 0.001
"""Seconds for which no request is refused: less than an answer takes, and more than sums of floats are off."""


@dataclass(slots=True)
class Room:
    """Capacity for requests that wait rather than work."""

    places: int
    what: str
    taken: int = 0
    share: int = 0
    """Places that one owner may have; 0 for all."""
    by_owner: Counter[str] = field(default_factory=Counter)


Buckets = OrderedDict[str, float]
"""When the bucket of each caller or address is full again, the longest-idle one first."""


class Gate:
    """Raises `ApiError` for requests beyond the limits. `share` of the streams are for one caller, 0 means all."""

    def __init__(self, *, requests: int, streams: int, rate: float, clock: Callable[[], float], share: int = 0) -> None:
        self.working = 0
        self._requests = requests
        self._streams = Room(streams, "open responses (events, logs, waiting runs)", share=share)
        self._uploads: OrderedDict[object, Callable[[], object]] = OrderedDict()
        self._restores = Room(RESTORES, "restores in progress")
        self._rate = Rate(per_second=rate, burst=max(1.0, rate * BURST))
        self._clock = clock
        # A flood from many addresses does not make callers forgotten.
        self._addresses: Buckets = OrderedDict()
        self._callers: Buckets = OrderedDict()

    def enter(self) -> None:
        """Admit a request. It has to `leave` afterwards."""
        if self.working >= self._requests:
            raise ApiError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"the server is already handling {self._requests} requests; retry later",
                {"Retry-After": LATER},
            )
        self.working += 1

    def leave(self) -> None:
        """The request has been answered."""
        self.working -= 1

    @property
    def streaming(self) -> int:
        """Number of open streams."""
        return self._streams.taken

    def stream(self, owner: str = "") -> AbstractContextManager[None]:
        """Count a response that stays open as a stream of this owner instead of a working request."""
        return self._aside(self._streams, owner)

    @property
    def uploading(self) -> int:
        """Number of uploads in progress."""
        return len(self._uploads)

    @contextmanager
    def upload(self, give_way: Callable[[], object]) -> Iterator[None]:
        """Count an upload in progress separately, so that slow senders do not block others.

        No upload is rejected: at the limit, the oldest upload is cancelled. A normal upload takes milliseconds.
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
        """Count a restore separately: it takes long and much memory."""
        return self._aside(self._restores)

    @contextmanager
    def _aside(self, room: Room, owner: str = "") -> Iterator[None]:
        if room.share and room.by_owner.get(owner, 0) >= room.share:
            text = f"this caller already has {room.share} {room.what}; end some, or retry later"
            raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, text, {"Retry-After": "10"})
        if room.taken >= room.places:
            text = f"the server already has {room.places} {room.what}; retry later"
            raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, text, {"Retry-After": "10"})
        room.taken += 1
        room.by_owner[owner] += 1
        self.working -= 1
        try:
            yield
        finally:
            self.working += 1
            room.taken -= 1
            room.by_owner[owner] -= 1
            if not room.by_owner[owner]:
                del room.by_owner[owner]

    @property
    def has_rate(self) -> bool:
        """Whether the rate is limited."""
        return self._rate.per_second > 0

    def spend_address(self, address: str) -> None:
        """Count a request whose sender is unknown. Raises `ApiError`, 429."""
        self._spend(self._addresses, address, address)

    def spend_caller(self, identity: str, name: str) -> None:
        """Count a request of a known caller. Raises `ApiError`, 429."""
        self._spend(self._callers, identity, name)

    def _spend(self, buckets: Buckets, key: str, name: str) -> None:
        if not self.has_rate:
            return
        now = self._clock()
        full_at = buckets.pop(key, now)
        ready_at, full_afterwards = self._rate.take(full_at, now)
        is_ready = ready_at <= now + SOON
        # A refused request takes no token.
        buckets[key] = full_afterwards if is_ready else full_at
        if len(buckets) > BUCKETS:
            buckets.popitem(last=False)
        if not is_ready:
            raise ApiError(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"{name} sends more than {self._rate.per_second:g} requests per second; retry later",
                {"Retry-After": str(ceil(ready_at - now))},
            )
