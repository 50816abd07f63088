"""Executors: from `executorConfig` to what a Job runs. Pure; one module for each executor.

The operator builds Jobs by it; `dkron_checks` asks it what is wrong with a job."""

from collections.abc import Callable
from typing import Any

from dkron_crds.job import JobSpec, ReadyReason
from dkron_crds.parameter_places import parameters_problem, unknown_placeholders
from dkron_crds.placeholders import NO_VALUES, Values
from dkron_executors.keys import MODELS
from dkron_pods import call, docker, inline, shell
from dkron_pods.arguments import template_problem
from dkron_pods.config import ConfigError
from dkron_pods.images import Images, check_images
from dkron_pods.problem import Problem
from dkron_pods.template import check_template, pod_spec


def _of_template(spec: JobSpec, *, images: Images, values: Values = NO_VALUES) -> dict[str, Any]:  # noqa: ARG001
    """The executor `kubernetes`: an empty spec, because the template has to bring the containers. Raises
    `ConfigError`."""
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


EXECUTORS: dict[str, Callable[..., dict[str, Any]]] = {
    "shell": shell.job,
    "docker": docker.job,
    "kubernetes": _of_template,
    **dict.fromkeys(MODELS, call.job),
}
_CHECK = Images(default="check", own="check")


def check(spec: JobSpec) -> Problem | None:
    """The first fault of the executor, its config or the template, found before anything runs; None if there is
    none."""
    executor = EXECUTORS.get(spec.executor)
    if executor is None:
        return Problem(
            "UnknownExecutor",
            f'executor: "{spec.executor}" is not known; use one of {", ".join(sorted(EXECUTORS))}',
        )
    for key, value in spec.executor_config.items():
        if "\0" in value:
            # No process takes one in its arguments or its environment.
            return Problem(
                "InvalidExecutorConfig", f"{key}: it contains a NUL character, which cannot be passed to a program"
            )
    if why := parameters_problem(spec) or template_problem(spec):
        return Problem(ReadyReason.INVALID_PARAMETERS, why)
    values = Values.sample(spec.parameters)
    try:
        if inline.is_inline(spec):
            inline.check(spec)
            return None
        check_template(spec.job_template)
        executor(spec, images=_CHECK, values=values)
        check_images(spec)
    except ConfigError as exc:
        return Problem(exc.reason, str(exc))
    return None


def job(spec: JobSpec, *, images: Images, values: Values = NO_VALUES) -> dict[str, Any]:
    """The part of a batch/v1 Job that the executor decides. Raises `ConfigError`, which `check` would have found
    before, except for values that do not fit their places."""
    return EXECUTORS[spec.executor](spec, images=images, values=values)


def remarks(spec: JobSpec) -> list[str]:
    """Effects of a legal config that may surprise its author, one sentence each."""
    told = (*(shell.remarks(spec) if spec.executor == "shell" else ()), unknown_placeholders(spec))
    return [remark for remark in told if remark]
