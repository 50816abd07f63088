"""Places that owners of requests share: no namespace has more than a quarter, and none keeps another out for long."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from dkron_api.auth.caller import Owner
from dkron_api.refusal import unavailable


def quarter(total: int) -> int:
    """Return how much of a limit one group may have."""
    return max(1, total // 4)


@dataclass(eq=False, slots=True)
class Place:
    """A taken place. Its owner keeps it until `give_way`."""

    owner: Owner
    is_kept: bool = True
    _scope: asyncio.Timeout | None = None

    @asynccontextmanager
    async def while_kept(self) -> AsyncIterator[None]:
        """End the block, without an error, as soon as the place is another owner's."""
        self._scope = scope = asyncio.timeout(None if self.is_kept else 0)
        try:
            async with scope:
                yield
        except TimeoutError:
            if not scope.expired():
                raise
        finally:
            self._scope = None

    def give_way(self) -> None:
        """End the block of `while_kept`, now or when it begins. Only once."""
        self.is_kept = False
        if self._scope is not None:
            self._scope.reschedule(asyncio.get_running_loop().time())


@dataclass
class Places:
    """So many places. A caller has `of_caller` of them at most, and a group `of_group`: by default a quarter. An
    address is no group, because a proxy sends the requests of many clients from it.

    At a share, the newcomer is refused, or displaces the oldest of that share if the places are `rolling`. Where all
    are taken, the oldest of the group with the most places gives way to a group with fewer, if they are `yielding`.
    Takes O(1), and O(owners) where all are taken.
    """

    places: int
    what: str
    of_group: int = 0
    of_caller: int = 0
    yielding: bool = False
    rolling: bool = False
    taken: int = field(default=0, init=False)
    _crowds: dict[Owner | str, dict[Place, None]] = field(default_factory=dict, init=False)
    """The places of each caller and of each group, the oldest first."""

    @contextmanager
    def take(self, owner: Owner) -> Iterator[Place]:
        """Hold a place. Raises `ApiError`, 503."""
        self._make_room(owner)
        place = Place(owner)
        for key in (owner, owner.group):
            self._crowds.setdefault(key, {})[place] = None
        self.taken += 1
        try:
            yield place
        finally:
            if place.is_kept:
                self._remove(place)

    def _make_room(self, owner: Owner) -> None:
        own, group = self._crowds.get(owner, {}), self._crowds.get(owner.group, {})
        of_group = self.of_group or quarter(self.places)
        of_caller = self.of_caller or of_group
        if len(own) >= of_caller:
            crowd, who, most = own, "this caller", of_caller
        elif len(group) >= of_group and not owner.is_address:
            crowd, who, most = group, owner.who, of_group
        elif self.taken >= self.places:
            # Where a caller has as many as its group, these are the same.
            crowd, who, most = max(self._crowds.values(), key=len), "the server", self.places
        else:
            return
        if not (self.rolling or (self.yielding and len(crowd) > len(group))):
            raise unavailable(f"{who} already has {most} {self.what}; end some, or retry later", after="10")
        oldest = next(iter(crowd))
        self._remove(oldest)
        oldest.give_way()

    def _remove(self, place: Place) -> None:
        self.taken -= 1
        for key in (place.owner, place.owner.group):
            del self._crowds[key][place]
            if not self._crowds[key]:
                del self._crowds[key]
