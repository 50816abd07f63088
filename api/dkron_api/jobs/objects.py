"""DkronBackfills, DkronPauses, DkronPools and DkronRuns, read from the API server. They are few, and read by few
clients, so no watch follows them. A flood of requests for one list still becomes one request a second: the others get
the same answer.

DkronRuns that clients request are created once for each Idempotency-Key, and followed until their end.
"""

import asyncio
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from http import HTTPStatus
from typing import Any, NamedTuple

from dkron_api.cache.expiring import Kept, Questions
from dkron_api.jobs.run_waiter import TRACELESS
from dkron_api.jobs.writer import ATTEMPTS, Terms
from dkron_api.refusal import ApiError
from dkron_api.translate.record import Job, Object
from dkron_api.translate.run import Run
from dkron_crds.names import API_VERSION
from dkron_crds.requests import read_instant
from dkron_crds.run import REPEATS, RunPhase
from dkron_crds.schedule.errors import quoted
from dkron_kube.client import KubeClient
from dkron_kube.errors import AlreadyExists, Conflict, NotFound, Stale, Unavailable
from dkron_kube.paths import DKRON_BACKFILLS, DKRON_PAUSES, DKRON_POOLS, DKRON_RUNS, Resource
from dkron_reports.repeat import is_of_group

FRESH, FOR_EACH = 1.0, 0.001
"""Seconds that a list is kept, and how many more for each object: a long one takes the API server longer."""
LONG = 1000
"""Objects of a list that is long."""
MOST_SHORT, MOST_LONG = 32, 2
"""Lists that are kept, of both kinds."""
MOST_READ = 10_000
"""Objects of a list, the first by name. There is no order by age without all of them."""
NO_NAME = re.compile(r"[/%]|^\.{1,2}$")
"""Texts that are no part of a path, and so no object has them as its name."""
BATCH = 200
"""Objects of a list that are taken in before other requests have their turn."""


class Kind(NamedTuple):
    """A kind, and the word for it in sentences."""

    resource: Resource
    name: str
    word: str


BACKFILL = Kind(DKRON_BACKFILLS, "DkronBackfill", "backfill")
PAUSE = Kind(DKRON_PAUSES, "DkronPause", "pause")
POOL = Kind(DKRON_POOLS, "DkronPool", "pool")
RUN = Kind(DKRON_RUNS, "DkronRun", "run")


class Listing(NamedTuple):
    """The key of a list. `round` goes up with each write of this process, so that clients read their own writes."""

    kind: Kind
    namespace: str
    selector: str
    round: int


Lists = Kept[Listing, tuple[Object, ...]]


