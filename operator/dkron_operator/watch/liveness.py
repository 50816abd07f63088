"""Signs of life: when each watch has last shown one. An event is one, and so is each answer with which the API server
lets a watch begin again, which it does at least once a minute (`source.settings`)."""

from collections.abc import Iterable
from dataclasses import dataclass

from dkron_kube.paths import Resource
from dkron_operator.kit.clock import Clock


@dataclass(frozen=True, slots=True)
class LastSign:
    """How a watch is: `seen` is when it last showed a sign of life by the monotonic clock, None before the first;
    `failing` since when it cannot be begun."""

    seen: float | None = None
    failing: float | None = None


class WatchLiveness:
    """What was heard of the watches of these resources, in these namespaces or in all (None)."""

    def __init__(self, resources: Iterable[Resource], namespaces: Iterable[str | None], clock: Clock) -> None:
        self._clock = clock
        scopes = tuple(namespaces)
        self._plurals = {each.path(scope): each.plural for each in resources for scope in scopes}
        self._signs = {path: LastSign() for path in self._plurals}
        self._beside: dict[str, float] = {}

    def event(self, resource: Resource, namespace: str) -> None:
        """Something has come from a watch."""
        path = resource.path(namespace)
        self._hear(path if path in self._signs else resource.path())

    def beside(self, resource: Resource) -> None:
        """A watch of these has shown a sign of life. The operator is ready without it."""
        self._beside[resource.plural] = self._clock.monotonic()

    def answer(self, path: str, *, begun: bool) -> None:
        """The API server was asked for a watch of this path, and lets it begin, or does not."""
        known = self._known(path)
        if known is None:
            return
        if begun:
            self._hear(known)
        else:
            before = self._signs[known]
            now = self._clock.monotonic()
            self._signs[known] = LastSign(before.seen, now if before.failing is None else before.failing)

    def knows(self, path: str) -> bool:
        """Whether what is at this path is watched."""
        return self._known(path) is not None

    def oldest(self) -> dict[str, LastSign]:
        """How the watches of each resource are; of several namespaces the one that is worst off."""
        found: dict[str, LastSign] = {}
        for path, sign in self._signs.items():
            plural = self._plurals[path]
            found[plural] = _worse(found[plural], sign) if plural in found else sign
        return found

    def seen(self) -> dict[str, float]:
        """When each resource that is watched last showed a sign of life, by the monotonic clock."""
        needed = {plural: sign.seen for plural, sign in self.oldest().items() if sign.seen is not None}
        return {**needed, **self._beside}

    def _known(self, path: str) -> str | None:
        # The address of an API server may have a path of its own before ours.
        return next((each for each in self._signs if path.endswith(each)), None)

    def _hear(self, path: str) -> None:
        self._signs[path] = LastSign(self._clock.monotonic())


def _worse(one: LastSign, other: LastSign) -> LastSign:
    if one.seen is None or other.seen is None:
        return LastSign()
    failing = [each for each in (one.failing, other.failing) if each is not None]
    return LastSign(min(one.seen, other.seen), min(failing, default=None))
