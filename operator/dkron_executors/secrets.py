"""References to Secrets in a config, and how their values reach the pod without anybody else reading them.

A value `secretRef:<secret>/<key>` stays as it is in the config that the operator hands over. Beside it stands the name
of an environment variable, which the kubelet fills; the pod puts the two together.
"""

import json
import re
from collections.abc import Iterable, Mapping

PREFIX = "secretRef:"
_REFERENCE = re.compile(PREFIX + r"([a-z0-9][a-z0-9.-]{0,252})/([-._a-zA-Z0-9]{1,253})", re.ASCII)


def is_reference(text: str) -> bool:
    """Whether the whole value comes from a Secret."""
    return _REFERENCE.fullmatch(text) is not None


def secret_and_key(reference: str) -> tuple[str, str] | None:
    """Name of the Secret and key in it; None for what is no reference."""
    match = _REFERENCE.fullmatch(reference)
    return (match[1], match[2]) if match else None


def references(config: Mapping[str, str], *, inside: Iterable[str]) -> list[str]:
    """All references, each once: whole values, and parts of the values of the keys that are named `inside`."""
    inside = frozenset(inside)
    found: dict[str, None] = {}
    for key, text in config.items():
        if is_reference(text):
            found[text] = None
        elif key in inside:
            found |= dict.fromkeys(match[0] for match in _REFERENCE.finditer(text))
    return list(found)


def without_references(text: str) -> str:
    """The text as it might look once the references in it were replaced."""
    return _REFERENCE.sub("x", text)


def resolve(config: Mapping[str, str], values: Mapping[str, str], *, inside: Iterable[str]) -> dict[str, str]:
    """The config with the values of the references. Within a text they are escaped as JSON wants it."""
    inside = frozenset(inside)

    def escaped(match: re.Match[str]) -> str:
        return json.dumps(values[match[0]])[1:-1] if match[0] in values else match[0]

    def resolved(key: str, text: str) -> str:
        if text in values:
            return values[text]
        return _REFERENCE.sub(escaped, text) if key in inside else text

    return {key: resolved(key, text) for key, text in config.items()}
