"""Applied to every request: the gate, then the handler, then errors as sentences, headers, and one log line."""

import logging
import os
import re
from collections.abc import Mapping
from http import HTTPStatus
from time import perf_counter

from aiohttp import web
from aiohttp.typedefs import Handler

from dkron_api import metrics
from dkron_api.edge import cors
from dkron_api.edge.access import cut
from dkron_api.edge.addresses import address_of
from dkron_api.edge.admission import READS, admit, caller_of, owner_of, refund_body, template_of
from dkron_api.edge.aiohttp_fixes import MALFORMED, sentence
from dkron_api.edge.answers import COMPRESSIBLE, JSON, takes_gzip
from dkron_api.edge.audit import audit
from dkron_api.edge.hosts import is_ours
from dkron_api.edge.keys import ACCESS, AUDIT, GATE, SETTINGS
from dkron_api.edge.traced import TRACE
from dkron_api.edge.urls import public_path
from dkron_api.refusal import ApiError, refusal_of
from dkron_api.translate import gojson
from dkron_crds.schedule.errors import printable
from dkron_kube.errors import KubeError

REQUEST_ID = web.RequestKey("REQUEST_ID", str)
PROBES = frozenset({"/health", "/livez"})
"""Paths that are answered whatever else goes on."""
SERVER = "dkron-api"
HSTS = "max-age=31536000"
"""A year of https only, for this name and none below it."""
WRONG_HOST = ApiError(
    HTTPStatus.MISDIRECTED_REQUEST, "this service does not answer under the name in Host; see --allowed-hosts"
)
FOREIGN = ApiError(HTTPStatus.FORBIDDEN, "this origin is not allowed to change anything; see --cors-origins")
ENCODED = ApiError(
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "a request must not have a Content-Encoding; send its body as it is"
)

log = logging.getLogger(__name__)
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


