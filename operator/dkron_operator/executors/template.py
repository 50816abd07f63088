"""`jobTemplate`: what it may say, and how it is laid over the Job that the executor builds."""

from typing import Any

from dkron_crds.job import JobTemplate
from dkron_operator.executors.config import ConfigError

OURS = (
    ("metadata", "name"),
    ("metadata", "generateName"),
    ("metadata", "namespace"),
    ("metadata", "ownerReferences"),
    # A Job that deletes itself could vanish before it is recorded, and its name with it: `history` decides.
    ("spec", "ttlSecondsAfterFinished"),
)


def check_template(template: JobTemplate) -> None:
    """Raise `ConfigError` if the template sets what only the operator may decide."""
    for section, key in OURS:
        if key in (getattr(template, section)):
            raise ConfigError(
                f"jobTemplate.{section}.{key}: set by the operator; remove it"
                + (", and use history for how long Jobs are kept" if key.startswith("ttl") else ""),
                reason="InvalidTemplate",
            )


def merge(base: Any, over: Any) -> Any:  # noqa: ANN401 - any JSON
    """`over` laid upon `base`: objects key by key (null removes), lists of named things by name, all else replaced."""
    if isinstance(base, dict) and isinstance(over, dict):
        merged = {key: merge(base.get(key), value) for key, value in over.items() if value is not None}
        return {key: value for key, value in base.items() if key not in over} | merged
    if _named(base) and _named(over):
        by_name = {item["name"]: item for item in base}
        for item in over:
            by_name[item["name"]] = merge(by_name.get(item["name"]), item)
        return list(by_name.values())
    if isinstance(over, dict):
        return merge({}, over)
    return over


def _named(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) and "name" in v for v in value)
