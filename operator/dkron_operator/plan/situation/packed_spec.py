"""A spec as the cache keeps it: its free-form parts are bytes if they are large. Users decide how long these are, and
only the building of a Job needs all of them."""

from collections.abc import Mapping
from typing import Any

from dkron_crds.job import JobSpec, JobTemplate
from dkron_crds.packed import packed, packed_bytes, plain

LARGE = 16 * 1024
"""Bytes of JSON from which on the API server needs many times as long for a request as it does for a usual job."""
_PARTS = ("executor_config", "processors", "metadata")


def packed_spec(spec: JobSpec) -> JobSpec:
    """The spec with its large free-form parts packed; the same object if it has none."""
    template = spec.job_template
    given = {name: getattr(spec, name) for name in _PARTS}
    parts = {name: part for name, value in given.items() if (part := packed(value)) is not value}
    metadata, pods = packed(template.metadata), packed(template.spec)
    if metadata is not template.metadata or pods is not template.spec:
        parts["job_template"] = _template(metadata, pods)
    return spec.model_copy(update=parts) if parts else spec


def is_large(spec: JobSpec) -> bool:
    """Whether the free-form parts of a packed spec are so long that requests about it are expensive."""
    template = spec.job_template
    parts = (*(getattr(spec, name) for name in _PARTS), template.metadata, template.spec)
    return sum(map(packed_bytes, parts)) > LARGE


def plain_spec(spec: JobSpec) -> JobSpec:
    """The spec with all its parts parsed, for code that builds something from it."""
    template = spec.job_template
    parts = {name: plain(getattr(spec, name)) for name in _PARTS}
    parts["job_template"] = _template(plain(template.metadata), plain(template.spec))
    return spec.model_copy(update=parts)


def _template(metadata: Mapping[str, Any], spec: Mapping[str, Any]) -> JobTemplate:
    # Validation would copy the parts, and parse those that are packed.
    return JobTemplate.model_construct(metadata=metadata, spec=spec)
