"""The namespace controller: it deletes what is in a namespace that is deleted, one kind after the other."""

from collections.abc import Callable
from functools import partial

from dkron_kube.paths import DKRON_JOBS, JOBS, Resource
from tests.simulation.plans import Event
from tests.support.world import World

KINDS = {each.plural: each for each in (DKRON_JOBS, JOBS)}
APART = 1.0
"""Seconds between two kinds."""


class Namespaces:
    """`at` has something done at a second, `deleted` is told the kind and the name of each object that is gone."""

    def __init__(
        self, world: World, *, at: Callable[[float, Callable[[], None]], None],
        deleted: Callable[[Resource, str], None],
    ) -> None:  # fmt: skip
        self._world = world
        self._at = at
        self._deleted = deleted

    def delete(self, event: Event) -> float:
        """Delete the namespace that an event names, and what is in it once it has lasted so long; returns when the last
        kind is gone."""
        self._world.terminate(event.on)
        seconds = [event.ends + APART * number for number in range(len(event.spec["kinds"]))]
        for second, plural in zip(seconds, event.spec["kinds"], strict=True):
            self._at(second, partial(self._empty, KINDS[plural], event.on))
        return seconds[-1]

    def _empty(self, resource: Resource, namespace: str) -> None:
        for body in self._world.list(resource, namespace):
            metadata = body["metadata"]
            self._world.delete(resource, namespace, metadata["name"], uid=metadata["uid"])
            self._deleted(resource, metadata["name"])
