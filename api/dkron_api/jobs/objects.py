"""DkronBackfills, DkronPauses and DkronRuns, read from the API server.

They are few, and read by few clients, so no watch follows them. A flood of requests for one list still becomes one
request a second: those that come meanwhile get the same answer.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import NamedTuple

from dkron_api.cache.expiring import Kept, Questions
from dkron_api.jobs.writer import ATTEMPTS, Terms
from dkron_api.refusal import ApiError
from dkron_api.translate.record import Object
from dkron_crds.names import API_VERSION
from dkron_crds.schedule.errors import quoted
from dkron_kube.client import KubeClient
from dkron_kube.errors import Conflict, NotFound, Stale
from dkron_kube.paths import DKRON_BACKFILLS, DKRON_PAUSES, DKRON_RUNS, Resource

FRESH, FOR_EACH = 1.0, 0.001
"""Seconds that a list is kept, and how many more for each object: a long one takes the API server longer."""
LONG = 1000
"""Objects of a list that is long."""
MOST_SHORT, MOST_LONG = 32, 2
"""Lists that are kept, of both kinds."""
MOST_READ = 10_000
"""Objects of a list, the first by name. There is no order by age without all of them."""
BATCH = 200
"""Objects of a list that are taken in before other requests have their turn."""


class Kind(NamedTuple):
    """A kind, and the word for it in sentences."""

    resource: Resource
    name: str
    word: str


BACKFILL = Kind(DKRON_BACKFILLS, "DkronBackfill", "backfill")
PAUSE = Kind(DKRON_PAUSES, "DkronPause", "pause")
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
            text = f"the cluster does not have the kind {listing.kind.name}; apply the custom resources of this version"
            raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, text) from error
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


def _missing(kind: Kind, name: str) -> ApiError:
    return ApiError(HTTPStatus.NOT_FOUND, f"there is no {kind.word} {quoted(name)}")


def _another_version(kind: Kind, name: str) -> ApiError:
    text = f"the {kind.word} {quoted(name)} no longer has the version in If-Match; read it again"
    return ApiError(HTTPStatus.PRECONDITION_FAILED, text)
