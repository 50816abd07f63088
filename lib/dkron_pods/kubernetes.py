"""The `kubernetes` executor: the Job is what `jobTemplate` says."""

from typing import Any

from dkron_crds.job import JobSpec
from dkron_crds.placeholders import NO_VALUES, Values
from dkron_pods.config import ConfigError
from dkron_pods.images import Images
from dkron_pods.template import pod_spec


def job(
    spec: JobSpec,
    *,
    images: Images,  # noqa: ARG001 - every executor is called alike
    values: Values = NO_VALUES,  # noqa: ARG001
) -> dict[str, Any]:
    """An empty spec: the template has to bring the containers. Raises `ConfigError`."""
    if spec.executor_config:
        key = next(iter(spec.executor_config))
        raise ConfigError(
            f'executorConfig: "{key}" is not used by the executor kubernetes; put all settings in jobTemplate'
        )
    if not pod_spec(spec.job_template).get("containers"):
        raise ConfigError(
            "jobTemplate: spec.template.spec.containers is missing; the executor kubernetes requires it",
            reason="InvalidTemplate",
        )
    return {}
