"""Limits requests, open streams, and the rate of each caller and address. Memory is bounded whatever clients do."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from math import ceil

from dkron_api.auth.caller import Owner
from dkron_api.edge.places import Place, Places, quarter
from dkron_api.edge.unsent import Unsent
from dkron_api.refusal import ApiError, unavailable
from dkron_runtime.token_bucket import Rate

BUCKETS = 4096
"""Number of callers, of addresses and of namespaces to remember. The longest-idle one is dropped; its bucket would be
full anyway."""
LOGS = 256
"""Logs in sending that are not followed: each is a connection to the API server for as long as its client reads."""
UPLOADS = 256
"""Concurrent uploads, each as large as --max-body allows. The next one displaces the oldest."""
UPLOADS_OF_ONE = 32
"""Uploads of one caller, or of one address where callers show no token. The next one displaces their oldest."""
BODY = 1024
"""Bytes of a body that count as one more request while it is not known whether it leads to anything: a parser may take
as long for them."""
RESTORES, RESTORES_OF_ONE = 4, 2
"""Concurrent restores of backups, each as large as --max-restore allows, and from one address as many at most."""
SEARCHES, SEARCHES_OF_ONE = 4, 2
"""Searches in outputs of one namespace, and of one caller in it: each may read many. Namespaces take turns at the
archive."""
BURST = 2.0
"""Seconds' worth of the rate that may be used at once."""
GROUP = 4
"""The rate of all callers of a namespace, in rates of one caller."""
SOON = 0.001
"""Seconds within which no request is refused: less than an answer takes, and more than sums of floats are off."""


Buckets = OrderedDict[str, float]
"""When the bucket of each caller, address or namespace is full again, the longest-idle one first."""


class Gate:
    """Raises `ApiError` for requests beyond the limits. `share` of the streams are for one caller; 0 is a quarter."""

    def __init__(self, *, requests: int, streams: int, rate: float, clock: Callable[[], float], share: int = 0) -> None:
        self.working = 0
        self._requests = requests
        self._working_of: Counter[str] = Counter()
        self.streams = Places(streams, "open responses (events, logs, waiting runs)", of_caller=share, yielding=True)
        self.logs = Places(LOGS, "logs in sending", yielding=True)
        self.uploads = Places(UPLOADS, "uploads in progress", of_caller=UPLOADS_OF_ONE, rolling=True)
        self.restores = Places(RESTORES, "restores in progress", of_caller=RESTORES_OF_ONE)
        self._searches: dict[str, Places] = {}
        self.unsent = Unsent()
        self._clock = clock
        self._rate = Rate(per_second=rate, burst=max(1.0, rate * BURST))
        self._rate_of_group = Rate(per_second=GROUP * rate, burst=max(1.0, GROUP * rate * BURST))
        # A flood from many addresses does not make callers forgotten.
        self._addresses, self._callers, self._groups = Buckets(), Buckets(), Buckets()

    def enter(self) -> None:
        """Admit a request. It has to `leave` afterwards."""
        if self.working >= self._requests:
            raise unavailable(f"the server is already handling {self._requests} requests; retry later")
        self.working += 1

    def leave(self) -> None:
        """The request has been answered."""
        self.working -= 1

    @contextmanager
    def handle(self, owner: Owner) -> Iterator[None]:
        """Count a request whose owner is known for the owner's group, too. Raises `ApiError`, 503."""
        most = quarter(self._requests)
        if self._working_of[owner.group] >= most and not owner.is_address:
            raise unavailable(f"{owner.who} already has {most} requests in progress; retry later")
        self._count(owner, 1)
        try:
            yield
        finally:
            self._count(owner, -1)

    @contextmanager
    def aside(self, owner: Owner) -> Iterator[None]:
        """Do not count a request as one in progress while it waits, or while its answer is sent."""
        self.working -= 1
        self._count(owner, -1)
        try:
            yield
        finally:
            self.working += 1
            self._count(owner, 1)

    def _count(self, owner: Owner, change: int) -> None:
        self._working_of[owner.group] += change
        if not self._working_of[owner.group]:
            del self._working_of[owner.group]

    @contextmanager
    def wait(self, places: Places, owner: Owner) -> Iterator[Place]:
        """Count a request in one of these places instead of as one in progress. Raises `ApiError`, 503."""
        with places.take(owner) as place, self.aside(owner):
            yield place

    @contextmanager
    def search(self, owner: Owner, namespace: str) -> Iterator[None]:
        """Count a search of this owner in outputs of this namespace separately."""
        what = "searches in outputs of this namespace"
        new = Places(SEARCHES, what, of_group=SEARCHES, of_caller=SEARCHES_OF_ONE)
        places = self._searches.setdefault(namespace, new)
        try:
            with self.wait(places, owner):
                yield
        finally:
            if not places.taken:
                self._searches.pop(namespace, None)

    def charge(self, owner: Owner, size: int) -> None:
        """Count the bytes of a body, or take them back if negative. A debt is possible, which later requests pay."""
        if abs(size) >= BODY:
            now = self._clock()
            for buckets, key, rate in self._buckets_of(owner):
                buckets[key] = rate.owe(buckets.pop(key, now), now, size / BODY)

    def spend(self, owner: Owner, name: str = "") -> None:
        """Count a request of the caller with this name, or of an address without one. Raises `ApiError`, 429."""
        now, taken = self._clock(), list[tuple[Buckets, str, float]]()
        for buckets, key, rate in self._buckets_of(owner):
            full_at = buckets[key] = buckets.pop(key, now)
            while len(buckets) > BUCKETS:
                buckets.popitem(last=False)
            ready_at, full_afterwards = rate.take(full_at, now)
            if ready_at > now + SOON:
                who = owner.group if rate is self._rate_of_group else name or key
                text = f"{who} sends more than {rate.per_second:g} requests per second; retry later"
                raise ApiError(HTTPStatus.TOO_MANY_REQUESTS, text, {"Retry-After": str(ceil(ready_at - now))})
            taken.append((buckets, key, full_afterwards))
        # A refused request takes no token.
        for buckets, key, full_afterwards in taken:
            buckets[key] = full_afterwards

    def _buckets_of(self, owner: Owner) -> list[tuple[Buckets, str, Rate]]:
        if not self._rate.per_second:
            return []
        own = (self._addresses if owner.is_address else self._callers, owner.caller, self._rate)
        return [own, (self._groups, owner.group, self._rate_of_group)] if owner.is_shared else [own]
