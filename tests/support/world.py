"""The world: the objects of an API server with its etcd, and the rules by which they change, in memory. The simulation
and the unit tests (`tests/support/fake_kube.py`) have it as their API server.

`tests/simulation/contract.py` tries these rules here and at a real API server.
"""

import marshal
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import getitem
from typing import Any, NamedTuple
from uuid import UUID

from dkron_crds.base import rfc3339
from dkron_kube.errors import (
    AlreadyExists,
    Conflict,
    Expired,
    NotFound,
    QuotaExceeded,
    Rejected,
    Stale,
    from_status,
)
from dkron_kube.paths import (
    DKRON_CLUSTERS,
    DKRON_JOBS,
    DKRON_PAUSES,
    DKRON_POOLS,
    DKRON_RUNS,
    JOBS,
    LEASES,
    PODS,
    Resource,
)

Object = dict[str, Any]
Terms = list[tuple[str, tuple[str, ...] | None]]
WITH_STATUS = frozenset(
    each.plural for each in (DKRON_JOBS, DKRON_RUNS, DKRON_PAUSES, DKRON_POOLS, DKRON_CLUSTERS, JOBS, PODS)
)
"""Kinds whose status is written at an address of its own."""
WITHOUT_GENERATION = frozenset({LEASES.plural, "events"})
FOREGROUND = "foregroundDeletion"


class Key(NamedTuple):
    """Where an object is."""

    plural: str
    namespace: str
    name: str


class Token(NamedTuple):
    """Where a list goes on: at this item of the list of that version."""

    version: int
    item: int


class Page(NamedTuple):
    """Some of a list, the version of all of it, and where it goes on, if it does."""

    items: list[Object]
    version: int
    following: Token | None


@dataclass(frozen=True, slots=True)
class Event:
    """A change as a watch tells it: ADDED, MODIFIED or DELETED, and the object at that version."""

    kind: str
    plural: str
    version: int
    body: Object


