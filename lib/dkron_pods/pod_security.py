"""Pods that meet the Pod Security Standard `restricted`, as far as their template does not say otherwise. Pure.

A field that the template sets stays as it is. Of the defaults, a container gets only those that do not contradict what
is set: a container that asks for more than the standard allows gets no user, and keeps its capabilities (docs/adr, 38).
"""

from collections.abc import Iterator, Mapping
from typing import Any

Object = dict[str, Any]

USER = 65532
"""The user and the group of containers if the template names none; "nonroot" in many images."""
KINDS = ("initContainers", "containers")
INHERITED = frozenset({"runAsNonRoot", "runAsUser", "runAsGroup", "seccompProfile", "windowsOptions"})
"""Fields that a container inherits from its pod unless it has its own."""
ALLOWED = frozenset({"NET_BIND_SERVICE"})
"""Capabilities that the standard allows to add."""
ADMINISTRATOR = "containeradministrator"
"""The root of Windows, in lower case."""


def restricted(pod: Object) -> Object:
    """The spec of a pod, completed. The API server refuses what is not shaped like a pod."""
    if not all(isinstance(each.get("securityContext"), dict | None) for each in (pod, *_containers(pod))):
        return pod
    windows = _object(pod, "os").get("name") == "windows"
    of_pod = _said(pod)
    # Kubernetes has no way to take a field of the pod from one container. So the pod has them only if all agree.
    agreed = not any(INHERITED & said.keys() or asks_for_more(said) for said in map(_said, _containers(pod)))
    shared = _inherited(of_pod, windows=windows) if agreed else {}

    def completed(container: Object) -> Object:
        said = of_pod | _said(container)
        context = {} if agreed else _inherited(said, windows=windows)
        return _with(container, context | ({} if windows else _confined(said)))

    lists = {kind: [completed(each) for each in pod[kind]] for kind in KINDS if isinstance(pod.get(kind), list)}
    token = {} if pod.get("automountServiceAccountToken") is not None else {"automountServiceAccountToken": False}
    return _with(pod, shared) | lists | token


def asks_for_more(said: Mapping[str, Any]) -> bool:
    """Whether a container asks for more than the standard allows; `said` is its security context, with what it inherits
    from its pod."""
    options = _object(said, "windowsOptions")
    return bool(
        said.get("privileged")
        or said.get("allowPrivilegeEscalation")
        or said.get("runAsNonRoot") is False
        or said.get("runAsUser") == 0
        or any(added not in ALLOWED for added in _list(_object(said, "capabilities").get("add")))
        or options.get("hostProcess")
        or str(options.get("runAsUserName")).lower() == ADMINISTRATOR
    )


def _inherited(said: Mapping[str, Any], *, windows: bool) -> Object:
    """Who runs it, and which system calls it may make. A user that the image names is kept if the template says that it
    is not root."""
    profile: Object = {} if windows or "seccompProfile" in said else {"seccompProfile": {"type": "RuntimeDefault"}}
    if asks_for_more(said):
        return profile
    if not windows and "runAsUser" not in said and "runAsNonRoot" not in said:
        profile |= {"runAsUser": USER, **({} if "runAsGroup" in said else {"runAsGroup": USER})}
    return profile if "runAsNonRoot" in said else {"runAsNonRoot": True, **profile}


def _confined(said: Mapping[str, Any]) -> Object:
    """The fields that a container cannot inherit. The API server refuses `allowPrivilegeEscalation: false` beside more
    rights."""
    if asks_for_more(said):
        return {}
    own = _object(said, "capabilities")
    escalation = {} if "allowPrivilegeEscalation" in said else {"allowPrivilegeEscalation": False}
    return escalation | ({} if own.get("drop") is not None else {"capabilities": {**own, "drop": ["ALL"]}})


def _with(body: Object, context: Object) -> Object:
    """The pod or container with these fields added to its security context."""
    return {**body, "securityContext": _said(body) | context} if context else body


def _said(body: Mapping[str, Any]) -> Object:
    """Its security context; a null says nothing, as for the API server."""
    return {key: value for key, value in _object(body, "securityContext").items() if value is not None}


def _containers(pod: Mapping[str, Any]) -> Iterator[Object]:
    for kind in KINDS:
        yield from _list(pod.get(kind))


def _object(body: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = body.get(key)
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
