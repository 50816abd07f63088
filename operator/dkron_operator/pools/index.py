"""The DkronPools by their keys, and which of them a job means by a name.

A namespace has room for so many of them, the oldest; the others have no effect. So a namespace with many pools costs
the others nothing.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from dkron_crds.base import first_problem
from dkron_crds.conditions import ReadyReason
from dkron_crds.lacked_pool import lacks_pool
from dkron_crds.pool import PoolSpec, PoolStatus
from dkron_operator.kit.object_guard import FAULT, ObjectGuard
from dkron_operator.kit.oldest_first import OldestFirst
from dkron_operator.plan.situation.pools import Pool, PoolKey
from dkron_operator.watch.followed import status_of
from dkron_pods.problem import Problem

Object = dict[str, Any]
log = logging.getLogger(__name__)

Age = tuple[datetime, str]
"""When it was created, and its name."""
MOST = 256
"""How many DkronPools of a namespace have an effect."""


@dataclass(frozen=True, slots=True)
class PoolView:
    """A DkronPool as the API server has it."""

    pool: Pool
    uid: str
    version: int
    generation: int
    created: datetime
    namespaces: frozenset[str] = frozenset()
    """The namespaces that its spec names; kept only of a pool in the operator's namespace."""

    elsewhere: bool = False
    """Whether its spec has namespaces or perNamespace without effect."""

    problem: str = ""
    """What keeps the spec from being read; empty if nothing does."""

    status: PoolStatus | None = None
    """None if the operator fails to read it; it then stays as it is."""

    @property
    def key(self) -> PoolKey:
        """Its namespace and name."""
        return self.pool.key

    @property
    def age(self) -> Age:
        """By which the oldest have room."""
        return self.created, self.pool.key[1]


def read_pool(body: Object) -> PoolView:
    """Read a DkronPool without its status. One whose spec is not valid has a `problem`, and serves no job."""
    try:
        return _view(body["metadata"], PoolSpec.from_wire(dict(body.get("spec") or {})))
    except ValidationError as exc:
        return _view(body["metadata"], None, f"spec.{first_problem(exc)}")


def read_pool_status(body: Object) -> PoolStatus:
    """Read the status of a DkronPool."""
    return status_of(body, PoolStatus)


def unread_pool(body: Object) -> PoolView:
    """A DkronPool whose spec the operator fails to read: it serves no job."""
    return _view(body["metadata"], None, FAULT)


def _view(metadata: Object, spec: PoolSpec | None, problem: str = "") -> PoolView:
    key = metadata["namespace"], metadata["name"]
    return PoolView(
        Pool(key, 0) if spec is None else Pool(key, spec.size, spec.order, spec.per_namespace),
        metadata["uid"], int(metadata["resourceVersion"]), metadata.get("generation", 0),
        created=datetime.fromisoformat(metadata["creationTimestamp"]),
        namespaces=frozenset(() if spec is None else spec.namespaces), problem=problem,
    )  # fmt: skip


class PoolIndex:
    """All DkronPools. Only a pool of the namespace `home` may serve other namespaces."""

    def __init__(self, home: str, *, most: int = MOST) -> None:
        self._home = home
        self._most = most
        self._views: dict[PoolKey, PoolView] = {}
        self._ages: dict[str, OldestFirst[Age]] = {}
        self._guard = ObjectGuard(log)

    def __iter__(self) -> Iterator[PoolView]:
        return iter(self._views.values())

    def find(self, namespace: str, name: str) -> Pool | Problem:
        """The pool that a job of this namespace means by the name, or why there is none."""
        view = self._views.get((namespace, name))
        if view is None:
            shared = self._views.get((self._home, name))
            view = shared if shared is not None and namespace in shared.namespaces else None
        if view is None:
            return _not_found(f'pool "{name}", which does not exist for this namespace')
        if not self.has_effect(view):
            where = "" if view.key[0] == namespace else f" of namespace {view.key[0]}"
            return _not_found(f'pool "{name}"{where}, which has no effect: see its status')
        return view.pool

    def serving(self, key: PoolKey) -> Pool | None:
        """The pool with this key; None if there is none, or if it has no effect."""
        view = self._views.get(key)
        return view.pool if view is not None and self.has_effect(view) else None

    def has_effect(self, view: PoolView) -> bool:
        """Whether it serves jobs."""
        ages = self._ages.get(view.key[0])
        return not view.problem and ages is not None and ages.has_room(view.age)

    def keys(self, namespace: str | None) -> set[PoolKey]:
        """All that are known in a namespace, or in all (None)."""
        return {key for key in self._views if namespace in (None, key[0])}

    def upsert(self, body: Object) -> str | None:
        """Take in a pool. Returns whose jobs it concerns, as `Index` says."""
        if (view := self._read(body)) is None:
            return None
        before = self._views.get(view.key)
        if before is not None and before.uid == view.uid:
            if view.version <= before.version:
                return None
            if view.generation == before.generation:
                self._views[view.key] = replace(before, status=view.status, version=view.version)
                return None
        concerned = None if before is None else self.remove(view.key)
        self._views[view.key] = view
        self._ages.setdefault(view.key[0], OldestFirst(self._most)).upsert(view.age)
        return "" if concerned == "" else self._concerns(view)

    def remove(self, key: PoolKey) -> str | None:
        """A pool is gone. Returns whose jobs that concerns, as `Index` says."""
        view = self._views.pop(key, None)
        if view is None:
            return None
        ages = self._ages[key[0]]
        ages.remove(view.age)
        if not ages:
            del self._ages[key[0]]
        return self._concerns(view)

    def _read(self, body: Object) -> PoolView | None:
        """The pool; None if not even its metadata can be read."""
        read = self._guard.read
        view = read("DkronPool", body, read_pool) or read("DkronPool", body, unread_pool)
        if view is None:
            return None
        status = read("the status of DkronPool", body, read_pool_status)
        if view.key[0] != self._home:
            elsewhere = bool(view.namespaces) or view.pool.per_namespace is not None
            pool = replace(view.pool, per_namespace=None)
            return replace(view, pool=pool, namespaces=frozenset(), elsewhere=elsewhere, status=status)
        return replace(view, status=status)

    def _concerns(self, view: PoolView) -> str:
        """The namespace whose jobs may name it, "" for several. Another pool may have its room now, which is in the
        same namespace."""
        return "" if view.key[0] == self._home else view.key[0]


def _not_found(pool: str) -> Problem:
    return Problem(ReadyReason.POOL_NOT_FOUND, lacks_pool(pool))