class Objects:
    """Reads and writes objects of these kinds in any namespace. `clock` is monotonic."""

    def __init__(self, kube: KubeClient, clock: Callable[[], float]) -> None:
        self._kube = kube
        self._round = 0
        self._short: Lists = Kept(most=MOST_SHORT, seconds=_fresh, clock=clock)
        self._long: Lists = Kept(most=MOST_LONG, seconds=_fresh, clock=clock)
        self._questions: Questions[Listing, tuple[Object, ...]] = Questions()

    async def list(self, kind: Kind, namespace: str, *, selector: str = "") -> tuple[Object, ...]:
        """Return the objects of a namespace, the newest first. Do not change them."""
        listing = Listing(kind, namespace, selector, self._round)
        kept = self._short.get(listing)
        if kept is None:
            kept = self._long.get(listing)
        return kept if kept is not None else await self._questions.ask(listing, lambda: self._list(listing))

    async def get(self, kind: Kind, namespace: str, name: str) -> Object:
        """Return an object. Raises `ApiError`, 404."""
        if NO_NAME.search(name):
            # The API server answers 422, as if an object were to be written.
            raise _missing(kind, name)
        try:
            found = await self._kube.get(kind.resource, namespace, name)
        except NotFound:
            raise _missing(kind, name) from None
        if "deletionTimestamp" in found["metadata"]:
            raise _missing(kind, name)
        return found

    async def create(self, kind: Kind, namespace: str, name: str, spec: Object) -> Object:
        """Create an object. Raises `KubeError`."""
        body = {"apiVersion": API_VERSION, "kind": kind.name, "metadata": {"name": name}, "spec": spec}
        try:
            return await self._kube.create(kind.resource, namespace, body)
        finally:
            self._round += 1

    async def change(
        self, kind: Kind, namespace: str, name: str, *, terms: Terms, change: Callable[[Object], Object]
    ) -> Object:
        """Replace the spec by what `change` returns for it. Raises `ApiError`: 404, 409 or 412."""
        for _ in range(ATTEMPTS):
            found = await self.get(kind, namespace, name)
            _require_version(kind, found, terms)
            spec = found.get("spec")
            operations: list[Object] = [
                {"op": "test", "path": "/metadata/uid", "value": found["metadata"]["uid"]},
                # The operator writes the status often; only another change of the spec is in the way.
                *([] if spec is None else [{"op": "test", "path": "/spec", "value": spec}]),
                {"op": "add", "path": "/spec", "value": change(dict(spec or {}))},
            ]
            if terms.version is not None:
                operations.append({"op": "replace", "path": "/metadata/resourceVersion", "value": terms.version})
            try:
                return await self._kube.json_patch(kind.resource, namespace, name, operations)
            except NotFound:
                raise _missing(kind, name) from None
            except Stale:
                continue
            except Conflict as conflict:
                raise _another_version(kind, name) from conflict
            finally:
                self._round += 1
        text = f'other writers changed the {kind.word} "{name}" {ATTEMPTS} times during this request; retry'
        raise ApiError(HTTPStatus.CONFLICT, text)

    async def delete(self, kind: Kind, namespace: str, name: str, terms: Terms) -> Object:
        """Delete an object, and return it as it was. Raises `ApiError`: 404, 409 or 412."""
        found = await self.get(kind, namespace, name)
        _require_version(kind, found, terms)
        try:
            await self._kube.delete(kind.resource, namespace, name, uid=found["metadata"]["uid"], version=terms.version)
        except NotFound:
            raise _missing(kind, name) from None
        except Conflict as conflict:
            if terms.version is None:
                raise
            raise _another_version(kind, name) from conflict
        finally:
            self._round += 1
        return found

    async def _list(self, listing: Listing) -> tuple[Object, ...]:
        found: list[Object] = []
        try:
            each = self._kube.list(listing.kind.resource, listing.namespace, label_selector=listing.selector or None)
            async for item in each:
                if len(found) == MOST_READ:
                    break
                if "deletionTimestamp" not in item["metadata"]:
                    found.append(_trimmed(item))
                if len(found) % BATCH == 0:
                    await asyncio.sleep(0)
        except NotFound as error:
            raise _no_kind(listing.kind) from error
        found.sort(key=lambda item: str(item["metadata"].get("creationTimestamp") or ""), reverse=True)
        kept = tuple(found)
        (self._short if len(kept) <= LONG else self._long).put(listing, kept)
        return kept


def _fresh(kept: tuple[Object, ...]) -> float:
    return FRESH + FOR_EACH * len(kept)


def _trimmed(item: Object) -> Object:
    """Return an object of a list without what no list shows: it may be longer than the rest."""
    for key in ("managedFields", "annotations"):
        item["metadata"].pop(key, None)
    for key in ("targets", "attempts"):
        (item.get("status") or {}).pop(key, None)
    return item


def _require_version(kind: Kind, found: Object, terms: Terms) -> None:
    if terms.version not in (None, found["metadata"]["resourceVersion"]):
        raise _another_version(kind, found["metadata"]["name"])


def _no_kind(kind: Kind) -> ApiError:
    text = f"the cluster does not have the kind {kind.name}; apply the custom resources of this version"
    return ApiError(HTTPStatus.SERVICE_UNAVAILABLE, text)


def _missing(kind: Kind, name: str) -> ApiError:
    return ApiError(HTTPStatus.NOT_FOUND, f"there is no {kind.word} {quoted(name)}")


def _another_version(kind: Kind, name: str) -> ApiError:
    text = f"the {kind.word} {quoted(name)} no longer has the version in If-Match; read it again"
    return ApiError(HTTPStatus.PRECONDITION_FAILED, text)


