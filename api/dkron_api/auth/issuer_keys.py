"""The public keys of an issuer of tokens: fetched when they are needed, kept, and fetched again as the issuer rotates
them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from dkron_api.auth.jwks import Keys, KeysError
from dkron_kube.errors import Unavailable

log = logging.getLogger(__name__)

Load = Callable[[], Awaitable[Keys | None]]
"""Reads the keys; None if they are the same as before. Raises `KeysError`."""


class IssuerKeys:
    """The keys by their `kid`. `fresh` is for how many seconds they are used without another look, `pause` how many
    are between two looks, whatever tokens ask for. While the issuer does not answer, its last keys stay usable."""

    def __init__(self, load: Load, *, fresh: float, pause: float, clock: Callable[[], float]) -> None:
        self.generation = 0
        """Grows with each change of the keys: what was decided by older ones has to be decided again."""
        self._load = load
        self._fresh = fresh
        self._pause = pause
        self._clock = clock
        self._keys: Keys | None = None
        self._looked = float("-inf")
        self._looking: asyncio.Task[None] | None = None
        self._trouble = ""

    def are_fresh(self) -> bool:
        """Whether there are keys that may be used without another look."""
        return self._keys is not None and self._clock() - self._looked < self._fresh

    async def current(self) -> Keys:
        """Return the keys, and look for others if they are old. Raises `Unavailable` if there are none yet."""
        age = self._clock() - self._looked
        if self._keys is None:
            if self._looking is not None or age >= self._pause:
                await self._look()
        elif age >= self._fresh:
            self._begin()
        if self._keys is None:
            # The reason is for the log alone: this caller is not authenticated.
            raise Unavailable("the issuer's keys cannot be read; see the log of this service", retry_after=1.0)
        return self._keys

    async def changed(self) -> bool:
        """Look for other keys, because a token names one that is missing, unless the last look was just before. Return
        whether there are others."""
        before = self.generation
        if self._looking is not None or self._clock() - self._looked >= self._pause:
            await self._look()
        return self.generation != before

    async def _look(self) -> None:
        # One client that leaves must not take the keys away from the others.
        await asyncio.shield(self._begin())

    def _begin(self) -> "asyncio.Task[None]":
        if self._looking is None:
            self._looked = self._clock()
            self._looking = asyncio.create_task(self._read(), name="keys of the issuer")
            self._looking.add_done_callback(self._end)
        return self._looking

    def _end(self, _: "asyncio.Task[None]") -> None:
        self._looking = None

    async def _read(self) -> None:
        try:
            keys = await self._load()
        except KeysError as error:
            if str(error) != self._trouble:
                log.warning("the issuer's keys cannot be read: %s", error)
            self._trouble = str(error)
            return
        if self._trouble:
            log.info("the issuer's keys can be read again")
        self._trouble = ""
        if keys is not None and keys != self._keys:
            self._keys = keys
            self.generation += 1
