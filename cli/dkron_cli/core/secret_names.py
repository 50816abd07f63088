"""The Secrets that a job or the installation names: by `secretRef:` in a text, or by a field of a jobTemplate."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_BY_TEXT = re.compile(r"secretRef:([a-z0-9][a-z0-9.-]{0,252})/", re.ASCII)
_BY_FIELD = ("secretRef", "secretKeyRef", "nodePublishSecretRef", "secret")


def secret_names(value: Any) -> list[str]:  # noqa: ANN401 - any JSON
    """Return the names in a spec, sorted."""
    return sorted(set(_found(value)))


def _found(value: Any) -> Iterator[str]:  # noqa: ANN401
    match value:
        case str():
            yield from _BY_TEXT.findall(value)
        case Mapping():
            for key, item in value.items():
                if key in _BY_FIELD and isinstance(item, Mapping):
                    name = item.get("name") or item.get("secretName")
                    yield from [str(name)] if name else []
                if key == "imagePullSecrets" and isinstance(item, list):
                    yield from (str(each["name"]) for each in item if isinstance(each, Mapping) and each.get("name"))
                yield from _found(item)
        case list():
            for item in value:
                yield from _found(item)