AGAIN = 1.0
"""Seconds between two looks at a DkronRun, while a client waits for it."""
_ROOM = 42
"""Characters of the job's name in the name of a DkronRun."""
_COMPARED = ("job", "parameters", "scheduledTime", "force", "reason")
REUSED = "an earlier, different request has this Idempotency-Key; use another key, or repeat that request"


def name_of_run(job: Job, key: str) -> str:
    """Return the name of the DkronRun for an Idempotency-Key; without a key, a name that is given once."""
    suffix = f"k{sha256(f'{job.uid}/{key}'.encode()).hexdigest()[:24]}" if key else secrets.token_hex(8)
    return f"{job.object_name[:_ROOM]}-{suffix}"


class RunObjects:
    """Creates and reads the DkronRuns of one namespace."""

    def __init__(self, kube: KubeClient, namespace: str) -> None:
        self._kube = kube
        self._namespace = namespace

    async def find(self, name: str, spec: Mapping[str, Any], *, note: str = "") -> Object | None:
        """Return the DkronRun of this name, which an earlier request has made; None if there is none. `note` tells
        requests that repeat an execution apart (`RunBody.note`), and the spec all others. Raises `ApiError`, 422, if
        that was another request."""
        try:
            found = await self._kube.get(DKRON_RUNS, self._namespace, name)
        except NotFound:
            return None
        earlier, notes = found.get("spec") or {}, found["metadata"].get("annotations") or {}
        compared = () if note else _COMPARED
        differs = any((earlier.get(key) or None) != (spec.get(key) or None) for key in compared)
        if differs or notes.get(REPEATS, "") != note:
            raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, REUSED)
        return found

    async def of_group(self, job: str, group: int) -> Object | None:
        """Return the DkronRun of a job whose run has this group; None if it is gone. Raises `KubeError`."""
        async for run in self._kube.list(DKRON_RUNS, self._namespace, field_selector=f"spec.job={job}"):
            if is_of_group(run, group):
                return run
        return None

    async def create(self, name: str, spec: Mapping[str, Any], *, note: str = "") -> Object:
        """Create it, or return the one that the same request has made. Raises `ApiError` and `KubeError`."""
        metadata = {"name": name} | ({"annotations": {REPEATS: note}} if note else {})
        body = {"apiVersion": API_VERSION, "kind": "DkronRun", "metadata": metadata, "spec": dict(spec)}
        try:
            return await self._kube.create(DKRON_RUNS, self._namespace, body)
        except AlreadyExists:
            found = await self.find(name, spec, note=note)
            if found is None:
                raise Unavailable(f"DkronRun {name} was deleted while it was read") from None
            return found
        except NotFound as error:
            raise _no_kind(RUN) from error

    async def over(self, run: Object) -> None:
        """Return when the DkronRun is over or gone, and the job has had time to show the end of the run. Raises
        `ApiError`, 409, when the operator refuses it."""
        status: Object = {}
        while status.get("phase") not in (RunPhase.SUCCEEDED, RunPhase.FAILED):
            try:
                status = (await self._kube.get(DKRON_RUNS, self._namespace, run["metadata"]["name"])).get(
                    "status"
                ) or {}
            except NotFound:
                break
            except Unavailable:
                pass
            if status.get("phase") == RunPhase.REFUSED:
                why = str(status.get("message") or "the operator gives no reason")
                raise ApiError(HTTPStatus.CONFLICT, f"the operator refused the run: {why}")
            await asyncio.sleep(AGAIN)
        await asyncio.sleep(TRACELESS)


def run_of(found: Object, *, by: str) -> Run:
    """Return the run that a DkronRun asks for: its cause is the uid of the object and the time of its creation."""
    metadata, spec = found["metadata"], found["spec"]
    created = datetime.fromisoformat(metadata["creationTimestamp"])
    slot = read_instant(str(spec.get("scheduledTime") or ""))
    return Run(id=metadata["uid"], at=created, by=by, force=bool(spec.get("force")), slot=slot, of_object=True)
