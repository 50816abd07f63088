"""Values of `executorConfig`. All are strings, as in Dkron; parsing errors become sentences here."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from dkron_crds.job import JobSpec, ReadyReason
from dkron_crds.parameter_places import filled
from dkron_crds.parameters import unfit_value
from dkron_crds.placeholders import UnfitValue, Values
from dkron_crds.sizes import memory_bytes
from dkron_executors.secrets import PREFIX, secret_and_key

NONE_GIVEN: Mapping[str, str] = MappingProxyType({})
"""The values that a run by schedule or after a parent gives: it has the defaults."""
TRUE = frozenset({"1", "t", "T", "true", "True", "TRUE"})
FALSE = frozenset({"", "0", "f", "F", "false", "False", "FALSE"})
"""The words of a flag; any other one means false, too."""


class ConfigError(ValueError):
    """A key of the config is invalid. `str()` is one sentence that names it; `reason` is the condition's."""

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
    """An environment value: the text itself, or where the kubelet finds it (`secretRef:<secret>/<key>`). Raises
    `ConfigError`."""
    if not text.startswith(PREFIX):
        # In a value, the kubelet reads $(NAME) as a reference, and $$ as one dollar.
        return {"value": literal(text)}
    found = secret_and_key(text)
    if found is None:
        raise ConfigError(f'{key}: "{text}" is not secretRef:<name of the secret>/<key in it>')
    secret, key = found
    return {"valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def with_values(spec: JobSpec, values: Values) -> Mapping[str, str]:
    """`executorConfig` with the values of a run, except for what is split first. Raises `ConfigError`."""
    try:
        return filled(spec, values)
    except UnfitValue as exc:
        raise ConfigError(str(exc), reason=ReadyReason.INVALID_PARAMETERS) from exc


def values_of(spec: JobSpec, given: Mapping[str, str]) -> Values:
    """What `{{ name }}` stands for in a run that gives these values. They were checked when the run was decided, and
    the job may have been edited since. Raises `ConfigError`."""
    why = unfit_value(spec.parameters, given) if given else ""
    if why:
        raise ConfigError(why, reason=ReadyReason.INVALID_PARAMETERS)
    return Values.resolve(spec.parameters, given)


def literal(text: str) -> str:
    """The text, escaped so that the kubelet's expansion of `$(NAME)` and `$$` returns it unchanged."""
    return text.replace("$", "$$")
