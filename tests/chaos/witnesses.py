"""A witness of many namespaces at once: one watch for each kind, however many trials happen side by side.

Each namespace has a scene. It shows how its objects are now, what was ever seen in it, and wakes a trial that waits
for a change, so that it need not ask the API server.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from dkron_kube.client import KubeClient
from dkron_kube.paths import DKRON_JOBS, DKRON_RUNS, JOBS, PODS, Resource
from dkron_kube.watch import follow
from tests.chaos.history import Fault
from tests.chaos.request_sightings import RequestSightings
from tests.chaos.sightings import Sightings
from tests.chaos.witness import EAGER, View

Object = dict[str, Any]
KINDS = (DKRON_JOBS, JOBS, PODS, DKRON_RUNS)


@dataclass
class Scene:
    """The objects that are and were in one namespace."""

    seen: Sightings = field(default_factory=Sightings)
    requests: RequestSightings = field(default_factory=RequestSightings)
    now: dict[Resource, dict[str, Object]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def status(self, job: str) -> Object:
        """The status of a DkronJob; empty if it is not there."""
        return self.status_of(DKRON_JOBS, job)

    def status_of(self, resource: Resource, name: str) -> Object:
        """The status of an object; empty if it is not there."""
        return self.now[resource].get(name, {}).get("status") or {}

    def jobs(self) -> list[Object]:
        """The Jobs that exist."""
        return list(self.now[JOBS].values())

    def created(self, job: str) -> datetime | None:
        """When the DkronJob of this name was created, if there is one."""
        body = self.now[DKRON_JOBS].get(job)
        return None if body is None else datetime.fromisoformat(body["metadata"]["creationTimestamp"])

    def take(self, resource: Resource, body: Object, *, lost: bool) -> None:
        """This is how an object is now, or was when it went."""
        metadata = body["metadata"]
        if lost:
            self.now[resource].pop(metadata["name"], None)
        else:
            self.now[resource][metadata["name"]] = body
        if resource is JOBS:
            take = self.seen.lost_job if lost else self.seen.job
            take(body, datetime.now(UTC))
        elif resource is PODS:
            self.seen.pod(body)
        elif resource is DKRON_RUNS:
            (self.requests.lost_run if lost else self.requests.run)(body, datetime.now(UTC))
        else:
            self.seen.dkron_job(body)
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()


class Gallery:
    """The scenes of all namespaces, by name. `blind` says when something may not have been seen."""

    def __init__(self) -> None:
        self.scenes: dict[str, Scene] = {}
        self.blind: list[Fault] = []

    def scene(self, namespace: str) -> Scene:
        """The scene of a namespace."""
        return self.scenes.setdefault(namespace, Scene())

    def look(self, resource: Resource, body: Object, *, lost: bool = False) -> None:
        """Something was seen in a namespace that anybody has asked for."""
        scene = self.scenes.get(body["metadata"].get("namespace", ""))
        if scene is not None:
            scene.take(resource, body, lost=lost)


class _Hall(View):
    """One kind of object in all namespaces."""

    def __init__(self, resource: Resource, gallery: Gallery) -> None:
        super().__init__(
            resource.plural,
            lambda item: gallery.look(resource, item),
            lambda item: gallery.look(resource, item, lost=True),
            gallery.blind.append,
        )


@asynccontextmanager
async def gallery(client: KubeClient) -> AsyncIterator[Gallery]:
    """One that sees, as long as it is entered."""
    made = Gallery()
    halls = {resource: _Hall(resource, made) for resource in KINDS}
    tasks = [asyncio.create_task(follow(client, kind, None, hall, pace=EAGER)) for kind, hall in halls.items()]
    try:
        for hall in halls.values():
            await hall.listed.wait()
        yield made
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