class World:
    """All objects. `clock` is the server's; `heard` are told each change, in the order of versions. `ending` are the
    uids of those that wait for their dependents to go, and `refused` what each terminating namespace did not take."""

    def __init__(
        self, clock: Callable[[], datetime], *, seed: int = 0, uid_of: Callable[[Key], str] | None = None
    ) -> None:
        self.clock = clock
        self.heard: list[Callable[[Event], None]] = []
        self._seed = seed
        self._uid_of = uid_of or self._next_uid
        self.version = 1000
        """The newest version of anything."""
        self._compacted = 0
        self._born = 0
        self.objects: dict[Key, Object] = {}
        self._events: list[Event] = []
        self._dependents: dict[str, dict[Key, None]] = defaultdict(dict)
        self._alive: set[str] = set()
        self.ending: set[str] = set()
        self.refused: dict[str, list[Key]] = {}
        self.quotas: dict[str, int] = {}
        """How many Jobs a namespace may have, by its ResourceQuota."""

    def __len__(self) -> int:
        return len(self.objects)

    # --- what clients ask for ----------------------------------------------------------------------------------------

    def get(self, resource: Resource, namespace: str | None, name: str) -> Object:
        """One object. Raises `NotFound`."""
        return copied(self._found(Key(resource.plural, namespace or "", name)))

    def list(
        self, resource: Resource, namespace: str | None, *, labels: str | None = None, fields: str | None = None,
        version: int | None = None,
    ) -> list[Object]:  # fmt: skip
        """All objects of a kind, by namespace and name; as they were at a version, if one is named."""
        wanted, objects = (terms(labels), terms(fields)), self.objects if version is None else self._as_of(version)
        keys = sorted(key for key in objects if key.plural == resource.plural)
        bodies = (objects[key] for key in keys if namespace in (None, key.namespace))
        return [copied(body) for body in bodies if _matches(body, *wanted)]

    def page(
        self, resource: Resource, namespace: str | None, *, limit: int, token: Token | None = None,
        labels: str | None = None, fields: str | None = None, version: int | None = None,
    ) -> Page:  # fmt: skip
        """A page of a list: the first, or what comes after another. Raises `Expired`."""
        first = 0
        if token is not None:
            version, first = token
            if not self.knows(version):
                raise Expired("the provided continue parameter is too old", status=410, reason="Expired")
        items = self.list(resource, namespace, labels=labels, fields=fields, version=version)
        of, last = version or self.version, first + limit
        return Page(items[first:last], of, Token(of, last) if last < len(items) else None)

    def since(self, version: int) -> Iterator[Event]:
        """The events after a version, in order."""
        return (event for event in self._events if event.version > version)

    def compact(self) -> None:
        """Forget how everything was before now: no list and no watch can go on from there."""
        self._compacted = self.version

    def knows(self, version: int) -> bool:
        """Whether a list or a watch can go on from there."""
        return version >= self._compacted

    def create(self, resource: Resource, namespace: str | None, body: Object, *, dry_run: bool = False) -> Object:
        """A new object. Raises `AlreadyExists`, and `Rejected` if its namespace is terminating."""
        made = copied(body)
        metadata = made["metadata"]
        key = Key(resource.plural, namespace or "", metadata["name"])
        if key.namespace in self.refused:
            self.refused[key.namespace].append(key)
            text = f"unable to create new content in namespace {namespace} because it is being terminated"
            raise Rejected(f'{resource.plural} "{key.name}" is forbidden: {text}', status=403, reason="Forbidden")
        self._take_room(key)
        if key in self.objects:
            text = f'{resource.plural} "{key.name}" already exists'
            raise AlreadyExists(text, status=409, reason="AlreadyExists")
        if resource.plural in WITH_STATUS:
            made.pop("status", None)
        metadata |= {
            "uid": self._uid_of(key),
            "creationTimestamp": rfc3339(self.clock().replace(microsecond=0)),
        }
        if namespace:
            metadata["namespace"] = namespace
        if resource.plural not in WITHOUT_GENERATION:
            metadata["generation"] = 1
        if not dry_run:
            self._store(key, made, "ADDED")
            for owner in metadata.get("ownerReferences") or ():
                self._dependents[owner["uid"]][key] = None
        return copied(made)

    def patch(
        self, resource: Resource, namespace: str | None, name: str, body: Object, *, status: bool = False
    ) -> Object:
        """A merge patch, of the status or of all but the status. Raises `NotFound`, `Conflict`."""
        key = Key(resource.plural, namespace or "", name)
        before = self._found(key)
        given = body.get("metadata") or {}
        if any(given.get(each) not in (None, before["metadata"][each]) for each in _PRECONDITIONS):
            text = f'Operation cannot be fulfilled on {resource.plural} "{name}": the object has been modified'
            raise Conflict(text, status=409, reason="Conflict")
        after = merged(before, _patchable(body, resource, status=status))
        after["metadata"] = merged(after["metadata"], {key: before["metadata"].get(key) for key in _OF_THE_SERVER})
        return self._change(key, before, after, resource, status=status)

    def json_patch(self, resource: Resource, namespace: str | None, name: str, operations: Sequence[Object]) -> Object:
        """A JSON patch of `test` and `replace`. Raises `Stale` for a test that fails, `NotFound`, `Conflict`."""
        key = Key(resource.plural, namespace or "", name)
        before = self._found(key)
        after = copied(before)
        for operation in operations:
            *parents, last = operation["path"].strip("/").split("/")
            part = reduce(getitem, parents, after)
            if operation["op"] != "test":
                part[last] = operation["value"]
            elif part[last] != operation["value"]:
                raise Stale("the object is not as the patch expects it", status=422)
        if after["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"]:
            raise Conflict("the object has been modified", status=409)
        return self._change(key, before, after, resource)

    def delete(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        *,
        uid: str | None = None,
        version: str | None = None,
        foreground: bool = False,
    ) -> None:
        """Away with it; or, in the foreground, once its dependents are. Raises `NotFound`, `Conflict`."""
        key = Key(resource.plural, namespace or "", name)
        metadata = self._found(key)["metadata"]
        if uid not in (None, metadata["uid"]) or version not in (None, metadata["resourceVersion"]):
            text = f'Operation cannot be fulfilled on {resource.plural} "{name}": the precondition failed'
            raise Conflict(text, status=409, reason="Conflict")
        if not foreground and not metadata.get("finalizers"):
            self._remove(key)
        elif "deletionTimestamp" not in metadata:
            doomed = dict(metadata, deletionTimestamp=rfc3339(self.clock().replace(microsecond=0)))
            if foreground:
                doomed["finalizers"] = [*metadata.get("finalizers", ()), FOREGROUND]
            self._store(key, {**self.objects[key], "metadata": doomed}, "MODIFIED")

    def put(self, resource: Resource, body: Object, namespace: str = "") -> Object:
        """Have this object there as it is, with the next version."""
        key, body = Key(resource.plural, namespace, body["metadata"]["name"]), copied(body)
        body["metadata"].setdefault("uid", self._uid_of(key))
        self._store(key, body, "MODIFIED" if key in self.objects else "ADDED")
        return copied(body)

    def remove(self, resource: Resource, name: str, namespace: str = "") -> Object:
        """Have this object gone at once. Return its last state, which is empty if it was not there."""
        key = Key(resource.plural, namespace, name)
        body = self.objects.get(key, {})
        if body:
            self._remove(key)
        return body

    def terminate(self, namespace: str) -> None:
        """From now on it takes nothing new. Its objects can be changed, and its controller deletes them."""
        self.refused.setdefault(namespace, [])

    # --- what controllers ask for ------------------------------------------------------------------------------------

    def exists(self, uid: str, key: Key) -> bool:
        """Whether this very object is there."""
        found = self.objects.get(key)
        return found is not None and found["metadata"]["uid"] == uid

    def dependents(self, uid: str) -> Iterator[tuple[Key, Object]]:
        """The objects that this one owns."""
        for key in tuple(self._dependents.get(uid, ())):
            if key in self.objects:
                yield key, self.objects[key]

    def is_alive(self, uid: str) -> bool:
        """Whether any object has this uid."""
        return uid in self._alive

    def room(self, namespace: str) -> int:
        """How many more Jobs the quota of a namespace allows; any number if it has none."""
        used = sum(key[:2] == (JOBS.plural, namespace) for key in self.objects)
        return self.quotas.get(namespace, used + 1) - used

    # --- inside ------------------------------------------------------------------------------------------------------

    def _next_uid(self, _: Key) -> str:
        self._born += 1
        return str(UUID(int=(self._seed << 32 | self._born) & ((1 << 128) - 1)))

    def _take_room(self, key: Key) -> None:
        """The quota is asked before the name."""
        if key.plural == JOBS.plural and self.room(key.namespace) <= 0:
            hard = self.quotas[key.namespace]
            used = f"requested: count/jobs.batch=1, used: count/jobs.batch={hard}, limited: count/jobs.batch={hard}"
            text = f'jobs.batch "{key.name}" is forbidden: exceeded quota: few, {used}'
            raise QuotaExceeded(text, status=403, reason="Forbidden")

    def _found(self, key: Key) -> Object:
        try:
            return self.objects[key]
        except KeyError:
            raise NotFound(f'{key.plural} "{key.name}" not found', status=404, reason="NotFound") from None

    def _change(self, key: Key, before: Object, after: Object, resource: Resource, *, status: bool = False) -> Object:
        if after == before:
            return copied(before)
        if not status and resource.plural not in WITHOUT_GENERATION and after.get("spec") != before.get("spec"):
            after["metadata"]["generation"] = before["metadata"].get("generation", 0) + 1
        if status:
            # Who removes the status as a whole, removes the record of who wrote it as well.
            writers = [{"manager": "writer", "subresource": "status"}] if "status" in after else None
            after["metadata"] = merged(after["metadata"], {"managedFields": writers})
        self._store(key, after, "MODIFIED")
        if "deletionTimestamp" in after["metadata"] and not after["metadata"].get("finalizers"):
            self._remove(key)
        return copied(after)

    def _as_of(self, version: int) -> dict[Key, Object]:
        objects: dict[Key, Object] = {}
        for event in self._events:
            metadata = event.body["metadata"]
            key = Key(event.plural, metadata.get("namespace", ""), metadata["name"])
            if event.version > version:
                break
            if event.kind == "DELETED":
                del objects[key]
            else:
                objects[key] = event.body
        return objects

    def _store(self, key: Key, body: Object, kind: str) -> None:
        self.version += 1
        body["metadata"]["resourceVersion"] = str(self.version)
        self.objects[key] = body
        self._alive.add(body["metadata"]["uid"])
        self._tell(Event(kind, key.plural, self.version, copied(body)))

    def _remove(self, key: Key) -> None:
        body = copied(self.objects.pop(key))
        self._alive.discard(body["metadata"]["uid"])
        for owner in body["metadata"].get("ownerReferences") or ():
            self._dependents[owner["uid"]].pop(key, None)
        self.version += 1
        body["metadata"]["resourceVersion"] = str(self.version)
        self._tell(Event("DELETED", key.plural, self.version, body))

    def _tell(self, event: Event) -> None:
        self._events.append(event)
        for hear in self.heard:
            hear(event)


