"""Images: those that executors run if a job names none, and what the name of one looks like."""

import re
from dataclasses import dataclass

from dkron_crds.job import JobSpec
from dkron_crds.schedule.errors import quoted
from dkron_pods.config import ConfigError
from dkron_pods.template import pod_spec

_HOST = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[0-9a-fA-F:]+\])"
_PATH = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_NAME = re.compile(
    rf"(?:{_HOST}(?::[0-9]+)?/)?{_PATH}(?:/{_PATH})*(?::\w[\w.-]{{0,127}})?"
    r"(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?",
    re.ASCII,
)
"""A reference as container runtimes read it (github.com/distribution/reference)."""
_LONGEST = 1024


@dataclass(frozen=True, slots=True)
class Images:
    """Default images."""

    default: str
    """For the shell executor."""

    own: str
    """The project's own image, which contains `dkron_executors`."""


def check_images(spec: JobSpec) -> None:
    """Raise `ConfigError` for the name of an image that no container runtime can read."""
    _check("image", spec.executor_config.get("image"), "InvalidExecutorConfig")
    pod = pod_spec(spec.job_template)
    for kind in ("initContainers", "containers"):
        listed = pod.get(kind)
        for number, container in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(container, dict):
                where = f"jobTemplate.spec.template.spec.{kind}[{number}].image"
                _check(where, container.get("image"), "InvalidTemplate")


def _check(where: str, name: object, reason: str) -> None:
    if isinstance(name, str) and name and not (len(name) <= _LONGEST and _NAME.fullmatch(name)):
        form = "such as alpine:3 or registry.example.org/team/app:1.2, in lower case and without spaces"
        raise ConfigError(f"{where}: {quoted(name)} is not the name of an image; use one {form}", reason=reason)
