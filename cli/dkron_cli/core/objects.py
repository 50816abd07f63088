"""DkronJobs as manifests: without what belongs to the server that has them, and in the order in which they can be
made.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from dkron_crds.admission import refused
from dkron_from_dkron.manifest import OF_ENTRIES, manifest
from dkron_from_dkron.spec import DEFAULTS

Object = dict[str, Any]
KEPT = ("status", "successCount", "errorCount", "lastSuccess", "lastError", "executions", "skipped")
"""The part of a status that people read. The rest belongs to the object that is gone."""


def misshapen(raw: Mapping[str, Any]) -> str:
    """Return which part of an object is not a mapping, as a sentence; empty if all are."""
    metadata = raw.get("metadata")
    parts = {"metadata": metadata, "spec": raw.get("spec"), "status": raw.get("status")}
    if isinstance(metadata, Mapping):
        parts |= {f"metadata.{key}": metadata.get(key) for key in ("annotations", "labels")}
    wrong = next((name for name, part in parts.items() if part is not None and not isinstance(part, Mapping)), "")
    return f"{wrong} is not a mapping" if wrong else ""


def admitted(spec: Object, *, disabled: bool) -> Object:
    """Return a spec of a backup so that the API server accepts it. The operator has reported its faults before,
    and tells again."""
    return {**spec, **({"disabled": True} if disabled else {}), **({"unchecked": True} if refused(spec) else {})}


def with_history(raw: Mapping[str, Any]) -> Object:
    """Return the manifest with the part of the status that a backup keeps."""
    status = raw.get("status") or {}
    kept = {key: status[key] for key in KEPT if status.get(key) is not None} if raw.get("kind") == "DkronJob" else {}
    return manifest(raw) | ({"status": kept} if kept else {})


def is_same(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether the specs say the same, taking defaults into account."""
    specs = ({**DEFAULTS, **(each.get("spec") or {})} for each in (stored, wanted))
    one, other = ({key: _filled(key, item) for key, item in spec.items() if item is not None} for spec in specs)
    return one == other


def _filled(key: str, item: object) -> object:
    """Return a field with the defaults of an inner object, or of the entries of a list."""
    defaults, of_entries = DEFAULTS.get(key), OF_ENTRIES.get(key)
    if isinstance(item, Mapping) and isinstance(defaults, Mapping):
        return {**defaults, **item}
    if isinstance(item, list) and of_entries is not None:
        return [{**of_entries, **each} if isinstance(each, Mapping) else each for each in item]
    return item


def parents_first(jobs: Sequence[Object]) -> list[Object]:
    """Return the jobs in an order in which each comes after its parents, otherwise as they were. Circles stay."""
    by_key = {_key(job): job for job in jobs}
    done: dict[tuple[str, str], Object] = {}
    for job in jobs:
        stack = [job]
        path: set[tuple[str, str]] = set()
        while stack:
            here = stack[-1]
            key = _key(here)
            path.add(key)
            waiting = [
                by_key[parent]
                for name in parents_of(here)
                if (parent := (key[0], name)) in by_key and parent not in done and parent not in path
            ]
            if waiting:
                stack.append(waiting[0])
                continue
            done.setdefault(key, here)
            stack.pop()
    return list(done.values())


def parents_of(job: Mapping[str, Any]) -> list[str]:
    """Return the Dkron names of the parents in a manifest."""
    spec = job.get("spec") or {}
    several = [str(each.get("job")) for each in spec.get("dependsOn") or () if isinstance(each, Mapping)]
    return several or ([str(spec["parentJob"])] if spec.get("parentJob") else [])


def dkron_name(job: Mapping[str, Any]) -> str:
    """Return the Dkron name in a manifest."""
    return str((job.get("spec") or {}).get("name") or (job.get("metadata") or {}).get("name") or "")


def _key(job: Mapping[str, Any]) -> tuple[str, str]:
    return str((job.get("metadata") or {}).get("namespace") or ""), dkron_name(job)
