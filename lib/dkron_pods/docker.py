"""The `docker` executor: the shell executor's container with a required image (Dkron behaviour §6.3)."""

from typing import Any

from dkron_crds.job import JobSpec
from dkron_crds.placeholders import NO_VALUES, Values
from dkron_executors.secrets import PREFIX
from dkron_pods import shell
from dkron_pods.config import ConfigError
from dkron_pods.images import Images

KEYS = shell.KEYS - {"shell", "payload"}
ELSEWHERE = {
    "volumes": "this key cannot mount folders of the host; use volumes and volumeMounts in jobTemplate",
    "shell": "the image's entry point runs the command; use the executor shell, which takes an image too",
    "payload": "the image's entry point runs the command; use the executor shell, which takes an image too",
}
"""Keys that users may try here, and where the setting belongs instead."""


def job(spec: JobSpec, *, images: Images, values: Values = NO_VALUES) -> dict[str, Any]:
    """As in shell, but the image's entry point stays and gets the command as its arguments. Raises `ConfigError`."""
    config = spec.executor_config
    for key in config:
        if key in ELSEWHERE:
            raise ConfigError(f"{key}: {ELSEWHERE[key]}")
        if key not in KEYS:
            raise ConfigError(f'executorConfig: "{key}" is not a key of docker; use {", ".join(sorted(KEYS))}')
    if not config.get("image"):
        raise ConfigError('image: missing; executorConfig of docker needs one, for example image: "alpine:3"')
    _check_command(config.get("command", ""))
    return _with_arguments(spec, images, values)


def _check_command(command: str) -> None:
    if command.startswith(PREFIX):
        raise ConfigError("command: it is part of the pod, so it cannot come from a Secret; a value of env can")
    cut = shell.split(command)[1]
    if cut:
        raise ConfigError(f'command: no shell interprets "{cut}"; write sh -c "…"')


def _with_arguments(spec: JobSpec, images: Images, values: Values) -> dict[str, Any]:
    given = spec.executor_config.get("command", "").strip()
    # The shell executor needs a command; an image has its own.
    config = {key: text for key, text in spec.executor_config.items() if text.strip()}
    told = spec.model_copy(update={"executor_config": {"command": "default", **config}})
    body = shell.job(told, images=images, values=values)
    (container,) = body["template"]["spec"]["containers"]
    words = container.pop("command")
    if given:
        container["args"] = words
    return body
