"""What the handlers of jobs have in common: the job that a path names, and the terms of a write."""

import re
from collections.abc import Sequence
from http import HTTPStatus
from zlib import crc32

from aiohttp import web

from dkron_api.edge.keys import CATALOG
from dkron_api.jobs.writer import ANY, Terms, missing
from dkron_api.refusal import LATER, ApiError
from dkron_api.translate.record import Job
from dkron_crds.schedule.errors import quoted

NEWEST = 2**64 - 1
"""The greatest resource version that Kubernetes could give."""
_TRUE = frozenset({"", "1", "true"})
_ETAG = re.compile(r'\s*(?:"([1-9]\d{0,19})(?:-[0-9a-f]{8})?"|(\*))\s*', re.ASCII)


def flag(request: web.Request, name: str) -> bool:
    """Whether a query parameter is switched on: `?name`, `?name=1` or `?name=true`."""
    return request.query.get(name, "false").lower() in _TRUE


def require_ready(request: web.Request) -> None:
    """Until all jobs are known, none can be said to be missing."""
    catalog = request.app[CATALOG]
    if not catalog.ready:
        why = catalog.mirror.trouble or "the jobs are still being read"
        raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, f"not ready yet: {why}", {"Retry-After": LATER})


def job_of(request: web.Request) -> Job:
    """The job that the path names. Raises `ApiError`, 404."""
    require_ready(request)
    name = request.match_info["job"]
    job = request.app[CATALOG].get(name)
    if job is None:
        raise missing(name)
    return job


def terms_of(request: web.Request) -> Terms:
    """If-Match, If-None-Match and `?force`. Raises `ApiError`, 412, for a tag that this server has never given."""
    match = request.headers.get("If-Match")
    version = None
    if match is not None:
        found = _ETAG.fullmatch(match)
        if found is None or int(found[1] or 0) > NEWEST:
            text = f"If-Match: {quoted(match)} is no version of this server's"
            raise ApiError(HTTPStatus.PRECONDITION_FAILED, text)
        version = found[1] or ANY
    fresh = request.headers.get("If-None-Match", "").strip() == ANY
    return Terms(force=flag(request, "force"), match=version, fresh=fresh)


def etag(job: Job, children: Sequence[str] = ()) -> str:
    """The version of a job as an HTTP entity tag. What GET shows depends on the names of its children, too."""
    if not children:
        return f'"{job.version}"'
    return f'"{job.version}-{crc32(" ".join(children).encode()):08x}"'
