"""Values of `executorConfig`: all are strings, as in Dkron, and are read here with sentences for what is wrong."""

import re
from typing import Any

from dkron_crds.sizes import memory_bytes

SECRET = "secretRef:"  # noqa: S105 - the prefix of a reference, not a secret
TRUE = frozenset({"1", "t", "T", "true", "True", "TRUE"})
_SECRET_KEY = re.compile(r"([a-z0-9][a-z0-9.-]{0,252})/([-._a-zA-Z0-9]{1,253})", re.ASCII)


class ConfigError(ValueError):
    """A key of the config is wrong. `str()` is one sentence that names it; `reason` is that of the condition."""

    def __init__(self, message: str, *, reason: str = "InvalidExecutorConfig") -> None:
        super().__init__(message)
        self.reason = reason


def memory(key: str, text: str) -> str:
    """A memory size, in bytes as Kubernetes reads them. Raises `ConfigError`."""
    try:
        return str(memory_bytes(text))
    except ValueError as exc:
        raise ConfigError(f"{key}: {exc}") from exc


def value(key: str, text: str) -> dict[str, Any]:
    """An environment value: the text itself, or where the kubelet finds it (`secretRef:<secret>/<key>`)."""
    if not text.startswith(SECRET):
        # The kubelet reads $(NAME) in a value as a reference, and $$ as one dollar.
        return {"value": literal(text)}
    match = _SECRET_KEY.fullmatch(text.removeprefix(SECRET))
    if match is None:
        raise ConfigError(f'{key}: "{text}" is not secretRef:<name of the secret>/<key in it>')
    return {"valueFrom": {"secretKeyRef": {"name": match[1], "key": match[2]}}}


def literal(text: str) -> str:
    """The text, so that the kubelet's expansion of `$(NAME)` and `$$` gives it back unchanged."""
    return text.replace("$", "$$")
