"""A `KubeClient` of a `World` for unit tests, in one namespace. A call can be made to fail, or to have its effect while
its answer is lost."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dkron_kube.errors import KubeError, Unavailable
from dkron_kube.paths import Resource
from tests.support.builders import NOON
from tests.support.world import Key, Object, World

NO_ANSWER = Unavailable("no answer")
ROOM = 5000
"""More calls than that in one test are a loop without rest."""


def _world() -> World:
    found = World(lambda: NOON, uid_of=lambda key: f"uid-of-{key.name}")
    # Above the versions that builders of objects give, below the ones that tests have a watch tell later.
    found.version = 100
    return found


@dataclass
class FakeKube:
    """`calls` are "verb resource name" in order, `bodies` what they sent, `logs` the pods' by name."""

    world: World = field(default_factory=_world)
    logs: dict[str, bytes | KubeError] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    bodies: list[Object] = field(default_factory=list)
    before: dict[str, list[Callable[[], object]]] = field(default_factory=dict)
    unanswered: list[str] = field(default_factory=list)

    # --- what other writers do ---------------------------------------------------------------------------------------

    def put(self, resource: Resource, body: Object) -> Object:
        """Another writer writes this object."""
        return self.world.put(resource, _sent(body))

    def edit(self, resource: Resource, name: str, change: Callable[[Object], None]) -> Object:
        """Another writer changes an object."""
        change(body := self.has(resource, name))
        return self.world.put(resource, body)

    def remove(self, resource: Resource, name: str) -> Object:
        """Another writer deletes an object. Return its last state."""
        return self.world.remove(resource, name)

    def has(self, resource: Resource, name: str) -> Object:
        """The object as it is now. Raises KeyError."""
        return self.world.objects[Key(resource.plural, "", name)]

    def names(self, resource: Resource) -> list[str]:
        """The objects of this kind."""
        return [key.name for key in self.world.objects if key.plural == resource.plural]

    def fail(self, call: str, *errors: KubeError) -> None:
        """The next calls "verb resource" fail, one with each error."""
        for error in errors:
            self.meanwhile(call, _raising(error))

    def meanwhile(self, call: str, act: Callable[[], object]) -> None:
        """Something happens just before the next call "verb resource" arrives."""
        self.before.setdefault(call, []).append(act)

    def lose_answer(self, call: str) -> None:
        """The next call "verb resource" has its effect, and its answer is lost."""
        self.unanswered.append(call)

    # --- what a client does ------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Nothing is open."""

    async def get(self, resource: Resource, _namespace: str | None, name: str) -> Object:
        self._arrive("get", resource, name)
        return self.world.get(resource, None, name)

    async def subresource(
        self, resource: Resource, _namespace: str, name: str, subresource: str, *, query: Mapping[str, str]
    ) -> Object:
        """A test puts a part of an object as an object of its own, whose kind is `plural/subresource`."""
        part = resource._replace(plural=f"{resource.plural}/{subresource}")
        self._arrive("get", part, name, dict(query))
        return self.world.get(part, None, name)

    async def create(self, resource: Resource, namespace: str | None, body: Object, *, dry_run: bool = False) -> Object:
        self._arrive("try" if dry_run else "create", resource, body["metadata"]["name"], body)
        made = _sent(body)
        if namespace is not None:
            made["metadata"]["namespace"] = namespace
        return self._answer("create", resource, self.world.create(resource, None, made, dry_run=dry_run))

    async def patch(self, resource: Resource, _namespace: str, name: str, body: Object) -> Object:
        self._arrive("patch", resource, name, body)
        return self._answer("patch", resource, self.world.patch(resource, None, name, _sent(body)))

    async def json_patch(
        self, resource: Resource, _namespace: str | None, name: str, operations: Sequence[Object]
    ) -> Object:
        self._arrive("patch", resource, name)
        return self._answer("patch", resource, self.world.json_patch(resource, None, name, operations))

    async def patch_status(
        self, resource: Resource, _namespace: str, name: str, body: Object, *, whole: bool = False
    ) -> Object:
        self._arrive("write", resource, name, body)
        stored = self.world.patch(resource, None, name, _sent(body), status=True)
        return self._answer("write", resource, stored if whole else {"metadata": stored["metadata"]})

    async def delete(self, resource: Resource, _namespace: str | None, name: str, **preconditions: Any) -> None:
        self._arrive("delete", resource, name)
        self.world.delete(resource, None, name, **preconditions)

    async def list(
        self,
        resource: Resource,
        _namespace: str | None,
        *,
        label_selector: str | None = None,
        field_selector: str | None = None,
        metadata_only: bool = False,  # noqa: ARG002 - metadata is part of all
    ) -> AsyncIterator[Object]:
        self._arrive("list", resource, label_selector or field_selector or "")
        for body in self.world.list(resource, None, labels=label_selector, fields=field_selector):
            yield body

    async def pages(
        self,
        resource: Resource,
        _namespace: str | None,
        *,
        selector: dict[str, str],
        metadata_only: bool = False,  # noqa: ARG002 - metadata is part of all
    ) -> AsyncIterator[Object]:
        """The list that a watch begins with is empty: the test brings the objects."""
        self._arrive("follow", resource, " ".join(selector))
        yield {"items": [], "metadata": {}}

    async def follow_log(
        self,
        resource: Resource,
        _namespace: str,
        pod: str,
        *,
        container: str,
        follow: bool,  # noqa: ARG002 - it ends at once, as if the container had
        query: Mapping[str, str] | None = None,  # noqa: ARG002 - there is little of it
    ) -> AsyncGenerator[bytes]:
        self._arrive("follow", resource, f"{pod}/{container}")
        yield self._log(pod)

    async def log_tail(self, resource: Resource, _namespace: str, pod: str, *, container: str, size: int) -> bytes:
        self._arrive("log", resource, f"{pod}/{container}")
        return self._log(pod)[-(size + 1) :]

    # --- inside ------------------------------------------------------------------------------------------------------

    def _arrive(self, verb: str, resource: Resource, name: str, body: Object | None = None) -> None:
        assert len(self.calls) < ROOM, f"a loop without rest: {self.calls[-5:]}"
        self.calls.append(f"{verb} {resource.plural} {name}".strip())
        if body is not None:
            self.bodies.append(_sent(body))
        waiting = self.before.get(f"{verb} {resource.plural}")
        if waiting:
            waiting.pop(0)()

    def _answer(self, verb: str, resource: Resource, body: Object) -> Object:
        call = f"{verb} {resource.plural}"
        if call in self.unanswered:
            self.unanswered.remove(call)
            raise NO_ANSWER
        return body

    def _log(self, pod: str) -> bytes:
        found = self.logs.get(pod, b"")
        if isinstance(found, KubeError):
            raise found
        return found


def _raising(error: KubeError) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def _sent(body: Object) -> Object:
    """As it arrives at the API server."""
    arrived: Object = json.loads(json.dumps(body))
    return arrived
