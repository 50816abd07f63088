"""The public keys of an issuer of tokens: fetched when they are needed, kept, and fetched again as they rotate."""

import asyncio
import logging
import time
from contextlib import suppress

import jwt

from dkron_api.auth.key_sources import SECONDS, KeysError, Load, find, read_keys, signing_keys
from dkron_api.translate.record import Object
from dkron_kube.errors import Unavailable

log = logging.getLogger(__name__)


class IssuerKeys(jwt.PyJWKClient):
    """The library keeps keys for `fresh` seconds, looks again if a token names one that is missing, and pauses after a
    look, whatever tokens ask for. Here is what it does not do: bounded answers, one look at a time off the loop, pauses
    after a failure, and last keys that stay usable while the issuer does not answer.

    A set of keys is the same object until the issuer changes it: what was decided by another one has to be decided
    again."""

    def __init__(self, issuer: str, load: Load, *, fresh: float, pause: float) -> None:
        super().__init__(issuer, lifespan=fresh, cooldown_duration=pause)
        self._load = load
        self._listed: list[Object] = []
        self._last: jwt.PyJWKSet | None = None
        self._failed = float("-inf")
        self._looking: asyncio.Task[None] | None = None
        self._trouble = ""

    def fresh(self) -> jwt.PyJWKSet | None:
        """Return the keys, if they may be used without another look."""
        return None if self.jwk_set_cache is None else self.jwk_set_cache.get()

    async def current(self) -> jwt.PyJWKSet:
        """Return the keys, and look for others if they are old. Raises `Unavailable` if there are none yet."""
        if self._last is None:
            await self._look("")
        elif self.fresh() is None:
            self._begin("")
        if self._last is None:
            # The reason is only for the log: this caller is not authenticated.
            raise Unavailable("the issuer's keys cannot be read; see the log of this service", retry_after=1.0)
        return self._last

    async def find(self, kid: str | None, algorithm: str) -> tuple[jwt.PyJWKSet, jwt.PyJWK | None]:
        """Return the keys, and among them the one that a token names. Raises `Unavailable` if there are none yet."""
        keys = await self.current()
        if find(keys, kid, algorithm) is None:
            await self._look(kid or "")
            keys = await self.current()
        return keys, find(keys, kid, algorithm)

    async def _look(self, kid: str) -> None:
        # One client that leaves must not take the keys away from the others.
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._begin(kid)), SECONDS)

    def _begin(self, kid: str) -> "asyncio.Task[None]":
        if self._looking is None:
            self._looking = asyncio.create_task(asyncio.to_thread(self._ask, kid), name="keys of the issuer")
            self._looking.add_done_callback(self._end)
        return self._looking

    def _end(self, _: "asyncio.Task[None]") -> None:
        self._looking = None

    def _ask(self, kid: str) -> None:
        with suppress(jwt.PyJWKClientError):
            self.get_signing_key(kid)

    def fetch_data(self) -> jwt.PyJWKSet:
        """Return the keys that the issuer has, or the last ones while it does not answer. Blocks."""
        if time.monotonic() - self._failed < self.cooldown_duration:
            raise KeysError(self._trouble)
        try:
            listed = signing_keys(self._load())
            if self._last is None or listed != self._listed:
                self._last, self._listed = read_keys(listed), listed
        except KeysError as error:
            if str(error) != self._trouble:
                log.warning("the issuer's keys cannot be read: %s", error)
            self._trouble = str(error)
            if self._last is None:
                self._failed = time.monotonic()
                raise
        else:
            if self._trouble:
                log.info("the issuer's keys can be read again")
            self._trouble = ""
        self._last_successful_fetch = time.monotonic()
        return self._last
