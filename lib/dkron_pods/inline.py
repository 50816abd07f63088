"""Inline calls: with `executorConfig.inline: "true"`, the operator makes the call of `http` itself, without a pod, if
the installation allows it. Pure; it refuses what only a pod can do or know."""

from collections.abc import Mapping

from dkron_crds.job import JobSpec, ReadyReason
from dkron_crds.placeholders import Values
from dkron_executors.keys import keys_of
from dkron_executors.keys.http import Http
from dkron_executors.keys.model import KeyProblem
from dkron_executors.result import Result
from dkron_executors.scrub import Scrub
from dkron_executors.secrets import PREFIX
from dkron_pods.config import NONE_GIVEN, TRUE, ConfigError, values_of, with_values
from dkron_pods.problem import Problem

NOT_ALLOWED = Problem(
    ReadyReason.INLINE_NOT_ALLOWED,
    "inline: this installation makes no calls without a pod; remove it, or start the operator with --inline-calls",
)
LONGEST = 60
"""Seconds that a call without a pod may take: it occupies a place in the pool that all jobs share."""
FILES = ("tlsCertificateFile", "tlsCertificateKeyFile", "tlsRootCAsFile")


def is_inline(spec: JobSpec) -> bool:
    """Whether the operator makes the call itself."""
    return spec.executor == "http" and spec.executor_config.get("inline", "") in TRUE


def check(spec: JobSpec) -> None:
    """Raise `ConfigError` for what is invalid, or needs a pod."""
    config = spec.executor_config
    for key, text in config.items():
        if PREFIX in text:
            raise ConfigError(
                f"{key}: with inline it cannot come from a Secret, because the operator does not read Secrets of jobs"
            )
    secret = next((each.name for each in spec.parameters if each.secret), None)
    if secret is not None:
        raise ConfigError(
            f'parameter "{secret}": with inline it cannot be secret, because no pod gets its variable',
            reason=ReadyReason.INVALID_PARAMETERS,
        )
    for key in FILES:
        if config.get(key):
            raise ConfigError(f"{key}: with inline there is no pod to mount the file in")
    if spec.job_template.metadata or spec.job_template.spec:
        raise ConfigError("jobTemplate: with inline there is no Job; remove one of the two", reason="InvalidTemplate")
    if spec.queue_name:
        raise ConfigError("queueName: with inline there is no Job that could wait; remove one of the two")
    if spec.tags:
        raise ConfigError("tags: with inline there is no pod to place; remove one of the two")
    if _read(spec, Values.sample(spec.parameters)).timeout > LONGEST:
        raise ConfigError(
            f"timeout: with inline at most {LONGEST}; without inline the call runs in a pod and may take a day"
        )


def keys(spec: JobSpec, given: Mapping[str, str] = NONE_GIVEN) -> Http:
    """The call to make, with the values that a run gives. Raises `ConfigError`."""
    return _read(spec, values_of(spec, given))


def _read(spec: JobSpec, values: Values) -> Http:
    try:
        read = keys_of("http").read(with_values(spec, values))
    except KeyProblem as exc:
        raise ConfigError(str(exc)) from exc
    assert isinstance(read, Http)  # noqa: S101 - the model of that name
    return read


def printed(spec: JobSpec, result: Result, given: Mapping[str, str] = NONE_GIVEN) -> tuple[str, bytes]:
    """The error line, and everything that a pod would have printed. Passwords in addresses are removed from both."""
    config = _shown(spec, given)
    scrub = Scrub(config.values(), secrets=())
    error, output = scrub.line(result.error), scrub.output(result.output)
    shown = "".join(f"{key}: {text}\n" for key, text in sorted(config.items())) if config.get("debug") else ""
    return error, b"".join((f"{error}\n".encode() if error else b"", scrub.output(shown.encode()), output))


def _shown(spec: JobSpec, given: Mapping[str, str]) -> Mapping[str, str]:
    try:
        return with_values(spec, values_of(spec, given))
    except ConfigError:
        return spec.executor_config
