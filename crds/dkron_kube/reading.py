"""What kopf reads, bounded before kopf sees it.

kopf parses each answer with `json.loads`, which fails on what nests a thousand levels and takes the stream with it, and
each of its workers holds on to the last object that it has seen. So its session hands it lines and pages from which is
cut out what is too deep or too long (`dkron_crds.bounds`), and what nobody here reads (docs/adr/0034).
"""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from dkron_crds.bounds import HEAVY, decode, is_deep, objects, trim, unreadable
from dkron_kube.paths import JOBS
from dkron_kube.watch_events import Lines

Object = dict[str, Any]


async def read_bounded(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """A middleware of kopf's session: what its answers hold is bounded."""
    response = await handler(request)
    if not response.ok:
        return response
    of_jobs = request.url.path.endswith(f"/{JOBS.plural}")
    if "watch" in request.url.query:
        response.content = _Stream(response.content, of_jobs=of_jobs)  # type: ignore[assignment]
    else:
        body = bounded_text(await response.read(), of_jobs=of_jobs)
        response._body = body
    return response


def bounded_text(text: bytes, *, of_jobs: bool = False) -> bytes:
    """A list or an event as kopf may read it. `of_jobs`: of a Job, `spec` is never looked at."""
    deep = is_deep(text)
    if len(text) <= HEAVY and not deep:
        return text
    try:
        document = decode(text)
    except ValueError:
        # It is no JSON: what that means is up to kopf.
        return text
    changed = [_lighten(item, of_jobs=of_jobs) for item in objects(document)]
    return json.dumps(document, separators=(",", ":")).encode() if deep or any(changed) else text


def _lighten(item: Object, *, of_jobs: bool) -> bool:
    dropped = of_jobs and item.pop("spec", None) is not None
    return trim(item) or bool(unreadable(item)) or dropped


class _Stream:
    """The content of a watch; to everything but `iter_chunked` it is the content itself."""

    def __init__(self, content: aiohttp.StreamReader, *, of_jobs: bool) -> None:
        self._content = content
        self._of_jobs = of_jobs

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever it has
        return getattr(self._content, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Whole lines, bounded."""
        lines = Lines()
        async for piece in self._content.iter_chunked(size):
            for line in lines.feed(piece):
                yield bounded_text(line, of_jobs=self._of_jobs) + b"\n"
