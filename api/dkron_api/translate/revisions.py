"""The accepted specs of a job: what each of them changed, and the job as it was. Additions to Dkron's API. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from dkron_api.translate.job import shown
from dkron_api.translate.record import Job, Object
from dkron_archive.records import Revision
from dkron_crds.base import rfc3339
from dkron_from_dkron.moments import ZERO
from dkron_from_dkron.spec import DEFAULTS, rest_name

Spec = Mapping[str, Any]


def revision(found: Revision, *, changed: list[str]) -> Object:
    """Return a revision as lists show it. `changed` are the fields that differ from the one before."""
    return {
        "generation": found.generation, "hash": found.hash, "at": rfc3339(found.at), "by": found.by, "changed": changed,
    }  # fmt: skip


def changed_fields(before: Spec, after: Spec) -> list[str]:
    """Return the fields that differ, by their names in the REST API. A field without a value has its default."""
    return [rest_name(key) for key in _changed(before, after)]


def differences(before: Spec, after: Spec) -> list[Object]:
    """Return the values that differ. Of a field with an object, each key is one of its own; None means absent."""
    found = []
    for key in _changed(before, after):
        old, new, name = _value(before, key), _value(after, key), rest_name(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            keys = [inner for inner in sorted({*old, *new}) if old.get(inner) != new.get(inner)]
            found += [_difference(f"{name}.{inner}", old.get(inner), new.get(inner)) for inner in keys]
        else:
            found.append(_difference(name, old, new))
    return found


def job_of(found: Revision, spec: Spec) -> Object:
    """Return the job in Dkron's shape as it was, without counters and times: they are not of a revision."""
    name = found.job.name
    metadata = {
        "name": name, "namespace": found.job.namespace, "uid": found.job.uid, "resourceVersion": "0",
        "creationTimestamp": rfc3339(found.at),
    }  # fmt: skip
    job = Job({"metadata": metadata, "spec": {**spec, "name": name}})
    return shown(job, children=(), now=found.at) | {"next": ZERO}


def _changed(before: Spec, after: Spec) -> Iterator[str]:
    return (key for key in sorted({*before, *after}) if _value(before, key) != _value(after, key))


def _value(spec: Spec, key: str) -> Any:  # noqa: ANN401 - any JSON
    return spec.get(key, DEFAULTS.get(key))


def _difference(field: str, before: object, after: object) -> Object:
    return {"field": field, "before": before, "after": after}
