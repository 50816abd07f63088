"""The `kubernetes` executor: the Job is what `jobTemplate` says."""

from typing import Any

from dkron_crds.job import JobSpec
from dkron_operator.executors.config import ConfigError


def job(spec: JobSpec, *, image: str) -> dict[str, Any]:  # noqa: ARG001 - every executor is called alike
    """Nothing of its own; the template has to bring the containers. Raises `ConfigError`."""
    if spec.executor_config:
        key = next(iter(spec.executor_config))
        raise ConfigError(f'executorConfig: "{key}" is not used by kubernetes; all is said in jobTemplate')
    template = spec.job_template.spec.get("template") or {}
    if not (template.get("spec") or {}).get("containers"):
        raise ConfigError(
            "jobTemplate: spec.template.spec.containers is missing; the kubernetes executor runs nothing else",
            reason="InvalidTemplate",
        )
    return {}
