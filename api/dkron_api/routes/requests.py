"""Shared by the handlers of jobs: the job named in the path, and the preconditions of a write."""

import re
from collections.abc import Sequence
from http import HTTPStatus
from zlib import crc32

from aiohttp import web

from dkron_api.edge.admission import NEED, caller_of
from dkron_api.edge.urls import flag, tenant_of
from dkron_api.jobs.writer import ANY, Terms, another_object, missing
from dkron_api.refusal import ApiError, unavailable
from dkron_api.translate.record import Job
from dkron_crds.schedule.errors import quoted

NEWEST = 2**64 - 1
"""The largest possible resource version in Kubernetes."""
_ETAG = re.compile(r'\s*(?:"([1-9]\d{0,19})(?:-[0-9a-f]{8})?"|(\*))\s*', re.ASCII)


def require_ready(request: web.Request) -> None:
    """Raise `ApiError`, 503, until all jobs are known: before that, no job can be reported as missing."""
    job_index = tenant_of(request).job_index
    if not job_index.ready:
        why = job_index.mirror.trouble or "the jobs are still being read"
        raise unavailable(f"not ready yet: {why}")


def job_of(request: web.Request) -> Job:
    """Return the job in the path. Raises `ApiError`: 404, or 409 if it is another object than the right is for."""
    require_ready(request)
    name, need = request.match_info["job"], request.get(NEED)
    job = tenant_of(request).job_index.get(name)
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
    named = request.if_none_match or ()
    return any(each.value == ANY or f'"{each.value}"' == tag for each in named)


def etag(job: Job, children: Sequence[str] = ()) -> str:
    """Return the entity tag of a job. The response of GET also depends on the names of its children."""
    if not children:
        return f'"{job.version}"'
    return f'"{job.version}-{crc32(" ".join(children).encode()):08x}"'
