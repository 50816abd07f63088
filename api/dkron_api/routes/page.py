"""/ui/: the web page of this project, from the build that `make ui` puts into assets/ui.

All files are read once, compressed, and served from memory. Files under assets/ have the hash of their content in their
name, so browsers keep them for good. Any other path is a view of the page and gets the index, whose `<base>` leads back
to /ui/ from however deep a view is: so the page works below any path that an Ingress puts before it.

The content security policy allows the page's own files alone, and no markup made from text.
"""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

from aiohttp import web

from dkron_api.edge.coding import takes_gzip
from dkron_api.refusal import ApiError

BUILD: Final = Path(__file__).parents[1] / "assets" / "ui"
"""Where the build is; absent in a checkout that has none."""
INDEX = "index.html"
_HASHED = "assets/"
_PREFIX = "/ui/"
_BASE = b'<base href="/ui/"'
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Encoding",
}
_FOR_GOOD = "public, max-age=31536000, immutable"
_CHECKED = "no-cache"


@dataclass(frozen=True, slots=True)
class File:
    """A file of the build, ready to be sent. `etag` is without quotes."""

    body: bytes
    compressed: bytes
    content_type: str
    etag: str


class Page:
    """The build, by the paths of its files below /ui/."""

    def __init__(self, files: Mapping[str, File]) -> None:
        self._files = files
        # From any view, `<base>` leads back to /ui/; a view lies a few folders deep at most.
        self._indexes: dict[int, File] = {}

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """GET /ui/*: the file, or the index for the address of a view. Raises `ApiError`, 404, for a file of another
        build."""
        path = request.match_info["path"]
        file = self._files.get(path) if path != INDEX else None
        if file is not None:
            return _answer(request, file, _FOR_GOOD if path.startswith(_HASHED) else _CHECKED)
        if path.startswith(_HASHED):
            raise ApiError(HTTPStatus.NOT_FOUND, "this file is not part of the page; reload the page")
        return _answer(request, self._index(_depth(request.rel_url.raw_path)), _CHECKED)

    def _index(self, depth: int) -> File:
        """Return the index for a view whose address has so many slashes after /ui/; the router bounds them."""
        if depth not in self._indexes:
            base = b'<base href="' + (b"../" * depth or b"./") + b'"'
            body = self._files[INDEX].body.replace(_BASE, base, 1)
            self._indexes[depth] = _file(body, ".html")
        return self._indexes[depth]


def read_page(folder: Path = BUILD) -> Page | None:
    """Return the page of a build; None if the folder holds none."""
    if not (folder / INDEX).is_file():
        return None
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix in _TYPES)
    return Page({path.relative_to(folder).as_posix(): _file(path.read_bytes(), path.suffix) for path in paths})


def _depth(raw_path: str) -> int:
    return raw_path.partition(_PREFIX)[2].count("/")


def _file(body: bytes, suffix: str) -> File:
    compressed = gzip.compress(body, compresslevel=9, mtime=0)
    return File(body, compressed, _TYPES[suffix], hashlib.sha256(body).hexdigest()[:32])


def _answer(request: web.Request, file: File, caching: str) -> web.Response:
    headers = {**_HEADERS, "Cache-Control": caching}
    if file.etag in (tag.value for tag in request.if_none_match or ()):
        response = web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    else:
        headers["Content-Type"] = file.content_type
        compressed = takes_gzip(request.headers.get("Accept-Encoding", ""))
        if compressed:
            headers["Content-Encoding"] = "gzip"
        response = web.Response(body=file.compressed if compressed else file.body, headers=headers)
    response.etag = file.etag
    return response
