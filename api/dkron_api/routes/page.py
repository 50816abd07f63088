"""/ui/: the web page of this project, from the build that `make ui` puts into assets/ui.

All files are read once, compressed, and served from memory. Files under assets/ have the hash of their content in their
name, so browsers keep them for good. Any other path is a view of the page and gets the index, whose `<base>` leads back
to /ui/ from however deep a view is: so the page works below any path that an Ingress puts before it.

The content security policy allows only the page's own files, and no markup made from text. Where callers need a token,
the index says so, and at which issuer the page may sign its reader on: the page then asks that issuer, too.
"""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from http import HTTPStatus
from pathlib import Path
from typing import Final

from aiohttp import web
from yarl import URL

from dkron_api.edge.answers import takes_gzip
from dkron_api.refusal import ApiError
from dkron_api.settings import AuthMode, Settings

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
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src {asked}; base-uri 'self'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS: Final = {
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

    def __init__(self, files: Mapping[str, File], settings: Settings) -> None:
        self._files = files
        self._sign_in = sign_in(settings)
        # The page asks this server, and the issuer that signs its reader on.
        asked = f"'self' {URL(settings.oidc_issuer).origin()}" if AuthMode.OIDC in settings.auth else "'self'"
        self._headers = {"Content-Security-Policy": _POLICY.format(asked=asked), **_HEADERS}
        # From any view, `<base>` leads back to /ui/; a view lies a few folders deep at most.
        self._indexes: dict[int, File] = {}

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """GET /ui/*: the file, or the index for a view. Raises `ApiError`, 404, for a file of another build."""
        path = request.match_info["path"]
        file = self._files.get(path) if path != INDEX else None
        is_hashed = path.startswith(_HASHED)
        if file is None and is_hashed:
            raise ApiError(HTTPStatus.NOT_FOUND, "this file is not part of the page; reload the page")
        shown = self._index(request.rel_url.raw_path.partition(_PREFIX)[2].count("/")) if file is None else file
        return _answer(request, shown, self._headers | {"Cache-Control": _FOR_GOOD if is_hashed else _CHECKED})

    def _index(self, depth: int) -> File:
        """Return the index for a view whose address has so many slashes after /ui/; the router bounds them."""
        if depth not in self._indexes:
            base = self._sign_in + b'<base href="' + (b"../" * depth or b"./") + b'"'
            body = self._files[INDEX].body.replace(_BASE, base, 1)
            self._indexes[depth] = _file(body, ".html")
        return self._indexes[depth]


def sign_in(settings: Settings) -> bytes:
    """Return how the reader of the page signs in, for its head: empty where callers need no token."""
    if AuthMode.NONE in settings.auth:
        return b""
    issuer = ""
    if AuthMode.OIDC in settings.auth:
        # An ID token is for the client that asked for it, so the first audience is the page's client id.
        issuer = f' data-issuer="{escape(settings.oidc_issuer)}" data-client="{escape(settings.oidc_audience[0])}"'
    return f'<meta name="sign-in" content="token"{issuer} />'.encode()


def read_page(settings: Settings, folder: Path = BUILD) -> Page | None:
    """Return the page of a build; None if the folder holds none."""
    if not (folder / INDEX).is_file():
        return None
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix in _TYPES)
    files = {path.relative_to(folder).as_posix(): _file(path.read_bytes(), path.suffix) for path in paths}
    return Page(files, settings)


def _file(body: bytes, suffix: str) -> File:
    compressed = gzip.compress(body, compresslevel=9, mtime=0)
    return File(body, compressed, _TYPES[suffix], hashlib.sha256(body).hexdigest()[:32])


def _answer(request: web.Request, file: File, headers: dict[str, str]) -> web.Response:
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
