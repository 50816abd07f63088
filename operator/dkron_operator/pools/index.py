"""The DkronPools by their keys, and which of them a job means by a name."""

from dataclasses import dataclass

from dkron_crds.conditions import ReadyReason
from dkron_crds.lacked_pool import lacks_pool
from dkron_crds.pool import PoolSpec, PoolStatus
from dkron_operator.plan.situation.pools import Pool, PoolKey
from dkron_operator.watch.object_index import MOST, Common, ObjectIndex, ObjectView
from dkron_pods.problem import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolView(ObjectView):
    """A DkronPool as the API server has it."""

    pool: Pool
    status: PoolStatus | None = None
    namespaces: frozenset[str] = frozenset()
    """The namespaces that its spec names; kept only of a pool in the operator's namespace."""

    elsewhere: bool = False
    """Whether its spec has namespaces or perNamespace without effect."""


class PoolIndex(ObjectIndex[PoolView, PoolSpec]):
    """All DkronPools. Only a pool of the namespace `home` may serve other namespaces."""

    def __init__(self, home: str, *, most: int = MOST) -> None:
        super().__init__("DkronPool", PoolSpec, PoolStatus, home=home, most=most)

    def find(self, namespace: str, name: str) -> Pool | Problem:
        """The pool that a job of this namespace means by the name, or why there is none."""
        view = self._views.get((namespace, name))
        if view is None:
            shared = self._views.get((self.home, name))
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
        return not view.problem and self.has_room(view)

    def _view(self, common: Common, spec: PoolSpec | None) -> PoolView:
        key = common["key"]
        if spec is None:
            return PoolView(**common, pool=Pool(key, 0))
        if key[0] == self.home:
            pool = Pool(key, spec.size, spec.order, spec.per_namespace)
            return PoolView(**common, pool=pool, namespaces=frozenset(spec.namespaces))
        elsewhere = bool(spec.namespaces) or spec.per_namespace is not None
        return PoolView(**common, pool=Pool(key, spec.size, spec.order), elsewhere=elsewhere)

    def _concerns(self, view: PoolView) -> str:
        # Another pool may have its room now, which is in the same namespace.
        return "" if view.key[0] == self.home else view.key[0]


def _not_found(pool: str) -> Problem:
    return Problem(ReadyReason.POOL_NOT_FOUND, lacks_pool(pool))
