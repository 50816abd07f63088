"""Writes of jobs: each is one retryable request to the API server, whose response goes into the job index.

An update has the job's generation as its precondition, not the resource version: the operator's frequent status
writes must not block an edit. If another client has edited the job, it is read and the change is made again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar
from weakref import WeakValueDictionary

from dkron_api.cache.job_index import JobIndex
from dkron_api.refusal import ApiError
from dkron_api.translate.record import Job, Object
from dkron_crds.bounds import length_problem
from dkron_crds.names import API_VERSION, MODIFIED_BY, object_name
from dkron_crds.packed import plain_parts
from dkron_crds.schedule.errors import quoted
from dkron_from_dkron.body import JobBody
from dkron_from_dkron.spec import changed, spec_of
from dkron_kube.client import KubeClient
from dkron_kube.errors import AlreadyExists, Conflict, NotFound, Stale
from dkron_kube.paths import DKRON_JOBS

T = TypeVar("T")
ATTEMPTS = 5
"""Attempts at a change before giving up because other writers were first."""
ANY = "*"
MODIFIED_BY_PATH = "/metadata/annotations/dkron.io~1last-modified-by"


@dataclass(frozen=True, slots=True)
class Terms:
    """Preconditions of a client's write. `force` takes fields from their managers, `match` is the version that the
    job must have (If-Match; `*` is any), `fresh` requires that it does not exist (If-None-Match: *). `by` is who
    changes it, as the job then says; empty if that is not known."""

    force: bool = False
    match: str | None = None
    fresh: bool = False
    by: str = ""

    @property
    def version(self) -> str | None:
        """The version that the API server has to compare; None if any will do."""
        return None if self.match in (None, ANY) else self.match


FREELY = Terms()


def _modified_by(terms: Terms) -> dict[str, str]:
    return {MODIFIED_BY: terms.by} if terms.by else {}


class JobWriter:
    """Changes the DkronJobs of one namespace."""

    def __init__(self, kube: KubeClient, job_index: JobIndex, namespace: str) -> None:
        self._kube = kube
        self._job_index = job_index
        self._namespace = namespace
        # Writes of one job take turns here, so that the few retries remain for conflicts with other writers.
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def upsert(
        self,
        body: JobBody,
        terms: Terms = FREELY,
        *,
        annotations: dict[str, str] | None = None,
        permit: Callable[[Job | None, Object], Awaitable[None]] | None = None,
    ) -> tuple[Job, bool]:
        """Create the job, or replace the fields that Dkron knows. Return the job and whether it is new. `annotations`
        are set with it. `permit` is asked before each attempt, with the job as it is known and the spec to write, and
        raises what the caller is told."""

        async def attempt() -> tuple[Job, bool]:
            known = self._job_index.get(body.name)
            wanted = spec_of(body, None if known is None else plain_parts(known.raw["spec"]))
            if permit is not None:
                await permit(known, wanted)
            if why := length_problem({"spec": wanted}):
                raise ApiError(HTTPStatus.BAD_REQUEST, f"the job is not valid: {why}.")
            if known is None:
                return await self._create(body.name, wanted, terms, annotations), True
            return await self._replace(known, wanted, terms, annotations), False

        return await self._persist(body.name, attempt)

    async def toggle(self, job: Job, terms: Terms = FREELY) -> Job:
        """Disable an enabled job, or enable a disabled one."""

        async def attempt() -> Job:
            known = self._known(job)
            _require_free(known, {"disabled"}, terms)
            disabled = not known.raw["spec"].get("disabled", False)
            operation = {"op": "add", "path": "/spec/disabled", "value": disabled}
            return await self._edit(known, [operation], terms)

        return await self._persist(job.name, attempt)

    async def delete(self, job: Job, terms: Terms = FREELY) -> Job:
        """Delete the job and its Kubernetes Jobs. Return the deleted job."""

        async def attempt() -> Job:
            known = self._known(job)
            _require_free(known, set(known.raw["spec"]), terms)
            try:
                name, uid = known.object_name, known.uid
                await self._kube.delete(DKRON_JOBS, self._namespace, name, uid=uid, version=terms.version)
            except Conflict as conflict:
                if terms.version is not None:
                    raise
                raise Stale("another object now has this name", status=conflict.status) from conflict
            self._job_index.remove(known)
            return known

        return await self._persist(job.name, attempt)

    async def annotate(self, job: Job, annotations: dict[str, str], terms: Terms = FREELY) -> Job:
        """Set annotations, for example to request a run."""
        body = {"metadata": {"annotations": annotations, **_version_of(terms)}}
        with _of_that_version(job.name, terms):
            raw = await self._kube.patch(DKRON_JOBS, self._namespace, job.object_name, body)
        return self._cached(raw, job.name)

    async def write_status(self, job: Job, status: Object, terms: Terms = FREELY) -> Job:
        """Set fields of the status, and keep the others."""
        body = {"metadata": {"uid": job.uid, **_version_of(terms)}, "status": status}
        with _of_that_version(job.name, terms):
            raw = await self._kube.patch_status(DKRON_JOBS, self._namespace, job.object_name, body, whole=True)
        return self._cached(raw, job.name)

    async def _create(self, name: str, wanted: Object, terms: Terms, annotations: dict[str, str] | None) -> Job:
        if terms.match is not None:
            raise ApiError(HTTPStatus.PRECONDITION_FAILED, f'the job "{name}" does not exist')
        metadata: Object = {"name": object_name(name)}
        if annotations or terms.by:
            metadata["annotations"] = {**(annotations or {}), **_modified_by(terms)}
        manifest = {"apiVersion": API_VERSION, "kind": "DkronJob", "metadata": metadata, "spec": wanted}
        return self._cached(await self._kube.create(DKRON_JOBS, self._namespace, manifest), name)

    async def _replace(self, known: Job, wanted: Object, terms: Terms, annotations: dict[str, str] | None) -> Job:
        if terms.fresh:
            raise ApiError(HTTPStatus.PRECONDITION_FAILED, f'the job "{known.name}" already exists')
        _require_free(known, changed(plain_parts(known.raw["spec"]), wanted), terms)
        job = await self._edit(known, [{"op": "replace", "path": "/spec", "value": wanted}], terms)
        return await self.annotate(job, annotations) if annotations else job

    async def _edit(self, known: Job, operations: list[Object], terms: Terms) -> Job:
        tests: list[Object] = [
            {"op": "test", "path": "/metadata/uid", "value": known.uid},
            {"op": "test", "path": "/metadata/generation", "value": known.generation},
        ]
        if terms.version is not None:
            # The API server compares the version, since the index may be behind.
            tests.append({"op": "replace", "path": "/metadata/resourceVersion", "value": terms.version})
        if terms.by and known.annotations:
            operations = [*operations, {"op": "add", "path": MODIFIED_BY_PATH, "value": terms.by}]
        raw = await self._kube.json_patch(DKRON_JOBS, self._namespace, known.object_name, [*tests, *operations])
        job = self._cached(raw, known.name)
        if terms.by and not known.annotations:
            # The patch would have to add the map of annotations, and could take away one that came meanwhile.
            return await self.annotate(job, _modified_by(terms))
        return job

    async def _persist(self, name: str, attempt: Callable[[], Awaitable[T]]) -> T:
        async with self._turns.setdefault(name, asyncio.Lock()):
            for _ in range(ATTEMPTS):
                try:
                    return await attempt()
                except (Stale, AlreadyExists, NotFound) as error:
                    await self._read_again(name, error)
                except Conflict as conflict:
                    raise _of_another_version(name) from conflict
        raise ApiError(
            HTTPStatus.CONFLICT, f'other writers changed the job "{name}" {ATTEMPTS} times during this request; retry'
        )

    async def _read_again(self, name: str, error: Stale | AlreadyExists | NotFound) -> None:
        known = self._job_index.get(name)
        try:
            raw = await self._kube.get(
                DKRON_JOBS, self._namespace, known.object_name if known is not None else object_name(name)
            )
        except NotFound:
            if known is not None:
                self._job_index.remove(known)
            elif isinstance(error, NotFound):
                # The namespace or the kind is missing, not the job.
                raise error from None
            return
        self._cached(raw, name)

    def _cached(self, raw: Object, name: str) -> Job:
        self._job_index.upsert(raw)
        known = self._job_index.object_cache.by_uid(raw["metadata"]["uid"])
        # The API server has answered with an older version if another write was faster.
        job = known if known is not None and known.version == int(raw["metadata"]["resourceVersion"]) else Job(raw)
        if job.name != name:
            text = f'the object "{job.object_name}" holds the job "{job.name}"; rename one of the two'
            raise ApiError(HTTPStatus.CONFLICT, text)
        if "deletionTimestamp" in raw["metadata"]:
            raise ApiError(HTTPStatus.CONFLICT, f'the job "{name}" is being deleted; try again when it is gone')
        return job

    def _known(self, job: Job) -> Job:
        """Return this job as it is known now. The caller may have no right to another object."""
        known = self._job_index.get(job.name)
        if known is None:
            raise missing(job.name)
        if known.object_name != job.object_name:
            raise another_object(job.name)
        return known


def _version_of(terms: Terms) -> dict[str, str]:
    """Return the metadata that makes the API server compare the version."""
    return {} if terms.version is None else {"resourceVersion": terms.version}


@contextmanager
def _of_that_version(name: str, terms: Terms) -> Iterator[None]:
    try:
        yield
    except Conflict as conflict:
        if terms.version is None:
            raise
        raise _of_another_version(name) from conflict


def _of_another_version(name: str) -> ApiError:
    return ApiError(
        HTTPStatus.PRECONDITION_FAILED, f'the job "{name}" no longer has the version in If-Match; read it again'
    )


def missing(name: str) -> ApiError:
    """Return the error for a job that does not exist."""
    return ApiError(HTTPStatus.NOT_FOUND, f"there is no job {quoted(name)}")


def another_object(name: str) -> ApiError:
    """Return the error for a job that became another object meanwhile."""
    return ApiError(HTTPStatus.CONFLICT, f"the job {quoted(name)} is another object now; send the request again")


def _require_free(job: Job, fields: set[str], terms: Terms) -> None:
    """Raise `ApiError`, 409, if another field manager owns one of these fields of the spec."""
    kept = {field: job.owners[field] for field in sorted(fields) if field in job.owners}
    if kept and not terms.force:
        managers = ", ".join(f'"{manager}"' for manager in sorted(set(kept.values())))
        text = f'{managers} manages {", ".join(kept)} of the job "{job.name}"; change it there, or add ?force=true'
        raise ApiError(HTTPStatus.CONFLICT, text)
