"""Limits requests, open streams, and the rate of each caller and address. Memory is bounded whatever clients do."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from math import ceil

from dkron_api.edge.unsent import Unsent
from dkron_api.refusal import ApiError, unavailable
from dkron_runtime.token_bucket import Rate

BUCKETS = 4096
"""Number of callers, and of addresses, to remember. The longest-idle one is dropped; its bucket would be full
anyway."""
UPLOADS = 256
"""Concurrent uploads, each as large as --max-body allows. The next one displaces the oldest."""
UPLOADS_OF_ONE = 32
"""Uploads of one caller, or of one address where callers show no token. The next one displaces their oldest."""
BODY = 1024
"""Bytes of a body that count as one more request while it is not known whether it leads to anything: a parser may take
as long for them."""
RESTORES = 4
"""Concurrent restores of backups, each as large as --max-restore allows."""
RESTORES_OF_ONE = 2
"""Restores of one caller, so that others have places."""
SEARCHES, SEARCHES_OF_ONE = 4, 2
"""Searches in outputs of one namespace, and of one caller in it: each may read many. Namespaces take turns at the
archive."""
BURST = 2.0
"""Seconds' worth of the rate that may be used at once."""
SOON = 0.001
"""Seconds within which no request is refused: less than an answer takes, and more than sums of floats are off."""


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
        self._uploads: OrderedDict[object, tuple[str, Callable[[], object]]] = OrderedDict()
        self._uploads_of: Counter[str] = Counter()
        self._restores = Room(RESTORES, "restores in progress", share=RESTORES_OF_ONE)
        self._searches: dict[str, Room] = {}
        self.unsent = Unsent()
        self._rate = Rate(per_second=rate, burst=max(1.0, rate * BURST))
        self._clock = clock
        # A flood from many addresses does not make callers forgotten.
        self._addresses: Buckets = OrderedDict()
        self._callers: Buckets = OrderedDict()

    def enter(self) -> None:
        """Admit a request. It has to `leave` afterwards."""
        if self.working >= self._requests:
            raise unavailable(f"the server is already handling {self._requests} requests; retry later")
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
    def upload(self, give_way: Callable[[], object], owner: str = "") -> Iterator[None]:
        """Count an upload in progress separately, so that slow senders do not block others.

        No upload is rejected: at a limit, the oldest upload is cancelled. A normal upload takes milliseconds.
        """
        if self._uploads_of[owner] >= UPLOADS_OF_ONE:
            self._displace(next(place for place, (of, _) in self._uploads.items() if of == owner))
        elif len(self._uploads) >= UPLOADS:
            self._displace(next(iter(self._uploads)))
        place = object()
        self._uploads[place] = owner, give_way
        self._uploads_of[owner] += 1
        self.working -= 1
        try:
            yield
        finally:
            self.working += 1
            self._end_upload(place)

    def _displace(self, place: object) -> None:
        _, give_way = self._uploads[place]
        self._end_upload(place)
        give_way()

    def _end_upload(self, place: object) -> None:
        if place not in self._uploads:
            return
        owner, _ = self._uploads.pop(place)
        self._uploads_of[owner] -= 1
        if not self._uploads_of[owner]:
            del self._uploads_of[owner]

    def restore(self, owner: str) -> AbstractContextManager[None]:
        """Count a restore of this owner separately: it takes long and much memory."""
        return self._aside(self._restores, owner)

    @contextmanager
    def search(self, owner: str, namespace: str) -> Iterator[None]:
        """Count a search of this owner in outputs of this namespace separately."""
        new = Room(SEARCHES, "searches in outputs of this namespace", share=SEARCHES_OF_ONE)
        room = self._searches.setdefault(namespace, new)
        try:
            with self._aside(room, owner):
                yield
        finally:
            if not room.taken:
                self._searches.pop(namespace, None)

    @contextmanager
    def _aside(self, room: Room, owner: str = "") -> Iterator[None]:
        if room.share and room.by_owner.get(owner, 0) >= room.share:
            text = f"this caller already has {room.share} {room.what}; end some, or retry later"
            raise unavailable(text, after="10")
        if room.taken >= room.places:
            text = f"the server already has {room.places} {room.what}; retry later"
            raise unavailable(text, after="10")
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

    def charge(self, key: str, size: int, *, known: bool) -> None:
        """Count the bytes of a body, or take them back if negative: of a known caller, else of an address. A debt is
        possible, which later requests pay."""
        buckets = self._callers if known else self._addresses
        if self.has_rate and abs(size) >= BODY:
            now = self._clock()
            buckets[key] = self._rate.owe(buckets.pop(key, now), now, size / BODY)

    def spend(self, key: str, name: str = "") -> None:
        """Count a request of the caller with this name, or of an address without one. Raises `ApiError`, 429."""
        buckets = self._callers if name else self._addresses
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
                f"{name or key} sends more than {self._rate.per_second:g} requests per second; retry later",
                {"Retry-After": str(ceil(ready_at - now))},
            )
