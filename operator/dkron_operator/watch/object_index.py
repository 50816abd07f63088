"""The objects of a kind by namespace and name, of which each namespace has room for so many: the oldest.

The others have no effect, so a namespace with many objects costs the others nothing.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Generic, TypedDict, TypeVar

from pydantic import ValidationError

from dkron_crds.base import StatusModel, WireModel, first_problem
from dkron_operator.kit.object_guard import FAULT, ObjectGuard
from dkron_operator.kit.oldest_first import OldestFirst

Object = dict[str, Any]
log = logging.getLogger(__name__)

Key = tuple[str, str]
"""Namespace and name of an object."""
Age = tuple[datetime, str]
"""When it was created, and its name."""
MOST = 256
"""How many objects of a kind have an effect in a namespace."""


class Common(TypedDict):
    """What every object has."""

    key: Key
    uid: str
    version: int
    generation: int
    created: datetime
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectView:
    """An object as the API server has it."""

    key: Key
    uid: str
    version: int
    generation: int
    created: datetime
    problem: str = ""
    """What keeps the spec from being read; empty if nothing does."""

    dropped: bool = False
    """Whether the spec was not kept, because there was no room for it."""

    status: StatusModel | None = None
    """None if the operator fails to read it; it then stays as it is."""

    @property
    def age(self) -> Age:
        """By which the oldest have room."""
        return self.created, self.key[1]


V = TypeVar("V", bound=ObjectView)
P = TypeVar("P", bound=WireModel)


class ObjectIndex(ABC, Generic[V, P]):
    """All objects of a kind. `home` is the namespace of the operator, where an object may concern all namespaces."""

    def __init__(self, kind: str, spec: type[P], status: type[StatusModel], *, home: str, most: int = MOST) -> None:
        self.home = home
        self._kind = kind
        self._spec = spec
        self._status = status
        self._most = most
        self._views: dict[Key, V] = {}
        self._ages: dict[str, OldestFirst[Age]] = {}
        self._promoted: set[Key] = set()
        self._guard = ObjectGuard(log)

    def __iter__(self) -> Iterator[V]:
        return iter(self._views.values())

    def keys(self, namespace: str | None) -> set[Key]:
        """All that are known in a namespace, or in all (None)."""
        return {key for key in self._views if namespace in (None, key[0])}

    def has_room(self, view: V) -> bool:
        """Whether it is one of those that have an effect."""
        ages = self._ages.get(view.key[0])
        return ages is not None and self._takes_room(view) and ages.has_room(view.age)

    def missing(self) -> list[Key]:
        """Those that have room by now, and whose spec was not kept."""
        found = [self._views[key] for key in self._promoted if key in self._views]
        self._promoted = {view.key for view in found if view.dropped and self.has_room(view)}
        return sorted(self._promoted)

    def upsert(self, body: Object) -> str | None:
        """Take in an object. Returns the namespace whose jobs it concerns, "" for all; None if nothing has changed for
        them."""
        view = self._read(body)
        if view is None:
            return None
        before = self._views.get(view.key)
        if before is not None and before.uid == view.uid:
            if view.version < before.version or (view.version == before.version and not before.dropped):
                return None
            if view.generation == before.generation and not before.dropped:
                self._views[view.key] = replace(before, status=view.status, version=view.version)
                return None
        concerned = self.remove(view.key)
        if self._takes_room(view):
            ages = self._ages.setdefault(view.key[0], OldestFirst(self._most))
            if (younger := ages.upsert(view.age)) is not None:
                self._drop(self._views[view.key[0], younger[1]])
        if not self.has_room(view):
            view = self._stripped(view)
        self._views[view.key] = view
        self._link(view)
        return "" if concerned == "" else self._concerns(view)

    def remove(self, key: Key) -> str | None:
        """An object is gone. Returns as `upsert`."""
        view = self._views.pop(key, None)
        if view is None:
            return None
        self._unlink(view)
        self._leave_room(view)
        return self._concerns(view)

    @abstractmethod
    def _view(self, common: Common, spec: P | None) -> V:
        """The object; with None for a spec that is not valid, it has no effect."""

    @abstractmethod
    def _concerns(self, view: V) -> str:
        """The namespace whose jobs it concerns, "" for all."""

    def _takes_room(self, view: V) -> bool:  # noqa: ARG002
        """Whether it counts among the oldest."""
        return True

    def _stripped(self, view: V) -> V:
        """The object without what needs room."""
        return view

    def _link(self, view: V) -> None:
        """Keep what finds the object."""

    def _unlink(self, view: V) -> None:
        """Forget what `_link` kept."""

    def _drop(self, view: V) -> None:
        """An object lost its room."""
        self._unlink(view)
        self._views[view.key] = self._stripped(view)

    def _leave_room(self, view: V) -> None:
        namespace = view.key[0]
        ages = self._ages.get(namespace)
        if ages is None:
            return
        if (next_oldest := ages.remove(view.age)) is not None and self._views[namespace, next_oldest[1]].dropped:
            self._promoted.add((namespace, next_oldest[1]))
        if not ages:
            del self._ages[namespace]

    def _read(self, body: Object) -> V | None:
        """The object; None if not even its metadata can be read. One that the operator fails to read has no effect, as
        one that is not valid."""
        read = self._guard.read
        view = read(self._kind, body, self._valid) or read(self._kind, body, self._unread)
        status = None if view is None else read(f"the status of {self._kind}", body, self._status_of)
        return None if view is None else replace(view, status=status)

    def _valid(self, body: Object) -> V:
        try:
            return self._view(_common(body["metadata"]), self._spec.from_wire(dict(body.get("spec") or {})))
        except ValidationError as exc:
            return self._view(_common(body["metadata"], f"spec.{first_problem(exc)}"), None)

    def _unread(self, body: Object) -> V:
        return self._view(_common(body["metadata"], FAULT), None)

    def _status_of(self, body: Object) -> StatusModel:
        try:
            return self._status.from_wire(dict(body.get("status") or {}))
        except ValidationError:
            # A user has edited it by hand; it is written again.
            return self._status()


def _common(metadata: Object, problem: str = "") -> Common:
    return Common(
        key=(metadata["namespace"], metadata["name"]), uid=metadata["uid"], version=int(metadata["resourceVersion"]),
        generation=metadata.get("generation", 0), created=datetime.fromisoformat(metadata["creationTimestamp"]),
        problem=problem,
    )  # fmt: skip
