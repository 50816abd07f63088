"""Failures that come from the user that a container runs as: what to change, in a sentence. Neither the kubelet nor the
command names the field."""

import re
from collections.abc import Mapping
from typing import Any

from dkron_pods.pod_security import USER

Object = Mapping[str, Any]

NO_ROOT = re.compile(r"runAsNonRoot|non-root policy")
"""What a kubelet says of a container that it refuses to run as root."""
DENIED = re.compile(
    rb"permission denied|operation not permitted|EACCES|EPERM|(?:must|need to|requires?) (?:be |run as )?root",
    re.IGNORECASE,
)
"""Output of a program that lacks a right."""
CHOOSE_USER = (
    "to run it as another user, set securityContext.runAsUser in jobTemplate; to allow root, set "
    "securityContext.runAsNonRoot: false there"
)
ROOM = 512
"""Characters of a message before a remedy: both have to fit into the message of an execution."""
OUR_USER = f"it runs as user {USER}, because its template names none; {CHOOSE_USER}"


def with_remedy(message: str) -> str:
    """The kubelet's message, with what to change if it refuses root."""
    return _joined(message, CHOOSE_USER) if NO_ROOT.search(message) else message


def explained(message: str, pod: Object | None, container: str | None, output: bytes) -> str:
    """The message about a failed container, with what to change if it ran as the default user and said, here or in its
    output, that it lacks a right."""
    lacks = _user(pod or {}, container) == USER and any(DENIED.search(text) for text in (message.encode(), output))
    return _joined(message, OUR_USER) if lacks else message


def _joined(message: str, remedy: str) -> str:
    return f"{message[:ROOM]}; {remedy}" if message else remedy


def _user(pod: Object, container: str | None) -> object:
    spec = pod.get("spec") or {}
    found: Object = next((each for each in spec.get("containers") or () if each.get("name") == container), {})
    users = [(body.get("securityContext") or {}).get("runAsUser") for body in (found, spec)]
    return next((user for user in users if user is not None), None)
