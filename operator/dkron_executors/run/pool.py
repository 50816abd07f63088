"""HTTP calls of many jobs in one process: so many at once, each with so many bytes of its answer."""

import asyncio

import aiohttp

from dkron_executors.keys.http import Http
from dkron_executors.result import Result
from dkron_executors.run.http import call, open_session

LONGEST_BODY = 256 * 1024
"""Bytes of an answer that are read."""


class Pool:
    """Makes `limit` calls at once; more wait for their turn. Belongs to one event loop."""

    def __init__(self, *, limit: int, longest: int = LONGEST_BODY) -> None:
        self._places = asyncio.Semaphore(limit)
        self._limit = limit
        self._longest = longest
        self._session: aiohttp.ClientSession | None = None

    def place(self) -> asyncio.Semaphore:
        """The right to make a call: hold it for that long."""
        return self._places

    async def call(self, keys: Http) -> Result:
        """Make a call, by whoever holds a place. Never raises for what a server does."""
        if self._session is None:
            self._session = open_session(aiohttp.TCPConnector(limit=self._limit))
        return await call(keys, session=self._session, longest=self._longest)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
