"""Values of `executorConfig`: all are strings, as in Dkron, and are read here with sentences for what is wrong."""

import re
from decimal import Decimal
from typing import Any

SECRET = "secretRef:"  # noqa: S105 - the prefix of a reference, not a secret
TRUE = frozenset({"1", "t", "T", "true", "True", "TRUE"})
_UNITS = {"": 0, "B": 0, "BYTES": 0, "K": 1, "KB": 1, "M": 2, "MB": 2, "G": 3, "GB": 3, "T": 4, "TB": 4}
_SIZE = re.compile(r"(\d+(?:\.\d+)?|\.\d+)([A-Za-z]*)", re.ASCII)
_SECRET_KEY = re.compile(r"([a-z0-9][a-z0-9.-]{0,252})/([-._a-zA-Z0-9]{1,253})", re.ASCII)


class ConfigError(ValueError):
    """A key of the config is wrong. `str()` is one sentence that names it; `reason` is that of the condition."""

    def __init__(self, message: str, *, reason: str = "InvalidExecutorConfig") -> None:
        super().__init__(message)
        self.reason = reason


def memory(key: str, text: str) -> str:
    """A memory size in bytes: an integer, or a decimal with a 1024-based unit (Dkron behaviour §6.1)."""
    match = _SIZE.fullmatch(text.strip())
    size = 0
    if match is not None and match[2].upper() in _UNITS and ("." not in match[1] or match[2]):
        size = int(Decimal(match[1]) * 1024 ** _UNITS[match[2].upper()])
    if not 0 < size < 1 << 63:
        raise ConfigError(
            f'{key}: "{text}" is not a size; use bytes (67108864) or a unit without a space (64MB, 1.5GB)'
        )
    return str(size)


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