_PRECONDITIONS = ("uid", "resourceVersion")
_OF_THE_SERVER = ("uid", "resourceVersion", "creationTimestamp", "generation", "deletionTimestamp", "name", "namespace")


def copied(body: Object) -> Object:
    """A copy that shares nothing."""
    copy: Object = marshal.loads(marshal.dumps(body))  # noqa: S302 - ours, of this moment
    return copy


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> Object:
    """A JSON merge patch (RFC 7386)."""
    result = dict(base)
    for key, value in over.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            below = result.get(key)
            result[key] = merged(below if isinstance(below, dict) else {}, value)
        else:
            result[key] = value
    return result


def terms(selector: str | None) -> Terms:
    """The terms of a selector: a name and the values that it may have, or None if it only has to be there. A selector
    `name in (…)` is one term."""
    name, among, values = (selector or "").partition(" in ")
    if among:
        return [(name, tuple(values.strip("()").split(",")))]
    found = (term.partition("=") for term in selector.split(",")) if selector else ()
    return [(key, (value,) if equals else None) for key, equals, value in found]


def _patchable(body: Object, resource: Resource, *, status: bool) -> Object:
    if resource.plural not in WITH_STATUS:
        return body
    if status:
        return {key: value for key, value in body.items() if key == "status"}
    return {key: value for key, value in body.items() if key != "status"}


def _matches(body: Object, labels: Terms, fields: Terms) -> bool:
    own = body["metadata"].get("labels") or {}
    if not all(key in own and (values is None or own[key] in values) for key, values in labels):
        return False
    return all(_field(body, path) in (values or ()) for path, values in fields)


def _field(body: Object, path: str) -> object:
    found: Any = body
    for step in path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found


def refused(status: int, *, seconds: int | None = None) -> Exception:
    """The answer of a server that has no time, or no wish, to do it."""
    reasons = {
        403: "Forbidden",
        409: "Conflict",
        422: "Invalid",
        429: "TooManyRequests",
        500: "InternalError",
        503: "ServiceUnavailable",
    }
    body = {"message": f"answered {status}", "reason": reasons[status]}
    return from_status(status, body, None if seconds is None else str(seconds))
