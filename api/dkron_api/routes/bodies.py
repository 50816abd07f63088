"""Request bodies, read within limits of time and size."""

import asyncio
from http import HTTPStatus

from aiohttp import web

from dkron_api.edge.admission import charge_body, owner_of
from dkron_api.edge.keys import GATE
from dkron_api.refusal import ApiError, unavailable
from dkron_api.translate.forms import Form, boundary_in
from dkron_api.translate.gojson import Utf8

PATIENCE = 30.0
"""Seconds for a body to arrive; for a form, for its next piece."""
FORM_PATIENCE = 600.0
"""Seconds for a whole form: a slow upload of a backup must not hold its place forever."""


async def body_of(request: web.Request) -> bytes:
    """Return the body, at most `--max-body` bytes. Raises `ApiError`: 408, or 503 when a newer upload displaces it."""
    body = await request.read() if request.content.is_eof() else await _arriving(request)
    charge_body(request, len(body))
    return body


async def _arriving(request: web.Request) -> bytes:
    clock = asyncio.get_running_loop().time
    end = clock() + PATIENCE
    patience = asyncio.timeout_at(end)
    try:
        async with patience:
            with request.app[GATE].upload(lambda: patience.reschedule(clock()), owner_of(request)):
                return await request.read()
    except TimeoutError:
        raise _too_slow(PATIENCE) if patience.when() == end else _displaced() from None


async def file_of(request: web.Request, field: str, *, limit: int) -> bytearray | None:
    """Return the content of a form field as valid UTF-8; None if there is no such field. Other fields count towards
    the limit but are not kept.

    Raises `ApiError`, 408 or 413, and `NoForm`.
    """
    try:
        async with asyncio.timeout(FORM_PATIENCE), asyncio.timeout(PATIENCE) as patience:
            return await _field_of(request, field, limit, patience)
    except TimeoutError:
        raise _too_slow(PATIENCE if patience.expired() else FORM_PATIENCE) from None


async def _field_of(request: web.Request, field: str, limit: int, patience: asyncio.Timeout) -> bytearray | None:
    clock = asyncio.get_running_loop().time
    form, utf8 = Form(boundary_in(request.headers.get("Content-Type", "")), field), Utf8()
    content = bytearray()
    while not form.over and (piece := await request.content.readany()):
        patience.reschedule(clock() + PATIENCE)
        content += utf8.feed(form.feed(piece))
        if form.size > limit:
            raise ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the form is larger than {limit} bytes")
        # Reading buffered data does not yield; let other requests run.
        await asyncio.sleep(0)
    form.end()
    content += utf8.feed(b"", final=True)
    return content if form.found else None


def _displaced() -> ApiError:
    return unavailable("too many uploads are in progress, and this one was the oldest; send it again without pauses")


def _too_slow(seconds: float) -> ApiError:
    return ApiError(HTTPStatus.REQUEST_TIMEOUT, f"the body did not arrive within {seconds:.0f} seconds")
