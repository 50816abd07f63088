"""References to Secrets in a config, and how their values reach the pod without the operator reading them.

A value `secretRef:<secret>/<key>` stays in the config that the operator passes to the pod. Next to it, the operator
passes the name of an environment variable, which the kubelet fills. The pod puts the two together.
"""

import json
import re
from collections.abc import Iterable, Mapping

PREFIX = "secretRef:"
_REFERENCE = re.compile(PREFIX + r"([a-z0-9][a-z0-9.-]{0,252})/([-._a-zA-Z0-9]{1,253})", re.ASCII)


def is_reference(text: str) -> bool:
    """Whether the whole value is a reference to a Secret."""
    return _REFERENCE.fullmatch(text) is not None


def secret_and_key(reference: str) -> tuple[str, str] | None:
    """Return the name of the Secret and the key in it; None if the text is not a reference."""
    match = _REFERENCE.fullmatch(reference)
    return (match[1], match[2]) if match else None


def references(config: Mapping[str, str], *, inside: Iterable[str]) -> list[str]:
    """Return all references, each once: whole values, and parts of the values of the keys in `inside`."""
    inside = frozenset(inside)
    found: dict[str, None] = {}
    for key, text in config.items():
        if is_reference(text):
            found[text] = None
        elif key in inside:
            found |= dict.fromkeys(match[0] for match in _REFERENCE.finditer(text))
    return list(found)


def without_references(text: str) -> str:
    """Return the text with placeholders instead of references, for validation."""
    return _REFERENCE.sub("x", text)


def resolve(config: Mapping[str, str], values: Mapping[str, str], *, inside: Iterable[str]) -> dict[str, str]:
    """Return the config with the values of the references. Values inside a text are escaped for JSON."""
    inside = frozenset(inside)

    def escaped(match: re.Match[str]) -> str:
        return json.dumps(values[match[0]])[1:-1] if match[0] in values else match[0]

    def resolved(key: str, text: str) -> str:
        if text in values:
            return values[text]
        return _REFERENCE.sub(escaped, text) if key in inside else text

    return {key: resolved(key, text) for key, text in config.items()}
