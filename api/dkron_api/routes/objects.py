"""Shared by the routes of runs, backfills and pauses: bodies, pages and answers."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import quote

from aiohttp import web
from aiohttp.typedefs import Handler

from dkron_api.edge.admission import NEED
from dkron_api.edge.answers import in_turns, json_answer, list_answer
from dkron_api.edge.keys import OBJECTS
from dkron_api.edge.urls import base_of, namespace_of, public_path
from dkron_api.jobs.objects import Kind
from dkron_api.refusal import ApiError, refusing
from dkron_api.routes.requests import body_of, terms_of
from dkron_api.translate import gojson
from dkron_api.translate.listing import read_query, sliced
from dkron_api.translate.record import Object
from dkron_from_dkron.values import Unreadable

Show = Callable[[Object], Object]
T = TypeVar("T")


async def read(request: web.Request, reader: Callable[[bytes], Object]) -> Object:
    """Return the body. Raises `ApiError`, 400."""
    with refusing(Unreadable, text="the body cannot be used: {}."):
        return reader(await body_of(request))


def page_of(request: web.Request, found: Sequence[T]) -> tuple[Sequence[T], dict[str, str]]:
    """Return the items from `_start` to before `_end`, and the header with the number of all."""
    return sliced(found, read_query(request.query.items())), {"X-Total-Count": str(len(found))}


async def list_page(request: web.Request, found: Sequence[Object], show: Show) -> web.StreamResponse:
    """Respond with a page of objects. One that cannot be read is left out, so that the others are shown."""
    items, headers = page_of(request, found)

    async def shown() -> AsyncIterator[bytes]:
        async for each in in_turns(items):
            with suppress(Unreadable):
                yield gojson.encode(show(each))

    return await list_answer(request, shown(), headers=headers)


async def found_in(request: web.Request, kind: Kind) -> Object:
    """Return the object that the path names. Raises `ApiError`, 404."""
    return await request.app[OBJECTS].get(kind, namespace_of(request), request.match_info["name"])


def showing(kind: Kind, show: Show) -> Handler:
    """Return the handler that shows the object in the path."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return answer(request, await found_in(request, kind), show)

    return handle


def deleting(kind: Kind, show: Show) -> Handler:
    """Return the handler that deletes the object in the path, and responds with it as far as it can be read."""

    async def handle(request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        found = await request.app[OBJECTS].delete(kind, namespace_of(request), name, terms_of(request))
        body = {"name": name}
        with suppress(Unreadable):
            body = show(found)
        return json_answer(request, body, headers={"ETag": f'"{found["metadata"]["resourceVersion"]}"'})

    return handle


def answer(
    request: web.Request, found: Object, show: Show, *, status: int = HTTPStatus.OK, location: str = ""
) -> web.Response:
    """Return one object, with its version. Raises `ApiError`, 409, if it cannot be read."""
    with refusing(Unreadable, status=HTTPStatus.CONFLICT):
        body = show(found)
    tag = f'"{found["metadata"]["resourceVersion"]}"'
    where = {"Location": location} if location else {}
    return json_answer(request, body, status=status, headers={"ETag": tag, **where})


async def created(request: web.Request, kind: Kind, name: str, spec: Object, *, show: Show) -> web.Response:
    """Create an object with the fields that are not None: 201."""
    need = request[NEED]
    # The audit log names what is created, though no right can.
    request[NEED] = need._replace(right=need.right._replace(name=name))
    given = {key: value for key, value in spec.items() if value is not None}
    made = await request.app[OBJECTS].create(kind, namespace_of(request), name, given)
    path = f"{base_of(request)}/v1/{kind.word}s/{quote(name, safe='')}"
    return answer(request, made, show, status=HTTPStatus.CREATED, location=public_path(request, path))


def unchecked(_before: Object, _after: Object) -> None:
    """Any change will do."""


async def changed(
    request: web.Request, kind: Kind, fields: Object, show: Show, *, check: Callable[[Object, Object], None] = unchecked
) -> web.Response:
    """Change these fields of the object in the path; None takes one out. `check` gets the spec before and after."""
    name = request.match_info["name"]
    if fields.pop("name", None) not in (None, name):
        raise ApiError(HTTPStatus.BAD_REQUEST, f"the name of a {kind.word} cannot change; leave it out of the body")

    def apply(spec: Object) -> Object:
        after = {key: value for key, value in (spec | fields).items() if value is not None}
        check(spec, after)
        return after

    found = await request.app[OBJECTS].change(kind, namespace_of(request), name, terms=terms_of(request), change=apply)
    return answer(request, found, show)
