"""kopf's lists. kopf lists what it watches before it watches, and has a task for each object that it lists. The first
of these lists would show only what the operator has just read."""

import json
from collections.abc import Callable

import aiohttp


class Lists:
    """A middleware of kopf's session. Of each path in `filled`, kopf's first list is empty, with that version: kopf
    watches from there, and is told of everything since, of deletions, too. `listed` is called with the path of each
    other successful request that is no watch."""

    def __init__(self, filled: dict[str, str], *, listed: Callable[[str], None]) -> None:
        self._filled = filled
        self._listed = listed

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Send the request. One whose answer is not used is sent, too: the API server may refuse it."""
        response, path = await handler(request), request.url.path
        if not response.ok or "watch" in request.url.query:
            return response
        known = next((each for each in self._filled if path.endswith(each)), None)
        if known is None:
            self._listed(path)
        else:
            page = {"items": [], "metadata": {"resourceVersion": self._filled.pop(known)}}
            # No middleware can replace what a response has. Not reported.
            response._body = json.dumps(page).encode()
        return response
