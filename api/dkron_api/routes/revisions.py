"""/v1/jobs/{job}/revisions: each accepted spec of a job, by whom and when, and what it changed. Additions to Dkron's
API, which only the archive can answer."""

from collections.abc import AsyncIterator, Sequence
from http import HTTPStatus
from itertools import zip_longest
from typing import NamedTuple

from aiohttp import web

from dkron_api.archive.reads import Ask
from dkron_api.edge.answers import json_answer
from dkron_api.edge.keys import ARCHIVE
from dkron_api.edge.urls import namespace_of
from dkron_api.jobs.writer import missing
from dkron_api.refusal import ApiError
from dkron_api.routes.archived import job_or_gone
from dkron_api.routes.execution_pages import away
from dkron_api.translate.record import Object
from dkron_api.translate.revisions import Spec, changed_fields, differences, job_of, revision
from dkron_archive.ports import ArchiveReader, ArchiveUnavailable
from dkron_archive.records import Revision
from dkron_crds.base import rfc3339
from dkron_crds.schedule.errors import quoted

SHOWN, KNOWN = 100, 1000
"""Revisions of a list, and those among which one is looked for."""


class Accepted(NamedTuple):
    """A revision with its spec, and the spec before it: the same for the first one that is known."""

    revision: Revision
    spec: Spec
    before: Spec

    def as_json(self) -> Object:
        """Return the revision as lists show it."""
        return revision(self.revision, changed=changed_fields(self.before, self.spec))


async def list_revisions(request: web.Request) -> web.StreamResponse:
    """GET: the accepted specs of a job, newest first."""
    name, namespace = request.match_info["job"], namespace_of(request)

    async def read(reader: ArchiveReader) -> list[Object]:
        known = await reader.revisions(namespace, name, limit=SHOWN + 1)
        return [each.as_json() async for each in _with_specs(reader, _pairs(known)[:SHOWN])]

    return json_answer(request, await _told(request, read))


async def show_revision(request: web.Request) -> web.StreamResponse:
    """GET one, with the job as it was then, and the differences to the one before. It is named by its generation, or by
    its time: a job that was deleted and made again has had each generation more than once."""
    name, namespace, wanted = request.match_info["job"], namespace_of(request), request.match_info["generation"]

    async def read(reader: ArchiveReader) -> list[Object]:
        known = await reader.revisions(namespace, name, limit=KNOWN)
        chosen = [each for each in _pairs(known) if wanted in (str(each[0].generation), rfc3339(each[0].at))][:1]
        return [_whole(each) async for each in _with_specs(reader, chosen)]

    found = await _told(request, read)
    if not found:
        text = f"the job {quoted(name)} has no revision {quoted(wanted)} (any more)"
        raise ApiError(HTTPStatus.NOT_FOUND, text)
    return json_answer(request, found[0])


def _whole(accepted: Accepted) -> Object:
    return accepted.as_json() | {
        "job": job_of(accepted.revision, accepted.spec),
        "spec": accepted.spec,
        "differences": differences(accepted.before, accepted.spec),
    }


async def _told(request: web.Request, ask: Ask[list[Object]]) -> list[Object]:
    """Return the answer of the archive. Raises `ApiError`: 404, or 503 if the archive cannot be read."""
    job, archive = job_or_gone(request), request.app[ARCHIVE]
    if archive is None:
        text = "this server keeps no earlier specs of jobs; its option --archive names a database that does"
        raise ApiError(HTTPStatus.NOT_FOUND, text)
    try:
        found = await archive.work(namespace_of(request), ask)
    except ArchiveUnavailable as error:
        raise away(error) from error
    if job is None and not found:
        raise missing(request.match_info["job"])
    return found


def _pairs(known: Sequence[Revision]) -> list[tuple[Revision, Revision | None]]:
    """Return each revision with the one before it."""
    return list(zip_longest(known, known[1:]))


async def _with_specs(
    reader: ArchiveReader, pairs: Sequence[tuple[Revision, Revision | None]]
) -> AsyncIterator[Accepted]:
    known: tuple[str, Spec] = ("", {})
    for each, earlier in pairs:
        # The spec before one revision is the spec of the next one here.
        spec = known[1] if known[0] == each.hash else await reader.spec(each.hash) or {}
        before = spec if earlier is None else await reader.spec(earlier.hash) or {}
        known = ("" if earlier is None else earlier.hash, before)
        yield Accepted(each, spec, before)


ROUTES = (
    web.get("/v1/jobs/{job}/revisions", list_revisions, allow_head=False),
    web.get("/v1/jobs/{job}/revisions/{generation}", show_revision, allow_head=False),
)
