"""`jobTemplate`: what it may say, and how it is merged over the Job that the executor builds."""

from collections.abc import Iterator, Mapping
from typing import Any

from dkron_crds.job import JobTemplate
from dkron_pods.config import ConfigError

OURS = (
    ("metadata", "name"),
    ("metadata", "generateName"),
    ("metadata", "namespace"),
    ("metadata", "ownerReferences"),
    # A Job that deletes itself could vanish before it is recorded, and its name with it; `history` decides instead.
    ("spec", "ttlSecondsAfterFinished"),
)


CONTROLLER = "kubernetes.io/job-controller"
"""The controller that creates pods of Jobs; `managedBy` may name it or another one."""


def check_template(template: JobTemplate) -> None:
    """Raise `ConfigError` if the template sets what only the operator may decide, is not shaped like a Job, or makes a
    Job that never starts or cannot be deleted.

    Everything else is left to the API server, which checks it in a dry run.
    """
    for section, key in OURS:
        if key in getattr(template, section):
            raise _invalid(
                f"{section}.{key}",
                "set by the operator; remove it"
                + (", and use history for how long Jobs are kept" if key.startswith("ttl") else ""),
            )
    for key in ("labels", "annotations"):
        template_object(template.metadata.get(key), f"metadata.{key}")
    pod = pod_spec(template)
    _check_life(template)
    _check_pod_metadata(template)
    template_object(pod.get("affinity"), "spec.template.spec.affinity")
    for key in ("initContainers", "containers"):
        for _ in _named_items(pod.get(key), f"spec.template.spec.{key}"):
            pass


def _check_life(template: JobTemplate) -> None:
    spec = template.spec
    if spec.get("suspend") is True:
        raise _invalid("spec.suspend", "a suspended Job never starts; remove it, and set spec.disabled")
    if spec.get("parallelism") == 0:
        raise _invalid("spec.parallelism", "a Job with no pod at a time never starts; use 1 or more, or remove it")
    if spec.get("managedBy") not in (None, CONTROLLER):
        raise _invalid("spec.managedBy", f"only {CONTROLLER} runs the Jobs of the operator; remove it")
    if template.metadata.get("finalizers"):
        raise _invalid(
            "metadata.finalizers", "a Job with finalizers stays when history or a stop deletes it; remove them"
        )


def _check_pod_metadata(template: JobTemplate) -> None:
    pod = template_object(template.spec.get("template"), "spec.template")
    metadata = template_object(pod.get("metadata"), "spec.template.metadata")
    template_object(metadata.get("annotations"), "spec.template.metadata.annotations")
    if metadata.get("finalizers"):
        raise _invalid(
            "spec.template.metadata.finalizers", "a pod with finalizers stays, and its Job with it; remove them"
        )
    if metadata.get("ownerReferences"):
        raise _invalid("spec.template.metadata.ownerReferences", "set by the Job controller; remove it")


def pod_spec(template: JobTemplate) -> Mapping[str, Any]:
    """The pod spec within the template, empty if it has none. Raises `ConfigError` if it is not an object."""
    pod = template_object(template.spec.get("template"), "spec.template")
    template_object(
        template_object(pod.get("metadata"), "spec.template.metadata").get("labels"), "spec.template.metadata.labels"
    )
    return template_object(pod.get("spec"), "spec.template.spec")


def merge(base: Any, over: Any) -> Any:  # noqa: ANN401 - any JSON
    """`over` merged into `base`: objects key by key (null removes), lists of named items by name, everything else
    replaced."""
    if isinstance(over, dict):
        base = base if isinstance(base, dict) else {}
        merged = {key: merge(base.get(key), value) for key, value in over.items() if value is not None}
        return {key: value for key, value in base.items() if key not in over} | merged
    if _named(base) and _named(over):
        by_name = {item["name"]: item for item in base}
        for item in over:
            by_name[item["name"]] = merge(by_name.get(item["name"]), item)
        return list(by_name.values())
    return over


def _named(value: object) -> bool:
    if not isinstance(value, list) or not value:
        return False
    return all(isinstance(item, dict) and isinstance(item.get("name"), str) for item in value)


def template_object(value: object, path: str) -> Mapping[str, Any]:
    """The value at this path of the template, as an object. Raises `ConfigError` if it is not one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _invalid(path, "has to be an object")
    return value


def template_list(value: object, path: str) -> list[Any]:
    """The value at this path of the template, as a list. Raises `ConfigError` if it is not one."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise _invalid(path, "has to be a list")
    return value


def _named_items(value: object, path: str) -> Iterator[Mapping[str, Any]]:
    for number, item in enumerate(template_list(value, path)):
        container = template_object(item, f"{path}[{number}]")
        if not isinstance(container.get("name"), str):
            raise _invalid(f"{path}[{number}].name", "is missing")
        list(_named_items(container.get("env"), f"{path}[{number}].env"))
        yield container


def _invalid(path: str, what: str) -> ConfigError:
    return ConfigError(f"jobTemplate.{path}: {what}", reason="InvalidTemplate")