@web.middleware
async def edge(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer the request, whatever happens."""
    begun = perf_counter()
    app = request.app
    identity = request.headers.get("X-Request-Id", "")
    if not _ID.fullmatch(identity):
        identity = os.urandom(8).hex()
    request[REQUEST_ID] = identity
    response = await _answered(request, handler, app)
    # `isinstance` would go through the abstract classes of aiohttp, and take longer than the rest of it.
    body = response.body if type(response) is web.Response else None
    if isinstance(body, bytes) and len(body) >= COMPRESSIBLE and not response.prepared:
        _compress(request, response)
    seconds, status = perf_counter() - begun, response.status
    metrics.observe(request.method, template_of(request), status, seconds)
    audit(app[AUDIT], request, status, identity)
    access = app[ACCESS]
    if access is not None:
        size = len(body) if isinstance(body, bytes) else response.content_length
        fields: dict[str, object] = {
            "request": identity, "remote": address_of(request), "seconds": round(seconds, 4),
            "bytes": size, "agent": request.headers.get("User-Agent", ""),
        }  # fmt: skip
        trace = request.get(TRACE)
        if trace is not None:
            fields["trace_id"] = trace.trace_id
        access.write(f"{request.method} {cut(request.path_qs)} {status}", fields)
    return response


async def sign(request: web.Request, response: web.StreamResponse) -> None:
    """Set the headers of every response, just before it is sent."""
    headers, settings = response.headers, request.app[SETTINGS]
    # A request that no middleware has seen has none yet.
    headers["X-Request-Id"] = request.get(REQUEST_ID) or os.urandom(8).hex()
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Server"] = SERVER
    if request.match_info.http_exception is None and request.path not in PROBES:
        headers["X-Whom"] = settings.node_name
    if caller_of(request):
        # Browsers and proxies may keep it for this caller, and ask each time whether it has changed.
        headers.setdefault("Cache-Control", "private, no-cache")
    if settings.tls_cert is not None:
        headers["Strict-Transport-Security"] = HSTS
    if settings.cors_origins:
        headers.add("Vary", "Origin")
        origin = cors.allowed(request.headers.get("Origin", ""), settings.cors_origins)
        if origin:
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Expose-Headers"] = cors.EXPOSED


async def _answered(request: web.Request, handler: Handler, app: web.Application) -> web.StreamResponse:  # noqa: PLR0911
    try:
        return await _let_through(request, handler, app)
    except ApiError as refusal:
        return _refused(request, refusal)
    except KubeError as error:
        return _refused(request, refusal_of(error))
    except web.HTTPRequestEntityTooLarge as error:
        return _refused(request, ApiError(error.status, "the body is larger than this server accepts; see --max-body"))
    except MALFORMED as error:
        return _refused(request, ApiError(HTTPStatus.BAD_REQUEST, f"the request cannot be read: {sentence(error)}"))
    except web.HTTPException as error:
        return _refused(request, ApiError(error.status, error.text or error.reason))
    except ConnectionError:
        # The client has disconnected during its request; the response goes nowhere.
        return web.Response(status=HTTPStatus.BAD_REQUEST)
    except Exception:
        log.exception("a request failed", extra={"request": request[REQUEST_ID], "path": cut(request.path)})
        text = f"internal error; see the server's log for the request id {request[REQUEST_ID]}"
        return _refused(request, ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, text))


async def _let_through(request: web.Request, handler: Handler, app: web.Application) -> web.StreamResponse:
    unknown, settings, gate = request.match_info.http_exception, app[SETTINGS], app[GATE]
    if unknown is None and request.path in PROBES:
        return await handler(request)
    if not is_ours(request.headers.get("Host", ""), settings.allowed_hosts):
        raise WRONG_HOST
    if unknown is None and cors.is_foreign(request.method, request.headers, settings.cors_origins):
        raise FOREIGN
    gate.enter()
    try:
        if unknown is not None:
            gate.spend(owner_of(request))
        return await _admitted(request, handler) if unknown is None else await _unknown(request, unknown)
    finally:
        gate.leave()


async def _admitted(request: web.Request, handler: Handler) -> web.StreamResponse:
    grant = await admit(request)
    if request.headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
        raise ENCODED
    with request.app[GATE].handle(owner_of(request)):
        response = await handler(request)
    if grant is not None and not grant.asked:
        raise RuntimeError(
            f"{request.method} {template_of(request)} was answered without a look at the caller's rights"
        )
    if request.method not in READS and response.status < HTTPStatus.BAD_REQUEST:
        refund_body(request)
    return response


async def _unknown(request: web.Request, why: web.HTTPException) -> web.StreamResponse:
    """Handle a path that is too long, a preflight, an extra slash (Dkron behaviour §1.1), or no route at all."""
    if why.status == HTTPStatus.REQUEST_URI_TOO_LONG:
        raise why
    if request.method == "OPTIONS" and request.app[SETTINGS].cors_origins:
        asked = request.headers.get("Access-Control-Request-Headers", "")
        return web.Response(status=HTTPStatus.NO_CONTENT, headers=cors.preflight(asked))
    path = request.rel_url.raw_path
    if path.endswith("/") and len(path) > 1:
        shorter = request.clone(rel_url=request.rel_url.with_path(path[:-1], encoded=True, keep_query=True))
        found = await request.app.router.resolve(shorter)
        if found.http_exception is None:
            status = HTTPStatus.MOVED_PERMANENTLY if request.method == "GET" else HTTPStatus.TEMPORARY_REDIRECT
            return web.Response(status=status, headers={"Location": public_path(request, str(shorter.rel_url))})
    raise NOT_A_ROUTE


def _refused(request: web.Request, refusal: ApiError) -> web.Response:
    # Some are raised again and again: each time they would keep one more request.
    refusal.__traceback__ = None
    body, headers = body_of(refusal, accept=request.headers.get("Accept", ""), path=request.path)
    return web.Response(body=body, status=refusal.status, headers=headers)


def _compress(request: web.Request, response: web.StreamResponse) -> None:
    headers = response.headers
    # A list that is ready has the header: its bytes are already those that the client takes.
    if headers.get("Content-Type") == JSON and headers.get("Vary") != "Accept-Encoding":
        headers.add("Vary", "Accept-Encoding")
        if takes_gzip(request.headers.get("Accept-Encoding", "")):
            response.enable_compression(web.ContentCoding.gzip)


PROBLEM = "application/problem+json"
TEXT = "text/plain; charset=utf-8"
LONGEST = 900
"""Maximum characters of a sentence."""
NOT_A_ROUTE = ApiError(HTTPStatus.NOT_FOUND, "404 page not found")
"""Dkron's response to every path and method that it does not know (Dkron behaviour §1.1)."""


def body_of(refusal: ApiError, *, accept: str, path: str) -> tuple[bytes, Mapping[str, str]]:
    """Return body and headers of an error. Text quoted from the request is escaped for terminals and logs."""
    reason = refusal.reason if len(refusal.reason) <= LONGEST else refusal.reason[:LONGEST] + "…"
    reason = printable(reason)
    if PROBLEM in accept:
        problem = {
            "type": "about:blank",
            "title": HTTPStatus(refusal.status).phrase,
            "status": refusal.status,
            "detail": reason,
            "instance": path,
        }
        return gojson.encode(problem), {**refusal.headers, "Content-Type": PROBLEM}
    return reason.encode(), {**refusal.headers, "Content-Type": TEXT}
