"""Limits the objects in API responses before kopf parses them.

kopf parses each response with `json.loads`, which fails on JSON that nests a thousand levels and breaks the stream.
Each kopf worker also keeps the last object that it has seen. This middleware therefore passes lines and pages to kopf
without the parts that are too deep or too long (`dkron_crds.bounds`), and without the parts that the operator never
reads (docs/adr/0034). Events that the operator takes in itself do not reach kopf at all (docs/adr/0002).
"""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp

from dkron_crds.bounds import HEAVY, bounded, decode, is_deep, objects, trim, unreadable
from dkron_kube.paths import JOBS
from dkron_kube.watch_events import Lines

Object = dict[str, Any]


Take = Callable[[str, Object], bool]
"""Called with the plural of a kind and an event of its watch. Returns whether the event was taken in, and ends there.
It never raises."""


class BoundedReading:
    """A middleware of kopf's session that limits the content of its responses. kopf gets the events that `take` does
    not take."""

    def __init__(self, take: Take = lambda _plural, _event: False) -> None:
        self._take = take

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Send the request, and bound what comes back."""
        response = await handler(request)
        if not response.ok:
            return response
        plural = request.url.path.rpartition("/")[2]
        if "watch" in request.url.query:
            response.content = _Stream(response.content, plural, self._take)  # type: ignore[assignment]
        else:
            body = bounded_text(await response.read(), of_jobs=plural == JOBS.plural)
            # No middleware can replace what a response has. Not reported.
            response._body = body
        return response


def bounded_text(text: bytes, *, of_jobs: bool = False) -> bytes:
    """Return a list or an event as kopf may read it. With `of_jobs`, large documents lose the `spec` of each Job,
    which the operator never reads."""
    deep = is_deep(text)
    if len(text) <= HEAVY and not deep:
        return text
    try:
        document = decode(text)
    except ValueError:
        # The text is not JSON: leave the error to kopf.
        return text
    changed = deep
    for item in objects(document):
        dropped = of_jobs and item.pop("spec", None) is not None
        changed = trim(item) or bool(unreadable(item)) or dropped or changed
    return json.dumps(document, separators=(",", ":")).encode() if changed else text


class _Stream:
    """The content of a watch. It delegates everything except `iter_chunked` to the original content."""

    def __init__(self, content: aiohttp.StreamReader, plural: str, take: Take) -> None:
        self._content = content
        self._plural = plural
        self._take = take

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any attribute of the content
        return getattr(self._content, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Yield the whole lines that are not taken in, bounded."""
        lines = Lines()
        async for piece in self._content.iter_chunked(size):
            for line in lines.feed(piece):
                if not self._is_taken(line):
                    yield bounded_text(line, of_jobs=self._plural == JOBS.plural) + b"\n"

    def _is_taken(self, line: bytes) -> bool:
        try:
            event = bounded(line)
        except ValueError:
            # The line is not JSON: leave the error to kopf.
            return False
        return isinstance(event, dict) and self._take(self._plural, event)
