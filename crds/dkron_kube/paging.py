"""Pages of lists, bounded by bytes. The API server bounds a page by the number of its objects alone, and five hundred
of them may be seven hundred megabytes. So a page that gets too long is broken off, and asked for again with fewer.
"""

from http import HTTPStatus

import aiohttp

PAGE_BYTES = 4 << 20
"""How long a page may be, unless it is a single object: etcd takes objects of 1.5 MiB by default."""
FEWER = 8
"""A page that is too long is asked for with an eighth of the objects. The next one is to be half full."""
MOST_PATHS = 256
"""How many lists are remembered for how many objects fit."""


class Paging:
    """A middleware of an HTTP session. Answers to requests with a `limit` are read to their end when it returns."""

    def __init__(self, page_bytes: int = PAGE_BYTES) -> None:
        self._page_bytes = page_bytes
        self._fit: dict[str, int] = {}

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Send the request until its page is short enough."""
        wanted, path = request.url.query.get("limit", ""), request.url.path
        if not wanted.isdecimal():
            return await handler(request)
        limit = min(int(wanted), self._fit.get(path, int(wanted)))
        while True:
            request.url = request.url.update_query(limit=str(limit))
            response = await handler(request)
            if response.status != HTTPStatus.OK:
                return response
            size = await self._read(response, most=self._page_bytes if limit > 1 else None)
            if size is not None:
                self._remember(path, limit * self._page_bytes // (2 * max(size, 1)), most=int(wanted))
                return response
            response.close()
            # Should the time for the request pass before a page fits, the next request goes on from here.
            limit = self._fit[path] = max(1, limit // FEWER)

    async def _read(self, response: aiohttp.ClientResponse, *, most: int | None) -> int | None:
        """Read the body; how long it is, or None if that is too long."""
        body = bytearray()
        async for piece in response.content.iter_any():
            body += piece
            if most is not None and len(body) > most:
                return None
        # What was read here is what `read` and `json` give whoever has asked.
        response._body = bytes(body)
        return len(body)

    def _remember(self, path: str, fit: int, *, most: int) -> None:
        self._fit.pop(path, None)
        if fit < most:
            self._fit[path] = max(1, fit)
            if len(self._fit) > MOST_PATHS:
                del self._fit[next(iter(self._fit))]
