"""Limits the pages of lists by bytes. The API server limits a page only by its number of objects, and five hundred
objects may take seven hundred megabytes. The session aborts a page that is too long and requests it again with fewer
objects.
"""

from http import HTTPStatus

import aiohttp

PAGE_BYTES = 1 << 20
"""Maximum length of a page, unless it is a single object: etcd accepts objects of 1.5 MiB by default. While a page is
parsed, it may take thirty times as much memory, and the event loop waits."""
FIRST = 64
"""Objects of the first page of a list, until the length of its objects is known. The API server may need a second to
write as many templates at their bound, and requests have some seconds."""
FEWER = 8
"""A page that is too long is requested again with an eighth of its objects. The next page aims at half of the limit."""
MOST_PATHS = 256
"""Number of lists whose fitting number of objects is remembered."""


class Paging:
    """A middleware of an HTTP session. It reads responses to requests with a `limit` completely before it returns."""

    def __init__(self) -> None:
        self._fit: dict[str, int] = {}

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Send the request until its page is short enough."""
        wanted, path = request.url.query.get("limit", ""), request.url.path
        if not wanted.isdecimal():
            return await handler(request)
        limit = min(int(wanted), self._fit.get(path, FIRST))
        while True:
            request.url = request.url.update_query(limit=str(limit))
            try:
                response = await handler(request)
            except BaseException:
                # The time may have been too short for the API server to write so many objects.
                self._remember(path, limit // FEWER, most=int(wanted))
                raise
            if response.status != HTTPStatus.OK:
                return response
            try:
                size = await self._read(response, most=PAGE_BYTES if limit > 1 else None)
            except BaseException:
                # The caller does not have the response yet, so it cannot close it.
                response.close()
                raise
            if size is not None:
                self._remember(path, limit * PAGE_BYTES // (2 * max(size, 1)), most=int(wanted))
                return response
            response.close()
            # If the request times out before a page fits, the next request continues with this limit.
            limit = self._fit[path] = max(1, limit // FEWER)

    async def _read(self, response: aiohttp.ClientResponse, *, most: int | None) -> int | None:
        """Read the body and return its length, or None if it is too long."""
        body = bytearray()
        async for piece in response.content.iter_any():
            body += piece
            if most is not None and len(body) > most:
                return None
        # `read` and `json` of the response return the body that was read here. aiohttp has no limit for a body:
        # https://github.com/aio-libs/aiohttp/issues/7614
        response._body = bytes(body)
        return len(body)

    def _remember(self, path: str, fit: int, *, most: int) -> None:
        self._fit.pop(path, None)
        self._fit[path] = min(max(1, fit), most)
        if len(self._fit) > MOST_PATHS:
            del self._fit[next(iter(self._fit))]
