"""Shared by the handlers: bodies, read within limits of time and size; the job in the path; preconditions of a
write."""

import asyncio
import re
from collections.abc import Sequence
from http import HTTPStatus
from zlib import crc32

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from dkron_api.cache.job_index import JobIndex
from dkron_api.edge.admission import NEED, caller_of, charge_body, owner_of
from dkron_api.edge.aiohttp_fixes import form_of
from dkron_api.edge.keys import GATE
from dkron_api.edge.urls import flag, tenant_of
from dkron_api.jobs.writer import ANY, Terms, another_object, missing
from dkron_api.refusal import ApiError, refusing, unavailable
from dkron_api.translate.gojson import Utf8
from dkron_api.translate.record import Job
from dkron_crds.schedule.errors import quoted

NEWEST = 2**64 - 1
"""The largest possible resource version in Kubernetes."""
_ETAG = re.compile(r'\s*(?:"([1-9]\d{0,19})(?:-[0-9a-f]{8})?"|(\*))\s*', re.ASCII)


def require_ready(request: web.Request) -> JobIndex:
    """Return the jobs of the request's namespace. Raises `ApiError`, 503, until all are known: before that, no job can
    be reported as missing."""
    job_index = tenant_of(request).job_index
    if not job_index.ready:
        why = job_index.object_cache.trouble or "the jobs are still being read"
        raise unavailable(f"not ready yet: {why}")
    return job_index


def job_of(request: web.Request) -> Job:
    """Return the job in the path. Raises `ApiError`: 404, or 409 if it is another object than the right is for."""
    job_index, name = require_ready(request), request.match_info["job"]
    job, need = job_index.get(name), request.get(NEED)
    if job is None:
        raise missing(name)
    if need is not None and job.object_name != need.right.name:
        raise another_object(name)
    return job


def terms_of(request: web.Request) -> Terms:
    """Read If-Match, If-None-Match and `?force`. Raises `ApiError`, 412, for a tag that is not of this server."""
    match = request.headers.get("If-Match")
    version = None
    if match is not None:
        found = _ETAG.fullmatch(match)
        if found is None or int(found[1] or 0) > NEWEST:
            text = f"If-Match: {quoted(match)} is not an ETag of this server; read the object again"
            raise ApiError(HTTPStatus.PRECONDITION_FAILED, text)
        version = found[1] or ANY
    fresh = request.headers.get("If-None-Match", "").strip() == ANY
    return Terms(force=flag(request, "force"), match=version, fresh=fresh, by=caller_of(request))


def is_known(request: web.Request, tag: str) -> bool:
    """Whether If-None-Match contains this entity tag (RFC 9110 §13.1.2), including lists, weak tags and `*`."""
    named = request.if_none_match
    return named is not None and any(each.value == ANY or f'"{each.value}"' == tag for each in named)


def etag(job: Job, children: Sequence[str] = ()) -> str:
    """Return the entity tag of a job. The response of GET also depends on the names of its children."""
    if not children:
        return f'"{job.version}"'
    return f'"{job.version}-{crc32(" ".join(children).encode()):08x}"'


PATIENCE = 30.0
"""Seconds for a body to arrive; for a form, for its next piece."""
FORM_PATIENCE = 600.0
"""Seconds for a whole form: a slow upload of a backup must not hold its place forever."""
PARTS, CHUNK = 64, 65536
"""Maximum fields of a form, and the bytes that are read of one at a time."""
NO_FORM = (ValueError, TypeError, AssertionError, RuntimeError, HttpProcessingError)
"""What aiohttp raises for a body that is no form."""


async def body_of(request: web.Request) -> bytes:
    """Return the body, at most `--max-body` bytes. Raises `ApiError`: 408, or 503 when a newer upload displaces it."""
    body = await request.read() if request.content.is_eof() else await _arriving(request)
    charge_body(request, len(body))
    return body


async def _arriving(request: web.Request) -> bytes:
    gate = request.app[GATE]
    try:
        with gate.wait(gate.uploads, owner_of(request)) as place:
            async with asyncio.timeout(PATIENCE), place.while_kept():
                return await request.read()
    except TimeoutError:
        raise _too_slow(PATIENCE) from None
    raise unavailable("too many uploads are in progress, and this one was the oldest; send it again without pauses")


async def file_of(request: web.Request, field: str, *, limit: int) -> bytearray | None:
    """Return the content of a form field as valid UTF-8; None if there is no such field. Other fields count towards
    the limit but are not kept. Raises `ApiError`: 400, 408 or 413."""
    try:
        async with asyncio.timeout(FORM_PATIENCE), asyncio.timeout(PATIENCE) as patience:
            with refusing(*NO_FORM, text="the multipart body cannot be read: {}"):
                return await _field_of(request, field, limit, patience)
    except TimeoutError:
        raise _too_slow(PATIENCE if patience.expired() else FORM_PATIENCE) from None


async def _field_of(request: web.Request, field: str, limit: int, patience: asyncio.Timeout) -> bytearray | None:
    clock = asyncio.get_running_loop().time
    form, found, size, parts = await form_of(request), None, 0, 0
    while (part := await form.next()) is not None:
        parts += 1
        if parts > PARTS:
            text = f"the form has more than {PARTS} parts; send the backup as the only one"
            raise ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text)
        if not isinstance(part, BodyPartReader):
            raise TypeError("a part of it is a form, too")
        content, utf8 = bytearray(), Utf8()
        is_wanted = found is None and part.name == field
        while piece := await part.read_chunk(CHUNK):
            patience.reschedule(clock() + PATIENCE)
            size += len(piece)
            if size > limit:
                raise ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the form is larger than {limit} bytes")
            if is_wanted:
                content += utf8.feed(piece)
            # Reading buffered data does not yield; let other requests run.
            await asyncio.sleep(0)
        if is_wanted:
            found = content + utf8.feed(b"", final=True)
    return found


def _too_slow(seconds: float) -> ApiError:
    return ApiError(HTTPStatus.REQUEST_TIMEOUT, f"the body did not arrive within {seconds:.0f} seconds")
