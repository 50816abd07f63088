"""The few answers of an API server that the operator's edges depend on: versions, conflicts, names that are taken.

It takes the place of a `KubeClient`. A call can be made to fail, or to work and stay without an answer.
"""

import copy
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dkron_kube.errors import AlreadyExists, Conflict, KubeError, NotFound, Unavailable
from dkron_kube.paths import Resource

Object = dict[str, Any]
Key = tuple[str, str]
NO_ANSWER = Unavailable("no answer")
ROOM = 5000
"""More calls than that in one test are a loop without rest."""


@dataclass
class FakeKube:
    """Objects by resource and name, in one namespace. `calls` are "verb resource name" in order."""

    objects: dict[Key, Object] = field(default_factory=dict)
    logs: dict[str, bytes | KubeError] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    bodies: list[Object] = field(default_factory=list)
    before: dict[str, list[Callable[[], None]]] = field(default_factory=dict)
    unanswered: list[str] = field(default_factory=list)
    version: int = 100

    # --- what a test does to the world -----------------------------------------------------------------------------

    def put(self, resource: Resource, body: Object) -> Object:
        """Have this object there, as somebody else wrote it. It gets the next version."""
        stored = copy.deepcopy(body)
        self._stamp(stored)
        self.objects[resource.plural, stored["metadata"]["name"]] = stored
        return copy.deepcopy(stored)

    def edit(self, resource: Resource, name: str, change: Callable[[Object], None]) -> Object:
        """Somebody else changes an object."""
        change(self.objects[resource.plural, name])
        self._stamp(self.objects[resource.plural, name])
        return copy.deepcopy(self.objects[resource.plural, name])

    def has(self, resource: Resource, name: str) -> Object:
        """The object as it is now."""
        return self.objects[resource.plural, name]

    def names(self, resource: Resource) -> list[str]:
        """What is there of this kind."""
        return [name for plural, name in self.objects if plural == resource.plural]

    def fail(self, call: str, *errors: KubeError) -> None:
        """The next calls "verb resource" fail, one with each error."""
        for error in errors:
            self.meanwhile(call, _raising(error))

    def meanwhile(self, call: str, act: Callable[[], None]) -> None:
        """Something happens just before the next call "verb resource" arrives."""
        self.before.setdefault(call, []).append(act)

    def lose_answer(self, call: str) -> None:
        """The next call "verb resource" works, but nobody learns of it."""
        self.unanswered.append(call)

    # --- what a client does ----------------------------------------------------------------------------------------

    async def get(self, resource: Resource, _namespace: str | None, name: str) -> Object:
        self._arrive("get", resource, name)
        return copy.deepcopy(self._found(resource, name))

    async def create(
        self, resource: Resource, _namespace: str | None, body: Object, *, dry_run: bool = False
    ) -> Object:
        name = body["metadata"]["name"]
        self._arrive("try" if dry_run else "create", resource, name, body)
        if (resource.plural, name) in self.objects:
            raise AlreadyExists(f"{name} already exists", status=409, reason="AlreadyExists")
        made = copy.deepcopy(body)
        made["metadata"] |= {"uid": f"uid-of-{name}", "creationTimestamp": "2026-03-01T12:00:00Z"}
        if not dry_run:
            self.put(resource, made)
        return self._answer("create", resource, self.objects.get((resource.plural, name), made))

    async def patch(self, resource: Resource, _namespace: str, name: str, body: Object) -> Object:
        self._arrive("patch", resource, name, body)
        self._merge(resource, name, body, {"metadata", "spec"})
        return self._answer("patch", resource, self.objects[resource.plural, name])

    async def patch_status(
        self, resource: Resource, _namespace: str, name: str, body: Object, *, whole: bool = False
    ) -> Object:
        self._arrive("write", resource, name, body)
        stored = self._merge(resource, name, body, {"status"})
        stored["metadata"]["managedFields"] = [{"manager": "dkron-operator", "subresource": "status"}]
        return self._answer("write", resource, stored if whole else {"metadata": stored["metadata"]})

    async def delete(
        self,
        resource: Resource,
        _namespace: str | None,
        name: str,
        *,
        uid: str,
        version: str | None = None,
        foreground: bool = False,
    ) -> None:
        self._arrive("delete", resource, name)
        metadata = self._found(resource, name)["metadata"]
        if metadata["uid"] != uid or version not in (None, metadata["resourceVersion"]):
            raise Conflict("the uid or the version in the precondition differs", status=409)
        if foreground:
            metadata["deletionTimestamp"] = metadata["creationTimestamp"]
            self._stamp(self.objects[resource.plural, name])
        else:
            del self.objects[resource.plural, name]

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
        for (plural, _), body in tuple(self.objects.items()):
            labels = body["metadata"].get("labels", {})
            fields = {
                "metadata.name": body["metadata"]["name"],
                "regarding.uid": body.get("regarding", {}).get("uid"),
                "reason": body.get("reason"),
                "spec.name": body.get("spec", {}).get("name"),
                "spec.job": body.get("spec", {}).get("job"),
            }
            if (
                plural == resource.plural
                and _select(labels, label_selector)
                and all(fields[key] == value for key, value in _terms(field_selector))
            ):
                yield copy.deepcopy(body)

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
        found = self.logs.get(pod, b"")
        if isinstance(found, KubeError):
            raise found
        yield found

    async def pages(
        self, resource: Resource, _namespace: str | None, *, selector: dict[str, str]
    ) -> AsyncIterator[Object]:
        """The list that a watch begins with is no complete one: what it would bring is in the hands of the test."""
        self._arrive("follow", resource, " ".join(selector))
        yield {"items": [], "metadata": {}}

    async def log_tail(self, resource: Resource, _namespace: str, pod: str, *, container: str, size: int) -> bytes:
        self._arrive("log", resource, f"{pod}/{container}")
        found = self.logs.get(pod, b"")
        if isinstance(found, KubeError):
            raise found
        return found[-(size + 1) :]

    # --- inside ------------------------------------------------------------------------------------------------------

    def _arrive(self, verb: str, resource: Resource, name: str, body: Object | None = None) -> None:
        assert len(self.calls) < ROOM, f"a loop without rest: {self.calls[-5:]}"
        self.calls.append(f"{verb} {resource.plural} {name}".strip())
        if body is not None:
            self.bodies.append(copy.deepcopy(body))
        waiting = self.before.get(f"{verb} {resource.plural}")
        if waiting:
            waiting.pop(0)()

    def _answer(self, verb: str, resource: Resource, body: Object) -> Object:
        call = f"{verb} {resource.plural}"
        if call in self.unanswered:
            self.unanswered.remove(call)
            raise NO_ANSWER
        return copy.deepcopy(body)

    def _found(self, resource: Resource, name: str) -> Object:
        try:
            return self.objects[resource.plural, name]
        except KeyError:
            raise NotFound(f"{name} not found", status=404) from None

    def _merge(self, resource: Resource, name: str, body: Object, sections: set[str]) -> Object:
        stored = self._found(resource, name)
        given, there = body.get("metadata", {}), stored["metadata"]
        if any(given[key] != there[key] for key in ("uid", "resourceVersion") if key in given):
            raise Conflict("the object has been modified", status=409, reason="Conflict")
        for section in sections & body.keys():
            stored[section] = _merged(stored.get(section) or {}, body[section])
        self._stamp(stored)
        return stored

    def _stamp(self, body: Object) -> None:
        self.version += 1
        body["metadata"]["resourceVersion"] = str(self.version)


def _raising(error: KubeError) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def _merged(base: Object, over: Object) -> Object:
    """A JSON merge patch."""
    merged = {
        key: _merged(base.get(key) or {}, value) if isinstance(value, dict) else value
        for key, value in over.items()
        if value is not None
    }
    return {key: value for key, value in base.items() if key not in over} | merged


def _select(labels: Mapping[str, str], selector: str | None) -> bool:
    """Whether these labels fit a selector, which is `key=value,…` or one `key in (value,…)`."""
    key, found, values = (selector or "").partition(" in ")
    if found:
        return labels.get(key) in values.strip("()").split(",")
    return all(labels.get(key) == value for key, value in _terms(selector))


def _terms(selector: str | None) -> list[tuple[str, str]]:
    return [(key, value) for key, _, value in (term.partition("=") for term in selector.split(","))] if selector else []
