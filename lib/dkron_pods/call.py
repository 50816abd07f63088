"""The executors that call a server: `dkron_executors` in a pod of the project's own image."""

from typing import Any

from dkron_crds.job import JobSpec
from dkron_crds.placeholders import NO_VALUES, Values
from dkron_executors.handover import CONFIG, Handover
from dkron_executors.keys import keys_of
from dkron_executors.keys.model import KeyProblem
from dkron_executors.secrets import references
from dkron_pods.config import ConfigError, literal, value, with_values
from dkron_pods.images import Images

CONFINED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""Our own image needs no more than the Pod Security Standard `restricted` allows, and writes nothing."""


def job(spec: JobSpec, *, images: Images, values: Values = NO_VALUES) -> dict[str, Any]:
    """The Job's `spec`: one container, which gets the config. Raises `ConfigError`."""
    container = {
        "name": "job",
        "image": images.own,
        # The command is explicit, so that the image's entry point does not matter.
        "command": ["python", "-m", "dkron_executors", spec.executor],
        "env": _handed_over(spec, values),
        "securityContext": CONFINED,
    }
    pod = {"containers": [container], "automountServiceAccountToken": False, "enableServiceLinks": False}
    return {"template": {"spec": pod}}


def _handed_over(spec: JobSpec, values: Values) -> list[dict[str, Any]]:
    model, config = keys_of(spec.executor), with_values(spec, values)
    try:
        model.check(config)
    except KeyProblem as exc:
        raise ConfigError(str(exc)) from exc
    handover = Handover.assigned(config, references(config, inside=model.TEXTS_WITH_REFERENCES))
    if handover.too_long:
        raise ConfigError(
            "executorConfig: all keys together must be shorter than 128 KiB, the limit of an environment variable"
        )
    secrets = [{"name": name, **value("executorConfig", reference)} for reference, name in handover.secrets.items()]
    return [*secrets, {"name": CONFIG, "value": literal(handover.text())}]
