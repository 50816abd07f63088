"""Liveness of the watches: when the operator last heard from each. An event counts, and so does each answer that lets a
watch resume, which comes at least once a minute (`handlers.settings`)."""

from collections.abc import Iterable
from dataclasses import dataclass

from dkron_kube.paths import Resource
from dkron_operator.kit.clock import Clock


@dataclass(frozen=True, slots=True)
class LastSign:
    """The state of a watch, in seconds of the monotonic clock."""

    seen: float | None = None
    """When the watch last delivered anything; None if it never has."""

    failing: float | None = None
    """Since when the watch has failed to start; None while it works."""


class WatchLiveness:
    """The state of the watches of these resources, in these namespaces or in all (None)."""

    def __init__(self, resources: Iterable[Resource], namespaces: Iterable[str | None], clock: Clock) -> None:
        self._clock = clock
        scopes = tuple(namespaces)
        self._plurals = {each.path(scope): each.plural for each in resources for scope in scopes}
        self._liveness = {path: LastSign() for path in self._plurals}
        self._optional: dict[str, float] = {}

    def event(self, resource: Resource, namespace: str) -> None:
        """A watch delivered an event."""
        path = resource.path(namespace)
        self._observe(path if path in self._liveness else resource.path())

    def optional_event(self, resource: Resource) -> None:
        """An optional watch delivered something. The operator is ready without it."""
        self._optional[resource.plural] = self._clock.monotonic()

    def answer(self, path: str, *, begun: bool) -> None:
        """The API server answered a request to watch this path: it lets the watch begin, or does not."""
        known = self._known(path)
        if known is None:
            return
        before = self._liveness[known]
        if begun:
            self._observe(known)
        elif before.failing is None:
            self._liveness[known] = LastSign(before.seen, self._clock.monotonic())

    def knows(self, path: str) -> bool:
        """Whether the resource at this path is watched."""
        return self._known(path) is not None

    def by_resource(self) -> dict[str, LastSign]:
        """The state of the watches of each resource; with several namespaces, the worst one."""
        found: dict[str, LastSign] = {}
        for path, sign in self._liveness.items():
            plural = self._plurals[path]
            found[plural] = _worse(found[plural], sign) if plural in found else sign
        return found

    def seen(self) -> dict[str, float]:
        """When each watched resource was last heard from, by the monotonic clock."""
        needed = {plural: sign.seen for plural, sign in self.by_resource().items() if sign.seen is not None}
        return {**needed, **self._optional}

    def _known(self, path: str) -> str | None:
        # The URL of an API server may have a path prefix.
        return next((each for each in self._liveness if path.endswith(each)), None)

    def _observe(self, path: str) -> None:
        self._liveness[path] = LastSign(self._clock.monotonic())


def _worse(one: LastSign, other: LastSign) -> LastSign:
    if one.seen is None or other.seen is None:
        return LastSign()
    failing = [each for each in (one.failing, other.failing) if each is not None]
    return LastSign(min(one.seen, other.seen), min(failing, default=None))
