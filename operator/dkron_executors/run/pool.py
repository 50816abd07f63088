"""HTTP calls of many jobs in one process, with limits on concurrent calls and on the bytes of each response."""

import asyncio

import aiohttp

from dkron_executors.keys.http import Http
from dkron_executors.result import Result
from dkron_executors.run.addresses import AddressRules
from dkron_executors.run.http import call, open_session

LONGEST_BODY = 256 * 1024
"""Bytes of a response that are read."""


class Pool:
    """Makes up to `limit` calls at once, not to addresses that `rules` refuse. Belongs to one event loop."""

    def __init__(self, *, limit: int, longest: int = LONGEST_BODY, rules: AddressRules | None = None) -> None:
        self._places = asyncio.Semaphore(limit)
        self._limit = limit
        self._longest = longest
        self._sockets = None if rules is None else rules.socket_factory()
        self._session: aiohttp.ClientSession | None = None

    def place(self) -> asyncio.Semaphore:
        """Return the semaphore for calls: hold it during a call."""
        return self._places

    async def call(self, keys: Http) -> Result:
        """Make a call while holding the semaphore. Never raises for anything that a server does."""
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=self._limit, socket_factory=self._sockets)
            # A proxy would connect to addresses that the rules refuse.
            self._session = open_session(connector, proxies=False)
        return await call(keys, session=self._session, longest=self._longest)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
