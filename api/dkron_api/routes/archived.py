"""One execution, and its output, from the archive: when the job shows it no longer, or its pod is gone."""

from aiohttp import web

from dkron_api.archive.reads import Ask, T
from dkron_api.edge.keys import ARCHIVE
from dkron_api.edge.urls import namespace_of, tenant_of
from dkron_api.routes.execution_pages import away
from dkron_api.routes.requests import job_of, require_ready
from dkron_api.translate.found import Found, from_archive
from dkron_api.translate.record import Job
from dkron_archive.ports import ArchiveUnavailable
from dkron_archive.records import ArchivedOutput


def job_or_gone(request: web.Request) -> Job | None:
    """Return the job in the path; None if it is gone, and an archive may have its executions. Raises `ApiError`."""
    require_ready(request)
    gone = request.app[ARCHIVE] is not None and tenant_of(request).job_index.get(request.match_info["job"]) is None
    return None if gone else job_of(request)


async def asked(request: web.Request, ask: Ask[T], *, otherwise: T) -> T:
    """Return the answer of the archive, `otherwise` without one. Raises `ApiError`, 503, if it cannot be read."""
    archive = request.app[ARCHIVE]
    if archive is None:
        return otherwise
    try:
        return await archive.read(namespace_of(request), ask)
    except ArchiveUnavailable as error:
        raise away(error) from error


async def told(request: web.Request, ask: Ask[T]) -> tuple[T | None, str]:
    """Return the answer of the archive, and why there is none; both are empty without an archive."""
    archive = request.app[ARCHIVE]
    if archive is None:
        return None, ""
    try:
        return await archive.read(namespace_of(request), ask), ""
    except ArchiveUnavailable as error:
        return None, str(error)


async def archived_run(request: web.Request) -> Found | None:
    """Return the execution in the path from the archive. Raises `ApiError`, 503."""
    name, wanted, namespace = request.match_info["job"], request.match_info["execution"], namespace_of(request)
    record = await asked(request, lambda reader: reader.execution(namespace, name, wanted), otherwise=None)
    return None if record is None else from_archive(record)


async def archived_output(request: web.Request, uid: str, attempt_job: str) -> ArchivedOutput | None:
    """Return the output of an attempt from the archive. Raises `ApiError`, 503."""
    return await asked(request, lambda reader: reader.output(uid, attempt_job), otherwise=None)
