"""The API description: `/openapi.json` for programs, `/docs` for people.

The page is Swagger UI, with all its files served from here. Its content security policy allows only those scripts and
only requests to this server, so that no text in a description or response can act on the reader's behalf.
"""

import asyncio
import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml
from aiohttp import web

from dkron_api.answer import json_answer
from dkron_api.edge.coding import takes_gzip
from dkron_api.edge.root import public_path
from dkron_api.refusal import ApiError
from dkron_crds.schedule.errors import quoted

_HERE: Final = Path(__file__).parents[1]
_DOCUMENT: Final = _HERE / "openapi.yaml"
_PAGE: Final = _HERE / "assets" / "docs.html"
_ASSETS: Final = {
    "docs.css": (_HERE / "assets" / "docs.css", "text/css"),
    "docs.js": (_HERE / "assets" / "docs.js", "text/javascript"),
    "swagger-ui.css": (_HERE / "assets" / "swagger-ui" / "swagger-ui.css", "text/css"),
    "swagger-ui-bundle.js": (_HERE / "assets" / "swagger-ui" / "swagger-ui-bundle.js", "text/javascript"),
}
# Swagger UI's style sheet has icons with data: URLs.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    # Browsers cache the files but revalidate each time; the response is 304 until the server's version changes.
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file ready to be sent."""

    body: bytes
    content_type: str
    etag: str


def document() -> dict[str, Any]:
    """Return the OpenAPI document as plain data."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    parsed: dict[str, Any] = yaml.load(_DOCUMENT.read_bytes(), Loader=loader)  # noqa: S506 - both loaders are safe
    return parsed


async def openapi(request: web.Request) -> web.StreamResponse:
    """GET /openapi.json."""
    return json_answer(request, _rendered_document(public_path(request, "/")))


async def docs(request: web.Request) -> web.StreamResponse:
    """GET /docs."""
    return _answer(request, await asyncio.to_thread(_read, _PAGE, "text/html"))


async def asset(request: web.Request) -> web.StreamResponse:
    """GET /docs/{asset}."""
    name = request.match_info["asset"]
    if name not in _ASSETS:
        raise ApiError(404, f"there is no file {quoted(name)}; the page is at /docs and uses {', '.join(_ASSETS)}")
    return _answer(request, await asyncio.to_thread(_read, *_ASSETS[name]))


@cache
def _rendered_document(server: str) -> bytes:
    described = document()
    described["servers"][0]["url"] = server
    return json.dumps(described, ensure_ascii=False, separators=(",", ":")).encode()


@cache
def _read(path: Path, content_type: str) -> Asset:
    body = path.read_bytes()
    return Asset(body, content_type, hashlib.sha256(body).hexdigest()[:32])


def _answer(request: web.Request, asset: Asset) -> web.Response:
    if asset.etag in (tag.value for tag in request.if_none_match or ()):
        response = web.Response(status=304, headers=_HEADERS)
    else:
        response = web.Response(
            body=asset.body, content_type=asset.content_type, charset="utf-8", headers=_HEADERS, zlib_executor_size=1024
        )
        response.headers["Vary"] = "Accept-Encoding"
        if takes_gzip(request.headers.get("Accept-Encoding", "")):
            response.enable_compression(web.ContentCoding.gzip)
    response.etag = asset.etag
    return response


ROUTES: Final = (
    web.get("/openapi.json", openapi, allow_head=False),
    web.get("/docs", docs, allow_head=False),
    web.get("/docs/{asset}", asset, allow_head=False),
)
